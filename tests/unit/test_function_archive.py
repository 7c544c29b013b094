"""The archive of the functions: the same bytes everywhere, and all that the handlers import."""

import io
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pulumi
import pytest

from components.function_archive import function_archive
from local.providers.aws import archives
from tests.unit.conftest import ROOT

HANDLERS = ("backup", "backup_freshness", "parameter_backup")

# Importing what Lambda has not fails here too.
LIKE_LAMBDA = """
import importlib, sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("typer", "rich", "click", "pulumi", "pydantic"):
            raise ImportError(f"Lambda has no {name}")
sys.meta_path.insert(0, Missing())
archive, *modules = sys.argv[1:]
sys.path.insert(0, archive)
for name in modules:
    module = importlib.import_module(name)
    assert module.__file__.startswith(archive), module.__file__
print("imported")
"""


def zipped(archive: pulumi.AssetArchive) -> bytes:
    """As the engine hands it over; it reads in the project's directory."""
    assets = {
        name: {archives.SIGNATURE: archives.ASSET, "path": asset.path}
        for name, asset in archive.assets.items()
        if isinstance(asset, pulumi.FileAsset)
    }
    assert assets.keys() == archive.assets.keys()
    return archives.zipped({archives.SIGNATURE: archives.ARCHIVE, "assets": assets})


def copy_of_the_code(to: Path) -> Path:
    shutil.copytree(ROOT / "operations", to / "operations", ignore=lambda *_: {"__pycache__"})
    return to


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> zipfile.ZipFile:
    monkeypatch.chdir(ROOT)
    path = tmp_path / "functions.zip"
    path.write_bytes(zipped(function_archive()))
    return zipfile.ZipFile(path)


def test_it_holds_the_code_but_the_command_line(archive: zipfile.ZipFile) -> None:
    package = ROOT / "operations"
    expected = {
        f"operations/{path.relative_to(package).as_posix()}"
        for path in [*package.glob("*.py"), *package.glob("handlers/*.py")]
    }
    expected -= {f"operations/{name}.py" for name in ("__main__", "cli", "console")}
    assert set(archive.namelist()) == expected
    assert {f"operations/handlers/{name}.py" for name in HANDLERS} <= expected
    for name in expected:
        assert archive.read(name) == (ROOT / name).read_bytes()


def test_two_copies_are_byte_for_byte_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for number, place in enumerate(("here", "a/deeper/place"), start=1):
        copy = copy_of_the_code(tmp_path / place)
        for path in copy.rglob("*"):
            os.utime(path, (number * 10**8, number * 10**8))
            path.chmod(0o755 if number == 1 else 0o700)
        monkeypatch.chdir(copy)
        built = function_archive(copy)
        # Nor does a path in Pulumi's state say where the repository lies.
        assert all(
            isinstance(asset, pulumi.FileAsset) and asset.path == name
            for name, asset in built.assets.items()
        )
        found.append((list(built.assets), zipped(built)))
    assert found[0] == found[1]


def test_neither_caches_nor_other_files_are_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = copy_of_the_code(tmp_path)
    monkeypatch.chdir(copy)
    before = zipped(function_archive(copy))
    for path in (
        *("operations/__pycache__/aws.cpython-313.pyc", "operations/notes.md"),
        *("operations/commands/another.py", "tests/operations/test_aws.py", "components/a.py"),
    ):
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_text("pass")
    assert zipped(function_archive(copy)) == before


def test_a_change_of_the_code_is_one_of_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = copy_of_the_code(tmp_path)
    monkeypatch.chdir(copy)
    before = zipped(function_archive(copy))
    with (copy / "operations" / "handlers" / "backup.py").open("a") as file:
        file.write("# changed\n")
    assert zipped(function_archive(copy)) != before


def test_every_module_in_it_is_importable_in_lambda(archive: zipfile.ZipFile) -> None:
    path = str(archive.filename)
    modules = [
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name in archive.namelist()
    ]
    assert {f"operations.handlers.{name}" for name in HANDLERS} <= set(modules)
    run = subprocess.run(
        [sys.executable, "-I", "-c", LIKE_LAMBDA, path, *modules],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout) == (0, "imported\n"), run.stderr


def test_what_lambda_has_not_would_be_found(tmp_path: Path) -> None:
    """The test above can fail."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("talkative.py", "import rich\n")
    path = tmp_path / "wrong.zip"
    path.write_bytes(packed.getvalue())
    run = subprocess.run(
        [sys.executable, "-I", "-c", LIKE_LAMBDA, str(path), "talkative"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert "Lambda has no rich" in run.stderr
