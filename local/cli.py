"""The commands behind the Makefile: `python -m local up --stack staging`."""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from components.naming import ACCOUNT_STACK
from local import emulators
from local.console import LocalCloudError, say
from local.engine import engine
from local.lifetime import end_with_parent
from local.locks import refusing_lock, waiting_lock
from local.paths import REPOSITORY, folders
from local.stacks import Stack, environment, packs, require_stack, write_launchers
from policies.shared.rule import EVIDENCE

# How long a pulumi that outlived its killed `make` gets to save its state.
_PATIENCE_SECONDS: Final = 60

# An odd number, so that a median is one of the runs.
_BENCH_RUNS: Final = 3

_OWN_TYPES: Final = "aussie-markets:"
_STACK_LOCK: Final = "stack-"


def up(name: str) -> int:
    """Bring a stack up, with the policy packs; a second run reports no changes."""
    with _opened(name) as stack:
        _account_first(name)
        code = _bring_up(stack)
        if code:
            return code
        if set(stack.last_changes()) <= {"same"}:
            say(f"{name}: no changes")
        _print_summary(stack)
    return 0


def _bring_up(stack: Stack) -> int:
    _rebuild_if_emulator_is_new(stack)
    say(f"{stack.name}: pulumi up")
    code = stack.run("up", "--yes", *packs())
    return _failed(stack, "up", code) if code else 0


def _account_first(name: str) -> None:
    """Bring up the account's stack, where environments look things up, unless it is there.

    A change of its program or settings waits for `make up STACK=account`, as on AWS, where other
    people decide about it.
    """
    if name == ACCOUNT_STACK:
        return
    with waiting_lock(folders().lock("account-first")), _opened(ACCOUNT_STACK) as account:
        if _held_by_running_emulator(account) and account.was_brought_up():
            return
        say(f"{name}: the {ACCOUNT_STACK} stack comes first, and is not up")
        if _bring_up(account):
            raise LocalCloudError(f"{name} was not begun, since it needs the {ACCOUNT_STACK} stack")


def preview(name: str) -> int:
    """Show what `up` would do, with the policy packs; changes no resource."""
    with _opened(name) as stack:
        _account_first(name)
        _rebuild_if_emulator_is_new(stack)
        say(f"{name}: pulumi preview")
        code = stack.run("preview", *packs())
        return _failed(stack, "preview", code) if code else 0


def policies(name: str) -> int:
    """Preview with the policy packs, and write the evidence as Markdown and JSON."""
    with _opened(name) as stack:
        _account_first(name)
        _rebuild_if_emulator_is_new(stack)
        seen = stack.folders.evidence / name
        shutil.rmtree(seen, ignore_errors=True)
        seen.mkdir(parents=True)
        say(f"{name}: pulumi preview, with evidence")
        witnessed = replace(stack, environment={**stack.environment, EVIDENCE: str(seen)})
        code = witnessed.run("preview", *packs())
        words = ["--stack", name, "--evidence", str(seen), "--output", str(seen)]
        report = [sys.executable, "-m", "policies.report", *words]
        judged = subprocess.run(report, cwd=REPOSITORY, check=False).returncode
        return _failed(stack, "policies", code) if code else judged


def bench(name: str) -> int:
    """How much longer a preview takes with the policy packs, as a ratio.

    The ratio of processor time stands beside it: other work on the machine changes it far less.
    """
    with _opened(name) as stack:
        _account_first(name)
        _rebuild_if_emulator_is_new(stack)
        kinds = {"without packs": [], "with packs": packs()}
        seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
        processor: dict[str, list[float]] = {kind: [] for kind in kinds}
        for number in range(1, _BENCH_RUNS + 1):
            for kind, words in kinds.items():
                begun, used = time.monotonic(), _processor_seconds_of_children()
                stack.quietly(
                    *("preview", "-s", name, "--config-file", str(stack.config_file), *words)
                )
                seconds[kind].append(time.monotonic() - begun)
                processor[kind].append(_processor_seconds_of_children() - used)
                say(
                    f"{name}: run {number}, {kind}: {seconds[kind][-1]:.1f} s, of the processor "
                    f"{processor[kind][-1]:.1f} s"
                )
        without, with_packs = (statistics.median(seconds[kind]) for kind in kinds)
        say(
            f"{name}: medians {without:.1f} s and {with_packs:.1f} s: a preview with the packs"
            f" takes {with_packs / without:.2f} times as long as without"
        )
        without, with_packs = (statistics.median(processor[kind]) for kind in kinds)
        say(
            f"{name}: of the processor {without:.1f} s and {with_packs:.1f} s:"
            f" {with_packs / without:.2f} times as much"
        )
    return 0


