"""`exec`: a command in a debug task."""

import shlex
from typing import Annotated

import typer

from operations.exec_task import execute
from operations.steps import Context


def register(app: typer.Typer) -> None:
    app.command("exec")(_exec)


def _exec(
    typer_context: typer.Context,
    command: Annotated[list[str], typer.Argument(help="such as /bin/sh, after --")],
    service: Annotated[str, typer.Option(help="whose image and secrets")] = "api",
    minutes: Annotated[int, typer.Option(help="after which the task ends by itself")] = 60,
    role_arn: Annotated[
        str | None, typer.Option(help="role of the debug task; the stack's without it")
    ] = None,
) -> None:
    """Run a command in a short-lived debug task."""
    context: Context = typer_context.obj
    execute(context, shlex.join(command), service=service, minutes=minutes, role_arn=role_arn)
