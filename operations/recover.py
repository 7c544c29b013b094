"""Disaster recovery of the database in place: the restored instance takes the damaged one's name.

Endpoint and `database-url` stay. How far a recovery has come is read from AWS alone (names,
resource ids, tags of the restored instance), so that one which was cut off is gone on with.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from operations.adoption import RECOVERY_OF, adoption_commands, model_from_state
from operations.aws import is_aws_failure
from operations.database import (
    find_by_resource_id,
    find_instance,
    forget_logs,
    instances_tagged,
    modify_when_ready,
    remove_instance,
    rename_instance,
    require_instance,
    restore_parameters,
    settings_after_restore,
    tags_of,
    unlike,
    wait_for_instance,
)
from operations.errors import InputError, OperationError, StoppedError
from operations.failover import Failover, find_failover, health_url, set_status_page
from operations.load_balancer import find_listener, load_balancers
from operations.maintenance import is_maintenance, maintenance_steps
from operations.migrate import PURPOSE as MIGRATION
from operations.migrate import check_health_url, verify_health
from operations.objectives import DATABASE_RPO, Part, Stopwatch, compare
from operations.parameters import read_parameter
from operations.recovery_points import LATEST, RecoveryPoint, Wish, aside_name, choose_point
from operations.scaling import Bounds, scaling_bounds, set_bounds
from operations.service import redeploy, require_service, running_tasks, wait_for_deployment
from operations.steps import Context, Step, is_expected, looking, run_steps

DATABASE_URL: Final = "database-url"

# AWS Backup selects by it; what it backed up of a drill would be left behind.
BACKUP_TAG: Final = "Backup"

# Tags of a restored instance until the recovery is over.
WISH: Final = "RecoveryWish"
POINT: Final = "RecoveryPoint"
SOURCE: Final = "RecoverySource"
BEGUN: Final = "RecoveryBegun"
_TAGS: Final = (RECOVERY_OF, WISH, POINT, SOURCE, BEGUN)
DRILL_OF: Final = "RecoveryDrillOf"

# A run that was killed as it ended has left no trace, and must not be done all over again.
JUST_MADE: Final = timedelta(hours=1)

# A copy that is younger may be that of a drill which runs: as long as a recovery may take.
DRILL_RUNS: Final = timedelta(hours=4)

# Tags cannot be empty.
_NOTHING: Final = "none"


@dataclass(frozen=True)
class Options:
    """`scale`: the least number of tasks; the present bounds stay without it.

    `again`: also a database that was made just now, by another recovery perhaps.
    """

    wish: Wish = LATEST
    scale: int | None = None
    health_url: str | None = None
    again: bool = False

    def __str__(self) -> str:
        scale = "" if self.scale is None else f" --scale {self.scale}"
        health = "" if self.health_url is None else f" --health {self.health_url}"
        again = " --again" if self.again else ""
        return f"{self.wish.options}{scale}{health}{again}"


@dataclass(frozen=True)
class _Recovery:
    """How far it has come. `damaged` is None where the instance is gone."""

    wish: Wish
    point: RecoveryPoint
    begun: datetime
    restored: Mapping[str, Any] | None
    damaged: Mapping[str, Any] | None

    @property
    def lost(self) -> timedelta:
        # RDS may answer with a time that is ahead of this computer's.
        return max((self.wish.at or self.begun) - self.point.time, timedelta(0))


@dataclass(frozen=True)
class _Login:
    """What `database-url` holds."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)


