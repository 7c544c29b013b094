"""Rights on networks, on what runs in them, on data and on keys."""

from components.naming import PROJECT, Names
from components.rights.scope import Scope, Statement, allow


def network(scope: Scope) -> list[Statement]:
    """VPC, gateways, routes, security groups, endpoints and flow logs."""
    # What is created and what it is created in are named apart: tags in the request would
    # otherwise open everybody's networks.
    inside = ("ec2:CreateRouteTable", "ec2:CreateSecurityGroup", "ec2:CreateSubnet")
    across = (
        *("ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress"),
        *("ec2:CreateFlowLogs", "ec2:CreateNatGateway", "ec2:CreateVpcEndpoint"),
    )
    alone = ("ec2:AllocateAddress", "ec2:CreateInternetGateway", "ec2:CreateVpc")
    creating = sorted(each.removeprefix("ec2:") for each in (*alone, *inside, *across))
    return [
        allow(
            "CreateAlone",
            alone,
            scope.arns("ec2", "elastic-ip/*", "internet-gateway/*", "vpc/*"),
            scope.tagging,
        ),
        allow(
            "CreateInside",
            inside,
            scope.arns("ec2", "route-table/*", "security-group/*", "subnet/*"),
            scope.tagging,
        ),
        allow(
            "CreateAcross",
            across,
            scope.arns(
                "ec2", "natgateway/*", "security-group-rule/*", "vpc-endpoint/*", "vpc-flow-log/*"
            ),
            scope.tagging,
        ),
        allow(
            "Use",
            [
                *inside,
                *across,
                *("ec2:AssociateRouteTable", "ec2:AttachInternetGateway", "ec2:CreateRoute"),
                *("ec2:CreateTags", "ec2:DeleteFlowLogs", "ec2:DeleteInternetGateway"),
                *("ec2:DeleteNatGateway", "ec2:DeleteRoute", "ec2:DeleteRouteTable"),
                *("ec2:DeleteSecurityGroup", "ec2:DeleteSubnet", "ec2:DeleteTags"),
                *("ec2:DeleteVpc", "ec2:DeleteVpcEndpoints", "ec2:DetachInternetGateway"),
                *("ec2:DisassociateAddress", "ec2:DisassociateRouteTable"),
                *("ec2:ModifySecurityGroupRules", "ec2:ModifySubnetAttribute"),
                *("ec2:ModifyVpcAttribute", "ec2:ModifyVpcEndpoint", "ec2:ReleaseAddress"),
                *("ec2:ReplaceRoute", "ec2:ReplaceRouteTableAssociation"),
                *("ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress"),
            ],
            scope.arns("ec2", "*"),
            scope.tagged,
        ),
        allow(
            "TagNew",
            ["ec2:CreateTags"],
            scope.arns("ec2", "*"),
            {"StringEquals": {**scope.tagging["StringEquals"], "ec2:CreateAction": creating}},
        ),
        # AWS makes a VPC's default group, without tags; it is tagged before it is emptied.
        allow(
            "TagDefaultGroup",
            ["ec2:CreateTags"],
            scope.arns("ec2", "security-group/*"),
            scope.claiming,
        ),
    ]


