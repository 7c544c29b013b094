"""What AWS refuses is refused at preview, naming the property and AWS's reason."""

import json
from typing import Any

import pytest

from local.providers.aws.values import UNKNOWN
from tests.local.aws.build import MakeOperations

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
KEY = "aws:kms/key:Key"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
DATABASE = "aws:rds/instance:Instance"
DATABASE_PARAMETERS = "aws:rds/parameterGroup:ParameterGroup"
CACHE = "aws:elasticache/replicationGroup:ReplicationGroup"
CACHE_PARAMETERS = "aws:elasticache/parameterGroup:ParameterGroup"
PARAMETER = "aws:ssm/parameter:Parameter"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"

POSTGRES = {
    "engine": "postgres",
    "engineVersion": "15",
    "instanceClass": "db.t4g.micro",
    "allocatedStorage": 20,
    "storageType": "gp3",
    "username": "markets",
    "password": "long-enough",
    "skipFinalSnapshot": True,
}
REPLICA = {
    "replicateSourceDb": UNKNOWN,
    "instanceClass": "db.t4g.micro",
    "skipFinalSnapshot": True,
}
REDIS = {
    "description": "cache",
    "engine": "redis",
    "engineVersion": "7.1",
    "nodeType": "cache.t4g.micro",
    "numCacheClusters": 2,
    "automaticFailoverEnabled": True,
    "transitEncryptionEnabled": True,
}


