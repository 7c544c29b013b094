"""AWS Backup, and who hears of what happens to databases."""

from typing import Any

import pytest

from policies.retention.backups import (
    backup_other_region,
    backup_plan_runs,
    backup_retention,
    backup_vault_locked,
    database_backed_up,
)
from policies.retention.database_events import database_events_subscribed
from tests.policies.cases import fails, passes, stack_fails, stack_passes, stack_waits, waits
from tests.policies.harness import UNKNOWN, Given, check, check_stack

INSTANCE = "aws:rds/instance:Instance"
CLUSTER = "aws:rds/cluster:Cluster"
SELECTION = "aws:backup/selection:Selection"
PLAN = "aws:backup/plan:Plan"
VAULT = "aws:backup/vault:Vault"
LOCK = "aws:backup/vaultLockConfiguration:VaultLockConfiguration"
EVENTS = "aws:rds/eventSubscription:EventSubscription"

ARN = "arn:aws:rds:ap-southeast-2:123456789012:db:main"
TAGS = {"Backup": "daily", "Owner": "platform"}


def database(arn: Any = ARN, **properties: Any) -> Given:
    return Given(INSTANCE, "db", {"arn": arn, "tagsAll": TAGS, **properties})


def selection(**properties: Any) -> Given:
    return Given(SELECTION, "s", properties)


def tag(key: str, value: str) -> list[dict[str, str]]:
    return [{"type": "STRINGEQUALS", "key": key, "value": value}]


def condition(operator: str, key: str, value: str) -> list[dict[str, Any]]:
    return [{operator: [{"key": f"aws:ResourceTag/{key}", "value": value}]}]


@pytest.mark.parametrize(
    "properties",
    [
        {"resources": [ARN]},
        {"resources": ["arn:x", "arn:aws:rds:*:*:db:*"]},
        {"resources": ["*"]},
        {},
        {"selectionTags": [*tag("Backup", "hourly"), *tag("Backup", "daily")]},
        {"selectionTags": tag("Backup", "daily"), "resources": ["arn:x"]},
        {"conditions": condition("stringEquals", "Backup", "daily")},
        {
            "selectionTags": tag("Backup", "weekly"),
            "conditions": condition("stringEquals", "Backup", "daily"),
        },
        {"conditions": condition("stringLikes", "Backup", "dai*")},
        {"conditions": condition("stringNotEquals", "Backup", "never")},
        {"conditions": condition("stringNotEquals", "Other", "x")},
        {"conditions": condition("stringNotLikes", "Backup", "never*")},
        {"resources": ["*"], "conditions": condition("stringEquals", "Owner", "platform")},
        {"resources": [ARN], "notResources": ["arn:aws:rds:*:*:db:other"]},
    ],
)
def test_databases_that_are_selected(properties: dict[str, Any]) -> None:
    stack_passes(database_backed_up, database(), selection(**properties))


@pytest.mark.parametrize(
    "properties",
    [
        {"resources": ["arn:aws:rds:*:*:cluster:*"]},
        {"resources": [ARN], "notResources": [ARN]},
        {"selectionTags": tag("Backup", "daily"), "notResources": ["arn:aws:rds:*"]},
        {"selectionTags": tag("Backup", "weekly")},
        {"selectionTags": tag("Missing", "daily")},
        {"selectionTags": tag("Backup", "weekly"), "resources": ["arn:x"]},
        {"conditions": condition("stringEquals", "Backup", "dai*")},
        {"conditions": condition("stringLikes", "Backup", "week*")},
        {"conditions": condition("stringLikes", "Missing", "*")},
        {"conditions": condition("stringNotEquals", "Backup", "daily")},
        {"conditions": condition("stringNotLikes", "Backup", "dai*")},
        {
            "conditions": [
                *condition("stringEquals", "Backup", "daily"),
                *condition("stringEquals", "Owner", "x"),
            ]
        },
        {"resources": ["arn:x"], "conditions": condition("stringEquals", "Backup", "daily")},
    ],
)
def test_databases_that_are_not(properties: dict[str, Any]) -> None:
    given = [database(), selection(**properties)]
    said = "backup selection is missing"
    stack_fails(database_backed_up, given, ["db"], said, spared_in_staging=True)


