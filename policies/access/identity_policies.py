"""What the policies of roles, users and groups permit."""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from pulumi_policy import Severity

from .documents import Statement, covers, statements_of
from .rule import Checked, Framework, Reference, Rule, Setting

_ROLE: Final = "aws:iam/role:Role"
_HOLDERS: Final = (
    "aws:iam/policy:Policy",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/userPolicy:UserPolicy",
    "aws:iam/groupPolicy:GroupPolicy",
    _ROLE,
)
_WILDCARDS: Final = "*?"
_WITHOUT_TYPES: Final = frozenset({"s3", "sns", "sqs", "execute-api"})
"""Services whose ARNs name a resource without saying of which type."""
_PASSING: Final = "iam:PassRole"
_STRINGS: Final = {"type": "array", "items": {"type": "string"}}

# Verbs of the service authorization reference that change nothing.
_READING: Final = re.compile(
    r"(Batch)?(Check|Describe|Discover|Estimate|Filter|Get|List|Lookup|Preview|Query|Read|Scan"
    r"|Search|Select|Simulate|Test|Validate|View)",
    re.IGNORECASE,
)
# Condition keys that name resources where an action's Resource cannot.
_RESOURCE_KEYS: Final = re.compile(
    r"aws:(resource|request)tag/|[\w-]+:resourcetag/|ecs:cluster$|cloudwatch:namespace$|ec2:vpc$"
    r"|kms:resourcealiases$|kms:encryptioncontext:|iam:permissionsboundary$",
)


class _Granted(NamedTuple):
    """An Allow statement, and where it stands."""

    path: str
    statement: Statement


def _granted(holder: Checked) -> Iterator[_Granted]:
    for path, document in _documents(holder):
        for statement in statements_of(holder, path, document):
            if statement.allows:
                yield _Granted(f"{path}, statement {statement.label}", statement)


def _documents(holder: Checked) -> Iterator[tuple[str, object]]:
    if holder.type != _ROLE:
        yield "policy", holder.get("policy")
        return
    for index in range(len(holder.get("inlinePolicies") or ())):
        with holder.unknowns_noted():
            if (document := holder.get("inlinePolicies")[index].get("policy")) is not None:
                yield f"inlinePolicies[{index}].policy", document


def _unlimited(statement: Statement) -> list[str]:
    """The resources that name nothing: `*`, and ARNs of every resource of a type.

    None where a condition names them instead.
    """
    if statement.limited_by(lambda key: _RESOURCE_KEYS.match(key) is not None):
        return []
    if statement.resources.inverted:
        return ["all but a few"]
    return [pattern for pattern in statement.resources.patterns if _names_nothing(pattern)]


def _names_nothing(resource: str) -> bool:
    """`*`, `arn:aws:s3:::*`, `arn:aws:kms:*:123456789012:key/*`; not `…:table/orders-*`."""
    *arn, named = resource.split(":", 5)
    if not _WITHOUT_TYPES.intersection(arn):
        # What stands before the first slash or colon is a type, as in key/*.
        named = re.split(r"[/:]", named, maxsplit=1)[-1]
    return not named.strip(f"{_WILDCARDS}/:")


def _of(actions: Sequence[str], statement: Statement) -> list[str]:
    return [action for action in actions if statement.actions.includes(action)]


@Rule(
    name="iam-no-full-access",
    description=(
        "Policies grant named actions: neither everything nor all of a service, which grows with"
        " every action that AWS adds."
    ),
    severity=Severity.HIGH,
    references=(
        Reference(Framework.FSBP, "IAM.1"),
        Reference(Framework.FSBP, "IAM.21"),
        Reference(Framework.CIS, "2.14"),
        Reference(Framework.CHECKOV, "CKV_AWS_62"),
        Reference(Framework.CHECKOV, "CKV_AWS_63"),
    ),
    remediation="List the actions that are needed.",
).for_each(*_HOLDERS)
def iam_no_full_access(holder: Checked) -> None:
    for path, statement in _granted(holder):
        if statement.actions.inverted:
            continue
        for action in statement.actions.patterns:
            verb = action.split(":", 1)[-1]
            if not verb.strip(_WILDCARDS):
                holder.fails(f"{path}, Action", seen=action, wanted="the actions needed")


@Rule(
    name="iam-no-inverted-grants",
    description=(
        "No statement allows all but a few actions or resources: what AWS adds later, and what"
        " nobody thought of, is granted too."
    ),
    severity=Severity.HIGH,
    remediation="List what is allowed in Action and Resource; NotAction is for Deny.",
).for_each(*_HOLDERS)
def iam_no_inverted_grants(holder: Checked) -> None:
    for path, statement in _granted(holder):
        if statement.actions.inverted:
            holder.fails(f"{path}, NotAction", seen="in an Allow", wanted="Action")
        if statement.resources.inverted:
            holder.fails(f"{path}, NotResource", seen="in an Allow", wanted="Resource")


