"""Keys and what they admit, in the encryption pack."""

import json
from typing import Any

import pytest

from policies.encryption.keys import kms_key_admits_logs, kms_key_not_public
from tests.policies.cases import Case, stack_fails, stack_passes, stack_waits
from tests.policies.harness import UNKNOWN, Given

KEY = "aws:kms/key:Key"
REPLICA = "aws:kms/replicaKey:ReplicaKey"
POLICY = "aws:kms/keyPolicy:KeyPolicy"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
REGION = "ap-southeast-2"
KEY_ARN = "arn:aws:kms:ap-southeast-2:1:key/logs"

ADMINISTRATORS = {
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
    "Action": "kms:*",
    "Resource": "*",
}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [ADMINISTRATORS, *statements]})


def statement(**changes: Any) -> dict[str, Any]:
    return {
        "Sid": "Added",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "kms:*",
        "Resource": "*",
    } | changes


def logs(**changes: Any) -> dict[str, Any]:
    given = {
        "Principal": {"Service": f"logs.{REGION}.amazonaws.com"},
        "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
    }
    return statement(**given) | changes


CASES = [
    Case(
        kms_key_not_public,
        kind,
        {"policy": document()},
        [
            ({"policy": document(statement())}, "policy, statement Added is open to everyone"),
            ({"policy": document(statement(Principal={"AWS": "*"}))}, "open to everyone"),
            ({"policy": "no JSON"}, "no JSON, wanted is an IAM policy document"),
        ],
        also_good=[
            {"policy": None},
            {"policy": document(statement(Effect="Deny"))},
            {
                "policy": document(
                    statement(Condition={"StringEquals": {"kms:CallerAccount": "123456789012"}})
                )
            },
        ],
    )
    for kind in (
        KEY,
        REPLICA,
        POLICY,
        "aws:kms/externalKey:ExternalKey",
        "aws:kms/replicaExternalKey:ReplicaExternalKey",
    )
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_passes_and_what_does_not(case: Case) -> None:
    case.verify()


def encrypted(key: Given, *, known: bool = True, region: str | None = REGION) -> Given:
    properties = {"kmsKeyId": KEY_ARN if known else UNKNOWN}
    if region:
        properties["region"] = region
    return Given(LOG_GROUP, "api", properties, {"kmsKeyId": key})


def a_key(policy: str | None, *, kind: str = KEY, known: bool = True) -> Given:
    properties = {"arn": KEY_ARN if known else UNKNOWN}
    return Given(kind, "logs", properties if policy is None else {**properties, "policy": policy})


@pytest.mark.parametrize("kind", [KEY, REPLICA])
@pytest.mark.parametrize("known", [True, False])
def test_a_key_of_log_groups_admits_the_logs_service(kind: str, known: bool) -> None:
    key = a_key(document(logs()), kind=kind, known=known)
    other = Given(kind, "other", {"policy": document(), "arn": UNKNOWN})
    stack_passes(kms_key_admits_logs, key, other, encrypted(key, known=known))
    bad = a_key(document(), kind=kind, known=known)
    stack_fails(
        kms_key_admits_logs,
        [bad, encrypted(bad, known=known)],
        ["api"],
        "kmsKeyId is logs, whose policy lets no CloudWatch Logs use kms:Encrypt, kms:Decrypt,",
        "wanted is a key that admits logs.ap-southeast-2.amazonaws.com",
    )


@pytest.mark.parametrize(
    "added",
    [
        [logs(Effect="Deny")],
        [logs(Action=["kms:Encrypt*", "kms:Decrypt*", "kms:GenerateDataKey*"])],
        [logs(Principal={"Service": "logs.us-east-1.amazonaws.com"})],
        [logs(Principal={"AWS": f"logs.{REGION}.amazonaws.com"})],
        [logs(NotPrincipal={"Service": "s3.amazonaws.com"})],
        [{key: value for key, value in logs().items() if key != "Principal"}],
    ],
)
def test_what_does_not_admit_it(added: list[dict[str, Any]]) -> None:
    key = a_key(document(*added))
    stack_fails(kms_key_admits_logs, [key, encrypted(key)], ["api"])


def test_two_statements_may_admit_it_together() -> None:
    parts = ("kms:*Encrypt*", "kms:Decrypt", "kms:GenerateDataKey"), ("kms:DescribeKey",)
    key = a_key(document(*(logs(Action=list(part)) for part in parts)))
    stack_passes(kms_key_admits_logs, key, encrypted(key))


def test_any_region_will_do_where_none_is_told() -> None:
    key = a_key(document(logs()))
    stack_passes(kms_key_admits_logs, key, encrypted(key, region=None))
    other = a_key(document(logs(Principal={"Service": "sns.amazonaws.com"})))
    stack_fails(
        kms_key_admits_logs,
        [other, encrypted(other, region=None)],
        ["api"],
        "a key that admits logs.<region>.",
    )


def test_a_policy_beside_the_key_takes_the_place_of_its_own() -> None:
    key = a_key(document())
    beside = Given(POLICY, "p", {"keyId": UNKNOWN, "policy": document(logs())}, {"keyId": key})
    stack_passes(kms_key_admits_logs, key, beside, encrypted(key))
    admitting = a_key(document(logs()))
    refusing = Given(POLICY, "p", {"keyId": UNKNOWN, "policy": document()}, {"keyId": admitting})
    stack_fails(kms_key_admits_logs, [admitting, refusing, encrypted(admitting)], ["api"])


def test_a_policy_beside_another_key_changes_nothing() -> None:
    key, other = a_key(document(logs())), Given(KEY, "other", {"arn": UNKNOWN})
    beside = Given(POLICY, "p", {"keyId": UNKNOWN, "policy": document()}, {"keyId": other})
    stack_passes(kms_key_admits_logs, key, other, beside, encrypted(key))


def test_a_key_without_a_policy_admits_its_account_alone() -> None:
    for policy in (None, UNKNOWN):
        key = a_key(policy)
        stack_fails(kms_key_admits_logs, [key, encrypted(key)], ["api"])


def test_log_groups_without_a_key_or_with_a_foreign_one_are_not_its_matter() -> None:
    key = a_key(document())
    plain = Given(LOG_GROUP, "plain", {})
    foreign = Given(LOG_GROUP, "foreign", {"kmsKeyId": "arn:aws:kms:ap-southeast-2:2:key/x"})
    stack_passes(kms_key_admits_logs, key, plain, foreign)


def test_a_policy_that_is_not_known_yet_leaves_others_checked() -> None:
    behind = Given("aws:iam/role:Role", "role", {})
    unclear = a_key(UNKNOWN)
    unclear.depends = {"policy": behind}
    stack_waits(kms_key_admits_logs, behind, unclear, encrypted(unclear), said="'api'")
    bad = Given(KEY, "bad", {"policy": document(), "arn": "arn:aws:kms:ap-southeast-2:1:key/bad"})
    second = Given(LOG_GROUP, "second", {"kmsKeyId": bad.properties["arn"]}, {"kmsKeyId": bad})
    resources = [behind, unclear, encrypted(unclear), bad, second]
    stack_fails(kms_key_admits_logs, resources, ["second"])
