"""The rows of databases, caches and parameters; `table.py` joins them to the others."""

from typing import Final

from local.providers.aws import special_data
from local.providers.aws.rows import AutoName, Call, Read, ResourceType, Set, Tagging


def _tags(arn: str) -> Read:
    return Read(Call("list_tags_for_resource", {"ResourceName": arn}), "TagList", into="TagList")


def _arn(service: str, kind: str) -> str:
    return f"arn:aws:{service}:{{region}}:{{account}}:{kind}:{{id}}"


def _tagging(arn: str) -> Tagging:
    return Tagging(
        add=Call("add_tags_to_resource", {"ResourceName": arn}),
        remove=Call("remove_tags_from_resource", {"ResourceName": arn}),
    )


_DATABASE: Final = {
    "aws:rds/subnetGroup:SubnetGroup": ResourceType(
        cloudformation="AWS::RDS::DBSubnetGroup",
        service="rds",
        create=Call("create_db_subnet_group"),
        id="{name}",
        tagging=_tagging(_arn("rds", "subgrp")),
        autoname=AutoName(longest=255),
        defaults={"description": "Managed by Pulumi"},
        read=(
            Read(
                Call("describe_db_subnet_groups", {"DBSubnetGroupName": "{id}"}),
                "DBSubnetGroups[0]",
            ),
            _tags(_arn("rds", "subgrp")),
        ),
        outputs={
            "arn": "DBSubnetGroupArn",
            "subnetIds": "Subnets[].SubnetIdentifier",
            "supportedNetworkTypes": "SupportedNetworkTypes || ['IPV4']",
        },
        set=(
            Set(
                ("description", "subnetIds"),
                Call(
                    "modify_db_subnet_group",
                    {
                        "DBSubnetGroupName": "{id}",
                        "DBSubnetGroupDescription": "{description}",
                        "SubnetIds": "{subnetIds}",
                    },
                ),
            ),
            Set(
                ("description", "subnetIds"),
                Call("create_db_subnet_group", {"DBSubnetGroupName": "{id}"}),
                parameters=special_data.subnet_group_again,
            ),
        ),
        delete=(Call("delete_db_subnet_group", {"DBSubnetGroupName": "{id}"}),),
        before_delete=special_data.refuse_used_subnet_group,
    ),
    "aws:rds/parameterGroup:ParameterGroup": ResourceType(
        cloudformation="AWS::RDS::DBParameterGroup",
        service="rds",
        create=Call("create_db_parameter_group"),
        id="{name}",
        tagging=_tagging(_arn("rds", "pg")),
        autoname=AutoName(longest=255),
        defaults={"description": "Managed by Pulumi"},
        renames={"family": "DBParameterGroupFamily"},
        schema_renames={"family": "Family", "parameters": "NotInTheSchema"},
        read=(
            Read(
                Call("describe_db_parameter_groups", {"DBParameterGroupName": "{id}"}),
                "DBParameterGroups[0]",
            ),
            Read(
                Call("describe_db_parameters", {"DBParameterGroupName": "{id}", "Source": "user"}),
                "Parameters[?ParameterValue!='']",
                into="parameters",
            ),
            _tags(_arn("rds", "pg")),
        ),
        outputs={"arn": "DBParameterGroupArn"},
        replaced_by=frozenset({"name", "family", "description"}),
        set=(
            Set(
                ("parameters",),
                Call("modify_db_parameter_group", {"DBParameterGroupName": "{id}"}),
                parameters=special_data.parameters_to_set,
                unset=Call("modify_db_parameter_group", {"DBParameterGroupName": "{id}"}),
            ),
        ),
        delete=(Call("delete_db_parameter_group", {"DBParameterGroupName": "{id}"}),),
        after_read=special_data.parameters_as_given,
        before_delete=special_data.refuse_used_parameter_group,
        checks=(special_data.database_parameters,),
        api_checks=(special_data.database_family,),
    ),
    "aws:rds/instance:Instance": ResourceType(
        cloudformation="AWS::RDS::DBInstance",
        service="rds",
        create=Call("create_db_instance"),
        create_instead={
            "replicateSourceDb": Call("create_db_instance_read_replica"),
            "snapshotIdentifier": Call("restore_db_instance_from_db_snapshot"),
        },
        id="DBInstance.DbiResourceId",
        tagging=_tagging("arn:aws:rds:{region}:{account}:db:{identifier}"),
        autoname=AutoName(longest=63, property="identifier"),
        renames={
            "backupWindow": "PreferredBackupWindow",
            "caCertIdentifier": "CACertificateIdentifier",
            "enabledCloudwatchLogsExports": "EnableCloudwatchLogsExports",
            "iamDatabaseAuthenticationEnabled": "EnableIAMDatabaseAuthentication",
            "instanceClass": "DBInstanceClass",
            "maintenanceWindow": "PreferredMaintenanceWindow",
            "parameterGroupName": "DBParameterGroupName",
            "password": "MasterUserPassword",
            "passwordWo": "MasterUserPassword",
            "performanceInsightsEnabled": "EnablePerformanceInsights",
            "replicateSourceDb": "SourceDBInstanceIdentifier",
            "snapshotIdentifier": "DBSnapshotIdentifier",
            "username": "MasterUsername",
        },
        schema_renames={"vpcSecurityGroupIds": "VPCSecurityGroups"},
        read=(
            # By what the id is: an instance of the same name may be another one.
            Read(
                Call(
                    "describe_db_instances",
                    {"Filters": [{"Name": "dbi-resource-id", "Values": ["{id}"]}]},
                ),
                "DBInstances[0]",
            ),
        ),
        outputs={
            "address": "Endpoint.Address",
            "arn": "DBInstanceArn",
            "dbSubnetGroupName": "DBSubnetGroup.DBSubnetGroupName",
            "enabledCloudwatchLogsExports": "EnabledCloudwatchLogsExports",
            "endpoint": "join(':', [Endpoint.Address, to_string(Endpoint.Port)])",
            "hostedZoneId": "Endpoint.HostedZoneId || 'ZLOCALCLOUD'",
            "iamDatabaseAuthenticationEnabled": "IAMDatabaseAuthenticationEnabled",
            # The emulator's is the time of the call, which would be a change with each refresh.
            "latestRestorableTime": "InstanceCreateTime",
            "optionGroupName": "OptionGroupMemberships[0].OptionGroupName",
            "parameterGroupName": "DBParameterGroups[0].DBParameterGroupName",
            "port": "Endpoint.Port",
            "replicas": "ReadReplicaDBInstanceIdentifiers",
            "replicateSourceDb": "ReadReplicaSourceDBInstanceIdentifier",
            "resourceId": "{id}",
            "status": "DBInstanceStatus",
            "vpcSecurityGroupIds": "VpcSecurityGroups[].VpcSecurityGroupId",
        },
        replaced_by=frozenset(
            {
                "availabilityZone",
                "backupTarget",
                "characterSetName",
                "dbName",
                "engine",
                "kmsKeyId",
                "ncharCharacterSetName",
                "snapshotIdentifier",
                "storageEncrypted",
                "timezone",
                "username",
            }
        ),
        set=(
            Set(
                ("identifier",),
                Call(
                    "modify_db_instance",
                    {
                        "DBInstanceIdentifier": "{old_identifier}",
                        "NewDBInstanceIdentifier": "{identifier}",
                        "ApplyImmediately": True,
                    },
                ),
            ),
            Set(
                ("replicateSourceDb",),
                Call("modify_db_instance", {"DBInstanceIdentifier": "{identifier}"}),
                unset=Call("promote_read_replica", {"DBInstanceIdentifier": "{identifier}"}),
                parameters=special_data.cannot_change_source,
            ),
            Set(
                ("enabledCloudwatchLogsExports",),
                Call("modify_db_instance", {"DBInstanceIdentifier": "{identifier}"}),
                add="CloudwatchLogsExportConfiguration.EnableLogTypes",
                remove="CloudwatchLogsExportConfiguration.DisableLogTypes",
            ),
            Set(
                (
                    "allocatedStorage",
                    "allowMajorVersionUpgrade",
                    "autoMinorVersionUpgrade",
                    "backupRetentionPeriod",
                    "backupWindow",
                    "caCertIdentifier",
                    "copyTagsToSnapshot",
                    "databaseInsightsMode",
                    "dbSubnetGroupName",
                    "dedicatedLogVolume",
                    "deletionProtection",
                    "engineVersion",
                    "iamDatabaseAuthenticationEnabled",
                    "instanceClass",
                    "iops",
                    "licenseModel",
                    "maintenanceWindow",
                    "maxAllocatedStorage",
                    "monitoringInterval",
                    "monitoringRoleArn",
                    "multiAz",
                    "networkType",
                    "optionGroupName",
                    "parameterGroupName",
                    "password",
                    "passwordWo",
                    "performanceInsightsEnabled",
                    "performanceInsightsKmsKeyId",
                    "performanceInsightsRetentionPeriod",
                    "publiclyAccessible",
                    "storageThroughput",
                    "storageType",
                    "vpcSecurityGroupIds",
                ),
                Call(
                    "modify_db_instance",
                    {
                        "DBInstanceIdentifier": "{identifier}",
                        "ApplyImmediately": "{applyImmediately}",
                    },
                ),
            ),
        ),
        delete=(Call("delete_db_instance", {"DBInstanceIdentifier": "{identifier}"}),),
        delete_parameters=special_data.instance_deletion,
        handled=frozenset(
            {
                "applyImmediately",
                "deleteAutomatedBackups",
                "finalSnapshotIdentifier",
                "skipFinalSnapshot",
            }
        ),
        kept=frozenset(
            {
                "allowMajorVersionUpgrade",
                "applyImmediately",
                "deleteAutomatedBackups",
                "finalSnapshotIdentifier",
                "password",
                "passwordWoVersion",
                "skipFinalSnapshot",
                "snapshotIdentifier",
            }
        ),
        empty=frozenset({"listenerEndpoints", "masterUserSecrets", "upgradeRolloutOrder"}),
        secrets=frozenset({"password", "passwordWo"}),
        write_only={"passwordWo": "passwordWoVersion"},
        prepare=special_data.instance_to_send,
        after_read=special_data.instance_as_given,
        checks=(special_data.instance,),
        api_checks=(special_data.instance_among_others,),
    ),
}

