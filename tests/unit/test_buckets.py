"""A private bucket's exact inputs and options."""

from typing import Any

import pytest

from components.buckets import PrivateBucket, PrivateBucketArgs
from tests.unit.conftest import Deployment, deploy

COMPONENT = "aussie-markets:buckets:PrivateBucket"
BUCKET = "aws:s3/bucket:Bucket"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
ENCRYPTION = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
)
OTHERS: dict[str, dict[str, Any]] = {
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": {
        "blockPublicAcls": True,
        "blockPublicPolicy": True,
        "ignorePublicAcls": True,
        "restrictPublicBuckets": True,
    },
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": {
        "rule": {"objectOwnership": "BucketOwnerEnforced"}
    },
    "aws:s3/bucketVersioning:BucketVersioning": {"versioningConfiguration": {"status": "Enabled"}},
}

KEY = "arn:key"


def bucket(
    *,
    key: str | None = KEY,
    expire_days: int | None = None,
    protect: bool = True,
    region: str | None = None,
    preview: bool = False,
) -> Deployment:
    def program() -> None:
        PrivateBucket(
            "some",
            PrivateBucketArgs(
                kms_key_arn=key,
                old_version_days=90,
                protect=protect,
                expire_days=expire_days,
                region=region,
            ),
        )

    return deploy(program, preview=preview)


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize("protect", [False, True])
def test_only_the_bucket_is_protected(protect: bool, preview: bool) -> None:
    deployment = bucket(protect=protect, preview=preview)
    component = deployment.only(COMPONENT)
    children = [resource for resource in deployment.resources if resource is not component]
    assert len(children) == 6
    for child in children:
        assert child.parent == component.urn
        assert child.name.startswith("some-")
        assert child.protect == (protect and child.type == BUCKET)
        assert not child.retain_on_delete
        assert not child.delete_before_replace
        assert child.ignore_changes == ()


@pytest.mark.parametrize("protect", [False, True])
def test_a_bucket_that_may_go_takes_its_objects_along(protect: bool) -> None:
    assert bucket(protect=protect).only(BUCKET).inputs == {"forceDestroy": not protect}


def test_it_is_private_and_keeps_versions() -> None:
    deployment = bucket()
    for type_, inputs in OTHERS.items():
        assert deployment.only(type_).inputs == {"bucket": "some-bucket-a1b2c3d", **inputs}


@pytest.mark.parametrize(
    ("key", "rule"),
    [
        (
            KEY,
            {
                "applyServerSideEncryptionByDefault": {
                    "sseAlgorithm": "aws:kms",
                    "kmsMasterKeyId": KEY,
                },
                "bucketKeyEnabled": True,
            },
        ),
        (
            None,
            {
                "applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"},
                "bucketKeyEnabled": False,
            },
        ),
    ],
)
def test_encryption(key: str | None, rule: dict[str, object]) -> None:
    assert bucket(key=key).only(ENCRYPTION).inputs == {
        "bucket": "some-bucket-a1b2c3d",
        "rules": [rule],
    }


@pytest.mark.parametrize(
    ("days", "expiration"), [(None, {"expiredObjectDeleteMarker": True}), (30, {"days": 30})]
)
def test_lifecycle(days: int | None, expiration: dict[str, object]) -> None:
    deployment = bucket(expire_days=days)
    lifecycle = deployment.only(LIFECYCLE)
    assert lifecycle.inputs == {
        "bucket": "some-bucket-a1b2c3d",
        "rules": [
            {
                "id": "expire",
                "status": "Enabled",
                "filter": {"prefix": ""},
                "expiration": expiration,
                "noncurrentVersionExpiration": {"noncurrentDays": 90},
                "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
            }
        ],
    }
    assert deployment.only("aws:s3/bucketVersioning:BucketVersioning").urn in lifecycle.depends_on


def test_everything_is_in_the_region_that_was_asked_for() -> None:
    deployment = bucket(region="ap-southeast-4")
    for resource in deployment.resources:
        if resource.type != COMPONENT:
            assert resource.inputs["region"] == "ap-southeast-4"


def test_outputs() -> None:
    deployment = bucket()
    assert deployment.outputs[deployment.only(COMPONENT).urn] == {
        "bucket_name": "some-bucket-a1b2c3d",
        "arn": "arn:aws:mock:::bucket/some-bucket-arn",
        "domain_name": "some-bucket.s3.example",
    }
