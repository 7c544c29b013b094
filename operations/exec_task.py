"""A debug task: the service's image, configuration and secrets, and a session inside it.

The service itself has a read-only file system, with which ECS Exec does not work, and no right to
be entered. So the task is one of its own: it serves nobody, ends by itself, and is audited before
anybody is let in.
"""

import json
import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from operations.aws import is_aws_failure
from operations.errors import InputError, OperationError
from operations.pulumi_command import stack_output
from operations.service import describe_task, register_copy, require_service, run_one_task
from operations.steps import Context, Step, looking, run_steps

PLUGIN: Final = "session-manager-plugin"
LONGEST_MINUTES: Final = 240

_START_MINUTES: Final = 10
# From version 1.2.497 on the plugin takes the session from a variable of this name: arguments of a
# process can be read by everybody on the machine.
_SESSION_VARIABLE: Final = "AWS_SSM_START_SESSION_RESPONSE"
# Ctrl-C, Ctrl-\ and Ctrl-Z: the AWS CLI leaves the same ones to the plugin.
_KEYS: Final = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)


def execute(
    context: Context,
    command: str,
    *,
    service: str = "api",
    minutes: int = 60,
    role_arn: str | None = None,
) -> None:
    """Run a command in a debug task, with the caller's terminal; the task ends with it.

    Raises:
        InputError: there is no command, or the time is none; the session plugin is missing.
    """
    if not command.strip():
        raise InputError("the command is empty; use for example /bin/sh")
    if not 1 <= minutes <= LONGEST_MINUTES:
        raise InputError(f"--minutes {minutes}: must be from 1 to {LONGEST_MINUTES}")
    if shutil.which(PLUGIN) is None:
        raise InputError(
            f"{PLUGIN} is not on PATH: install it as the Systems Manager user guide says"
        )
    again = f"run `exec -- {command}` again with the same options"
    go_on = (
        f"{again}. What may be left although no answer came: a task, which ends by itself "
        f"after {minutes} minutes, and a task definition, which does no harm"
    )
    with looking(again):
        require_service(context, service)
    role_arn = role_arn or stack_output(context, "debug_task_role_arn")
    token = uuid.uuid4().hex
    made: dict[str, str] = {}

    def register() -> None:
        made["definition"] = register_copy(
            context,
            service,
            "debug",
            container={
                # It ends even if nobody is left to end it.
                "entryPoint": ["sleep"],
                "command": [str(minutes * 60)],
                "readonlyRootFilesystem": False,
                "portMappings": [],
                # The agent of ECS Exec needs more than the program does.
                "linuxParameters": {"initProcessEnabled": True},
            },
            without=("healthCheck",),
            taskRoleArn=role_arn,
        )

    def start() -> None:
        made["task"] = run_one_task(
            context, service, made["definition"], "debug", token, enableExecuteCommand=True
        )

    def wait() -> None:
        context.wait(
            lambda: _can_be_entered(context, made["task"], service),
            what=f"debug task {made['task']}",
            minutes=_START_MINUTES,
            interval=5,
        )

    steps = [
        Step(f"register a debug task like {service}'s", register),
        Step("start the debug task", start),
        Step("wait for the debug task", wait),
        Step(f"run {command}", lambda: _enter(context, made["task"], service, command)),
    ]
    about: dict[str, Any] = {"service": service, "executed": command}
    try:
        # Before anybody is let in: a session that nobody can find again must not begin.
        run_steps(context, "exec", steps, go_on=go_on, audited_first=True, **about)
    finally:
        _end(context, made)


def _can_be_entered(context: Context, task: str, service: str) -> bool:
    described = describe_task(context, task)
    if described["lastStatus"] == "STOPPED":
        raise OperationError(f"the debug task stopped: {described.get('stoppedReason')}")
    agents = [
        agent["lastStatus"]
        for container in described["containers"]
        if container["name"] == service
        for agent in container.get("managedAgents", ())
        if agent["name"] == "ExecuteCommandAgent"
    ]
    return bool(described["lastStatus"] == "RUNNING" and agents == ["RUNNING"])


def _enter(context: Context, task: str, service: str, command: str) -> None:
    cluster = context.platform.cluster
    answer: dict[str, Any] = context.aws.client("ecs").execute_command(
        cluster=cluster, task=task, container=service, interactive=True, command=command
    )
    (runtime,) = (
        container["runtimeId"]
        for container in describe_task(context, task)["containers"]
        if container["name"] == service
    )
    request = {"Target": f"ecs:{cluster}_{task.rsplit('/', 1)[-1]}_{runtime}"}
    profile = context.aws.profile or ""
    plugin = [PLUGIN, _SESSION_VARIABLE, context.aws.region, "StartSession", profile]
    session = {**os.environ, _SESSION_VARIABLE: json.dumps(answer["session"])}
    code = run_undisturbed([*plugin, json.dumps(request)], session)
    if code:
        raise OperationError(f"the session ended with {code}")


def run_undisturbed(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command to its end, and leave to it what the terminal's keys say; its exit code.

    What Ctrl-C shall end is the program inside the session, and not the session's task.
    """
    # Not SIG_IGN, which the command would inherit.
    before = {key: signal.signal(key, lambda *_: None) for key in _KEYS}
    try:
        return subprocess.run(command, env=environment, check=False).returncode
    finally:
        for key, handler in before.items():
            signal.signal(key, handler)


def _end(context: Context, made: dict[str, str]) -> None:
    """Take away what was made, as far as possible; it must not hide how the session ended."""
    ecs = context.aws.client("ecs")
    try:
        if "task" in made:
            ecs.stop_task(
                cluster=context.platform.cluster, task=made["task"], reason="session ended"
            )
        if "definition" in made:
            ecs.deregister_task_definition(taskDefinition=made["definition"])
    except Exception as error:
        if not is_aws_failure(error):
            raise
        context.console.say(
            f"warning: {' and '.join(made.values())} may be left ({error}); the task ends by "
            "itself, or by `aws ecs stop-task`"
        )
