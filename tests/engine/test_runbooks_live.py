"""Each runbook on a stack of the local cloud, and what the next `pulumi up` makes of it."""

import json
import os
import shlex
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.engine.conftest import LocalCloud, MakeCloud
from tests.engine.test_services_live import (
    DOMAIN,
    changes,
    container_of,
    rules_of,
    scale,
    service_of,
    shift,
    up,
    weights_of,
)
from tests.health import running_health
from tests.operations.stack import push_image

STACK: Final = "staging"
DATABASE: Final = "aussie-markets-db-staging"
AUDIT_GROUP: Final = "/aussie-markets/staging/audit"
RELEASE: Final = "/aussie-markets/staging/release/api-image"
MAINTENANCE: Final = "/aussie-markets/staging/maintenance-mode"
JWT: Final = "/aussie-markets/staging/jwt-secret"
REFRESH_TOKEN: Final = "/aussie-markets/staging/refresh-token-secret"
STRIPE: Final = "/aussie-markets/staging/stripe-secret-key"

# Blue/green, so that there are weights that ECS shifts.
SERVICES: Final = {"api": {"deployment": {"strategy": "blue_green"}}}


@dataclass(frozen=True)
class Operator:
    """Somebody whom the audit log can tell from the functions, which write there too."""

    arn: str
    environment: str


@dataclass(frozen=True)
class Ran:
    """How a runbook ended: its progress, its result, and what the audit log has of it."""

    code: int
    said: str
    result: Any
    audited: list[dict[str, Any]]

    @property
    def commands(self) -> list[str]:
        """Those that have ended."""
        return [line["command"] for line in self.audited if line["outcome"] != "begun"]


@pytest.fixture(scope="module")
def empty(make_cloud: MakeCloud) -> LocalCloud:
    """A cloud with running emulators and nothing in them."""
    cloud = make_cloud()
    cloud.configure(STACK, domain=DOMAIN, services=SERVICES)
    assert cloud.shell("true").code == 0
    return cloud


@pytest.fixture(scope="module")
def images(empty: LocalCloud) -> dict[str, str]:
    """Two versions of the API in the registry, by tag."""
    return {tag: push_image(empty, tag) for tag in ("v1", "v2")}


@pytest.fixture(scope="module")
def cloud(empty: LocalCloud, images: dict[str, str]) -> LocalCloud:
    """The stack, with the first version released."""
    empty.client("ssm").put_parameter(Name=RELEASE, Value=images["v1"], Type="String")
    answer = up(empty, STACK)
    assert answer.code == 0, answer.text
    # A task that nobody enters has ended when it is looked at for the first time.
    transition = {"model_name": "ecs::task", "transition": {"progression": "immediate"}}
    request = urllib.request.Request(
        f"http://127.0.0.1:{empty.port}/moto-api/state-manager/set-transition",
        data=json.dumps(transition).encode(),
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 - loopback
    return empty


@pytest.fixture(scope="module")
def operator(cloud: LocalCloud) -> Operator:
    iam = cloud.client("iam")
    arn = iam.create_user(UserName="operator")["User"]["Arn"]
    key = iam.create_access_key(UserName="operator")["AccessKey"]
    names = {"AWS_ACCESS_KEY_ID": "AccessKeyId", "AWS_SECRET_ACCESS_KEY": "SecretAccessKey"}
    return Operator(arn, " ".join(f"{name}={key[of]}" for name, of in names.items()))


@pytest.fixture(scope="module")
def health() -> Iterator[str]:
    """The URL of an API that is healthy."""
    with running_health() as made:
        yield made.url


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """The folder of a session plugin that writes down what it was called with."""
    command = tmp_path / "session-manager-plugin"
    command.write_text(
        f'#!/bin/sh\necho "$AWS_SSM_START_SESSION_RESPONSE" > {tmp_path}/session\n'
        f'echo "$*" > {tmp_path}/arguments\n'
    )
    command.chmod(0o755)
    return tmp_path


def run(
    cloud: LocalCloud,
    operator: Operator,
    command: str,
    *,
    given: str = "",
    first: str = "true",
    path: str = "",
) -> Ran:
    """Run a command of the operator in the local cloud's shell.

    `given` goes to its standard input; `first` is run before it in the same shell. Whatever the
    command does, no secret is in what it says or in the audit log.
    """
    before, secrets = audit_lines(cloud), secret_values(cloud)
    answer = cloud.folders.root / "answer"
    words = [sys.executable, "-m", "operations", "--stack", STACK, "--json", "--yes"]
    line = f"printf %s {shlex.quote(given)} | {operator.environment} PATH={path}$PATH "
    line += f"{shlex.join(words)} {command} > {answer}"
    ended = cloud.shell(f"{first}\n{line}")
    lines = audit_lines(cloud)[len(before) :]
    text = answer.read_text()
    secrets |= secret_values(cloud) | ({given} - {""})
    assert not [one for one in secrets if one in f"{ended.text}{text}{lines}"]
    own = [one for one in lines if one["by"] == operator.arn]
    return Ran(ended.code, ended.text, json.loads(text) if text else None, own)


def succeeds(cloud: LocalCloud, operator: Operator, command: str, **how: str) -> Ran:
    ran = run(cloud, operator, command, **how)
    assert ran.code == 0, ran.said
    assert {line["outcome"] for line in ran.audited} <= {"begun", "done"}
    return ran


def audit_lines(cloud: LocalCloud) -> list[dict[str, Any]]:
    logs = cloud.client("logs")
    streams = logs.describe_log_streams(logGroupName=AUDIT_GROUP)["logStreams"]
    if not streams:
        return []
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=AUDIT_GROUP)
    return [json.loads(event["message"]) for page in pages for event in page["events"]]


