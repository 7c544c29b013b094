"""Buckets and their settings: what changes in place, what is replaced, what AWS refuses."""

import json
from typing import Any

import pytest

from local.providers.aws.api import Api, ApiError
from local.providers.aws.operations import Operations
from local.providers.aws.rows import Call
from local.providers.aws.state_only import said
from local.providers.aws.values import UNKNOWN, Properties
from tests.local.aws.build import MakeOperations, Stack, document
from tests.local.aws.build_storage import (
    BLOCK,
    BUCKET,
    BUCKET_POLICY,
    ENABLED,
    ENCRYPTION,
    LIFECYCLE,
    LIFECYCLE_RULES,
    LOCK,
    LOGGING,
    NOTIFICATION,
    OBJECT,
    OWNERSHIP,
    REPLICATION,
    VERSIONING,
    build_storage,
    delivery,
    replication_rule,
    tls_only,
)

SOME = {"and": {"prefix": "images/", "tags": {"copy": "yes", "now": "no"}}}
EXPIRE = {"id": "a", **ENABLED, "filter": {}, "expiration": {"days": 30}}
KMS_TARGET = {
    "bucket": "arn:aws:s3:::copy",
    "encryptionConfiguration": {"replicaKmsKeyId": UNKNOWN},
}
EVERYONE_READS = {
    "Effect": "Allow",
    "Principal": "*",
    "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::b/*",
}


def s3(api: Api, operation: str, **params: Any) -> dict[str, Any]:
    return api.call("s3", Call(operation), {}, params)


def test_settings_of_a_bucket_are_changed_in_place_and_read_back(stack: Stack) -> None:
    build_storage(stack, "settings")
    place = {ops.token: i for i, (ops, _, _) in reversed(list(enumerate(stack.created)))}
    assets = stack.created[place[BLOCK]][2]["bucket"]

    assert stack.update(place[BLOCK], blockPublicAcls=False)["blockPublicAcls"] is False
    preferred = {"objectOwnership": "BucketOwnerPreferred"}
    assert stack.update(place[OWNERSHIP], rule=preferred)["rule"] == preferred
    plain = [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]
    assert stack.update(place[ENCRYPTION], rules=plain)["rules"] == plain
    assert stack.update(place[LIFECYCLE], rules=[EXPIRE])["rules"] == [EXPIRE]
    logs = stack.created[place[BUCKET_POLICY]][2]["bucket"]
    policy = document(delivery(logs), tls_only(logs))
    assert stack.update(place[BUCKET_POLICY], policy=policy)["policy"] == policy
    assert stack.update(place[LOGGING], targetPrefix="new/")["targetPrefix"] == "new/"
    years = {"defaultRetention": {"mode": "GOVERNANCE", "years": 7}}
    assert stack.update(place[LOCK], rule=years)["rule"] == years
    copy = stack.created[place[REPLICATION]][2]["rules"][0]["destination"]["bucket"]
    rules = [replication_rule(copy.split(":")[-1], id="some", filter=SOME)]
    assert stack.update(place[REPLICATION], rules=rules)["rules"] == rules
    topic = "arn:aws:sns:ap-southeast-2:123456789012:t"
    topics = [{"topicArn": topic, "events": ["s3:ObjectCreated:*"]}]
    found = stack.update(place[NOTIFICATION], topics=topics)
    assert found["topics"] == topics
    s3_of = stack.created[place[NOTIFICATION]][0].api
    left = s3(s3_of, "get_bucket_notification_configuration", Bucket=assets)
    assert [item["Events"] for item in left["TopicConfigurations"]] == [["s3:ObjectCreated:*"]]


def test_versioning_is_suspended_and_enabled_again(stack: Stack, api: Api) -> None:
    bucket, _ = stack.create(BUCKET, "versions")
    stack.create(VERSIONING, "v", bucket=bucket, versioningConfiguration=ENABLED)
    stack.update(1, versioningConfiguration={"status": "Suspended"})
    assert s3(api, "get_bucket_versioning", Bucket=bucket)["Status"] == "Suspended"
    stack.update(1, versioningConfiguration=ENABLED)
    operations, resource_id, inputs = stack.created[1]
    operations.delete(resource_id, inputs)
    assert s3(api, "get_bucket_versioning", Bucket=bucket)["Status"] == "Suspended"