def policy(*actions: str, principal: object = None) -> str:
    statement: dict[str, object] = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    if principal is not None:
        statement["Principal"] = principal
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize(
    ("token", "properties", "where", "reason"),
    [
        (VPC, {"cidrBlock": "10.0.0.0/99"}, "cidrBlock", "is not a 'ipv4-network'"),
        (VPC, {"cidrBlock": "10.0.0.0/8"}, "cidrBlock", "between /16 and /28"),
        (VPC, {"cidrBlock": "10.0.0.0/29"}, "cidrBlock", "between /16 and /28"),
        (LOG_GROUP, {"retentionInDays": 2555}, "retentionInDays", "2555 is not one of"),
        (LOG_GROUP, {"name": "x" * 513}, "name", "longer than 512"),
        (ROLE, {"name": "x" * 65, "assumeRolePolicy": UNKNOWN}, "name", "longer than 64"),
        (
            ROLE_POLICY,
            {"role": "r", "policy": policy("elbv2:*")},
            "policy.Statement.0.Action",
            "'elbv2' is not one of the",
        ),
        (KEY, {"deletionWindowInDays": 3}, "deletionWindowInDays", "less than the minimum of 7"),
        (
            KEY,
            {"policy": policy("kms:Decrypt", principal={"AWS": "arn:aws:iam::123456789012:root"})},
            "policy",
            "will not allow you to update the key policy",
        ),
        (
            INGRESS,
            {
                "securityGroupId": UNKNOWN,
                "ipProtocol": "tcp",
                "fromPort": 0,
                "toPort": 70000,
                "cidrIpv4": "10.0.0.0/8",
            },
            "toPort",
            "a port is between 0 and 65535",
        ),
        (VPC, {"cidrBlock": "10.0.0.0/16", "cidrBlok": "x"}, "cidrBlok", "no such property"),
        (
            SUBNET,
            {"vpcId": UNKNOWN, "cidrBlock": "10.0.1.0/24", "enableDns64": True},
            "enableDns64",
            "the local cloud cannot set this property yet",
        ),
        (
            "aws:ec2/route:Route",
            {"routeTableId": UNKNOWN, "destinationIpv6CidrBlock": "::/0", "gatewayId": UNKNOWN},
            "destinationCidrBlock",
            "IPv4 blocks only",
        ),
        (
            "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
            {"vpcId": UNKNOWN, "ingress": [{"protocol": "-1"}]},
            "ingress",
            "only empties a default group",
        ),
        (LOG_GROUP, {"name": "with space"}, "name", "does not match"),
        (LOG_GROUP, {"name": "aws/reserved"}, "name", "reserved"),
        (DATABASE, {**POSTGRES, "engineVersion": "15.4"}, "engineVersion", "is deprecated"),
        (DATABASE, {**POSTGRES, "engineVersion": "15.99"}, "engineVersion", "is not one of"),
        (DATABASE, {**POSTGRES, "instanceClass": "db.t9.micro"}, "instanceClass", "is not one of"),
        (DATABASE, {**POSTGRES, "instanceClass": "db.t2.micro"}, "instanceClass", "is not one of"),
        (DATABASE, {**POSTGRES, "backupRetentionPeriod": 36}, "backupRetentionPeriod", "35"),
        (DATABASE, {**POSTGRES, "allocatedStorage": 19}, "allocatedStorage", "least is 20 GiB"),
        *(
            (DATABASE, {**POSTGRES, "password": password}, "password", reason)
            for password, reason in (
                ("seven77", "between 8 and 128"),
                ("x" * 129, "between 8 and 128"),
                ("with/slash", "Only printable ASCII"),
                ("with@at-sign", "Only printable ASCII"),
                ('with"quote', "Only printable ASCII"),
                ("with space", "Only printable ASCII"),
            )
        ),
        (
            DATABASE,
            {**POSTGRES, "skipFinalSnapshot": False},
            "finalSnapshotIdentifier",
            "is required unless",
        ),
        (
            DATABASE,
            {**POSTGRES, "performanceInsightsRetentionPeriod": 30},
            "performanceInsightsRetentionPeriod",
            "multiple of 31",
        ),
        (
            DATABASE,
            {**POSTGRES, "databaseInsightsMode": "advanced"},
            "databaseInsightsMode",
            "at least 465 days",
        ),
        (DATABASE, {**REPLICA, "password": "long-enough"}, "password", "from its source"),
        (DATABASE, {**REPLICA, "username": "markets"}, "username", "from its source"),
        (
            DATABASE,
            {**REPLICA, "finalSnapshotIdentifier": "f"},
            "finalSnapshotIdentifier",
            "when deleting a replica",
        ),
        (DATABASE_PARAMETERS, {"family": "postgres99"}, "family", "not a valid parameter group"),
        (
            DATABASE_PARAMETERS,
            {"family": "postgres15", "parameters": [{"name": "max_connections", "value": "9"}]},
            "parameters",
            "immediate apply method for static parameter max_connections",
        ),
        (CACHE_PARAMETERS, {"family": "redis7.1"}, "family", "not a valid parameter group"),
        (CACHE, {**REDIS, "nodeType": "cache.t9.micro"}, "nodeType", "is not one of"),
        (CACHE, {**REDIS, "engineVersion": "7.9"}, "engineVersion", "is not one of"),
        (
            CACHE,
            {**REDIS, "numCacheClusters": 1},
            "automaticFailoverEnabled",
            "at least 2 cache clusters",
        ),
        (
            CACHE,
            {
                **REDIS,
                "numCacheClusters": 1,
                "automaticFailoverEnabled": UNKNOWN,
                "multiAzEnabled": True,
            },
            "multiAzEnabled",
            "at least 1 replica",
        ),
        (
            CACHE,
            {**REDIS, "automaticFailoverEnabled": False, "multiAzEnabled": True},
            "multiAzEnabled",
            "needs automaticFailoverEnabled",
        ),
        (
            CACHE,
            {**REDIS, "transitEncryptionEnabled": False, "authToken": "sixteen-letters!"},
            "authToken",
            "encryption-in-transit",
        ),
        (CACHE, {**REDIS, "authToken": "fifteen-letters"}, "authToken", "16 to 128"),
        (CACHE, {**REDIS, "authToken": "sixteen_letters_"}, "authToken", "only letters, digits"),
        (PARAMETER, {"type": "Secret", "value": "v"}, "type", "SecureString"),
        (PARAMETER, {"type": "String"}, "", "'Value' is a required property"),
        (
            PARAMETER,
            {"type": "String", "value": "v", "valueWo": "v", "valueWoVersion": 1},
            "value",
            "only one of value and valueWo",
        ),
        (PARAMETER, {"type": "String", "value": "x" * 4097}, "value", "4096"),
        (PARAMETER, {"type": "String", "value": "x" * 8193, "tier": "Advanced"}, "value", "8192"),
        (
            PARAMETER,
            {"type": "SecureString", "valueWo": "v"},
            "valueWoVersion",
            "go together",
        ),
        (
            ATTACHMENT,
            {"role": "r", "policyArn": "arn:aws:iam::aws:policy/NoSuchPolicy"},
            "policyArn",
            "does not exist or is not attachable",
        ),
    ],
)
def test_preview_refuses_with_awss_reason(
    operations: MakeOperations, token: str, properties: dict[str, Any], where: str, reason: str
) -> None:
    subject = operations(token)
    refusals = list(subject.refusals(subject.check("name", {}, properties, b"seed")))
    assert any(place == where and reason in text for place, text in refusals), refusals
    assert {place.split(".")[0] for place, _ in refusals} == {where.split(".")[0]}
    assert all(len(text) < 300 for _, text in refusals)


