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
    names: Annotated[
        list[str] | None,
        typer.Argument(help="such as jwt-secret; those that are missing without them"),
    ] = None,
    key: Annotated[str | None, typer.Option(help="an object; the newest without it")] = None,
    bucket: _Bucket = None,
) -> None:
    """Put back lost parameters, and damaged ones that are named, from a backup."""
    context: Context = typer_context.obj
    put_back = restore_parameters(context, key, bucket, names=names or ())
    if not context.dry_run:
        context.console.result(put_back._asdict(), "Parameters")
