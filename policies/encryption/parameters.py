"""Secrets in Parameter Store and Secrets Manager."""

from fnmatch import fnmatchcase
from typing import Final

from pulumi_policy import Severity

from .customer_keys import must_have_customer_key
from .rule import Checked, Framework, Reference, Rule, Scope, Setting

_SECURE: Final = "SecureString"

# Connection addresses contain a password.
_SECRET_NAMES: Final = [
    "*secret*",
    "*password*",
    "*passwd*",
    "*token*",
    "*credential*",
    "*api*key*",
    "*private*key*",
    "*database*url*",
    "*redis*url*",
    "*connection*string*",
]


@Rule(
    name="parameter-encrypted",
    description=(
        "Parameters whose name says that they are secret are encrypted, with a key of our own:"
        " everybody who may read parameters reads the others."
    ),
    severity=Severity.CRITICAL,
    references=(
        Reference(Framework.CHECKOV, "CKV_AWS_337"),
        Reference(Framework.CHECKOV, "CKV2_AWS_34"),
    ),
    settings=(
        Setting(
            "secretNames",
            "Lower-case names of parameters that are secret, in which * matches anything",
            _SECRET_NAMES,
            {"type": "array", "items": {"type": "string"}},
        ),
    ),
    remediation=(
        "Set type to SecureString, valueWo instead of value, and keyId to the ARN of a key of the"
        " stack."
    ),
).for_each("aws:ssm/parameter:Parameter")
def parameter_encrypted(parameter: Checked) -> None:
    kind = parameter.get("type")
    if kind == _SECURE:
        must_have_customer_key(parameter, "keyId")
        return
    name = str(parameter.get("name") or parameter.name).lower()
    if any(fnmatchcase(name, pattern) for pattern in parameter.setting("secretNames")):
        parameter.fails("type", seen=kind, wanted=_SECURE)


@Rule(
    name="secret-customer-key",
    description=(
        "Production's secrets in Secrets Manager are encrypted with a key of our own: who may"
        " read them is then decided by the key's policy too."
    ),
    severity=Severity.MEDIUM,
    scope=Scope.PRODUCTION,
    references=(Reference(Framework.CHECKOV, "CKV_AWS_149"),),
    remediation="Set kmsKeyId to the ARN of a key of the stack.",
).for_each("aws:secretsmanager/secret:Secret")
def secret_customer_key(secret: Checked) -> None:
    must_have_customer_key(secret, "kmsKeyId")
