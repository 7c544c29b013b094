"""Identities: who may become one, and what is attached to it."""

import re
from collections.abc import Iterator
from typing import Final

from pulumi_policy import Severity

from .documents import Condition, Statement, statements_of
from .rule import Checked, Framework, Reference, Rule, Setting

_ROLE: Final = "aws:iam/role:Role"
_ATTACHMENTS: Final = (
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment",
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
    "aws:iam/policyAttachment:PolicyAttachment",
)
_EXCLUSIVE: Final = "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive"
_STRINGS: Final = {"type": "array", "items": {"type": "string"}}
_SOURCE_KEYS: Final = ("aws:sourceaccount", "aws:sourcearn")
_BY_WEB_IDENTITY: Final = "sts:AssumeRoleWithWebIdentity"
# GitHub's subjects are `repo:<owner>/<name>:...`; those of others begin with who it is.
_OWNED_SUBJECT: Final = re.compile(r"repo:[^*?/]+/|(?!repo:)[^*?]")


@Rule(
    name="role-trust",
    description=(
        "Roles trust named principals: services only for this account's resources, where the"
        " service says whose they are, and another identity provider only for named subjects."
    ),
    severity=Severity.CRITICAL,
    references=(
        Reference(Framework.CHECKOV, "CKV_AWS_60"),
        Reference(Framework.CHECKOV, "CKV_AWS_61"),
    ),
    settings=(
        Setting(
            "servicesWithSource",
            "Services that say in aws:SourceAccount and aws:SourceArn for whom they take a role",
            # Each service's guide, "confused deputy"; EC2, Lambda and Backup send neither.
            [
                *("ecs-tasks.amazonaws.com", "vpc-flow-logs.amazonaws.com"),
                *("monitoring.rds.amazonaws.com", "scheduler.amazonaws.com"),
                *("events.amazonaws.com", "cloudtrail.amazonaws.com"),
            ],
            _STRINGS,
        ),
    ),
    remediation=(
        "Name the principal; add a condition on aws:SourceAccount or aws:SourceArn for a service,"
        " or on the provider's sub for a federated one."
    ),
).for_each(_ROLE)
def role_trust(role: Checked) -> None:
    for statement in statements_of(role, "assumeRolePolicy", role.get("assumeRolePolicy")):
        if statement.allows:
            for seen in _weaknesses(role, statement):
                role.fails(
                    f"assumeRolePolicy, statement {statement.label}",
                    seen=seen,
                    wanted="limited to those who need the role",
                )


def _weaknesses(role: Checked, statement: Statement) -> Iterator[str]:
    principals = statement.principals
    if principals is None or principals.everyone:
        yield "open to everyone"
        return
    for service in principals.of("Service"):
        if service in role.setting("servicesWithSource") and not statement.limited_by(
            lambda key: key in _SOURCE_KEYS
        ):
            yield f"open to {service} on anybody's behalf"
    if (
        principals.of("Federated")
        and statement.actions.includes(_BY_WEB_IDENTITY)
        and not any(map(_names_subjects, statement.conditions))
    ):
        yield "open to every subject of the identity provider"


def _names_subjects(condition: Condition) -> bool:
    """Whether a condition says whose tokens count; `repo:*` means all of GitHub."""
    return (
        condition.limits
        and condition.key.endswith(":sub")
        and all(_OWNED_SUBJECT.match(value) for value in condition.values)
    )


@Rule(
    name="iam-no-administrator-policy",
    description="No identity gets one of AWS's policies for administrators.",
    severity=Severity.CRITICAL,
    references=(
        Reference(Framework.CHECKOV, "CKV_AWS_274"),
        Reference(Framework.CHECKOV, "CKV2_AWS_56"),
    ),
    settings=(
        Setting(
            "policies",
            "Names of AWS's managed policies that nobody gets",
            ["AdministratorAccess", "IAMFullAccess", "PowerUserAccess"],
            _STRINGS,
        ),
    ),
    remediation="Attach a policy with the actions that are needed.",
).for_each(*_ATTACHMENTS, _EXCLUSIVE, _ROLE)
def iam_no_administrator_policy(holder: Checked) -> None:
    for path, arn in _attached(holder):
        name = arn.rsplit("/", 1)[-1]
        if name in holder.setting("policies"):
            holder.fails(path, seen=name, wanted="least privilege")


def _attached(holder: Checked) -> Iterator[tuple[str, str]]:
    if holder.type in _ATTACHMENTS:
        yield "policyArn", str(holder.get("policyArn"))
        return
    path = "policyArns" if holder.type == _EXCLUSIVE else "managedPolicyArns"
    for index in range(len(holder.get(path) or ())):
        with holder.unknowns_noted():
            yield f"{path}[{index}]", str(holder.get(path)[index])


@Rule(
    name="iam-no-users",
    description=(
        "There are roles and no users: keys and passwords of users last until somebody finds them."
    ),
    severity=Severity.HIGH,
    references=(
        Reference(Framework.FSBP, "IAM.2"),
        Reference(Framework.CHECKOV, "CKV_AWS_40"),
        Reference(Framework.CHECKOV, "CKV_AWS_273"),
    ),
    remediation="Use a role: for GitHub by OIDC, for people by IAM Identity Center.",
).for_each(
    "aws:iam/user:User",
    "aws:iam/accessKey:AccessKey",
    "aws:iam/userLoginProfile:UserLoginProfile",
)
def iam_no_users(user: Checked) -> None:
    user.fails("identity", seen="a user with long-lived credentials", wanted="a role")
