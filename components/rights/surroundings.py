"""Rights on buckets, logs, messages and functions, and on what stands before the platform."""

from components.naming import PROJECT, Names
from components.rights.scope import Scope, Statement, allow


def events(scope: Scope) -> list[Statement]:
    """Buckets, logs, alarms, messages, functions and what starts them."""
    environment = scope.environment
    return [
        allow(
            "Buckets",
            [
                *("s3:CreateBucket", "s3:DeleteBucket", "s3:DeleteBucketPolicy"),
                *("s3:DeleteObject", "s3:GetObject*", "s3:PutBucket*"),
                *("s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration"),
                *("s3:PutObject", "s3:PutObjectTagging", "s3:PutReplicationConfiguration"),
            ],
            f"arn:aws:s3:::{PROJECT}-{environment}-*",
        ),
        allow(
            "Logs",
            [
                *("logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:DeleteLogGroup"),
                *("logs:DeleteMetricFilter", "logs:DeleteSubscriptionFilter"),
                *("logs:DisassociateKmsKey", "logs:PutMetricFilter", "logs:PutRetentionPolicy"),
                *("logs:PutSubscriptionFilter", "logs:TagResource", "logs:UntagResource"),
            ],
            scope.log_groups,
        ),
        # `deploy` and `rollback` say who ran them. AWS compares with the group's streams, too.
        allow(
            "Audit",
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            scope.arns("logs", f"log-group:{Names(environment).log_group('audit')}*"),
        ),
        allow(
            "LogDelivery",
            [
                *("logs:CreateDelivery", "logs:DeleteDeliveryDestination"),
                *("logs:DeleteDeliverySource", "logs:PutDeliveryDestination"),
                *("logs:PutDeliverySource", "logs:TagResource", "logs:UntagResource"),
                "logs:UpdateDeliveryConfiguration",
            ],
            scope.auto_named("logs", "delivery-source:", "delivery-destination:"),
        ),
        # A delivery has no name.
        allow(
            "NewDelivery",
            ["logs:CreateDelivery", "logs:TagResource"],
            scope.arns("logs", "delivery:*"),
            scope.claiming,
        ),
        allow(
            "OurDelivery",
            ["logs:DeleteDelivery", "logs:UntagResource", "logs:UpdateDeliveryConfiguration"],
            scope.arns("logs", "delivery:*"),
            scope.tagged,
        ),
        allow(
            "Alarms",
            [
                *("cloudwatch:DeleteAlarms", "cloudwatch:DeleteDashboards"),
                *("cloudwatch:PutCompositeAlarm", "cloudwatch:PutDashboard"),
                *("cloudwatch:PutMetricAlarm", "cloudwatch:TagResource"),
                "cloudwatch:UntagResource",
            ],
            [
                *scope.auto_named("cloudwatch", "alarm:"),
                *scope.arns("cloudwatch", f"alarm:*-{environment}"),
                *(
                    f"arn:aws:cloudwatch::{scope.account_id}:dashboard/{PROJECT}-{name}"
                    for name in (environment, f"{environment}-*", f"*-{environment}")
                ),
            ],
        ),
        allow(
            "Messages",
            [
                *("sns:CreateTopic", "sns:DeleteTopic", "sns:SetTopicAttributes"),
                *("sns:Subscribe", "sns:TagResource", "sns:UntagResource"),
                *("sqs:CreateQueue", "sqs:DeleteQueue", "sqs:SetQueueAttributes"),
                *("sqs:TagQueue", "sqs:UntagQueue"),
            ],
            [
                *scope.auto_named("sns", ""),
                *scope.fixed("sns", ""),
                *scope.auto_named("sqs", ""),
                *scope.fixed("sqs", ""),
            ],
        ),
        allow(
            "Unsubscribe",
            ["sns:SetSubscriptionAttributes", "sns:Unsubscribe"],
            scope.auto_named("sns", ""),
        ),
        allow(
            "Functions",
            [
                *("lambda:AddPermission", "lambda:CreateAlias", "lambda:CreateFunction"),
                *("lambda:DeleteAlias", "lambda:DeleteFunction*"),
                *("lambda:PublishVersion", "lambda:PutFunction*", "lambda:RemovePermission"),
                *("lambda:TagResource", "lambda:UntagResource", "lambda:UpdateAlias"),
                *("lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration"),
                "lambda:UpdateFunctionEventInvokeConfig",
            ],
            [
                *scope.fixed("lambda", "function:"),
                *scope.arns("lambda", f"function:{PROJECT}-*-{environment}:*"),
            ],
        ),
        allow(
            "Schedules",
            [
                *("events:DeleteRule", "events:DisableRule", "events:EnableRule"),
                *("events:PutRule", "events:PutTargets", "events:RemoveTargets"),
                *("events:TagResource", "events:UntagResource"),
                *("scheduler:CreateSchedule", "scheduler:CreateScheduleGroup"),
                *("scheduler:DeleteSchedule", "scheduler:DeleteScheduleGroup"),
                *("scheduler:TagResource", "scheduler:UntagResource", "scheduler:UpdateSchedule"),
            ],
            [
                *scope.auto_named("events", "rule/"),
                *scope.auto_named("scheduler", "schedule/*/", "schedule-group/"),
                *scope.fixed("scheduler", "schedule/*/", "schedule-group/"),
            ],
        ),
    ]


