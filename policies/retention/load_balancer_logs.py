"""Access logs of load balancers."""

from typing import Final

from pulumi_policy import Severity

from .documents import Statement, statements_of
from .kinds import BUCKET_POLICY, BUCKETS, LOAD_BALANCERS, all_of, is_about, logs_to, owing_of
from .rule import Checked, Framework, Reference, Rule, Stack, any_of

_WITHOUT_LOGS: Final = "gateway"
_WRITES: Final = "s3:PutObject"
# Elastic Load Balancing user guides, "Enable access logs": one service for application load
# balancers, another for network ones, and in older policies an account of each region.
_DELIVERY: Final = ("logdelivery.elasticloadbalancing.amazonaws.com", "delivery.logs.amazonaws.com")
_SYDNEYS_ACCOUNT: Final = "783225319266"


@Rule(
    name="load-balancer-access-logs",
    description=(
        "Load balancers record every request in a bucket that lets them write: after an incident"
        " it is the only list of who asked for what."
    ),
    severity=Severity.MEDIUM,
    references=(
        Reference(Framework.FSBP, "ELB.5"),
        Reference(Framework.CIS, "4.10"),
        Reference(Framework.CHECKOV, "CKV_AWS_91"),
    ),
    remediation=(
        "Set accessLogs with enabled and a bucket, whose policy lets"
        " logdelivery.elasticloadbalancing.amazonaws.com put objects."
    ),
).for_stack()
def load_balancer_access_logs(stack: Stack) -> None:
    for balancer in owing_of(stack, LOAD_BALANCERS):
        with balancer.unknowns_noted():
            if balancer.given("loadBalancerType") == _WITHOUT_LOGS:
                continue
            if (balancer.get("accessLogs") or {}).get("enabled") is not True:
                balancer.fails("accessLogs.enabled", seen="not true", wanted="true")
                continue
            for bucket in all_of(stack, BUCKETS):
                if logs_to(balancer, bucket) and not _admits_delivery(bucket, stack):
                    bucket.fails("policy", seen="closed to load balancers", wanted="open to them")


def _admits_delivery(bucket: Checked, stack: Stack) -> bool:
    return any_of(
        stack.all(BUCKET_POLICY),
        lambda split: (
            is_about(split, bucket)
            and any(map(_admits, statements_of(split, "policy", split.get("policy"))))
        ),
    )


def _admits(statement: Statement) -> bool:
    principals = statement.principals
    return (
        statement.allows
        and statement.actions.includes(_WRITES)
        and principals is not None
        and (
            any(principals.includes_service(service) for service in _DELIVERY)
            or any(_SYDNEYS_ACCOUNT in principal for principal in principals.of("AWS"))
        )
    )
