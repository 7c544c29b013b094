"""What an account has once, in the stand-in: changes, drift, refusals, deletion, data sources."""

import json
from typing import Any

import pytest

from local.providers.aws.api import Api, ApiError
from local.providers.aws.functions import FUNCTIONS
from local.providers.aws.rows import Call
from local.providers.aws.values import UNKNOWN, Properties
from tests.local.aws.build import KEY, ROOT, MakeOperations, Stack, document, in_region
from tests.local.aws.build_account import (
    ANALYZER,
    BUDGET,
    DETECTOR,
    EBS,
    FEATURE,
    FOR_TRAIL,
    KEY_POLICY,
    LIFECYCLE,
    LINKED_ROLE,
    PASSWORDS,
    PROVIDER,
    PUBLIC_ACCESS,
    REPLICA_KEY,
    REPOSITORY,
    REPOSITORY_POLICY,
    SCANNING,
    TRAIL,
    build_account,
    expire,
    lifecycle,
    log_bucket,
)

GROUP = "arn:aws:logs:ap-southeast-2:123456789012:log-group:/trail"
ROLE_ARN = "arn:aws:iam::123456789012:role/trail"
MONTHLY = {"budgetType": "COST", "limitAmount": "1", "limitUnit": "USD", "timeUnit": "MONTHLY"}
OVER = {
    "comparisonOperator": "GREATER_THAN",
    "notificationType": "ACTUAL",
    "threshold": 80,
    "thresholdType": "PERCENTAGE",
}
DECRYPT = {**ROOT, "Action": "kms:Decrypt"}


def position(stack: Stack, token: str, nth: int = 0) -> int:
    return [i for i, (ops, _, _) in enumerate(stack.created) if ops.token == token][nth]


# -- changes and drift -----------------------------------------------------------------------


def test_a_repository_is_changed_in_place(stack: Stack) -> None:
    build_account(stack, "repository")
    index = position(stack, REPOSITORY)
    found = stack.update(
        index, imageTagMutability="MUTABLE", imageScanningConfiguration={"scanOnPush": False}
    )
    assert found["imageTagMutability"] == "MUTABLE"
    assert found["imageScanningConfiguration"] == {"scanOnPush": False}
    pull = {name: ROOT[name] for name in ("Effect", "Principal")}
    policy = document({**pull, "Action": "ecr:BatchGetImage"})
    assert stack.update(position(stack, REPOSITORY_POLICY), policy=policy)["policy"] == policy
    assert stack.update(position(stack, SCANNING), rules=None)["scanType"] == "BASIC"


def test_a_lifecycle_policy_in_another_order_is_no_drift(stack: Stack, api: Api) -> None:
    build_account(stack, "order")
    operations, name, inputs = stack.created[position(stack, LIFECYCLE)]
    rules = json.loads(inputs["policy"])["rules"]

    def read_after(text: str) -> tuple[str, ...]:
        put = {"repositoryName": name, "lifecyclePolicyText": text}
        api.call("ecr", Call("put_lifecycle_policy"), {}, put)
        now = operations.inputs_now(inputs, operations.read(name, inputs) or {})
        return operations.diff(inputs, now).changed

    assert read_after(json.dumps({"rules": rules[::-1]}, indent=2)) == ()
    assert read_after(lifecycle(expire(1, "untagged"))) == ("policy",)


def test_a_repository_with_images_is_deleted_only_by_force(stack: Stack, api: Api) -> None:
    for name, forced in (("kept", False), ("forced", True)):
        stack.create(REPOSITORY, name, name=f"{name}-images", forceDelete=forced)
        image = {
            "repositoryName": f"{name}-images",
            "imageTag": "1",
            "imageManifest": "{}",
            "imageManifestMediaType": "application/vnd.docker.distribution.manifest.v2+json",
        }
        api.call("ecr", Call("put_image"), {}, image)
    kept, forced_one = stack.created
    with pytest.raises(ApiError, match="RepositoryNotEmptyException"):
        kept[0].delete(kept[1], kept[2])
    forced_one[0].delete(forced_one[1], forced_one[2])
    assert forced_one[0].read(forced_one[1], forced_one[2]) is None