_CACHE: Final = {
    "aws:elasticache/subnetGroup:SubnetGroup": ResourceType(
        cloudformation="AWS::ElastiCache::SubnetGroup",
        service="elasticache",
        create=Call("create_cache_subnet_group"),
        id="{name}",
        tagging=_tagging(_arn("elasticache", "subnetgroup")),
        autoname=AutoName(longest=255),
        defaults={"description": "Managed by Pulumi"},
        renames={"name": "CacheSubnetGroupName"},
        api_renames={"description": "CacheSubnetGroupDescription"},
        read=(
            Read(
                Call("describe_cache_subnet_groups", {"CacheSubnetGroupName": "{id}"}),
                "CacheSubnetGroups[0]",
            ),
            _tags(_arn("elasticache", "subnetgroup")),
        ),
        outputs={"subnetIds": "Subnets[].SubnetIdentifier"},
        set=(
            Set(
                ("description", "subnetIds"),
                Call("modify_cache_subnet_group", {"CacheSubnetGroupName": "{id}"}),
            ),
        ),
        delete=(Call("delete_cache_subnet_group", {"CacheSubnetGroupName": "{id}"}),),
    ),
    "aws:elasticache/parameterGroup:ParameterGroup": ResourceType(
        cloudformation="AWS::ElastiCache::ParameterGroup",
        service="elasticache",
        create=Call("create_cache_parameter_group"),
        id="{name}",
        tagging=_tagging(_arn("elasticache", "parametergroup")),
        autoname=AutoName(longest=255),
        defaults={"description": "Managed by Pulumi"},
        renames={"name": "CacheParameterGroupName", "family": "CacheParameterGroupFamily"},
        schema_renames={"parameters": "NotInTheSchema"},
        read=(
            Read(
                Call("describe_cache_parameter_groups", {"CacheParameterGroupName": "{id}"}),
                "CacheParameterGroups[0]",
            ),
        ),
        outputs={"arn": _arn("elasticache", "parametergroup")},
        replaced_by=frozenset({"name", "family", "description"}),
        set=(
            Set(
                ("parameters",),
                Call("modify_cache_parameter_group", {"CacheParameterGroupName": "{id}"}),
                unset=Call("reset_cache_parameter_group", {"CacheParameterGroupName": "{id}"}),
                parameters=special_data.cache_parameters,
            ),
        ),
        delete=(Call("delete_cache_parameter_group", {"CacheParameterGroupName": "{id}"}),),
        api_checks=(special_data.cache_family,),
    ),
    "aws:elasticache/replicationGroup:ReplicationGroup": ResourceType(
        cloudformation="AWS::ElastiCache::ReplicationGroup",
        service="elasticache",
        create=Call("create_replication_group"),
        id="ReplicationGroup.ReplicationGroupId",
        tagging=_tagging(_arn("elasticache", "replicationgroup")),
        autoname=AutoName(longest=40, property="replicationGroupId"),
        renames={
            "maintenanceWindow": "PreferredMaintenanceWindow",
            "nodeType": "CacheNodeType",
            "parameterGroupName": "CacheParameterGroupName",
            "subnetGroupName": "CacheSubnetGroupName",
        },
        schema_renames={"replicasPerNodeGroup": "NotInTheSchema"},
        read=(
            Read(
                Call("describe_replication_groups", {"ReplicationGroupId": "{id}"}),
                "ReplicationGroups[0]",
            ),
            _tags(_arn("elasticache", "replicationgroup")),
        ),
        outputs={
            "automaticFailoverEnabled": "AutomaticFailover=='enabled'",
            "configurationEndpointAddress": "ConfigurationEndpoint.Address || ''",
            "dataTieringEnabled": "DataTiering=='enabled'",
            "description": "Description",
            "multiAzEnabled": "MultiAZ=='enabled'",
            "numNodeGroups": "length(NodeGroups)",
            "port": "NodeGroups[0].PrimaryEndpoint.Port",
            "primaryEndpointAddress": "NodeGroups[0].PrimaryEndpoint.Address",
            # The emulator has none, though every group has one on AWS.
            "readerEndpointAddress": "NodeGroups[0].ReaderEndpoint.Address"
            " || join('', ['replica.', NodeGroups[0].PrimaryEndpoint.Address])",
            "replicasPerNodeGroup": "length(NodeGroups[0].NodeGroupMembers[1:])",
            "nodeGroupConfigurations": "`[]`",
        },
        replaced_by=frozenset(
            {
                "atRestEncryptionEnabled",
                "dataTieringEnabled",
                "globalReplicationGroupId",
                "kmsKeyId",
                "networkType",
                "port",
                "replicationGroupId",
                "snapshotArns",
                "snapshotName",
                "subnetGroupName",
            }
        ),
        set=(
            Set(
                (
                    "authToken",
                    "authTokenUpdateStrategy",
                    "authTokenWo",
                    "autoMinorVersionUpgrade",
                    "automaticFailoverEnabled",
                    "description",
                    "engine",
                    "engineVersion",
                    "logDeliveryConfigurations",
                    "maintenanceWindow",
                    "multiAzEnabled",
                    "nodeType",
                    "notificationTopicArn",
                    "parameterGroupName",
                    "securityGroupIds",
                    "snapshotRetentionLimit",
                    "snapshotWindow",
                    "transitEncryptionEnabled",
                    "transitEncryptionMode",
                ),
                Call(
                    "modify_replication_group",
                    {"ReplicationGroupId": "{id}", "ApplyImmediately": "{applyImmediately}"},
                ),
            ),
            Set(
                ("numCacheClusters",),
                Call("increase_replica_count", {"ReplicationGroupId": "{id}"}),
                parameters=special_data.nothing_more,
            ),
        ),
        delete=(Call("delete_replication_group", {"ReplicationGroupId": "{id}"}),),
        delete_parameters=special_data.cache_final_snapshot,
        handled=frozenset({"applyImmediately", "finalSnapshotIdentifier"}),
        kept=frozenset(
            {
                "applyImmediately",
                "authToken",
                "authTokenUpdateStrategy",
                "authTokenWoVersion",
                "finalSnapshotIdentifier",
            }
        ),
        secrets=frozenset({"authToken", "authTokenWo"}),
        write_only={"authTokenWo": "authTokenWoVersion"},
        prepare=special_data.replication_group_to_send,
        after_read=special_data.replication_group_as_given,
        checks=(special_data.replication_group,),
        api_checks=(special_data.replication_group_among_others,),
    ),
}

