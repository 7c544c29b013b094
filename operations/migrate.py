"""Migrations of the database, in the order of the deployment documentation's procedure."""

import re
import urllib.error
import urllib.request
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from operations.aws import is_aws_failure
from operations.backup import PRE_MIGRATION, backup_name, take_snapshot, wait_for_snapshot
from operations.database import require_instance
from operations.deploy import check_version, find_image
from operations.errors import InputError, OperationError
from operations.maintenance import listener_arn, maintenance_steps
from operations.parameters import require_no_maintenance
from operations.service import (
    describe_task,
    register_copy,
    require_service,
    run_one_task,
    running_tasks,
)
from operations.steps import Context, Step, looking, run_steps

# Deployment documentation, "Production Migration Process" and "Recovery Procedures".
COMMAND: Final = ("npm", "run", "migration:run")
DOMAIN: Final = "aussie-markets.com"
HEALTH_ATTEMPTS: Final = 30
HEALTH_SECONDS: Final = 10

_PURPOSE: Final = "migration"
_TASK_MINUTES: Final = 240
_LOG_LINES: Final = 15
_CUT_OFF: Final = (
    f"A migration that was cut off goes on with --snapshot {PRE_MIGRATION}…, which `backup list` "
    "shows; end any other maintenance first"
)
_SNAPSHOT: Final = re.compile(rf"{PRE_MIGRATION}[a-z0-9](-?[a-z0-9])*")


@dataclass(frozen=True)
class Migration:
    """What is migrated; `image` is a version of the API's image, the running one without it."""

    command: Sequence[str] = COMMAND
    image: str | None = None
    health_url: str | None = None
    rehearsal_health_url: str | None = None


def api_host(environment: str) -> str:
    label = "api" if environment == "production" else f"{environment}-api"
    return f"{label}.{DOMAIN}"


def health_url(environment: str) -> str:
    return f"https://{api_host(environment)}/health"


def check_health_url(url: str | None) -> None:
    if url is not None and not url.startswith(("https://", "http://")):
        raise InputError(f"health URL {url}: must begin with https:// or http://")


def migrate(
    context: Context,
    rehearsal: Context | None,
    migration: Migration,
    snapshot: str | None = None,
) -> str:
    """Run the procedure; the snapshot from before it. With that snapshot's name, go on with it.

    `rehearsal` is the environment in which the migration is tried first.

    Raises:
        InputError: the input cannot be, and nothing was called.
        StoppedError: with the way on and the way back.
    """
    _check(context, rehearsal, migration, snapshot)
    name = snapshot or backup_name(context, PRE_MIGRATION)
    go_on = (
        f"run `migrate --snapshot {name}` again with the same options, which goes on with it. The "
        f"way back, once production was migrated: `backup restore {name}` and `recover`; "
        "maintenance stays on until `maintenance off`"
    )
    with looking(go_on):
        require_instance(context)
        listener = listener_arn(context, "api")
        for place in (context, *([rehearsal] if rehearsal else [])):
            require_service(place)
            if migration.image is not None:
                find_image(place, migration.image)
        if snapshot is None:
            require_no_maintenance(context, _CUT_OFF)
    steps = [
        Step(f"take snapshot {name}", partial(take_snapshot, context, name)),
        Step(f"wait for snapshot {name}", partial(wait_for_snapshot, context, name)),
        *(_rehearsal_steps(rehearsal, migration) if rehearsal else []),
        Step("agree that the maintenance begins now", partial(_agree, context)),
        *maintenance_steps(context, listener, on=True),
        Step(f"migrate {context.platform.environment}", partial(run_migration, context, migration)),
        *maintenance_steps(context, listener, on=False),
        _health_step(context, migration.health_url),
    ]
    run_steps(context, "migrate", steps, go_on=go_on, snapshot=name, image=migration.image)
    return name