def test_thumbprints_are_changed_in_place_and_client_ids_not_yet(stack: Stack) -> None:
    build_account(stack, "oidc")
    index = position(stack, PROVIDER)
    thumbprints = ["1c58a3a8518e8759bf075b76b750d4f2df264fcd"]
    assert stack.update(index, thumbprintLists=thumbprints)["thumbprintLists"] == thumbprints
    with pytest.raises(ApiError, match="cannot change clientIdLists of a OpenIdConnectProvider"):
        stack.update(index, clientIdLists=["another"])


def test_a_password_policy_is_changed_as_a_whole(stack: Stack) -> None:
    build_account(stack, "passwords")
    index = position(stack, PASSWORDS)
    found = stack.update(index, minimumPasswordLength=20)
    assert (found["minimumPasswordLength"], found["maxPasswordAge"]) == (20, 90)
    assert found["expirePasswords"] is True
    assert stack.update(index, passwordReusePrevention=None)["passwordReusePrevention"] == 0


def test_a_detector_and_its_features_are_changed_one_by_one(stack: Stack) -> None:
    build_account(stack, "detector")
    found = stack.update(position(stack, DETECTOR), findingPublishingFrequency="ONE_HOUR")
    assert found["findingPublishingFrequency"] == "ONE_HOUR"
    assert found["enable"] is True
    assert stack.update(position(stack, FEATURE), status="DISABLED")["status"] == "DISABLED"
    operations, other, inputs = stack.created[position(stack, FEATURE, 1)]
    read = operations.read(other, inputs) or {}
    assert (read["status"], read["additionalConfigurations"]) == (
        "ENABLED",
        inputs["additionalConfigurations"],
    )


def test_a_second_detector_of_a_region_is_refused(stack: Stack) -> None:
    build_account(stack, "second")
    with pytest.raises(ApiError, match="a detector already exists"):
        stack.create(DETECTOR, "another")


def test_a_trail_is_changed_in_place_and_stopped(stack: Stack) -> None:
    build_account(stack, "changed")
    index = position(stack, TRAIL)
    found = stack.update(index, enableLogFileValidation=False, s3KeyPrefix="other")
    assert (found["enableLogFileValidation"], found["s3KeyPrefix"]) == (False, "other")
    assert (found["enableLogging"], found["homeRegion"]) == (True, "ap-southeast-2")
    assert stack.update(index, enableLogging=False)["enableLogging"] is False
    selectors = [{"readWriteType": "WriteOnly", "includeManagementEvents": True}]
    assert stack.update(index, eventSelectors=selectors)["eventSelectors"] == selectors


def test_a_trail_that_was_stopped_behind_the_stack_is_drift(stack: Stack, api: Api) -> None:
    build_account(stack, "stopped")
    operations, arn, inputs = stack.created[position(stack, TRAIL)]
    api.call("cloudtrail", Call("stop_logging"), {}, {"Name": arn})
    found = operations.inputs_now(inputs, operations.read(arn, inputs) or {})
    assert operations.diff(inputs, found).changed == ("enableLogging",)


@pytest.mark.parametrize(
    ("actions", "missing"),
    [
        ((), "s3:GetBucketAcl and s3:PutObject"),
        (("s3:GetBucketAcl",), "does not allow s3:PutObject"),
    ],
)
def test_a_trail_whose_bucket_does_not_admit_it_is_refused(
    stack: Stack, actions: tuple[str, ...], missing: str
) -> None:
    bucket = log_bucket(stack, f"closed-{len(actions)}", *actions)
    with pytest.raises(ApiError, match=f"InsufficientS3BucketPolicyException.*{missing}"):
        stack.create(TRAIL, "refused", s3BucketName=bucket)


def test_a_trail_whose_key_does_not_admit_it_is_refused(stack: Stack) -> None:
    bucket = log_bucket(stack, "open-bucket", "s3:GetBucketAcl", "s3:PutObject")
    _, key = stack.create(KEY, "closed", policy=document(ROOT))
    with pytest.raises(ApiError, match="InsufficientEncryptionPolicyException"):
        stack.create(TRAIL, "refused", s3BucketName=bucket, kmsKeyId=key["arn"])


def test_a_budget_is_changed_in_place(stack: Stack) -> None:
    build_account(stack, "budget")
    index = position(stack, BUDGET)
    found = stack.update(index, limitAmount="900.0", costFilters=None)
    assert found["limitAmount"] == "900.0"
    assert not found["costFilters"]
    assert found["timePeriodStart"] == "2025-01-01_00:00"


