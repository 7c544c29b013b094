"""Migrations of the database, in the order of the deployment documentation's procedure."""

import http.client
import re
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
from operations.failover import find_failover, health_url
from operations.load_balancer import load_balancers
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
PURPOSE: Final = "migration"
HEALTH_ATTEMPTS: Final = 30
HEALTH_SECONDS: Final = 10

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
        f"way back, once {context.platform.environment} was migrated: `recover --snapshot {name}`, "
        "which ends the maintenance and loses what was written since the snapshot; else "
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
        health = _health_step(context, migration.health_url, "--health")
        rehearsed = _rehearsal_steps(rehearsal, migration) if rehearsal else []
    steps = [
        Step(f"take snapshot {name}", partial(take_snapshot, context, name)),
        Step(f"wait for snapshot {name}", partial(wait_for_snapshot, context, name)),
        *rehearsed,
        Step("agree that the maintenance begins now", partial(_agree, context)),
        *maintenance_steps(context, listener, on=True, migration=name),
        Step(f"migrate {context.platform.environment}", partial(run_migration, context, migration)),
        *maintenance_steps(context, listener, on=False, migration=name),
        health,
    ]
    run_steps(context, "migrate", steps, go_on=go_on, snapshot=name, image=migration.image)
    return name


def run_migration(context: Context, migration: Migration) -> None:
    """Run the migration as one task of its own, and see it end well."""
    ecs, service = context.aws.client("ecs"), "api"
    # A run that was cut off leaves its task behind; two migrations at once would harm each other.
    context.wait(
        lambda: not running_tasks(context, PURPOSE),
        what="the migration of an earlier run",
        minutes=_TASK_MINUTES,
    )
    changed = {"image": find_image(context, migration.image)} if migration.image else {}
    definition = register_copy(
        context,
        service,
        PURPOSE,
        container={"command": list(migration.command), "portMappings": [], **changed},
        # Of a task that serves nobody it would end the migration.
        without=("healthCheck",),
    )
    try:
        task = run_one_task(context, service, definition, PURPOSE, uuid.uuid4().hex)
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
        # An answer that breaks off is no OSError.
        except (OSError, http.client.HTTPException) as error:
            problem = str(error) or type(error).__name__
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
        _health_step(rehearsal, migration.rehearsal_health_url, "--rehearsal-health"),
    ]


def _health_step(context: Context, url: str | None, option: str) -> Step:
    if url is None:
        failover = find_failover(context, load_balancers(context, "api"))
        url = health_url(context, "api", failover, option)
    title = f"verify that {context.platform.environment} is healthy"
    return Step(title, partial(verify_health, context, url))


def _judge(context: Context, definition: str, task: str) -> None:
    ended = describe_task(context, task)
    codes = [container.get("exitCode") for container in ended["containers"]]
    failed = [code for code in codes if code != 0]
    if failed:
        reason = f": {ended['stoppedReason']}" if ended.get("stoppedReason") else ""
        raise OperationError(
            f"the migration ended with {failed[0]}{reason}{_show_log(context, definition, task)}"
        )


def _show_log(context: Context, definition: str, task: str) -> str:
    """Say the last lines of what the task printed; where all of it is, if there is a log.

    What it printed may hold a secret: it is for the terminal, and for nothing that is kept.
    """
    described: dict[str, Any] = context.aws.client("ecs").describe_task_definition(
        taskDefinition=definition
    )["taskDefinition"]
    container = described["containerDefinitions"][0]
    options = container.get("logConfiguration", {}).get("options", {})
    if "awslogs-group" not in options:
        return ""
    group = options["awslogs-group"]
    stream = f"{options['awslogs-stream-prefix']}/{container['name']}/{task.rsplit('/', 1)[-1]}"
    try:
        events = context.aws.client("logs").get_log_events(
            logGroupName=group, logStreamName=stream, limit=_LOG_LINES
        )["events"]
    except Exception as error:
        if not is_aws_failure(error):
            raise
        context.console.say(f"its log cannot be read: {error}")
    else:
        for event in events:
            context.console.say(f"    {event['message']}")
    return f"; its log is the stream {stream} of {group}"
