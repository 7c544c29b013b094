"""Hosts, distributions, failover and logs at the edge."""

import json
import re
from typing import Any

import pytest

from components.assets import AssetBucket
from components.edge import (
    EDGE_REGION,
    LARGEST_FUNCTION_BYTES,
    LOGGED_FIELDS,
    STATUS_PAGE,
    Edge,
    EdgeArgs,
    log_delivery_access,
    status_function,
)
from components.keys import EncryptionKey, EncryptionKeyArgs
from tests.unit.conftest import ACCOUNT_ID, Deployment, RunOnce, deploy, settings_of

EDGE = "aussie-markets:edge:Edge"
PRIVATE_BUCKET = "aussie-markets:buckets:PrivateBucket"
BUCKET = "aws:s3/bucket:Bucket"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
CERTIFICATE = "aws:acm/certificate:Certificate"
VALIDATION = "aws:acm/certificateValidation:CertificateValidation"
RECORD = "aws:route53/record:Record"
HEALTH_CHECK = "aws:route53/healthCheck:HealthCheck"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
FUNCTION = "aws:cloudfront/function:Function"
ACCESS = "aws:cloudfront/originAccessControl:OriginAccessControl"
HEADERS = "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy"
LOG_DESTINATION = "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination"
LOG_SOURCE = "aws:cloudwatch/logDeliverySource:LogDeliverySource"
LOG_DELIVERY = "aws:cloudwatch/logDelivery:LogDelivery"

BOTH = pytest.mark.parametrize("stack", ["staging", "production"])

API_HOST = "api.example.org"
ASSETS_HOST = "assets.example.org"
ASSETS_ARN = "arn:aws:mock:::distribution/edge-assets-arn"


@RunOnce
def edge(
    stack: str = "staging", *, preview: bool = False, protect: bool = True, **values: Any
) -> Deployment:
    settings = settings_of(stack, {"edge": values})

    def program() -> None:
        Edge(
            "edge",
            EdgeArgs(
                environment=stack,
                settings=settings.edge,
                account_id=ACCOUNT_ID,
                zone_id="zone",
                api_host=API_HOST,
                assets_host=ASSETS_HOST,
                validation_record_fqdn="_proof.api",
                load_balancer_dns_name="lb.example",
                load_balancer_zone_id="lb-zone",
                health_path="/health",
                assets=AssetBucket("one", "arn:aws:s3:::one", "one.s3", "ap-southeast-2"),
                replica=AssetBucket("two", "arn:aws:s3:::two", "two.s3", "ap-southeast-4"),
                log_key_arn="arn:log-key",
                alarm_topic_arns=["arn:topic"],
                protect=protect,
            ),
        )

    return deploy(program, stack, preview=preview)


@BOTH
@pytest.mark.parametrize("preview", [False, True])
def test_options_of_the_children(stack: str, preview: bool) -> None:
    deployment = edge(stack, preview=preview)
    component = deployment.only(EDGE)
    counts = deployment.counts()
    assert {type_: counts[type_] for type_ in counts if not type_.startswith("aws:s3/")} == {
        EDGE: 1,
        PRIVATE_BUCKET: 1,
        CERTIFICATE: 1,
        VALIDATION: 1,
        RECORD: 5,
        HEALTH_CHECK: 1,
        ALARM: 2,
        DISTRIBUTION: 2,
        FUNCTION: 1,
        ACCESS: 1,
        HEADERS: 1,
        LOG_DESTINATION: 1,
        LOG_SOURCE: 2,
        LOG_DELIVERY: 2,
    }
    assert counts[BUCKET_POLICY] == 3
    for child in deployment.resources:
        if child.parent == component.urn:
            assert child.name.startswith("edge-")
            assert not child.protect
            assert not child.retain_on_delete
            assert not child.delete_before_replace
            assert child.ignore_changes == ()