def edge(scope: Scope) -> list[Statement]:
    """Records of the environment's hosts, certificates, distributions and the firewall."""
    environment = scope.environment
    certificates = scope.arns("acm", "certificate/*")
    distributions = [
        f"arn:aws:cloudfront::{scope.account_id}:{kind}/*" for kind in ("distribution", "function")
    ]
    return [
        allow(
            "Records",
            ["route53:ChangeResourceRecordSets"],
            f"arn:aws:route53:::hostedzone/{scope.zone_id}",
            {
                "ForAllValues:StringLike": {
                    "route53:ChangeResourceRecordSetsNormalizedRecordNames": _hosts(scope)
                },
                # A comparison of all values is true of none.
                "Null": {"route53:ChangeResourceRecordSetsNormalizedRecordNames": "false"},
            },
        ),
        # The action knows no resources.
        allow("CreateCertificate", ["acm:RequestCertificate"], "*", scope.tagging),
        allow("TagCertificate", ["acm:AddTagsToCertificate"], certificates, scope.claiming),
        allow(
            "UseCertificates",
            [
                *("acm:AddTagsToCertificate", "acm:DeleteCertificate"),
                *("acm:RemoveTagsFromCertificate", "acm:UpdateCertificateOptions"),
            ],
            certificates,
            scope.tagged,
        ),
        allow("TagDistribution", ["cloudfront:TagResource"], distributions, scope.claiming),
        allow(
            "UseDistributions",
            [
                *("cloudfront:AllowVendedLogDeliveryForResource", "cloudfront:CreateInvalidation"),
                *("cloudfront:DeleteDistribution", "cloudfront:TagResource"),
                *("cloudfront:UntagResource", "cloudfront:UpdateDistribution"),
            ],
            distributions,
            scope.tagged,
        ),
        allow(
            "Functions",
            [
                *("cloudfront:DeleteFunction", "cloudfront:PublishFunction"),
                "cloudfront:UpdateFunction",
            ],
            f"arn:aws:cloudfront::{scope.account_id}:function/{PROJECT}-{environment}-*",
        ),
        allow(
            "Firewall",
            [
                *("wafv2:AssociateWebACL", "wafv2:CreateIPSet", "wafv2:CreateWebACL"),
                *("wafv2:DeleteIPSet", "wafv2:DeleteLoggingConfiguration", "wafv2:DeleteWebACL"),
                *("wafv2:DisassociateWebACL", "wafv2:PutLoggingConfiguration"),
                *("wafv2:TagResource", "wafv2:UntagResource", "wafv2:UpdateIPSet"),
                "wafv2:UpdateWebACL",
            ],
            [
                *scope.auto_named("wafv2", "regional/webacl/"),
                *scope.fixed("wafv2", "regional/ipset/"),
                *scope.arns(
                    "wafv2",
                    f"regional/ipset/{PROJECT}-*-{environment}/*",
                    "regional/managedruleset/*",
                ),
                *scope.arns("elasticloadbalancing", f"loadbalancer/app/{environment}-*"),
            ],
        ),
    ]


def _hosts(scope: Scope) -> list[str]:
    """The environment's names in the zone, and those that prove to ACM that they are ours."""
    # settings/domain.py: production's hosts bear no environment in their names.
    hosts = ["api", "assets"] if scope.environment == "production" else [f"{scope.environment}-*"]
    return [f"{start}{host}.{scope.zone_name}" for host in hosts for start in ("", r"_*.")]


def unnamed(scope: Scope) -> list[Statement]:
    """What AWS gives neither names nor tags that a policy could compare.

    None of it holds data. Route 53 and CloudFront refuse to delete what is in use.
    """
    account = scope.account_id
    return [
        allow(
            "Edge",
            [
                *("cloudfront:CreateDistribution", "cloudfront:CreateFunction"),
                "cloudfront:CreateOriginAccessControl",
                *("cloudfront:CreateResponseHeadersPolicy", "route53:CreateHealthCheck"),
            ],
            "*",
        ),
        allow(
            "EdgeParts",
            [
                "cloudfront:DeleteOriginAccessControl",
                "cloudfront:DeleteResponseHeadersPolicy",
                "cloudfront:UpdateOriginAccessControl",
                "cloudfront:UpdateResponseHeadersPolicy",
            ],
            [
                f"arn:aws:cloudfront::{account}:origin-access-control/*",
                f"arn:aws:cloudfront::{account}:response-headers-policy/*",
            ],
        ),
        allow(
            "HealthChecks",
            [
                *("route53:ChangeTagsForResource", "route53:DeleteHealthCheck"),
                "route53:UpdateHealthCheck",
            ],
            "arn:aws:route53:::healthcheck/*",
        ),
        allow(
            "Logging",
            [
                *("logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DeleteResourcePolicy"),
                *("logs:PutResourcePolicy", "logs:UpdateLogDelivery"),
            ],
            "*",
        ),
    ]
