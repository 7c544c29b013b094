"""The rows of S3; `table.py` joins them to the others.

A bucket's settings are resources of their own, each one call. CloudFormation has them inside the
bucket under other names, so that `special_storage.py` checks them against botocore's shapes.
"""

from collections.abc import Callable
from typing import Any, Final

from local.providers.aws import special_storage
from local.providers.aws.rows import AutoName, Call, Read, ResourceType, Set, Tagging

_BUCKET_TAGGING: Final = Tagging(
    add=Call("put_bucket_tagging", {"Bucket": "{id}"}),
    remove=Call("delete_bucket_tagging", {"Bucket": "{id}"}),
    add_member="Tagging",
    replaces=True,
)
_OBJECT: Final = {"Bucket": "{bucket}", "Key": "{key}"}


def _setting(
    put: Call,
    read: Read,
    *,
    parameters: Callable[[dict[str, Any]], dict[str, Any]],
    properties: tuple[str, ...],
    **others: Any,
) -> ResourceType:
    """A bucket's setting: one call makes and changes it, and a bucket has one."""
    handled = frozenset({"bucket", *others.pop("handled", ())})
    unknown_to_schema = dict.fromkeys({*handled, *properties}, "NotInTheSchema")
    checks = (
        special_storage.shape(put.operation, parameters, properties),
        *others.pop("checks", ()),
    )
    return ResourceType(
        cloudformation="AWS::S3::Bucket",
        service="s3",
        create=put,
        id="{bucket}",
        read=(read,),
        parameters=parameters,
        set=(Set(properties, put, parameters=parameters),),
        handled=handled,
        kept=frozenset({"bucket"}),
        schema_renames=unknown_to_schema,
        replaced_by=frozenset({"bucket"}),
        delete_before_replace=True,
        checks=checks,
        before_create=others.pop("before_create", special_storage.bucket_is_here),
        **others,
    )


def _get(operation: str, item: str) -> Read:
    return Read(Call(operation, {"Bucket": "{bucket}"}), item)


def _delete(operation: str) -> tuple[Call, ...]:
    return (Call(operation, {"Bucket": "{bucket}"}),)


_BLOCKS: Final = (
    "blockPublicAcls",
    "blockPublicPolicy",
    "ignorePublicAcls",
    "restrictPublicBuckets",
)

