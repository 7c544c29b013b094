"""Where the engine comes from: an installation on PATH, an earlier build, or a build with Go."""

import os
from pathlib import Path

import pytest

from local.console import LocalCloudError
from local.engine import COMMAND, VERSION_VARIABLE, engine, pinned_version
from local.paths import ENGINE_DIR, LOCAL_DIR, Folders, folders
from local.stacks import write_launchers
from tests.local.conftest import script

WRITES_WHERE_TOLD = """\
printf '%s\\n' "$@" > "${0%/*}/words"
while [ "$1" != -o ]; do shift; done
echo built > "$2"
"""


def built(where: Folders) -> Path:
    return where.engine / f"pulumi-v{pinned_version()}"


def refusal(where: Folders) -> str:
    with pytest.raises(LocalCloudError) as failure:
        engine(where)
    return str(failure.value)


@pytest.mark.usefixtures("on_path")
def test_neither_pulumi_nor_go_names_both_and_what_to_do(where: Folders) -> None:
    said = refusal(where)
    assert "neither `pulumi` nor `go`" in said
    assert "install either of them" in said
    assert "https://www.pulumi.com/docs/install/" in said
    assert "https://go.dev/doc/install" in said
    assert "run the command again" in said


def test_a_pulumi_on_path_is_used(where: Folders, on_path: Path) -> None:
    installed = script(on_path / "pulumi", "echo v3.260.0")
    assert engine(where) == installed


@pytest.mark.parametrize("version", ["v3.220.0", "v4.0.0", "v3.1000.0-alpha.1"])
def test_a_pulumi_new_enough_is_used(where: Folders, on_path: Path, version: str) -> None:
    installed = script(on_path / "pulumi", f"echo {version}")
    assert engine(where) == installed


@pytest.mark.parametrize("version", ["v3.219.9", "v3.99.0", "v2.300.0"])
def test_a_pulumi_too_old_is_refused_with_both_ways_out(
    where: Folders, on_path: Path, version: str
) -> None:
    installed = script(on_path / "pulumi", f"echo {version}")
    said = refusal(where)
    assert f"{installed} is {version}, and the local cloud needs v3.220 or newer" in said
    assert "upgrade it, or take it off PATH" in said


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("echo v3.260.0; exit 7", "exit status 7"),
        ("echo what am I", "`pulumi version` says 'what am I'"),
        ("kill -9 $$", "SIGKILL"),
    ],
    ids=["it fails", "it prints no version", "it is killed"],
)
def test_a_pulumi_that_does_not_run_is_refused_with_both_ways_out(
    where: Folders, on_path: Path, text: str, reason: str
) -> None:
    installed = script(on_path / "pulumi", text)
    said = refusal(where)
    assert f"{installed} does not run (" in said
    assert reason in said
    assert "repair that installation, or take it off PATH" in said


def test_a_pulumi_of_another_machine_is_refused(where: Folders, on_path: Path) -> None:
    foreign = script(on_path / "pulumi", "")
    foreign.write_text("#!/no/such/interpreter\n")
    assert f"{foreign} does not run (" in refusal(where)


def test_our_own_launcher_is_no_installation_however_path_spells_it(
    where: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    where.bin.mkdir(parents=True)
    script(where.bin / "pulumi", "echo v3.260.0")
    monkeypatch.setenv("PATH", f"{where.bin}/")
    assert "neither `pulumi` nor `go`" in refusal(where)


@pytest.mark.usefixtures("on_path")
def test_an_engine_built_earlier_is_used_without_go(where: Folders) -> None:
    earlier = script(built(where), "exit 1")
    assert engine(where) == earlier


@pytest.mark.usefixtures("on_path")
def test_an_engine_built_from_another_version_is_not_used(where: Folders) -> None:
    script(where.engine / "pulumi-v3.0.0", "echo v3.0.0")
    assert "neither `pulumi` nor `go`" in refusal(where)


def test_an_engine_folder_of_its_own_is_shared_by_local_clouds(
    on_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(on_path / "go", WRITES_WHERE_TOLD)
    monkeypatch.setenv(ENGINE_DIR, str(tmp_path / "shared"))
    monkeypatch.setenv(LOCAL_DIR, str(tmp_path / "first"))
    first = engine(folders())
    (on_path / "go").unlink()
    monkeypatch.setenv(LOCAL_DIR, str(tmp_path / "second"))
    assert engine(folders()) == first == tmp_path / "shared" / first.name


def test_go_builds_the_pinned_command_stamped_with_its_version(
    where: Folders, on_path: Path
) -> None:
    script(on_path / "go", WRITES_WHERE_TOLD)
    assert engine(where) == built(where)
    assert built(where).read_text() == "built\n"
    command, *words = (on_path / "words").read_text().splitlines()
    assert command == "build"
    assert words[words.index("-ldflags") + 1] == f"-X {VERSION_VARIABLE}=v{pinned_version()}"
    assert words[-1] == COMMAND


def test_an_engine_is_built_once(where: Folders, on_path: Path) -> None:
    script(on_path / "go", WRITES_WHERE_TOLD)
    engine(where)
    (on_path / "words").unlink()
    assert engine(where) == built(where)
    assert not (on_path / "words").exists()


def test_a_failed_build_leaves_no_engine_and_shows_the_end_of_its_log(
    where: Folders, on_path: Path
) -> None:
    lines = "; ".join(f"echo 'line {number:02}' >&2" for number in range(1, 21))
    script(on_path / "go", f"{WRITES_WHERE_TOLD}\n{lines}\nexit 1")
    said = refusal(where)
    assert "building the engine failed" in said
    assert str(where.logs / "engine-build.log") in said
    assert [line.strip() for line in said.splitlines()[1:-1]] == [
        f"line {number:02}" for number in range(11, 21)
    ]
    assert "run the command again" in said
    assert list(where.engine.glob("pulumi*")) == []


def test_a_build_is_tried_again_after_a_failed_one(where: Folders, on_path: Path) -> None:
    script(on_path / "go", "exit 1")
    refusal(where)
    script(on_path / "go", WRITES_WHERE_TOLD)
    assert engine(where).read_text() == "built\n"


def test_our_own_launcher_on_path_is_not_taken_for_an_installation(
    where: Folders, on_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = script(built(where), "echo v3.260.0")
    write_launchers(where, earlier)
    assert (where.bin / "pulumi").exists()
    monkeypatch.setenv("PATH", os.pathsep.join([str(where.bin), str(on_path)]))
    assert engine(where) == earlier


def test_an_installation_behind_our_own_launcher_is_found(
    where: Folders, on_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = script(on_path / "pulumi", "echo v3.260.0")
    write_launchers(where, installed)
    monkeypatch.setenv("PATH", os.pathsep.join([str(where.bin), str(on_path)]))
    assert engine(where) == installed
