"""Every command as a person types it: one JSON document, a dry run, a refusal with its reason."""

import io
import json
import re
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from operations import adoption, cli, deploy, service
from operations.aws import Aws
from operations.steps import Context
from tests.health import Health
from tests.operations.conftest import REGION
from tests.operations.stack import (
    ROLE,
    PulumiState,
    make_database,
    make_failover,
    make_network,
    make_scaling,
    make_service,
    push_image,
    put_database_url,
    run_program,
    watched,
)

BACKUP = "manual-backup-staging-x"
BUCKET = "exports"
RELEASE = "/aussie-markets/staging/release/api-image"

# In the place of a URL that is another one in each test.
HEALTH = "<health>"

COMMANDS = [
    ["backup", "create", "--name", BACKUP],
    ["backup", "list"],
    ["backup", "verify"],
    ["backup", "export", BACKUP, "--bucket", BUCKET, "--role-arn", ROLE],
    ["backup", "daily", "--bucket", BUCKET, "--role-arn", ROLE],
    ["backup", "restore", BACKUP, "--to", "copy"],
    ["backup", "prune"],
    ["parameters", "backup", "--bucket", BUCKET],
    ["parameters", "restore", "--bucket", BUCKET],
    ["maintenance", "on"],
    ["maintenance", "off"],
    ["secrets", "rotate", "jwt-secret"],
    ["migrate", "--rehearse-on", "", "--health", HEALTH],
    ["deploy", "v1"],
    ["rollback"],
    ["recover", "--drill"],
    ["recover", "--again", "--health", HEALTH],
    ["recover", "adopt"],
]
# What another program says in the end, in its own words.
SESSION = ["exec", "--role-arn", ROLE, "--", "/bin/sh"]

SERVICES = (
    *("application-autoscaling", "ecr", "ecs", "elbv2", "kms", "logs", "rds", "route53", "s3"),
    "ssm",
)


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> PulumiState:
    present = PulumiState()
    monkeypatch.setattr(adoption, "pulumi", present.pulumi)
    return present


@pytest.fixture
def stack(aws: Aws, state: PulumiState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = make_network(aws)
    make_database(aws, network)
    put_database_url(aws)
    state.remember(aws)
    kms, ssm = aws.client("kms"), aws.client("ssm")
    key = network.key.rsplit("/", 1)[-1]
    kms.create_alias(AliasName="alias/aussie-markets-staging-parameters", TargetKeyId=key)
    ssm.put_parameter(
        Name="/aussie-markets/staging/jwt-secret", Value="v", Type="SecureString", KeyId=key
    )
    make_service(aws, network)
    make_scaling(aws)
    for image in (push_image(aws, "v1"), push_image(aws, "v2")):
        ssm.put_parameter(Name=RELEASE, Value=image, Type="String", Overwrite=True)
    zone = aws.client("route53").create_hosted_zone(Name="aussie-markets.com", CallerReference="z")
    make_failover(aws, zone["HostedZone"]["Id"], "staging-api.aussie-markets.com")
    aws.client("logs").create_log_group(logGroupName="/aussie-markets/staging/audit")
    where = {"LocationConstraint": REGION}
    aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
    # Phases have a test of their own, and the emulator ends a deployment at once.
    monkeypatch.setattr(service.Phases, "_phase", lambda _: "")
    monkeypatch.setattr(deploy, "pulumi_up", run_program)
    monkeypatch.setattr(deploy, "refresh_service", lambda *_: None)
    monkeypatch.setattr("shutil.which", str)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def at_once(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same clients, and no waiting."""
    monkeypatch.setattr(cli, "Aws", lambda *_: aws)
    monkeypatch.setattr(cli, "Context", partial(Context, sleep=lambda _: None))


def say(capsys: Any, *words: str) -> tuple[int, str, str]:
    code = cli.main(["--stack", "staging", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.usefixtures("stack")
def test_every_command_answers_in_json_and_a_dry_run_changes_nothing(
    aws: Aws, capsys: Any, health: Health, state: PulumiState
) -> None:
    commands = [
        [health.url if word == HEALTH else word for word in command] for command in COMMANDS
    ]
    # Nothing can be verified, restored or put back before these two.
    for command in (commands[0], commands[7]):
        assert say(capsys, *command)[0] == 0
    with watched(aws, *SERVICES) as calls:
        for command in [*commands, SESSION]:
            code, out, error = say(capsys, "--json", "--dry-run", *command)
            assert code == 0, error
            assert json.loads(out), command
    reads = ("Describe", "Get", "List", "Decrypt")
    assert [name for name in calls.made if not name.startswith(reads)] == []
    assert set(state.calls) == {("stack", "export")}

    for command in commands:
        code, out, error = say(capsys, "--json", "--yes", *command)
        assert code == 0, error
        assert json.loads(out), command


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    "command",
    [
        ["maintenance", "on"],
        ["secrets", "rotate", "jwt-secret"],
        ["migrate"],
        ["rollback"],
        ["recover", "--again"],
        ["recover", "adopt"],
        ["backup", "prune", "--quota", "11"],
        ["parameters", "restore", "jwt-secret", "--bucket", BUCKET],
    ],
    ids=" ".join,
)
def test_what_overwrites_is_refused_where_nobody_can_be_asked(
    aws: Aws, capsys: Any, state: PulumiState, command: list[str]
) -> None:
    for number in range(5):
        assert say(capsys, "backup", "create", "--name", f"{BACKUP}{number}")[0] == 0
    assert say(capsys, "parameters", "backup", "--bucket", BUCKET)[0] == 0
    name = "/aussie-markets/staging/jwt-secret"
    aws.client("ssm").put_parameter(Name=name, Value="x", Type="SecureString", Overwrite=True)
    state.resources[0]["id"] = "db-ANOTHER"
    with watched(aws, *SERVICES) as calls:
        code, out, error = say(capsys, *command)
    assert (code, out) == (1, "")
    assert "Nobody can answer here: add --yes if so" in error
    reads = ("Describe", "Get", "List", "Decrypt")
    assert [name for name in calls.made if not name.startswith(reads)] == []


@pytest.mark.usefixtures("stack")
def test_a_new_key_comes_from_a_file_as_the_runbook_shows(
    aws: Aws, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (Path(__file__).parents[2] / "docs" / "runbooks.md").read_text()
    (words,) = re.findall("-m operations --stack production (.*) < new-key", text)
    name, value = "/aussie-markets/staging/stripe-secret-key", "sk_test_made_up_key"
    ssm = aws.client("ssm")
    ssm.put_parameter(Name=name, Value="sk_test_earlier", Type="SecureString")
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{value}\n"))
    code, _, error = say(capsys, *words.split())
    assert code == 0, error
    assert ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] == value


def test_what_a_release_or_a_session_cannot_be_is_said(aws: Aws, capsys: Any) -> None:
    push_image(aws, "v1")
    for command in (["deploy", "latest"], ["rollback"], ["exec", "--minutes", "0", "--", "sh"]):
        code, _, error = say(capsys, *command)
        assert code == 1
        assert error.startswith("error: ")
