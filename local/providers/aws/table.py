"""Every resource type that the local cloud has. How one is added: docs/local-cloud.md."""

from typing import Final

from local.providers.aws import (
    special,
    table_account,
    table_backup,
    table_data,
    table_delivery,
    table_edge,
    table_functions,
    table_monitoring,
    table_service,
    table_storage,
)
from local.providers.aws.rows import AutoName, Call, Read, ResourceType, Set, Tagging

_EC2_TAGGING: Final = Tagging(
    add=Call("create_tags", {"Resources": ["{id}"]}),
    remove=Call("delete_tags", {"Resources": ["{id}"]}),
)


def _ec2(operation: str, parameter: str, item: str) -> tuple[Read, ...]:
    return (Read(Call(operation, {parameter: ["{id}"]}), item),)


def _vpc_attribute(name: str) -> Read:
    request = Call("describe_vpc_attribute", {"VpcId": "{id}", "Attribute": name})
    return Read(request, f"{name[:1].upper()}{name[1:]}.Value", into=name)


def _of_vpc(operation: str, answer: str, name: str, *extra: dict[str, object]) -> Read:
    of_vpc = {"Name": "vpc-id", "Values": ["{id}"]}
    return Read(Call(operation, {"Filters": [of_vpc, *extra]}), answer, into=name)


