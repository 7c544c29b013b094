"""The whole program, with the committed stack files and with made-up ones."""

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest

from components.naming import Names
from components.settings import SettingsError
from tests.unit.conftest import SENTINEL, Deployment, deploy_main

PROVIDER = "pulumi:providers:aws"
BOTH = pytest.mark.parametrize("stack", ["staging", "production"])

# IAM, CreateRole. Pulumi appends a hyphen and seven characters to a logical name.
ROLE_NAME_LIMIT = 64
AUTO_NAME_SUFFIX = 8

# ElastiCache, CreateReplicationGroup; RDS, CreateDBInstance.
REPLICATION_GROUP_LIMIT = 40
DATABASE_LIMIT = 63


def default_tags(deployment: Deployment) -> dict[str, str]:
    tags: dict[str, str] = json.loads(deployment.only(PROVIDER).inputs["defaultTags"])["tags"]
    return tags


@pytest.mark.parametrize(("stack", "resources"), [("staging", 52), ("production", 62)])
@pytest.mark.parametrize("preview", [False, True])
def test_the_number_of_resources(stack: str, resources: int, preview: bool) -> None:
    assert len(deploy_main(stack, preview=preview).resources) == resources


@BOTH
def test_one_provider_serves_everything(stack: str) -> None:
    deployment = deploy_main(stack)
    provider = deployment.only(PROVIDER)
    reference = f"{provider.urn}::aws-id"
    for resource in deployment.resources:
        if resource.type.startswith("aws:"):
            assert resource.provider == reference
        elif resource is not provider:
            # Components hand it to their children; awsx gets it with its Construct call.
            assert resource.providers == {"aws": reference}
    assert deployment.invokes == [("aws:index/getCallerIdentity:getCallerIdentity", reference)]


@BOTH
def test_the_provider_is_the_one_source_of_tags(stack: str) -> None:
    deployment = deploy_main(stack)
    assert default_tags(deployment) == {
        "Environment": stack,
        "ManagedBy": "pulumi",
        "Owner": "platform",
        "Project": "aussie-markets",
    }
    for resource in deployment.resources:
        assert resource.inputs.get("tags", {}).keys() <= {"Name"}


def test_the_provider_follows_the_settings() -> None:
    assert "allowedAccountIds" not in deploy_main("staging").only(PROVIDER).inputs
    deployment = deploy_main(
        "demo",
        {
            "stack": {
                "region": "ap-southeast-4",
                "allowed_account_ids": ["111122223333"],
                "owner": "sales",
            }
        },
    )
    inputs = deployment.only(PROVIDER).inputs
    assert inputs["region"] == "ap-southeast-4"
    assert json.loads(inputs["allowedAccountIds"]) == ["111122223333"]
    assert default_tags(deployment)["Owner"] == "sales"
    assert default_tags(deployment)["Environment"] == "demo"


