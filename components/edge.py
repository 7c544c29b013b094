"""What users reach first: names, the content delivery network and the failover of the API."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from components.assets import AssetBucket
from components.buckets import PrivateBucket, PrivateBucketArgs, objects_with_tls_only
from components.documents import on_behalf_of, policy_document
from components.domain import validation_record
from components.keys import ServiceAccess
from components.settings.edge import EdgeSettings

# CloudFront reads certificates, reports metrics and delivers logs in this region alone, and
# Route 53 reports its health checks here.
EDGE_REGION: Final = "us-east-1"

STATUS_PAGE: Final = Path(__file__).parent / "edge_pages" / "status.html"
# CloudFront Functions, quotas.
LARGEST_FUNCTION_BYTES: Final = 10 * 1024
# As long as resolvers keep the address of a load balancer or distribution.
RETRY_AFTER_SECONDS: Final = 60

# CloudFront developer guide, "Use managed cache policies".
CACHING_OPTIMIZED: Final = "658327ea-f89d-4fab-a63d-7e88639e58f6"
CACHING_DISABLED: Final = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"

# The primary is down, or cannot be read: 403 is also what S3 answers for a disabled key and,
# since CloudFront may not list, for an object that is missing.
FAILOVER_STATUS_CODES: Final = (403, 500, 502, 503, 504)

READING_METHODS: Final = ("GET", "HEAD")
ALL_METHODS: Final = ("GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE")

# hstspreload.org asks for at least a year; two are its recommendation.
HSTS_SECONDS: Final = 2 * 365 * 24 * 3600

# CloudFront developer guide, "Standard logging reference". Neither the cookies nor the query or
# referrer of a request are among them: during a failover those of the API's users arrive here.
LOGGED_FIELDS: Final = (
    *("date", "time", "x-edge-location", "sc-bytes", "c-ip", "cs-method", "cs(Host)"),
    *("cs-uri-stem", "sc-status", "cs(User-Agent)", "x-edge-result-type", "x-edge-request-id"),
    *("x-host-header", "cs-protocol", "cs-bytes", "time-taken", "ssl-protocol", "ssl-cipher"),
    *("x-edge-response-result-type", "cs-protocol-version", "time-to-first-byte"),
    *("x-edge-detailed-result-type", "sc-content-type", "sc-content-len"),
)

HEALTH_FAILURES: Final = 3
# More than a passing error of one object.
ASSET_ERROR_PERCENT: Final = 5
ALARM_MINUTES: Final = 2


def log_delivery_access(account_id: pulumi.Input[str]) -> ServiceAccess:
    """Let the delivery of CloudFront's logs encrypt with a key in `EDGE_REGION`.

    Actions and conditions: CloudWatch Logs user guide, "Logs sent to Amazon S3".
    """
    return ServiceAccess(
        sid="LogDelivery",
        service="delivery.logs.amazonaws.com",
        actions=(
            "kms:Encrypt",
            "kms:Decrypt",
            "kms:ReEncrypt*",
            "kms:GenerateDataKey*",
            "kms:DescribeKey",
        ),
        condition=_delivery_condition(account_id),
    )


@dataclass(frozen=True)
class EdgeArgs:
    """Inputs of `Edge`.

    `zone_id`, `api_host` and `validation_record_fqdn` are those of `Domain`. `assets` and
    `replica` are the two buckets of the static assets. `alarm_topic_arns` and `log_key_arn` are in
    `EDGE_REGION`, and the key must admit the delivery of logs (`log_delivery_access`).
    `protect` keeps the bucket of the logs from `pulumi destroy`.
    """

    environment: str
    settings: EdgeSettings
    account_id: pulumi.Input[str]
    zone_id: pulumi.Input[str]
    api_host: str
    assets_host: str
    validation_record_fqdn: pulumi.Input[str]
    load_balancer_dns_name: pulumi.Input[str]
    load_balancer_zone_id: pulumi.Input[str]
    health_path: str
    assets: AssetBucket
    replica: AssetBucket
    log_key_arn: pulumi.Input[str]
    alarm_topic_arns: Sequence[pulumi.Input[str]]
    protect: bool


class Edge(pulumi.ComponentResource):
    """`aussie-markets:edge:Edge`: the hosts of the API and the assets, and what stands in for both.

    The assets' host is a distribution over both buckets, the second asked where the first fails.
    The API's host is the load balancer while that is healthy, else a second distribution, which
    answers every method and path with 503, `Retry-After` and a page for people. A function at
    the edge writes that answer: it needs no region, and an origin would answer methods other than
    GET and HEAD with errors of its own.

    - `aws.acm.Certificate`, `aws.route53.Record` and `aws.acm.CertificateValidation` in
      `EDGE_REGION` for both hosts: CloudFront refuses a host that its certificate does not name.
    - `aws.cloudfront.OriginAccessControl` and `aws.s3.BucketPolicy` for each bucket: this
      distribution alone may read, and only with TLS.
    - `aws.cloudfront.ResponseHeadersPolicy`: security headers of both distributions.
    - `aws.cloudfront.Function` and two `aws.cloudfront.Distribution`.
    - `aws.route53.Record`: the assets' host in both address families; the API's in IPv4 alone, as
      the load balancer, or clients with IPv6 would be sent to the status page for good.
    - `aws.route53.HealthCheck` of the load balancer, and `aws.cloudwatch.MetricAlarm` for it and
      for errors of the assets.
    - `aussie-markets:buckets:PrivateBucket`, its policy, `aws.cloudwatch.LogDeliveryDestination`,
      and `LogDeliverySource` and `LogDelivery` of each distribution. The older kind of logging
      needs a bucket with access lists.
    """

    assets_url: str
    api_url: str
    distribution_id: pulumi.Output[str]
    """Of the assets; a release that overwrites objects invalidates them here."""
    status_distribution_id: pulumi.Output[str]
    health_check_id: pulumi.Output[str]
    log_bucket_name: pulumi.Output[str]

    def __init__(
        self, name: str, args: EdgeArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aussie-markets:edge:Edge", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)

        certificate_arn = self._certificate(name, args)
        headers = aws.cloudfront.ResponseHeadersPolicy(
            f"{name}-headers",
            comment=f"Security headers of {args.environment}",
            security_headers_config=_security_headers(args.settings.content_security_policy),
            opts=child,
        )
        access = aws.cloudfront.OriginAccessControl(
            f"{name}-access",
            description=f"Static assets of {args.environment}",
            origin_access_control_origin_type="s3",
            signing_behavior="always",
            signing_protocol="sigv4",
            opts=child,
        )
        distribution = _assets_distribution(
            f"{name}-assets", args, certificate_arn, access, headers, child
        )
        for label, bucket in (("primary", args.assets), ("replica", args.replica)):
            aws.s3.BucketPolicy(
                f"{name}-{label}",
                bucket=bucket.bucket_name,
                policy=_readable_by(bucket, distribution.arn),
                region=bucket.region,
                opts=child,
            )
        function = aws.cloudfront.Function(
            f"{name}-status",
            comment=f"Answers for the API of {args.environment} while it is down",
            runtime="cloudfront-js-2.0",
            code=status_function(STATUS_PAGE.read_text(encoding="utf-8")),
            publish=True,
            opts=child,
        )
        status = _status_distribution(
            f"{name}-status", args, certificate_arn, access, headers, function, child
        )
        log_bucket = self._logs(name, args, {"assets": distribution, "status": status})
        health_check = self._failover(name, args, status)
        for family in ("A", "AAAA"):
            aws.route53.Record(
                f"{name}-assets-{family.lower()}",
                zone_id=args.zone_id,
                name=args.assets_host,
                type=family,
                aliases=[_alias_of(distribution)],
                opts=child,
            )
        aws.cloudwatch.MetricAlarm(
            f"{name}-assets-errors",
            alarm_description=f"Static assets of {args.environment} are answered with errors",
            namespace="AWS/CloudFront",
            metric_name="5xxErrorRate",
            dimensions={
                "DistributionId": distribution.id,
                "Region": pulumi.Output.from_input("Global"),
            },
            statistic="Average",
            period=60,
            evaluation_periods=ALARM_MINUTES,
            comparison_operator="GreaterThanThreshold",
            threshold=ASSET_ERROR_PERCENT,
            # CloudFront reports only while somebody asks for assets.
            treat_missing_data="notBreaching",
            alarm_actions=args.alarm_topic_arns,
            ok_actions=args.alarm_topic_arns,
            region=EDGE_REGION,
            opts=child,
        )

        self.assets_url = f"https://{args.assets_host}"
        self.api_url = f"https://{args.api_host}"
        self.distribution_id = distribution.id
        self.status_distribution_id = status.id
        self.health_check_id = health_check.id
        self.log_bucket_name = log_bucket.bucket_name
        self.register_outputs(
            {
                "assets_url": self.assets_url,
                "api_url": self.api_url,
                "distribution_id": self.distribution_id,
                "status_distribution_id": self.status_distribution_id,
                "health_check_id": self.health_check_id,
                "log_bucket_name": self.log_bucket_name,
            }
        )

    def _certificate(self, name: str, args: EdgeArgs) -> pulumi.Output[str]:
        child = pulumi.ResourceOptions(parent=self)
        certificate = aws.acm.Certificate(
            f"{name}-hosts",
            domain_name=args.assets_host,
            subject_alternative_names=[args.api_host],
            validation_method="DNS",
            region=EDGE_REGION,
            opts=child,
        )
        record = validation_record(
            f"{name}-assets-validation", certificate, args.assets_host, args.zone_id, child
        )
        return aws.acm.CertificateValidation(
            f"{name}-hosts-valid",
            certificate_arn=certificate.arn,
            # ACM's record of the API's host is the same in each region, and Domain has made it.
            validation_record_fqdns=[record.fqdn, args.validation_record_fqdn],
            region=EDGE_REGION,
            opts=child,
        ).certificate_arn

    def _failover(
        self, name: str, args: EdgeArgs, status: aws.cloudfront.Distribution
    ) -> aws.route53.HealthCheck:
        """The API's host: the load balancer while its health check succeeds, else `status`."""
        child = pulumi.ResourceOptions(parent=self)
        check = aws.route53.HealthCheck(
            f"{name}-api",
            type="HTTPS",
            # Not the API's host: once that is the status page, it would never be healthy again.
            # Health checks do not compare the host with the certificate.
            fqdn=args.load_balancer_dns_name,
            port=443,
            resource_path=args.health_path,
            enable_sni=True,
            request_interval=args.settings.health_check_interval_seconds,
            failure_threshold=HEALTH_FAILURES,
            # `recover` sends users to the status page by both; one that stopped left them so, and
            # only what is written here is put back.
            disabled=False,
            invert_healthcheck=False,
            opts=child,
        )
        aws.route53.Record(
            f"{name}-api-primary",
            zone_id=args.zone_id,
            name=args.api_host,
            type="A",
            set_identifier="primary",
            failover_routing_policies=[aws.route53.RecordFailoverRoutingPolicyArgs(type="PRIMARY")],
            health_check_id=check.id,
            aliases=[
                aws.route53.RecordAliasArgs(
                    name=args.load_balancer_dns_name,
                    zone_id=args.load_balancer_zone_id,
                    evaluate_target_health=True,
                )
            ],
            opts=child,
        )
        aws.route53.Record(
            f"{name}-api-secondary",
            zone_id=args.zone_id,
            name=args.api_host,
            type="A",
            set_identifier="secondary",
            failover_routing_policies=[
                aws.route53.RecordFailoverRoutingPolicyArgs(type="SECONDARY")
            ],
            aliases=[_alias_of(status)],
            opts=child,
        )
        aws.cloudwatch.MetricAlarm(
            f"{name}-api-unhealthy",
            alarm_description=f"https://{args.api_host} cannot be reached from outside; its users "
            "see the status page",
            namespace="AWS/Route53",
            metric_name="HealthCheckStatus",
            dimensions={"HealthCheckId": check.id},
            statistic="Minimum",
            period=60,
            evaluation_periods=ALARM_MINUTES,
            comparison_operator="LessThanThreshold",
            threshold=1,
            # Route 53 reports each minute: silence means that nobody checks.
            treat_missing_data="breaching",
            alarm_actions=args.alarm_topic_arns,
            ok_actions=args.alarm_topic_arns,
            region=EDGE_REGION,
            opts=child,
        )
        return check

    def _logs(
        self, name: str, args: EdgeArgs, distributions: Mapping[str, aws.cloudfront.Distribution]
    ) -> PrivateBucket:
        child = pulumi.ResourceOptions(parent=self)
        bucket = PrivateBucket(
            f"{name}-logs",
            PrivateBucketArgs(
                kms_key_arn=args.log_key_arn,
                expire_days=args.settings.log_retention_days,
                # Logs are written once: what is overwritten or deleted has no further use.
                old_version_days=1,
                protect=args.protect,
                region=EDGE_REGION,
            ),
            child,
        )
        policy = aws.s3.BucketPolicy(
            f"{name}-logs",
            bucket=bucket.bucket_name,
            policy=_writable_by_delivery(bucket, args.account_id),
            region=EDGE_REGION,
            opts=child,
        )
        destination = aws.cloudwatch.LogDeliveryDestination(
            f"{name}-logs",
            delivery_destination_configuration=(
                aws.cloudwatch.LogDeliveryDestinationDeliveryDestinationConfigurationArgs(
                    destination_resource_arn=bucket.arn
                )
            ),
            output_format="json",
            region=EDGE_REGION,
            # CloudWatch tries to write, and would otherwise add a statement of its own.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        for label, distribution in distributions.items():
            source = aws.cloudwatch.LogDeliverySource(
                f"{name}-{label}-logs",
                log_type="ACCESS_LOGS",
                resource_arn=distribution.arn,
                region=EDGE_REGION,
                opts=child,
            )
            aws.cloudwatch.LogDelivery(
                f"{name}-{label}-logs",
                delivery_source_name=source.name,
                delivery_destination_arn=destination.arn,
                record_fields=list(LOGGED_FIELDS),
                region=EDGE_REGION,
                opts=child,
            )
        return bucket


def status_function(page: str) -> str:
    """The CloudFront function that answers each request with 503 and `page`."""
    response = {
        "statusCode": 503,
        "statusDescription": "Service Unavailable",
        "headers": {
            "content-type": {"value": "text/html; charset=utf-8"},
            "cache-control": {"value": "no-store"},
            "retry-after": {"value": str(RETRY_AFTER_SECONDS)},
        },
        "body": {"encoding": "text", "data": page},
    }
    # JSON is JavaScript too.
    code = f"function handler() {{\n  return {json.dumps(response)};\n}}\n"
    if len(code.encode()) > LARGEST_FUNCTION_BYTES:
        raise ValueError(
            f"{STATUS_PAGE.name}: the function around it has {len(code.encode())} bytes, and "
            f"CloudFront takes {LARGEST_FUNCTION_BYTES}"
        )
    return code


def _security_headers(
    content_security_policy: str,
) -> aws.cloudfront.ResponseHeadersPolicySecurityHeadersConfigArgs:
    config = aws.cloudfront
    return config.ResponseHeadersPolicySecurityHeadersConfigArgs(
        strict_transport_security=(
            config.ResponseHeadersPolicySecurityHeadersConfigStrictTransportSecurityArgs(
                access_control_max_age_sec=HSTS_SECONDS, include_subdomains=True, override=True
            )
        ),
        content_type_options=(
            config.ResponseHeadersPolicySecurityHeadersConfigContentTypeOptionsArgs(override=True)
        ),
        frame_options=config.ResponseHeadersPolicySecurityHeadersConfigFrameOptionsArgs(
            frame_option="DENY", override=True
        ),
        referrer_policy=config.ResponseHeadersPolicySecurityHeadersConfigReferrerPolicyArgs(
            referrer_policy="strict-origin-when-cross-origin", override=True
        ),
        content_security_policy=(
            config.ResponseHeadersPolicySecurityHeadersConfigContentSecurityPolicyArgs(
                content_security_policy=content_security_policy, override=True
            )
        ),
    )


def _assets_distribution(
    name: str,
    args: EdgeArgs,
    certificate_arn: pulumi.Input[str],
    access: aws.cloudfront.OriginAccessControl,
    headers: aws.cloudfront.ResponseHeadersPolicy,
    opts: pulumi.ResourceOptions,
) -> aws.cloudfront.Distribution:
    return aws.cloudfront.Distribution(
        name,
        comment=f"Static assets of {args.environment}",
        enabled=True,
        aliases=[args.assets_host],
        origins=[
            _origin("primary", args.assets, access),
            _origin("replica", args.replica, access),
        ],
        origin_groups=[
            aws.cloudfront.DistributionOriginGroupArgs(
                origin_id="assets",
                failover_criteria=aws.cloudfront.DistributionOriginGroupFailoverCriteriaArgs(
                    status_codes=list(FAILOVER_STATUS_CODES)
                ),
                members=[
                    aws.cloudfront.DistributionOriginGroupMemberArgs(origin_id="primary"),
                    aws.cloudfront.DistributionOriginGroupMemberArgs(origin_id="replica"),
                ],
            )
        ],
        default_cache_behavior=aws.cloudfront.DistributionDefaultCacheBehaviorArgs(
            target_origin_id="assets",
            viewer_protocol_policy="redirect-to-https",
            allowed_methods=list(READING_METHODS),
            cached_methods=list(READING_METHODS),
            cache_policy_id=CACHING_OPTIMIZED,
            response_headers_policy_id=headers.id,
            compress=True,
        ),
        price_class=args.settings.price_class.value,
        http_version="http2and3",
        is_ipv6_enabled=True,
        restrictions=_everywhere(),
        viewer_certificate=_tls(certificate_arn),
        opts=opts,
    )


def _status_distribution(
    name: str,
    args: EdgeArgs,
    certificate_arn: pulumi.Input[str],
    access: aws.cloudfront.OriginAccessControl,
    headers: aws.cloudfront.ResponseHeadersPolicy,
    function: aws.cloudfront.Function,
    opts: pulumi.ResourceOptions,
) -> aws.cloudfront.Distribution:
    return aws.cloudfront.Distribution(
        name,
        comment=f"Status page of {args.environment}",
        enabled=True,
        aliases=[args.api_host],
        # CloudFront wants an origin; the function answers before it is asked.
        origins=[_origin("replica", args.replica, access)],
        default_cache_behavior=aws.cloudfront.DistributionDefaultCacheBehaviorArgs(
            target_origin_id="replica",
            viewer_protocol_policy="redirect-to-https",
            allowed_methods=list(ALL_METHODS),
            cached_methods=list(READING_METHODS),
            cache_policy_id=CACHING_DISABLED,
            response_headers_policy_id=headers.id,
            compress=True,
            function_associations=[
                aws.cloudfront.DistributionDefaultCacheBehaviorFunctionAssociationArgs(
                    event_type="viewer-request", function_arn=function.arn
                )
            ],
        ),
        price_class=args.settings.price_class.value,
        http_version="http2and3",
        # The API's host has no AAAA record.
        is_ipv6_enabled=False,
        restrictions=_everywhere(),
        viewer_certificate=_tls(certificate_arn),
        opts=opts,
    )


def _origin(
    label: str, bucket: AssetBucket, access: aws.cloudfront.OriginAccessControl
) -> aws.cloudfront.DistributionOriginArgs:
    return aws.cloudfront.DistributionOriginArgs(
        origin_id=label,
        domain_name=bucket.domain_name,
        origin_access_control_id=access.id,
        # CloudFront's own three times ten seconds would be a long wait before the replica.
        connection_attempts=2,
        connection_timeout=5,
    )


def _everywhere() -> aws.cloudfront.DistributionRestrictionsArgs:
    return aws.cloudfront.DistributionRestrictionsArgs(
        geo_restriction=aws.cloudfront.DistributionRestrictionsGeoRestrictionArgs(
            restriction_type="none"
        )
    )


def _tls(certificate_arn: pulumi.Input[str]) -> aws.cloudfront.DistributionViewerCertificateArgs:
    return aws.cloudfront.DistributionViewerCertificateArgs(
        acm_certificate_arn=certificate_arn,
        ssl_support_method="sni-only",
        minimum_protocol_version="TLSv1.2_2021",
    )


def _alias_of(distribution: aws.cloudfront.Distribution) -> aws.route53.RecordAliasArgs:
    return aws.route53.RecordAliasArgs(
        name=distribution.domain_name,
        zone_id=distribution.hosted_zone_id,
        # Route 53 cannot evaluate a distribution.
        evaluate_target_health=False,
    )


def _readable_by(bucket: AssetBucket, distribution_arn: pulumi.Output[str]) -> pulumi.Output[str]:
    return pulumi.Output.json_dumps(
        policy_document(
            objects_with_tls_only(bucket.arn),
            {
                "Sid": "CloudFront",
                "Effect": "Allow",
                "Principal": {"Service": "cloudfront.amazonaws.com"},
                "Action": "s3:GetObject",
                "Resource": pulumi.Output.concat(bucket.arn, "/*"),
                "Condition": {"StringEquals": {"AWS:SourceArn": distribution_arn}},
            },
        )
    )


def _writable_by_delivery(
    bucket: PrivateBucket, account_id: pulumi.Input[str]
) -> pulumi.Output[str]:
    """CloudWatch Logs user guide, "Logs sent to Amazon S3"."""
    condition = _delivery_condition(account_id)
    owned = {
        **condition,
        "StringEquals": {
            **condition["StringEquals"],
            "s3:x-amz-acl": "bucket-owner-full-control",
        },
    }
    return pulumi.Output.json_dumps(
        policy_document(
            objects_with_tls_only(bucket.arn),
            {
                "Sid": "DeliveryLooks",
                "Effect": "Allow",
                "Principal": {"Service": "delivery.logs.amazonaws.com"},
                "Action": ["s3:GetBucketAcl", "s3:ListBucket"],
                "Resource": bucket.arn,
                "Condition": condition,
            },
            {
                "Sid": "DeliveryWrites",
                "Effect": "Allow",
                "Principal": {"Service": "delivery.logs.amazonaws.com"},
                "Action": "s3:PutObject",
                "Resource": pulumi.Output.concat(bucket.arn, "/AWSLogs/", account_id, "/*"),
                "Condition": owned,
            },
        )
    )


def _delivery_condition(account_id: pulumi.Input[str]) -> dict[str, Mapping[str, Any]]:
    """Only for deliveries of this account."""
    return on_behalf_of(
        account_id,
        pulumi.Output.concat(f"arn:aws:logs:{EDGE_REGION}:", account_id, ":delivery-source:*"),
    )
