"""Buckets as the engine would create them; see `build.py`."""

from typing import Any

from tests.local.aws.build import KEY, ROLE, ROOT, Stack, document, trust

BUCKET = "aws:s3/bucket:Bucket"
BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
OWNERSHIP = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
ENCRYPTION = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
)
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
LOGGING = "aws:s3/bucketLogging:BucketLogging"
REPLICATION = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"
LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
NOTIFICATION = "aws:s3/bucketNotification:BucketNotification"

ENABLED = {"status": "Enabled"}

LIFECYCLE_RULES = [
    {
        "id": "logs",
        **ENABLED,
        "filter": {"prefix": "logs/"},
        "transitions": [{"days": 30, "storageClass": "STANDARD_IA"}],
        "expiration": {"days": 365},
        "noncurrentVersionExpiration": {"noncurrentDays": 30, "newerNoncurrentVersions": 3},
        "noncurrentVersionTransitions": [{"noncurrentDays": 7, "storageClass": "GLACIER"}],
    },
    {
        "id": "uploads",
        **ENABLED,
        "filter": {},
        "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
    },
    {
        "id": "temporary",
        **ENABLED,
        "filter": {"and": {"prefix": "tmp/", "tags": {"keep": "no"}}},
        "expiration": {"days": 1},
    },
]


def replication_rule(target: str, **others: Any) -> dict[str, Any]:
    return {
        "id": "all",
        "priority": 1,
        **ENABLED,
        "filter": {"prefix": ""},
        "deleteMarkerReplication": ENABLED,
        "destination": {"bucket": f"arn:aws:s3:::{target}", "storageClass": "STANDARD_IA"},
        **others,
    }


def delivery(bucket: str) -> dict[str, Any]:
    """Lets S3's own log delivery write to `bucket`."""
    return {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }


def tls_only(bucket: str) -> dict[str, Any]:
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def build_storage(stack: Stack, suffix: str) -> None:
    _, key = stack.create(KEY, "assets", policy=document(ROOT))
    logs, _ = stack.create(BUCKET, f"Logs-{suffix}", objectLockEnabled=True, forceDestroy=True)
    assets, _ = stack.create(BUCKET, f"assets-{suffix}", forceDestroy=True, tags={"a": "b"})
    copy, _ = stack.create(BUCKET, f"copy-{suffix}")
    for label, bucket in (("assets", assets), ("copy", copy)):
        stack.create(VERSIONING, label, bucket=bucket, versioningConfiguration=ENABLED)
    stack.create(
        BLOCK,
        "assets",
        bucket=assets,
        blockPublicAcls=True,
        blockPublicPolicy=True,
        ignorePublicAcls=True,
        restrictPublicBuckets=True,
    )
    owner = {"objectOwnership": "BucketOwnerEnforced"}
    stack.create(OWNERSHIP, "assets", bucket=assets, rule=owner)
    default = {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": key["arn"]}
    rule = {"applyServerSideEncryptionByDefault": default, "bucketKeyEnabled": True}
    stack.create(ENCRYPTION, "assets", bucket=assets, rules=[rule])
    stack.create(LIFECYCLE, "assets", bucket=assets, rules=LIFECYCLE_RULES)
    stack.create(
        BUCKET_POLICY, "logs", bucket=logs, policy=document(tls_only(logs), delivery(logs))
    )
    stack.create(
        LOGGING,
        "assets",
        bucket=assets,
        targetBucket=logs,
        targetPrefix="assets/",
        targetObjectKeyFormat={"partitionedPrefix": {"partitionDateSource": "EventTime"}},
    )
    stack.create(
        LOCK,
        "logs",
        bucket=logs,
        rule={"defaultRetention": {"mode": "GOVERNANCE", "days": 30}},
    )
    _, role = stack.create(ROLE, f"replicate-{suffix}", assumeRolePolicy=trust("s3.amazonaws.com"))
    in_time = {**ENABLED, "time": {"minutes": 15}}
    target = {
        "bucket": f"arn:aws:s3:::{copy}",
        "encryptionConfiguration": {"replicaKmsKeyId": key["arn"]},
        "metrics": {**ENABLED, "eventThreshold": {"minutes": 15}},
        "replicationTime": in_time,
    }
    rule = replication_rule(
        copy,
        destination=target,
        sourceSelectionCriteria={"sseKmsEncryptedObjects": ENABLED},
    )
    stack.create(REPLICATION, "assets", bucket=assets, role=role["arn"], rules=[rule])
    stack.create(
        OBJECT,
        "page",
        bucket=assets,
        key="status/index.html",
        content="<h1>Back soon</h1>",
        contentType="text/html",
        cacheControl="max-age=60",
        kmsKeyId=key["arn"],
        serverSideEncryption="aws:kms",
        bucketKeyEnabled=True,
        metadata={"written-by": "test"},
    )
    stack.create(OBJECT, "plain", bucket=copy, key="plain.txt", contentBase64="aGVsbG8=")
    topic = f"arn:aws:sns:ap-southeast-2:123456789012:{suffix}"
    stack.create(
        NOTIFICATION,
        "assets",
        bucket=assets,
        eventbridge=True,
        topics=[{"topicArn": topic, "events": ["s3:ObjectRemoved:*"], "filterPrefix": "status/"}],
    )