def compute(scope: Scope) -> list[Statement]:
    """Cluster, services, load balancer and autoscaling."""
    cluster = f"{PROJECT}-cluster-{scope.environment}"
    balancing = "elasticloadbalancing"
    balancers = scope.arns(
        balancing, "listener-rule/app/*", "listener/app/*", "loadbalancer/app/*", "targetgroup/*"
    )
    targets = scope.arns("application-autoscaling", "scalable-target/*")
    return [
        allow(
            "Services",
            [
                *("ecs:CreateCluster", "ecs:CreateService", "ecs:DeleteCluster"),
                *("ecs:DeleteService", "ecs:PutClusterCapacityProviders"),
                *("ecs:RegisterTaskDefinition", "ecs:StopServiceDeployment", "ecs:TagResource"),
                *("ecs:UntagResource", "ecs:UpdateCluster", "ecs:UpdateClusterSettings"),
                "ecs:UpdateService",
            ],
            scope.arns(
                "ecs",
                f"cluster/{cluster}",
                f"service/{cluster}/*",
                f"service-deployment/{cluster}/*",
                f"task-definition/{PROJECT}-*-{scope.environment}:*",
            ),
        ),
        # The action knows no resources.
        allow("Retire", ["ecs:DeregisterTaskDefinition"], "*"),
        allow(
            "CreateBalancers",
            [f"{balancing}:CreateLoadBalancer", f"{balancing}:CreateTargetGroup"],
            scope.arns(balancing, "loadbalancer/app/*", "targetgroup/*"),
            scope.tagging,
        ),
        allow(
            "UseBalancers",
            [
                f"{balancing}:{action}"
                for action in (
                    *("AddTags", "CreateListener", "CreateRule", "DeleteListener"),
                    *("DeleteLoadBalancer", "DeleteRule", "DeleteTargetGroup"),
                    *("DeregisterTargets", "ModifyListener", "ModifyListenerAttributes"),
                    *("ModifyLoadBalancerAttributes", "ModifyRule", "ModifyTargetGroup"),
                    *("ModifyTargetGroupAttributes", "RemoveTags", "SetIpAddressType"),
                    *("SetRulePriorities", "SetSecurityGroups", "SetSubnets"),
                )
            ],
            balancers,
            scope.tagged,
        ),
        allow("TagBalancers", [f"{balancing}:AddTags"], balancers, scope.claiming),
        # The action knows no resources; the firewall's rights name the load balancer.
        allow("Shield", [f"{balancing}:SetWebACL"], "*"),
        allow(
            "CreateScaling",
            [
                "application-autoscaling:RegisterScalableTarget",
                "application-autoscaling:TagResource",
            ],
            targets,
            scope.claiming,
        ),
        allow(
            "UseScaling",
            [
                f"application-autoscaling:{action}"
                for action in (
                    *("DeleteScalingPolicy", "DeleteScheduledAction", "DeregisterScalableTarget"),
                    *("PutScalingPolicy", "PutScheduledAction", "RegisterScalableTarget"),
                    *("TagResource", "UntagResource"),
                )
            ],
            targets,
            scope.tagged,
        ),
    ]