_NETWORK: Final = {
    "aws:ec2/vpc:Vpc": ResourceType(
        cloudformation="AWS::EC2::VPC",
        service="ec2",
        create=Call("create_vpc"),
        id="Vpc.VpcId",
        tag_specification="vpc",
        tagging=_EC2_TAGGING,
        read=(
            *_ec2("describe_vpcs", "VpcIds", "Vpcs[0]"),
            _vpc_attribute("enableDnsSupport"),
            _vpc_attribute("enableDnsHostnames"),
            _of_vpc(
                "describe_security_groups",
                "SecurityGroups[0].GroupId",
                "defaultSecurityGroupId",
                {"Name": "group-name", "Values": ["default"]},
            ),
            _of_vpc(
                "describe_route_tables",
                "RouteTables[?Associations[?Main]].RouteTableId | [0]",
                "mainRouteTableId",
            ),
            _of_vpc(
                "describe_network_acls",
                "NetworkAcls[?IsDefault].NetworkAclId | [0]",
                "defaultNetworkAclId",
            ),
        ),
        outputs={
            "arn": "arn:aws:ec2:{region}:{account}:vpc/{id}",
            "defaultRouteTableId": "mainRouteTableId",
        },
        empty=frozenset({"ipv6AssociationId"}),
        set=(
            Set(("enableDnsSupport",), Call("modify_vpc_attribute", {"VpcId": "{id}"})),
            Set(("enableDnsHostnames",), Call("modify_vpc_attribute", {"VpcId": "{id}"})),
        ),
        delete=(Call("delete_vpc", {"VpcId": "{id}"}),),
        defaults={"enableDnsSupport": True},
        checks=(special.vpc_size,),
        after_create=special.give_default_group_its_self_rule,
    ),
    "aws:ec2/subnet:Subnet": ResourceType(
        cloudformation="AWS::EC2::Subnet",
        service="ec2",
        create=Call("create_subnet"),
        id="Subnet.SubnetId",
        tag_specification="subnet",
        tagging=_EC2_TAGGING,
        read=_ec2("describe_subnets", "SubnetIds", "Subnets[0]"),
        outputs={"arn": "SubnetArn"},
        empty=frozenset({"ipv6CidrBlockAssociationId"}),
        set=(
            Set(("mapPublicIpOnLaunch",), Call("modify_subnet_attribute", {"SubnetId": "{id}"})),
            Set(
                ("assignIpv6AddressOnCreation",),
                Call("modify_subnet_attribute", {"SubnetId": "{id}"}),
            ),
        ),
        delete=(Call("delete_subnet", {"SubnetId": "{id}"}),),
        defaults={"mapPublicIpOnLaunch": False, "assignIpv6AddressOnCreation": False},
    ),
    "aws:ec2/internetGateway:InternetGateway": ResourceType(
        cloudformation="AWS::EC2::InternetGateway",
        service="ec2",
        create=Call("create_internet_gateway"),
        id="InternetGateway.InternetGatewayId",
        tag_specification="internet-gateway",
        tagging=_EC2_TAGGING,
        read=_ec2("describe_internet_gateways", "InternetGatewayIds", "InternetGateways[0]"),
        outputs={
            "arn": "arn:aws:ec2:{region}:{account}:internet-gateway/{id}",
            "vpcId": "Attachments[0].VpcId",
        },
        set=(
            Set(
                ("vpcId",),
                Call("attach_internet_gateway", {"InternetGatewayId": "{id}"}),
                unset=Call(
                    "detach_internet_gateway", {"InternetGatewayId": "{id}", "VpcId": "{vpcId}"}
                ),
                unset_first=True,
            ),
        ),
        delete=(
            Call("detach_internet_gateway", {"InternetGatewayId": "{id}", "VpcId": "{vpcId}"}),
            Call("delete_internet_gateway", {"InternetGatewayId": "{id}"}),
        ),
    ),
    "aws:ec2/routeTable:RouteTable": ResourceType(
        cloudformation="AWS::EC2::RouteTable",
        service="ec2",
        create=Call("create_route_table"),
        id="RouteTable.RouteTableId",
        tag_specification="route-table",
        tagging=_EC2_TAGGING,
        read=_ec2("describe_route_tables", "RouteTableIds", "RouteTables[0]"),
        # Routes are resources of their own: in the table's outputs each would be drift.
        outputs={
            "arn": "arn:aws:ec2:{region}:{account}:route-table/{id}",
            "routes": "`null`",
            "propagatingVgws": "`[]`",
        },
        delete=(Call("delete_route_table", {"RouteTableId": "{id}"}),),
    ),
    "aws:ec2/route:Route": ResourceType(
        cloudformation="AWS::EC2::Route",
        service="ec2",
        create=Call("create_route"),
        id="r-{routeTableId}-{destinationCidrBlock}",
        kept=frozenset({"routeTableId"}),
        empty=frozenset({"instanceId", "instanceOwnerId"}),
        read=(
            Read(
                Call("describe_route_tables", {"RouteTableIds": ["{routeTableId}"]}),
                "RouteTables[0].Routes[?DestinationCidrBlock=='{destinationCidrBlock}'] | [0]",
            ),
        ),
        set=(
            Set(
                ("gatewayId", "natGatewayId"),
                Call(
                    "replace_route",
                    {
                        "RouteTableId": "{routeTableId}",
                        "DestinationCidrBlock": "{destinationCidrBlock}",
                    },
                ),
            ),
        ),
        checks=(special.ipv4_route,),
        delete=(
            Call(
                "delete_route",
                {
                    "RouteTableId": "{routeTableId}",
                    "DestinationCidrBlock": "{destinationCidrBlock}",
                },
            ),
        ),
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": ResourceType(
        cloudformation="AWS::EC2::SubnetRouteTableAssociation",
        service="ec2",
        create=Call("associate_route_table"),
        id="AssociationId",
        read=(
            Read(
                Call(
                    "describe_route_tables",
                    {
                        "Filters": [
                            {
                                "Name": "association.route-table-association-id",
                                "Values": ["{id}"],
                            }
                        ]
                    },
                ),
                "RouteTables[].Associations[] | [?RouteTableAssociationId=='{id}'] | [0]",
            ),
        ),
        delete=(Call("disassociate_route_table", {"AssociationId": "{id}"}),),
        # pulumi-aws changes the table in place and with it the id, which an update here cannot.
        delete_before_replace=True,
    ),
    "aws:ec2/eip:Eip": ResourceType(
        cloudformation="AWS::EC2::EIP",
        service="ec2",
        create=Call("allocate_address", {"Domain": "vpc"}),
        id="AllocationId",
        tag_specification="elastic-ip",
        tagging=_EC2_TAGGING,
        read=_ec2("describe_addresses", "AllocationIds", "Addresses[0]"),
        # Who uses the address is another resource's matter, and would be drift here.
        outputs={
            "arn": "arn:aws:ec2:{region}:{account}:elastic-ip/{id}",
            "associationId": "`null`",
            "instance": "`null`",
            "networkInterface": "`null`",
            "privateIp": "`null`",
        },
        empty=frozenset(
            {
                "associationId",
                "carrierIp",
                "customerOwnedIp",
                "privateDns",
                "privateIp",
                "ptrRecord",
                "publicDns",
            }
        ),
        delete=(Call("release_address", {"AllocationId": "{id}"}),),
        handled=frozenset({"domain"}),
    ),
    "aws:ec2/natGateway:NatGateway": ResourceType(
        cloudformation="AWS::EC2::NatGateway",
        service="ec2",
        create=Call("create_nat_gateway"),
        id="NatGateway.NatGatewayId",
        tag_specification="natgateway",
        tagging=_EC2_TAGGING,
        read=(
            Read(
                Call("describe_nat_gateways", {"NatGatewayIds": ["{id}"]}),
                "NatGateways[?State!='deleted'] | [0]",
            ),
        ),
        outputs={
            "allocationId": "NatGatewayAddresses[0].AllocationId",
            "associationId": "NatGatewayAddresses[0].AssociationId",
            "networkInterfaceId": "NatGatewayAddresses[0].NetworkInterfaceId",
            "privateIp": "NatGatewayAddresses[0].PrivateIp",
            "publicIp": "NatGatewayAddresses[0].PublicIp",
        },
        empty=frozenset(
            {
                "autoProvisionZones",
                "autoScalingIps",
                "regionalNatGatewayAddresses",
                "regionalNatGatewayAutoMode",
                "routeTableId",
            }
        ),
        delete=(Call("delete_nat_gateway", {"NatGatewayId": "{id}"}),),
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": ResourceType(
        cloudformation="AWS::EC2::VPCEndpoint",
        service="ec2",
        create=Call("create_vpc_endpoint"),
        id="VpcEndpoint.VpcEndpointId",
        tag_specification="vpc-endpoint",
        tagging=_EC2_TAGGING,
        renames={"policy": "PolicyDocument"},
        read=(
            Read(
                Call("describe_vpc_endpoints", {"VpcEndpointIds": ["{id}"]}),
                "VpcEndpoints[?State!='deleted'] | [0]",
            ),
        ),
        outputs={
            "arn": "arn:aws:ec2:{region}:{account}:vpc-endpoint/{id}",
            "securityGroupIds": "Groups[].GroupId",
        },
        empty=frozenset({"cidrBlocks", "prefixListId", "requesterManaged"}),
        set=(
            *(
                Set(
                    (name,),
                    Call("modify_vpc_endpoint", {"VpcEndpointId": "{id}"}),
                    add=f"Add{member}",
                    remove=f"Remove{member}",
                )
                for name, member in (
                    ("routeTableIds", "RouteTableIds"),
                    ("subnetIds", "SubnetIds"),
                    ("securityGroupIds", "SecurityGroupIds"),
                )
            ),
            *(
                Set((name,), Call("modify_vpc_endpoint", {"VpcEndpointId": "{id}"}))
                for name in ("policy", "privateDnsEnabled")
            ),
        ),
        delete=(Call("delete_vpc_endpoints", {"VpcEndpointIds": ["{id}"]}),),
    ),
    "aws:ec2/flowLog:FlowLog": ResourceType(
        cloudformation="AWS::EC2::FlowLog",
        service="ec2",
        create=Call("create_flow_logs"),
        id="FlowLogIds[0]",
        tag_specification="vpc-flow-log",
        tagging=_EC2_TAGGING,
        renames={"iamRoleArn": "DeliverLogsPermissionArn"},
        schema_renames={"vpcId": "ResourceId", "subnetId": "ResourceId"},
        schema_constants={"ResourceType": "VPC"},
        defaults={"logDestinationType": "cloud-watch-logs", "maxAggregationInterval": 600},
        read=_ec2("describe_flow_logs", "FlowLogIds", "FlowLogs[0]"),
        outputs={
            "arn": "arn:aws:ec2:{region}:{account}:vpc-flow-log/{id}",
            "vpcId": "ResourceId",
        },
        delete=(Call("delete_flow_logs", {"FlowLogIds": ["{id}"]}),),
        handled=special.FLOW_LOG_PROPERTIES,
        parameters=special.flow_log,
    ),
}

