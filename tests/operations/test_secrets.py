"""Secrets: made up where they are missing, and rotated without a value in sight."""

import io
import sys
from typing import Any

import boto3
import pytest
from pydantic import SecretStr

from components.settings.secrets import SecretSettings
from operations import cli, secrets, service
from operations.aws import Aws
from operations.errors import InputError, OperationError, StoppedError
from operations.steps import Context
from tests.operations.conftest import REGION, MakeRun, audit_lines
from tests.operations.faults import fails_at_every_call
from tests.operations.stack import make_network, make_service, watched

STRIPE = "sk_test_made_up_key"
JWT = "/aussie-markets/staging/jwt-secret"

Stack = dict[str, str]


@pytest.fixture
def stack_file(monkeypatch: pytest.MonkeyPatch) -> Stack:
    """The secrets of a stack file, in the place of `pulumi config`."""
    present: Stack = {}

    def pulumi(_: Context, *arguments: str, given: str | None = None) -> str:
        name = arguments[-1].removeprefix("aussie-markets:secrets.")
        if arguments[:2] == ("config", "get"):
            if name not in present:
                raise OperationError(f"configuration key 'secrets.{name}' not found for stack 's'")
            return present[name]
        assert arguments[:4] == ("config", "set", "--secret", "--path")
        assert given
        present[name] = given
        return ""

    monkeypatch.setattr(secrets, "pulumi", pulumi)
    return present


def test_missing_secrets_are_made_up_as_the_program_takes_them(
    make_run: MakeRun, stack_file: Stack
) -> None:
    run = make_run()
    outcome = secrets.init_secrets(run.context, STRIPE)
    assert set(outcome) == set(SecretSettings.model_fields) == set(stack_file)
    assert set(outcome.values()) == {"set"}
    settings = SecretSettings(**{k: SecretStr(v) for k, v in stack_file.items()})
    assert settings.stripe_secret_key.get_secret_value() == STRIPE
    assert len(set(stack_file.values())) == 5
    assert not any(value in run.text for value in stack_file.values())


def test_what_is_set_is_never_overwritten(make_run: MakeRun, stack_file: Stack) -> None:
    stack_file["jwt_secret"] = "mine"
    first = secrets.init_secrets(make_run().context)
    assert (first["jwt_secret"], first["stripe_secret_key"]) == ("was set already", "still missing")
    before = dict(stack_file)
    second = secrets.init_secrets(make_run().context)
    assert set(second.values()) == {"was set already", "still missing"}
    assert stack_file == before
    assert stack_file["jwt_secret"] == "mine"


def test_a_dry_run_sets_nothing(make_run: MakeRun, stack_file: Stack) -> None:
    run = make_run(dry_run=True)
    secrets.init_secrets(run.context)
    assert stack_file == {}
    assert "would: set secret database_password of the stack" in run.text


