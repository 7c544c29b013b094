"""What a mistake must not delete."""

from typing import Final

from pulumi_policy import Severity

from .database_types import CLUSTER, INSTANCE, is_replica
from .kinds import BUCKETS, LOAD_BALANCERS
from .rule import Checked, Framework, Reference, Rule, Scope, Setting

_KEYS: Final = ("aws:kms/key:Key", "aws:kms/replicaKey:ReplicaKey")
_VAULT: Final = "aws:backup/vault:Vault"


@Rule(
    name="load-balancer-deletion-protection",
    description=(
        "Production's load balancers refuse to be deleted: their address is in the domain, and a"
        " new one has another."
    ),
    severity=Severity.MEDIUM,
    scope=Scope.PRODUCTION,
    references=(
        Reference(Framework.FSBP, "ELB.6"),
        Reference(Framework.CHECKOV, "CKV_AWS_150"),
    ),
    remediation="Set enableDeletionProtection to true.",
).for_each(*LOAD_BALANCERS)
def load_balancer_deletion_protection(balancer: Checked) -> None:
    balancer.must_be_true("enableDeletionProtection")


@Rule(
    name="storage-not-emptied",
    description=(
        "Production's buckets, backup vaults and image repositories are deleted only when they are"
        " empty: forceDestroy and forceDelete empty them without asking."
    ),
    severity=Severity.HIGH,
    scope=Scope.PRODUCTION,
    remediation="Leave it out; empty it by hand when it shall really go.",
).for_each(*BUCKETS, _VAULT, "aws:ecr/repository:Repository")
def storage_not_emptied(storage: Checked) -> None:
    for name in ("forceDestroy", "forceDelete"):
        if storage.get(name):
            storage.fails(name, seen="true", wanted="false")


@Rule(
    name="kms-key-deletion-window",
    description=(
        "Production's keys wait for two weeks at least before they are deleted: what they"
        " encrypted is lost with them."
    ),
    severity=Severity.HIGH,
    scope=Scope.PRODUCTION,
    references=(Reference(Framework.FSBP, "KMS.3"),),
    settings=(
        Setting(
            "minimumDays",
            "Shortest waiting time that passes",
            14,
            # KMS, ScheduleKeyDeletion.
            {"type": "integer", "minimum": 7, "maximum": 30},
        ),
    ),
    remediation="Raise deletionWindowInDays, or leave it out for 30.",
).for_each(*_KEYS)
def kms_key_deletion_window(key: Checked) -> None:
    key.must_reach("deletionWindowInDays", key.setting("minimumDays"), unset=30)


@Rule(
    name="protected",
    description=(
        "Production's databases, buckets, keys and backup vaults are protected in Pulumi: neither"
        " a destroy nor a replacement deletes them. Read replicas are spared: they hold nothing of"
        " their own."
    ),
    severity=Severity.HIGH,
    scope=Scope.PRODUCTION,
    exemptions={
        "*-key": "Keys of the stack's EncryptionKey stay when it goes (retain_on_delete), which a"
        " pack cannot see"
    },
    remediation="Set the resource option protect to true.",
).for_each(INSTANCE, CLUSTER, *BUCKETS, *_KEYS, _VAULT)
def protected(resource: Checked) -> None:
    if not resource.protected and not is_replica(resource):
        resource.fails("protect", seen="false", wanted="true")
