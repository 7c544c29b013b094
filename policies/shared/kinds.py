"""Types of AWS resources under all their tokens, and the relations that several rules ask about.

pulumi-aws keeps old tokens of a type beside the new one, and a rule that knows only one of them
passes the rest in silence. One copy serves every pack, by symbolic link, as `rule.py` does.
"""

from collections.abc import Sequence
from typing import Final

from pulumi_policy.proxy import UnknownValueError

from .rule import Checked, Stack

LOAD_BALANCERS: Final = (
    "aws:lb/loadBalancer:LoadBalancer",
    "aws:alb/loadBalancer:LoadBalancer",
    "aws:elasticloadbalancingv2/loadBalancer:LoadBalancer",
    "aws:applicationloadbalancing/loadBalancer:LoadBalancer",
)
LISTENERS: Final = (
    "aws:lb/listener:Listener",
    "aws:alb/listener:Listener",
    "aws:elasticloadbalancingv2/listener:Listener",
    "aws:applicationloadbalancing/listener:Listener",
)
LISTENER_RULES: Final = (
    "aws:lb/listenerRule:ListenerRule",
    "aws:alb/listenerRule:ListenerRule",
    "aws:elasticloadbalancingv2/listenerRule:ListenerRule",
    "aws:applicationloadbalancing/listenerRule:ListenerRule",
)
TARGET_GROUPS: Final = (
    "aws:lb/targetGroup:TargetGroup",
    "aws:alb/targetGroup:TargetGroup",
    "aws:elasticloadbalancingv2/targetGroup:TargetGroup",
    "aws:applicationloadbalancing/targetGroup:TargetGroup",
)
BUCKETS: Final = ("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2")
BUCKET_POLICY: Final = "aws:s3/bucketPolicy:BucketPolicy"
BUCKET_LOGGINGS: Final = (
    "aws:s3/bucketLogging:BucketLogging",
    "aws:s3/bucketLoggingV2:BucketLoggingV2",
)
SECURITY_GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
LOG_GROUP: Final = "aws:cloudwatch/logGroup:LogGroup"
FUNCTION: Final = "aws:lambda/function:Function"


def all_of(stack: Stack, kinds: Sequence[str]) -> list[Checked]:
    return [resource for kind in kinds for resource in stack.all(kind)]


def owing_of(stack: Stack, kinds: Sequence[str]) -> list[Checked]:
    """Those that no exemption spares."""
    return [resource for kind in kinds for resource in stack.owing(kind)]


def is_about(split: Checked, bucket: Checked) -> bool:
    """Whether a resource that says one thing about a bucket means that bucket.

    Its property may hold the bucket's id, or the name that both were given.
    """
    name = _known(bucket, "bucket")
    return (name is not None and _known(split, "bucket") == name) or split.refers_to(
        "bucket", bucket
    )


def names(resource: Checked, property_name: str, other: Checked) -> bool:
    """Whether a property holds another resource's id, ARN or name, which services take alike."""
    name = _known(other, "name")
    return (name is not None and _known(resource, property_name) == name) or resource.refers_to(
        property_name, other
    )


def logs_to(balancer: Checked, bucket: Checked) -> bool:
    """Whether a load balancer's access logs go to that bucket."""
    try:
        name = (balancer.get("accessLogs") or {}).get("bucket")
    except UnknownValueError:
        return balancer.depends_on("accessLogs", bucket)
    return name is not None and name in {*bucket.identities(), _known(bucket, "bucket")}


def is_application(balancer: Checked) -> bool:
    """Speaks HTTP, as a load balancer does whose type nobody gave."""
    return (balancer.given("loadBalancerType") or "application") == "application"


def _known(resource: Checked, property_name: str) -> str | None:
    try:
        value = resource.get(property_name)
    except UnknownValueError:
        return None
    return None if value is None else str(value)
