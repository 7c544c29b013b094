"""The `pulumi` command as runbooks call it, with a stand-in that tells how it was called."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from operations import pulumi_command
from operations.aws import Aws
from operations.errors import OperationError
from operations.pulumi_command import pulumi, pulumi_up, stack_output
from tests.emulator import REPOSITORY
from tests.operations.conftest import REGION, MakeRun


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with a line for each call of the stand-in."""
    log, command = tmp_path / "calls", tmp_path / "pulumi"
    command.write_text(
        f'#!/bin/sh\necho "$PWD|$AWS_REGION|$*|$(cat)" >> {log}\n'
        'if [ -e "$0.fails" ]; then echo "error: no" >&2; exit 255; fi\n'
        'if [ -e "$0.slow" ]; then sleep 0.3; touch "$0.ended"; fi\n'
        'echo \'{"a": "b"}\'\n'
    )
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return log


def test_a_command_works_on_the_stack_and_its_secrets_are_no_arguments(
    make_run: MakeRun, calls: Path
) -> None:
    context = make_run().context
    assert json.loads(pulumi(context, "config", "set", "x", given="s3cret")) == {"a": "b"}
    folder, region, arguments, given = calls.read_text().strip().split("|")
    assert (folder, region, given) == (str(REPOSITORY), "ap-southeast-2", "s3cret")
    assert arguments == "config set x --stack staging --non-interactive"


def test_an_output_is_read_and_a_missing_one_named(make_run: MakeRun, calls: Path) -> None:
    context = make_run().context
    assert stack_output(context, "a") == "b"
    with pytest.raises(OperationError, match="stack staging has no output bucket; run `pulumi up`"):
        stack_output(context, "bucket")
    assert "stack output --json" in calls.read_text()


@pytest.mark.usefixtures("calls")
def test_what_pulumi_says_against_it_is_passed_on(make_run: MakeRun, tmp_path: Path) -> None:
    (tmp_path / "pulumi.fails").touch()
    context = make_run().context
    with pytest.raises(OperationError, match="`pulumi stack output --json` failed: error: no"):
        stack_output(context, "a")
    with pytest.raises(OperationError, match="ended with 255"):
        pulumi_up(context, lambda: None)


def test_an_update_has_every_policy_pack_and_is_watched(
    make_run: MakeRun,
    calls: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "pulumi.slow").touch()
    monkeypatch.setattr(pulumi_command, "_INTERVAL", 0.05)
    looks: list[int] = []
    pulumi_up(make_run().context, lambda: looks.append(1))
    assert looks
    arguments = calls.read_text().split("|")[2]
    assert arguments.startswith("up --yes --policy-pack ")
    for pack in ("encryption", "availability", "retention", "access"):
        assert f"--policy-pack {REPOSITORY / 'policies' / pack}" in arguments
    # Standard output is for the result of the runbook.
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("failure", [ZeroDivisionError, KeyboardInterrupt])
def test_an_update_that_nobody_watches_any_more_is_waited_for(
    make_run: MakeRun,
    calls: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: type[BaseException],
) -> None:
    (tmp_path / "pulumi.slow").touch()
    monkeypatch.setattr(pulumi_command, "_INTERVAL", 0.05)
    ended = tmp_path / "pulumi.ended"

    def look() -> None:
        if calls.exists():
            raise failure

    with pytest.raises(failure):
        pulumi_up(make_run().context, look)
    assert ended.exists()


def test_pulumi_is_whoever_the_profile_says(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = tmp_path / "pulumi"
    command.write_text("#!/bin/sh\nenv\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    # Pulumi takes each of these before the profile, and boto3 the profile.
    others = ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "WEB_IDENTITY_TOKEN_FILE")
    for name in others:
        monkeypatch.setenv(f"AWS_{name}", "somebody-else")
    context = make_run().context
    assert pulumi(context, "whoami").count("somebody-else") == len(others)
    said = pulumi(replace(context, aws=Aws(REGION, "ours")), "whoami")
    assert "somebody-else" not in said
    assert "AWS_PROFILE=ours\n" in said


def test_a_missing_pulumi_is_said(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    context = make_run().context
    for action in (lambda: pulumi(context, "x"), lambda: pulumi_up(context, lambda: None)):
        with pytest.raises(OperationError, match="pulumi is not on PATH"):
            action()