@BOTH
def test_the_log_key_admits_every_log_group_that_uses_it(stack: str) -> None:
    deployment = deploy_main(stack)
    key = deployment.of("aws:kms/key:Key")[f"aussie-markets-{stack}-logs-key"]
    policy = json.loads(key.inputs["policy"])
    admitted = policy["Statement"][1]["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    for group in deployment.of("aws:cloudwatch/logGroup:LogGroup").values():
        arn = f"arn:aws:logs:ap-southeast-2:111122223333:log-group:{group.inputs['name']}"
        assert any(fnmatchcase(arn, pattern) for pattern in admitted)
        assert group.inputs["kmsKeyId"] == f"arn:aws:mock:::key/aussie-markets-{stack}-logs-key-arn"


@BOTH
def test_only_keys_outlive_the_stack(stack: str) -> None:
    kept = {resource.type for resource in deploy_main(stack).resources if resource.retain_on_delete}
    assert kept == {"aws:kms/key:Key"}


@BOTH
def test_each_class_of_data_has_its_key(stack: str) -> None:
    deployment = deploy_main(stack)
    database_key, parameters_key = (
        f"arn:aws:mock:::key/aussie-markets-{stack}-{data_class}-key-arn"
        for data_class in ("database", "parameters")
    )
    database = deployment.only("aws:rds/instance:Instance")
    assert database.inputs["kmsKeyId"] == database_key
    assert database.inputs["performanceInsightsKmsKeyId"] == database_key
    cache = deployment.only("aws:elasticache/replicationGroup:ReplicationGroup")
    assert cache.inputs["kmsKeyId"] == database_key
    parameters = deployment.of("aws:ssm/parameter:Parameter").values()
    assert {parameter.inputs.get("keyId", "none") for parameter in parameters} == {
        parameters_key,
        "none",
    }


@BOTH
def test_database_and_cache_are_private_and_open_to_the_api_alone(stack: str) -> None:
    deployment = deploy_main(stack)
    prefix = f"aussie-markets-{stack}"
    private = [f"{prefix}-vpc-private-{n}-subnet-id" for n in (1, 2)]
    for type_ in ("aws:rds/subnetGroup:SubnetGroup", "aws:elasticache/subnetGroup:SubnetGroup"):
        assert deployment.only(type_).inputs["subnetIds"] == private
    database = deployment.only("aws:rds/instance:Instance").inputs
    assert database["vpcSecurityGroupIds"] == [f"{prefix}-database-id"]
    cache = deployment.only("aws:elasticache/replicationGroup:ReplicationGroup").inputs
    assert cache["securityGroupIds"] == [f"{prefix}-cache-id"]
    ingress = deployment.of("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule").values()
    for group in ("database", "cache"):
        (rule,) = (r for r in ingress if r.inputs["securityGroupId"] == f"{prefix}-{group}-id")
        assert rule.inputs["referencedSecurityGroupId"] == f"{prefix}-api-id"


@BOTH
def test_only_the_database_of_production_is_protected(stack: str) -> None:
    protected = {resource.type for resource in deploy_main(stack).resources if resource.protect}
    assert protected == ({"aws:rds/instance:Instance"} if stack == "production" else set())


def test_protection_is_lifted_by_one_setting() -> None:
    deployment = deploy_main("production", {"database": {"deletion_protection": False}})
    assert not any(resource.protect for resource in deployment.resources)
    assert deployment.only("aws:rds/instance:Instance").inputs["deletionProtection"] is False


@BOTH
@pytest.mark.parametrize("preview", [False, True])
def test_no_secret_is_anywhere_in_clear(stack: str, preview: bool) -> None:
    deployment = deploy_main(stack, preview=preview)
    for resource in deployment.resources:
        assert SENTINEL not in json.dumps(resource.clear)
    assert SENTINEL not in json.dumps(deployment.clear_outputs)
    assert SENTINEL not in json.dumps(deployment.exports)
    # It was looked for where it would be.
    written = [resource for resource in deployment.resources if SENTINEL in str(resource.inputs)]
    assert len(written) == (5 if preview else 7)


def test_two_runs_are_the_same_and_two_generations_differ() -> None:
    def snapshots(generation: int) -> set[str]:
        values = {"generation": generation}
        deployment = deploy_main("staging", {"database": values, "cache": values})
        return {
            resource.inputs["finalSnapshotIdentifier"]
            for resource in deployment.resources
            if "finalSnapshotIdentifier" in resource.inputs
        }

    assert snapshots(1) == snapshots(1)
    assert len(snapshots(1) | snapshots(2)) == 4


def strings(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


@BOTH
@pytest.mark.parametrize("preview", [False, True])
def test_no_output_was_turned_into_text(stack: str, preview: bool) -> None:
    deployment = deploy_main(stack, preview=preview)
    for values in (
        *(resource.inputs for resource in deployment.resources),
        *deployment.outputs.values(),
        deployment.exports,
    ):
        assert not [text for text in strings(values) if "Calling __str__" in text]


@BOTH
def test_exports(stack: str) -> None:
    prefix = f"aussie-markets-{stack}"
    exports = deploy_main(stack).exports
    groups = exports.pop("security_group_ids")
    expected: dict[str, Any] = {
        "environment": stack,
        "region": "ap-southeast-2",
        "vpc_id": f"{prefix}-vpc-vpc-id",
        "public_subnet_ids": [f"{prefix}-vpc-public-{n}-subnet-id" for n in (1, 2)],
        "private_subnet_ids": [f"{prefix}-vpc-private-{n}-subnet-id" for n in (1, 2)],
        "flow_log_group_name": f"/aussie-markets/{stack}/vpc-flow-logs",
        "database_identifier": f"aussie-markets-db-{stack}",
        "database_address": f"{prefix}-database-instance.database.example",
        "database_replica_identifiers": [],
        "cache_replication_group_id": f"aussie-markets-cache-{stack}",
        "cache_address": f"{prefix}-cache-group.cache.example",
        "parameter_arns": {
            label: f"arn:aws:mock:::parameter/{prefix}-parameters-{label}-arn"
            for label in (
                *("database-url", "redis-url", "jwt-secret", "refresh-token-secret"),
                *("stripe-secret-key", "maintenance-mode"),
            )
        },
        "log_key_arn": f"arn:aws:mock:::key/{prefix}-logs-key-arn",
        "database_key_arn": f"arn:aws:mock:::key/{prefix}-database-key-arn",
        "parameters_key_arn": f"arn:aws:mock:::key/{prefix}-parameters-key-arn",
    }
    assert exports == expected
    wanted = {"load-balancer", "api", "database", "cache"}
    assert groups.keys() == (wanted | {"endpoints"} if stack == "production" else wanted)


def test_another_environment_is_settings_alone() -> None:
    deployment = deploy_main("demo", {"network": {"interface_endpoints": False}})
    assert len(deployment.resources) == 52
    assert deployment.only("awsx:ec2:Vpc").inputs["tags"] == {"Name": "aussie-markets-vpc-demo"}


def test_auto_names_fit_even_in_the_longest_environment() -> None:
    longest = "x" * 16
    deployment = deploy_main(longest, {})
    for name in deployment.of("aws:iam/role:Role"):
        assert len(name) + AUTO_NAME_SUFFIX <= ROLE_NAME_LIMIT
    group = deployment.only("aws:elasticache/replicationGroup:ReplicationGroup")
    assert len(group.inputs["replicationGroupId"]) <= REPLICATION_GROUP_LIMIT
    database = deployment.only("aws:rds/instance:Instance")
    assert len(database.inputs["identifier"]) <= DATABASE_LIMIT
    assert len(database.inputs["dbName"]) <= DATABASE_LIMIT


def test_nothing_is_registered_when_a_setting_is_wrong() -> None:
    with pytest.raises(SettingsError, match="2 configuration problems"):
        deploy_main("staging", {"network": {"vpc_cidr": 1, "nat_strategy": 2}})


def test_names_that_others_rely_on() -> None:
    names = Names("staging")
    assert names.vpc == "aussie-markets-vpc-staging"
    assert names.database == "aussie-markets-db-staging"
    assert names.database_replica(2) == "aussie-markets-db-staging-replica-2"
    assert names.database_name == "aussie_markets_staging"
    assert Names("a-demo").database_name == "aussie_markets_a_demo"
    assert names.cache == "aussie-markets-cache-staging"
    assert names.parameter("database-url") == "/aussie-markets/staging/database-url"
    assert names.log_group("audit") == "/aussie-markets/staging/audit"
    assert names.key_alias("logs") == "alias/aussie-markets-staging-logs"