def recover(context: Context, options: Options, service: str = "api") -> dict[str, Any]:
    """Restore the database in place and let the API run on it; what was done, and in what time.

    Raises:
        InputError: the options cannot be, and nothing was called.
        StoppedError: with the way on.
    """
    check_health_url(options.health_url)
    _check_scale(options.scale)
    database = context.platform.database
    go_on = f"run `recover{options} --yes` again, which goes on with what was begun"
    cut_off = "After one that was cut off the API's host may answer with the status page"
    with looking(f"{go_on}. {cut_off}"):
        recovery = _look(context, options.wish)
        if recovery.restored is None and not options.again:
            _check_age(context, recovery.damaged)
        moved, complete = _has_name(recovery, database), _is_complete(recovery, database)
        model = {} if complete else (recovery.damaged or model_from_state(context))
        require_service(context, service)
        _require_no_migration(context)
        bounds = scaling_bounds(context, service)
        login = _login(context)
        balancers = load_balancers(context, service)
        failover = find_failover(context, balancers)
        health = options.health_url or health_url(context, service, failover, "--health")
        listener = find_listener(context, balancers)
        # Under maintenance the load balancer answers in the API's place, whose health nobody sees.
        maintained = listener if listener and is_maintenance(context, listener) else None
    if options.scale is not None and bounds is None:
        raise OperationError(f"--scale: {service} does not scale by itself; change its settings")
    _say_what_is_lost(context, recovery)
    if not context.dry_run:
        question = _question(context, recovery, failover)
        ending = " Maintenance ends once the API runs on it." if maintained else ""
        context.console.confirm(question + ending, yes=context.yes)

    watch, target = Stopwatch(), f"{database}-recovery"
    aside = aside_name(database, recovery.begun)
    restoring = [
        *([] if complete else _restore_steps(context, recovery, model, target, login)),
        *([] if moved else _name_steps(context, recovery, target, aside)),
    ]
    api = _api_steps(context, service, options.scale, bounds)
    admit = maintenance_steps(context, maintained, on=False) if maintained else []
    steps = [
        *watch.timed(
            Part.DATABASE, [] if moved else _status_page_steps(context, failover, on=True)
        ),
        *watch.timed(Part.DATABASE, [*restoring, _url_step(context, login)]),
        *watch.timed(Part.API, [*api, *admit, *_status_page_steps(context, failover, on=False)]),
        *watch.timed(
            Part.API, [Step("see that the API is healthy", partial(verify_health, context, health))]
        ),
        Step("end the recovery", partial(_end, context, target)),
    ]
    if failover is not None:
        go_on += f". Until then {failover.host} may answer with the status page"
    about: dict[str, Any] = {"point": str(recovery.point), "wish": str(recovery.wish)}
    if not run_steps(context, "recover", steps, go_on=go_on, **about):
        return {}
    total = datetime.now(UTC) - recovery.begun
    # Of what earlier runs did only the beginning is known.
    resumed = recovery.restored is not None
    took = {Part.DATABASE: total if resumed else watch.took(Part.DATABASE)}
    took[Part.API] = watch.took(Part.API)
    lost = {Part.DATABASE: recovery.lost, Part.API: timedelta(0)}
    return {
        "database": database,
        "recovered_to": recovery.point.time,
        "from": str(recovery.point),
        "damaged": aside if recovery.damaged is not None else None,
        "total_minutes": round(total.total_seconds() / 60, 1),
        "steps": watch.steps,
        "objectives": compare(took, lost),
        "afterwards": _afterwards(context, recovery, aside, options.scale),
    }


def drill(context: Context, wish: Wish, *, again: bool = False) -> dict[str, Any]:
    """Restore a copy, compare it with the database, time it, and delete it however it went.

    Neither the database nor anything that users reach is touched. What an earlier drill left is
    deleted first; `again`: also if that may still run.

    Raises:
        OperationError: another drill may still run.
    """
    database, begun = context.platform.database, datetime.now(UTC)
    copy = f"{database}-drill-{begun:%Y%m%d-%H%M%S}"
    go_on = (
        f"run `recover --drill{wish.options} --again` again, which asks, and first deletes what is "
        "left of this"
    )
    with looking(go_on):
        left = _left_of_drills(context, again=again)
        model = find_instance(context, database) or model_from_state(context)
        point = choose_point(context, wish)
    recovery = _Recovery(wish, point, begun, None, None)
    _say_what_is_lost(context, recovery)
    if left and not context.dry_run:
        context.console.confirm(
            f"Delete {', '.join(left)}, which another drill has made?", yes=context.yes
        )
    tags = [tag for tag in model["TagList"] if tag["Key"] != BACKUP_TAG]
    unbacked = {**model, "TagList": tags}
    watch = Stopwatch()
    steps = [
        *(_removal(context, name) for name in left),
        *watch.timed(
            Part.DATABASE,
            _restore_steps(context, recovery, unbacked, copy, None, {DRILL_OF: database}),
        ),
        _removal(context, copy),
    ]
    try:
        ran = run_steps(context, "recover --drill", steps, go_on=go_on, point=str(point), copy=copy)
    except StoppedError:
        _remove_all_the_same(context, copy)
        raise
    if not ran:
        return {}
    return {
        "database": database,
        "restored_to": point.time,
        "from": str(point),
        "steps": watch.steps,
        "objectives": compare(
            {Part.DATABASE: watch.took(Part.DATABASE)}, {Part.DATABASE: recovery.lost}
        ),
    }


# -- where it stands --------------------------------------------------------------------------