def test_a_replica_is_in_its_own_region_with_its_own_policy(stack: Stack) -> None:
    build_account(stack, "replica")
    index = position(stack, REPLICA_KEY)
    operations, key, inputs = stack.created[index]
    found = operations.read(key, inputs) or {}
    assert key.startswith("mrk-")
    assert ":ap-southeast-4:" in found["arn"]
    assert ":ap-southeast-2:" in found["primaryKeyArn"]
    policy = document(ROOT, FOR_TRAIL)
    changed = stack.update(index, policy=policy, description="new", enabled=False)
    assert (changed["policy"], changed["description"], changed["enabled"]) == (
        policy,
        "new",
        False,
    )
    primary = stack.created[position(stack, KEY, 1)]
    assert (primary[0].read(primary[1], primary[2]) or {})["policy"] == document(ROOT)


def test_a_replica_beside_its_primary_is_refused(stack: Stack) -> None:
    _, primary = stack.create(KEY, "primary", multiRegion=True, policy=document(ROOT))
    with pytest.raises(ApiError, match="is to be in another region than ap-southeast-2"):
        stack.create(REPLICA_KEY, "beside", primaryKeyArn=primary["arn"])


def test_a_key_policy_goes_back_to_the_default_one(stack: Stack, api: Api) -> None:
    build_account(stack, "default")
    operations, key, inputs = stack.created[position(stack, KEY_POLICY)]

    def policy() -> str:
        request = {"KeyId": key, "PolicyName": "default"}
        return str(api.call("kms", Call("get_key_policy"), {}, request)["Policy"])

    assert "cloudtrail.amazonaws.com" in policy()
    operations.delete(key, inputs)
    assert "cloudtrail.amazonaws.com" not in policy()
    assert "123456789012:root" in policy()


def test_settings_of_the_account_are_changed_and_taken_back(stack: Stack, api: Api) -> None:
    build_account(stack, "settings")
    block = stack.update(position(stack, PUBLIC_ACCESS), blockPublicAcls=False)
    assert (block["blockPublicAcls"], block["blockPublicPolicy"]) == (False, True)
    assert block["accountId"] == "123456789012"
    operations, region, inputs = stack.created[position(stack, EBS)]
    assert (operations.read(region, inputs) or {})["enabled"] is True
    operations.delete(region, inputs)
    assert (
        api.call("ec2", Call("get_ebs_encryption_by_default"), {})["EbsEncryptionByDefault"]
        is False
    )


def test_a_public_access_block_that_was_taken_away_reads_as_gone(stack: Stack, api: Api) -> None:
    stack.create(PUBLIC_ACCESS, "block", blockPublicAcls=True)
    operations, account, inputs = stack.created[0]
    api.call("s3control", Call("delete_public_access_block"), {}, {"AccountId": account})
    assert operations.read(account, inputs) is None


@pytest.mark.parametrize(
    ("token", "olds", "changes"),
    [
        (REPOSITORY, {"name": "a"}, {"name": "b"}),
        (REPOSITORY, {"name": "a"}, {"encryptionConfigurations": [{"encryptionType": "KMS"}]}),
        (LIFECYCLE, {"repository": "a", "policy": "{}"}, {"policy": "[]"}),
        (REPOSITORY_POLICY, {"repository": "a"}, {"repository": "b"}),
        (PROVIDER, {"url": "https://a.com"}, {"url": "https://b.com"}),
        (LINKED_ROLE, {"awsServiceName": "ecs.amazonaws.com"}, {"customSuffix": "a"}),
        (FEATURE, {"name": "S3_DATA_EVENTS"}, {"name": "LAMBDA_NETWORK_LOGS"}),
        (TRAIL, {"name": "one"}, {"name": "two"}),
        (ANALYZER, {"analyzerName": "a"}, {"type": "ORGANIZATION"}),
        (BUDGET, {"name": "a"}, {"name": "b"}),
        (REPLICA_KEY, {"primaryKeyArn": "a"}, {"primaryKeyArn": "b"}),
        (KEY_POLICY, {"keyId": "a"}, {"keyId": "b"}),
    ],
)
def test_what_aws_cannot_update_is_a_replacement(
    operations: MakeOperations, token: str, olds: Properties, changes: Properties
) -> None:
    assert operations(token).diff(olds, {**olds, **changes}).replaces == tuple(changes)


