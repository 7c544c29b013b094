"""The operator's command line: `python -m operations --stack staging backup create`."""

import sys
from collections.abc import Sequence
from itertools import islice
from typing import Annotated, Final

import botocore.exceptions
import typer

from operations.aws import Aws
from operations.commands import (
    backup,
    deploy,
    exec_task,
    maintenance,
    migrate,
    parameters,
    recover,
    secrets,
)
from operations.console import Console
from operations.errors import OperationError
from operations.platform import Platform
from operations.steps import Context

REGION: Final = "ap-southeast-2"

app = typer.Typer(
    name="operations",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Runbooks of the Aussie Markets platform.",
    epilog="example: python -m operations --stack staging backup create",
)


app.add_typer(backup.app, name="backup")
app.add_typer(maintenance.app, name="maintenance")
app.add_typer(parameters.app, name="parameters")
app.add_typer(recover.app, name="recover")
app.add_typer(secrets.app, name="secrets")
deploy.register(app)
exec_task.register(app)
migrate.register(app)


@app.callback()
def common(
    typer_context: typer.Context,
    stack: Annotated[str, typer.Option(help="environment to work on, such as staging")],
    json: Annotated[bool, typer.Option("--json", help="answer in JSON")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say what would be done, and do nothing")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="do not ask before destroying or overwriting")
    ] = False,
    profile: Annotated[str | None, typer.Option(help="profile of the AWS configuration")] = None,
    region: Annotated[str, typer.Option(envvar="AWS_REGION", help="region of the stack")] = REGION,
) -> None:
    """Options of every command; they stand before or after it."""
    typer_context.obj = Context(
        platform=Platform(stack),
        aws=Aws(region, profile),
        console=Console(as_json=json),
        dry_run=dry_run,
        yes=yes,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit code. An error is said in words, without a traceback."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        app(args=common_options_first(given))
    except SystemExit as ended:
        # typer ends so, also after it has explained a wrong option.
        return ended.code if isinstance(ended.code, int) else 0
    except OperationError as error:
        return _said(str(error), 1)
    except botocore.exceptions.NoCredentialsError:
        return _said("AWS has no credentials here; give --profile, or run this in `make shell`", 1)
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        return _said(f"AWS: {error}", 1)
    return 0


def common_options_first(arguments: Sequence[str]) -> list[str]:
    """Where typer looks for them: people add `--yes` at the end of what was refused without it.

    What follows `--` is the command of a debug task, and is left as it is.
    """
    options = {
        name: option for option in typer.main.get_command(app).params for name in option.opts
    }
    common: list[str] = []
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        name, given_with_it, _ = word.partition("=")
        if word == "--":
            rest += [word, *words]
        elif name not in options:
            rest.append(word)
        elif given_with_it or getattr(options[name], "is_flag", False):
            common.append(word)
        else:
            common += [word, *islice(words, 1)]
    return common + rest


def _said(text: str, code: int) -> int:
    sys.stderr.write(f"error: {text}\n")
    return code
