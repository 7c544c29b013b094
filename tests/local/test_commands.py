"""The commands as a user types them: what they say, their exit codes, and no traceback."""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.locks import refusing_lock
from local.paths import Folders
from tests.local.conftest import script

REPOSITORY = Path(__file__).parents[2]
ON_STACK = ["up", "preview", "policies", "bench", "down", "shell"]
TARGETS = ["help", *ON_STACK, "clean", "test", "mutate", "lint", "format"]

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")

Result = subprocess.CompletedProcess[str]


def command(*words: str) -> Result:
    return subprocess.run(
        [sys.executable, "-m", "local", *words],
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def refused(result: Result) -> str:
    """What a refused command said; it said it without a traceback, and ended with 1."""
    assert result.returncode == 1, result
    assert "local cloud: error: " in result.stderr
    assert "Traceback" not in result.stdout + result.stderr
    return result.stderr


def make(folder: Path, *words: str) -> Result:
    # These tests may run under `make test`, whose variables would change this make.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("M")}
    found = shutil.which("make", path=os.defpath) or shutil.which("make")
    assert found is not None
    return subprocess.run(
        [found, *words],
        cwd=folder,
        env=kept,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A clone that nothing was installed in."""
    clone = tmp_path / "clone"
    clone.mkdir()
    shutil.copy(REPOSITORY / "Makefile", clone)
    (clone / "local").mkdir()
    for name in ("requirements.txt", "requirements-dev.txt", "local/ministack-requirements.txt"):
        (clone / name).touch()
    return clone


@pytest.fixture
def installed(fresh: Path) -> Path:
    """A clone with a python that says what it is asked to run."""
    script(fresh / ".venv" / "bin" / "python", 'echo "$@"')
    (fresh / ".venv" / ".installed").touch()
    return fresh


@needs_make
@pytest.mark.parametrize("words", [[], ["help"]], ids=["make", "make help"])
def test_make_lists_every_target_with_what_it_does(words: list[str]) -> None:
    result = make(REPOSITORY, *words)
    assert result.returncode == 0
    listed = [line.split(maxsplit=2) for line in result.stdout.splitlines() if "  make " in line]
    assert [target for _, target, _ in listed] == TARGETS
    assert all(text for _, _, text in listed)
    assert "STACK=production" in result.stdout


@needs_make
def test_make_help_installs_nothing(fresh: Path) -> None:
    before = sorted(fresh.iterdir())
    assert make(fresh, "help").returncode == 0
    assert sorted(fresh.iterdir()) == before


@needs_make
@pytest.mark.parametrize("target", ON_STACK)
def test_make_runs_the_command_on_staging_unless_told_otherwise(
    installed: Path, target: str
) -> None:
    assert make(installed, target).stdout == f"-m local {target} --stack staging\n"
    other = make(installed, target, "STACK=production")
    assert other.stdout == f"-m local {target} --stack production\n"


@needs_make
def test_make_test_runs_the_fast_tests_and_then_those_on_the_engine(installed: Path) -> None:
    fast, on_engine = make(installed, "test").stdout.splitlines()
    assert fast.startswith("-m pytest")
    assert fast.endswith("-m not engine")
    assert on_engine.startswith("-m pytest")
    assert " -m engine" in on_engine


@needs_make
def test_make_ends_with_a_failure_when_the_command_does(installed: Path) -> None:
    script(installed / ".venv" / "bin" / "python", "exit 1")
    assert make(installed, "up").returncode != 0


@needs_make
def test_make_without_a_python_new_enough_says_what_to_install(fresh: Path, on_path: Path) -> None:
    script(on_path / "python3", "exit 1")
    result = make(fresh, "up")
    assert result.returncode != 0
    assert "local cloud: error: no Python 3.11 or newer on PATH" in result.stderr
    assert "https://www.python.org/downloads/" in result.stderr
    assert not (fresh / ".venv").exists()


def exit_code(monkeypatch: pytest.MonkeyPatch, *words: str) -> object:
    """Of `python -m local` within this process, for calls that end before a command begins."""
    monkeypatch.setattr(sys, "argv", ["local", *words])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("local", run_name="__main__")
    return ended.value.code


@pytest.mark.parametrize("word", [*ON_STACK, "clean"])
def test_every_command_has_help(
    word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, word, "--help") == 0
    said = capsys.readouterr().out
    assert f"python -m local {word}" in said
    assert ("--stack" in said) == (word in ON_STACK)


def test_the_help_lists_every_command_and_an_example() -> None:
    result = command("--help")
    assert result.returncode == 0
    for word in [*ON_STACK, "clean"]:
        assert f"\n    {word} " in result.stdout
    assert "example: python -m local up --stack staging" in result.stdout


@pytest.mark.parametrize("words", [[], ["launch"]], ids=["no command", "an unknown one"])
def test_a_call_that_is_no_command_shows_the_usage(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, *words) == 2
    assert capsys.readouterr().err.startswith("usage: python -m local")


@pytest.mark.parametrize("word", ["up", "shell"])
@pytest.mark.usefixtures("on_path")
def test_an_unknown_stack_is_refused_before_anything_is_built(where: Folders, word: str) -> None:
    said = refused(command(word, "--stack", "nope"))
    assert "there is no stack 'nope': Pulumi.nope.yaml does not exist" in said
    assert "use one of account, production, staging" in said
    assert not (where.project / "Pulumi.nope.yaml").exists()


@pytest.mark.usefixtures("where", "on_path")
def test_a_machine_with_neither_pulumi_nor_go_is_told_what_to_install() -> None:
    said = refused(command("up"))
    assert "there is neither `pulumi` nor `go` on PATH" in said


@pytest.mark.usefixtures("on_path")
def test_a_stack_that_another_command_works_on_is_refused(where: Folders) -> None:
    with refusing_lock(where.lock("stack-staging"), "{holder}", 0):
        said = refused(command("up", "--stack", "staging"))
    assert f"another command works on staging (process {os.getpid()})" in said
    assert "nothing was changed" in said


def test_clean_forgets_everything_but_the_engine(where: Folders) -> None:
    built = script(where.engine / "pulumi-v3.260.0", "exit 0")
    for forgotten in (where.state, where.project, where.logs):
        forgotten.mkdir()
        (forgotten / "file").touch()
    where.functions.mkdir()
    for record in (where.emulator, where.functions_emulator):
        record.write_text("{}")
    assert command("clean").returncode == 0
    assert built.exists()
    assert {path.name for path in where.root.iterdir()} == {"engine", "locks"}


def test_clean_where_nothing_is_does_no_harm(where: Folders) -> None:
    result = command("clean")
    assert result.returncode == 0
    assert str(where.root) in result.stderr