def test_a_pulumi_that_fails_is_not_taken_for_a_missing_secret(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pulumi(*_: Any, **__: Any) -> str:
        raise OperationError("no stack named 'staging' found")

    monkeypatch.setattr(secrets, "pulumi", pulumi)
    with pytest.raises(OperationError, match="no stack named"):
        secrets.init_secrets(make_run().context)


@pytest.mark.usefixtures("stack_file")
def test_the_stripe_key_comes_from_standard_input(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, stack_file: Stack, capsys: Any
) -> None:
    assert aws
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{STRIPE}\n"))
    assert cli.main(["--stack", "staging", "--json", "secrets", "init", "--stripe"]) == 0
    assert stack_file["stripe_secret_key"] == STRIPE
    assert STRIPE not in "".join(capsys.readouterr())


@pytest.fixture
def jwt_key(aws: Aws) -> str:
    """A service whose tasks have read `jwt-secret`; the parameter's key."""
    key = str(aws.client("kms").create_key()["KeyMetadata"]["Arn"])
    aws.client("ssm").put_parameter(Name=JWT, Value="first", Type="SecureString", KeyId=key)
    make_service(aws, make_network(aws))
    return key


def history(name: str = JWT) -> list[str]:
    ssm = boto3.client("ssm", region_name=REGION)
    versions = ssm.get_parameter_history(Name=name, WithDecryption=True)["Parameters"]
    return [one["Value"] for one in versions]


def test_a_rotation_writes_a_version_and_replaces_the_tasks(
    aws: Aws, make_run: MakeRun, jwt_key: str, audit_group: str
) -> None:
    before = service.require_service(make_run().context)["deployments"][0]["id"]
    sent: dict[str, Any] = {}
    aws.client("ssm").meta.events.register_first(
        "before-parameter-build.ssm.PutParameter", lambda params, **_: sent.update(params)
    )
    with pytest.raises(InputError, match="add --yes"):
        secrets.rotate_secret(make_run().context, "jwt-secret", "api")
    secrets.rotate_secret(make_run(dry_run=True).context, "jwt-secret", "api")
    assert history() == ["first"]
    run = make_run(yes=True)
    secrets.rotate_secret(run.context, "jwt-secret", "api")
    _, value = history()
    assert len(value) == 64
    # Without its key it would be encrypted with one that the API may not use.
    assert sent["KeyId"] == jwt_key
    after = service.require_service(run.context)["deployments"][0]["id"]
    assert after != before
    (line,) = audit_lines(audit_group)
    assert line["parameter"] == JWT
    assert value not in run.text + str(line)


@pytest.mark.usefixtures("jwt_key")
def test_a_value_that_was_put_back_after_the_last_deployment_is_replaced(
    aws: Aws, make_run: MakeRun
) -> None:
    aws.client("ssm").put_parameter(Name=JWT, Value="leaked", Type="SecureString", Overwrite=True)
    secrets.rotate_secret(make_run(yes=True).context, "jwt-secret", "api")
    *before, value = history()
    assert before == ["first", "leaked"]
    assert len(value) == 64


@pytest.mark.usefixtures("jwt_key")
def test_a_stripe_key_is_written_once_and_deployed_each_time(aws: Aws, make_run: MakeRun) -> None:
    name = "/aussie-markets/staging/stripe-secret-key"
    aws.client("ssm").put_parameter(Name=name, Value="sk_test_earlier", Type="SecureString")
    context = make_run(yes=True).context
    deployed = set()
    for _ in range(2):
        secrets.rotate_secret(context, "stripe-secret-key", "api", STRIPE)
        deployed.add(service.require_service(context)["deployments"][0]["id"])
    assert history(name) == ["sk_test_earlier", STRIPE]
    assert len(deployed) == 2


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("database-url", None, r"secrets.database_password`, raise .*database.password_version"),
        ("redis-url", None, r"cache.auth_token_version"),
        ("nonsense", None, "must be one of jwt-secret"),
        ("stripe-secret-key", "nonsense", "must begin with sk_test_"),
        ("stripe-secret-key", None, "must begin with sk_test_"),
    ],
)
def test_what_cannot_be_rotated_is_refused_before_any_call(
    aws: Aws, make_run: MakeRun, name: str, value: str | None, problem: str
) -> None:
    with watched(aws, "ssm", "ecs") as calls, pytest.raises(InputError, match=problem):
        secrets.rotate_secret(make_run(yes=True).context, name, "api", value)
    assert calls.made == []


@pytest.mark.usefixtures("jwt_key")
def test_a_missing_parameter_and_maintenance_are_said(aws: Aws, make_run: MakeRun) -> None:
    context = make_run(yes=True).context
    with pytest.raises(OperationError, match=r"no parameter .*/refresh-token-secret"):
        secrets.rotate_secret(context, "refresh-token-secret", "api")
    aws.client("ssm").put_parameter(
        Name="/aussie-markets/staging/maintenance-mode", Value="true", Type="String"
    )
    with pytest.raises(OperationError, match="maintenance is on"):
        secrets.rotate_secret(context, "jwt-secret", "api")


def test_a_rotation_stops_at_any_call_and_goes_on(
    aws: Aws, make_run: MakeRun, jwt_key: str, audit_group: str
) -> None:
    assert jwt_key
    assert audit_group
    context = make_run(yes=True).context
    written = [1]

    def stopped_well(stopped: StoppedError) -> None:
        assert "run `secrets rotate jwt-secret` again" in stopped.go_on
        written.append(len(history()))
        if f"write a new version of {JWT}" in stopped.done:
            assert written[-1] == written[-2] + 1

    clients = [aws.client(name) for name in ("ssm", "ecs", "logs")]
    met = fails_at_every_call(
        [*clients, aws.client("ecs", attempts=1)],
        lambda: secrets.rotate_secret(context, "jwt-secret", "api"),
        stopped_well,
    )
    assert {call.step for call in met} == {
        *("", f"write a new version of {JWT}"),
        *("replace the tasks of api", "wait for the tasks of api"),
    }
    # Each run makes a value of its own.
    assert len(set(history())) == len(history()) >= written[-1]
    (described,) = aws.client("ssm").describe_parameters(
        ParameterFilters=[{"Key": "Name", "Values": [JWT]}]
    )["Parameters"]
    deployment = service.require_service(context)["deployments"][0]
    assert deployment["createdAt"] >= described["LastModifiedDate"]