_SECURITY_GROUPS: Final = {
    "aws:ec2/securityGroup:SecurityGroup": ResourceType(
        cloudformation="AWS::EC2::SecurityGroup",
        service="ec2",
        create=Call("create_security_group"),
        id="GroupId",
        tag_specification="security-group",
        tagging=_EC2_TAGGING,
        renames={"name": "GroupName"},
        schema_renames={"description": "GroupDescription"},
        autoname=AutoName(longest=255),
        defaults={"description": "Managed by Pulumi"},
        read=_ec2("describe_security_groups", "GroupIds", "SecurityGroups[0]"),
        # Rules are resources of their own: in the group's outputs each would be drift.
        outputs={
            "arn": "arn:aws:ec2:{region}:{account}:security-group/{id}",
            "ingress": "`null`",
            "egress": "`null`",
        },
        delete=(Call("delete_security_group", {"GroupId": "{id}"}),),
        handled=frozenset({"revokeRulesOnDelete"}),
        kept=frozenset({"revokeRulesOnDelete"}),
        checks=(special.no_revocation_on_delete,),
        after_create=special.take_away_allow_all_egress,
        before_delete=special.refuse_group_in_use,
    ),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": ResourceType(
        cloudformation="AWS::EC2::SecurityGroup",
        service="ec2",
        create=Call(
            "describe_security_groups",
            {
                "Filters": [
                    {"Name": "vpc-id", "Values": ["{vpcId}"]},
                    {"Name": "group-name", "Values": ["default"]},
                ]
            },
        ),
        id="SecurityGroups[0].GroupId",
        tagging=_EC2_TAGGING,
        read=_ec2("describe_security_groups", "GroupIds", "SecurityGroups[0]"),
        schema_constants={"GroupDescription": "default VPC security group"},
        outputs={
            "arn": "arn:aws:ec2:{region}:{account}:security-group/{id}",
            "name": "GroupName",
            "ingress": "IpPermissions",
            "egress": "IpPermissionsEgress",
        },
        empty=frozenset({"namePrefix"}),
        replaced_by=frozenset({"vpcId"}),
        handled=frozenset({"vpcId", "ingress", "egress", "revokeRulesOnDelete"}),
        kept=frozenset({"revokeRulesOnDelete"}),
        parameters=special.nothing,
        checks=(special.only_an_empty_default_group, special.no_revocation_on_delete),
        after_create=special.empty_group,
    ),
    **{
        f"aws:vpc/securityGroup{kind}Rule:SecurityGroup{kind}Rule": ResourceType(
            cloudformation=f"AWS::EC2::SecurityGroup{kind}",
            service="ec2",
            create=Call(f"authorize_security_group_{kind.lower()}"),
            id="SecurityGroupRules[0].SecurityGroupRuleId",
            tag_specification="security-group-rule",
            tagging=_EC2_TAGGING,
            schema_renames={
                "securityGroupId": "GroupId",
                "cidrIpv4": "CidrIp",
                "prefixListId": f"{side}PrefixListId",
                "referencedSecurityGroupId": f"{side}SecurityGroupId",
            },
            api_renames={"securityGroupId": "GroupId"},
            read=_ec2(
                "describe_security_group_rules", "SecurityGroupRuleIds", "SecurityGroupRules[0]"
            ),
            outputs={
                "arn": "arn:aws:ec2:{region}:{account}:security-group-rule/{id}",
                "securityGroupRuleId": "SecurityGroupRuleId",
                "referencedSecurityGroupId": "ReferencedGroupInfo.GroupId",
            },
            replaced_by=frozenset({"securityGroupId"}),
            # EC2, ModifySecurityGroupRules: "Invalid rule type" for another kind of source.
            replaced_by_kind=special.RULE_SOURCES,
            set=(
                Set(
                    special.RULE_PROPERTIES,
                    Call("modify_security_group_rules"),
                    parameters=special.security_group_rule_update,
                ),
            ),
            delete=(
                Call(
                    f"revoke_security_group_{kind.lower()}",
                    {"GroupId": "{securityGroupId}", "SecurityGroupRuleIds": ["{id}"]},
                ),
            ),
            handled=frozenset({"securityGroupId", *special.RULE_PROPERTIES}),
            parameters=special.security_group_rule,
            after_create=special.describe_rule_by_group,
            checks=(special.rule_ports,),
        )
        for kind, side in (("Ingress", "Source"), ("Egress", "Destination"))
    },
}

