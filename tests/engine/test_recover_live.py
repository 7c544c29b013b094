"""The database is lost behind the stack's back, recovered, and adopted into the state."""

import json
import sys
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.engine.conftest import LocalCloud, MakeCloud
from tests.engine.test_services_live import DOMAIN, changes, up
from tests.health import running_health

STACK: Final = "staging"
DATABASE: Final = "aussie-markets-db-staging"
URL: Final = "/aussie-markets/staging/database-url"


@pytest.fixture(scope="module")
def cloud(make_cloud: MakeCloud) -> LocalCloud:
    cloud = make_cloud()
    # Protected, as production's is: adoption must neither need nor lose it.
    cloud.configure(STACK, domain=DOMAIN, database={"deletion_protection": True})
    answer = up(cloud, STACK)
    assert answer.code == 0, answer.text
    # The first command on a new stack refreshes it, and would take what is gone out of the state.
    assert cloud.shell("true").code == 0
    return cloud


@pytest.fixture(scope="module")
def health() -> Iterator[str]:
    """The URL of an API that is healthy."""
    with running_health() as made:
        yield made.url


def operate(cloud: LocalCloud, command: str) -> dict[str, Any]:
    """The result of a command of the operator."""
    file = cloud.folders.root / "answer"
    program = f"{sys.executable} -m operations --stack {STACK} --json --yes"
    answer = cloud.shell(f"{program} {command} > {file}")
    assert answer.code == 0, answer.text
    return dict(json.loads(file.read_text()))


def database(cloud: LocalCloud) -> dict[str, Any]:
    found = cloud.client("rds").describe_db_instances(DBInstanceIdentifier=DATABASE)["DBInstances"]
    return dict(found[0])


def tags(instance: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in instance["TagList"]}


def what_rds_holds(cloud: LocalCloud) -> dict[str, list[str]]:
    rds, logs = cloud.client("rds"), cloud.client("logs")
    groups = logs.describe_log_groups(logGroupNamePrefix="/aws/rds/")["logGroups"]
    backups = rds.describe_db_instance_automated_backups()["DBInstanceAutomatedBackups"]
    return {
        "instances": sorted(
            one["DbiResourceId"] for one in rds.describe_db_instances()["DBInstances"]
        ),
        "backups": sorted(one["DbiResourceId"] for one in backups),
        "snapshots": sorted(
            one["DBSnapshotIdentifier"] for one in rds.describe_db_snapshots()["DBSnapshots"]
        ),
        "log groups": sorted(group["logGroupName"] for group in groups),
    }


def url(cloud: LocalCloud) -> str:
    found = cloud.client("ssm").get_parameter(Name=URL, WithDecryption=True)["Parameter"]
    return str(found["Value"])


def resource(cloud: LocalCloud) -> dict[str, Any]:
    (found,) = [r for r in cloud.state(STACK) if r["type"] == "aws:rds/instance:Instance"]
    return found


def in_the_clear(inputs: dict[str, Any]) -> dict[str, Any]:
    """Pulumi encrypts a secret anew whenever it writes the state."""
    return {name: value for name, value in inputs.items() if name != "passwordWo"}


def check(cloud: LocalCloud) -> dict[str, Any]:
    route53 = cloud.client("route53")
    found = route53.get_health_check(HealthCheckId=cloud.outputs(STACK)["health_check_id"])
    config: dict[str, Any] = found["HealthCheck"]["HealthCheckConfig"]
    return config


def answers_by_health(cloud: LocalCloud) -> bool:
    config = check(cloud)
    return not (config.get("Disabled") or config.get("Inverted"))


def test_a_database_that_was_deleted_is_recovered_and_pulumis_own_commands_adopt_it(
    cloud: LocalCloud, health: str
) -> None:
    before, known, parameter = database(cloud), resource(cloud), url(cloud)
    rds = cloud.client("rds")
    rds.modify_db_instance(DBInstanceIdentifier=DATABASE, DeletionProtection=False)
    rds.delete_db_instance(
        DBInstanceIdentifier=DATABASE, SkipFinalSnapshot=True, DeleteAutomatedBackups=False
    )

    report = operate(cloud, f"recover --health {health}")
    after = database(cloud)
    assert report["damaged"] is None
    assert after["DbiResourceId"] != before["DbiResourceId"]
    assert after["Endpoint"] == before["Endpoint"]
    assert tags(after) == tags(before)
    assert after["DeletionProtection"]
    assert url(cloud) == parameter
    assert f"@{after['Endpoint']['Address']}:{after['Endpoint']['Port']}/" in parameter
    assert answers_by_health(cloud)
    assert {one["outcome"] for one in report["objectives"]} == {"met", "not part of this run"}

    _, own = report["afterwards"]
    (_, *commands) = own.splitlines()
    assert commands[-1] == "pulumi preview --stack staging --expect-no-changes"
    answer = cloud.shell("\n".join(["set -e", *commands]))
    assert answer.code == 0, answer.text
    adopted = resource(cloud)
    assert adopted["id"] == after["DbiResourceId"]
    assert adopted["protect"]
    assert in_the_clear(adopted["inputs"]) == in_the_clear(known["inputs"])
    assert adopted["dependencies"] == known["dependencies"]
    assert cloud.steps(STACK, "--refresh") == {}


def test_a_damaged_database_is_put_aside_and_our_own_command_adopts_the_other(
    cloud: LocalCloud, health: str
) -> None:
    damaged, known = database(cloud), resource(cloud)
    report = operate(cloud, f"recover --again --health {health}")
    found = cloud.client("rds").describe_db_instances(DBInstanceIdentifier=report["damaged"])
    (aside,) = found["DBInstances"]
    assert aside["DbiResourceId"] == damaged["DbiResourceId"]
    assert aside["DeletionProtection"]
    folder = cloud.folders.root
    adopted = operate(cloud, f"recover adopt --folder {folder}")
    assert adopted["was"] == known["id"]
    assert adopted["is"] == database(cloud)["DbiResourceId"]
    assert adopted["copy"].startswith(str(folder))
    assert cloud.steps(STACK) == {}
    assert cloud.steps(STACK, "--refresh") == {}


def test_the_next_up_takes_users_back_from_the_status_page_and_says_so(cloud: LocalCloud) -> None:
    cloud.client("route53").update_health_check(
        HealthCheckId=cloud.outputs(STACK)["health_check_id"], Disabled=True, Inverted=True
    )
    (name,) = cloud.steps(STACK, "--refresh")
    assert name == "HealthCheck aussie-markets-staging-edge-api"
    done = changes(up(cloud, STACK, "--refresh"))
    assert done == {"aussie-markets-staging-edge-api": "updated"}
    assert answers_by_health(cloud)


def test_a_drill_leaves_nothing_behind(cloud: LocalCloud) -> None:
    before = what_rds_holds(cloud)
    report = operate(cloud, "recover --drill")
    assert report["objectives"][0]["outcome"] == "met"
    assert what_rds_holds(cloud) == before
    assert cloud.steps(STACK, "--refresh") == {}
