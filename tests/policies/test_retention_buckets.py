"""How long buckets keep what is in them."""

from typing import Any

import pytest

from policies.retention.buckets import (
    bucket_access_logs,
    bucket_lifecycle,
    bucket_object_lock,
    bucket_replication,
    bucket_versioning,
)
from policies.retention.kinds import BUCKET_LOGGINGS, BUCKETS, LOAD_BALANCERS
from tests.policies.cases import stack_fails, stack_passes, stack_waits
from tests.policies.harness import UNKNOWN, Given

VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
REPLICATION = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"
LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"


def bucket(name: str = "data", **properties: Any) -> Given:
    return Given(BUCKETS[0], name, {"id": name, **properties})


def old(kind: str) -> str:
    """The token of the same type that pulumi-aws deprecated."""
    return f"{kind}V2".replace(":Bucket", "V2:Bucket")


def test_old_tokens() -> None:
    assert old(VERSIONING) == "aws:s3/bucketVersioningV2:BucketVersioningV2"


@pytest.mark.parametrize("kind", BUCKETS)
@pytest.mark.parametrize("split", [VERSIONING, old(VERSIONING)])
def test_buckets_keep_versions(kind: str, split: str) -> None:
    rule = bucket_versioning
    held = Given(kind, "data", {"id": "data"})

    def versioning(status: Any, of: Any = "data") -> Given:
        properties = {"bucket": of, "versioningConfiguration": {"status": status}}
        return Given(split, "v", properties)

    stack_passes(rule, held, versioning("Enabled"))
    stack_passes(rule, Given(kind, "data", {"versioning": {"enabled": True}}))
    stack_passes(rule, Given(kind, "data", {"versionings": [{"enabled": True}]}))
    stack_fails(rule, [Given(kind, "data", {"versionings": [{"enabled": False}]})], ["data"])
    for bad in ([], [versioning("Suspended")], [versioning("Enabled", of="x")]):
        stack_fails(rule, [held, *bad], ["data"], "versioning is not enabled")
    stack_fails(rule, [Given(kind, "data", {"versioning": {"enabled": False}})], ["data"])
    stack_fails(rule, [held, Given(split, "v", {"bucket": "data"})], ["data"])
    stack_waits(rule, held, versioning(UNKNOWN))
    stack_waits(rule, held, versioning("Enabled", of=UNKNOWN))
    planned = Given(kind, "data", {"id": UNKNOWN, "versioning": UNKNOWN})
    enabled = {"status": "Enabled"}
    stack_passes(
        rule,
        planned,
        Given(
            split,
            "v",
            {"bucket": UNKNOWN, "versioningConfiguration": enabled},
            {"bucket": planned},
        ),
    )


ABORT = {"abortIncompleteMultipartUpload": {"daysAfterInitiation": 7}}
EXPIRE = {"noncurrentVersionExpiration": {"noncurrentDays": 30}}


@pytest.mark.parametrize("split", [LIFECYCLE, old(LIFECYCLE)])
def test_buckets_end_uploads_and_versions(split: str) -> None:
    rule = bucket_lifecycle

    def lifecycle(*rules: Any, of: str = "data") -> Given:
        return Given(split, "l", {"bucket": of, "rules": list(rules)})

    on = {"status": "Enabled"}
    stack_passes(rule, bucket(), lifecycle({**on, **ABORT, **EXPIRE}))
    stack_passes(rule, bucket(), lifecycle({**on, **ABORT}, {**on, **EXPIRE}))
    both = ["data", "data"]
    stack_fails(
        rule, [bucket()], both, "unfinished uploads is missing", "older versions is missing"
    )
    off = lifecycle({"status": "Disabled", **ABORT, **EXPIRE})
    stack_fails(rule, [bucket(), off], both)
    stack_fails(rule, [bucket(), lifecycle({**on, **ABORT, **EXPIRE}, of="x")], both)
    stack_fails(rule, [bucket(), Given(split, "l", {"bucket": "data"})], both)
    stack_fails(rule, [bucket(), lifecycle({**on, **ABORT})], ["data"], "older versions")
    stack_fails(rule, [bucket(), lifecycle({**on, **EXPIRE})], ["data"], "unfinished uploads")
    stack_waits(rule, bucket(), lifecycle(UNKNOWN))
    inline = {"abortIncompleteMultipartUploadDays": 7, **EXPIRE}
    stack_passes(rule, bucket(lifecycleRules=[{"enabled": True, **inline}]))
    stack_fails(rule, [bucket(lifecycleRules=[{"enabled": False, **inline}])], both)
    older = {"abortIncompleteMultipartUploadDays": 7, "noncurrentVersionExpirations": [{"days": 1}]}
    stack_passes(rule, bucket(lifecycleRules=[{"enabled": True, **older}]))


