"""The record of calls, GuardDuty, and the account's safe defaults."""

import json
from typing import Any

import pytest

from components.guard import Guard, GuardArgs, cloudtrail_access
from components.keys import EncryptionKey, EncryptionKeyArgs
from components.naming import Names
from components.settings.account import DetectionSettings, TrailSettings
from tests.unit.conftest import ACCOUNT_ID, Deployment, RunOnce, deploy
from tests.unit.iam import Request, allowed

GUARD = "aussie-markets:guard:Guard"
TRAIL = "aws:cloudtrail/trail:Trail"
BUCKET = "aws:s3/bucket:Bucket"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
ENCRYPTION = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
)
FEATURE = "aws:guardduty/detectorFeature:DetectorFeature"

TRAIL_ARN = f"arn:aws:cloudtrail:ap-southeast-2:{ACCOUNT_ID}:trail/aussie-markets"
CLOUDTRAIL = "Service:cloudtrail.amazonaws.com"
RECORD = "arn:aws:mock:::bucket/guard-trail-bucket-arn"


@RunOnce
def guard(
    trail: dict[str, Any] | None = None,
    features: list[str] | None = None,
    *,
    protect: bool = True,
    preview: bool = False,
) -> Deployment:
    detection = {} if features is None else {"features": features}

    def program() -> None:
        Guard(
            "guard",
            GuardArgs(
                names=Names("account"),
                region="ap-southeast-2",
                account_id=ACCOUNT_ID,
                trail=TrailSettings.model_validate(trail or {}),
                detection=DetectionSettings.model_validate(detection),
                log_key_arn="arn:log-key",
                protect=protect,
            ),
        )

    return deploy(program, "account", preview=preview)


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize("protect", [False, True])
def test_only_the_buckets_are_protected(protect: bool, preview: bool) -> None:
    deployment = guard(protect=protect, preview=preview)
    assert deployment.counts() == {
        GUARD: 1,
        "aussie-markets:buckets:PrivateBucket": 2,
        BUCKET: 2,
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": 2,
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls": 2,
        "aws:s3/bucketVersioning:BucketVersioning": 2,
        ENCRYPTION: 2,
        LIFECYCLE: 2,
        LOCK: 1,
        POLICY: 2,
        "aws:s3/bucketLogging:BucketLogging": 1,
        "aws:cloudwatch/logGroup:LogGroup": 1,
        "aws:iam/role:Role": 1,
        "aws:iam/rolePolicy:RolePolicy": 1,
        TRAIL: 1,
        "aws:guardduty/detector:Detector": 1,
        FEATURE: 4,
        "aws:accessanalyzer/analyzer:Analyzer": 1,
        "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock": 1,
        "aws:ebs/encryptionByDefault:EncryptionByDefault": 1,
    }
    for resource in deployment.resources:
        assert resource.protect == (protect and resource.type == BUCKET)
        assert not resource.retain_on_delete
        assert resource.ignore_changes == ()


def test_the_trail_records_everything_and_shows_tampering() -> None:
    deployment = guard()
    trail = deployment.only(TRAIL)
    assert trail.inputs == {
        "name": "aussie-markets",
        "s3BucketName": "guard-trail-bucket-a1b2c3d",
        "kmsKeyId": "arn:log-key",
        "cloudWatchLogsGroupArn": "arn:aws:mock:::log-group/guard-trail-arn:*",
        "cloudWatchLogsRoleArn": "arn:aws:mock:::role/guard-trail-arn",
        "isMultiRegionTrail": True,
        "includeGlobalServiceEvents": True,
        "enableLogFileValidation": True,
        "enableLogging": True,
    }
    # CloudTrail tries both when the trail is made.
    assert trail.depends_on >= {
        deployment.of(POLICY)["guard-trail"].urn,
        deployment.only("aws:iam/rolePolicy:RolePolicy").urn,
    }
    assert deployment.only("aws:cloudwatch/logGroup:LogGroup").inputs == {
        "name": "/aussie-markets/account/trail",
        "retentionInDays": 365,
        "kmsKeyId": "arn:log-key",
    }