def _look(context: Context, wish: Wish) -> _Recovery:
    database = context.platform.database
    named = find_instance(context, database)
    if named is not None and named["DBInstanceStatus"] == "deleting":
        raise OperationError(f"{database} is being deleted: run `recover` when it is gone")
    restored = _find_restored(context)
    if restored is None:
        if find_instance(context, f"{database}-recovery") is not None:
            raise OperationError(f"{database}-recovery exists and is of no recovery: rename it")
        point = choose_point(context, wish)
        return _Recovery(wish, point, datetime.now(UTC), None, named)
    tags = tags_of(restored)
    if wish not in (LATEST, _read_wish(tags[WISH])):
        raise OperationError(
            f"a recovery to {tags[WISH]} is under way: run `recover` without --at and --snapshot, "
            "which finishes it; or give it up by `aws rds remove-tags-from-resource "
            f"--resource-name {restored['DBInstanceArn']} --tag-keys {RECOVERY_OF}` and rename or "
            f"delete {restored['DBInstanceIdentifier']} unless it is {database}"
        )
    time, _, snapshot = tags[POINT].partition(" ")
    point = RecoveryPoint(datetime.fromisoformat(time), snapshot=snapshot or None)
    damaged = None if tags[SOURCE] == _NOTHING else find_by_resource_id(context, tags[SOURCE])
    return _Recovery(
        _read_wish(tags[WISH]), point, datetime.fromisoformat(tags[BEGUN]), restored, damaged
    )


def _left_of_drills(context: Context, *, again: bool) -> list[str]:
    found = instances_tagged(context, DRILL_OF, context.platform.database)
    for one in found:
        age, name = _age(one), one["DBInstanceIdentifier"]
        if age < DRILL_RUNS and one["DBInstanceStatus"] != "deleting" and not again:
            minutes = age.total_seconds() / 60
            raise OperationError(
                f"{name} was made {minutes:.0f} minutes ago by a drill that may still run: wait "
                "for its end. If it was cut off, add --again, which deletes that copy first"
            )
    return [one["DBInstanceIdentifier"] for one in found]


def _age(instance: Mapping[str, Any]) -> timedelta:
    """RDS gives one that is being made no time yet."""
    now = datetime.now(UTC)
    made: datetime = instance.get("InstanceCreateTime", now)
    return now - made


def _check_age(context: Context, instance: Mapping[str, Any] | None) -> None:
    if instance is None:
        return
    age = _age(instance)
    if age < JUST_MADE:
        minutes = age.total_seconds() / 60
        raise OperationError(
            f"{context.platform.database} was made {minutes:.0f} minutes ago: if a recovery has "
            "made it, that is over, and `recover adopt` is left to do. To recover this one all the "
            "same, add --again"
        )


def _require_no_migration(context: Context) -> None:
    """Its task goes on without `migrate`, and would write into the restored database too."""
    running = running_tasks(context, MIGRATION)
    if running:
        raise OperationError(
            f"a migration is running: wait for its end, or end it by `aws ecs stop-task --cluster "
            f"{context.platform.cluster} --task {running[0]}`"
        )


def _read_wish(tag: str) -> Wish:
    if tag.startswith("snapshot "):
        return Wish(snapshot=tag.removeprefix("snapshot "))
    return LATEST if tag == str(LATEST) else Wish(at=datetime.fromisoformat(tag))


def _has_name(recovery: _Recovery, database: str) -> bool:
    restored = recovery.restored
    return restored is not None and restored["DBInstanceIdentifier"] == database


def _is_complete(recovery: _Recovery, database: str) -> bool:
    """Whether the restored instance was found good: only then the names are changed."""
    restored, damaged = recovery.restored, recovery.damaged
    if restored is None:
        return False
    # RDS renames later than it answers.
    coming = restored.get("PendingModifiedValues", {}).get("DBInstanceIdentifier")
    put_aside = damaged is not None and damaged["DBInstanceIdentifier"] != database
    return put_aside or database in (restored["DBInstanceIdentifier"], coming)


def _find_restored(context: Context) -> Mapping[str, Any] | None:
    database = context.platform.database
    found = instances_tagged(context, RECOVERY_OF, database)
    if len(found) > 1:
        names = ", ".join(one["DBInstanceIdentifier"] for one in found)
        raise OperationError(
            f"{names} are all tagged as what a recovery of {database} has restored: take the tag "
            f"from all but one by `aws rds remove-tags-from-resource --tag-keys {RECOVERY_OF} "
            "--resource-name <its ARN>`"
        )
    return found[0] if found else None


