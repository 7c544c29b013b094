"""What workflows may do that change nothing but images and Pulumi's state."""

from collections.abc import Sequence
from typing import Final

from components.naming import PROJECT
from components.rights.scope import Condition, Scope, Statement, allow

# The alias of the key that encrypts a stack's secrets in its state: docs/first-deployment.md.
STATE_KEY_ALIAS: Final = f"alias/{PROJECT}-state-"


def push_images(repository_arns: Sequence[str]) -> list[Statement]:
    """What a workflow of the application needs to push images, and nothing to deploy them."""
    return [
        # The action knows no resources.
        allow("LogIntoRegistry", ["ecr:GetAuthorizationToken"], "*"),
        allow(
            "Push",
            [
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:CompleteLayerUpload",
                "ecr:DescribeImages",
                "ecr:DescribeImageScanFindings",
                "ecr:InitiateLayerUpload",
                "ecr:PutImage",
                "ecr:UploadLayerPart",
            ],
            list(repository_arns),
        ),
    ]


def inspect() -> list[Statement]:
    """What a preview asks of AWS: settings of resources, and no data in them."""
    return [
        allow(
            "Settings",
            [
                *("acm:Describe*", "acm:List*"),
                *("application-autoscaling:Describe*", "application-autoscaling:List*"),
                *("backup:Describe*", "backup:Get*", "backup:List*"),
                *("cloudfront:Describe*", "cloudfront:Get*", "cloudfront:List*"),
                *("cloudwatch:Describe*", "cloudwatch:Get*", "cloudwatch:List*"),
                "ec2:Describe*",
                *("ecr:Describe*", "ecr:List*", "ecr:GetLifecyclePolicy"),
                *("ecs:Describe*", "ecs:List*"),
                *("elasticache:Describe*", "elasticache:List*"),
                "elasticloadbalancing:Describe*",
                *("events:Describe*", "events:List*"),
                *("iam:GetRole*", "iam:GetPolicy*", "iam:ListRole*", "iam:ListPolicyVersions"),
                *("iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole"),
                *("kms:Describe*", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:List*"),
                *("lambda:Get*", "lambda:List*"),
                *("logs:Describe*", "logs:GetDelivery*", "logs:List*"),
                *("rds:Describe*", "rds:ListTagsForResource"),
                *("route53:Get*", "route53:List*"),
                *("scheduler:Get*", "scheduler:List*"),
                *("sns:Get*", "sns:List*"),
                *("sqs:Get*", "sqs:ListQueueTags"),
                *("ssm:DescribeParameters", "ssm:ListTagsForResource"),
                "tag:GetResources",
                *("wafv2:CheckCapacity", "wafv2:Get*", "wafv2:List*"),
            ],
            "*",
        ),
        allow(
            "Buckets",
            [
                *("s3:GetAccelerateConfiguration", "s3:GetBucket*", "s3:GetEncryption*"),
                *("s3:GetLifecycle*", "s3:GetReplication*", "s3:ListBucket"),
            ],
            f"arn:aws:s3:::{PROJECT}-*",
        ),
    ]


def read_state(scope: Scope) -> list[Statement]:
    """Pulumi's state of one stack, with its secrets, and the images that it runs."""
    releases = f"parameter/{PROJECT}/{scope.environment}/release"
    return [
        allow("List", ["s3:ListBucket"], f"arn:aws:s3:::{scope.state_bucket}"),
        allow(
            "Read",
            ["s3:GetObject"],
            [f"arn:aws:s3:::{scope.state_bucket}/.pulumi/meta.yaml", *_state_objects(scope)],
        ),
        allow("Decrypt", ["kms:Decrypt"], scope.arns("kms", "key/*"), _state_key(scope)),
        allow(
            "Releases",
            ["ssm:GetParametersByPath"],
            scope.arns("ssm", releases, f"{releases}/*"),
        ),
    ]


def read_secrets(scope: Scope) -> list[Statement]:
    """The parameters of one environment, which a refresh compares with the state."""
    return [
        allow(
            "Parameters",
            ["ssm:GetParameter", "ssm:GetParameters"],
            scope.arns("ssm", f"parameter/{PROJECT}/{scope.environment}/*"),
        ),
        allow("Keys", ["kms:Decrypt"], scope.arns("kms", "key/*"), scope.tagged),
    ]


def write_state(scope: Scope) -> list[Statement]:
    """Pulumi's state of one stack, its history, and the locks on it."""
    return [
        *read_state(scope),
        allow("Write", ["s3:PutObject", "s3:DeleteObject"], _state_objects(scope)),
        allow("Encrypt", ["kms:Encrypt"], scope.arns("kms", "key/*"), _state_key(scope)),
    ]


def _state_objects(scope: Scope) -> list[str]:
    stack = f"{PROJECT}/{scope.environment}"
    folder = f"arn:aws:s3:::{scope.state_bucket}/.pulumi"
    return [
        f"{folder}/stacks/{stack}.*",
        f"{folder}/history/{stack}/*",
        f"{folder}/backups/{stack}/*",
        f"{folder}/locks/organization/{stack}/*",
    ]


def _state_key(scope: Scope) -> Condition:
    alias = f"{STATE_KEY_ALIAS}{scope.environment}"
    return {"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}}