_LOG_GROUP_ARN: Final = "arn:aws:logs:{region}:{account}:log-group:{id}"

_LOGS: Final = {
    "aws:cloudwatch/logGroup:LogGroup": ResourceType(
        cloudformation="AWS::Logs::LogGroup",
        service="logs",
        create=Call("create_log_group"),
        id="{name}",
        tagging=Tagging(
            add=Call("tag_resource", {"resourceArn": _LOG_GROUP_ARN}),
            remove=Call("untag_resource", {"resourceArn": _LOG_GROUP_ARN}),
        ),
        autoname=AutoName(longest=512),
        read=(
            Read(
                Call("describe_log_groups", {"logGroupNamePrefix": "{id}"}),
                "logGroups[?logGroupName=='{id}'] | [0]",
            ),
            Read(Call("list_tags_log_group", {"logGroupName": "{id}"}), "tags", into="tags"),
        ),
        outputs={
            "arn": _LOG_GROUP_ARN,
            "skipDestroy": "`null`",
        },
        set=(
            Set(
                ("retentionInDays",),
                Call("put_retention_policy", {"logGroupName": "{id}"}),
                unset=Call("delete_retention_policy", {"logGroupName": "{id}"}),
            ),
            # The emulator has no AssociateKmsKey: another key is refused at preview.
        ),
        delete=(Call("delete_log_group", {"logGroupName": "{id}"}),),
        before_create=special.key_admits_logs,
        checks=(special.log_group_name,),
    ),
}

