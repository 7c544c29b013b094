"""`deploy` and `rollback`: which image a service runs."""

from typing import Annotated

import typer

from operations.deploy import Registry, deploy, rollback
from operations.steps import Context


def register(app: typer.Typer) -> None:
    app.command("deploy")(_deploy)
    app.command("rollback")(_rollback)


_Service = Annotated[str, typer.Option(help="the service to release")]


def _deploy(
    typer_context: typer.Context,
    version: Annotated[str, typer.Argument(help="a tag other than latest, or a digest")],
    service: _Service = "api",
    registry_id: Annotated[
        str | None, typer.Option(help="account of the images; this one without it")
    ] = None,
    registry_region: Annotated[
        str | None, typer.Option(help="region of the images; --region without it")
    ] = None,
) -> None:
    """Release an image and see it run."""
    context: Context = typer_context.obj
    image = deploy(context, version, service, Registry(registry_id, registry_region))
    if not context.dry_run:
        context.console.result({"service": service, "image": image}, "Deployed")


def _rollback(typer_context: typer.Context, service: _Service = "api") -> None:
    """Release the image before the present one."""
    context: Context = typer_context.obj
    image = rollback(context, service)
    if not context.dry_run:
        context.console.result({"service": service, "image": image}, "Rolled back")