@pytest.mark.parametrize(
    ("action", "resource", "context", "expected"),
    [
        ("s3:GetBucketAcl", RECORD, {"aws:SourceArn": TRAIL_ARN}, True),
        (
            "s3:PutObject",
            f"{RECORD}/AWSLogs/{ACCOUNT_ID}/CloudTrail/a",
            {"aws:SourceArn": TRAIL_ARN, "s3:x-amz-acl": "bucket-owner-full-control"},
            True,
        ),
        (
            "s3:PutObject",
            f"{RECORD}/AWSLogs/{ACCOUNT_ID}/CloudTrail/a",
            {"aws:SourceArn": TRAIL_ARN},
            False,
        ),
        (
            "s3:PutObject",
            f"{RECORD}/AWSLogs/999988887777/CloudTrail/a",
            {"aws:SourceArn": TRAIL_ARN, "s3:x-amz-acl": "bucket-owner-full-control"},
            False,
        ),
        (
            "s3:PutObject",
            f"{RECORD}/AWSLogs/{ACCOUNT_ID}/CloudTrail/a",
            {
                "aws:SourceArn": TRAIL_ARN.replace(ACCOUNT_ID, "999988887777"),
                "s3:x-amz-acl": "bucket-owner-full-control",
            },
            False,
        ),
        ("s3:GetBucketAcl", RECORD, {"aws:SourceArn": f"{TRAIL_ARN}-other"}, False),
        ("s3:GetObject", f"{RECORD}/AWSLogs/a", {"aws:SourceArn": TRAIL_ARN}, False),
    ],
)
def test_who_may_use_the_bucket_of_the_record(
    action: str, resource: str, context: dict[str, str], expected: bool
) -> None:
    policy = guard().of(POLICY)["guard-trail"].inputs["policy"]
    over_tls = {**context, "aws:SecureTransport": "true"}
    assert allowed(policy, Request(action, resource, over_tls, CLOUDTRAIL)) is expected
    assert not allowed(policy, Request(action, resource, over_tls, "Service:logs.amazonaws.com"))
    in_clear = {**context, "aws:SecureTransport": "false"}
    assert not allowed(policy, Request(action, resource, in_clear, CLOUDTRAIL))


def test_records_cannot_be_deleted_while_they_are_locked() -> None:
    deployment = guard({"lock_days": 100, "retention_days": 200})
    lock = deployment.only(LOCK)
    assert lock.inputs == {
        "bucket": "guard-trail-bucket-a1b2c3d",
        "rule": {"defaultRetention": {"mode": "GOVERNANCE", "days": 100}},
    }
    versioning = "aws:s3/bucketVersioning:BucketVersioning"
    assert deployment.of(versioning)["guard-trail-versions"].urn in lock.depends_on
    (rule,) = deployment.of(LIFECYCLE)["guard-trail-lifecycle"].inputs["rules"]
    assert rule["expiration"] == {"days": 200}
    assert guard({"lock_days": None}).of(LOCK) == {}


def test_readers_of_the_record_are_recorded() -> None:
    deployment = guard()
    logging = deployment.only("aws:s3/bucketLogging:BucketLogging")
    assert logging.inputs == {
        "bucket": "guard-trail-bucket-a1b2c3d",
        "targetBucket": "guard-readers-bucket-a1b2c3d",
        "targetPrefix": "trail/",
    }
    policy = deployment.of(POLICY)["guard-readers"]
    assert policy.urn in logging.depends_on

    def delivers(path: str, source: str = RECORD, account: str = ACCOUNT_ID) -> bool:
        context = {
            "aws:SourceArn": source,
            "aws:SourceAccount": account,
            "aws:SecureTransport": "true",
        }
        resource = f"arn:aws:mock:::bucket/guard-readers-bucket-arn/{path}"
        service = "Service:logging.s3.amazonaws.com"
        return allowed(policy.inputs["policy"], Request("s3:PutObject", resource, context, service))

    assert delivers("trail/a")
    assert not delivers("other/a")
    assert not delivers("trail/a", source="arn:aws:s3:::another")
    assert not delivers("trail/a", account="999988887777")


