"""`backup`: snapshots of the database."""

from dataclasses import asdict, replace
from typing import Annotated

import typer

from operations.backup import (
    FRESH_HOURS,
    RETENTION_DAYS,
    SNAPSHOT_QUOTA,
    BackupRecord,
    create_backup,
    export_backup,
    list_backups,
    prune_backups,
    restore_backup,
    verify_backup,
)
from operations.daily_backup import Target, advance, begin
from operations.pulumi_command import stack_output
from operations.reporter import Gathered
from operations.steps import Context, show_steps

app = typer.Typer(no_args_is_help=True, help="Snapshots of the database.")

_Name = Annotated[str, typer.Argument(help="a snapshot, as `backup list` shows it")]


@app.command()
def create(
    typer_context: typer.Context,
    name: Annotated[
        str | None, typer.Option(help="of a backup that was begun, to go on with it")
    ] = None,
    wait: Annotated[bool, typer.Option(help="until it is available")] = True,
) -> None:
    """Take a snapshot `manual-backup-…`."""
    context: Context = typer_context.obj
    record = create_backup(context, name, wait=wait)
    _show(context, record)


@app.command()
def daily(
    typer_context: typer.Context,
    bucket: Annotated[str | None, typer.Option(help="the stack's without it")] = None,
    role_arn: Annotated[str | None, typer.Option(help="the stack's without it")] = None,
) -> None:
    """Do what the function does each night: begin the day's backup, or bring it further."""
    context: Context = typer_context.obj
    target = Target(
        bucket=bucket or stack_output(context, "export_bucket_name"),
        role_arn=role_arn or stack_output(context, "export_role_arn"),
    )
    gathered = Gathered(context.console)
    console = gathered if context.dry_run else context.console
    each = replace(context, console=console)
    states = {begin(each): "begun", **advance(each, target)}
    if context.dry_run:
        show_steps(context, "backup daily", gathered.would)
    else:
        context.console.result(states, "Daily backup")


@app.command("list")
def list_(typer_context: typer.Context) -> None:
    """Every backup with type, size, time and status."""
    context: Context = typer_context.obj
    context.console.rows([asdict(record) for record in list_backups(context)], "Backups")


@app.command()
def verify(
    typer_context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="a snapshot; all that must be there without it")
    ] = None,
    fresh_hours: Annotated[int, typer.Option(help="how old the newest may be")] = FRESH_HOURS,
) -> None:
    """Check a backup; without a name the newest of ours, its age, and points in time."""
    context: Context = typer_context.obj
    record = verify_backup(context, name, fresh_hours=fresh_hours)
    context.console.result(asdict(record), "Good backup")


@app.command()
def export(
    typer_context: typer.Context,
    name: _Name,
    bucket: Annotated[str | None, typer.Option(help="the stack's without it")] = None,
    role_arn: Annotated[str | None, typer.Option(help="the stack's without it")] = None,
    wait: Annotated[bool, typer.Option(help="until it is complete")] = False,
) -> None:
    """Export a snapshot to S3."""
    context: Context = typer_context.obj
    identifier = export_backup(context, name, bucket=bucket, role_arn=role_arn, wait=wait)
    if not context.dry_run:
        context.console.result({"backup": name, "export": identifier}, "Export")


@app.command()
def restore(
    typer_context: typer.Context,
    name: _Name,
    to: Annotated[
        str | None, typer.Option(help="the new instance; the database's name and -restore without")
    ] = None,
) -> None:
    """Restore a snapshot to a new instance beside the database."""
    context: Context = typer_context.obj
    target = restore_backup(context, name, to)
    if not context.dry_run:
        context.console.result({"backup": name, "instance": target}, "Restored")


@app.command()
def prune(
    typer_context: typer.Context,
    keep_days: Annotated[int, typer.Option(help="older ones are deleted")] = RETENTION_DAYS,
    quota: Annotated[
        int, typer.Option(help="manual snapshots that RDS allows in the region")
    ] = SNAPSHOT_QUOTA,
) -> None:
    """Delete old `manual-backup-…` snapshots; never those before migrations."""
    context: Context = typer_context.obj
    deleted = prune_backups(context, keep_days, quota)
    if not context.dry_run:
        context.console.result({"deleted": deleted}, "Pruned")


def _show(context: Context, record: BackupRecord) -> None:
    if not context.dry_run:
        context.console.result(asdict(record), "Backup")