def _restored(context: Context) -> Mapping[str, Any]:
    restored = _find_restored(context)
    if restored is None:
        database = context.platform.database
        raise OperationError(f"the restored copy of {database} is gone; run the command again")
    return restored


def _login(context: Context) -> _Login:
    name = context.platform.parameter(DATABASE_URL)
    parts = urlsplit(read_parameter(context, name) or "")
    # No error may hold what could not be read: it is a secret.
    try:
        port = parts.port or 5432
    except ValueError:
        port = 0
    if not (parts.hostname and parts.username and parts.password and port):
        raise OperationError(
            f"{name} is missing or holds no address with a password: run `parameters restore "
            "database-url` first"
        )
    return _Login(parts.hostname, port, unquote(parts.username), unquote(parts.password))


def _check_scale(scale: int | None) -> None:
    if scale is not None and scale < 1:
        raise InputError(f"--scale {scale}: must be 1 or more")


def _say_what_is_lost(context: Context, recovery: _Recovery) -> None:
    minutes, before = recovery.lost.total_seconds() / 60, recovery.wish.at or "this began"
    context.console.say(f"recovery point: {recovery.point}, {minutes:.0f} minutes before {before}")
    if recovery.lost > DATABASE_RPO:
        limit = DATABASE_RPO.total_seconds() / 60
        context.console.say(f"warning: that is more than the objective's {limit:.0f} minutes")


def _question(context: Context, recovery: _Recovery, failover: Failover | None) -> str:
    database = context.platform.database
    put_aside = f" {database} is put aside under another name." if recovery.damaged else ""
    page = f" Users of {failover.host} see the status page." if failover else ""
    return f"Recover {database} to {recovery.point}?{put_aside}{page}"


# -- steps ------------------------------------------------------------------------------------


def _restore_steps(
    context: Context,
    recovery: _Recovery,
    model: Mapping[str, Any],
    target: str,
    login: _Login | None,
    tags: Mapping[str, str] | None = None,
) -> list[Step]:
    settings = "the settings that restoring leaves out"
    if login is not None:
        settings += f", and the password of {DATABASE_URL}"
    return [
        Step(
            f"restore {recovery.point} to {target}",
            partial(
                _restore, context, recovery, model, target, tags or _tags_of(context, recovery)
            ),
        ),
        Step(f"wait for {target}", partial(wait_for_instance, context, target)),
        Step(f"give {target} {settings}", partial(_finish, context, model, target, login)),
        Step(f"compare {target} with the database", partial(_compare, context, model, target)),
    ]


def _tags_of(context: Context, recovery: _Recovery) -> dict[str, str]:
    point = " ".join(filter(None, (recovery.point.time.isoformat(), recovery.point.snapshot)))
    damaged = recovery.damaged
    return {
        RECOVERY_OF: context.platform.database,
        WISH: str(recovery.wish),
        POINT: point,
        SOURCE: damaged["DbiResourceId"] if damaged is not None else _NOTHING,
        BEGUN: recovery.begun.isoformat(),
    }


def _restore(
    context: Context,
    recovery: _Recovery,
    model: Mapping[str, Any],
    target: str,
    tags: Mapping[str, str],
) -> None:
    if recovery.restored is not None:
        return
    if find_instance(context, target) is not None:
        raise OperationError(
            f"another run has just made {target}: run the command again, which looks at that first"
        )
    rds, point = context.aws.client("rds"), recovery.point
    parameters = restore_parameters(model, tags)
    if point.snapshot is not None:
        rds.restore_db_instance_from_db_snapshot(
            DBInstanceIdentifier=target, DBSnapshotIdentifier=point.snapshot, **parameters
        )
        return
    until = {"UseLatestRestorableTime": True} if point.newest else {"RestoreTime": point.time}
    # The resource id finds the backups of an instance that is gone as well.
    rds.restore_db_instance_to_point_in_time(
        SourceDbiResourceId=point.resource_id,
        TargetDBInstanceIdentifier=target,
        **until,
        **parameters,
    )


def _finish(context: Context, model: Mapping[str, Any], target: str, login: _Login | None) -> None:
    """The password may have changed since the recovery point; the API has the present one."""
    master = require_instance(context, target)["MasterUsername"]
    password = {"MasterUserPassword": login.password} if login and login.username == master else {}
    modify_when_ready(context, target, {**settings_after_restore(model), **password})


def _compare(context: Context, model: Mapping[str, Any], target: str) -> None:
    differences = unlike(model, require_instance(context, target))
    if differences:
        raise OperationError(
            f"{target} differs from the database in {', '.join(differences)}; put that right with "
            "`aws rds modify-db-instance`"
        )