def test_one_certificate_names_both_hosts() -> None:
    deployment = edge()
    assert deployment.only(CERTIFICATE).inputs == {
        "domainName": ASSETS_HOST,
        "subjectAlternativeNames": [API_HOST],
        "validationMethod": "DNS",
        "region": "us-east-1",
    }
    assert deployment.only(VALIDATION).inputs == {
        "certificateArn": "arn:aws:mock:::certificate/edge-hosts-arn",
        "validationRecordFqdns": ["edge-assets-validation.record.example", "_proof.api"],
        "region": "us-east-1",
    }
    assert deployment.of(RECORD)["edge-assets-validation"].inputs == {
        "zoneId": "zone",
        "name": f"_proof.{ASSETS_HOST}",
        "type": "CNAME",
        "records": [f"_proof-of-{ASSETS_HOST}.acm.example"],
        "allowOverwrite": True,
        "ttl": 300,
    }


def test_the_record_that_domain_made_is_not_made_again() -> None:
    names = [record.inputs["name"] for record in edge().of(RECORD).values()]
    assert f"_proof.{API_HOST}" not in names


@pytest.mark.parametrize(
    ("label", "host"), [("edge-assets", ASSETS_HOST), ("edge-status", API_HOST)]
)
def test_each_distribution_answers_for_a_host_of_the_certificate(label: str, host: str) -> None:
    deployment = edge()
    distribution = deployment.of(DISTRIBUTION)[label].inputs
    certificate = deployment.only(CERTIFICATE).inputs
    assert distribution["aliases"] == [host]
    assert host in [certificate["domainName"], *certificate["subjectAlternativeNames"]]
    assert distribution["viewerCertificate"] == {
        "acmCertificateArn": "arn:aws:mock:::certificate/edge-hosts-arn",
        "sslSupportMethod": "sni-only",
        "minimumProtocolVersion": "TLSv1.2_2021",
    }
    assert deployment.only(VALIDATION).urn in deployment.of(DISTRIBUTION)[label].depends_on


def test_the_assets_come_from_the_replica_where_the_first_bucket_fails() -> None:
    distribution = edge().of(DISTRIBUTION)["edge-assets"].inputs
    origin = {
        "originAccessControlId": "edge-access-id",
        "connectionAttempts": 2,
        "connectionTimeout": 5,
    }
    assert distribution == {
        "comment": "Static assets of staging",
        "enabled": True,
        "aliases": [ASSETS_HOST],
        "origins": [
            {"originId": "primary", "domainName": "one.s3", **origin},
            {"originId": "replica", "domainName": "two.s3", **origin},
        ],
        "originGroups": [
            {
                "originId": "assets",
                "failoverCriteria": {"statusCodes": [403, 500, 502, 503, 504]},
                "members": [{"originId": "primary"}, {"originId": "replica"}],
            }
        ],
        "defaultCacheBehavior": {
            "targetOriginId": "assets",
            "viewerProtocolPolicy": "redirect-to-https",
            # CloudFront refuses an origin group with more of them.
            "allowedMethods": ["GET", "HEAD"],
            "cachedMethods": ["GET", "HEAD"],
            "cachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
            "responseHeadersPolicyId": "edge-headers-id",
            "compress": True,
        },
        "priceClass": "PriceClass_All",
        "httpVersion": "http2and3",
        "isIpv6Enabled": True,
        "restrictions": {"geoRestriction": {"restrictionType": "none"}},
        "viewerCertificate": distribution["viewerCertificate"],
    }


def test_the_status_page_answers_every_method_without_an_origin() -> None:
    deployment = edge(price_class="PriceClass_200")
    distribution = deployment.of(DISTRIBUTION)["edge-status"].inputs
    assert distribution["defaultCacheBehavior"] == {
        "targetOriginId": "replica",
        "viewerProtocolPolicy": "redirect-to-https",
        "allowedMethods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
        "cachedMethods": ["GET", "HEAD"],
        "cachePolicyId": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
        "responseHeadersPolicyId": "edge-headers-id",
        "compress": True,
        "functionAssociations": [
            {
                "eventType": "viewer-request",
                "functionArn": "arn:aws:mock:::function/edge-status-arn",
            }
        ],
    }
    assert [origin["originId"] for origin in distribution["origins"]] == ["replica"]
    assert distribution["priceClass"] == "PriceClass_200"
    assert distribution["isIpv6Enabled"] is False


