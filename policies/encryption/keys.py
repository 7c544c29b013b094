"""Keys of the Key Management Service."""

from collections.abc import Iterator, Sequence
from typing import Final

from pulumi_policy import Severity

from .documents import Statement, statements_of
from .kinds import LOG_GROUP
from .rule import Checked, Framework, Reference, Rule, Stack

_KEY: Final = "aws:kms/key:Key"
_REPLICA: Final = "aws:kms/replicaKey:ReplicaKey"
_POLICY: Final = "aws:kms/keyPolicy:KeyPolicy"

_SYMMETRIC: Final = "SYMMETRIC_DEFAULT"
"""AWS's default too. KMS rotates no other kind by itself: KMS developer guide, "Rotate keys"."""

# CloudWatch Logs user guide, "Encrypt log data using AWS KMS".
_FOR_LOGS: Final = ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey")


@Rule(
    name="kms-key-rotation",
    description=(
        "Symmetric keys rotate every year, so that no single key material protects everything"
        " for ever. Keys in a custom key store cannot."
    ),
    severity=Severity.MEDIUM,
    references=(
        Reference(Framework.FSBP, "KMS.4"),
        Reference(Framework.CIS, "4.6"),
        Reference(Framework.CHECKOV, "CKV_AWS_7"),
    ),
    remediation="Set enableKeyRotation to true; data stays readable, and no ARN changes.",
).for_each(_KEY)
def kms_key_rotation(key: Checked) -> None:
    if (key.get("customerMasterKeySpec") or _SYMMETRIC) != _SYMMETRIC or key.get(
        "customKeyStoreId"
    ):
        return
    key.must_be_true("enableKeyRotation")


@Rule(
    name="kms-key-not-public",
    description=(
        "No key's policy lets everyone in: a principal of * is every AWS account, and only a"
        " condition on who calls makes it less."
    ),
    severity=Severity.CRITICAL,
    references=(
        Reference(Framework.FSBP, "KMS.5"),
        Reference(Framework.CHECKOV, "CKV_AWS_33"),
    ),
    remediation=(
        "Name the principals, or add a condition such as kms:CallerAccount, aws:SourceAccount or"
        " aws:SourceArn."
    ),
).for_each(
    _KEY,
    _REPLICA,
    _POLICY,
    "aws:kms/externalKey:ExternalKey",
    "aws:kms/replicaExternalKey:ReplicaExternalKey",
)
def kms_key_not_public(key: Checked) -> None:
    if not (document := key.get("policy")):
        return  # AWS's own admits the account alone
    for statement in statements_of(key, "policy", document):
        if statement.opens_to_everyone:
            key.fails(
                f"policy, statement {statement.label}",
                seen="open to everyone",
                wanted="principals, or a condition on who calls",
            )


@Rule(
    name="kms-key-admits-logs",
    description=(
        "A key that encrypts log groups admits CloudWatch Logs of the region: otherwise the log"
        " group is refused, or nothing is written to it any more."
    ),
    severity=Severity.HIGH,
    references=(Reference(Framework.CHECKOV, "CKV_AWS_33"),),
    remediation=(
        "Let logs.<region>.amazonaws.com encrypt, decrypt and make data keys in the key's policy,"
        " on condition of kms:EncryptionContext:aws:logs:arn."
    ),
).for_stack()
def kms_key_admits_logs(stack: Stack) -> None:
    keys = [*stack.all(_KEY), *stack.all(_REPLICA)]
    for group in stack.owing(LOG_GROUP):
        for key in keys:
            with group.unknowns_noted():
                if group.refers_to("kmsKeyId", key):
                    _check_admission(group, key, stack)


def _check_admission(group: Checked, key: Checked, stack: Stack) -> None:
    statements = list(_policy_of(key, stack))
    region = group.given("region")
    missing = [action for action in _FOR_LOGS if not _is_admitted(action, statements, region)]
    if missing:
        group.fails(
            "kmsKeyId",
            seen=f"{key.name}, whose policy lets no CloudWatch Logs use {', '.join(missing)}",
            wanted=f"a key that admits logs.{region or '<region>'}.amazonaws.com",
        )


def _policy_of(key: Checked, stack: Stack) -> Iterator[Statement]:
    """One that stands beside the key takes the place of the key's own."""
    holders = [each for each in stack.all(_POLICY) if each.refers_to("keyId", key)] or [key]
    for holder in holders:
        if document := holder.given("policy"):
            yield from statements_of(holder, "policy", document)


def _is_admitted(action: str, statements: Sequence[Statement], region: str | None) -> bool:
    return any(
        statement.allows
        and statement.principals is not None
        and any(_is_logs(service, region) for service in statement.principals.of("Service"))
        and statement.actions.includes(action)
        for statement in statements
    )


def _is_logs(service: str, region: str | None) -> bool:
    return service == f"logs.{region}.amazonaws.com" if region else service.startswith("logs.")
