"""Snapshots of caches."""

from typing import Final

from pulumi_policy import Severity

from .rule import Checked, Framework, Reference, Rule, Scope, Setting

_GROUP: Final = "aws:elasticache/replicationGroup:ReplicationGroup"

# ElastiCache user guide, "Scheduling automatic backups": the longest.
_LONGEST_DAYS: Final = 35


def _minimum_days(default: int) -> Setting:
    return Setting(
        "minimumDays",
        "Shortest retention of daily snapshots that passes",
        default,
        {"type": "integer", "minimum": 1, "maximum": _LONGEST_DAYS},
    )


def _check_snapshots(cache: Checked) -> None:
    cache.must_reach("snapshotRetentionLimit", cache.setting("minimumDays"), unset=0)


@Rule(
    name="cache-snapshots",
    description="Caches are saved every day: sessions and counters are nowhere else.",
    severity=Severity.MEDIUM,
    references=(
        Reference(Framework.FSBP, "ElastiCache.1"),
        Reference(Framework.CHECKOV, "CKV_AWS_134"),
    ),
    settings=(_minimum_days(1),),
    remediation="Raise snapshotRetentionLimit.",
).for_each(_GROUP)
def cache_snapshots(cache: Checked) -> None:
    _check_snapshots(cache)


@Rule(
    name="cache-snapshots-production",
    description=(
        "Production keeps the cache's snapshots for a week at least: damage is often found only"
        " after days."
    ),
    severity=Severity.MEDIUM,
    scope=Scope.PRODUCTION,
    references=(Reference(Framework.FSBP, "ElastiCache.1"),),
    settings=(_minimum_days(7),),
    remediation="Raise snapshotRetentionLimit.",
).for_each(_GROUP)
def cache_snapshots_production(cache: Checked) -> None:
    _check_snapshots(cache)
