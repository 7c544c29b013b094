"""AWS Backup: what is backed up, when, where to, for how long, and who could delete it."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from pulumi_policy import Severity
from pulumi_policy.proxy import UnknownValueError

from .database_types import CLUSTER, INSTANCE, is_replica
from .documents import covers
from .kinds import names
from .rule import Checked, Framework, Reference, Rule, Scope, Setting, Stack, any_of

_PLAN: Final = "aws:backup/plan:Plan"
_SELECTION: Final = "aws:backup/selection:Selection"
_VAULT: Final = "aws:backup/vault:Vault"
_LOCK: Final = "aws:backup/vaultLockConfiguration:VaultLockConfiguration"
_ANY_ARN: Final = {INSTANCE: "arn:aws:rds:*:*:db:*", CLUSTER: "arn:aws:rds:*:*:cluster:*"}
_TAG: Final = "aws:ResourceTag/"
# AWS Backup developer guide, "Lifecycle": what is moved to cold storage stays 90 days there.
_DAYS_IN_COLD_STORAGE: Final = 90
_SHORTEST_GRACE: Final = 3
_FOR_EVER: Final = float("inf")


@Rule(
    name="database-backed-up",
    description=(
        "In production AWS Backup selects each database: automated backups of RDS go with the"
        " instance, and end after 35 days."
    ),
    severity=Severity.HIGH,
    scope=Scope.PRODUCTION,
    references=(Reference(Framework.FSBP, "RDS.26"),),
    remediation=(
        "Give the database the tag that an aws.backup.Selection selects, or list its ARN there."
    ),
).for_stack()
def database_backed_up(stack: Stack) -> None:
    for kind in (INSTANCE, CLUSTER):
        for database in stack.owing(kind):
            with database.unknowns_noted():
                if not is_replica(database) and not _is_selected(database, stack):
                    database.fails("backup selection", seen="missing", wanted="one with it")


def _is_selected(database: Checked, stack: Stack) -> bool:
    return any_of(stack.all(_SELECTION), lambda selection: _selects(selection, database))


def _selects(selection: Checked, database: Checked) -> bool:
    """AWS re:Post, "assign resources to a Backup plan": listed resources that meet every
    condition, and those with any one of the tags besides, except what is excluded.
    """
    if _lists(selection, "notResources", database):
        return False
    tags = selection.given("selectionTags") or ()
    if any(_tag(database, each.get("key")) == each.get("value") for each in tags):
        return True
    conditions = list(_conditions(selection))
    listed = (
        _lists(selection, "resources", database)
        if _gives(selection, "resources")
        # Conditions choose among everything, and nothing at all means everything.
        else bool(conditions) or not tags
    )
    return listed and all(_meets(database, *each) for each in conditions)


def _gives(selection: Checked, name: str) -> bool:
    """Whether there is such a list, known or not."""
    return bool(selection.property_dependencies.get(name) or selection.given(name))


def _lists(selection: Checked, name: str, database: Checked) -> bool:
    if selection.depends_on(name, database):
        return True
    patterns = selection.given(name) or ()
    try:
        arn = database.get("arn")
    except UnknownValueError:
        arn = None
    if arn is not None:
        return any(covers(pattern, arn) for pattern in patterns)
    if any(covers(pattern, _ANY_ARN[database.type]) for pattern in patterns):
        return True
    if any("*" in pattern for pattern in patterns):
        database.get("arn")  # unknown, and decisive
    return False


def _conditions(selection: Checked) -> Iterator[tuple[str, str, str]]:
    for condition in selection.given("conditions") or ():
        for operator in ("stringEquals", "stringLikes", "stringNotEquals", "stringNotLikes"):
            for each in condition.get(operator) or ():
                yield operator, str(each.get("key")).removeprefix(_TAG), str(each.get("value"))


def _meets(database: Checked, operator: str, key: str, value: str) -> bool:
    tag = _tag(database, key)
    alike = tag is not None and (
        fnmatchcase(tag, value) if operator.endswith("Likes") else tag == value
    )
    return not alike if operator.startswith("stringNot") else alike


def _tag(database: Checked, key: str) -> str | None:
    """A tag, the provider's included, which pulumi-aws merges into both properties."""
    try:
        tags = database.get("tagsAll")
    except UnknownValueError:
        tags = None
    found = (tags or database.get("tags") or {}).get(key)
    return None if found is None else str(found)


@Rule(
    name="backup-plan-runs",
    description=(
        "Each backup plan selects something, and each of its rules has a schedule: otherwise it"
        " looks like a backup and is none."
    ),
    severity=Severity.HIGH,
    remediation="Give each rule a schedule, and the plan an aws.backup.Selection.",
).for_stack()
def backup_plan_runs(stack: Stack) -> None:
    for plan in stack.owing(_PLAN):
        with plan.unknowns_noted():
            for path, rule in _rules(plan):
                if not rule.get("schedule"):
                    plan.fails(f"{path}.schedule", seen="not set", wanted="when it runs")
        with plan.unknowns_noted():
            if not _has_selection(plan, stack):
                plan.fails("selection", seen="missing", wanted="one at least")


def _has_selection(plan: Checked, stack: Stack) -> bool:
    return any_of(stack.all(_SELECTION), lambda selection: selection.refers_to("planId", plan))


def _rules(plan: Checked) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The plan's rules; those that are not known yet are noted."""
    for index in range(len(plan.get("rules") or ())):
        with plan.unknowns_noted():
            yield f"rules[{index}]", plan.get("rules")[index]


