"""The static assets' buckets and their replication."""

import json
from typing import Any

import pytest

from components.assets import Assets, AssetsArgs, cloudfront_access
from components.keys import EncryptionKey, EncryptionKeyArgs
from tests.unit.conftest import ACCOUNT_ID, Deployment, deploy, settings_of

ASSETS = "aussie-markets:assets:Assets"
PRIVATE_BUCKET = "aussie-markets:buckets:PrivateBucket"
BUCKET = "aws:s3/bucket:Bucket"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
REPLICATION = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
OWN = (REPLICATION, ROLE, ROLE_POLICY, ALARM, PRIVATE_BUCKET)

BOTH = pytest.mark.parametrize("stack", ["staging", "production"])

PRIMARY = "arn:aws:mock:::bucket/assets-primary-bucket-arn"
REPLICA = "arn:aws:mock:::bucket/assets-replica-bucket-arn"


def assets(
    stack: str = "staging", *, preview: bool = False, region: str = "ap-southeast-2", **values: Any
) -> Deployment:
    settings = settings_of(stack, {"stack": {"region": region}, "assets": values})

    def program() -> None:
        Assets(
            "assets",
            AssetsArgs(
                settings=settings.assets,
                region=region,
                kms_key_arn="arn:key",
                replica_kms_key_arn="arn:replica-key",
                alarm_topic_arns=["arn:topic"],
            ),
        )

    return deploy(program, stack, preview=preview)


@BOTH
@pytest.mark.parametrize("preview", [False, True])
def test_options_of_the_children(stack: str, preview: bool) -> None:
    deployment = assets(stack, preview=preview)
    component = deployment.only(ASSETS)
    children = [resource for resource in deployment.resources if resource.type in OWN]
    assert len(children) == 7
    for child in children:
        assert child.parent == component.urn
        assert child.name.startswith("assets-")
        assert not child.protect
        assert not child.retain_on_delete
        assert child.ignore_changes == ()
    assert len(deployment.resources) == 1 + len(children) + 2 * 6


@BOTH
def test_production_keeps_its_buckets(stack: str) -> None:
    buckets = assets(stack).of(BUCKET).values()
    assert len(buckets) == 2
    assert all(bucket.protect == (stack == "production") for bucket in buckets)
    assert not any(
        bucket.protect for bucket in assets(stack, deletion_protection=False).of(BUCKET).values()
    )


@pytest.mark.parametrize(
    ("region", "replica"),
    [
        ("ap-southeast-2", "ap-southeast-4"),
        ("ap-southeast-4", "ap-southeast-2"),
        ("eu-west-1", "ap-southeast-4"),
    ],
)
def test_the_replica_is_in_another_region(region: str, replica: str) -> None:
    buckets = assets(region=region).of(BUCKET)
    assert "region" not in buckets["assets-primary-bucket"].inputs
    assert buckets["assets-replica-bucket"].inputs["region"] == replica


def test_the_replica_is_where_the_settings_say() -> None:
    buckets = assets(replica_region="us-west-2").of(BUCKET)
    assert buckets["assets-replica-bucket"].inputs["region"] == "us-west-2"


def test_everything_is_replicated_in_time_and_encrypted_there() -> None:
    deployment = assets()
    replication = deployment.only(REPLICATION)
    assert replication.inputs == {
        "bucket": "assets-primary-bucket-a1b2c3d",
        "role": "arn:aws:mock:::role/assets-replication-arn",
        "rules": [
            {
                "id": "assets",
                "status": "Enabled",
                "priority": 1,
                "filter": {"prefix": ""},
                "deleteMarkerReplication": {"status": "Enabled"},
                "sourceSelectionCriteria": {"sseKmsEncryptedObjects": {"status": "Enabled"}},
                "destination": {
                    "bucket": REPLICA,
                    "storageClass": "STANDARD",
                    "encryptionConfiguration": {"replicaKmsKeyId": "arn:replica-key"},
                    "replicationTime": {"status": "Enabled", "time": {"minutes": 15}},
                    "metrics": {"status": "Enabled", "eventThreshold": {"minutes": 15}},
                },
            }
        ],
    }
    assert {v.urn for v in deployment.of(VERSIONING).values()} <= replication.depends_on
    assert deployment.only(ROLE_POLICY).urn in replication.depends_on


