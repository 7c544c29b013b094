"""`migrate`: the database's schema, in the documented order."""

import shlex
import time
from dataclasses import replace
from typing import Annotated

import typer

from operations.aws import Aws
from operations.migrate import COMMAND, Migration, migrate
from operations.platform import Platform
from operations.steps import Context


def register(app: typer.Typer) -> None:
    app.command("migrate")(_migrate)


def _migrate(
    typer_context: typer.Context,
    rehearse_on: Annotated[
        str, typer.Option(help="the stack on which it is tried first; empty for none")
    ] = "staging",
    rehearsal_profile: Annotated[
        str | None, typer.Option(help="profile of that stack's account; --profile without it")
    ] = None,
    image: Annotated[
        str | None, typer.Option(help="version of the API's image; the running one without it")
    ] = None,
    command: Annotated[str, typer.Option(help="what runs in the task")] = shlex.join(COMMAND),
    snapshot: Annotated[
        str | None, typer.Option(help="that of a run that stopped, to go on with it")
    ] = None,
    health: Annotated[
        str | None, typer.Option(help="URL; /health of the failover's host without it")
    ] = None,
    rehearsal_health: Annotated[
        str | None, typer.Option(help="URL of the other stack, likewise")
    ] = None,
) -> None:
    """Migrate the database: snapshot, rehearsal, maintenance, migration, verification."""
    context: Context = typer_context.obj
    rehearsal = None
    if rehearse_on and rehearse_on != context.platform.environment:
        profile = rehearsal_profile or context.aws.profile
        rehearsal = replace(
            context, platform=Platform(rehearse_on), aws=Aws(context.aws.region, profile)
        )
    migration = Migration(tuple(shlex.split(command)), image, health, rehearsal_health)
    begun = time.monotonic()
    name = migrate(context, rehearsal, migration, snapshot)
    if not context.dry_run:
        minutes = round((time.monotonic() - begun) / 60, 1)
        context.console.result({"snapshot": name, "minutes": minutes}, "Migrated")
