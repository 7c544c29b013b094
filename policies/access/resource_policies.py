"""Policies on resources."""

from typing import Final

from pulumi_policy import Severity

from .documents import statements_of
from .kinds import BUCKET_POLICY, BUCKETS
from .rule import Checked, Framework, Reference, Rule

_POLICIES: Final = {
    BUCKET_POLICY: "policy",
    **dict.fromkeys(BUCKETS, "policy"),
    "aws:sns/topicPolicy:TopicPolicy": "policy",
    "aws:sns/topic:Topic": "policy",
    "aws:sqs/queuePolicy:QueuePolicy": "policy",
    "aws:sqs/queue:Queue": "policy",
    "aws:ecr/repositoryPolicy:RepositoryPolicy": "policy",
    "aws:ecr/registryPolicy:RegistryPolicy": "policy",
    "aws:backup/vaultPolicy:VaultPolicy": "policy",
    "aws:secretsmanager/secretPolicy:SecretPolicy": "policy",
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": "policyDocument",
}


@Rule(
    name="resource-policy-not-public",
    description=(
        "Policies of buckets, topics, queues, repositories, vaults and secrets let in named"
        " principals, or everybody from a named account, network or resource only."
    ),
    severity=Severity.CRITICAL,
    references=(
        Reference(Framework.FSBP, "S3.2"),
        Reference(Framework.FSBP, "S3.3"),
        Reference(Framework.FSBP, "SNS.4"),
        Reference(Framework.FSBP, "SQS.3"),
        Reference(Framework.CHECKOV, "CKV_AWS_70"),
        Reference(Framework.CHECKOV, "CKV_AWS_169"),
        Reference(Framework.CHECKOV, "CKV_AWS_168"),
        Reference(Framework.CHECKOV, "CKV_AWS_32"),
    ),
    remediation=(
        "Name the principal, or add a condition on aws:SourceAccount, aws:SourceArn or"
        " aws:PrincipalOrgID."
    ),
).for_each(*_POLICIES)
def resource_policy_not_public(holder: Checked) -> None:
    name = _POLICIES[holder.type]
    document = holder.get(name)
    if not document:
        return
    for statement in statements_of(holder, name, document):
        if statement.opens_to_everyone:
            holder.fails(
                f"{name}, statement {statement.label}",
                seen="open to everyone",
                wanted="named principals, or a condition that says from where",
            )
