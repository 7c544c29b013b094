"""Debug tasks: audited first, like the service but not the service, and gone afterwards."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from operations import exec_task, service
from operations.aws import Aws
from operations.errors import InputError, OperationError, StoppedError
from operations.platform import Platform
from tests.emulator import REPOSITORY
from tests.operations.conftest import MakeRun, all_audit_lines
from tests.operations.faults import fails_at_every_call
from tests.operations.stack import make_network, make_service, watched

DEBUG_ROLE = "arn:aws:iam::123456789012:role/debug"


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A session plugin that writes down how it was called."""
    command, log = tmp_path / "session-manager-plugin", tmp_path / "calls"
    command.write_text(
        f'#!/bin/sh\necho "$AWS_SSM_START_SESSION_RESPONSE" >> {log}\necho "$*" >> {log}\n'
        'if [ -e "$0.fails" ]; then exit 3; fi\n'
    )
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return log


@pytest.fixture
def entered(aws: Aws, plugin: Path, audit_group: str) -> Iterator[dict[str, Any]]:
    """A service; what ECS is asked to execute."""
    assert plugin
    assert audit_group
    make_service(aws, make_network(aws))
    asked: dict[str, Any] = {}
    events, event = aws.client("ecs").meta.events, "before-parameter-build.ecs.ExecuteCommand"
    events.register_first(event, lambda params, **_: asked.update(params), "asked")
    yield asked
    events.unregister(event, unique_id="asked")


def definitions(aws: Aws, status: str) -> list[str]:
    family = f"{Platform('staging').service()}-debug"
    ecs = aws.client("ecs")
    listed = ecs.list_task_definitions(status=status)["taskDefinitionArns"]
    return [arn for arn in listed if family in arn]


def tasks(aws: Aws) -> list[str]:
    cluster = Platform("staging").cluster
    return list(aws.client("ecs").list_tasks(cluster=cluster, desiredStatus="RUNNING")["taskArns"])


def test_a_debug_task_is_audited_entered_and_gone(
    aws: Aws, make_run: MakeRun, plugin: Path, entered: dict[str, Any], audit_group: str
) -> None:
    registered: dict[str, Any] = {}
    started: dict[str, Any] = {}
    events = aws.client("ecs").meta.events
    events.register_first(
        "before-parameter-build.ecs.RegisterTaskDefinition",
        lambda params, **_: registered.update(params),
    )
    events.register_first(
        "before-parameter-build.ecs.RunTask", lambda params, **_: started.update(params)
    )
    exec_task.execute(make_run().context, "/bin/sh -l", minutes=5, role_arn=DEBUG_ROLE)

    (container,) = registered["containerDefinitions"]
    assert registered["family"] == "aussie-markets-api-staging-debug"
    assert registered["taskRoleArn"] == DEBUG_ROLE
    assert container["image"] == "public.example/bootstrap:1"
    assert not container["readonlyRootFilesystem"]
    assert (container["entryPoint"], container["command"]) == (["sleep"], ["300"])
    assert (container["portMappings"], "healthCheck" in container) == ([], False)
    assert started["enableExecuteCommand"]
    assert "loadBalancers" not in started
    assert (entered["command"], entered["interactive"]) == ("/bin/sh -l", True)

    session, arguments = plugin.read_text().splitlines()
    token = json.loads(session)["tokenValue"]
    assert token
    assert token not in arguments
    assert arguments.startswith("AWS_SSM_START_SESSION_RESPONSE ap-southeast-2 StartSession")
    assert "ecs:aussie-markets-cluster-staging_" in arguments
    lines = all_audit_lines(audit_group)
    assert [line["outcome"] for line in lines] == ["begun", "done"]
    assert lines[0]["executed"] == "/bin/sh -l"
    assert (tasks(aws), definitions(aws, "ACTIVE")) == ([], [])


@pytest.mark.usefixtures("entered")
def test_nobody_is_let_in_without_an_audit_line(
    aws: Aws, make_run: MakeRun, audit_group: str
) -> None:
    aws.client("logs").delete_log_group(logGroupName=audit_group)
    with pytest.raises(StoppedError, match="stopped at: audit it"):
        exec_task.execute(make_run().context, "/bin/sh", role_arn=DEBUG_ROLE)
    assert definitions(aws, "ACTIVE") + definitions(aws, "INACTIVE") == []


@pytest.mark.usefixtures("entered")
def test_a_session_that_fails_leaves_nothing(aws: Aws, make_run: MakeRun, tmp_path: Path) -> None:
    (tmp_path / "session-manager-plugin.fails").touch()
    with pytest.raises(StoppedError, match="the session ended with 3"):
        exec_task.execute(make_run().context, "/bin/sh", role_arn=DEBUG_ROLE)
    assert (tasks(aws), definitions(aws, "ACTIVE")) == ([], [])


