"""Every command as a person types it: one JSON document, a dry run, a refusal with its reason."""

import json
from typing import Any

import pytest

from operations import cli, service
from operations.aws import Aws
from tests.operations.conftest import REGION
from tests.operations.stack import (
    ROLE,
    make_database,
    make_network,
    make_service,
    push_image,
    watched,
)

BACKUP = "manual-backup-staging-x"
BUCKET = "exports"

COMMANDS = [
    ["backup", "create", "--name", BACKUP],
    ["backup", "verify"],
    ["backup", "export", BACKUP, "--bucket", BUCKET, "--role-arn", ROLE],
    ["backup", "restore", BACKUP, "--to", "copy"],
    ["backup", "prune"],
    ["parameters", "backup", "--bucket", BUCKET],
    ["parameters", "restore", "--bucket", BUCKET],
    ["maintenance", "on"],
    ["maintenance", "off"],
    ["secrets", "rotate", "jwt-secret"],
    ["migrate", "--rehearse-on", "", "--health", "http://127.0.0.1:9"],
]


@pytest.fixture
def stack(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    network = make_network(aws)
    make_database(aws, network)
    kms, ssm = aws.client("kms"), aws.client("ssm")
    key = network.key.rsplit("/", 1)[-1]
    kms.create_alias(AliasName="alias/aussie-markets-staging-parameters", TargetKeyId=key)
    ssm.put_parameter(
        Name="/aussie-markets/staging/jwt-secret", Value="v", Type="SecureString", KeyId=key
    )
    make_service(aws, network)
    aws.client("logs").create_log_group(logGroupName="/aussie-markets/staging/audit")
    where = {"LocationConstraint": REGION}
    aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
    # Phases have a test of their own, and the emulator ends a deployment at once.
    monkeypatch.setattr(service.Phases, "_phase", lambda _: "")


@pytest.fixture(autouse=True)
def same_clients(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "Aws", lambda *_: aws)


def say(capsys: Any, *words: str) -> tuple[int, str, str]:
    code = cli.main(["--stack", "staging", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.usefixtures("stack")
def test_every_command_answers_in_json_and_a_dry_run_changes_nothing(aws: Aws, capsys: Any) -> None:
    # Nothing can be verified, restored or put back before these two.
    for command in (COMMANDS[0], COMMANDS[5]):
        assert say(capsys, *command)[0] == 0
    with watched(aws, "rds", "ecs", "elbv2", "ssm", "s3", "kms", "logs") as calls:
        for command in COMMANDS:
            code, out, error = say(capsys, "--json", "--dry-run", *command)
            assert code == 0, error
            assert json.loads(out), command
    reads = ("Describe", "Get", "List", "Decrypt")
    assert [name for name in calls.made if not name.startswith(reads)] == []

    for command in COMMANDS[:-1]:
        code, out, error = say(capsys, "--json", "--yes", *command)
        assert code == 0, error
        assert json.loads(out), command


@pytest.mark.usefixtures("stack")
def test_what_overwrites_is_refused_where_nobody_can_be_asked(capsys: Any) -> None:
    for command in (["maintenance", "on"], ["secrets", "rotate", "jwt-secret"], ["migrate"]):
        code, out, error = say(capsys, *command)
        assert (code, out) == (1, "")
        assert "Nobody can answer here: add --yes if so" in error


def test_deploy_and_rollback_and_exec_are_there(aws: Aws, capsys: Any) -> None:
    push_image(aws, "v1")
    for command in (["deploy", "latest"], ["rollback"], ["exec", "--minutes", "0", "--", "sh"]):
        code, _, error = say(capsys, *command)
        assert code == 1
        assert error.startswith("error: ")