def test_the_record_has_our_key_and_the_access_log_s3s_own() -> None:
    encryptions = guard().of(ENCRYPTION)
    keys = {
        name: encryption.inputs["rules"][0]["applyServerSideEncryptionByDefault"]
        for name, encryption in encryptions.items()
    }
    assert keys == {
        "guard-trail-encryption": {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": "arn:log-key"},
        "guard-readers-encryption": {"sseAlgorithm": "AES256"},
    }


def test_the_trails_role_is_for_our_trail_and_its_streams() -> None:
    deployment = guard()
    trust = deployment.only("aws:iam/role:Role").inputs["assumeRolePolicy"]

    def assumes(source: str, principal: str = CLOUDTRAIL) -> bool:
        context = {"aws:SourceArn": source}
        return allowed(trust, Request("sts:AssumeRole", "*", context, principal))

    assert assumes(TRAIL_ARN)
    assert not assumes(TRAIL_ARN.replace(ACCOUNT_ID, "999988887777"))
    assert not assumes(TRAIL_ARN, "Service:ec2.amazonaws.com")

    rights = deployment.only("aws:iam/rolePolicy:RolePolicy").inputs["policy"]
    group = "arn:aws:mock:::log-group/guard-trail-arn"
    stream = f"{group}:log-stream:{ACCOUNT_ID}_CloudTrail_ap-southeast-2_1"
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        assert allowed(rights, Request(action, stream))
        assert not allowed(rights, Request(action, f"{group}:log-stream:other"))
    assert not allowed(rights, Request("logs:DeleteLogGroup", group))


@pytest.mark.parametrize(
    ("action", "context", "expected"),
    [
        (
            "kms:GenerateDataKey",
            {
                "aws:SourceArn": TRAIL_ARN,
                "kms:EncryptionContext:aws:cloudtrail:arn": TRAIL_ARN,
            },
            True,
        ),
        ("kms:DescribeKey", {"aws:SourceArn": TRAIL_ARN}, True),
        ("kms:GenerateDataKey", {"aws:SourceArn": TRAIL_ARN}, False),
        (
            "kms:GenerateDataKey",
            {
                "aws:SourceArn": TRAIL_ARN.replace(ACCOUNT_ID, "999988887777"),
                "kms:EncryptionContext:aws:cloudtrail:arn": TRAIL_ARN,
            },
            False,
        ),
        ("kms:Decrypt", {"aws:SourceArn": TRAIL_ARN}, False),
    ],
)
def test_the_key_lets_our_trail_encrypt(
    action: str, context: dict[str, str], expected: bool
) -> None:
    def program() -> None:
        EncryptionKey(
            "key",
            EncryptionKeyArgs(
                alias="alias/key",
                description="",
                account_id=ACCOUNT_ID,
                services=cloudtrail_access("ap-southeast-2", ACCOUNT_ID),
            ),
        )

    policy = deploy(program).only("aws:kms/key:Key").inputs["policy"]
    assert allowed(policy, Request(action, "*", context, CLOUDTRAIL)) is expected


def test_guardduty_looks_at_what_the_settings_name_and_at_nothing_else() -> None:
    def states(deployment: Deployment) -> dict[str, str]:
        features = deployment.of(FEATURE).values()
        assert all(each.inputs["detectorId"] == "guard-detector-id" for each in features)
        return {each.inputs["name"]: each.inputs["status"] for each in features}

    assert guard().only("aws:guardduty/detector:Detector").inputs == {
        "enable": True,
        "findingPublishingFrequency": "FIFTEEN_MINUTES",
    }
    assert states(guard()) == {
        "S3_DATA_EVENTS": "ENABLED",
        "RDS_LOGIN_EVENTS": "ENABLED",
        "LAMBDA_NETWORK_LOGS": "ENABLED",
        "RUNTIME_MONITORING": "DISABLED",
    }
    runtime = guard(features=["RUNTIME_MONITORING"])
    assert set(states(runtime).values()) == {"ENABLED", "DISABLED"}
    assert runtime.of(FEATURE)["guard-runtime"].inputs == {
        "detectorId": "guard-detector-id",
        "name": "RUNTIME_MONITORING",
        "status": "ENABLED",
        "additionalConfigurations": [{"name": "ECS_FARGATE_AGENT_MANAGEMENT", "status": "ENABLED"}],
    }


def test_the_account_is_closed_by_default() -> None:
    deployment = guard()
    block = deployment.only("aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock")
    assert block.inputs == {
        "blockPublicAcls": True,
        "blockPublicPolicy": True,
        "ignorePublicAcls": True,
        "restrictPublicBuckets": True,
    }
    volumes = deployment.only("aws:ebs/encryptionByDefault:EncryptionByDefault")
    assert volumes.inputs == {"enabled": True}
    analyzer = deployment.only("aws:accessanalyzer/analyzer:Analyzer")
    assert analyzer.inputs == {"analyzerName": "aussie-markets", "type": "ACCOUNT"}


def test_outputs() -> None:
    deployment = guard()
    assert deployment.outputs[deployment.only(GUARD).urn] == {
        "trail_arn": "arn:aws:mock:::trail/guard-trail-arn",
        "trail_bucket_name": "guard-trail-bucket-a1b2c3d",
        "trail_log_group_name": "/aussie-markets/account/trail",
        "detector_id": "guard-detector-id",
    }
    assert json.loads(deployment.of(POLICY)["guard-trail"].inputs["policy"])["Version"]