ROWS: Final = {
    "aws:s3/bucket:Bucket": ResourceType(
        cloudformation="AWS::S3::Bucket",
        service="s3",
        create=Call("create_bucket"),
        id="{bucket}",
        tagging=_BUCKET_TAGGING,
        autoname=AutoName(longest=63, property="bucket", lower=True),
        schema_renames={"bucket": "BucketName"},
        read=(
            _get("get_bucket_location", "{{LocationConstraint: LocationConstraint}}"),
            Read(Call("get_bucket_tagging", {"Bucket": "{id}"}), "TagSet", into="TagSet"),
            Read(
                Call("get_object_lock_configuration", {"Bucket": "{id}"}),
                "ObjectLockConfiguration.ObjectLockEnabled=='Enabled'",
                into="objectLockEnabled",
            ),
        ),
        # Settings are resources of their own: in the bucket's outputs each would be drift.
        outputs={
            "arn": "arn:aws:s3:::{id}",
            "bucket": "{id}",
            "bucketDomainName": "{id}.s3.amazonaws.com",
            "bucketNamespace": "'global'",
            "bucketRegion": "LocationConstraint || 'us-east-1'",
            "bucketRegionalDomainName": "{id}.s3.{region}.amazonaws.com",
            "hostedZoneId": "'ZLOCALCLOUD'",
            "requestPayer": "'BucketOwner'",
        },
        empty=frozenset({"websiteDomain", "websiteEndpoint"}),
        defaults={"forceDestroy": False},
        replaced_by=frozenset({"bucket", "objectLockEnabled"}),
        delete=(Call("delete_bucket", {"Bucket": "{id}"}),),
        clear=special_storage.empty_bucket,
        parameters=special_storage.bucket,
        handled=frozenset({"bucket", "forceDestroy", "objectLockEnabled"}),
        kept=frozenset({"forceDestroy"}),
        checks=(special_storage.bucket_name,),
        after_create=special_storage.give_bucket_its_defaults,
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _setting(
        Call("put_public_access_block"),
        _get("get_public_access_block", "PublicAccessBlockConfiguration"),
        parameters=special_storage.public_access_block,
        properties=_BLOCKS,
        defaults=dict.fromkeys(_BLOCKS, False),
        delete=_delete("delete_public_access_block"),
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _setting(
        Call("put_bucket_ownership_controls"),
        _get("get_bucket_ownership_controls", "OwnershipControls"),
        parameters=special_storage.ownership_controls,
        properties=("rule",),
        outputs={"rule": "Rules[0]"},
        delete=_delete("delete_bucket_ownership_controls"),
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        _setting(
            Call("put_bucket_encryption"),
            _get("get_bucket_encryption", "ServerSideEncryptionConfiguration"),
            parameters=special_storage.encryption,
            properties=("rules",),
            delete=_delete("delete_bucket_encryption"),
            checks=(special_storage.encryption_key,),
        )
    ),
    "aws:s3/bucketVersioning:BucketVersioning": _setting(
        Call("put_bucket_versioning"),
        _get("get_bucket_versioning", "{{versioningConfiguration: {{Status: Status}}}}"),
        parameters=special_storage.versioning,
        properties=("versioningConfiguration",),
        checks=(special_storage.no_mfa_delete,),
        before_create=special_storage.versioning_can_be_set,
        clear=special_storage.suspend_versioning,
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _setting(
        Call("put_bucket_lifecycle_configuration"),
        _get("get_bucket_lifecycle_configuration", "@"),
        parameters=special_storage.lifecycle,
        properties=("rules", "transitionDefaultMinimumObjectSize"),
        defaults={"transitionDefaultMinimumObjectSize": "all_storage_classes_128K"},
        delete=_delete("delete_bucket_lifecycle"),
        after_read=special_storage.tags_as_given,
        checks=(special_storage.lifecycle_rules,),
    ),
    "aws:s3/bucketPolicy:BucketPolicy": ResourceType(
        cloudformation="AWS::S3::BucketPolicy",
        service="s3",
        create=Call("put_bucket_policy"),
        id="{bucket}",
        schema_renames={"policy": "PolicyDocument"},
        read=(_get("get_bucket_policy", "@"),),
        set=(Set(("policy",), Call("put_bucket_policy", {"Bucket": "{bucket}"})),),
        delete=_delete("delete_bucket_policy"),
        delete_before_replace=True,
        kept=frozenset({"bucket"}),
        checks=(special_storage.policy_is_about_its_bucket,),
        before_create=special_storage.policy_is_allowed,
    ),
    "aws:s3/bucketLogging:BucketLogging": _setting(
        Call("put_bucket_logging"),
        _get("get_bucket_logging", "LoggingEnabled"),
        parameters=special_storage.logging,
        properties=("targetBucket", "targetPrefix", "targetObjectKeyFormat"),
        delete=(Call("put_bucket_logging", {"Bucket": "{bucket}", "BucketLoggingStatus": {}}),),
    ),
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": _setting(
        Call("put_bucket_replication"),
        _get("get_bucket_replication", "ReplicationConfiguration"),
        parameters=special_storage.replication,
        properties=("role", "rules"),
        delete=_delete("delete_bucket_replication"),
        after_read=special_storage.tags_as_given,
        checks=(special_storage.replication_rules,),
        before_create=special_storage.both_sides_are_versioned,
    ),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": _setting(
        Call("put_object_lock_configuration"),
        _get("get_object_lock_configuration", "ObjectLockConfiguration"),
        parameters=special_storage.object_lock,
        properties=("rule",),
        defaults={"objectLockEnabled": "Enabled"},
        handled=("objectLockEnabled",),
        checks=(special_storage.retention,),
        clear=special_storage.take_away_retention,
    ),
    "aws:s3/bucketObjectv2:BucketObjectv2": ResourceType(
        cloudformation="AWS::S3::Bucket",
        service="s3",
        create=Call("put_object"),
        id="{bucket}/{key}",
        tagging=Tagging(
            add=Call("put_object_tagging", _OBJECT),
            remove=Call("delete_object_tagging", _OBJECT),
            add_member="Tagging",
            replaces=True,
        ),
        schema_renames=dict.fromkeys(special_storage.OBJECT_PROPERTIES, "NotInTheSchema"),
        read=(
            Read(Call("head_object", _OBJECT), "@"),
            Read(Call("get_object_tagging", _OBJECT), "TagSet", into="TagSet"),
        ),
        outputs={
            "arn": "arn:aws:s3:::{bucket}/{key}",
            "kmsKeyId": "SSEKMSKeyId",
            "serverSideEncryption": "ServerSideEncryption || 'AES256'",
            "storageClass": "StorageClass || 'STANDARD'",
            "websiteRedirect": "WebsiteRedirectLocation",
        },
        empty=frozenset(
            {
                "checksumCrc32",
                "checksumCrc32c",
                "checksumCrc64nvme",
                "checksumSha1",
                "checksumSha256",
                "versionId",
            }
        ),
        defaults={"forceDestroy": False},
        replaced_by=frozenset({"bucket", "key"}),
        set=(
            Set(
                special_storage.OBJECT_SETTINGS,
                Call("put_object"),
                parameters=special_storage.bucket_object,
            ),
        ),
        # A version by name, since another call would leave a delete marker.
        delete=(Call("delete_object", {**_OBJECT, "VersionId": "null"}),),
        after_read=special_storage.object_as_given,
        clear=special_storage.delete_versions_of_object,
        parameters=special_storage.bucket_object,
        handled=frozenset({*special_storage.OBJECT_PROPERTIES, "forceDestroy"}),
        kept=frozenset({"bucket", "key", "content", "contentBase64", "sourceHash", "forceDestroy"}),
        checks=(special_storage.object_content,),
        before_create=special_storage.bucket_is_here,
    ),
    "aws:s3/bucketNotification:BucketNotification": _setting(
        Call("put_bucket_notification_configuration"),
        _get(
            "get_bucket_notification_configuration",
            "{{lambdaFunctions: LambdaFunctionConfigurations, queues: QueueConfigurations, "
            "topics: TopicConfigurations}}",
        ),
        parameters=special_storage.notification,
        properties=("eventbridge", "lambdaFunctions", "queues", "topics"),
        after_read=special_storage.notification_as_given,
        clear=special_storage.take_away_notifications,
    ),
}
