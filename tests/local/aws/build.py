"""Resources as the engine would create them, for tests of the table."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from local.providers.aws.api import Api
from local.providers.aws.operations import Operations
from local.providers.aws.values import Properties

MakeOperations = Callable[[str], Operations]

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
KEY = "aws:kms/key:Key"
ROLE = "aws:iam/role:Role"
DATABASE = "aws:rds/instance:Instance"
DATABASE_SUBNETS = "aws:rds/subnetGroup:SubnetGroup"
DATABASE_PARAMETERS = "aws:rds/parameterGroup:ParameterGroup"
CACHE = "aws:elasticache/replicationGroup:ReplicationGroup"
PARAMETER = "aws:ssm/parameter:Parameter"
POLICY = "aws:iam/policy:Policy"
MONITORING = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
SENTINEL = "s3ntinel-in-the-clear"

ROOT = {
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
    "Action": "kms:*",
    "Resource": "*",
}
LOGS = {
    "Effect": "Allow",
    "Principal": {"Service": "logs.ap-southeast-2.amazonaws.com"},
    "Action": ["kms:Encrypt*"],
    "Resource": "*",
}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(service: str) -> str:
    return document(
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    )


def in_region(operations: Operations, region: str | None) -> Operations:
    """The same operations where the program's `region` argument sends the resource."""
    return operations if region is None else replace(operations, api=Api(region))


class Stack:
    """Creates resources as the engine would: check, refuse, preview, create."""

    def __init__(self, operations: MakeOperations) -> None:
        self.operations = operations
        self.created: list[tuple[Operations, str, Properties]] = []
        # Another one for each, as the engine's: tests share an emulator, and labels.
        self._seed = os.urandom(32)

    def create(self, token: str, label: str, /, **properties: Any) -> tuple[str, Properties]:
        operations = in_region(self.operations(token), properties.get("region"))
        inputs = operations.check(label, {}, properties, self._seed)
        assert list(operations.refusals(inputs)) == []
        resource_id, outputs = operations.create(f"urn:pulumi:s::p::{token}::{label}", inputs)
        self.created.append((operations, resource_id, inputs))
        return resource_id, outputs

    def update(self, index: int, **changes: Any) -> Properties:
        operations, resource_id, olds = self.created[index]
        news = {k: v for k, v in {**olds, **changes}.items() if v is not None}
        assert operations.diff(olds, news).replaces == ()
        self.created[index] = (operations, resource_id, news)
        urn = f"urn:pulumi:s::p::{operations.token}::updated"
        return operations.update(urn, resource_id, olds, news)