_PARAMETERS: Final = {
    "aws:ssm/parameter:Parameter": ResourceType(
        cloudformation="AWS::SSM::Parameter",
        service="ssm",
        create=Call("put_parameter"),
        id="{name}",
        tagging=Tagging(
            add=Call("add_tags_to_resource", {"ResourceType": "Parameter", "ResourceId": "{id}"}),
            remove=Call(
                "remove_tags_from_resource", {"ResourceType": "Parameter", "ResourceId": "{id}"}
            ),
        ),
        autoname=AutoName(longest=2048),
        renames={"valueWo": "Value"},
        api_renames={"insecureValue": "NotTakenHere"},
        # CloudFormation cannot make a SecureString and knows no such type.
        schema_renames={"type": "NotInTheSchema"},
        schema_constants={"Type": "String"},
        read=(
            Read(Call("get_parameter", {"Name": "{id}", "WithDecryption": True}), "Parameter"),
            Read(
                Call(
                    "describe_parameters",
                    {"ParameterFilters": [{"Key": "Name", "Values": ["{id}"]}]},
                ),
                "Parameters[0]",
            ),
            Read(
                Call("list_tags_for_resource", {"ResourceType": "Parameter", "ResourceId": "{id}"}),
                "TagList",
                into="TagList",
            ),
        ),
        outputs={
            "arn": "ARN",
            "hasValueWo": "HasValueWo || `false`",
            "insecureValue": "`null`",
        },
        replaced_by=frozenset({"name", "dataType"}),
        set=(
            Set(
                (
                    "allowedPattern",
                    "description",
                    "keyId",
                    "tier",
                    "type",
                    "value",
                    "valueWo",
                ),
                Call("put_parameter", {"Name": "{id}"}),
                parameters=special_data.put_parameter,
            ),
        ),
        delete=(Call("delete_parameter", {"Name": "{id}"}),),
        handled=frozenset({"overwrite"}),
        kept=frozenset({"overwrite", "valueWoVersion"}),
        empty=frozenset({"hasValueWo"}),
        secrets=frozenset({"value", "valueWo"}),
        write_only={"valueWo": "valueWoVersion"},
        after_read=special_data.parameter_as_given,
        checks=(special_data.parameter,),
    ),
}