_KEYS: Final = {
    "aws:kms/key:Key": ResourceType(
        cloudformation="AWS::KMS::Key",
        service="kms",
        create=Call("create_key"),
        id="KeyMetadata.KeyId",
        tagging=Tagging(
            add=Call("tag_resource", {"KeyId": "{id}"}),
            remove=Call("untag_resource", {"KeyId": "{id}"}),
        ),
        renames={"customerMasterKeySpec": "KeySpec"},
        api_renames={"policy": "Policy"},
        schema_renames={
            "deletionWindowInDays": "PendingWindowInDays",
            "bypassPolicyLockoutSafetyCheck": "BypassPolicyLockoutSafetyCheck",
        },
        read=(
            Read(
                Call("describe_key", {"KeyId": "{id}"}),
                "KeyMetadata.[@] | [?KeyState!='PendingDeletion'] | [0]",
            ),
            Read(
                Call("get_key_policy", {"KeyId": "{id}", "PolicyName": "default"}),
                "Policy",
                into="policy",
            ),
            Read(
                Call("get_key_rotation_status", {"KeyId": "{id}"}),
                "KeyRotationEnabled",
                into="enableKeyRotation",
            ),
            Read(Call("list_resource_tags", {"KeyId": "{id}"}), "Tags", into="Tags"),
        ),
        outputs={"isEnabled": "Enabled"},
        set=(
            Set(
                ("enableKeyRotation",),
                Call("enable_key_rotation", {"KeyId": "{id}"}),
                unset=Call("disable_key_rotation", {"KeyId": "{id}"}),
                toggle=True,
            ),
            Set(("description",), Call("update_key_description", {"KeyId": "{id}"})),
            Set(("policy",), Call("put_key_policy", {"KeyId": "{id}", "PolicyName": "default"})),
        ),
        delete=(
            Call(
                "schedule_key_deletion",
                {"KeyId": "{id}", "PendingWindowInDays": "{deletionWindowInDays}"},
            ),
        ),
        defaults={"deletionWindowInDays": 30},
        handled=frozenset({"deletionWindowInDays"}),
        kept=frozenset({"deletionWindowInDays", "bypassPolicyLockoutSafetyCheck"}),
        replaced_by=frozenset({"customerMasterKeySpec", "keyUsage", "multiRegion"}),
        checks=(special.key_administrators,),
    ),
    "aws:kms/alias:Alias": ResourceType(
        cloudformation="AWS::KMS::Alias",
        service="kms",
        create=Call("create_alias"),
        id="{name}",
        renames={"name": "AliasName"},
        autoname=AutoName(longest=256, prefix="alias/"),
        read=(Read(Call("list_aliases"), "Aliases[?AliasName=='{id}'] | [0]"),),
        outputs={
            "arn": "AliasArn",
            "targetKeyArn": "arn:aws:kms:{region}:{account}:key/{targetKeyId}",
        },
        set=(Set(("targetKeyId",), Call("update_alias", {"AliasName": "{name}"})),),
        delete=(Call("delete_alias", {"AliasName": "{id}"}),),
    ),
}

