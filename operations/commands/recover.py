"""`recover`: the database after a disaster, a drill of it, and its adoption into the state."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from operations.adoption import adopt
from operations.errors import InputError
from operations.recover import Options, drill, recover
from operations.recovery_points import make_wish
from operations.steps import Context

app = typer.Typer(help="Restore the database in place after a disaster.")

_TABLES: Final = {"steps": "Steps", "objectives": "Objectives"}
_TODO: Final = "afterwards"


@app.callback(invoke_without_command=True)
def _recover(
    typer_context: typer.Context,
    at: Annotated[
        str | None, typer.Option(help="go back to this time; the latest possible without it")
    ] = None,
    snapshot: Annotated[
        str | None, typer.Option(help="go back to this snapshot, as `backup list` shows it")
    ] = None,
    only_drill: Annotated[
        bool, typer.Option("--drill", help="on a copy, which is deleted at the end")
    ] = False,
    scale: Annotated[
        int | None, typer.Option(help="least number of tasks; the present one without it")
    ] = None,
    health: Annotated[
        str | None, typer.Option(help="URL; /health of the failover's host without it")
    ] = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="also a database that was made within the hour; with --drill, also if another one "
            "may still run",
        ),
    ] = False,
) -> None:
    """Restore the database in place, let the API run on it, and verify."""
    if typer_context.invoked_subcommand is not None:
        return
    context: Context = typer_context.obj
    wish = make_wish(context, at, snapshot)
    if only_drill:
        if scale is not None or health is not None:
            raise InputError("--drill does not touch the API: leave out --scale and --health")
        _show(context, drill(context, wish, again=again), "Drill")
    else:
        _show(context, recover(context, Options(wish, scale, health, again)), "Recovered")


@app.command("adopt")
def _adopt(
    typer_context: typer.Context,
    folder: Annotated[Path, typer.Option(help="where a copy of the state is written")] = Path(),
) -> None:
    """Tell Pulumi's state of the instance that has the database's name now."""
    context: Context = typer_context.obj
    _show(context, adopt(context, folder), "Adopted")


def _show(context: Context, report: dict[str, Any], title: str) -> None:
    if context.dry_run:
        return
    if context.console.as_json:
        context.console.result(report, title)
        return
    for key, name in _TABLES.items():
        if key in report:
            context.console.rows(report[key], name)
    rest = {key: value for key, value in report.items() if key not in (*_TABLES, _TODO)}
    context.console.result(rest, title)
    # A table would break commands that are to be copied.
    for one in report.get(_TODO, ()):
        context.console.say(one)