def test_a_task_that_stops_by_itself_is_said(
    aws: Aws, make_run: MakeRun, entered: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = {"lastStatus": "STOPPED", "stoppedReason": "CannotPullContainerError"}
    monkeypatch.setattr(exec_task, "describe_task", lambda *_: stopped)
    with pytest.raises(StoppedError, match="stopped: CannotPullContainerError"):
        exec_task.execute(make_run().context, "/bin/sh", role_arn=DEBUG_ROLE)
    assert entered == {}
    assert definitions(aws, "ACTIVE") == []


@pytest.mark.usefixtures("entered")
def test_each_call_may_fail_and_nothing_is_left_unsaid(aws: Aws, make_run: MakeRun) -> None:
    run, ecs = make_run(), aws.client("ecs")

    def nothing_left_unsaid(stopped: StoppedError) -> None:
        assert "run `exec -- /bin/sh` again" in stopped.go_on
        left = [*tasks(aws), *definitions(aws, "ACTIVE")]
        if any(one not in run.text for one in left):
            assert "although no answer came" in stopped.go_on
            assert stopped.failed.startswith(("register", "start"))
        for task in tasks(aws):
            ecs.stop_task(cluster=Platform("staging").cluster, task=task)
        for definition in definitions(aws, "ACTIVE"):
            ecs.deregister_task_definition(taskDefinition=definition)

    clients = [aws.client(name) for name in ("ecs", "logs")]
    met = fails_at_every_call(
        clients,
        lambda: exec_task.execute(run.context, "/bin/sh", role_arn=DEBUG_ROLE),
        nothing_left_unsaid,
    )
    assert {call.step for call in met} == {
        *("", "audit it", "register a debug task like api's", "start the debug task"),
        *("wait for the debug task", "run /bin/sh"),
    }
    assert {call.operation for call in met} >= {"StopTask", "DeregisterTaskDefinition"}


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    ("command", "minutes", "problem"),
    [(" ", 60, "command is empty"), ("sh", 0, "from 1 to 240"), ("sh", 241, "from 1 to 240")],
)
def test_bad_input_is_refused_before_any_call(
    aws: Aws, make_run: MakeRun, command: str, minutes: int, problem: str
) -> None:
    with watched(aws, "ecs", "logs") as calls, pytest.raises(InputError, match=problem):
        exec_task.execute(make_run().context, command, minutes=minutes, role_arn=DEBUG_ROLE)
    assert calls.made == []


def test_without_the_plugin_nothing_is_started(
    aws: Aws, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with watched(aws, "ecs") as calls, pytest.raises(InputError, match="is not on PATH"):
        exec_task.execute(make_run().context, "sh", role_arn=DEBUG_ROLE)
    assert calls.made == []


@pytest.mark.usefixtures("plugin")
def test_a_missing_service_is_said(aws: Aws, make_run: MakeRun) -> None:
    assert aws
    with pytest.raises(OperationError, match="no service"):
        exec_task.execute(make_run().context, "sh", role_arn=DEBUG_ROLE)


def test_what_the_keyboard_says_in_a_session_ends_neither_it_nor_the_runbook(
    tmp_path: Path,
) -> None:
    keys = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)
    session = tmp_path / "session.py"
    session.write_text(
        "import signal, sys, time\n"
        f"keys, heard = {[int(key) for key in keys]}, set()\n"
        # What is ignored when a program starts never reaches it.
        "assert signal.SIG_IGN not in map(signal.getsignal, keys)\n"
        "for key in keys:\n"
        "    signal.signal(key, lambda number, _: heard.add(number))\n"
        "print('entered', flush=True)\n"
        "while len(heard) < len(keys):\n"
        "    time.sleep(0.01)\n"
        "sys.exit(7)\n"
    )
    runbook = (
        "import os, signal, sys\n"
        "from operations.exec_task import run_undisturbed\n"
        f"print(run_undisturbed([sys.executable, {str(session)!r}], os.environ))\n"
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", runbook],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == "entered\n"
        for key in keys:
            os.killpg(process.pid, key)
        said, _ = process.communicate(timeout=20)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert (said, process.returncode) == ("7\n", 0)


@pytest.fixture
def described(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> list[list[dict[str, Any]]]:
    """What ECS answers about a task, one answer after the other, and the last one for ever."""
    answers: list[list[dict[str, Any]]] = []

    def describe(**_: Any) -> dict[str, Any]:
        tasks = answers.pop(0) if len(answers) > 1 else answers[0]
        missing = [] if tasks else [{"reason": "MISSING"}]
        return {"tasks": tasks, "failures": missing}

    monkeypatch.setattr(aws.client("ecs"), "describe_tasks", describe)
    return answers


def test_a_task_that_ecs_does_not_know_yet_is_waited_for(
    make_run: MakeRun, described: list[list[dict[str, Any]]]
) -> None:
    slept: list[float] = []
    described += [[], [], [], [{"lastStatus": "PENDING"}]]
    context = make_run(sleep=slept.append).context
    assert service.describe_task(context, "t-1")["lastStatus"] == "PENDING"
    assert len(slept) == 3


def test_a_task_that_stays_missing_is_gone(
    make_run: MakeRun, described: list[list[dict[str, Any]]]
) -> None:
    slept: list[float] = []
    described.append([])
    with pytest.raises(OperationError, match="task t-1 is gone"):
        service.describe_task(make_run(sleep=slept.append).context, "t-1")
    assert 60 <= sum(slept) <= 300


@pytest.mark.usefixtures("entered")
def test_tasks_are_found_by_who_started_them_alone(
    aws: Aws, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, asked = make_run().context, list[dict[str, Any]]()
    definition = service.task_definition(
        context, service.require_service(context)["taskDefinition"]
    )
    arn = definition["taskDefinitionArn"]
    task = service.run_one_task(context, "api", arn, "debug", "token")
    events, event = aws.client("ecs").meta.events, "before-parameter-build.ecs.ListTasks"
    events.register_first(event, lambda params, **_: asked.append(dict(params)), "listed")
    try:
        assert service.running_tasks(context, "debug") == [task]
        monkeypatch.setattr(aws.client("ecs"), "describe_tasks", lambda **_: {"tasks": []})
        assert service.running_tasks(context, "debug") == [task]
    finally:
        events.unregister(event, unique_id="listed")
    cluster = Platform("staging").cluster
    # ECS: "it must be the only filter that you use".
    assert asked == [{"cluster": cluster, "startedBy": "operations-debug"}] * 2
