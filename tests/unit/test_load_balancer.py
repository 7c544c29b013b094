"""The load balancer's exact inputs, options and order, and who may write its logs."""

from typing import Any

import pulumi
import pytest

from components.load_balancer import LoadBalancer, LoadBalancerArgs
from components.naming import Names
from tests.unit.conftest import ACCOUNT_ID, Deployment, deploy, settings_of
from tests.unit.iam import Request, allowed

COMPONENT = "aussie-markets:load-balancer:LoadBalancer"
BUCKET_COMPONENT = "aussie-markets:buckets:PrivateBucket"
BUCKET = "aws:s3/bucket:Bucket"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
ENCRYPTION = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
)
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
LISTENER = "aws:lb/listener:Listener"

BOTH = pytest.mark.parametrize("stack", ["staging", "production"])
CERTIFICATE = "arn:aws:acm:ap-southeast-2:111122223333:certificate/1"

NOT_FOUND = [
    {
        "type": "fixed-response",
        "fixedResponse": {
            "contentType": "application/json",
            "messageBody": '{"error":"not found"}',
            "statusCode": "404",
        },
    }
]


def load_balancer(
    stack: str = "staging",
    *,
    certificate_arn: str | None = CERTIFICATE,
    subnet_ids: tuple[str, ...] = ("subnet-1", "subnet-2"),
    region: str = "ap-southeast-2",
    preview: bool = False,
    **values: object,
) -> Deployment:
    settings = settings_of(stack, {"api": {"load_balancer": values}})

    def program() -> None:
        LoadBalancer(
            "lb",
            LoadBalancerArgs(
                names=Names(settings.environment),
                region=region,
                account_id=ACCOUNT_ID,
                settings=settings.api.load_balancer,
                subnet_ids=list(subnet_ids),
                security_group_id="sg-lb",
                certificate_arn=certificate_arn,
            ),
        )

    return deploy(program, stack, preview=preview)


@BOTH
@pytest.mark.parametrize("preview", [False, True])
def test_options_of_the_children(stack: str, preview: bool) -> None:
    deployment = load_balancer(stack, preview=preview)
    component = deployment.only(COMPONENT)
    children = [r for r in deployment.resources if r.parent == component.urn]
    assert sorted(child.type for child in children) == sorted(
        [BUCKET_COMPONENT, BUCKET_POLICY, BALANCER, LISTENER, LISTENER]
    )
    for child in children:
        assert child.protect == (child.type == BALANCER and stack == "production")
        assert not child.retain_on_delete
        assert child.ignore_changes == ()
    assert deployment.only(BUCKET).protect == (stack == "production")


@BOTH
def test_the_load_balancer(stack: str) -> None:
    deployment = load_balancer(stack)
    balancer = deployment.only(BALANCER)
    assert balancer.name == f"{stack}-api"
    assert balancer.inputs == {
        "loadBalancerType": "application",
        "internal": False,
        "subnets": ["subnet-1", "subnet-2"],
        "securityGroups": ["sg-lb"],
        "accessLogs": {"bucket": "lb-logs-bucket-a1b2c3d", "enabled": True},
        "dropInvalidHeaderFields": True,
        "desyncMitigationMode": "defensive",
        "enableHttp2": True,
        "idleTimeout": 60,
        "enableDeletionProtection": stack == "production",
    }
    # Elastic Load Balancing writes as soon as it is told where.
    assert deployment.only(BUCKET_POLICY).urn in balancer.depends_on


def test_zones_are_as_many_as_there_are_subnets() -> None:
    inputs = load_balancer(subnet_ids=("a", "b", "c")).only(BALANCER).inputs
    assert inputs["subnets"] == ["a", "b", "c"]


def test_protection_is_one_setting() -> None:
    deployment = load_balancer("production", deletion_protection=False)
    balancer = deployment.only(BALANCER)
    assert not balancer.protect
    assert balancer.inputs["enableDeletionProtection"] is False
    assert not deployment.only(BUCKET).protect
    assert deployment.only(BUCKET).inputs["forceDestroy"] is True


@BOTH
def test_http_redirects_to_https(stack: str) -> None:
    listeners = load_balancer(stack).of(LISTENER)
    arn = f"arn:aws:mock:::load-balancer/{stack}-api-arn"
    assert {name: listener.inputs for name, listener in listeners.items()} == {
        "lb-http": {
            "loadBalancerArn": arn,
            "protocol": "HTTP",
            "port": 80,
            "defaultActions": [
                {
                    "type": "redirect",
                    "redirect": {"protocol": "HTTPS", "port": "443", "statusCode": "HTTP_301"},
                }
            ],
        },
        "lb-https": {
            "loadBalancerArn": arn,
            "protocol": "HTTPS",
            "port": 443,
            "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
            "certificateArn": CERTIFICATE,
            "defaultActions": NOT_FOUND,
        },
    }


