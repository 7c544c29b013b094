"""What load balancers pass on, and what stands in front of them."""

from typing import Final

from pulumi_policy import Severity

from .kinds import LOAD_BALANCERS, is_application, owing_of
from .rule import Checked, Framework, Reference, Rule, Stack, any_of

_ASSOCIATION: Final = "aws:wafv2/webAclAssociation:WebAclAssociation"
_SAFE_MODES: Final = ("defensive", "strictest")


@Rule(
    name="load-balancer-drops-invalid-headers",
    description=(
        "Application load balancers drop malformed headers: with them a client smuggles requests"
        " past the load balancer."
    ),
    severity=Severity.MEDIUM,
    references=(
        Reference(Framework.FSBP, "ELB.4"),
        Reference(Framework.CHECKOV, "CKV_AWS_131"),
    ),
    remediation="Set dropInvalidHeaderFields to true.",
).for_each(*LOAD_BALANCERS)
def load_balancer_drops_invalid_headers(balancer: Checked) -> None:
    if is_application(balancer):
        balancer.must_be_true("dropInvalidHeaderFields")


@Rule(
    name="load-balancer-desync-mitigation",
    description=(
        "Application load balancers refuse requests that server and load balancer may read"
        " differently."
    ),
    severity=Severity.MEDIUM,
    references=(
        Reference(Framework.FSBP, "ELB.12"),
        Reference(Framework.CHECKOV, "CKV_AWS_328"),
    ),
    remediation="Leave desyncMitigationMode out, or set it to defensive or strictest.",
).for_each(*LOAD_BALANCERS)
def load_balancer_desync_mitigation(balancer: Checked) -> None:
    mode = balancer.get("desyncMitigationMode")
    if is_application(balancer) and mode and mode not in _SAFE_MODES:
        balancer.fails("desyncMitigationMode", seen=str(mode), wanted=" or ".join(_SAFE_MODES))


@Rule(
    name="load-balancer-firewall",
    description=(
        "Each application load balancer that faces the internet has a web ACL in front: it blocks"
        " known attacks and addresses, and is where the runbook blocks more."
    ),
    severity=Severity.HIGH,
    references=(
        Reference(Framework.FSBP, "ELB.16"),
        Reference(Framework.CHECKOV, "CKV2_AWS_28"),
    ),
    remediation="Add an aws.wafv2.WebAclAssociation with this load balancer's ARN.",
).for_stack()
def load_balancer_firewall(stack: Stack) -> None:
    for balancer in owing_of(stack, LOAD_BALANCERS):
        with balancer.unknowns_noted():
            if not is_application(balancer) or balancer.given("internal") is True:
                continue
            if not _has_web_acl(balancer, stack):
                balancer.fails("web ACL", seen="missing", wanted="an association with one")


def _has_web_acl(balancer: Checked, stack: Stack) -> bool:
    return any_of(
        stack.all(_ASSOCIATION),
        # A load balancer's id is its ARN.
        lambda association: association.refers_to("resourceArn", balancer),
    )
