"""The public load balancer, and the bucket of its access logs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from components.buckets import PrivateBucket, PrivateBucketArgs, bucket_policy
from components.documents import on_behalf_of
from components.naming import Names
from components.network import HTTP_PORT, HTTPS_PORT
from components.settings.api import LoadBalancerSettings

# TLS 1.2 and 1.3 only. Application Load Balancers user guide, "Security policies".
TLS_POLICY: Final = "ELBSecurityPolicy-TLS13-1-2-2021-06"

# Log files are written once; what somebody overwrote or deleted can be looked at for a month.
OLD_VERSION_DAYS: Final = 30


@dataclass(frozen=True)
class LoadBalancerArgs:
    """Inputs of `LoadBalancer`.

    Without `certificate_arn` it serves HTTP alone, which production refuses. The certificate must
    be valid already.
    """

    names: Names
    region: str
    account_id: pulumi.Input[str]
    settings: LoadBalancerSettings
    subnet_ids: pulumi.Input[Sequence[str]]
    security_group_id: pulumi.Input[str]
    certificate_arn: pulumi.Input[str] | None


class LoadBalancer(pulumi.ComponentResource):
    """`aussie-markets:load-balancer:LoadBalancer`: what clients of the API connect to.

    - `PrivateBucket` of the access logs, encrypted with S3's own key, since log delivery accepts
      no other; `aws.s3.BucketPolicy`, which lets log delivery write.
    - `aws.lb.LoadBalancer` in the public subnets, once the policy lets it write.
    - `aws.lb.Listener` for HTTP, which redirects to HTTPS, and for HTTPS. Requests that no
      service's rule matches get 404.
    """

    arn: pulumi.Output[str]
    arn_suffix: pulumi.Output[str]
    """The dimension `LoadBalancer` of its metrics."""
    dns_name: pulumi.Output[str]
    zone_id: pulumi.Output[str]
    """The hosted zone of `dns_name`, for alias records."""
    listener_arn: pulumi.Output[str]
    """The listener that rules of services belong to."""
    access_log_bucket_name: pulumi.Output[str]

    def __init__(
        self, name: str, args: LoadBalancerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aussie-markets:load-balancer:LoadBalancer", name, None, opts)
        if args.certificate_arn is None and args.names.environment == "production":
            raise pulumi.RunError(
                "aussie-markets:domain.enabled = false: must be true in production, whose load "
                "balancer must have a certificate"
            )
        self._name_prefix = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)

        # Elastic Load Balancing delivers into buckets with S3's own key alone.
        bucket = PrivateBucket(
            f"{name}-logs",
            PrivateBucketArgs(
                kms_key_arn=None,
                expire_days=args.settings.access_log_retention_days,
                old_version_days=OLD_VERSION_DAYS,
                protect=args.settings.deletion_protection,
            ),
            self._child,
        )
        delivery = self._delivery_policy(bucket)
        load_balancer = self._load_balancer(bucket, delivery)
        listener = self._listeners(load_balancer)

        self.arn = load_balancer.arn
        self.arn_suffix = load_balancer.arn_suffix
        self.dns_name = load_balancer.dns_name
        self.zone_id = load_balancer.zone_id
        self.listener_arn = listener.arn
        self.access_log_bucket_name = bucket.bucket_name
        self.register_outputs(
            {
                "arn": self.arn,
                "arn_suffix": self.arn_suffix,
                "dns_name": self.dns_name,
                "zone_id": self.zone_id,
                "listener_arn": self.listener_arn,
                "access_log_bucket_name": self.access_log_bucket_name,
            }
        )

    def _delivery_policy(self, bucket: PrivateBucket) -> aws.s3.BucketPolicy:
        # Application Load Balancers user guide, "Enable access logs", with its conditions against
        # the confused deputy.
        delivery = {
            "Sid": "LogDelivery",
            "Effect": "Allow",
            "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": pulumi.Output.concat(bucket.arn, "/AWSLogs/", self._args.account_id, "/*"),
            "Condition": on_behalf_of(
                self._args.account_id,
                pulumi.Output.concat(
                    f"arn:aws:elasticloadbalancing:{self._args.region}:",
                    self._args.account_id,
                    ":loadbalancer/*",
                ),
            ),
        }
        return bucket_policy(f"{self._name_prefix}-logs", bucket, self._child, delivery)

    def _load_balancer(
        self, bucket: PrivateBucket, delivery: aws.s3.BucketPolicy
    ) -> aws.lb.LoadBalancer:
        settings = self._args.settings
        return aws.lb.LoadBalancer(
            # Short, since the name that Pulumi makes of it may have 32 characters.
            f"{self._args.names.environment}-api",
            load_balancer_type="application",
            internal=False,
            subnets=self._args.subnet_ids,
            security_groups=[self._args.security_group_id],
            access_logs=aws.lb.LoadBalancerAccessLogsArgs(bucket=bucket.bucket_name, enabled=True),
            drop_invalid_header_fields=True,
            desync_mitigation_mode="defensive",
            enable_http2=True,
            idle_timeout=settings.idle_timeout_seconds,
            enable_deletion_protection=settings.deletion_protection,
            opts=pulumi.ResourceOptions(
                parent=self,
                # Elastic Load Balancing writes a test object when logs are turned on.
                depends_on=[delivery],
                # Its own protection would stop a destroy only after others have begun.
                protect=settings.deletion_protection,
            ),
        )

    def _listeners(self, load_balancer: aws.lb.LoadBalancer) -> aws.lb.Listener:
        not_found = aws.lb.ListenerDefaultActionArgs(
            type="fixed-response",
            fixed_response=aws.lb.ListenerDefaultActionFixedResponseArgs(
                content_type="application/json",
                message_body='{"error":"not found"}',
                status_code="404",
            ),
        )
        to_https = aws.lb.ListenerDefaultActionArgs(
            type="redirect",
            redirect=aws.lb.ListenerDefaultActionRedirectArgs(
                protocol="HTTPS", port=str(HTTPS_PORT), status_code="HTTP_301"
            ),
        )
        http = aws.lb.Listener(
            f"{self._name_prefix}-http",
            load_balancer_arn=load_balancer.arn,
            protocol="HTTP",
            port=HTTP_PORT,
            default_actions=[to_https if self._args.certificate_arn is not None else not_found],
            opts=self._child,
        )
        if self._args.certificate_arn is None:
            pulumi.log.warn(
                "There is no domain, so no certificate: the API is served by HTTP, and everyone "
                "on the way can read its users' passwords",
                self,
            )
            return http
        return aws.lb.Listener(
            f"{self._name_prefix}-https",
            load_balancer_arn=load_balancer.arn,
            protocol="HTTPS",
            port=HTTPS_PORT,
            ssl_policy=TLS_POLICY,
            certificate_arn=self._args.certificate_arn,
            default_actions=[not_found],
            opts=self._child,
        )