def test_the_one_lifecycle_policy_of_a_repository_goes_before_the_next_one(
    operations: MakeOperations,
) -> None:
    olds = {"repository": "a", "policy": "{}"}
    assert operations(LIFECYCLE).diff(olds, {**olds, "policy": "[]"}).delete_first


@pytest.mark.parametrize("token", [REPOSITORY, DETECTOR, EBS, ANALYZER])
def test_a_resource_is_made_in_the_region_that_the_program_gives(
    operations: MakeOperations, token: str
) -> None:
    subject = in_region(operations(token), "us-east-1")
    for left_over in (
        subject.api.call("guardduty", Call("list_detectors"), {})["DetectorIds"]
        if token == DETECTOR
        else []
    ):
        subject.api.call("guardduty", Call("delete_detector"), {}, {"DetectorId": left_over})
    given = {"analyzerName": "elsewhere"} if token == ANALYZER else {}
    inputs = subject.check("elsewhere", {}, {**given, "region": "us-east-1"}, b"seed")
    assert list(subject.refusals(inputs)) == []
    resource_id, outputs = subject.create(f"urn:{token}", inputs)
    assert outputs["region"] == "us-east-1"
    assert (subject.read(resource_id, inputs) or {}) == outputs
    assert "us-east-1" in str(outputs.get("arn", "us-east-1"))
    subject.delete(resource_id, inputs)


# -- refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "properties", "where", "reason"),
    [
        (REPOSITORY, {"name": "Upper"}, "name", "does not match"),
        (REPOSITORY, {"imageTagMutability": "FIXED"}, "imageTagMutability", "is not one of"),
        (LIFECYCLE, {"policy": "rules"}, "policy", "is no JSON object"),
        (
            LIFECYCLE,
            {"policy": lifecycle(expire(1, "untagged"), expire(1, "any"))},
            "policy",
            "two rules have rulePriority 1",
        ),
        (
            LIFECYCLE,
            {"policy": lifecycle(expire(1, "any"), expire(2, "untagged"))},
            "policy",
            "must have the highest number",
        ),
        (
            LIFECYCLE,
            {"policy": lifecycle(expire(1, "any", tagPrefixList=["v"]))},
            "policy",
            "tagPrefixList goes with tagStatus `tagged`",
        ),
        (LIFECYCLE, {"policy": lifecycle(expire(1, "tagged"))}, "policy", "needs tagPrefixList"),
        (
            LIFECYCLE,
            {"policy": lifecycle(expire(1, "untagged", countType="sinceImagePushed"))},
            "policy",
            "countUnit",
        ),
        (
            LIFECYCLE,
            {"policy": lifecycle(expire(1, "untagged", countNumber=0))},
            "policy",
            "countNumber 0",
        ),
        (REPOSITORY_POLICY, {"policy": "Allow"}, "policy", "no JSON object"),
        (
            SCANNING,
            {
                "scanType": "BASIC",
                "rules": [
                    {
                        "scanFrequency": "CONTINUOUS_SCAN",
                        "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}],
                    }
                ],
            },
            "rules",
            "needs ENHANCED",
        ),
        (PROVIDER, {"url": "http://a.com", "clientIdLists": ["a"]}, "url", "https://"),
        (
            PROVIDER,
            {"url": "https://a.com", "clientIdLists": ["a"], "thumbprintLists": ["abc"]},
            "thumbprintLists",
            "40",
        ),
        (PASSWORDS, {"minimumPasswordLength": 5}, "minimumPasswordLength", "between 6 and 128"),
        (PASSWORDS, {"passwordReusePrevention": 25}, "passwordReusePrevention", "1 and 24"),
        (FEATURE, {"name": "S3", "status": "ENABLED"}, "name", "S3_DATA_EVENTS"),
        (FEATURE, {"name": "S3_DATA_EVENTS", "status": "ON"}, "status", "ENABLED, DISABLED"),
        (
            TRAIL,
            {"s3BucketName": UNKNOWN, "cloudWatchLogsGroupArn": f"{GROUP}:*"},
            "cloudWatchLogsRoleArn",
            "go together",
        ),
        (
            TRAIL,
            {
                "s3BucketName": UNKNOWN,
                "cloudWatchLogsGroupArn": GROUP,
                "cloudWatchLogsRoleArn": ROLE_ARN,
            },
            "cloudWatchLogsGroupArn",
            r"does not end with :*",
        ),
        (
            TRAIL,
            {
                "s3BucketName": UNKNOWN,
                "isMultiRegionTrail": True,
                "includeGlobalServiceEvents": False,
            },
            "includeGlobalServiceEvents",
            "must include global service events",
        ),
        (BUDGET, {**MONTHLY, "timeUnit": "WEEKLY"}, "timeUnit", "is not one of"),
        (BUDGET, {**MONTHLY, "notifications": [OVER]}, "notifications", "needs a subscriber"),
        (
            BUDGET,
            {
                **MONTHLY,
                "notifications": [{**OVER, "subscriberSnsTopicArns": ["arn:one", "arn:two"]}],
            },
            "notifications",
            "one SNS topic",
        ),
        (ANALYZER, {"analyzerName": "1st"}, "analyzerName", "does not match"),
        (
            REPLICA_KEY,
            {"primaryKeyArn": "arn:aws:kms:ap-southeast-2:123456789012:key/1"},
            "primaryKeyArn",
            "not a multi-Region primary key",
        ),
        (
            REPLICA_KEY,
            {"primaryKeyArn": UNKNOWN, "policy": document(DECRYPT)},
            "policy",
            "will not allow you to update the key policy",
        ),
        (
            KEY_POLICY,
            {"keyId": UNKNOWN, "policy": document(DECRYPT)},
            "policy",
            "will not allow you to update the key policy",
        ),
    ],
)
def test_preview_refuses_with_awss_reason(
    operations: MakeOperations, token: str, properties: dict[str, Any], where: str, reason: str
) -> None:
    subject = operations(token)
    refusals = list(subject.refusals(subject.check("name", {}, properties, b"seed")))
    assert any(place.startswith(where) and reason in text for place, text in refusals), refusals
    assert {place.split(".")[0] for place, _ in refusals} == {where.split(".")[0]}
    assert all(len(text) < 300 for _, text in refusals)