def response(code: str) -> dict[str, Any]:
    match = re.fullmatch(r"function handler\(\) \{\n  return (\{.*\});\n\}\n", code)
    assert match
    answer: dict[str, Any] = json.loads(match[1])
    return answer


def test_the_function_says_503_and_when_to_try_again() -> None:
    function = edge().only(FUNCTION).inputs
    assert function["runtime"] == "cloudfront-js-2.0"
    assert function["publish"] is True
    assert response(function["code"]) == {
        "statusCode": 503,
        "statusDescription": "Service Unavailable",
        "headers": {
            "content-type": {"value": "text/html; charset=utf-8"},
            "cache-control": {"value": "no-store"},
            "retry-after": {"value": "60"},
        },
        "body": {"encoding": "text", "data": STATUS_PAGE.read_text(encoding="utf-8")},
    }


def test_the_page_is_whole_without_anything_else() -> None:
    page = STATUS_PAGE.read_text(encoding="utf-8")
    assert not re.search(r"\b(src|href|url)\b", page)
    assert "<script" not in page


@pytest.mark.parametrize("page", ["</script>", '"\\\n', "\u2028 é", "`${x}`"])
def test_no_page_breaks_out_of_the_function(page: str) -> None:
    code = status_function(page)
    assert response(code)["body"]["data"] == page
    assert code.isascii()


def test_a_page_that_cloudfront_would_not_take_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^status\.html: .* CloudFront takes 10240$"):
        status_function("x" * LARGEST_FUNCTION_BYTES)


def test_security_headers() -> None:
    headers = edge(content_security_policy="default-src 'self'").only(HEADERS).inputs
    assert headers["securityHeadersConfig"] == {
        "strictTransportSecurity": {
            "accessControlMaxAgeSec": 63072000,
            "includeSubdomains": True,
            "override": True,
        },
        "contentTypeOptions": {"override": True},
        "frameOptions": {"frameOption": "DENY", "override": True},
        "referrerPolicy": {"referrerPolicy": "strict-origin-when-cross-origin", "override": True},
        "contentSecurityPolicy": {
            "contentSecurityPolicy": "default-src 'self'",
            "override": True,
        },
    }


@pytest.mark.parametrize(
    ("label", "bucket", "region"),
    [("primary", "one", "ap-southeast-2"), ("replica", "two", "ap-southeast-4")],
)
def test_only_the_assets_distribution_reads_a_bucket(label: str, bucket: str, region: str) -> None:
    policy = edge().of(BUCKET_POLICY)[f"edge-{label}"].inputs
    assert policy["bucket"] == bucket
    assert policy["region"] == region
    arn = f"arn:aws:s3:::{bucket}"
    assert json.loads(policy["policy"])["Statement"] == [
        tls_only(arn),
        {
            "Sid": "CloudFront",
            "Effect": "Allow",
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Action": "s3:GetObject",
            "Resource": f"{arn}/*",
            "Condition": {"StringEquals": {"AWS:SourceArn": ASSETS_ARN}},
        },
    ]
    access = edge().only(ACCESS).inputs
    assert access["signingBehavior"] == "always"
    assert access["signingProtocol"] == "sigv4"
    assert access["originAccessControlOriginType"] == "s3"


def tls_only(arn: str) -> dict[str, Any]:
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def test_the_assets_host_in_both_address_families() -> None:
    records = edge().of(RECORD)
    for family in ("A", "AAAA"):
        assert records[f"edge-assets-{family.lower()}"].inputs == {
            "zoneId": "zone",
            "name": ASSETS_HOST,
            "type": family,
            "aliases": [
                {
                    "name": "edge-assets.cdn.example",
                    "zoneId": "edge-assets-hosted-zone-id",
                    "evaluateTargetHealth": False,
                }
            ],
        }


