"""The whole program, with the committed stack files and with made-up ones."""

import json
from collections import Counter
from fnmatch import fnmatchcase
from typing import Any

import pytest

from components.naming import Names
from components.settings import SettingsError
from tests.unit.conftest import SENTINEL, Deployment, deploy_main, run_main

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


@BOTH
def test_a_preview_shows_what_an_update_makes(stack: str) -> None:
    counts = deploy_main(stack).counts()
    assert deploy_main(stack, preview=True).counts() == counts
    components = {type_ for type_ in counts if type_.startswith("aussie-markets:")}
    assert components == {
        f"aussie-markets:{module}:{noun}"
        for module, noun in (
            ("api", "Api"),
            ("assets", "Assets"),
            ("backup", "Backup"),
            ("backup-functions", "BackupFunctions"),
            ("buckets", "PrivateBucket"),
            ("cache", "Cache"),
            ("cluster", "Cluster"),
            ("database", "Database"),
            ("debug", "DebugTasks"),
            ("domain", "Domain"),
            ("edge", "Edge"),
            ("function", "Function"),
            ("keys", "EncryptionKey"),
            ("load-balancer", "LoadBalancer"),
            ("logs", "ApplicationLogs"),
            ("messages", "AlertTopic"),
            ("network", "Network"),
            ("observability", "Observability"),
            ("parameters", "Parameters"),
            ("security", "Security"),
            ("service", "Service"),
        )
    }


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
    # Those that look something up for one component go through its provider too.
    assert {provider for _, provider in deployment.invokes} == {reference}


@BOTH
def test_the_provider_is_the_one_source_of_tags(stack: str) -> None:
    deployment = deploy_main(stack)
    assert default_tags(deployment) == {
        "Environment": stack,
        "ManagedBy": "pulumi",
        "Owner": "platform",
        "Project": "aussie-markets",
    }
    own = {key for resource in deployment.resources for key in resource.inputs.get("tags") or {}}
    # What AWS Backup selects by, and the VPC's name.
    assert own == {"Name", "Backup"}


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
    (statement,) = (
        each
        for each in json.loads(key.inputs["policy"])["Statement"]
        if each["Sid"] == "CloudWatchLogs"
    )
    admitted = statement["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    for group in deployment.of("aws:cloudwatch/logGroup:LogGroup").values():
        arn = f"arn:aws:logs:ap-southeast-2:111122223333:log-group:{group.inputs['name']}"
        assert any(fnmatchcase(arn, pattern) for pattern in admitted)
        assert group.inputs["kmsKeyId"] == f"arn:aws:mock:::key/aussie-markets-{stack}-logs-key-arn"


@BOTH
def test_only_keys_and_the_logs_of_auditors_outlive_the_stack(stack: str) -> None:
    deployment = deploy_main(stack)
    kept = {resource.name for resource in deployment.resources if resource.retain_on_delete}
    logs = {f"aussie-markets-{stack}-logs-{name}" for name in ("security", "audit")}
    keys = set(deployment.of("aws:kms/key:Key"))
    assert kept == (keys | logs if stack == "production" else keys)


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


UNPROTECTED = {
    "database": {"deletion_protection": False},
    "api": {"load_balancer": {"deletion_protection": False}},
    "assets": {"deletion_protection": False},
    "backup": {"deletion_protection": False},
}


@BOTH
def test_what_holds_data_is_protected_in_production(stack: str) -> None:
    protected = Counter(r.type for r in deploy_main(stack).resources if r.protect)
    assert protected == (
        {
            "aws:rds/instance:Instance": 1,
            "aws:lb/loadBalancer:LoadBalancer": 1,
            "aws:backup/vault:Vault": 2,
            # Of the assets and their replica, access logs of the load balancer and the edge, and
            # the exports with their own access logs.
            "aws:s3/bucket:Bucket": 6,
        }
        if stack == "production"
        else {}
    )


def test_protection_is_lifted_by_settings_alone() -> None:
    deployment = deploy_main("production", UNPROTECTED)
    assert [resource.name for resource in deployment.resources if resource.protect] == []
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
        deployment = run_main.anew("staging", {"database": values, "cache": values})
        return {
            resource.inputs["finalSnapshotIdentifier"]
            for resource in deployment.resources
            if "finalSnapshotIdentifier" in resource.inputs
        }

    first = snapshots(1)
    assert snapshots(1) == first
    assert len(first | snapshots(2)) == 4


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
    services = exports.pop("services")
    assert services["api"]["service_name"] == f"aussie-markets-api-{stack}"
    assert len(services["api"]["target_group_arns"]) == (2 if stack == "production" else 1)
    functions = exports.pop("functions")
    assert {name: each["name"] for name, each in functions.items()} == {
        name: f"aussie-markets-{name}-{stack}"
        for name in ("backup", "parameter-backup", "backup-freshness")
    }
    assert set(exports.pop("ip_set_ids")) == set(exports.pop("ip_set_names")) == {"ipv4", "ipv6"}
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
    hosts = "" if stack == "production" else f"{stack}-"
    expected |= {
        "security_log_group_name": f"/aussie-markets/{stack}/security",
        "audit_log_group_name": f"/aussie-markets/{stack}/audit",
        "cluster_name": f"aussie-markets-cluster-{stack}",
        "debug_task_role_arn": f"arn:aws:mock:::role/{prefix}-debug-task-arn",
        "api_url": f"https://{hosts}api.aussie-markets.com",
        "assets_url": f"https://{hosts}assets.aussie-markets.com",
        "backup_vault_name": f"aussie-markets-backups-{stack}",
    }
    assert {name: exports.get(name) for name in expected} == expected
    assert exports.keys() - expected.keys() == {
        *("alert_topic_arn", "assets_bucket", "assets_distribution_id", "assets_replica_bucket"),
        *("backup_copy_vault_arn", "edge_log_bucket", "exec_log_group_name", "export_bucket_name"),
        *("export_role_arn", "health_check_id", "listener_arn", "load_balancer_arn"),
        *("load_balancer_dns_name", "status_distribution_id", "web_acl_arn", "web_acl_name"),
        "zone_name_servers",
    }
    wanted = {"load-balancer", "api", "database", "cache"}
    assert groups.keys() == (wanted | {"endpoints"} if stack == "production" else wanted)


def test_another_environment_is_settings_alone() -> None:
    deployment = deploy_main("demo", {"messages": {"recipients": {"operations": "a@example.com"}}})
    assert deployment.counts() == deploy_main("production").counts()
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
