"""The whole program, with the committed stack files and with made-up ones."""

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest

from components.naming import Names
from components.settings import SettingsError
from tests.unit.conftest import Deployment, deploy_main

PROVIDER = "pulumi:providers:aws"
BOTH = pytest.mark.parametrize("stack", ["staging", "production"])

# IAM, CreateRole. Pulumi appends a hyphen and seven characters to a logical name.
ROLE_NAME_LIMIT = 64
AUTO_NAME_SUFFIX = 8


def default_tags(deployment: Deployment) -> dict[str, str]:
    tags: dict[str, str] = json.loads(deployment.only(PROVIDER).inputs["defaultTags"])["tags"]
    return tags


@pytest.mark.parametrize(("stack", "resources"), [("staging", 25), ("production", 35)])
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
    policy = json.loads(deployment.only("aws:kms/key:Key").inputs["policy"])
    admitted = policy["Statement"][1]["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    for group in deployment.of("aws:cloudwatch/logGroup:LogGroup").values():
        arn = f"arn:aws:logs:ap-southeast-2:111122223333:log-group:{group.inputs['name']}"
        assert fnmatchcase(arn, admitted)
        assert group.inputs["kmsKeyId"] == f"arn:aws:mock:::key/aussie-markets-{stack}-logs-key-arn"


@BOTH
def test_only_keys_outlive_the_stack(stack: str) -> None:
    kept = {resource.type for resource in deploy_main(stack).resources if resource.retain_on_delete}
    assert kept == {"aws:kms/key:Key"}


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
        "log_key_arn": f"arn:aws:mock:::key/{prefix}-logs-key-arn",
    }
    assert exports == expected
    wanted = {"load-balancer", "api", "database", "cache"}
    assert groups.keys() == (wanted | {"endpoints"} if stack == "production" else wanted)


def test_another_environment_is_settings_alone() -> None:
    deployment = deploy_main("demo", {"network": {"interface_endpoints": False}})
    assert len(deployment.resources) == 25
    assert deployment.only("awsx:ec2:Vpc").inputs["tags"] == {"Name": "aussie-markets-vpc-demo"}


def test_auto_names_fit_even_in_the_longest_environment() -> None:
    longest = "x" * 16
    for name in deploy_main(longest, {}).of("aws:iam/role:Role"):
        assert len(name) + AUTO_NAME_SUFFIX <= ROLE_NAME_LIMIT


def test_nothing_is_registered_when_a_setting_is_wrong() -> None:
    with pytest.raises(SettingsError, match="2 configuration problems"):
        deploy_main("staging", {"network": {"vpc_cidr": 1, "nat_strategy": 2}})


def test_names_that_others_rely_on() -> None:
    names = Names("staging")
    assert names.vpc == "aussie-markets-vpc-staging"
    assert names.log_group("audit") == "/aussie-markets/staging/audit"
    assert names.key_alias("logs") == "alias/aussie-markets-staging-logs"
