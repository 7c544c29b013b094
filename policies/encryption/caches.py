"""Caches at rest and on the wire."""

from typing import Final

from pulumi_policy import Severity

from .customer_keys import must_have_customer_key
from .rule import Checked, Framework, Reference, Rule, any_of

_GROUP: Final = "aws:elasticache/replicationGroup:ReplicationGroup"

# With `authTokenWo`, which stays out of the state.
_WAYS_TO_AUTHENTICATE: Final = ("authToken", "authTokenWo", "userGroupIds")


@Rule(
    name="cache-encrypted",
    description=(
        "Caches are encrypted at rest with a key of our own, and with them their snapshots:"
        " sessions are as good as passwords."
    ),
    severity=Severity.HIGH,
    references=(
        Reference(Framework.FSBP, "ElastiCache.4"),
        Reference(Framework.CHECKOV, "CKV_AWS_29"),
        Reference(Framework.CHECKOV, "CKV_AWS_191"),
    ),
    remediation=(
        "Set atRestEncryptionEnabled to true and kmsKeyId to the ARN of a key of the stack; both"
        " replace the cache."
    ),
).for_each(_GROUP)
def cache_encrypted(cache: Checked) -> None:
    cache.must_be_true("atRestEncryptionEnabled")
    must_have_customer_key(cache, "kmsKeyId")


@Rule(
    name="cache-in-replication-group",
    description=(
        "Caches are replication groups, also those of one node: a cluster on its own cannot be"
        " encrypted at rest."
    ),
    severity=Severity.HIGH,
    references=(Reference(Framework.FSBP, "ElastiCache.4"),),
    remediation="Use an aws.elasticache.ReplicationGroup.",
).for_each("aws:elasticache/cluster:Cluster")
def cache_in_replication_group(cluster: Checked) -> None:
    if not cluster.get("replicationGroupId"):
        cluster.fails("replicationGroupId", seen="not set", wanted="an encrypted replication group")


@Rule(
    name="cache-tls",
    description=(
        "Caches refuse connections without TLS: a preferred one is what some client will do"
        " without, and token and sessions cross the network in clear."
    ),
    severity=Severity.HIGH,
    references=(
        Reference(Framework.FSBP, "ElastiCache.5"),
        Reference(Framework.CHECKOV, "CKV_AWS_30"),
    ),
    remediation="Set transitEncryptionEnabled to true and transitEncryptionMode to required.",
).for_each(_GROUP)
def cache_tls(cache: Checked) -> None:
    cache.must_be_true("transitEncryptionEnabled")
    with cache.unknowns_noted():
        if cache.get("transitEncryptionMode") == "preferred":
            cache.fails("transitEncryptionMode", seen="preferred", wanted="required")


@Rule(
    name="cache-authentication",
    description="Caches know who connects: whoever reaches the port would read every session.",
    severity=Severity.HIGH,
    references=(
        Reference(Framework.FSBP, "ElastiCache.6"),
        Reference(Framework.CHECKOV, "CKV_AWS_31"),
    ),
    remediation="Set authTokenWo to a secret, or userGroupIds to groups whose users need one.",
).for_each(_GROUP)
def cache_authentication(cache: Checked) -> None:
    if not any_of(_WAYS_TO_AUTHENTICATE, lambda name: bool(cache.get(name))):
        cache.fails(
            "authentication", seen="not set", wanted=f"one of {', '.join(_WAYS_TO_AUTHENTICATE)}"
        )