def _name_steps(context: Context, recovery: _Recovery, target: str, aside: str) -> list[Step]:
    database, damaged = context.platform.database, recovery.damaged
    steps = []
    if damaged is not None:
        put_aside = partial(rename_instance, context, damaged["DbiResourceId"], aside)
        steps.append(Step(f"rename the damaged {database} to {aside}", put_aside))
    steps.append(Step(f"rename {target} to {database}", partial(_take_name, context)))
    return steps


def _take_name(context: Context) -> None:
    rename_instance(context, _restored(context)["DbiResourceId"], context.platform.database)


def _url_step(context: Context, login: _Login) -> Step:
    def fits() -> None:
        endpoint = require_instance(context)["Endpoint"]
        if (login.host, login.port) != (endpoint["Address"], endpoint["Port"]):
            raise OperationError(
                f"{DATABASE_URL} leads to {login.host}:{login.port}, and the database is at "
                f"{endpoint['Address']}:{endpoint['Port']}: raise database.password_version and "
                "run `recover adopt` and `pulumi up`, which write it anew"
            )

    return Step(f"see that {DATABASE_URL} leads to the database", fits)


def _api_steps(
    context: Context, service: str, scale: int | None, bounds: Bounds | None
) -> list[Step]:
    steps = []
    least = bounds.least if bounds else 0
    if scale is not None and bounds is not None:
        least, wanted = scale, Bounds(scale, max(scale, bounds.most))
        steps.append(
            Step(
                f"let {service} have {wanted.least} to {wanted.most} tasks",
                partial(set_bounds, context, service, wanted),
            )
        )
    return [
        *steps,
        Step(f"replace the tasks of {service}", partial(redeploy, context, service, least)),
        Step(f"wait for the tasks of {service}", partial(wait_for_deployment, context, service)),
    ]


def _status_page_steps(context: Context, failover: Failover | None, *, on: bool) -> list[Step]:
    if failover is None:
        if on:
            context.console.say(
                "no failover record leads to the load balancer, so that there is no status page to "
                "send users to; `maintenance on` turns them away until this is over"
            )
        return []
    answer = "with the status page" if on else "by the API's health again"
    step = partial(set_status_page, context, failover, on=on)
    return [Step(f"let {failover.host} answer {answer}", step)]


def _end(context: Context, target: str) -> None:
    """Without its tags the instance is what the program describes."""
    forget_logs(context, target)
    arn = _restored(context)["DBInstanceArn"]
    try:
        context.aws.client("rds").remove_tags_from_resource(ResourceName=arn, TagKeys=list(_TAGS))
    except Exception as error:
        # An answer that was lost: another run would not know what this one has done.
        if not is_aws_failure(error) or instances_tagged(
            context, RECOVERY_OF, context.platform.database
        ):
            raise


def _removal(context: Context, copy: str) -> Step:
    return Step(f"delete {copy}", partial(remove_instance, context, copy))


def _remove_all_the_same(context: Context, copy: str) -> None:
    """What stopped the drill must not be hidden by what stops this."""
    try:
        remove_instance(context, copy)
    except Exception as error:
        if not is_expected(error):
            raise
        context.console.say(
            f"warning: {copy} may be left: {error}; `recover --drill --again` deletes it"
        )
    else:
        context.console.say(f"nothing is left of {copy}")


def _afterwards(context: Context, recovery: _Recovery, aside: str, scale: int | None) -> list[str]:
    """What is left for people to do, in order."""
    run = f"python -m operations --stack {context.platform.environment} recover adopt"
    todo = [f"before the next `pulumi up` or `pulumi refresh`: {run}"]
    try:
        commands = adoption_commands(context)
    except Exception as error:
        # The recovery is over, and its report must not be lost.
        if not is_expected(error):
            raise
        todo.append(f"(Pulumi's own commands for that cannot be said here: {error})")
    else:
        todo.append("\n".join(["or by Pulumi's own commands:", *commands]))
    if recovery.damaged is not None:
        replicas = recovery.damaged.get("ReadReplicaDBInstanceIdentifiers", ())
        if replicas:
            todo.append(
                f"after the adoption: delete {', '.join(replicas)}, which follow {aside}, and "
                "`pulumi up --refresh`, which makes them anew"
            )
        todo.append(f"once nobody needs it: delete {aside} and its log groups")
    if scale is not None:
        todo.append("the next `pulumi up --refresh` puts back the settings' numbers of tasks")
    return todo
