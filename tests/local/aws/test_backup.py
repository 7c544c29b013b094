"""AWS Backup in the stand-in: what changes in place, what is replaced, what AWS refuses."""

import pytest

from local.providers.aws import schedules
from local.providers.aws.api import Api, ApiError
from local.providers.aws.rows import Call
from local.providers.aws.state_only import said
from local.providers.aws.values import UNKNOWN, Properties
from tests.local.aws.build import ROLE, MakeOperations, Stack, document, in_region, trust
from tests.local.aws.build_backup import (
    COPY_VAULT_ARN,
    DATABASE_ARN,
    LOCK,
    NOTIFICATIONS,
    PLAN,
    REGION_SETTINGS,
    REPLICATION,
    SELECTION,
    TESTING_PLAN,
    TESTING_SELECTION,
    VAULT,
    VAULT_POLICY,
    build_backup,
    rule,
)

ROLE_ARN = "arn:aws:iam::123456789012:role/backup"
TESTED = {
    "name": "databases",
    "restoreTestingPlanName": "monthly",
    "iamRoleArn": ROLE_ARN,
    "protectedResourceType": "RDS",
    "protectedResourceArns": ["*"],
}
TESTING = {
    "name": "monthly",
    "scheduleExpression": "cron(0 6 ? * SUN *)",
    "recoveryPointSelection": {
        "algorithm": "LATEST_WITHIN_WINDOW",
        "includeVaults": ["*"],
        "recoveryPointTypes": ["SNAPSHOT"],
    },
}


def position(stack: Stack, token: str) -> int:
    return next(i for i, (ops, _, _) in enumerate(stack.created) if ops.token == token)


def test_a_plan_a_policy_and_a_restore_test_are_changed_in_place(stack: Stack) -> None:
    build_backup(stack, "updates")
    plan = position(stack, PLAN)
    before = stack.created[plan][0].read(stack.created[plan][1], stack.created[plan][2]) or {}
    rules = [rule("backups-updates", lifecycle={"deleteAfter": 30}), rule("backups-updates", "new")]
    after = stack.update(plan, rules=rules)
    assert after["rules"] == rules
    assert after["arn"] == before["arn"]
    assert after["version"] != before["version"]
    advanced = [{"resourceType": "EC2", "backupOptions": {"WindowsVSS": "disabled"}}]
    changed = stack.update(plan, advancedBackupSettings=advanced)
    assert changed["advancedBackupSettings"] == advanced

    policy = document(
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "backup:CopyFromBackupVault",
            "Resource": "*",
        }
    )
    assert stack.update(position(stack, VAULT_POLICY), policy=policy)["policy"] == policy

    testing = stack.update(
        position(stack, TESTING_PLAN), scheduleExpression="cron(0 8 1 * ? *)", startWindowHours=9
    )
    assert (testing["scheduleExpression"], testing["startWindowHours"]) == ("cron(0 8 1 * ? *)", 9)
    tested = stack.update(position(stack, TESTING_SELECTION), validationWindowHours=9)
    assert tested["validationWindowHours"] == 9
    wanted = {"RDS": True, "S3": True, "EC2": True}
    settings = stack.update(position(stack, REGION_SETTINGS), resourceTypeOptInPreference=wanted)
    assert settings["resourceTypeOptInPreference"] == wanted


@pytest.mark.parametrize(
    ("token", "olds", "name"),
    [
        (VAULT, {"name": "a"}, "name"),
        (VAULT, {"name": "a"}, "kmsKeyArn"),
        *(
            (LOCK, {"backupVaultName": "a", "minRetentionDays": 7}, name)
            for name in ("minRetentionDays", "maxRetentionDays", "changeableForDays")
        ),
        *(
            (NOTIFICATIONS, {"backupVaultName": "a"}, name)
            for name in ("backupVaultEvents", "snsTopicArn", "backupVaultName")
        ),
        (VAULT_POLICY, {"backupVaultName": "a"}, "backupVaultName"),
        (PLAN, {"name": "a"}, "name"),
        *(
            (SELECTION, {"name": "a", "planId": "p"}, name)
            for name in ("name", "planId", "iamRoleArn", "resources", "selectionTags")
        ),
        (TESTING_PLAN, {"name": "a"}, "name"),
        *(
            (TESTING_SELECTION, {"name": "a"}, name)
            for name in ("name", "protectedResourceType", "restoreTestingPlanName")
        ),
        *(
            (REPLICATION, {"sourceDbInstanceArn": "a"}, name)
            for name in ("sourceDbInstanceArn", "kmsKeyId", "retentionPeriod")
        ),
    ],
)
def test_what_aws_cannot_update_is_a_replacement(
    operations: MakeOperations, token: str, olds: Properties, name: str
) -> None:
    assert operations(token).diff(olds, {**olds, name: "new"}).replaces == (name,)


