"""What no role of an environment may exceed."""

from components.naming import PROJECT
from components.rights.scope import Scope, Statement, allow


def boundary(scope: Scope) -> list[Statement]:
    """The most that a role of the environment may do, whatever its own policies say.

    Nothing of IAM but handing on its own kind, nothing of other environments, and no way to
    change what watches over the account.
    """
    environment = scope.environment
    database = f"{PROJECT}-db-{environment}"
    return [
        allow(
            "Look",
            [
                *("backup:Describe*", "backup:Get*", "backup:List*"),
                *("cloudwatch:Describe*", "cloudwatch:Get*", "cloudwatch:List*"),
                "ec2:Describe*",
                *("ecr:Describe*", "ecr:GetAuthorizationToken", "ecs:Describe*", "ecs:List*"),
                *("elasticache:Describe*", "elasticloadbalancing:Describe*"),
                *("kms:DescribeKey", "logs:Describe*", "rds:Describe*", "rds:ListTags*"),
                *("s3:ListAllMyBuckets", "ssm:DescribeParameters", "tag:GetResources"),
                *("wafv2:Get*", "wafv2:List*"),
            ],
            "*",
        ),
        allow(
            "NoResources",
            [
                *("backup-storage:MountCapsule", "cloudwatch:PutMetricData"),
                *("ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"),
                *("ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"),
                *("ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel"),
                *("ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"),
                *("xray:PutTelemetryRecords", "xray:PutTraceSegments"),
            ],
            "*",
        ),
        allow(
            "Logs",
            [
                *("logs:CreateLogGroup", "logs:CreateLogStream", "logs:FilterLogEvents"),
                *("logs:GetLogEvents", "logs:PutLogEvents", "logs:PutRetentionPolicy"),
                "logs:StartQuery",
            ],
            # RDS writes its operating system metrics there, whatever the environment.
            [*scope.log_groups, *scope.arns("logs", "log-group:RDSOSMetrics*")],
        ),
        allow(
            "Images",
            [
                *("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage"),
                "ecr:GetDownloadUrlForLayer",
            ],
            f"arn:aws:ecr:*:*:repository/{PROJECT}-*",
        ),
        allow(
            "Parameters",
            ["ssm:GetParameter*", "ssm:PutParameter"],
            scope.arns(
                "ssm",
                f"parameter/{PROJECT}/{environment}",
                f"parameter/{PROJECT}/{environment}/*",
            ),
        ),
        allow(
            "Keys",
            [
                *("kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*"),
                *("kms:ReEncrypt*", "kms:RetireGrant"),
            ],
            scope.arns("kms", "key/*"),
            scope.tagged,
        ),
        allow(
            "Objects",
            [
                *("s3:AbortMultipartUpload", "s3:DeleteObject*", "s3:Get*", "s3:List*"),
                *("s3:PutObject*", "s3:PutInventoryConfiguration", "s3:PutBucketNotification"),
                *("s3:Replicate*", "s3:RestoreObject", "s3:ObjectOwnerOverrideToBucketOwner"),
            ],
            f"arn:aws:s3:::{PROJECT}-{environment}-*",
        ),
        allow(
            "Databases",
            [
                *("rds:AddTagsToResource", "rds:CopyDBSnapshot", "rds:CreateDBInstance*"),
                *("rds:CreateDBSnapshot", "rds:DeleteDBInstance", "rds:DeleteDBSnapshot"),
                *("rds:ModifyDBInstance", "rds:RestoreDBInstance*", "rds:StartExportTask"),
            ],
            [
                *scope.arns(
                    "rds",
                    f"db:{database}",
                    f"db:{database}-*",
                    "db:awsbackup-restore-test-*",
                    f"snapshot:{database}-*",
                    f"snapshot:manual-backup-{environment}-*",
                    "snapshot:awsbackup:*",
                    f"snapshot:rds:{database}-*",
                    "og:default:*",
                ),
                *scope.auto_named("rds", "pg:", "subgrp:"),
            ],
        ),
        # People choose the end of a manual snapshot's name, and the tag says whose it is.
        allow(
            "OldSnapshots",
            ["rds:DeleteDBSnapshot"],
            scope.arns("rds", "snapshot:manual-backup-*"),
            {"StringEquals": {"aws:ResourceTag/Environment": environment}},
        ),
        allow(
            "Backups",
            ["backup:CopyIntoBackupVault", "backup:StartBackupJob", "backup:TagResource"],
            [*scope.auto_named("backup", "backup-vault:"), *scope.fixed("backup", "backup-vault:")],
        ),
        allow(
            "Services",
            ["ecs:RunTask", "ecs:StopTask", "ecs:UpdateService"],
            scope.arns(
                "ecs",
                f"service/{PROJECT}-cluster-{environment}/*",
                f"task/{PROJECT}-cluster-{environment}/*",
                f"task-definition/{PROJECT}-*-{environment}:*",
            ),
        ),
        allow(
            "Targets",
            [
                f"elasticloadbalancing:{action}"
                for action in ("DeregisterTargets", "ModifyListener", "ModifyRule")
            ]
            + ["elasticloadbalancing:RegisterTargets"],
            scope.arns("elasticloadbalancing", "*"),
            scope.tagged,
        ),
        allow(
            "Block",
            ["wafv2:UpdateIPSet"],
            scope.arns("wafv2", f"regional/ipset/{PROJECT}-*-{environment}/*"),
        ),
        allow(
            "Tell",
            [
                *("lambda:InvokeFunction", "sns:Publish", "sqs:DeleteMessage"),
                *("sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"),
            ],
            [
                *scope.fixed("lambda", "function:"),
                *scope.auto_named("sns", ""),
                *scope.auto_named("sqs", ""),
            ],
        ),
        allow(
            "Pass",
            ["iam:PassRole"],
            scope.roles(),
            {
                "StringEquals": {
                    "iam:PassedToService": [
                        *("backup.amazonaws.com", "ecs-tasks.amazonaws.com"),
                        *("export.rds.amazonaws.com", "monitoring.rds.amazonaws.com"),
                    ]
                }
            },
        ),
    ]