def _processor_seconds_of_children() -> float:
    """Of every process that has ended under this one, Pulumi's plugins among them."""
    used = os.times()
    return used.children_user + used.children_system


def down(name: str) -> int:
    """Destroy a stack, and say what is kept."""
    with _opened(name) as stack:
        others = stack.others_with_resources() if name == ACCOUNT_STACK else []
        if others:
            raise LocalCloudError(
                f"{name} is what other stacks build on, and nothing was destroyed; first run "
                + ", ".join(f"`make down STACK={other}`" for other in others)
            )
        _rebuild_if_emulator_is_new(stack)
        kept = list(_kept(stack))
        protected = [r["urn"] for r in stack.resources() if r.get("protect")]
        if protected:
            listed = "".join(f"\n  pulumi state unprotect '{urn}'" for urn in protected)
            raise LocalCloudError(
                f"{name} has protected resources, and nothing was destroyed; to lift the "
                "protection on purpose, set deletion_protection to false in the section that it "
                f"belongs to (Pulumi.{name}.yaml) and run `pulumi up` in `make shell "
                f"STACK={name}`, without the policy packs, which refuse it. Pulumi's part of it "
                "alone goes with:"
                f"{listed}"
            )
        say(f"{name}: pulumi destroy")
        code = stack.run("destroy", "--yes", "--skip-preview")
        if code:
            return _failed(stack, "down", code)
        stack.quietly("stack", "rm", name, "--yes", "--preserve-config")
        stack.config_file.unlink(missing_ok=True)
        folders().built_on(name).unlink(missing_ok=True)
        for what in kept:
            say(f"{name}: kept as documented: {what}")
        say(f"{name}: down; `make clean` ends the emulator and what is kept in it")
    return 0


def _kept(stack: Stack) -> Iterator[str]:
    """What a destroy leaves, on purpose."""
    for resource in stack.resources():
        if resource.get("retainOnDelete"):
            yield f"{resource['type']} {resource['id']}"
        inputs = resource.get("inputs") or {}
        if inputs.get("finalSnapshotIdentifier") and not inputs.get("skipFinalSnapshot"):
            yield f"final snapshot {inputs['finalSnapshotIdentifier']}"


def shell(name: str) -> int:
    """A shell, or commands from standard input, with plain `pulumi` on the local cloud."""
    with _opened(name, locked=False) as stack:
        if not _held_by_running_emulator(stack):
            with _opened(name) as locked:
                _rebuild_if_emulator_is_new(locked)
        # What plain `pulumi` makes first is in this emulator too.
        _remember_emulator(stack)
        if sys.stdin.isatty():
            say(f"plain `pulumi` commands work on the local {name}; `exit` leaves")
        words = [os.environ.get("SHELL") or "/bin/sh"] if sys.stdin.isatty() else ["/bin/sh", "-s"]
        # Every flag of pulumi has such a variable: `pulumi up` then leaves the committed file be.
        own = {
            "PULUMI_STACK": name,
            "PULUMI_OPTION_CONFIG_FILE": str(stack.config_file),
            # `pulumi import` would ask the stand-ins for schemas, which they have not.
            "PULUMI_OPTION_GENERATE_CODE": "false",
        }
        return subprocess.run(words, env={**stack.environment, **own}, check=False).returncode


def clean() -> int:
    """End the emulator and forget every local stack; the built engine stays."""
    where = folders()
    with ExitStack() as locks:
        for lock in sorted(where.locks.glob(f"{_STACK_LOCK}*.lock")):
            name = lock.stem.removeprefix(_STACK_LOCK)
            locks.enter_context(refusing_lock(lock, _refusal(name), _PATIENCE_SECONDS))
        emulators.stop(where)
        for path in where.forgettable:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    say(f"no stack and no emulator is left in {where.root}; the engine stays")
    return 0


def _refusal(name: str) -> str:
    return (
        f"another command works on {name} (process {{holder}}); nothing was changed. Wait for it, "
        "and run the command again"
    )