@pytest.mark.parametrize(
    ("token", "properties", "where", "reason"),
    [
        (VAULT, {"name": "with space"}, "name", "does not match"),
        (VAULT, {"name": "x" * 51}, "name", "does not match"),
        (
            LOCK,
            {"backupVaultName": "vault", "minRetentionDays": 31, "maxRetentionDays": 30},
            "minRetentionDays",
            "cannot be greater than MaxRetentionDays",
        ),
        (
            LOCK,
            {"backupVaultName": "vault", "minRetentionDays": 0},
            "minRetentionDays",
            "at least 1",
        ),
        (
            LOCK,
            {"backupVaultName": "vault", "maxRetentionDays": 36501},
            "maxRetentionDays",
            "1 to 36500 days",
        ),
        (
            LOCK,
            {"backupVaultName": "vault", "changeableForDays": 2},
            "changeableForDays",
            "3 to 36500 days",
        ),
        (
            NOTIFICATIONS,
            {"backupVaultName": "vault", "backupVaultEvents": ["BACKUP_JOB_FAILED"]},
            "backupVaultEvents",
            "Please select from the following list",
        ),
        (VAULT_POLICY, {"backupVaultName": "vault", "policy": "Deny"}, "policy", "no JSON"),
        (PLAN, {"name": "with space", "rules": [rule("vault")]}, "name", "1 to 50"),
        *(
            (PLAN, {"rules": [rule("vault", **changes)]}, f"rules.0.{where}", reason)
            for changes, where, reason in (
                (
                    {"lifecycle": {"coldStorageAfter": 30, "deleteAfter": 119}},
                    "lifecycle.deleteAfter",
                    "cannot be less than 90 days apart",
                ),
                ({"lifecycle": {"deleteAfter": 0}}, "lifecycle.deleteAfter", "less than 1"),
                (
                    {
                        "copyActions": [
                            {
                                "destinationVaultArn": COPY_VAULT_ARN,
                                "lifecycle": {"coldStorageAfter": 30, "deleteAfter": 60},
                            }
                        ]
                    },
                    "copyActions.0.lifecycle.deleteAfter",
                    "cannot be less than 90 days apart",
                ),
                (
                    {"enableContinuousBackup": True, "lifecycle": {"deleteAfter": 36}},
                    "lifecycle",
                    "kept 1 to 35 days",
                ),
                ({"enableContinuousBackup": True, "lifecycle": None}, "lifecycle", "1 to 35 days"),
                ({"startWindow": 59}, "startWindow", "at least 60 minutes"),
                ({"startWindow": 240}, "completionWindow", "more than the start window"),
                ({"schedule": "cron(0 4 * * ?)"}, "schedule", "six fields"),
                ({"schedule": "cron(0 4 * * * *)"}, "schedule", "is '?'"),
                ({"schedule": "rate(1 day)"}, "schedule", "it is cron(...)"),
                (
                    {"scheduleExpressionTimezone": "Australia/Canberra City"},
                    "scheduleExpressionTimezone",
                    "time zone database",
                ),
                ({"ruleName": "with space"}, "ruleName", "1 to 50"),
            )
        ),
        (SELECTION, {"planId": "p", "iamRoleArn": ROLE_ARN, "name": "a b"}, "name", "1 to 50"),
        (SELECTION, {"planId": "p", "iamRoleArn": "backup"}, "iamRoleArn", "not a 'AWS::IAM"),
        (
            SELECTION,
            {
                "planId": "p",
                "iamRoleArn": ROLE_ARN,
                "selectionTags": [{"type": "STRINGLIKE", "key": "k", "value": "v"}],
            },
            "selectionTags.0.type",
            "STRINGEQUALS",
        ),
        (TESTING_PLAN, {**TESTING, "name": "with-hyphen"}, "name", "only alphanumeric"),
        (
            TESTING_PLAN,
            {**TESTING, "scheduleExpression": "cron(0 6 * * SUN)"},
            "scheduleExpression",
            "six fields",
        ),
        (
            TESTING_PLAN,
            {**TESTING, "scheduleExpressionTimezone": "Sydney"},
            "scheduleExpressionTimezone",
            "time zone database",
        ),
        (TESTING_PLAN, {**TESTING, "startWindowHours": 169}, "startWindowHours", "1 and 168"),
        (
            TESTING_PLAN,
            {
                **TESTING,
                "recoveryPointSelection": {
                    "algorithm": "LATEST",
                    "includeVaults": ["*"],
                    "recoveryPointTypes": ["SNAPSHOT"],
                },
            },
            "recoveryPointSelection.Algorithm",
            "'LATEST' is not one of",
        ),
        (
            TESTING_SELECTION,
            {**TESTED, "protectedResourceType": "Redis"},
            "protectedResourceType",
            "is not one of Aurora",
        ),
        (
            TESTING_SELECTION,
            {**TESTED, "protectedResourceArns": ["*", DATABASE_ARN]},
            "protectedResourceArns",
            "but not both",
        ),
        (
            TESTING_SELECTION,
            {
                **TESTED,
                "protectedResourceArns": [DATABASE_ARN],
                "protectedResourceConditions": {"stringEquals": [{"key": "k", "value": "v"}]},
            },
            "protectedResourceConditions",
            "need the wildcard",
        ),
        (
            TESTING_SELECTION,
            {**TESTED, "validationWindowHours": 169},
            "validationWindowHours",
            "0 and 168",
        ),
        (
            REPLICATION,
            {"sourceDbInstanceArn": "arn:aws:rds:ap-southeast-2:123456789012:db:main"},
            "sourceDbInstanceArn",
            "to another region",
        ),
        (
            REPLICATION,
            {
                "sourceDbInstanceArn": DATABASE_ARN,
                "kmsKeyId": "arn:aws:kms:us-west-2:123456789012:key/k",
            },
            "kmsKeyId",
            "with a key of ap-southeast-2",
        ),
        (
            REPLICATION,
            {"sourceDbInstanceArn": DATABASE_ARN, "retentionPeriod": 36},
            "retentionPeriod",
            "1 to 35 days",
        ),
    ],
)
def test_preview_refuses_with_awss_reason(
    operations: MakeOperations, token: str, properties: Properties, where: str, reason: str
) -> None:
    subject = operations(token)
    refusals = list(subject.refusals(subject.check("name", {}, properties, b"seed")))
    assert any(place == where and reason in text for place, text in refusals), refusals
    assert {place.split(".")[0] for place, _ in refusals} == {where.split(".")[0]}
    assert all(len(text) < 300 for _, text in refusals)