def test_without_a_certificate_it_serves_http_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, *_: warnings.append(text))
    deployment = load_balancer(certificate_arn=None)
    listener = deployment.only(LISTENER)
    assert listener.inputs["protocol"] == "HTTP"
    assert listener.inputs["defaultActions"] == NOT_FOUND
    outputs = deployment.outputs[deployment.only(COMPONENT).urn]
    assert outputs["listener_arn"] == "arn:aws:mock:::listener/lb-http-arn"
    (warning,) = warnings
    assert "served by HTTP" in warning


def test_production_refuses_plain_http() -> None:
    with pytest.raises(pulumi.RunError, match=r"domain\.enabled = false: must be true"):
        load_balancer("production", certificate_arn=None)


@pytest.mark.parametrize(("stack", "days"), [("staging", 30), ("production", 365)])
def test_access_logs_expire(stack: str, days: int) -> None:
    deployment = load_balancer(stack)
    (rule,) = deployment.only(LIFECYCLE).inputs["rules"]
    assert rule["expiration"] == {"days": days}
    assert rule["noncurrentVersionExpiration"] == {"noncurrentDays": 30}
    assert rule["abortIncompleteMultipartUpload"]["daysAfterInitiation"] >= 1


@BOTH
def test_access_logs_are_encrypted_with_the_only_key_that_delivery_takes(stack: str) -> None:
    (rule,) = load_balancer(stack).only(ENCRYPTION).inputs["rules"]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "AES256"}


ARN = "arn:aws:mock:::bucket/lb-logs-bucket-arn"
DELIVERY = {
    "action": "s3:PutObject",
    "resource": f"{ARN}/AWSLogs/{ACCOUNT_ID}/elasticloadbalancing/log.gz",
    "principal": "Service:logdelivery.elasticloadbalancing.amazonaws.com",
}
CONTEXT = {
    "aws:SecureTransport": "true",
    "aws:SourceAccount": ACCOUNT_ID,
    "aws:SourceArn": f"arn:aws:elasticloadbalancing:ap-southeast-2:{ACCOUNT_ID}:loadbalancer/app/1",
}
OTHER_LOAD_BALANCER = "arn:aws:elasticloadbalancing:ap-southeast-2:999900001111:loadbalancer/app/1"


@pytest.mark.parametrize(
    ("request_", "context", "expected"),
    [
        ({}, {}, True),
        ({"action": "s3:GetObject"}, {}, False),
        ({"action": "s3:DeleteObject"}, {}, False),
        ({"resource": f"{ARN}/AWSLogs/999900001111/log.gz"}, {}, False),
        ({"resource": f"{ARN}/other"}, {}, False),
        ({"principal": "Service:logs.amazonaws.com"}, {}, False),
        ({"principal": "AWS:arn:aws:iam::111122223333:root"}, {}, False),
        ({}, {"aws:SourceAccount": "999900001111"}, False),
        ({}, {"aws:SourceArn": OTHER_LOAD_BALANCER}, False),
        ({}, {"aws:SecureTransport": "false"}, False),
    ],
)
def test_who_may_write_logs(
    request_: dict[str, Any], context: dict[str, str], expected: bool
) -> None:
    policy = load_balancer().only(BUCKET_POLICY)
    assert policy.inputs["bucket"] == "lb-logs-bucket-a1b2c3d"
    asked = Request(**{**DELIVERY, **request_, "context": {**CONTEXT, **context}})
    assert allowed(policy.inputs["policy"], asked) is expected


def test_another_region_is_a_setting() -> None:
    policy = load_balancer(region="eu-west-1").only(BUCKET_POLICY).inputs["policy"]
    source = CONTEXT["aws:SourceArn"].replace("ap-southeast-2", "eu-west-1")
    assert allowed(policy, Request(**DELIVERY, context={**CONTEXT, "aws:SourceArn": source}))
    assert not allowed(policy, Request(**DELIVERY, context=CONTEXT))


def test_two_runs_write_the_same_policy() -> None:
    first, second = (load_balancer().only(BUCKET_POLICY).inputs["policy"] for _ in range(2))
    assert first == second


def test_registered_outputs() -> None:
    deployment = load_balancer()
    assert deployment.outputs[deployment.only(COMPONENT).urn] == {
        "arn": "arn:aws:mock:::load-balancer/staging-api-arn",
        "arn_suffix": "staging-api-suffix",
        "dns_name": "staging-api.elb.example",
        "zone_id": "staging-api-zone-id",
        "listener_arn": "arn:aws:mock:::listener/lb-https-arn",
        "access_log_bucket_name": "lb-logs-bucket-a1b2c3d",
    }