def test_no_selection_at_all() -> None:
    stack_fails(database_backed_up, [database()], ["db"], spared_in_staging=True)
    cluster = Given(CLUSTER, "c", {"arn": ARN.replace(":db:", ":cluster:")})
    stack_fails(database_backed_up, [cluster], ["c"], spared_in_staging=True)
    stack_passes(database_backed_up, cluster, selection(resources=["arn:aws:rds:*:*:cluster:*"]))
    stack_passes(database_backed_up, database(replicateSourceDb="main"))
    given = [database(tagsAll=None), selection(selectionTags=tag("Backup", "daily"))]
    stack_fails(database_backed_up, given, ["db"], spared_in_staging=True)


def test_selections_of_a_preview() -> None:
    planned = database(UNKNOWN)
    listing = Given(SELECTION, "s", {"resources": UNKNOWN}, {"resources": planned})
    stack_passes(database_backed_up, planned, listing)
    stack_passes(database_backed_up, planned, selection(resources=["arn:aws:rds:*:*:db:*"]))
    stack_passes(database_backed_up, planned, selection(resources=["*"]))
    some = selection(resources=["arn:aws:rds:ap-southeast-2:*:db:*"])
    stack_waits(database_backed_up, planned, some, said="arn")
    given = [planned, selection(resources=["arn:aws:rds:ap-southeast-2:1:db:x"])]
    stack_fails(database_backed_up, given, ["db"], spared_in_staging=True)
    tagged = database(tagsAll=UNKNOWN, tags=TAGS)
    stack_passes(database_backed_up, tagged, selection(selectionTags=tag("Backup", "daily")))
    untold = database(tagsAll=UNKNOWN, tags=UNKNOWN)
    stack_waits(database_backed_up, untold, selection(selectionTags=tag("Backup", "daily")))


def plan(*rules: Any, **properties: Any) -> Given:
    region = "arn:aws:backup:ap-southeast-2:1:backup-plan:p-1"
    return Given(PLAN, "plan", {"id": "p-1", "arn": region, "rules": list(rules), **properties})


NIGHTLY = {"schedule": "cron(0 4 * * ? *)"}


def test_plans_run() -> None:
    selecting = selection(planId="p-1")
    stack_passes(backup_plan_runs, plan(NIGHTLY), selecting)
    stack_passes(backup_plan_runs, plan(rules=None), selecting)
    stack_fails(backup_plan_runs, [plan(NIGHTLY)], ["plan"], "selection is missing")
    stack_fails(backup_plan_runs, [plan(NIGHTLY), selection(planId="p-2")], ["plan"])
    bad = plan(NIGHTLY, {"schedule": ""})
    stack_fails(backup_plan_runs, [bad, selecting], ["plan"], "rules[1].schedule is not set")
    stack_waits(backup_plan_runs, plan({"schedule": UNKNOWN}), selecting, said="schedule")
    stack_waits(backup_plan_runs, plan(NIGHTLY), selection(planId=UNKNOWN), said="planId")
    outcome = check_stack(backup_plan_runs, [plan(NIGHTLY, rules=UNKNOWN)])
    assert outcome.failed == ["plan"]
    assert outcome.advisory


def kept(days: Any, cold: Any = None, copy: Any = 30) -> dict[str, Any]:
    rule = {"lifecycle": {"deleteAfter": days, "coldStorageAfter": cold}}
    return {"rules": [{**rule, "copyActions": [{"lifecycle": {"deleteAfter": copy}}]}]}