@pytest.mark.parametrize(
    ("group", "family", "token", "properties"),
    [
        (DATABASE_PARAMETERS, "postgres16", DATABASE, POSTGRES),
        (CACHE_PARAMETERS, "redis6.x", CACHE, REDIS),
    ],
)
def test_a_family_that_does_not_fit_the_engine_version_is_refused(
    operations: MakeOperations, group: str, family: str, token: str, properties: dict[str, Any]
) -> None:
    parameters = operations(group)
    named = parameters.check("g", {}, {"name": "not-made-yet", "family": family}, b"seed")
    assert not list(parameters.refusals(named))
    subject = operations(token)
    given = {**properties, "parameterGroupName": "not-made-yet"}
    ((where, reason),) = subject.refusals(subject.check("name", {}, given, b"seed"))
    assert where == "parameterGroupName"
    assert f"with family {family} can't be used with" in reason


def test_a_replica_of_a_source_without_backups_is_refused(operations: MakeOperations) -> None:
    database = operations(DATABASE)
    source = database.check("source", {}, {**POSTGRES, "identifier": "no-backups"}, b"seed")
    assert not list(database.refusals(source))
    replica = {**REPLICA, "replicateSourceDb": "no-backups"}
    ((where, reason),) = database.refusals(database.check("replica", {}, replica, b"seed"))
    assert where == "replicateSourceDb"
    assert "Automated backups are not enabled" in reason


@pytest.mark.parametrize(
    ("token", "properties", "name", "secret"),
    [
        (DATABASE, POSTGRES, "password", "with@the-sentinel"),
        (CACHE, REDIS, "authToken", "with@the-sentinel"),
        (PARAMETER, {"type": "String"}, "value", "the-sentinel" * 900),
    ],
)
def test_a_refused_secret_is_not_in_the_refusal(
    operations: MakeOperations, token: str, properties: dict[str, Any], name: str, secret: str
) -> None:
    subject = operations(token)
    inputs = subject.check("name", {}, {**properties, name: secret}, b"seed")
    refusals = list(subject.refusals(inputs))
    assert refusals
    assert "sentinel" not in str(refusals)


def test_a_made_name_over_the_limit_is_refused_with_its_excess(operations: MakeOperations) -> None:
    role = operations(ROLE)
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "ec2.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
    )
    inputs = role.check("r" * 57, {}, {"assumeRolePolicy": trust}, b"seed")
    ((where, reason),) = role.refusals(inputs)
    assert where == "name"
    assert "1 characters over AWS's 64" in reason
    assert not list(role.refusals(role.check("r" * 56, {}, {"assumeRolePolicy": trust}, b"s")))


def test_what_is_unknown_is_not_refused(operations: MakeOperations) -> None:
    subnet = operations(SUBNET)
    properties = {
        "vpcId": UNKNOWN,
        "cidrBlock": UNKNOWN,
        "availabilityZone": UNKNOWN,
        "mapPublicIpOnLaunch": UNKNOWN,
        "tags": {"Name": UNKNOWN},
    }
    assert list(subnet.refusals(subnet.check("s", {}, properties, b"seed"))) == []


def test_one_unknown_does_not_hide_another_mistake(operations: MakeOperations) -> None:
    log_group = operations(LOG_GROUP)
    inputs = log_group.check("l", {}, {"kmsKeyId": UNKNOWN, "retentionInDays": 2555}, b"seed")
    assert [where for where, _ in log_group.refusals(inputs)] == ["retentionInDays"]


def test_outputs_before_creation_are_unknown_unless_the_program_sets_them(
    operations: MakeOperations,
) -> None:
    outputs = operations(SUBNET).preview({"cidrBlock": "10.0.1.0/24", "vpcId": UNKNOWN})
    assert outputs["arn"] is UNKNOWN
    assert outputs["vpcId"] is UNKNOWN
    assert outputs["cidrBlock"] == "10.0.1.0/24"


def test_outputs_before_an_update_are_those_of_the_state(operations: MakeOperations) -> None:
    outputs = operations(SUBNET).preview({"cidrBlock": "10.0.1.0/24"}, {"arn": "arn:known"})
    assert outputs["arn"] == "arn:known"
