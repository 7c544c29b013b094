"""Debug tasks: audited first, like the service but not the service, and gone afterwards."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from operations import exec_task
from operations.aws import Aws
from operations.errors import InputError, OperationError, StoppedError
from operations.platform import Platform
from tests.operations.conftest import MakeRun, audit_lines
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
def entered(
    aws: Aws, plugin: Path, audit_group: str, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """A service; what ECS is asked to execute, which the emulator cannot."""
    assert plugin
    assert audit_group
    make_service(aws, make_network(aws))
    asked: dict[str, Any] = {}

    def execute_command(**how: Any) -> dict[str, Any]:
        asked.update(how)
        return {"session": {"sessionId": "s", "streamUrl": "wss://x", "tokenValue": "t0ken"}}

    real = aws.client("ecs").describe_tasks

    def describe_tasks(**how: Any) -> Any:
        """The emulator has no agents and begins to stop a task as soon as it is described."""
        answer = real(**how)
        for task in answer["tasks"]:
            if task["desiredStatus"] == "RUNNING":
                task["lastStatus"] = "RUNNING"
            for container in task["containers"]:
                agent = {"name": "ExecuteCommandAgent", "lastStatus": "RUNNING"}
                container |= {"managedAgents": [agent], "runtimeId": "run-1"}
        return answer

    monkeypatch.setattr(aws.client("ecs"), "execute_command", execute_command)
    monkeypatch.setattr(aws.client("ecs"), "describe_tasks", describe_tasks)
    return asked


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
    assert json.loads(session)["tokenValue"] == "t0ken"
    assert "t0ken" not in arguments
    assert arguments.startswith("AWS_SSM_START_SESSION_RESPONSE ap-southeast-2 StartSession")
    assert "ecs:aussie-markets-cluster-staging_" in arguments
    assert [line["outcome"] for line in audit_lines(audit_group)] == ["begun", "done"]
    assert audit_lines(audit_group)[0]["executed"] == "/bin/sh -l"
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
    with watched(aws, "ecs") as all_calls:
        exec_task.execute(make_run().context, "/bin/sh", role_arn=DEBUG_ROLE)
    for number, name in enumerate(all_calls.made, 1):
        run = make_run()
        with watched(aws, "ecs") as calls:
            calls.fail_at = number
            if name in ("StopTask", "DeregisterTaskDefinition"):
                exec_task.execute(run.context, "/bin/sh", role_arn=DEBUG_ROLE)
                assert "may be left" in run.text
                for arn in definitions(aws, "ACTIVE"):
                    aws.client("ecs").deregister_task_definition(taskDefinition=arn)
            else:
                with pytest.raises(StoppedError, match="run `exec` again"):
                    exec_task.execute(run.context, "/bin/sh", role_arn=DEBUG_ROLE)
        assert definitions(aws, "ACTIVE") == []
    assert "RunTask" in all_calls.made


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