def test_the_api_falls_over_to_the_status_page() -> None:
    records = edge().of(RECORD)
    common = {"zoneId": "zone", "name": API_HOST, "type": "A"}
    assert records["edge-api-primary"].inputs == {
        **common,
        "setIdentifier": "primary",
        "failoverRoutingPolicies": [{"type": "PRIMARY"}],
        "healthCheckId": "edge-api-id",
        "aliases": [{"name": "lb.example", "zoneId": "lb-zone", "evaluateTargetHealth": True}],
    }
    assert records["edge-api-secondary"].inputs == {
        **common,
        "setIdentifier": "secondary",
        "failoverRoutingPolicies": [{"type": "SECONDARY"}],
        "aliases": [
            {
                "name": "edge-status.cdn.example",
                "zoneId": "edge-status-hosted-zone-id",
                "evaluateTargetHealth": False,
            }
        ],
    }


def test_no_address_family_has_the_status_page_alone() -> None:
    records = [r.inputs for r in edge().of(RECORD).values() if r.inputs["name"] == API_HOST]
    kinds = {(r["type"], r["failoverRoutingPolicies"][0]["type"]) for r in records}
    assert kinds == {("A", "PRIMARY"), ("A", "SECONDARY")}


@pytest.mark.parametrize("interval", [10, 30])
def test_the_health_check_never_asks_the_status_page(interval: int) -> None:
    assert edge(health_check_interval_seconds=interval).only(HEALTH_CHECK).inputs == {
        "type": "HTTPS",
        "fqdn": "lb.example",
        "port": 443,
        "resourcePath": "/health",
        "enableSni": True,
        "requestInterval": interval,
        "failureThreshold": 3,
        # What a recovery that stopped turned on is put back.
        "disabled": False,
        "invertHealthcheck": False,
    }


@pytest.mark.parametrize(
    ("label", "metric"),
    [
        (
            "api-unhealthy",
            {
                "namespace": "AWS/Route53",
                "metricName": "HealthCheckStatus",
                "dimensions": {"HealthCheckId": "edge-api-id"},
                "statistic": "Minimum",
                "comparisonOperator": "LessThanThreshold",
                "threshold": 1,
                "treatMissingData": "breaching",
            },
        ),
        (
            "assets-errors",
            {
                "namespace": "AWS/CloudFront",
                "metricName": "5xxErrorRate",
                "dimensions": {"DistributionId": "edge-assets-id", "Region": "Global"},
                "statistic": "Average",
                "comparisonOperator": "GreaterThanThreshold",
                "threshold": 5,
                "treatMissingData": "notBreaching",
            },
        ),
    ],
)
def test_alarms_where_their_metrics_are(label: str, metric: dict[str, Any]) -> None:
    inputs = dict(edge().of(ALARM)[f"edge-{label}"].inputs)
    assert inputs.pop("alarmDescription")
    assert inputs == {
        **metric,
        "period": 60,
        "evaluationPeriods": 2,
        "alarmActions": ["arn:topic"],
        "okActions": ["arn:topic"],
        "region": "us-east-1",
    }


@BOTH
def test_logs_of_both_distributions_reach_one_bucket(stack: str) -> None:
    deployment = edge(stack)
    destination = deployment.only(LOG_DESTINATION)
    assert destination.inputs == {
        "deliveryDestinationConfiguration": {
            "destinationResourceArn": "arn:aws:mock:::bucket/edge-logs-bucket-arn"
        },
        "outputFormat": "json",
        "region": "us-east-1",
    }
    policy = deployment.of(BUCKET_POLICY)["edge-logs"]
    assert policy.urn in destination.depends_on
    for label in ("assets", "status"):
        assert deployment.of(LOG_SOURCE)[f"edge-{label}-logs"].inputs == {
            "logType": "ACCESS_LOGS",
            "resourceArn": f"arn:aws:mock:::distribution/edge-{label}-arn",
            "region": "us-east-1",
        }
        assert deployment.of(LOG_DELIVERY)[f"edge-{label}-logs"].inputs == {
            "deliverySourceName": f"edge-{label}-logs-a1b2c3d",
            "deliveryDestinationArn": ("arn:aws:mock:::log-delivery-destination/edge-logs-arn"),
            "recordFields": list(LOGGED_FIELDS),
            "region": "us-east-1",
        }