def test_what_is_unknown_in_a_plan_is_not_refused(operations: MakeOperations) -> None:
    plan = operations(PLAN)
    for rules in (
        UNKNOWN,
        [UNKNOWN],
        [rule("vault", targetVaultName=UNKNOWN, lifecycle=UNKNOWN, enableContinuousBackup=True)],
        [rule("vault", startWindow=UNKNOWN, lifecycle={"deleteAfter": UNKNOWN})],
    ):
        assert list(plan.refusals(plan.check("p", {}, {"rules": rules}, b"seed"))) == []


def test_a_name_that_pulumi_makes_is_none_for_a_restore_test(operations: MakeOperations) -> None:
    plan = operations(TESTING_PLAN)
    given = {key: value for key, value in TESTING.items() if key != "name"}
    ((where, reason),) = plan.refusals(plan.check("monthly", {}, given, b"seed"))
    assert (where, "has a hyphen" in reason) == ("name", True)


def test_a_plan_for_a_vault_that_is_not_there_is_not_created(stack: Stack) -> None:
    with pytest.raises(ApiError, match=r"vault nowhere of rule daily does not exist in ap-south"):
        stack.create(PLAN, "p", rules=[rule("nowhere")])
    with pytest.raises(ApiError, match="vault nowhere of backupVaultName does not exist"):
        stack.create(VAULT_POLICY, "p", backupVaultName="nowhere", policy=document())