# -- data sources ----------------------------------------------------------------------------


def test_a_repository_is_found_and_a_missing_one_says_who_makes_it(stack: Stack, api: Api) -> None:
    get_repository = FUNCTIONS["aws:ecr/getRepository:getRepository"]
    with pytest.raises(ApiError, match=r"RepositoryNotFound.*the account's stack makes it"):
        get_repository(api, {"name": "looked-up"})
    _, outputs = stack.create(REPOSITORY, "r", name="looked-up", imageTagMutability="IMMUTABLE")
    found = get_repository(api, {"name": "looked-up"})
    for name in ("arn", "repositoryUrl", "registryId", "imageTagMutability", "tags"):
        assert found[name] == outputs[name], name


def test_an_identity_provider_is_found_by_its_address(stack: Stack, api: Api) -> None:
    get_provider = FUNCTIONS["aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider"]
    with pytest.raises(ApiError, match="no IAM OIDC Provider looked-up"):
        get_provider(api, {"url": "https://looked-up.example"})
    given = {"url": "https://looked-up.example", "clientIdLists": ["sts.amazonaws.com"]}
    arn, _ = stack.create(PROVIDER, "p", **given, thumbprintLists=["a" * 40])
    for arguments in ({"url": given["url"]}, {"arn": arn}):
        found = get_provider(api, arguments)
        assert (found["arn"], found["url"]) == (arn, "looked-up.example")
        assert found["clientIdLists"] == ["sts.amazonaws.com"]


def test_a_creation_that_first_asks_for_the_account_is_not_taken_for_the_question(
    operations: MakeOperations,
) -> None:
    """Whoever is the first to need the account's number asks within the creation."""
    subject = operations(BUDGET)
    subject.api._account = ""
    properties = {**MONTHLY, "notifications": [{**OVER, "subscriberEmailAddresses": ["a@b.com"]}]}
    inputs = subject.check("asked", {}, {**properties, "name": "asked"}, b"seed")
    resource_id, outputs = subject.create("urn:asked", inputs)
    assert (resource_id, outputs["name"]) == ("123456789012:asked", "asked")
    subject.delete(resource_id, inputs)