def test_backups_are_kept() -> None:
    rule = backup_retention
    passes(rule, PLAN, kept(30.0))
    passes(rule, PLAN, kept(120, cold=30))
    passes(rule, PLAN, kept(90, copy=365))
    passes(rule, PLAN, {"rules": [{"lifecycle": {"deleteAfter": 30}}]})
    passes(rule, PLAN, kept(7, copy=7), config={"minimumDays": 7.0})
    path = "rules[0].lifecycle.deleteAfter"
    for days, said in ((29, "29, wanted is 30"), (None, "not set, which means for ever")):
        fails(rule, PLAN, kept(days), f"{path} is {said}", spared_in_staging=True)
        copied = f"rules[0].copyActions[0].lifecycle.deleteAfter is {said}"
        fails(rule, PLAN, kept(30, copy=days), copied, spared_in_staging=True)
    cold = "is 119, wanted is 120 or more"
    fails(rule, PLAN, kept(119, cold=30), cold, spared_in_staging=True)
    fails(rule, PLAN, {"rules": [{}]}, f"{path} is not set", spared_in_staging=True)
    bare = {"rules": [{"lifecycle": {"deleteAfter": 30}, "copyActions": [{}]}]}
    fails(rule, PLAN, bare, "copyActions[0]", spared_in_staging=True)
    waits(rule, PLAN, kept(UNKNOWN), "deleteAfter")
    waits(rule, PLAN, {"rules": [{"lifecycle": UNKNOWN}]})
    waits(rule, PLAN, {"rules": UNKNOWN})
    outcome = check(rule, PLAN, {"rules": [UNKNOWN, kept(7)["rules"][0]]})
    assert outcome.failed == ["it"]
    assert "rules[1]" in outcome.messages
    outcome = check(rule, PLAN, {"rules": [{"lifecycle": UNKNOWN, "copyActions": [UNKNOWN, {}]}]})
    assert outcome.failed == ["it"]
    assert outcome.advisory.count("\n") == 2


def copying(*regions: Any) -> dict[str, Any]:
    return {
        "copyActions": [
            {"destinationVaultArn": f"arn:aws:backup:{region}:1:backup-vault:v"}
            for region in regions
        ]
    }


def test_copies_leave_the_region() -> None:
    rule = backup_other_region
    stack_passes(rule, plan({}, copying("ap-southeast-2", "ap-southeast-4")))
    for given in (plan(), plan({}), plan(copying("ap-southeast-2")), plan(rules=None)):
        said = "rules.copyActions is none"
        stack_fails(rule, [given], ["plan"], said, spared_in_staging=True)
    unknown = {"copyActions": [{"destinationVaultArn": UNKNOWN}]}
    stack_waits(rule, plan(unknown), said="destinationVaultArn")
    stack_waits(rule, plan({}, UNKNOWN))
    stack_passes(rule, plan(unknown, copying("us-east-1")))
    stack_waits(rule, plan(copying("us-east-1"), arn=UNKNOWN))


def vault_and(*others: Given, name: Any = "v") -> list[Given]:
    return [Given(VAULT, "vault", {"id": name, "name": name}), *others]


def lock(**properties: Any) -> Given:
    return Given(LOCK, "lock", {"backupVaultName": "v", "minRetentionDays": 30, **properties})


def test_vaults_are_locked() -> None:
    rule = backup_vault_locked
    stack_passes(rule, *vault_and(lock()))
    stack_fails(rule, vault_and(), ["vault"], "lock is missing", spared_in_staging=True)
    other = vault_and(lock(backupVaultName="w"))
    stack_fails(rule, other, ["vault"], spared_in_staging=True)
    given = vault_and(lock(minRetentionDays=None))
    stack_fails(
        rule, given, ["lock"], "minRetentionDays is not set", spared_in_staging=True, exempt="vault"
    )
    planned = vault_and(name=UNKNOWN)
    held = Given(
        LOCK,
        "lock",
        {"backupVaultName": UNKNOWN, "minRetentionDays": 30},
        {"backupVaultName": planned[0]},
    )
    stack_passes(rule, *planned, held)
    stack_waits(rule, *vault_and(lock(minRetentionDays=UNKNOWN)), said="minRetentionDays")
    stack_waits(rule, *vault_and(lock(changeableForDays=UNKNOWN)), said="changeableForDays")
    stack_waits(rule, *vault_and(lock(backupVaultName=UNKNOWN)), said="'vault'")


def test_locks_that_nobody_can_open_are_asked_for() -> None:
    rule = backup_vault_locked
    compliance = {"complianceMode": True}
    given = vault_and(lock(changeableForDays=3))
    said = "changeableForDays is 3, for ever after"
    stack_fails(rule, given, ["lock"], said, spared_in_staging=True, exempt="vault")
    stack_passes(rule, *given, config=compliance)
    hasty = check_stack(rule, vault_and(lock(changeableForDays=2)), config=compliance)
    assert hasty.failed == ["lock"]
    assert "wanted is 3 or more" in hasty.messages


def into_rule(days: Any, vault: Any = "v") -> dict[str, Any]:
    return {"targetVaultName": vault, "lifecycle": {"deleteAfter": days}}


def into(vault: Any, days: Any) -> Given:
    return plan(into_rule(days, vault))