def test_logs_hold_nothing_that_authenticates() -> None:
    assert not {"cs(Cookie)", "cs-uri-query", "cs(Referer)"} & set(LOGGED_FIELDS)
    assert {"c-ip", "cs-uri-stem", "sc-status"} <= set(LOGGED_FIELDS)


@pytest.mark.parametrize(("stack", "days"), [("staging", 30), ("production", 365)])
@pytest.mark.parametrize("protect", [False, True])
def test_the_bucket_of_the_logs(stack: str, days: int, protect: bool) -> None:
    deployment = edge(stack, protect=protect)
    bucket = deployment.only(BUCKET)
    assert bucket.inputs == {"forceDestroy": not protect, "region": "us-east-1"}
    assert bucket.protect == protect
    (rule,) = deployment.only(
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    ).inputs["rules"]
    assert rule["expiration"] == {"days": days}
    assert rule["noncurrentVersionExpiration"] == {"noncurrentDays": 1}


DELIVERY = {
    "StringEquals": {"aws:SourceAccount": ACCOUNT_ID},
    "ArnLike": {"aws:SourceArn": f"arn:aws:logs:us-east-1:{ACCOUNT_ID}:delivery-source:*"},
}


def test_only_deliveries_of_this_account_may_write_the_logs() -> None:
    policy = edge().of(BUCKET_POLICY)["edge-logs"].inputs
    assert policy["region"] == "us-east-1"
    arn = "arn:aws:mock:::bucket/edge-logs-bucket-arn"
    service = {"Service": "delivery.logs.amazonaws.com"}
    assert json.loads(policy["policy"])["Statement"] == [
        tls_only(arn),
        {
            "Sid": "DeliveryLooks",
            "Effect": "Allow",
            "Principal": service,
            "Action": ["s3:GetBucketAcl", "s3:ListBucket"],
            "Resource": arn,
            "Condition": DELIVERY,
        },
        {
            "Sid": "DeliveryWrites",
            "Effect": "Allow",
            "Principal": service,
            "Action": "s3:PutObject",
            "Resource": f"{arn}/AWSLogs/{ACCOUNT_ID}/*",
            "Condition": {
                "StringEquals": {
                    "aws:SourceAccount": ACCOUNT_ID,
                    "s3:x-amz-acl": "bucket-owner-full-control",
                },
                "ArnLike": DELIVERY["ArnLike"],
            },
        },
    ]


def test_only_deliveries_of_this_account_may_use_the_key_of_the_logs() -> None:
    def program() -> None:
        EncryptionKey(
            "key",
            EncryptionKeyArgs(
                alias="alias/logs",
                description="Logs at the edge",
                account_id=ACCOUNT_ID,
                services=[log_delivery_access(ACCOUNT_ID)],
                region=EDGE_REGION,
            ),
        )

    statement = json.loads(deploy(program).only("aws:kms/key:Key").inputs["policy"])["Statement"][1]
    assert statement["Principal"] == {"Service": "delivery.logs.amazonaws.com"}
    assert statement["Condition"] == DELIVERY
    assert "kms:GenerateDataKey*" in statement["Action"]


def test_registered_outputs() -> None:
    deployment = edge()
    assert deployment.outputs[deployment.only(EDGE).urn] == {
        "assets_url": f"https://{ASSETS_HOST}",
        "api_url": f"https://{API_HOST}",
        "distribution_id": "edge-assets-id",
        "status_distribution_id": "edge-status-id",
        "health_check_id": "edge-api-id",
        "log_bucket_name": "edge-logs-bucket-a1b2c3d",
    }
