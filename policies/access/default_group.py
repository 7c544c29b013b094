"""The security group that every VPC is born with."""

from collections.abc import Sequence

from pulumi_policy import Severity

from .rule import Checked, Framework, Reference, Rule, Stack, any_of


@Rule(
    name="default-security-group-empty",
    description=(
        "The default security group of each VPC is emptied: AWS's own lets its members talk to"
        " each other and to the world, and what names no group gets it."
    ),
    severity=Severity.HIGH,
    references=(
        Reference(Framework.FSBP, "EC2.2"),
        Reference(Framework.CIS, "6.5"),
        Reference(Framework.CHECKOV, "CKV2_AWS_12"),
    ),
    remediation=(
        "Add an aws.ec2.DefaultSecurityGroup with this vpcId and neither ingress nor egress."
    ),
).for_stack()
def default_security_group_empty(stack: Stack) -> None:
    groups = stack.all("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
    for vpc in stack.owing("aws:ec2/vpc:Vpc"):
        with vpc.unknowns_noted():
            _check(vpc, groups)


def _check(vpc: Checked, groups: Sequence[Checked]) -> None:
    if not any_of(groups, lambda group: group.refers_to("vpcId", vpc)):
        vpc.fails("default security group", seen="as AWS made it", wanted="emptied by the stack")
        return
    for group in groups:
        for direction in ("ingress", "egress"):
            # Each of the two on its own: the one may be open while the other is not known yet.
            with group.unknowns_noted():
                if group.refers_to("vpcId", vpc) and (rules := group.given(direction)):
                    group.fails(direction, seen=f"{len(rules)} rules", wanted="none")