def build_everything(stack: Stack, suffix: str) -> None:
    vpc, _ = stack.create(
        VPC, "main", cidrBlock="10.0.0.0/16", enableDnsHostnames=True, tags={"Name": "main"}
    )
    subnet, _ = stack.create(
        SUBNET,
        "public",
        vpcId=vpc,
        cidrBlock="10.0.1.0/24",
        availabilityZone="ap-southeast-2a",
        mapPublicIpOnLaunch=True,
        assignIpv6AddressOnCreation=False,
    )
    gateway, _ = stack.create("aws:ec2/internetGateway:InternetGateway", "gateway", vpcId=vpc)
    public, _ = stack.create("aws:ec2/routeTable:RouteTable", "public", vpcId=vpc)
    private, _ = stack.create("aws:ec2/routeTable:RouteTable", "private", vpcId=vpc)
    world = "0.0.0.0/0"
    route = {"destinationCidrBlock": world}
    stack.create("aws:ec2/route:Route", "public", routeTableId=public, gatewayId=gateway, **route)
    stack.create(
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        "public",
        routeTableId=public,
        subnetId=subnet,
    )
    address, _ = stack.create("aws:ec2/eip:Eip", "nat")
    nat, _ = stack.create(
        "aws:ec2/natGateway:NatGateway", "nat", subnetId=subnet, allocationId=address
    )
    stack.create("aws:ec2/route:Route", "private", routeTableId=private, natGatewayId=nat, **route)
    stack.create("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "default", vpcId=vpc)
    web, _ = stack.create(GROUP, "web", vpcId=vpc, description="web")
    data, _ = stack.create(GROUP, "data", vpcId=vpc)
    https = {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": world}
    stack.create(INGRESS, "https", securityGroupId=web, description="https", **https)
    from_web = {"ipProtocol": "tcp", "fromPort": 5432, "toPort": 5432, "description": "from web"}
    stack.create(INGRESS, "data", securityGroupId=data, referencedSecurityGroupId=web, **from_web)
    egress = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
    stack.create(egress, "web", securityGroupId=web, ipProtocol="-1", cidrIpv4="10.0.0.0/16")
    endpoint = "aws:ec2/vpcEndpoint:VpcEndpoint"
    stack.create(
        endpoint,
        "s3",
        vpcId=vpc,
        serviceName="com.amazonaws.ap-southeast-2.s3",
        vpcEndpointType="Gateway",
        routeTableIds=[private],
    )
    stack.create(
        endpoint,
        "logs",
        vpcId=vpc,
        serviceName="com.amazonaws.ap-southeast-2.logs",
        vpcEndpointType="Interface",
        subnetIds=[subnet],
        securityGroupIds=[web],
        privateDnsEnabled=True,
    )
    _, key = stack.create(KEY, "logs", enableKeyRotation=True, policy=document(ROOT, LOGS))
    stack.create("aws:kms/alias:Alias", "logs", name=f"alias/{suffix}", targetKeyId=key["keyId"])
    _, log_group = stack.create(
        LOG_GROUP, "flow", name=f"/{suffix}/flow", retentionInDays=30, kmsKeyId=key["arn"]
    )
    role, role_outputs = stack.create(
        ROLE, f"flow-{suffix}", assumeRolePolicy=trust("vpc-flow-logs.amazonaws.com")
    )
    write = {"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*"}
    stack.create("aws:iam/rolePolicy:RolePolicy", "flow", role=role, policy=document(write))
    stack.create(
        "aws:ec2/flowLog:FlowLog",
        "flow",
        vpcId=vpc,
        trafficType="ALL",
        logDestination=log_group["arn"],
        iamRoleArn=role_outputs["arn"],
    )
    other, _ = stack.create(
        SUBNET,
        "private",
        vpcId=vpc,
        cidrBlock="10.0.2.0/24",
        availabilityZone="ap-southeast-2b",
    )
    build_database(stack, suffix, subnets=[subnet, other], group=data)
    build_cache(stack, suffix, subnets=[subnet, other], group=data)
    secret = {"type": "SecureString", "keyId": key["arn"]}
    stack.create(PARAMETER, "url", name=f"/{suffix}/url", value=SENTINEL, **secret)
    stack.create(
        PARAMETER, "jwt", name=f"/{suffix}/jwt", valueWo=SENTINEL, valueWoVersion=1, **secret
    )
    stack.create(PARAMETER, "mode", name=f"/{suffix}/mode", value="off", type="String")


def build_database(stack: Stack, suffix: str, *, subnets: list[str], group: str) -> None:
    role, outputs = stack.create(
        ROLE, f"monitor-{suffix}", assumeRolePolicy=trust("monitoring.rds.amazonaws.com")
    )
    attachment = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    stack.create(attachment, "monitoring", role=role, policyArn=MONITORING)
    read = {"Effect": "Allow", "Action": "logs:GetLogEvents", "Resource": "*"}
    policy, _ = stack.create(POLICY, f"read-{suffix}", description="read", policy=document(read))
    stack.create(attachment, "read", role=role, policyArn=policy)
    _, subnet_group = stack.create(DATABASE_SUBNETS, f"db-{suffix}", subnetIds=subnets)
    _, parameters = stack.create(
        DATABASE_PARAMETERS,
        f"db-{suffix}",
        family="postgres15",
        parameters=[
            {"name": "rds.force_ssl", "value": "1", "applyMethod": "immediate"},
            {"name": "max_connections", "value": "100", "applyMethod": "pending-reboot"},
            {"name": "log_statement", "value": "ddl"},
        ],
    )
    _, key = stack.create(KEY, "database", policy=document(ROOT))
    stack.create(
        DATABASE,
        "main",
        identifier=f"main-{suffix}",
        engine="postgres",
        engineVersion="15",
        instanceClass="db.t4g.micro",
        allocatedStorage=20,
        maxAllocatedStorage=100,
        storageType="gp3",
        storageEncrypted=True,
        kmsKeyId=key["arn"],
        dbName="markets",
        username="markets",
        password=SENTINEL,
        multiAz=True,
        backupRetentionPeriod=7,
        backupWindow="15:00-15:30",
        maintenanceWindow="Sun:17:00-Sun:18:00",
        dbSubnetGroupName=subnet_group["name"],
        parameterGroupName=parameters["name"],
        vpcSecurityGroupIds=[group],
        publiclyAccessible=False,
        port=5432,
        caCertIdentifier="rds-ca-rsa2048-g1",
        iamDatabaseAuthenticationEnabled=True,
        autoMinorVersionUpgrade=True,
        copyTagsToSnapshot=True,
        enabledCloudwatchLogsExports=["postgresql", "upgrade"],
        monitoringInterval=60,
        monitoringRoleArn=outputs["arn"],
        performanceInsightsEnabled=True,
        performanceInsightsRetentionPeriod=7,
        performanceInsightsKmsKeyId=key["arn"],
        databaseInsightsMode="standard",
        deletionProtection=False,
        deleteAutomatedBackups=False,
        skipFinalSnapshot=False,
        finalSnapshotIdentifier=f"main-{suffix}-final",
        applyImmediately=True,
    )
    stack.create(
        DATABASE,
        "replica",
        identifier=f"replica-{suffix}",
        replicateSourceDb=f"main-{suffix}",
        instanceClass="db.t4g.small",
        storageEncrypted=True,
        vpcSecurityGroupIds=[group],
        parameterGroupName=parameters["name"],
        monitoringInterval=60,
        monitoringRoleArn=outputs["arn"],
        skipFinalSnapshot=True,
    )


def build_cache(stack: Stack, suffix: str, *, subnets: list[str], group: str) -> None:
    _, subnet_group = stack.create(
        "aws:elasticache/subnetGroup:SubnetGroup", f"cache-{suffix}", subnetIds=subnets
    )
    _, parameters = stack.create(
        "aws:elasticache/parameterGroup:ParameterGroup",
        f"cache-{suffix}",
        family="redis7",
        parameters=[{"name": "maxmemory-policy", "value": "allkeys-lru"}],
    )
    _, key = stack.create(KEY, "cache", policy=document(ROOT))
    _, logs = stack.create(LOG_GROUP, "slow", name=f"/{suffix}/slow", retentionInDays=30)
    stack.create(
        CACHE,
        f"cache-{suffix}",
        description="cache",
        engine="redis",
        engineVersion="7.1",
        nodeType="cache.t4g.micro",
        numCacheClusters=2,
        automaticFailoverEnabled=True,
        multiAzEnabled=True,
        port=6379,
        subnetGroupName=subnet_group["name"],
        parameterGroupName=parameters["name"],
        securityGroupIds=[group],
        transitEncryptionEnabled=True,
        transitEncryptionMode="required",
        atRestEncryptionEnabled=True,
        kmsKeyId=key["arn"],
        authToken=SENTINEL,
        snapshotRetentionLimit=7,
        snapshotWindow="15:00-16:00",
        maintenanceWindow="sun:17:00-sun:18:00",
        finalSnapshotIdentifier=f"cache-{suffix}-final",
        autoMinorVersionUpgrade=True,
        applyImmediately=True,
        logDeliveryConfigurations=[
            {
                "destination": logs["name"],
                "destinationType": "cloudwatch-logs",
                "logFormat": "json",
                "logType": "slow-log",
            }
        ],
    )