def parameter(cloud: LocalCloud, name: str) -> str | None:
    found = cloud.client("ssm").get_parameters(Names=[name], WithDecryption=True)["Parameters"]
    return str(found[0]["Value"]) if found else None


def secret_values(cloud: LocalCloud) -> set[str]:
    pages = cloud.client("ssm").get_paginator("get_parameters_by_path")
    found = pages.paginate(Path="/aussie-markets/staging", Recursive=True, WithDecryption=True)
    return {
        one["Value"]
        for page in found
        for one in page["Parameters"]
        if one["Type"] == "SecureString"
    }


def stack_secret(cloud: LocalCloud, name: str) -> str:
    file = cloud.folders.root / "secret"
    path = f"aussie-markets:secrets.{name}"
    answer = cloud.shell(f"pulumi config get --path {path} > {file}")
    assert answer.code == 0, answer.text
    return file.read_text().strip()


def maintenance_rules(cloud: LocalCloud) -> list[dict[str, Any]]:
    rules = cloud.client("elbv2").describe_rules(ListenerArn=cloud.outputs(STACK)["listener_arn"])
    return [rule for rule in rules["Rules"] if rule["Priority"] == "1"]


def bounds(cloud: LocalCloud) -> tuple[int, int]:
    (target,) = cloud.client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="ecs"
    )["ScalableTargets"]
    return target["MinCapacity"], target["MaxCapacity"]


def override_bounds(cloud: LocalCloud, least: int, most: int) -> None:
    cloud.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId="service/aussie-markets-cluster-staging/aussie-markets-api-staging",
        ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=least,
        MaxCapacity=most,
    )


def blocked(cloud: LocalCloud) -> list[str]:
    return list(cloud.client("wafv2").get_ip_set(**ip_set(cloud))["IPSet"]["Addresses"])


def block(cloud: LocalCloud, address: str) -> None:
    waf = cloud.client("wafv2")
    token = waf.get_ip_set(**ip_set(cloud))["LockToken"]
    waf.update_ip_set(**ip_set(cloud), Addresses=[address], LockToken=token)


def ip_set(cloud: LocalCloud) -> dict[str, str]:
    outputs = cloud.outputs(STACK)
    family = next(name for name in outputs["ip_set_ids"] if "4" in name)
    names, ids = outputs["ip_set_names"], outputs["ip_set_ids"]
    return {"Name": names[family], "Id": ids[family].partition("/")[0], "Scope": "REGIONAL"}