@Rule(
    name="backup-retention",
    description=(
        "Backups of production, and their copies, are kept for a stated time, which is as long as"
        " the database's own backups at least."
    ),
    severity=Severity.HIGH,
    scope=Scope.PRODUCTION,
    settings=(
        Setting(
            "minimumDays",
            "Shortest retention that passes",
            30,
            {"type": "integer", "minimum": 1},
        ),
    ),
    remediation=(
        "Set lifecycle.deleteAfter; with coldStorageAfter, to 90 days more than that at least."
    ),
).for_each(_PLAN)
def backup_retention(plan: Checked) -> None:
    for path, lifecycle in _lifecycles(plan):
        with plan.unknowns_noted():
            days, cold = lifecycle.get("deleteAfter"), lifecycle.get("coldStorageAfter")
            least = plan.setting("minimumDays")
            if cold:
                least = max(least, cold + _DAYS_IN_COLD_STORAGE)
            if not days or days < least:
                seen = f"{days:g}" if days else "not set, which means for ever"
                plan.fails(f"{path}.deleteAfter", seen=seen, wanted=f"{least:g} or more")


def _lifecycles(plan: Checked) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path, rule in _rules(plan):
        with plan.unknowns_noted():
            yield f"{path}.lifecycle", rule.get("lifecycle") or {}
        with plan.unknowns_noted():
            copies = rule.get("copyActions") or ()
            for index in range(len(copies)):
                with plan.unknowns_noted():
                    yield (
                        f"{path}.copyActions[{index}].lifecycle",
                        copies[index].get("lifecycle") or {},
                    )


@Rule(
    name="backup-other-region",
    description=(
        "In production each backup plan copies to another region: what takes a region away takes"
        " the backups in it too."
    ),
    severity=Severity.HIGH,
    scope=Scope.PRODUCTION,
    remediation="Add copyActions with the ARN of a vault in another region.",
).for_stack()
def backup_other_region(stack: Stack) -> None:
    for plan in stack.owing(_PLAN):
        with plan.unknowns_noted():
            if not _leaves_region(plan):
                plan.fails("rules.copyActions", seen="none", wanted="a vault in another region")


def _leaves_region(plan: Checked) -> bool:
    rules = plan.get("rules") or ()
    return any_of(
        range(len(rules)),
        lambda index: any(
            _region(copy.get("destinationVaultArn")) != _region(plan.get("arn"))
            for copy in rules[index].get("copyActions") or ()
        ),
    )


def _region(arn: Any) -> str:
    return str(arn).split(":")[3]


@Rule(
    name="backup-vault-locked",
    description=(
        "In production each backup vault is locked, for as long as its backups are kept: nobody"
        " deletes them earlier without being allowed to open the lock first."
    ),
    severity=Severity.HIGH,
    scope=Scope.PRODUCTION,
    settings=(
        Setting(
            "complianceMode",
            "Whether a lock may have changeableForDays, after which nobody, AWS included, can"
            " ever open it",
            False,
            {"type": "boolean"},
        ),
    ),
    remediation=(
        "Add an aws.backup.VaultLockConfiguration with minRetentionDays and without"
        " changeableForDays."
    ),
).for_stack()
def backup_vault_locked(stack: Stack) -> None:
    for vault in stack.owing(_VAULT):
        with vault.unknowns_noted():
            locks = [lock for lock in stack.all(_LOCK) if names(lock, "backupVaultName", vault)]
            if not locks:
                vault.fails("lock", seen="missing", wanted="one")
            for lock in locks:
                _check_mode(lock)
                _check_bounds(lock, vault, stack)


def _check_mode(lock: Checked) -> None:
    with lock.unknowns_noted():
        days = lock.get("changeableForDays")
        if days is None:
            return
        if not lock.setting("complianceMode"):
            lock.fails("changeableForDays", seen=f"{days:g}, for ever after", wanted="not set")
        elif days < _SHORTEST_GRACE:
            lock.fails("changeableForDays", seen=f"{days:g}", wanted=f"{_SHORTEST_GRACE} or more")


def _check_bounds(lock: Checked, vault: Checked, stack: Stack) -> None:
    with lock.unknowns_noted():
        least, most = lock.get("minRetentionDays"), lock.get("maxRetentionDays")
        if not least:
            lock.fails("minRetentionDays", seen="not set", wanted="as long as backups are kept")
            return
        for plan in stack.all(_PLAN):
            for path, lifecycle in _kept_in(vault, plan):
                with plan.unknowns_noted():
                    days = lifecycle.get("deleteAfter") or _FOR_EVER
                    if not least <= days <= (most or _FOR_EVER):
                        plan.fails(
                            f"{path}.deleteAfter",
                            seen=f"{days:g}, which the lock of {vault.name} refuses",
                            wanted=f"{least:g} to {most or _FOR_EVER:g}",
                        )


def _kept_in(vault: Checked, plan: Checked) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The lifecycles of what a plan puts into a vault, or copies there."""
    for path, rule in _rules(plan):
        with plan.unknowns_noted():
            if rule.get("targetVaultName") == vault.get("name"):
                yield f"{path}.lifecycle", rule.get("lifecycle") or {}
        with plan.unknowns_noted():
            copies = rule.get("copyActions") or ()
            for index in range(len(copies)):
                if copies[index].get("destinationVaultArn") in vault.identities():
                    lifecycle = copies[index].get("lifecycle") or {}
                    yield f"{path}.copyActions[{index}].lifecycle", lifecycle
