"""Messages, images, backups, functions, debug sessions and volumes in the encryption pack."""

from typing import Any

import pytest

from policies.encryption.clusters import cluster_sessions_encrypted
from policies.encryption.functions import function_customer_key
from policies.encryption.messages import (
    queue_customer_key,
    queue_encrypted,
    topic_customer_key,
    topic_no_plain_http,
)
from policies.encryption.repositories import repository_customer_key
from policies.encryption.tasks import task_volume_tls
from policies.encryption.vaults import vault_customer_key
from tests.policies.cases import Case
from tests.policies.harness import UNKNOWN, check

QUEUE = "aws:sqs/queue:Queue"
CLUSTER = "aws:ecs/cluster:Cluster"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
REPOSITORY = "aws:ecr/repository:Repository"
KEY = "arn:aws:kms:ap-southeast-2:123456789012:key/1"


def keyless(name: str) -> list[tuple[dict[str, Any], str]]:
    return [
        ({name: None}, f"{name} is not set, wanted is the ARN of a customer managed key"),
        ({name: "alias/aws/service"}, "a key that AWS manages"),
    ]


def image_encryption(**configuration: Any) -> dict[str, Any]:
    return {"encryptionConfigurations": [configuration]}


def sessions(key: Any = KEY, **record: Any) -> dict[str, Any]:
    own: dict[str, Any] = {} if key is None else {"kmsKeyId": key}
    if record:
        own["logConfiguration"] = record
    return {"configuration": {"executeCommandConfiguration": own}}


def volumes(*each: dict[str, Any]) -> dict[str, Any]:
    return {"volumes": list(each)}


def efs(**configuration: Any) -> dict[str, Any]:
    return {"name": "files", "efsVolumeConfiguration": {"fileSystemId": "fs-1", **configuration}}


LOGGED = {"cloudWatchLogGroupName": "exec", "cloudWatchEncryptionEnabled": True}
STORED = {"s3BucketName": "exec", "s3BucketEncryptionEnabled": True}