def manual_snapshots(cloud: LocalCloud) -> dict[str, dict[str, Any]]:
    """By name, the oldest first."""
    found = cloud.client("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    ordered = sorted(found, key=lambda one: one["SnapshotCreateTime"])
    return {one["DBSnapshotIdentifier"]: one for one in ordered}


def tags(resource: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in resource["TagList"]}


def database(cloud: LocalCloud, name: str = DATABASE) -> dict[str, Any]:
    found = cloud.client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    return dict(found[0])


def test_a_release_runs_by_digest_and_leaves_weights_and_count_to_their_owners(
    cloud: LocalCloud, operator: Operator, images: dict[str, str]
) -> None:
    assert container_of(cloud, STACK)["image"] == images["v1"]
    count = scale(cloud, STACK)
    weights = shift(cloud, STACK, rules_of(cloud, STACK)["40001"])
    deployed = succeeds(cloud, operator, "deploy v2")
    assert deployed.result == {"service": "api", "image": images["v2"]}
    assert "deployment: SUCCESSFUL" in deployed.said
    assert deployed.commands == ["deploy"]
    assert parameter(cloud, RELEASE) == images["v2"]
    assert container_of(cloud, STACK)["image"] == images["v2"]
    assert service_of(cloud, STACK)["desiredCount"] == count
    assert weights_of(rules_of(cloud, STACK)["40001"]) == weights

    back = succeeds(cloud, operator, "rollback")
    assert back.result == {"service": "api", "image": images["v1"]}
    assert back.commands == ["rollback"]
    assert back.audited[0]["replaced"] == images["v2"]
    assert parameter(cloud, RELEASE) == images["v1"]
    assert container_of(cloud, STACK)["image"] == images["v1"]
    assert cloud.steps(STACK) == {}


def test_a_version_that_ecs_rolled_back_runs_when_it_is_deployed_again(
    cloud: LocalCloud, operator: Operator, images: dict[str, str]
) -> None:
    released = parameter(cloud, RELEASE)
    before = service_of(cloud, STACK)
    succeeds(cloud, operator, "deploy v2")
    where = {"cluster": before["clusterArn"], "service": before["serviceName"]}
    cloud.client("ecs").update_service(**where, taskDefinition=before["taskDefinition"])
    assert container_of(cloud, STACK)["image"] == released != images["v2"]
    # Pulumi knows nothing of it.
    assert cloud.steps(STACK) == {}

    succeeds(cloud, operator, "deploy v2")
    assert container_of(cloud, STACK)["image"] == images["v2"]
    assert cloud.steps(STACK) == {}
    succeeds(cloud, operator, "rollback")
    assert container_of(cloud, STACK)["image"] == released


def test_an_up_restores_scaling_bounds_and_leaves_what_runbooks_own(
    cloud: LocalCloud, operator: Operator, health: str, plugin: Path
) -> None:
    for command in (
        "backup create --name manual-backup-staging-before-up",
        "backup export manual-backup-staging-before-up",
        "backup restore manual-backup-staging-before-up --to copy-before-up",
        "backup daily",
        "backup prune",
        "parameters backup",
        "parameters restore",
        "secrets init",
        f"migrate --rehearse-on '' --health {health}",
    ):
        succeeds(cloud, operator, command)
    succeeds(cloud, operator, "exec -- /bin/true", path=f"{plugin}{os.pathsep}")
    cloud.client("rds").create_db_instance_read_replica(
        DBInstanceIdentifier=f"{DATABASE}-by-hand",
        SourceDBInstanceIdentifier=DATABASE,
        Tags=[{"Key": "Owner", "Value": "somebody else"}],
    )
    block(cloud, "192.0.2.7/32")
    count = scale(cloud, STACK)
    weights = shift(cloud, STACK, rules_of(cloud, STACK)["40001"])
    override_bounds(cloud, 2, 9)
    released = parameter(cloud, RELEASE)
    on = succeeds(cloud, operator, "maintenance on")
    try:
        assert (on.result, on.commands) == ({"maintenance": True}, ["maintenance on"])
        for command in ("deploy v1", "rollback", "secrets rotate jwt-secret"):
            refused = run(cloud, operator, command)
            assert refused.code == 1
            assert f"maintenance is on ({MAINTENANCE})" in refused.said
            assert refused.commands == []

        said = cloud.steps(STACK, "--refresh")
        done = changes(up(cloud, STACK, "--refresh"))
        (rule,) = maintenance_rules(cloud)
        flag = parameter(cloud, MAINTENANCE)
    finally:
        off = succeeds(cloud, operator, "maintenance off")
    assert {name: (step["op"], set(step["detailedDiff"])) for name, step in said.items()} == {
        "Target aussie-markets-staging-api-scaling": ("update", {"minCapacity", "maxCapacity"})
    }
    assert done == {"aussie-markets-staging-api-scaling": "updated"}
    assert bounds(cloud) == (1, 3)

    (action,) = rule["Actions"]
    assert action["FixedResponseConfig"]["StatusCode"] == "503"
    assert flag == "true"
    assert parameter(cloud, RELEASE) == released
    assert blocked(cloud) == ["192.0.2.7/32"]
    assert service_of(cloud, STACK)["desiredCount"] == count
    assert weights_of(rules_of(cloud, STACK)["40001"]) == weights
    replica = database(cloud, f"{DATABASE}-by-hand")
    assert replica["ReadReplicaSourceDBInstanceIdentifier"] == DATABASE
    assert tags(replica)["Owner"] == "somebody else"
    assert "manual-backup-staging-before-up" in manual_snapshots(cloud)
    assert database(cloud, "copy-before-up")["DBInstanceStatus"] == "available"

    assert (off.result, off.commands) == ({"maintenance": False}, ["maintenance off"])
    assert maintenance_rules(cloud) == []
    assert parameter(cloud, MAINTENANCE) == "false"


def test_an_up_keeps_rotated_secrets_and_writes_one_again_when_its_version_is_raised(
    cloud: LocalCloud, operator: Operator
) -> None:
    stripe = "sk_test_4711sentinel4711"
    for label, given in (
        ("jwt-secret", ""),
        ("refresh-token-secret", ""),
        ("stripe-secret-key", stripe),
    ):
        name = f"/aussie-markets/staging/{label}"
        value, (deployment,) = parameter(cloud, name), service_of(cloud, STACK)["deployments"]
        ran = succeeds(cloud, operator, f"secrets rotate {label}", given=given)
        assert (ran.result, ran.commands) == ({"rotated": name}, ["secrets rotate"])
        assert parameter(cloud, name) != value
        (after,) = service_of(cloud, STACK)["deployments"]
        assert after["id"] != deployment["id"]
        assert after["rolloutState"] == "COMPLETED"
    jwt, refresh = parameter(cloud, JWT), parameter(cloud, REFRESH_TOKEN)
    assert parameter(cloud, STRIPE) == stripe

    cloud.configure(
        STACK, domain=DOMAIN, services=SERVICES, parameters={"refresh_token_secret_version": 2}
    )
    assert changes(up(cloud, STACK)) == {
        "aussie-markets-staging-parameters-refresh-token-secret": "updated"
    }
    assert (parameter(cloud, JWT), parameter(cloud, STRIPE)) == (jwt, stripe)
    assert parameter(cloud, REFRESH_TOKEN) == stack_secret(cloud, "refresh_token_secret") != refresh


def test_missing_secrets_of_the_stack_are_made_up_and_others_left(
    cloud: LocalCloud, operator: Operator
) -> None:
    committed = (cloud.repository / f"Pulumi.{STACK}.yaml").read_bytes()
    password, jwt = stack_secret(cloud, "database_password"), stack_secret(cloud, "jwt_secret")
    ran = succeeds(
        cloud,
        operator,
        "secrets init",
        first="pulumi config rm --path aussie-markets:secrets.jwt_secret",
    )
    assert ran.result == {
        "database_password": "was set already",
        "redis_auth_token": "was set already",
        "jwt_secret": "set",
        "refresh_token_secret": "was set already",
        "stripe_secret_key": "was set already",
    }
    assert ran.commands == ["secrets init"]
    made = stack_secret(cloud, "jwt_secret")
    assert made != jwt
    assert len(made) == 64
    assert made not in f"{ran.said}{ran.audited}"
    assert stack_secret(cloud, "database_password") == password
    assert (cloud.repository / f"Pulumi.{STACK}.yaml").read_bytes() == committed


def test_a_backup_is_taken_checked_exported_and_restored_beside_the_database(
    cloud: LocalCloud, operator: Operator
) -> None:
    taken = succeeds(cloud, operator, "backup create")
    name = taken.result["id"]
    assert taken.commands == ["backup create"]
    snapshot = manual_snapshots(cloud)[name]
    assert (snapshot["Status"], snapshot["Encrypted"]) == ("available", True)
    assert tags(snapshot)["BackupType"] == "manual"
    assert tags(snapshot)["Environment"] == STACK

    listed = succeeds(cloud, operator, "backup list")
    (record,) = [one for one in listed.result if one["id"] == name]
    assert (record["type"], record["size_gib"], record["status"]) == ("manual", 20, "available")
    verified = succeeds(cloud, operator, f"backup verify {name}")
    assert verified.result["id"] == name
    assert listed.commands + verified.commands == []

    exported = succeeds(cloud, operator, f"backup export {name}")
    assert exported.commands == ["backup export"]
    outputs = cloud.outputs(STACK)
    tasks = cloud.client("rds").describe_export_tasks()["ExportTasks"]
    (export,) = [one for one in tasks if one["SourceArn"] == snapshot["DBSnapshotArn"]]
    assert export["S3Bucket"] == outputs["export_bucket_name"]
    assert export["S3Prefix"] == "database/staging"
    assert export["IamRoleArn"] == outputs["export_role_arn"]
    assert export["KmsKeyId"] == snapshot["KmsKeyId"]

    restored = succeeds(cloud, operator, f"backup restore {name} --to copy")
    assert restored.result == {"backup": name, "instance": "copy"}
    assert restored.commands == ["backup restore"]
    model, copy = database(cloud), database(cloud, "copy")
    for alike in ("MultiAZ", "DeletionProtection", "KmsKeyId", "EnabledCloudwatchLogsExports"):
        assert copy[alike] == model[alike], alike
    for group, key in (
        ("VpcSecurityGroups", "VpcSecurityGroupId"),
        ("DBParameterGroups", "DBParameterGroupName"),
    ):
        assert [one[key] for one in copy[group]] == [one[key] for one in model[group]]
    assert copy["DBSubnetGroup"]["DBSubnetGroupName"] == model["DBSubnetGroup"]["DBSubnetGroupName"]
    assert tags(copy) == {**tags(model), "RestoredFrom": name}
    assert copy["DbiResourceId"] != model["DbiResourceId"]


def test_the_daily_backup_is_brought_to_its_end_by_hand(
    cloud: LocalCloud, operator: Operator
) -> None:
    (name,) = succeeds(cloud, operator, "backup daily").result
    assert name.startswith("manual-backup-staging-daily-")
    succeeds(cloud, operator, "backup daily")
    assert tags(manual_snapshots(cloud)[name])["BackupResult"] == "completed"


def test_pruning_takes_the_oldest_manual_backups_alone(
    cloud: LocalCloud, operator: Operator
) -> None:
    rds = cloud.client("rds")
    by_hand = "manual-backup-staging-by-hand"
    rds.create_db_snapshot(DBInstanceIdentifier=DATABASE, DBSnapshotIdentifier=by_hand)
    names = [f"manual-backup-staging-prune-{number}" for number in range(4)]
    for name in ("pre-migration-staging-prune", *names):
        succeeds(cloud, operator, f"backup create --name {name}")
    known = manual_snapshots(cloud)
    before = list(known)
    oldest = next(name for name in before if tags(known[name]).get("BackupType") == "manual")
    # RDS's quota less what stays free for others allows one snapshot less than there are.
    ran = succeeds(cloud, operator, f"backup prune --quota {len(before) + 9}")
    assert (ran.result, ran.commands) == ({"deleted": [oldest]}, ["backup prune"])
    assert list(manual_snapshots(cloud)) == [name for name in before if name != oldest]


def test_damaged_parameters_are_put_back_from_a_sealed_backup(
    cloud: LocalCloud, operator: Operator
) -> None:
    value, ssm = parameter(cloud, JWT), cloud.client("ssm")
    ran = succeeds(cloud, operator, "parameters backup")
    key = ran.result["key"]
    assert ran.commands == ["parameters backup"]
    bucket = cloud.outputs(STACK)["export_bucket_name"]
    document = cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    stored = {one["Name"]: one["Value"] for one in json.loads(document)["parameters"]}
    assert stored[MAINTENANCE] == "false"
    assert JWT in stored
    assert not [secret for secret in secret_values(cloud) if secret in document]

    ssm.put_parameter(Name=JWT, Value="damaged", Type="SecureString", Overwrite=True)
    restored = succeeds(cloud, operator, f"parameters restore jwt-secret --key {key}")
    assert restored.result == {"restored": [JWT], "left": []}
    assert restored.commands == ["parameters restore"]
    assert parameter(cloud, JWT) == value


def test_a_migration_runs_once_under_maintenance_after_its_snapshot(
    cloud: LocalCloud, operator: Operator, images: dict[str, str], health: str
) -> None:
    command = f"migrate --rehearse-on '' --image v2 --health {health}"
    ran = succeeds(cloud, operator, command)
    assert ran.commands == ["migrate"]
    assert ran.result["snapshot"] in manual_snapshots(cloud)
    steps = ran.audited[-1]["done"]
    order = [
        f"wait for snapshot {ran.result['snapshot']}",
        "let the load balancer answer 503",
        "migrate staging",
        "let the load balancer forward requests again",
        "verify that staging is healthy",
    ]
    assert [step for step in steps if step in order] == order
    assert (maintenance_rules(cloud), parameter(cloud, MAINTENANCE)) == ([], "false")

    (arn,) = [line.partition("task ")[2] for line in ran.said.splitlines() if ":task/" in line]
    definition = task_definition(cloud, arn)
    (container,) = definition["containerDefinitions"]
    assert definition["family"] == "aussie-markets-api-staging-migration"
    assert definition["status"] == "INACTIVE"
    assert container["image"] == images["v2"]
    assert container["command"] == ["npm", "run", "migration:run"]


def test_a_debug_task_is_entered_and_gone(
    cloud: LocalCloud, operator: Operator, plugin: Path
) -> None:
    ran = succeeds(cloud, operator, "exec -- /bin/sh -l", path=f"{plugin}{os.pathsep}")
    assert [(line["outcome"], line["executed"]) for line in ran.audited] == [
        ("begun", "/bin/sh -l"),
        ("done", "/bin/sh -l"),
    ]
    session = json.loads((plugin / "session").read_text())
    arguments = (plugin / "arguments").read_text()
    assert session["tokenValue"] not in f"{arguments}{ran.said}{ran.audited}"

    target = arguments.partition('"ecs:')[2].partition('"')[0]
    cluster, task, _ = target.split("_")
    assert cluster == "aussie-markets-cluster-staging"
    (described,) = cloud.client("ecs").describe_tasks(cluster=cluster, tasks=[task])["tasks"]
    assert described["lastStatus"] == "STOPPED"
    definition = task_definition(cloud, task)
    assert definition["family"] == "aussie-markets-api-staging-debug"
    assert definition["status"] == "INACTIVE"
    assert definition["taskRoleArn"] == cloud.outputs(STACK)["debug_task_role_arn"]


def task_definition(cloud: LocalCloud, task: str) -> dict[str, Any]:
    ecs = cloud.client("ecs")
    (described,) = ecs.describe_tasks(cluster="aussie-markets-cluster-staging", tasks=[task])[
        "tasks"
    ]
    found = ecs.describe_task_definition(taskDefinition=described["taskDefinitionArn"])
    return dict(found["taskDefinition"])