def test_plans_keep_what_the_lock_keeps() -> None:
    rule = backup_vault_locked
    bounded = lock(maxRetentionDays=60)
    for days in (30, 45, 60):
        stack_passes(rule, *vault_and(bounded, into("v", days)))
    stack_passes(rule, *vault_and(lock(), into("v", 5000)))
    stack_passes(rule, *vault_and(bounded, into("w", 7)))
    stack_passes(rule, *vault_and(lock(), plan({"targetVaultName": "v"})))
    for days in (29, 61):
        given = vault_and(bounded, into("v", days))
        said = f"deleteAfter is {days}, which the lock of vault refuses, wanted is 30 to 60"
        stack_fails(rule, given, ["plan"], said, spared_in_staging=True, exempt="vault")
    given = vault_and(lock(), into("v", 29))
    stack_fails(rule, given, ["plan"], "30 to inf", spared_in_staging=True, exempt="vault")
    for_ever = vault_and(bounded, plan({"targetVaultName": "v"}))
    stack_fails(rule, for_ever, ["plan"], "is inf", spared_in_staging=True, exempt="vault")
    stack_waits(rule, *vault_and(bounded, into("v", UNKNOWN)), said="deleteAfter")
    unknown_first = vault_and(bounded, plan({"targetVaultName": UNKNOWN}, into_rule(7)))
    assert check_stack(rule, unknown_first).failed == ["plan"]


def test_copies_are_kept_as_long_as_the_lock_of_their_vault() -> None:
    rule, here = backup_vault_locked, "arn:aws:backup:ap-southeast-4:1:backup-vault:v"
    vault = Given(VAULT, "vault", {"arn": here, "name": "v"})

    def copied(days: Any, to: Any = here) -> Given:
        copies = [{"destinationVaultArn": to, "lifecycle": {"deleteAfter": days}}]
        return plan({"targetVaultName": "w"}, {"targetVaultName": "w", "copyActions": copies})

    stack_passes(rule, vault, lock(), copied(30))
    stack_passes(rule, vault, lock(), copied(29, to="arn:elsewhere"))
    said = "rules[1].copyActions[0].lifecycle.deleteAfter is 29"
    given = [vault, lock(), copied(29)]
    stack_fails(rule, given, ["plan"], said, spared_in_staging=True, exempt="vault")
    bare = plan({"copyActions": [{"destinationVaultArn": here}]})
    stack_passes(rule, vault, lock(), bare)
    given = [vault, lock(maxRetentionDays=60), bare]
    stack_fails(rule, given, ["plan"], "is inf", spared_in_staging=True, exempt="vault")
    stack_waits(rule, vault, lock(), copied(UNKNOWN), said="deleteAfter")
    stack_waits(rule, vault, lock(), copied(30, to=UNKNOWN), said="destinationVaultArn")


def told(**properties: Any) -> Given:
    return Given(EVENTS, "e", properties)


@pytest.mark.parametrize(
    "properties",
    [
        {},
        {"enabled": True, "sourceType": "db-instance", "sourceIds": []},
        {"sourceIds": ["other", "main"]},
        {"sourceIds": UNKNOWN},  # nobody gave any: all of them
    ],
)
def test_events_of_databases_are_told(properties: dict[str, Any]) -> None:
    held = Given(INSTANCE, "db", {"identifier": "main"})
    stack_passes(database_events_subscribed, held, told(**properties))


@pytest.mark.parametrize(
    "properties", [{"enabled": False}, {"sourceType": "db-snapshot"}, {"sourceIds": ["other"]}]
)
def test_events_that_nobody_hears_of(properties: dict[str, Any]) -> None:
    rule, held = database_events_subscribed, Given(INSTANCE, "db", {"identifier": "main"})
    given = [held, told(**properties)]
    stack_fails(rule, given, ["db"], "event subscription is missing", spared_in_staging=True)
    stack_fails(rule, [held], ["db"], spared_in_staging=True)


def test_events_of_a_preview() -> None:
    planned = Given(INSTANCE, "db", {"identifier": UNKNOWN})
    listed = Given(EVENTS, "e", {"sourceIds": UNKNOWN}, {"sourceIds": planned})
    stack_passes(database_events_subscribed, planned, listed)
    stack_waits(database_events_subscribed, planned, told(sourceIds=["x"]), said="identifier")