def test_a_role_that_backup_may_not_assume_is_refused(stack: Stack) -> None:
    _, other = stack.create(ROLE, "other", assumeRolePolicy=trust("lambda.amazonaws.com"))
    for arn in (other["arn"], "arn:aws:iam::123456789012:role/missing"):
        with pytest.raises(ApiError, match="cannot be assumed by AWS Backup"):
            stack.create(SELECTION, "s", planId="p", iamRoleArn=arn, resources=["*"])
        with pytest.raises(ApiError, match="cannot be assumed by AWS Backup"):
            stack.create(TESTING_SELECTION, "s", **{**TESTED, "iamRoleArn": arn})


def test_a_rule_taken_out_behind_the_stack_is_drift(stack: Stack, api: Api) -> None:
    build_backup(stack, "drift")
    operations, plan, inputs = stack.created[position(stack, PLAN)]
    document_now = api.call("backup", Call("get_backup_plan"), {}, {"BackupPlanId": plan})
    fewer = {
        "BackupPlanName": "backups-drift",
        "Rules": [
            {key: one[key] for key in one if key != "RuleId"}
            for one in document_now["BackupPlan"]["Rules"][:1]
        ],
    }
    params = {"BackupPlanId": plan, "BackupPlan": fewer}
    api.call("backup", Call("update_backup_plan"), {}, params)
    now = operations.inputs_now(inputs, operations.read(plan, inputs) or {})
    assert operations.diff(inputs, now).changed == ("advancedBackupSettings", "rules")


def test_a_lock_taken_away_behind_the_stack_is_gone_and_a_weaker_one_is_drift(
    stack: Stack, api: Api
) -> None:
    build_backup(stack, "lock")
    operations, vault, inputs = stack.created[position(stack, LOCK)]
    weaker = {"BackupVaultName": vault, "MinRetentionDays": 1, "MaxRetentionDays": 400}
    api.call("backup", Call("put_backup_vault_lock_configuration"), {}, weaker)
    now = operations.inputs_now(inputs, operations.read(vault, inputs) or {})
    assert operations.diff(inputs, now).changed == ("minRetentionDays",)
    name = {"BackupVaultName": vault}
    api.call("backup", Call("delete_backup_vault_lock_configuration"), {}, name)
    assert operations.read(vault, inputs) is None


def test_the_name_of_a_deleted_plan_is_free_again(stack: Stack) -> None:
    stack.create(VAULT, "v", name="reused")
    first, _ = stack.create(PLAN, "p", name="reused", rules=[rule("reused")])
    operations, _, inputs = stack.created[1]
    operations.delete(first, inputs)
    second, _ = stack.create(PLAN, "again", name="reused", rules=[rule("reused")])
    assert second != first


def test_windows_that_a_rule_does_not_give_are_pulumis_and_no_change(
    stack: Stack, api: Api
) -> None:
    stack.create(VAULT, "v", name="defaults")
    short = {"ruleName": "daily", "targetVaultName": "defaults"}
    plan, outputs = stack.create(PLAN, "p", rules=[short])
    assert outputs["rules"] == [short]
    answer = api.call("backup", Call("get_backup_plan"), {}, {"BackupPlanId": plan})
    (sent,) = answer["BackupPlan"]["Rules"]
    assert (sent["StartWindowMinutes"], sent["CompletionWindowMinutes"]) == (60, 180)