def test_a_bucket_for_tls_alone_takes_objects_and_a_closed_one_does_not(
    stack: Stack, api: Api
) -> None:
    bucket, _ = stack.create(BUCKET, "tls-only")
    closed = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    tls_only = {**closed, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    stack.create(BUCKET_POLICY, "tls-only", bucket=bucket, policy=document(tls_only))
    put = {"Bucket": bucket, "Key": "a", "Body": b"a"}
    api.call("s3", Call("put_object"), {}, put)
    stack.update(1, policy=document(tls_only, closed))
    with pytest.raises(ApiError, match="s3:put_object"):
        api.call("s3", Call("put_object"), {}, put)


def test_an_object_is_put_again_with_its_tags_and_leaves_no_version(stack: Stack, api: Api) -> None:
    bucket, _ = stack.create(BUCKET, "objects")
    stack.create(VERSIONING, "v", bucket=bucket, versioningConfiguration=ENABLED)
    page = {"bucket": bucket, "key": "a/page.html", "contentType": "text/html"}
    _, first = stack.create(OBJECT, "page", content="one", **page)
    second = stack.update(2, content="two", cacheControl="no-store")
    assert second["etag"] != first["etag"]
    assert second["cacheControl"] == "no-store"
    assert second["tags"] == {"Environment": "test"}
    body = s3(api, "get_object", Bucket=bucket, Key="a/page.html")["Body"].read()
    assert body == b"two"
    for operations, resource_id, inputs in reversed(stack.created):
        operations.delete(resource_id, inputs)
    assert stack.created[0][0].read(bucket, {"bucket": bucket}) is None


@pytest.mark.parametrize(
    ("token", "olds", "changes"),
    [
        (BUCKET, {"bucket": "aaa"}, {"bucket": "bbb"}),
        (BUCKET, {"bucket": "aaa"}, {"objectLockEnabled": True}),
        *(
            (token, {"bucket": "aaa"}, {"bucket": "bbb"})
            for token in (
                BLOCK,
                OWNERSHIP,
                ENCRYPTION,
                VERSIONING,
                LIFECYCLE,
                BUCKET_POLICY,
                LOGGING,
                REPLICATION,
                LOCK,
                NOTIFICATION,
            )
        ),
        (OBJECT, {"bucket": "aaa", "key": "a"}, {"key": "b"}),
    ],
)
def test_what_s3_cannot_change_is_a_replacement(
    operations: MakeOperations, token: str, olds: Properties, changes: Properties
) -> None:
    assert operations(token).diff(olds, {**olds, **changes}).replaces == tuple(changes)


def test_a_policy_in_another_order_is_no_change(operations: MakeOperations) -> None:
    one = document(tls_only("b"))
    other = json.dumps(json.loads(one), indent=2)
    policy = operations(BUCKET_POLICY)
    assert (
        policy.diff({"bucket": "b", "policy": one}, {"bucket": "b", "policy": other}).changed == ()
    )


def test_a_made_bucket_name_has_small_letters_alone(operations: MakeOperations) -> None:
    made = operations(BUCKET).check("Aussie-Assets", {}, {}, b"seed")["bucket"]
    assert made.startswith("aussie-assets-")
    assert list(operations(BUCKET).refusals({"bucket": made})) == []
    too_long = operations(BUCKET).check("x" * 57, {}, {}, b"seed")
    assert "over AWS's 63" in dict(operations(BUCKET).refusals(too_long))["bucket"]
    underscore = operations(BUCKET).check("a_b", {}, {}, b"seed")
    assert "InvalidBucketName" in dict(operations(BUCKET).refusals(underscore))["bucket"]


@pytest.mark.parametrize("region", ["us-east-1", "ap-southeast-4"])
def test_a_bucket_of_another_region_is_made_and_read_there(stack: Stack, region: str) -> None:
    bucket, outputs = stack.create(BUCKET, f"far-{region}", region=region)
    assert outputs["bucketRegion"] == outputs["region"] == region
    assert outputs["bucketRegionalDomainName"] == f"{bucket}.s3.{region}.amazonaws.com"
    settings = {"bucket": bucket, "versioningConfiguration": ENABLED}
    _, versioning = stack.create(VERSIONING, "far", region=region, **settings)
    assert versioning["region"] == region
    with pytest.raises(ApiError, match=rf'PermanentRedirect.*give it region="{region}"'):
        stack.create(VERSIONING, "near", **settings)


def test_a_new_bucket_is_closed_and_encrypted_as_on_aws(stack: Stack, api: Api) -> None:
    bucket, _ = stack.create(BUCKET, "closed")
    block = s3(api, "get_public_access_block", Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}
    rules = s3(api, "get_bucket_encryption", Bucket=bucket)["ServerSideEncryptionConfiguration"]
    algorithm = rules["Rules"][0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]
    assert algorithm == "AES256"


def test_a_bucket_with_objects_is_deleted_only_by_force(stack: Stack, api: Api) -> None:
    kept, _ = stack.create(BUCKET, "kept")
    forced, _ = stack.create(BUCKET, "forced")
    for bucket in (kept, forced):
        stack.create(VERSIONING, bucket, bucket=bucket, versioningConfiguration=ENABLED)
        s3(api, "put_object", Bucket=bucket, Key="a", Body=b"1")
        s3(api, "put_object", Bucket=bucket, Key="a", Body=b"2")
        s3(api, "delete_object", Bucket=bucket, Key="a")
    stack.update(1, forceDestroy=True)
    operations, _, inputs = stack.created[0]
    with pytest.raises(ApiError, match="BucketNotEmpty"):
        operations.delete(kept, inputs)
    operations, _, inputs = stack.created[1]
    operations.delete(forced, inputs)
    assert operations.read(forced, inputs) is None


def test_drift_of_a_setting_is_read(stack: Stack, api: Api) -> None:
    bucket, _ = stack.create(BUCKET, "drift")
    everything = dict.fromkeys(
        ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True
    )
    stack.create(BLOCK, "block", bucket=bucket, **everything)
    opened = {"BlockPublicAcls": True, "BlockPublicPolicy": False}
    s3(api, "put_public_access_block", Bucket=bucket, PublicAccessBlockConfiguration=opened)
    operations, resource_id, inputs = stack.created[1]
    now = operations.inputs_now(inputs, operations.read(resource_id, inputs) or {})
    assert operations.diff(inputs, now).changed == (
        "blockPublicPolicy",
        "ignorePublicAcls",
        "restrictPublicBuckets",
    )
    s3(api, "delete_public_access_block", Bucket=bucket)
    assert operations.read(resource_id, inputs) is None


def test_replication_waits_for_versioning_on_both_sides(stack: Stack) -> None:
    source, _ = stack.create(BUCKET, "source")
    target, _ = stack.create(BUCKET, "target", region="ap-southeast-4")
    role = "arn:aws:iam::123456789012:role/replicate"

    def replicate(to: str) -> None:
        stack.create(REPLICATION, to, bucket=source, role=role, rules=[replication_rule(to)])

    with pytest.raises(ApiError, match=r"Versioning must be 'Enabled' on the bucket source-"):
        replicate(target)
    stack.create(VERSIONING, "source", bucket=source, versioningConfiguration=ENABLED)
    with pytest.raises(ApiError, match="Destination bucket must have versioning enabled: target-"):
        replicate(target)
    with pytest.raises(ApiError, match="Destination bucket must exist: nowhere"):
        replicate("nowhere")
    far = {"bucket": target, "region": "ap-southeast-4"}
    stack.create(VERSIONING, "target", versioningConfiguration=ENABLED, **far)
    replicate(target)
    versioning, resource_id, inputs = next(x for x in stack.created if x[0].token == VERSIONING)
    with pytest.raises(ApiError, match=r"InvalidBucketState: A replication configuration"):
        versioning.delete(resource_id, inputs)


def test_versioning_stays_while_objects_are_locked(stack: Stack, api: Api) -> None:
    bucket, _ = stack.create(BUCKET, "locked", objectLockEnabled=True)
    stack.create(VERSIONING, "locked", bucket=bucket, versioningConfiguration=ENABLED)
    with pytest.raises(ApiError, match="An Object Lock configuration is present"):
        stack.update(1, versioningConfiguration={"status": "Suspended"})
    operations, resource_id, inputs = stack.created[1]
    operations.delete(resource_id, inputs)
    assert s3(api, "get_bucket_versioning", Bucket=bucket)["Status"] == "Enabled"


def test_a_public_policy_waits_until_the_bucket_lets_it_in(stack: Stack, api: Api) -> None:
    bucket, _ = stack.create(BUCKET, "public")
    statement = {**EVERYONE_READS, "Resource": f"arn:aws:s3:::{bucket}/*"}
    with pytest.raises(ApiError, match="prevented by the BlockPublicPolicy setting"):
        stack.create(BUCKET_POLICY, "public", bucket=bucket, policy=document(statement))
    one_account = {"StringEquals": {"aws:PrincipalAccount": "123456789012"}}
    narrow = document({**statement, "Condition": one_account}, tls_only(bucket))
    stack.create(BUCKET_POLICY, "narrow", bucket=bucket, policy=narrow)
    s3(api, "delete_public_access_block", Bucket=bucket)
    stack.update(1, policy=document(statement))


def test_a_log_bucket_must_let_log_delivery_in(stack: Stack) -> None:
    bucket, _ = stack.create(BUCKET, "logged")
    target, _ = stack.create(BUCKET, "delivered")
    logging = {"bucket": bucket, "targetBucket": target, "targetPrefix": "s3/"}
    with pytest.raises(ApiError, match="InvalidTargetBucketForLogging"):
        stack.create(LOGGING, "closed", **logging)
    policy = document(tls_only(target), delivery(target))
    stack.create(BUCKET_POLICY, "logs", bucket=target, policy=policy)
    stack.create(LOGGING, "open", **logging)


def test_lost_parts_of_a_setting_are_said() -> None:
    assert said(LIFECYCLE, {"rules": [EXPIRE]}) is None
    lost = "rules.noncurrentVersionExpiration.newerNoncurrentVersions"
    assert lost in str(said(LIFECYCLE, {"rules": LIFECYCLE_RULES}))


@pytest.mark.parametrize(
    ("token", "properties", "where", "reason"),
    [
        *(
            (BUCKET, {"bucket": name}, "bucket", "InvalidBucketName")
            for name in ("Capitals", "ab", "-start", "end-", "10.0.0.1", "a..b", "xn--a", "a--x-s3")
        ),
        (BUCKET, {"versioning": {"enabled": True}}, "versioning", "cannot set this property yet"),
        (
            OWNERSHIP,
            {"rule": {"objectOwnership": "Me"}},
            "rules.0.objectOwnership",
            "'Me' is not one of",
        ),
        (
            ENCRYPTION,
            {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "kms"}}]},
            "rules.0.applyServerSideEncryptionByDefault.sseAlgorithm",
            "'kms' is not one of AES256",
        ),
        (
            ENCRYPTION,
            {
                "rules": [
                    {
                        "applyServerSideEncryptionByDefault": {
                            "sseAlgorithm": "AES256",
                            "kmsMasterKeyId": UNKNOWN,
                        }
                    }
                ]
            },
            "rules.0.applyServerSideEncryptionByDefault.kmsMasterKeyId",
            "not applicable",
        ),
        (
            VERSIONING,
            {"versioningConfiguration": {"status": "On"}},
            "versioningConfiguration.status",
            "'On' is not one of",
        ),
        (
            VERSIONING,
            {"versioningConfiguration": {**ENABLED, "mfaDelete": "Enabled"}},
            "versioningConfiguration.mfaDelete",
            "root user",
        ),
        *(
            (LIFECYCLE, {"rules": [{**EXPIRE, **rule}]}, f"rules.0{where}", reason)
            for rule, where, reason in (
                ({"filter": None}, ".filter", "MalformedXML: a rule has a filter"),
                ({"status": None}, ".status", "Status is required"),
                ({"status": "On"}, ".status", "'On' is not one of"),
                ({"filter": {"prefix": "a", "objectSizeLessThan": 1}}, ".filter", "in `and`"),
                ({"expiration": None}, "", "At least one action"),
                ({"expiration": {"days": 0}}, ".expiration", "at least 1"),
                (
                    {"transitions": [{"days": 7, "storageClass": "STANDARD_IA"}]},
                    ".transitions.0.days",
                    "greater than or equal to 30",
                ),
                (
                    {"transitions": [{"days": 7, "storageClass": "COLD"}]},
                    ".transitions.0.storageClass",
                    "'COLD' is not one of",
                ),
                (
                    {"transitions": [{"days": 60, "storageClass": "GLACIER"}]},
                    ".expiration.days",
                    "greater than 'Days' in the Transition action",
                ),
                (
                    {
                        "filter": {"tag": {"key": "a", "value": "b"}},
                        "abortIncompleteMultipartUpload": {"daysAfterInitiation": 1},
                    },
                    ".abortIncompleteMultipartUpload",
                    "cannot be specified with Tags",
                ),
            )
        ),
        (LIFECYCLE, {"rules": [EXPIRE, EXPIRE]}, "rules", "Rule ID must be unique"),
        *(
            (BUCKET_POLICY, {"bucket": "b-1", "policy": policy}, "policy", reason)
            for policy, reason in (
                ("{", "Policies must be valid JSON"),
                (document(EVERYONE_READS), "Policy has invalid resource: arn:aws:s3:::b/*"),
                (
                    document({**EVERYONE_READS, "Resource": "arn:aws:s3:::b-1"}),
                    "Action does not apply to any resource",
                ),
                (
                    document(
                        {
                            **EVERYONE_READS,
                            "Action": "s3:ListBucket",
                            "Resource": "arn:aws:s3:::b-1/*",
                        }
                    ),
                    "Action does not apply to any resource",
                ),
                (
                    document({k: v for k, v in EVERYONE_READS.items() if k != "Principal"}),
                    "Missing required field Principal",
                ),
            )
        ),
        *(
            (REPLICATION, {"role": "r", "rules": rules}, where, reason)
            for rules, where, reason in (
                (
                    [replication_rule("copy", destination=KMS_TARGET)],
                    "rules.0.sourceSelectionCriteria",
                    "SseKmsEncryptedObjects must be specified",
                ),
                (
                    [
                        replication_rule(
                            "copy", sourceSelectionCriteria={"sseKmsEncryptedObjects": ENABLED}
                        )
                    ],
                    "rules.0.destination.encryptionConfiguration",
                    "ReplicaKmsKeyID must be specified",
                ),
                (
                    [replication_rule("copy", deleteMarkerReplication=None)],
                    "rules.0.deleteMarkerReplication",
                    "must be specified",
                ),
                (
                    [replication_rule("copy", destination={"bucket": "copy"})],
                    "rules.0.destination.bucket",
                    "Invalid bucket ARN",
                ),
                ([replication_rule("b-1")], "rules.0.destination.bucket", "the same bucket"),
                (
                    [replication_rule("copy"), replication_rule("other", id="b")],
                    "rules",
                    "same priority",
                ),
                (
                    [
                        replication_rule(
                            "copy",
                            destination={
                                "bucket": "arn:aws:s3:::copy",
                                "replicationTime": {**ENABLED, "time": {"minutes": 15}},
                            },
                        )
                    ],
                    "rules.0.destination.metrics",
                    "needs metrics",
                ),
            )
        ),
        (
            LOCK,
            {"rule": {"defaultRetention": {"mode": "GOVERNANCE", "days": 1, "years": 1}}},
            "rule.defaultRetention",
            "either days or years",
        ),
        (
            LOCK,
            {"rule": {"defaultRetention": {"mode": "GOVERNANCE", "days": 0}}},
            "rule.defaultRetention",
            "must be a positive integer",
        ),
        (
            OBJECT,
            {"key": "a", "content": "a", "contentBase64": "YQ=="},
            "contentBase64",
            "conflicts",
        ),
        (OBJECT, {"key": "a", "metadata": {"Big": "a"}}, "metadata", "lowercase only"),
    ],
)
def test_what_s3_refuses_is_refused_at_preview(
    operations: MakeOperations, token: str, properties: Properties, where: str, reason: str
) -> None:
    given = properties if token == BUCKET else {"bucket": "b-1", **properties}
    inputs = operations(token).check("name", {}, given, b"seed")
    refusals = list(operations(token).refusals(inputs))
    assert [why for at, why in refusals if at.startswith(where) and reason in why], refusals


@pytest.mark.parametrize("token", [LIFECYCLE, REPLICATION, BUCKET_POLICY, LOCK, NOTIFICATION])
def test_what_is_not_known_yet_is_not_refused(operations: MakeOperations, token: str) -> None:
    resource: Operations = operations(token)
    names = {"policy", "role", "rules", "topics"} & resource.facts.inputs
    given = {"bucket": UNKNOWN, **dict.fromkeys(names, UNKNOWN)}
    inputs = resource.check("name", {}, given, b"seed")
    assert list(resource.refusals(inputs)) == []
