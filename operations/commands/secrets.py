"""`secrets`: first values and new versions."""

from typing import Annotated

import typer

from operations.secrets import ROTATED, init_secrets, read_secret, rotate_secret
from operations.steps import Context

app = typer.Typer(no_args_is_help=True, help="First values and new versions of secrets.")


@app.command()
def init(
    typer_context: typer.Context,
    stripe: Annotated[
        bool, typer.Option(help="ask for the Stripe key, or read it from standard input")
    ] = False,
) -> None:
    """Make up the secrets that the stack file lacks."""
    context: Context = typer_context.obj
    outcome = init_secrets(context, read_secret("Stripe key") if stripe else None)
    if not context.dry_run:
        context.console.result(outcome, "Secrets of the stack")


@app.command()
def rotate(
    typer_context: typer.Context,
    name: Annotated[str, typer.Argument(help=f"one of {', '.join(ROTATED)}")],
    service: Annotated[str, typer.Option(help="whose tasks read it")] = "api",
) -> None:
    """Write a new version of a secret, and replace the tasks that read it."""
    context: Context = typer_context.obj
    value = read_secret("Stripe key") if name == "stripe-secret-key" else None
    rotate_secret(context, name, service, value)
    if not context.dry_run:
        context.console.result({"rotated": context.platform.parameter(name)}, "Rotated")
