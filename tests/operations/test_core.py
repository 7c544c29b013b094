"""What every runbook has: names, steps that account for themselves, waits, errors in words."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import botocore.exceptions
import pytest
import typer

from components.naming import Names
from operations import cli
from operations.aws import Aws, error_code, or_none, wait_until
from operations.console import Console
from operations.errors import InputError, OperationError, StoppedError
from operations.platform import Platform
from operations.steps import Context, Step, run_steps
from tests.emulator import REPOSITORY
from tests.operations.conftest import MakeRun, all_audit_lines, audit_lines


def test_the_names_are_those_of_the_program() -> None:
    for environment in ("staging", "production", "a-demo"):
        names, platform = Names(environment), Platform(environment)
        assert platform.database == names.database
        assert platform.cluster == names.cluster
        assert platform.service("worker") == names.service("worker")
        assert platform.parameter("jwt-secret") == names.parameter("jwt-secret")
        assert platform.release("api") == names.release("api")
        assert platform.audit_log_group == names.log_group("audit")
        assert platform.key_alias("logs") == names.key_alias("logs")
        assert f"{platform.parameters_path}/x" == names.parameter("x")


@pytest.mark.parametrize("name", ["", "S", "Staging", "a--b", "a/b", "x" * 17, "1a", "a-"])
def test_a_stack_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="--stack"):
        Platform(name)


def step(title: str, ran: list[str], fails: Exception | None = None) -> Step:
    def action() -> None:
        if fails is not None:
            raise fails
        ran.append(title)

    return Step(title, action)


def refused(code: str) -> botocore.exceptions.ClientError:
    return botocore.exceptions.ClientError({"Error": {"Code": code, "Message": "no"}}, "Call")


def test_steps_run_in_order_and_leave_an_audit_line_before_and_after(
    make_run: MakeRun, audit_group: str
) -> None:
    run, ran = make_run(), list[str]()
    steps = [step("take a snapshot", ran), step("record it", ran)]
    assert run_steps(run.context, "backup create", steps, go_on="again", snapshot="s-1")
    assert ran == ["take a snapshot", "record it"]
    assert run.text == "take a snapshot\nrecord it\n"
    lines = all_audit_lines(audit_group)
    assert all(line.pop("by").startswith("arn:aws:") for line in lines)
    about = {
        "event": "operation",
        "environment": "staging",
        "command": "backup create",
        "snapshot": "s-1",
    }
    assert lines == [
        {**about, "outcome": "begun"},
        {**about, "done": ["take a snapshot", "record it"], "outcome": "done"},
    ]


def test_of_a_run_that_is_killed_the_audit_log_tells_all_the_same(
    make_run: MakeRun, audit_group: str
) -> None:
    context = make_run().context

    def look() -> None:
        (line,) = all_audit_lines(audit_group)
        assert (line["command"], line["outcome"]) == ("recover", "begun")

    assert run_steps(context, "recover", [Step("look", look)], go_on="")


def test_where_the_audit_log_must_tell_nothing_is_done_before(make_run: MakeRun) -> None:
    run, ran = make_run(), list[str]()
    with pytest.raises(StoppedError, match="stopped at: audit it"):
        run_steps(run.context, "exec", [step("enter", ran)], go_on="again", audited_first=True)
    assert ran == []


def test_a_dry_run_shows_the_steps_and_does_nothing(make_run: MakeRun, audit_group: str) -> None:
    run, ran = make_run(dry_run=True), list[str]()
    assert not run_steps(run.context, "x", [step("drop it", ran)], go_on="")
    assert (ran, run.text) == ([], "would: drop it\n")
    assert all_audit_lines(audit_group) == []


@pytest.mark.parametrize(
    ("failure", "because"),
    [
        (refused("Throttling"), "Throttling"),
        (refused("AccessDenied"), "your role lacks this right"),
        (refused("AccessDeniedException"), "your role lacks this right"),
        (OperationError("the snapshot is gone"), "the snapshot is gone"),
        (botocore.exceptions.ReadTimeoutError(endpoint_url="http://x"), "timeout"),
        (KeyboardInterrupt(), "it was interrupted"),
    ],
)
def test_a_runbook_that_stops_says_what_it_did_what_not_and_how_to_go_on(
    make_run: MakeRun, audit_group: str, failure: Any, because: str
) -> None:
    run, ran = make_run(), list[str]()
    steps = [step("first", ran), step("second", ran, failure), step("third", ran)]
    with pytest.raises(StoppedError) as stopped:
        run_steps(run.context, "recover", steps, go_on="run recover again")
    error = stopped.value
    assert (error.done, error.failed, error.left) == (("first",), "second", ("third",))
    text = str(error)
    assert "stopped at: second" in text
    assert because.lower() in text.lower()
    assert "done: first" in text
    assert "not done: third" in text
    assert text.endswith("to go on: run recover again")
    (line,) = audit_lines(audit_group)
    assert (line["outcome"], line["failed"], line["done"]) == ("stopped", "second", ["first"])


@pytest.mark.parametrize(
    "failure", [ZeroDivisionError("s3cret"), FileNotFoundError("s3cret"), SystemExit("s3cret")]
)
def test_what_nobody_has_thought_of_is_accounted_for_too_and_no_failure_of_aws(
    make_run: MakeRun, audit_group: str, failure: Any
) -> None:
    run, ran = make_run(), list[str]()
    steps = [step("first", ran), step("second", ran, failure), step("third", ran)]
    with pytest.raises(type(failure)):
        run_steps(run.context, "x", steps, go_on="run x again")
    (line,) = audit_lines(audit_group)
    assert (line["outcome"], line["failed"], line["done"]) == ("stopped", "second", ["first"])
    assert type(failure).__name__ in line["reason"]
    assert "s3cret" not in f"{all_audit_lines(audit_group)}"
    assert "not done: third" in run.text
    assert run.text.endswith("to go on: run x again\n")


def test_a_missing_audit_log_is_said_and_hides_nothing(make_run: MakeRun) -> None:
    run, ran = make_run(), list[str]()
    assert run_steps(run.context, "x", [step("a", ran)], go_on="")
    assert ran == ["a"]
    assert "warning: the audit log has no line of this" in run.text


def test_a_wait_tells_its_progress_and_ends_with_what_to_do() -> None:
    now, told = [0.0], list[str]()

    def sleep(seconds: float) -> None:
        now[0] += seconds

    def wait(ready: Callable[[], bool]) -> None:
        wait_until(
            ready,
            what="db-1",
            seconds=60,
            interval=20,
            tell=told.append,
            sleep=sleep,
            clock=lambda: now[0],
        )

    wait(lambda: now[0] >= 40)
    assert told == ["waiting for db-1, 0 s", "waiting for db-1, 20 s"]
    with pytest.raises(OperationError, match="db-1 is not ready after 1 minutes"):
        wait(lambda: False)


def test_only_the_named_codes_mean_missing(aws: Aws) -> None:
    def describe() -> Any:
        return aws.client("rds").describe_db_instances(DBInstanceIdentifier="nothing")

    assert or_none(describe, "DBInstanceNotFound") is None
    with pytest.raises(botocore.exceptions.ClientError) as failure:
        or_none(describe, "Other")
    assert error_code(failure.value) == "DBInstanceNotFound"
    assert error_code(ValueError()) == ""


def test_every_page_is_read(aws: Aws) -> None:
    ssm = aws.client("ssm")
    for number in range(25):
        ssm.put_parameter(Name=f"/p/{number}", Value="v", Type="String")
    found = list(aws.pages("ssm", "get_parameters_by_path", "Parameters", Path="/p"))
    assert len({one["Name"] for one in found}) == 25


def test_an_unknown_profile_is_refused_in_words(aws: Aws) -> None:
    assert aws.account_id == "123456789012"
    with pytest.raises(OperationError, match="aws configure list-profiles"):
        Aws("ap-southeast-2", "no-such-profile").client("s3")


def test_results_are_one_json_document_or_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    machine, person = Console(as_json=True), Console()
    machine.result({"id": "s-1", "size": 20}, "Backup")
    assert json.loads(capsys.readouterr().out) == {"id": "s-1", "size": 20}
    machine.rows([], "Backups")
    assert json.loads(capsys.readouterr().out) == []
    person.rows([], "Backups")
    assert capsys.readouterr().out == "Backups: none\n"
    person.rows([{"id": "s-1", "status": None}], "Backups")
    table = capsys.readouterr().out
    assert "s-1" in table
    assert "-" in table
    person.say("progress")
    assert capsys.readouterr() == ("", "progress\n")


def test_nobody_to_ask_means_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
    with pytest.raises(InputError, match="add --yes"):
        Console().confirm("Delete it?", yes=False)
    Console().confirm("Delete it?", yes=True)


@pytest.mark.parametrize(("answer", "goes_on"), [("y", True), ("yes", True), ("", False)])
def test_a_person_is_asked(monkeypatch: pytest.MonkeyPatch, answer: str, goes_on: bool) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda: answer)
    if goes_on:
        Console().confirm("Delete it?", yes=False)
    else:
        with pytest.raises(InputError, match="nothing was changed"):
            Console().confirm("Delete it?", yes=False)


def test_the_command_line_says_errors_in_words_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    app = typer.Typer()
    app.callback()(cli.common)

    @app.command()
    def fail(context: typer.Context) -> None:
        assert isinstance(context.obj, Context)
        raise OperationError(f"{context.obj.platform.database} is gone; run recover")

    @app.command()
    def other() -> None:
        raise botocore.exceptions.NoCredentialsError

    monkeypatch.setattr(cli, "app", app)
    assert cli.main(["--stack", "staging", "fail"]) == 1
    assert capsys.readouterr().err == "error: aussie-markets-db-staging is gone; run recover\n"
    assert cli.main(["--stack", "staging", "other"]) == 1
    assert "give --profile" in capsys.readouterr().err
    assert cli.main(["--stack", "Not A Stack", "fail"]) == 1
    assert "must be the name of a stack" in capsys.readouterr().err
    assert cli.main(["fail"]) == 2


def test_help_has_an_example() -> None:
    command = [sys.executable, "-m", "operations", "--help"]
    answer = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert "example: python -m operations" in answer.stdout


def test_runbooks_work_without_pulumi_and_without_the_program() -> None:
    code = (
        "import sys, operations.cli\n"
        "found = [m for m in sys.modules if m.split('.')[0] in ('pulumi', 'components', 'local')]\n"
        "assert not found, found"
    )
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