CASES = [
    Case(
        topic_customer_key,
        "aws:sns/topic:Topic",
        {"kmsMasterKeyId": "alias/aussie-markets-staging-messages"},
        keyless("kmsMasterKeyId"),
    ),
    Case(
        topic_no_plain_http,
        "aws:sns/topicSubscription:TopicSubscription",
        {"protocol": "https"},
        [({"protocol": "http"}, "protocol is http, wanted is https")],
        also_good=[{"protocol": "email"}],
    ),
    Case(
        queue_encrypted,
        QUEUE,
        {"kmsMasterKeyId": KEY},
        [
            ({"kmsMasterKeyId": None}, "encryption is not set"),
            ({"kmsMasterKeyId": None, "sqsManagedSseEnabled": False}, "sqsManagedSseEnabled"),
        ],
        also_good=[
            {"kmsMasterKeyId": None, "sqsManagedSseEnabled": True},
            {"sqsManagedSseEnabled": UNKNOWN},
        ],
    ),
    Case(
        queue_customer_key,
        QUEUE,
        {"kmsMasterKeyId": KEY},
        keyless("kmsMasterKeyId"),
        spared_in_staging=True,
    ),
    Case(
        repository_customer_key,
        REPOSITORY,
        image_encryption(encryptionType="KMS", kmsKey=KEY),
        [
            ({"encryptionConfigurations": None}, "encryptionConfigurations is not set"),
            ({"encryptionConfigurations": []}, "encryptionConfigurations is not set"),
            (image_encryption(encryptionType="AES256", kmsKey=KEY), "AES256, wanted is KMS"),
            (image_encryption(kmsKey=KEY), "encryptionType is not set"),
            (image_encryption(encryptionType="KMS"), "kmsKey is not set"),
            (image_encryption(encryptionType="KMS", kmsKey="alias/aws/ecr"), "AWS manages"),
        ],
        also_good=[image_encryption(encryptionType="KMS_DSSE", kmsKey=KEY)],
        undecided=[
            {"encryptionConfigurations": UNKNOWN},
            image_encryption(encryptionType=UNKNOWN, kmsKey=KEY),
            image_encryption(encryptionType="KMS", kmsKey=UNKNOWN),
        ],
    ),
    Case(vault_customer_key, "aws:backup/vault:Vault", {"kmsKeyArn": KEY}, keyless("kmsKeyArn")),
    Case(
        vault_customer_key,
        "aws:backup/logicallyAirGappedVault:LogicallyAirGappedVault",
        {"encryptionKeyArn": KEY},
        keyless("encryptionKeyArn"),
    ),
    Case(
        function_customer_key,
        "aws:lambda/function:Function",
        {"environment": {"variables": {"A": "1"}}, "kmsKeyArn": KEY},
        [
            *keyless("kmsKeyArn"),
            ({"environment": {"variables": {"A": UNKNOWN}}, **{"kmsKeyArn": None}}, "not set"),
        ],
        also_good=[
            {"environment": None, "kmsKeyArn": None},
            {"environment": {}, "kmsKeyArn": None},
            {"environment": {"variables": {}}, "kmsKeyArn": None},
        ],
        undecided=[
            {"environment": UNKNOWN},
            {"environment": {"variables": UNKNOWN}},
            {"kmsKeyArn": UNKNOWN},
        ],
    ),
    Case(
        cluster_sessions_encrypted,
        CLUSTER,
        sessions(**LOGGED),
        [
            ({"configuration": None}, "executeCommandConfiguration.kmsKeyId is not set"),
            ({"configuration": {}}, "executeCommandConfiguration.kmsKeyId is not set"),
            (sessions(None, **LOGGED), "kmsKeyId is not set"),
            (sessions("alias/aws/ecs", **LOGGED), "a key that AWS manages"),
            (
                sessions(cloudWatchLogGroupName="exec"),
                "logConfiguration.cloudWatchEncryptionEnabled is not true, wanted is true",
            ),
            (
                sessions(s3BucketName="exec", s3BucketEncryptionEnabled=False),
                "logConfiguration.s3BucketEncryptionEnabled is not true",
            ),
        ],
        also_good=[sessions(), sessions(**STORED), sessions(**LOGGED, **STORED)],
        undecided=[
            {"configuration": UNKNOWN},
            {"configuration": {"executeCommandConfiguration": UNKNOWN}},
            sessions(UNKNOWN),
            sessions(cloudWatchLogGroupName="exec", cloudWatchEncryptionEnabled=UNKNOWN),
            {
                "configuration": {
                    "executeCommandConfiguration": {"kmsKeyId": KEY, "logConfiguration": UNKNOWN}
                }
            },
        ],
        spared_in_staging=True,
    ),
    Case(
        task_volume_tls,
        TASK,
        volumes({"name": "scratch"}, efs(transitEncryption="ENABLED")),
        [
            (
                volumes({"name": "scratch"}, efs()),
                "volumes[1].efsVolumeConfiguration.transitEncryption is not set",
            ),
            (volumes(efs(transitEncryption="DISABLED")), "is DISABLED, wanted is ENABLED"),
        ],
        also_good=[{"volumes": None}],
        undecided=[
            {"volumes": UNKNOWN},
            volumes(efs(transitEncryption=UNKNOWN)),
            volumes({"name": "x", "efsVolumeConfiguration": UNKNOWN}),
        ],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_passes_and_what_does_not(case: Case) -> None:
    case.verify()


@pytest.mark.parametrize(
    ("policy", "kind", "properties"),
    [
        (repository_customer_key, REPOSITORY, image_encryption(encryptionType=UNKNOWN)),
        (cluster_sessions_encrypted, CLUSTER, sessions(UNKNOWN, s3BucketName="exec")),
        (
            cluster_sessions_encrypted,
            CLUSTER,
            sessions(cloudWatchLogGroupName=UNKNOWN, s3BucketName="exec"),
        ),
        (
            cluster_sessions_encrypted,
            CLUSTER,
            {"configuration": {"executeCommandConfiguration": {"logConfiguration": UNKNOWN}}},
        ),
        (task_volume_tls, TASK, volumes(efs(transitEncryption=UNKNOWN), efs())),
    ],
)
def test_an_unknown_value_hides_no_other(
    policy: Any, kind: str, properties: dict[str, Any]
) -> None:
    outcome = check(policy, kind, properties)
    assert outcome.failed == ["it"]
    assert outcome.advisory


def test_both_destinations_of_sessions_are_checked() -> None:
    given = sessions(cloudWatchLogGroupName="exec", s3BucketName="exec")
    assert check(cluster_sessions_encrypted, CLUSTER, given).failed == ["it", "it"]