_POLICIES: Final = {
    "aws:iam/policy:Policy": ResourceType(
        cloudformation="AWS::IAM::ManagedPolicy",
        service="iam",
        create=Call("create_policy"),
        id="Policy.Arn",
        tagging=Tagging(
            add=Call("tag_policy", {"PolicyArn": "{id}"}),
            remove=Call("untag_policy", {"PolicyArn": "{id}"}),
        ),
        autoname=AutoName(longest=128),
        renames={"policy": "PolicyDocument", "name": "PolicyName"},
        schema_renames={"name": "ManagedPolicyName"},
        read=(
            Read(Call("get_policy", {"PolicyArn": "{id}"}), "Policy"),
            Read(
                Call(
                    "get_policy_version", {"PolicyArn": "{id}", "VersionId": "{DefaultVersionId}"}
                ),
                "PolicyVersion.Document",
                into="PolicyDocument",
            ),
        ),
        # Who uses the policy is another resource's matter, and would be drift here.
        outputs={"attachmentCount": "`0`"},
        replaced_by=frozenset({"name", "path", "description"}),
        set=(
            Set(
                ("policy",),
                Call("create_policy_version", {"PolicyArn": "{id}", "SetAsDefault": True}),
            ),
        ),
        delete=(Call("delete_policy", {"PolicyArn": "{id}"}),),
        before_delete=special_data.delete_older_versions,
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": ResourceType(
        cloudformation="AWS::IAM::Role",
        service="iam",
        create=Call("attach_role_policy"),
        id="{role}/{policyArn}",
        renames={"role": "RoleName"},
        schema_constants={
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []},
        },
        schema_renames={"role": "NotInTheSchema", "policyArn": "NotInTheSchema"},
        read=(
            Read(
                Call("list_attached_role_policies", {"RoleName": "{role}"}),
                "AttachedPolicies[?PolicyArn=='{policyArn}'] | [0]",
            ),
        ),
        kept=frozenset({"role"}),
        replaced_by=frozenset({"role", "policyArn"}),
        delete=(Call("detach_role_policy", {"RoleName": "{role}", "PolicyArn": "{policyArn}"}),),
        checks=(special_data.policy_exists,),
    ),
}

ROWS: Final = {**_DATABASE, **_CACHE, **_PARAMETERS, **_POLICIES}