def run_migration(context: Context, migration: Migration) -> None:
    """Run the migration as one task of its own, and see it end well."""
    ecs, service = context.aws.client("ecs"), "api"
    # A run that was cut off leaves its task behind; two migrations at once would harm each other.
    context.wait(
        lambda: not running_tasks(context, _PURPOSE),
        what="the migration of an earlier run",
        minutes=_TASK_MINUTES,
    )
    changed = {"image": find_image(context, migration.image)} if migration.image else {}
    definition = register_copy(
        context,
        service,
        _PURPOSE,
        container={"command": list(migration.command), "portMappings": [], **changed},
        # Of a task that serves nobody it would end the migration.
        without=("healthCheck",),
    )
    try:
        task = run_one_task(context, service, definition, _PURPOSE, uuid.uuid4().hex)
        context.console.say(f"task {task}")
        context.wait(
            lambda: describe_task(context, task)["lastStatus"] == "STOPPED",
            what="the migration",
            minutes=_TASK_MINUTES,
        )
        _judge(context, definition, task)
    finally:
        # A revision that is left does no harm, and must not hide how the migration ended.
        try:
            ecs.deregister_task_definition(taskDefinition=definition)
        except Exception as error:
            if not is_aws_failure(error):
                raise
            context.console.say(f"warning: {definition} is left: {error}")


def verify_health(context: Context, url: str) -> None:
    """Ask until the API answers 200, as often as the documentation does."""
    problem = ""
    for attempt in range(HEALTH_ATTEMPTS):
        if attempt:
            context.sleep(HEALTH_SECONDS)
        try:
            with urllib.request.urlopen(url, timeout=HEALTH_SECONDS) as answer:  # noqa: S310 - checked
                if answer.status == 200:
                    return
                problem = f"status {answer.status}"
        except (urllib.error.URLError, OSError) as error:
            problem = str(error)
        context.console.say(f"waiting for {url}: {problem}")
    raise OperationError(f"{url} is not healthy after {HEALTH_ATTEMPTS} attempts: {problem}")


def _check(
    context: Context, rehearsal: Context | None, migration: Migration, snapshot: str | None
) -> None:
    environment = context.platform.environment
    if rehearsal is not None and rehearsal.platform == context.platform:
        raise InputError(f"--rehearse-on {environment}: must be another stack than --stack")
    if not migration.command:
        raise InputError("--command is empty; the documented one is `npm run migration:run`")
    if snapshot is not None and not _SNAPSHOT.fullmatch(snapshot):
        raise InputError(f"--snapshot {snapshot}: must be the {PRE_MIGRATION}… of an earlier run")
    if migration.image is not None:
        check_version(migration.image)
    for url in (migration.health_url, migration.rehearsal_health_url):
        check_health_url(url)
    if not context.dry_run and not context.yes:
        # Asked again when the maintenance begins; without anybody to ask, that comes too late.
        context.console.confirm(f"Begin the migration of {environment}?", yes=context.yes)


def _agree(context: Context) -> None:
    context.console.confirm(
        f"Users of {context.platform.environment} are turned away until the migration is over. "
        "Begin now, while few are there?",
        yes=context.yes,
    )


def _rehearsal_steps(rehearsal: Context, migration: Migration) -> list[Step]:
    name = rehearsal.platform.environment
    return [
        Step(f"migrate {name}", partial(run_migration, rehearsal, migration)),
        _health_step(rehearsal, migration.rehearsal_health_url),
    ]


def _health_step(context: Context, url: str | None) -> Step:
    environment = context.platform.environment
    return Step(
        f"verify that {environment} is healthy",
        partial(verify_health, context, url or health_url(environment)),
    )


def _judge(context: Context, definition: str, task: str) -> None:
    ended = describe_task(context, task)
    codes = [container.get("exitCode") for container in ended["containers"]]
    if any(code != 0 for code in codes):
        raise OperationError(
            f"the migration ended with {codes[0]}: {ended.get('stoppedReason') or 'see its log'}"
            + _log_tail(context, definition, task)
        )


def _log_tail(context: Context, definition: str, task: str) -> str:
    """The last lines of what the task printed; nothing where there is no log."""
    described: dict[str, Any] = context.aws.client("ecs").describe_task_definition(
        taskDefinition=definition
    )["taskDefinition"]
    container = described["containerDefinitions"][0]
    options = container.get("logConfiguration", {}).get("options", {})
    if "awslogs-group" not in options:
        return ""
    stream = f"{options['awslogs-stream-prefix']}/{container['name']}/{task.rsplit('/', 1)[-1]}"
    try:
        events = context.aws.client("logs").get_log_events(
            logGroupName=options["awslogs-group"], logStreamName=stream, limit=_LOG_LINES
        )["events"]
    except Exception as error:
        if not is_aws_failure(error):
            raise
        return f"\n    its log cannot be read: {error}"
    return "".join(f"\n    {event['message']}" for event in events)
