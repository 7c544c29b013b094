"""Keys of the Key Management Service."""

from typing import Final

from pulumi_policy import Severity

from .rule import Checked, Framework, Reference, Rule

_SYMMETRIC: Final = "SYMMETRIC_DEFAULT"
"""AWS's default too. KMS rotates no other kind by itself: KMS developer guide, "Rotate keys"."""


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
).for_each("aws:kms/key:Key")
def kms_key_rotation(key: Checked) -> None:
    if (key.get("customerMasterKeySpec") or _SYMMETRIC) != _SYMMETRIC or key.get(
        "customKeyStoreId"
    ):
        return
    if (rotation := key.get("enableKeyRotation")) is not True:
        key.fails(
            "enableKeyRotation",
            seen="not set, which means false" if rotation is None else "false",
            wanted="true",
        )