@pytest.mark.parametrize("name", ["assets-primary-bucket", "x-assets-primary-bucket"])
def test_assets_are_replicated(name: str) -> None:
    rule = bucket_replication

    def replication(status: Any, of: str = name) -> Given:
        return Given(REPLICATION, "r", {"bucket": of, "rules": [{"status": status}]})

    stack_passes(rule, bucket(name), replication("Enabled"))
    stack_passes(rule, bucket("logs"), bucket("assets-replica-bucket"))
    for bad in ([], [replication("Disabled")], [replication("Enabled", of="x")]):
        said = "replication is missing"
        stack_fails(rule, [bucket(name), *bad], [name], said, spared_in_staging=True)
    bare = Given(REPLICATION, "r", {"bucket": name})
    stack_fails(rule, [bucket(name), bare], [name], spared_in_staging=True)
    stack_waits(rule, bucket(name), replication(UNKNOWN))
    stack_passes(rule, bucket(name), config={"buckets": ["other"]})


@pytest.mark.parametrize("split", [LOCK, old(LOCK)])
@pytest.mark.parametrize("name", ["trail-bucket", "audit-bucket", "db-backups", "x-export"])
def test_audit_and_backup_buckets_are_locked(split: str, name: str) -> None:
    rule = bucket_object_lock

    def lock(retention: Any, of: str = name) -> Given:
        return Given(split, "o", {"bucket": of, "rule": {"defaultRetention": retention}})

    stack_passes(rule, bucket(name), lock({"days": 30}))
    stack_passes(rule, bucket(name), lock({"years": 7}))
    stack_passes(rule, bucket("assets"))
    bare = Given(split, "o", {"bucket": name, "objectLockEnabled": "Enabled"})
    for bad in ([], [lock({})], [lock(None)], [lock({"days": 30}, of="x")], [bare]):
        given = [bucket(name), *bad]
        stack_fails(rule, given, [name], "object lock is missing", spared_in_staging=True)
    stack_waits(rule, bucket(name), lock({"days": UNKNOWN}))
    stack_passes(rule, bucket(name), config={"buckets": ["other"]})


@pytest.mark.parametrize("split", BUCKET_LOGGINGS)
def test_buckets_record_requests(split: str) -> None:
    rule = bucket_access_logs
    data, logs = bucket(), bucket("logs")
    logging = Given(split, "l", {"bucket": "data", "targetBucket": "logs"})
    stack_passes(rule, data, logs, logging)
    stack_passes(rule, bucket(logging={"targetBucket": "elsewhere"}))
    stack_passes(rule, bucket(loggings=[{"targetBucket": "elsewhere"}]))
    for spared in ("assets-primary-bucket", "x-assets-replica-bucket"):
        stack_passes(rule, bucket(spared))
    stack_fails(rule, [data], ["data"], "access log is missing", spared_in_staging=True)
    other = bucket("other")
    stack_fails(rule, [data, logs, other, logging], ["other"], spared_in_staging=True)
    unknown = Given(split, "l", {"bucket": UNKNOWN, "targetBucket": "x"})
    stack_waits(rule, data, unknown)


@pytest.mark.parametrize("balancer", LOAD_BALANCERS)
def test_the_bucket_of_a_load_balancers_logs_is_one_for_logs(balancer: str) -> None:
    logs = bucket("logs")
    depending = Given(balancer, "alb", {"accessLogs": {"bucket": UNKNOWN}}, {"accessLogs": logs})
    stack_passes(bucket_access_logs, logs, depending)
    other = Given(balancer, "alb", {"accessLogs": {"bucket": "logs"}})
    stack_passes(bucket_access_logs, logs, other)
    silent = Given(balancer, "alb", {})
    stack_fails(bucket_access_logs, [logs, silent], ["logs"], spared_in_staging=True)
    elsewhere = Given(balancer, "alb", {"accessLogs": {"bucket": "elsewhere"}})
    stack_fails(bucket_access_logs, [logs, elsewhere], ["logs"], spared_in_staging=True)


def test_so_is_that_of_a_trail_and_of_a_delivery() -> None:
    logs = bucket("logs")
    trail = "aws:cloudtrail/trail:Trail"
    stack_passes(bucket_access_logs, logs, Given(trail, "t", {"s3BucketName": "logs"}))
    other = Given(trail, "t", {"s3BucketName": "other"})
    stack_fails(bucket_access_logs, [logs, other], ["logs"], spared_in_staging=True)
    destination = "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination"
    depends = {"deliveryDestinationConfiguration": logs}
    stack_passes(bucket_access_logs, logs, Given(destination, "d", {}, depends))
    stack_fails(
        bucket_access_logs,
        [logs, Given(destination, "d", {}, {"name": logs})],
        ["logs"],
        spared_in_staging=True,
    )