def test_s3_may_do_for_replication_what_that_needs_and_nothing_else() -> None:
    deployment = assets()
    (trust,) = json.loads(deployment.only(ROLE).inputs["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": "s3.amazonaws.com"}
    statements = json.loads(deployment.only(ROLE_POLICY).inputs["policy"])["Statement"]
    by_region = {"primary": (PRIMARY, "ap-southeast-2"), "replica": (REPLICA, "ap-southeast-4")}

    def through_s3(label: str) -> dict[str, Any]:
        bucket, region = by_region[label]
        return {
            "StringLike": {
                "kms:ViaService": f"s3.{region}.amazonaws.com",
                "kms:EncryptionContext:aws:s3:arn": [bucket, f"{bucket}/*"],
            }
        }

    assert statements == [
        {
            "Effect": "Allow",
            "Action": ["s3:GetReplicationConfiguration", "s3:ListBucket"],
            "Resource": PRIMARY,
        },
        {
            "Effect": "Allow",
            "Action": [
                "s3:GetObjectVersionForReplication",
                "s3:GetObjectVersionAcl",
                "s3:GetObjectVersionTagging",
            ],
            "Resource": f"{PRIMARY}/*",
        },
        {
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": "arn:key",
            "Condition": through_s3("primary"),
        },
        {
            "Effect": "Allow",
            "Action": ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"],
            "Resource": f"{REPLICA}/*",
        },
        {
            "Effect": "Allow",
            "Action": "kms:Encrypt",
            "Resource": "arn:replica-key",
            "Condition": through_s3("replica"),
        },
    ]


@pytest.mark.parametrize(
    ("label", "metric", "statistic", "threshold"),
    [
        ("late", "ReplicationLatency", "Maximum", 3600),
        ("failed", "OperationsFailedReplication", "Sum", 0),
    ],
)
def test_alarms(label: str, metric: str, statistic: str, threshold: int) -> None:
    inputs = dict(assets().of(ALARM)[f"assets-replication-{label}"].inputs)
    assert inputs.pop("alarmDescription").startswith("Static assets ")
    assert inputs == {
        "namespace": "AWS/S3",
        "metricName": metric,
        "dimensions": {
            "SourceBucket": "assets-primary-bucket-a1b2c3d",
            "DestinationBucket": "assets-replica-bucket-a1b2c3d",
            "RuleId": "assets",
        },
        "statistic": statistic,
        "period": 300,
        "evaluationPeriods": 1,
        "comparisonOperator": "GreaterThanThreshold",
        "threshold": threshold,
        "treatMissingData": "notBreaching",
        "alarmActions": ["arn:topic"],
        "okActions": ["arn:topic"],
    }


def test_cloudfront_may_decrypt_for_distributions_of_this_account_only() -> None:
    def program() -> None:
        EncryptionKey(
            "key",
            EncryptionKeyArgs(
                alias="alias/assets",
                description="Assets",
                account_id=ACCOUNT_ID,
                services=[cloudfront_access(ACCOUNT_ID)],
                region="ap-southeast-4",
            ),
        )

    deployment = deploy(program)
    key = deployment.only("aws:kms/key:Key")
    assert key.inputs["region"] == "ap-southeast-4"
    assert deployment.only("aws:kms/alias:Alias").inputs["region"] == "ap-southeast-4"
    assert json.loads(key.inputs["policy"])["Statement"][1] == {
        "Sid": "CloudFront",
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": ["kms:Decrypt"],
        "Resource": "*",
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:aws:cloudfront::{ACCOUNT_ID}:distribution/*"}
        },
    }


def test_registered_outputs() -> None:
    deployment = assets()
    assert deployment.outputs[deployment.only(ASSETS).urn] == {
        "primary_bucket": "assets-primary-bucket-a1b2c3d",
        "replica_bucket": "assets-replica-bucket-a1b2c3d",
    }
