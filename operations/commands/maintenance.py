"""`maintenance`: users are turned away, and let in again."""

import typer

from operations.maintenance import set_maintenance
from operations.steps import Context

app = typer.Typer(no_args_is_help=True, help="Turn users away while something is mended.")


@app.command("on")
def on_(typer_context: typer.Context) -> None:
    """Answer every request with 503."""
    _set(typer_context.obj, on=True)


@app.command("off")
def off(typer_context: typer.Context) -> None:
    """Let users in again."""
    _set(typer_context.obj, on=False)


def _set(context: Context, *, on: bool) -> None:
    set_maintenance(context, on=on)
    if not context.dry_run:
        context.console.result({"maintenance": on}, "Maintenance")