def data(scope: Scope) -> list[Statement]:
    """Database, cache and backups."""
    database = f"{PROJECT}-db-{scope.environment}"
    cache = f"{PROJECT}-cache-{scope.environment}"
    tests = f"restore-testing-plan:{Names(scope.environment).restore_testing}"
    return [
        allow(
            "Database",
            [
                *("rds:AddTagsToResource", "rds:CreateDBInstance"),
                *("rds:CreateDBInstanceReadReplica", "rds:CreateDBParameterGroup"),
                *("rds:CreateDBSnapshot", "rds:CreateDBSubnetGroup"),
                *("rds:CreateEventSubscription", "rds:DeleteDBInstance"),
                *("rds:DeleteDBParameterGroup", "rds:DeleteDBSubnetGroup"),
                *("rds:DeleteEventSubscription", "rds:ModifyDBInstance"),
                *("rds:ModifyDBParameterGroup", "rds:ModifyDBSubnetGroup"),
                *("rds:ModifyEventSubscription", "rds:PromoteReadReplica"),
                *("rds:RebootDBInstance", "rds:RemoveTagsFromResource"),
                *("rds:ResetDBParameterGroup", "rds:RestoreDBInstanceFromDBSnapshot"),
                "rds:RestoreDBInstanceToPointInTime",
                "rds:StartDBInstanceAutomatedBackupsReplication",
                "rds:StopDBInstanceAutomatedBackupsReplication",
            ],
            [
                *scope.arns(
                    "rds",
                    f"db:{database}",
                    f"db:{database}-*",
                    f"snapshot:{database}-*",
                    "og:default:*",
                    "pg:default.*",
                ),
                *scope.auto_named("rds", "es:", "pg:", "subgrp:"),
            ],
        ),
        # RDS and AWS Backup name their snapshots, and give them the database's tags.
        allow(
            "Snapshots",
            ["rds:RestoreDBInstanceFromDBSnapshot"],
            scope.arns("rds", "snapshot:*"),
            scope.tagged,
        ),
        allow(
            "Cache",
            [
                *("elasticache:AddTagsToResource", "elasticache:CreateCacheParameterGroup"),
                *("elasticache:CreateCacheSubnetGroup", "elasticache:CreateReplicationGroup"),
                *("elasticache:CreateSnapshot", "elasticache:DecreaseReplicaCount"),
                *("elasticache:DeleteCacheParameterGroup", "elasticache:DeleteCacheSubnetGroup"),
                *("elasticache:DeleteReplicationGroup", "elasticache:IncreaseReplicaCount"),
                *("elasticache:ModifyCacheParameterGroup", "elasticache:ModifyCacheSubnetGroup"),
                "elasticache:ModifyReplicationGroup",
                "elasticache:ModifyReplicationGroupShardConfiguration",
                "elasticache:RemoveTagsFromResource",
                "elasticache:ResetCacheParameterGroup",
            ],
            [
                *scope.arns(
                    "elasticache",
                    f"replicationgroup:{cache}",
                    f"cluster:{cache}-*",
                    f"snapshot:{cache}-*",
                ),
                *scope.auto_named("elasticache", "parametergroup:", "subnetgroup:"),
            ],
        ),
        allow(
            "Vaults",
            [
                *("backup:CreateBackupVault", "backup:CreateRestoreTestingPlan"),
                *("backup:CreateRestoreTestingSelection", "backup:DeleteBackupVault"),
                *("backup:DeleteBackupVaultAccessPolicy", "backup:DeleteBackupVaultNotifications"),
                *("backup:DeleteRestoreTestingPlan", "backup:DeleteRestoreTestingSelection"),
                *("backup:PutBackupVaultAccessPolicy", "backup:PutBackupVaultLockConfiguration"),
                *("backup:PutBackupVaultNotifications", "backup:TagResource"),
                *("backup:UntagResource", "backup:UpdateRestoreTestingPlan"),
                "backup:UpdateRestoreTestingSelection",
            ],
            [
                *scope.auto_named("backup", "backup-vault:"),
                *scope.fixed("backup", "backup-vault:"),
                # AWS Backup adds an identifier.
                *scope.arns("backup", f"{tests}-*", f"{tests}_*"),
            ],
        ),
        # Vaults keep their contents in a storage that has no ARNs.
        allow("MountVault", ["backup-storage:MountCapsule"], "*"),
        allow(
            "CreatePlan",
            ["backup:CreateBackupPlan", "backup:TagResource"],
            scope.arns("backup", "backup-plan:*"),
            scope.claiming,
        ),
        allow(
            "UsePlan",
            [
                *("backup:CreateBackupSelection", "backup:DeleteBackupPlan"),
                *("backup:DeleteBackupSelection", "backup:TagResource", "backup:UntagResource"),
                "backup:UpdateBackupPlan",
            ],
            scope.arns("backup", "backup-plan:*"),
            scope.tagged,
        ),
    ]


def keys(scope: Scope) -> list[Statement]:
    """Keys, and the parameters that they encrypt."""
    keys = scope.arns("kms", "key/*")
    aliases = scope.auto_named("kms", "alias/")
    return [
        # The action knows no resources.
        allow("CreateKey", ["kms:CreateKey"], "*", scope.tagging),
        allow("TagNewKey", ["kms:TagResource"], keys, scope.claiming),
        # Nothing deletes a key: keys outlive their stack.
        allow(
            "UseKeys",
            [
                *("kms:CreateAlias", "kms:CreateGrant", "kms:Decrypt", "kms:DeleteAlias"),
                *("kms:EnableKeyRotation", "kms:Encrypt", "kms:GenerateDataKey*"),
                *("kms:PutKeyPolicy", "kms:ReEncrypt*", "kms:ReplicateKey", "kms:TagResource"),
                *("kms:UntagResource", "kms:UpdateAlias", "kms:UpdateKeyDescription"),
            ],
            keys,
            scope.tagged,
        ),
        allow("Aliases", ["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"], aliases),
        allow(
            "Parameters",
            [
                *("ssm:AddTagsToResource", "ssm:DeleteParameter", "ssm:GetParameter"),
                *("ssm:GetParameters", "ssm:PutParameter", "ssm:RemoveTagsFromResource"),
            ],
            scope.arns("ssm", f"parameter/{PROJECT}/{scope.environment}/*"),
        ),
        # `rollback` looks for the version that ran before.
        allow(
            "Releases",
            ["ssm:GetParameterHistory"],
            scope.arns("ssm", f"parameter/{PROJECT}/{scope.environment}/release/*"),
        ),
    ]
