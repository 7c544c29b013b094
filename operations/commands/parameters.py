"""`parameters`: backup of Parameter Store."""

from typing import Annotated

import typer

from operations.parameters import backup_parameters, restore_parameters
from operations.steps import Context

app = typer.Typer(no_args_is_help=True, help="Backup of Parameter Store.")

_Bucket = Annotated[str | None, typer.Option(help="the stack's export bucket without it")]


@app.command()
def backup(typer_context: typer.Context, bucket: _Bucket = None) -> None:
    """Write all parameters of the stack to S3, secrets encrypted."""
    context: Context = typer_context.obj
    key = backup_parameters(context, bucket)
    if not context.dry_run:
        context.console.result({"key": key}, "Parameters")


@app.command()
def restore(
    typer_context: typer.Context,
    key: Annotated[str | None, typer.Option(help="an object; the newest without it")] = None,
    bucket: _Bucket = None,
) -> None:
    """Put back the parameters that differ from a backup."""
    context: Context = typer_context.obj
    restored = restore_parameters(context, key, bucket)
    if not context.dry_run:
        context.console.result({"restored": restored}, "Parameters")
