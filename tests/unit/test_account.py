"""The account's stack: the whole program with the committed file, and its own resources."""

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest

from components.settings import SettingsError, merge
from tests.unit.conftest import ACCOUNT_ID, Deployment, deploy_main, stack_file

ACCOUNT = "aussie-markets:account:Account"
ZONE = "aws:route53/zone:Zone"
KEY = "aws:kms/key:Key"
BUDGET = "aws:budgets/budget:Budget"
PREFIX = "aussie-markets-account"

# IAM, CreateRole; Amazon S3, "General purpose bucket naming rules"; with what Pulumi appends.
AUTO_NAMED = {"aws:iam/role:Role": 64, "aws:s3/bucket:Bucket": 63, "aws:iam/policy:Policy": 128}
AUTO_NAME_SUFFIX = 8


def account(values: dict[str, Any] | None = None, *, preview: bool = False) -> Deployment:
    committed = stack_file("account")
    return deploy_main(
        "account",
        {**committed, "account": merge(committed["account"], values or {})},
        preview=preview,
    )


@pytest.mark.parametrize("preview", [False, True])
def test_the_number_of_resources(preview: bool) -> None:
    assert len(account(preview=preview).resources) == 103


def test_one_provider_serves_everything_and_tags_it() -> None:
    deployment = account()
    provider = deployment.only("pulumi:providers:aws")
    assert json.loads(provider.inputs["defaultTags"])["tags"] == {
        "Environment": "account",
        "ManagedBy": "pulumi",
        "Owner": "platform",
        "Project": "aussie-markets",
    }
    for resource in deployment.resources:
        if resource.type.startswith("aws:"):
            assert resource.provider == f"{provider.urn}::aws-id"


def test_secrets_are_neither_asked_for_nor_taken() -> None:
    committed = stack_file("account")
    with pytest.raises(SettingsError, match="aussie-markets:secrets: unknown key"):
        deploy_main("account", {**committed, "secrets": {"jwt_secret": "x" * 40}})


@pytest.mark.parametrize("protect", [False, True])
def test_what_environments_need_and_what_auditors_read_is_protected(protect: bool) -> None:
    deployment = account({"deletion_protection": protect})
    protected = {resource.type for resource in deployment.resources if resource.protect}
    wanted = {"aws:ecr/repository:Repository", "aws:s3/bucket:Bucket", ZONE}
    assert protected == (wanted if protect else set())


def test_only_keys_outlive_the_stack() -> None:
    kept = {resource.type for resource in account().resources if resource.retain_on_delete}
    assert kept == {KEY}


def test_the_log_key_admits_the_trail_and_its_log_group() -> None:
    deployment = account()
    policy = json.loads(deployment.of(KEY)[f"{PREFIX}-logs-key"].inputs["policy"])
    services = [statement["Principal"].get("Service") for statement in policy["Statement"]]
    assert services == [
        None,
        "logs.ap-southeast-2.amazonaws.com",
        "cloudtrail.amazonaws.com",
        "cloudtrail.amazonaws.com",
    ]
    (pattern,) = policy["Statement"][1]["Condition"]["ArnLike"][
        "kms:EncryptionContext:aws:logs:arn"
    ]
    group = deployment.only("aws:cloudwatch/logGroup:LogGroup").inputs
    arn = f"arn:aws:logs:ap-southeast-2:{ACCOUNT_ID}:log-group:{group['name']}"
    assert fnmatchcase(arn, pattern)
    assert group["kmsKeyId"] == f"arn:aws:mock:::key/{PREFIX}-logs-key-arn"


def test_images_have_a_key_of_their_own() -> None:
    (encryption,) = (
        account().only("aws:ecr/repository:Repository").inputs["encryptionConfigurations"]
    )
    assert encryption["kmsKey"] == f"arn:aws:mock:::key/{PREFIX}-images-key-arn"


def test_people_hear_before_the_month_costs_too_much_and_when_it_has() -> None:
    budget = account({"budget": {"amount_usd": 750, "emails": ["a@example.com"]}}).only(BUDGET)
    assert budget.inputs == {
        "name": "aussie-markets-monthly",
        "budgetType": "COST",
        "limitAmount": "750.0",
        "limitUnit": "USD",
        "timeUnit": "MONTHLY",
        "notifications": [
            {
                "comparisonOperator": "GREATER_THAN",
                "notificationType": kind,
                "threshold": percent,
                "thresholdType": "PERCENTAGE",
                "subscriberEmailAddresses": ["a@example.com"],
            }
            for kind, percent in (("FORECASTED", 80), ("ACTUAL", 100))
        ],
    }


def test_the_zone_is_made_or_found() -> None:
    created = account()
    assert created.only(ZONE).inputs == {
        "name": "aussie-markets.com",
        "comment": "Aussie Markets, all environments",
    }
    outputs = created.outputs[created.only(ACCOUNT).urn]
    assert outputs["zone_id"] == f"{PREFIX}-zone-zone-id"
    assert "hostedzone/aussie-markets-account-zone-zone-id" in edge_rights(created)
    found = account({"zone": {"create": False}})
    assert found.of(ZONE) == {}
    assert found.outputs[found.only(ACCOUNT).urn] == {
        "zone_id": "found-zone-id",
        "name_servers": ["ns.found.example"],
    }
    assert "hostedzone/found-zone-id" in edge_rights(found)


def edge_rights(deployment: Deployment) -> str:
    policies = deployment.of("aws:iam/policy:Policy")
    return str(policies[f"{PREFIX}-delivery-deploy-staging-edge"].inputs["policy"])


def test_who_pushes_images_may_push_those_of_every_service() -> None:
    deployment = account({"registry": {"repositories": {"mailer": {}}}})
    rights = deployment.of("aws:iam/policy:Policy")[f"{PREFIX}-delivery-push-images"]
    for service in ("api", "mailer"):
        arn = f"arn:aws:mock:::repository/{PREFIX}-images-{service}-arn"
        assert arn in rights.inputs["policy"]


def test_names_fit() -> None:
    environments = {"x" * 16: {"preview_pull_requests": True}}
    for resource in account({"github": {"environments": environments}}).resources:
        limit = AUTO_NAMED.get(resource.type)
        if limit and "name" not in resource.inputs:
            assert len(resource.name) + AUTO_NAME_SUFFIX <= limit, resource.name


def test_exports() -> None:
    exports = account().exports
    assert exports.keys() == {
        *("region", "repository_urls", "zone_id", "zone_name_servers", "role_arns"),
        *("boundary_arns", "trail_bucket_name", "trail_log_group_name", "log_key_arn"),
        "images_key_arn",
    }
    assert exports["region"] == "ap-southeast-2"
    assert exports["repository_urls"] == {"api": f"{PREFIX}-images-api.registry.example"}


@pytest.mark.parametrize("preview", [False, True])
def test_no_output_was_turned_into_text(preview: bool) -> None:
    deployment = account(preview=preview)
    written = [resource.inputs for resource in deployment.resources]
    assert "Calling __str__" not in json.dumps([written, deployment.outputs, deployment.exports])