def test_a_vault_and_its_lock_are_made_in_the_region_of_the_resource(
    operations: MakeOperations,
) -> None:
    vault = in_region(operations(VAULT), "ap-southeast-4")
    inputs = vault.check("v", {}, {"name": "elsewhere", "region": "ap-southeast-4"}, b"seed")
    assert list(vault.refusals(inputs)) == []
    _, outputs = vault.create("urn:elsewhere", inputs)
    assert outputs["arn"] == "arn:aws:backup:ap-southeast-4:123456789012:backup-vault:elsewhere"
    assert outputs["region"] == "ap-southeast-4"
    lock = in_region(operations(LOCK), "ap-southeast-4")
    given = {"backupVaultName": "elsewhere", "minRetentionDays": 7, "region": "ap-southeast-4"}
    _, locked = lock.create("urn:lock", given)
    assert locked["backupVaultArn"] == outputs["arn"]
    assert vault.read("elsewhere", inputs) is not None
    assert operations(VAULT).read("elsewhere", inputs) is None
    assert vault.diff(inputs, inputs, "ap-southeast-4").changed == ()


def test_a_replication_belongs_to_the_region_that_it_goes_to(operations: MakeOperations) -> None:
    replication = in_region(operations(REPLICATION), "ap-southeast-1")
    source = "arn:aws:rds:ap-southeast-2:123456789012:db:main"
    key = "arn:aws:kms:ap-southeast-1:123456789012:key/k"
    given = {"sourceDbInstanceArn": source, "kmsKeyId": key, "region": "ap-southeast-1"}
    inputs = replication.check("r", {}, given, b"seed")
    assert inputs["retentionPeriod"] == 7
    assert list(replication.refusals(inputs)) == []
    first, outputs = replication.create("urn:replication", inputs)
    assert first.startswith("arn:aws:rds:ap-southeast-1:123456789012:auto-backup:ab-")
    assert outputs["sourceDbInstanceArn"] == source


def test_what_moto_lacks_of_backup_is_said() -> None:
    for token in (SELECTION, TESTING_PLAN, TESTING_SELECTION, NOTIFICATIONS, VAULT_POLICY):
        assert "moto has no" in str(said(token, {}))
    assert said(PLAN, {"rules": []}) is None
    assert said(VAULT, {"name": "v"}) is None


@pytest.mark.parametrize(
    "expression",
    [
        "cron(0 2 * * ? *)",
        "cron(0/15 8-17 ? * MON-FRI 2027)",
        "cron(0 4 L * ? *)",
        "cron(0 4 15W * ? *)",
        "cron(0 4 ? JAN,JUL 2#1 *)",
        "cron(0 4 ? * 6L *)",
        "rate(1 minute)",
        "rate(5 minutes)",
        "rate(12 hours)",
        "at(2027-01-31T02:00:00)",
    ],
)
def test_a_schedule_that_aws_takes_has_no_problem(expression: str) -> None:
    assert schedules.problem(expression, ("cron", "rate", "at")) is None


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("cron(0 2 * * ?)", "six fields"),
        ("cron(0 2 ? * ? *)", "exactly one of"),
        ("cron(60 2 * * ? *)", "'60' is no value of minutes"),
        ("cron(0 24 * * ? *)", "'24' is no value of hours"),
        ("cron(0 2 * 13 ? *)", "'13' is no value of month"),
        ("cron(0 2 ? * 0 *)", "'0' is no value of day-of-week"),
        ("cron(0 2 * * ? 2300)", "'2300' is no value of year"),
        ("cron(0/0 2 * * ? *)", "'0/0' is no value of minutes"),
        ("rate(1 minutes)", "minute, hour, day"),
        ("rate(5 minute)", "minutes, hours, days"),
        ("rate(0 days)", "a number and a unit"),
        ("at(2027-02-30T02:00:00)", "a time such as"),
        ("0 2 * * *", "it is cron(...) or rate(...) or at(...)"),
    ],
)
def test_a_schedule_that_aws_refuses_has_a_problem_named(expression: str, reason: str) -> None:
    assert reason in str(schedules.problem(expression, ("cron", "rate", "at")))