@Rule(
    name="iam-write-named-resources",
    description=(
        "Actions that change something are granted on named resources: on * an intruder changes"
        " what belongs to others too."
    ),
    severity=Severity.HIGH,
    references=(
        Reference(Framework.CHECKOV, "CKV_AWS_290"),
        Reference(Framework.CHECKOV, "CKV_AWS_355"),
    ),
    settings=(
        Setting(
            "withoutResources",
            "Actions that AWS grants on * alone (service authorization reference), with wildcards",
            [
                *("cloudwatch:PutMetricData", "xray:Put*", "ssmmessages:*", "ec2messages:*"),
                *("ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"),
                *("ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"),
                *("ecs:DeregisterTaskDefinition", "logs:CreateLogDelivery"),
                *("logs:UpdateLogDelivery", "logs:DeleteLogDelivery", "logs:PutResourcePolicy"),
                *("elasticloadbalancing:SetWebAcl", "backup-storage:MountCapsule"),
            ],
            _STRINGS,
        ),
    ),
    exemptions={
        "*-deploy-*-unnamed": "AWS gives neither names nor tags to origin access controls, header"
        " policies, health checks and log deliveries; none of them holds data",
    },
    remediation=("Name the resources by ARN, or by a condition on their tags or their cluster."),
).for_each(*_HOLDERS)
def iam_write_named_resources(holder: Checked) -> None:
    for path, statement in _granted(holder):
        seen = _unlimited(statement)
        if not seen or statement.actions.inverted:
            continue
        free = holder.setting("withoutResources")
        writing = [action for action in statement.actions.patterns if _may_write(action, free)]
        if writing:
            holder.fails(
                f"{path}, Resource",
                seen=f"{', '.join(seen)} for {', '.join(sorted(writing))}",
                wanted="named resources",
            )


def _may_write(action: str, free: Sequence[str]) -> bool:
    verb = action.split(":", 1)[-1]
    return not _READING.match(verb) and not any(
        covers(each, action, case_sensitive=False) for each in free
    )


@Rule(
    name="iam-pass-role",
    description=(
        "iam:PassRole names the role and the service that gets it: whoever can pass any role has"
        " the rights of all."
    ),
    severity=Severity.CRITICAL,
    references=(Reference(Framework.CHECKOV, "CKV_AWS_289"),),
    remediation="Name the roles in Resource, and the services in an iam:PassedToService condition.",
).for_each(*_HOLDERS)
def iam_pass_role(holder: Checked) -> None:
    for path, statement in _granted(holder):
        if not statement.actions.includes(_PASSING):
            continue
        if statement.resources.inverted or any(map(_names_nothing, statement.resources.patterns)):
            holder.fails(f"{path}, Resource", seen="any role", wanted="named roles")
        if not statement.limited_by(lambda key: key == "iam:passedtoservice"):
            holder.fails(
                f"{path}, Condition", seen="without iam:PassedToService", wanted="the services"
            )


# cloudsplaining's lists of risky actions (privilege escalation, credentials exposure, data
# exfiltration), which CKV_AWS_286, 287 and 288 use too.
_RISKS: Final = {
    "which gives it any right": (
        *("iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion", "iam:AttachUserPolicy"),
        *("iam:AttachGroupPolicy", "iam:AttachRolePolicy", "iam:PutUserPolicy"),
        *("iam:PutGroupPolicy", "iam:PutRolePolicy", "iam:AddUserToGroup"),
        *("iam:UpdateAssumeRolePolicy", "lambda:UpdateFunctionCode"),
    ),
    "which gives it the rights of others": (
        *("iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:UpdateLoginProfile"),
        *("iam:CreateServiceSpecificCredential", "iam:ResetServiceSpecificCredential"),
        *("sts:AssumeRole", "rds-db:connect", "redshift:GetClusterCredentials"),
        *("codepipeline:PollForJobs", "cognito-identity:GetCredentialsForIdentity"),
        *("cognito-identity:GetOpenIdTokenForDeveloperIdentity", "sso:GetRoleCredentials"),
    ),
    "which gives it everybody's data": (
        *("s3:GetObject", "ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"),
        "secretsmanager:GetSecretValue",
    ),
}


@Rule(
    name="iam-no-escalation",
    description=(
        "Nothing may give itself rights, take over other identities or read all data: such actions"
        " are granted on named resources only."
    ),
    severity=Severity.CRITICAL,
    references=(
        Reference(Framework.CHECKOV, "CKV_AWS_286"),
        Reference(Framework.CHECKOV, "CKV_AWS_287"),
        Reference(Framework.CHECKOV, "CKV_AWS_288"),
    ),
    remediation="Name the roles, functions, buckets, parameters or secrets in Resource.",
).for_each(*_HOLDERS)
def iam_no_escalation(holder: Checked) -> None:
    for path, statement in _granted(holder):
        seen = _unlimited(statement)
        for consequence, actions in _RISKS.items() if seen else ():
            if granted := _of(actions, statement):
                holder.fails(
                    f"{path}, Resource",
                    seen=f"{', '.join(seen)} for {', '.join(granted)}, {consequence}",
                    wanted="named resources",
                )


@Rule(
    name="iam-decrypt-named-keys",
    description=(
        "Decryption is granted with named keys: with all of them, the separate keys of each class"
        " of data separate nothing."
    ),
    severity=Severity.HIGH,
    references=(Reference(Framework.FSBP, "KMS.1"), Reference(Framework.FSBP, "KMS.2")),
    remediation="Name the keys by ARN in Resource.",
).for_each(*_HOLDERS)
def iam_decrypt_named_keys(holder: Checked) -> None:
    for path, statement in _granted(holder):
        seen = _unlimited(statement)
        if seen and (granted := _of(("kms:Decrypt", "kms:ReEncryptFrom"), statement)):
            holder.fails(
                f"{path}, Resource",
                seen=f"{', '.join(seen)} for {', '.join(granted)}",
                wanted="named keys",
            )
