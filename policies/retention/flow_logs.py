"""Flow logs of VPCs."""

from collections.abc import Sequence
from typing import Final

from pulumi_policy import Severity

from .rule import Checked, Framework, Reference, Rule, Stack, any_of

_WITH_REJECTED_TRAFFIC: Final = ("ALL", "REJECT")


@Rule(
    name="vpc-flow-log",
    description=(
        "Each VPC keeps flow logs with the rejected traffic at least: they show who was turned"
        " away, and where an intruder went."
    ),
    severity=Severity.MEDIUM,
    references=(
        Reference(Framework.FSBP, "EC2.6"),
        Reference(Framework.CIS, "4.7"),
        Reference(Framework.CHECKOV, "CKV2_AWS_11"),
    ),
    remediation="Add an aws.ec2.FlowLog with this vpcId and trafficType ALL or REJECT.",
).for_stack()
def vpc_flow_log(stack: Stack) -> None:
    flow_logs = stack.all("aws:ec2/flowLog:FlowLog")
    for vpc in stack.owing("aws:ec2/vpc:Vpc"):
        with vpc.unknowns_noted():
            _check(vpc, flow_logs)


def _check(vpc: Checked, flow_logs: Sequence[Checked]) -> None:
    if any_of(
        flow_logs,
        lambda log: (
            log.refers_to("vpcId", vpc) and log.get("trafficType") in _WITH_REJECTED_TRAFFIC
        ),
    ):
        return
    partial = any_of(flow_logs, lambda log: log.refers_to("vpcId", vpc))
    vpc.fails(
        "flow log",
        seen="one of accepted traffic alone" if partial else "missing",
        wanted="one with trafficType ALL or REJECT",
    )