_ROLE_TAGGING: Final = Tagging(
    add=Call("tag_role", {"RoleName": "{id}"}), remove=Call("untag_role", {"RoleName": "{id}"})
)

_IAM: Final = {
    "aws:iam/role:Role": ResourceType(
        cloudformation="AWS::IAM::Role",
        service="iam",
        create=Call("create_role"),
        id="Role.RoleName",
        tagging=_ROLE_TAGGING,
        autoname=AutoName(longest=64),
        renames={"assumeRolePolicy": "AssumeRolePolicyDocument"},
        read=(Read(Call("get_role", {"RoleName": "{id}"}), "Role"),),
        # Policies are resources of their own: in the role's outputs each would be drift.
        outputs={
            "uniqueId": "RoleId",
            "createDate": "CreateDate",
            "permissionsBoundary": "PermissionsBoundary.PermissionsBoundaryArn",
            "inlinePolicies": "`null`",
            "managedPolicyArns": "`null`",
        },
        set=(
            Set(
                ("assumeRolePolicy",),
                Call(
                    "update_assume_role_policy",
                    {"RoleName": "{id}", "PolicyDocument": "{assumeRolePolicy}"},
                ),
            ),
            *(
                Set((name,), Call("update_role", {"RoleName": "{id}"}))
                for name in ("description", "maxSessionDuration")
            ),
            Set(
                ("permissionsBoundary",),
                Call("put_role_permissions_boundary", {"RoleName": "{id}"}),
                unset=Call("delete_role_permissions_boundary", {"RoleName": "{id}"}),
            ),
        ),
        delete=(Call("delete_role", {"RoleName": "{id}"}),),
        handled=frozenset({"forceDetachPolicies"}),
        kept=frozenset({"forceDetachPolicies"}),
        checks=(special.no_forced_detachment,),
    ),
    "aws:iam/rolePolicy:RolePolicy": ResourceType(
        cloudformation="AWS::IAM::RolePolicy",
        service="iam",
        create=Call("put_role_policy"),
        id="{role}:{name}",
        autoname=AutoName(longest=128),
        renames={"role": "RoleName", "name": "PolicyName", "policy": "PolicyDocument"},
        read=(
            Read(
                Call("get_role_policy", {"RoleName": "{role}", "PolicyName": "{name}"}),
                "@",
            ),
        ),
        set=(
            Set(
                ("policy",),
                Call("put_role_policy", {"RoleName": "{role}", "PolicyName": "{name}"}),
            ),
        ),
        delete=(Call("delete_role_policy", {"RoleName": "{role}", "PolicyName": "{name}"}),),
    ),
}

ROWS: Final = {**_NETWORK, **_SECURITY_GROUPS, **_LOGS, **_KEYS, **_IAM}

TABLE: Final[dict[str, ResourceType]] = {
    **ROWS,
    **table_data.ROWS,
    **table_backup.ROWS,
    **table_functions.ROWS,
    **table_monitoring.ROWS,
    **table_storage.ROWS,
    **table_service.ROWS,
    **table_edge.ROWS,
    **table_delivery.ROWS,
    **table_account.ROWS,
}