@contextmanager
def _opened(name: str, *, locked: bool = True) -> Iterator[Stack]:
    """The stack with engine and emulator ready. One command at a time may change it."""
    require_stack(name)
    where = folders()
    if not locked:
        yield _prepared(name, None)
        return
    lock_file = where.lock(f"{_STACK_LOCK}{name}")
    with refusing_lock(lock_file, _refusal(name), _PATIENCE_SECONDS) as lock:
        yield _prepared(name, lock)


def _prepared(name: str, lock: int | None) -> Stack:
    where = folders()
    where.root.mkdir(parents=True, exist_ok=True)
    write_launchers(where, engine(where))
    stack = Stack(name, where, environment(where, emulators.ensure(where)), lock)
    stack.prepare()
    if lock is not None:
        stack.clean_up()
    return stack


def _rebuild_if_emulator_is_new(stack: Stack) -> None:
    """A stack's state outlives the emulator that held its resources; a refresh sees that."""
    if not _held_by_running_emulator(stack):
        say(f"{stack.name}: the emulator was started anew and is empty; refreshing the state")
        code = stack.run("refresh", "--yes", "--skip-preview")
        if code:
            raise LocalCloudError(f"`pulumi refresh` of {stack.name} failed with exit code {code}")
    _remember_emulator(stack)


def _remember_emulator(stack: Stack) -> None:
    record = stack.folders.built_on(stack.name)
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(_running_instance(stack))


def _held_by_running_emulator(stack: Stack) -> bool:
    record = stack.folders.built_on(stack.name)
    held_by = record.read_text() if record.exists() else None
    return held_by == _running_instance(stack) or not any(r.get("id") for r in stack.resources())


def _running_instance(stack: Stack) -> str:
    running = emulators.find(stack.folders)
    if running is None:
        raise LocalCloudError("the emulator ended; run the command again, which starts it anew")
    return running.instance


def _failed(stack: Stack, command: str, code: int) -> int:
    again = f"`make {command} STACK={stack.name}`"
    if emulators.find(stack.folders) is None:
        say(
            f"{stack.name}: the emulator ended during the run (see {stack.folders.logs}); the "
            f"state is saved, and {again} starts it anew and goes on"
        )
    else:
        say(f"{stack.name}: failed, as pulumi says above; put it right and run {again}")
    return code


def _print_summary(stack: Stack) -> None:
    resources = {resource["urn"]: resource for resource in stack.resources()}
    by_component: dict[str, Counter[str]] = {}
    for resource in resources.values():
        if resource.get("custom") and not resource["type"].startswith("pulumi:"):
            kind = resource["type"].split(":")[-1]
            by_component.setdefault(_component(resource, resources), Counter())[kind] += 1
    table = Table(title=f"{stack.name}: resources by component", title_justify="left")
    table.add_column("component")
    table.add_column("resources", justify="right")
    table.add_column("of which")
    for component, kinds in sorted(by_component.items()):
        listed = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        table.add_row(component, str(kinds.total()), listed)
    total = sum(kinds.total() for kinds in by_component.values())
    table.add_section()
    table.add_row("all", str(total), "")
    width = None if sys.stdout.isatty() else 120
    Console(width=width).print(table)


def _component(resource: dict[str, Any], resources: dict[str, dict[str, Any]]) -> str:
    """The nearest component of ours above a resource."""
    node: dict[str, Any] | None = resource
    while node is not None:
        if node["type"].startswith(_OWN_TYPES):
            return f"{node['type'].split(':')[-1]} {node['urn'].split('::')[-1]}"
        node = resources.get(node.get("parent", ""))
    return "the stack itself"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m local",
        description="The local cloud: a stack on Pulumi's real engine and an AWS emulator.",
        epilog="example: python -m local up --stack staging",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    on_stack = {
        **{"up": up, "preview": preview, "policies": policies, "bench": bench},
        **{"down": down, "shell": shell},
    }
    for word, function in on_stack.items():
        command = commands.add_parser(word, help=(function.__doc__ or "").splitlines()[0])
        command.add_argument("--stack", default="staging", help="default: %(default)s")
    commands.add_parser("clean", help=(clean.__doc__ or "").splitlines()[0])
    arguments = parser.parse_args()
    end_with_parent()
    try:
        if arguments.command == "clean":
            return clean()
        return on_stack[arguments.command](arguments.stack)
    except LocalCloudError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; run the command again to go on")
        return 130
