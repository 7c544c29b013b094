"""A mistake in a program shows the program's own frames, and not what runs it."""

import runpy
import sys
from pathlib import Path

import pytest

from local import program
from local.program import own_traceback


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program's folder, first on the module path as when it runs, with packages installed in it.

    The modules have names of their own: pytest keeps the modules of all tests in one process.
    """
    packages = tmp_path / ".venv" / "lib" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "deep_library_of_test_program.py").write_text(
        "def deeper(value):\n    return int(value)\n\n\n"
        "def deep(value):\n    return deeper(value)\n"
    )
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(packages))
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("deep_library_of_test_program", "part_of_test_program"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


def explained(folder: Path, text: str) -> list[str]:
    """What a user is shown of the failure of a program of this text."""
    main = folder / "__main__.py"
    main.write_text(text)
    try:
        runpy.run_path(str(main), run_name="__main__")
    except BaseException as error:
        return own_traceback(error, str(folder)).splitlines()
    raise AssertionError("the program did not fail")


def frames(lines: list[str]) -> list[str]:
    return [line.strip() for line in lines if line.startswith('  File "')]


def test_a_failure_shows_the_frames_of_the_program_and_no_others(folder: Path) -> None:
    lines = explained(folder, "def build():\n    raise ValueError('no zone')\n\n\nbuild()\n")
    main = folder / "__main__.py"
    assert lines[0] == "Traceback (most recent call last):"
    assert frames(lines) == [
        f'File "{main}", line 5, in <module>',
        f'File "{main}", line 2, in build',
    ]
    assert "    build()" in lines
    assert lines[-1] == "ValueError: no zone"


def test_a_failure_in_a_module_of_the_program_shows_its_frame_too(folder: Path) -> None:
    (folder / "part_of_test_program.py").write_text("def part():\n    return 1 / 0\n")
    lines = explained(folder, "from part_of_test_program import part\n\npart()\n")
    assert frames(lines) == [
        f'File "{folder / "__main__.py"}", line 3, in <module>',
        f'File "{folder / "part_of_test_program.py"}", line 2, in part',
    ]
    assert lines[-1] == "ZeroDivisionError: division by zero"


def test_a_failure_deep_in_a_library_shows_where_the_program_called_it(folder: Path) -> None:
    lines = explained(
        folder, "from deep_library_of_test_program import deep\n\ndeep('three zones')\n"
    )
    assert frames(lines) == [f'File "{folder / "__main__.py"}", line 3, in <module>']
    assert "    deep('three zones')" in lines
    assert lines[-1] == "ValueError: invalid literal for int() with base 10: 'three zones'"


def test_a_failure_in_the_standard_library_shows_where_the_program_called_it(folder: Path) -> None:
    lines = explained(folder, "import json\n\njson.loads('{')\n")
    assert frames(lines) == [f'File "{folder / "__main__.py"}", line 3, in <module>']
    assert lines[-1].startswith("json.decoder.JSONDecodeError: ")


def test_a_syntax_error_shows_the_file_and_the_line_once_and_no_frames(folder: Path) -> None:
    lines = explained(folder, "zones = 3\nvpc = Vpc(\n")
    assert lines == [
        f'  File "{folder / "__main__.py"}", line 2',
        "    vpc = Vpc(",
        "             ^",
        "SyntaxError: '(' was never closed",
    ]


def test_a_syntax_error_in_a_module_of_the_program_names_that_module(folder: Path) -> None:
    part = folder / "part_of_test_program.py"
    part.write_text("zones = = 3\n")
    lines = explained(folder, "import part_of_test_program\n")
    assert frames(lines) == [
        f'File "{folder / "__main__.py"}", line 1, in <module>',
        f'File "{part}", line 1',
    ]
    assert lines[-1] == "SyntaxError: invalid syntax"


def test_a_missing_module_shows_the_import(folder: Path) -> None:
    lines = explained(folder, "import no_such_module_of_test_program\n")
    assert frames(lines) == [f'File "{folder / "__main__.py"}", line 1, in <module>']
    assert lines[-1] == "ModuleNotFoundError: No module named 'no_such_module_of_test_program'"


def test_a_failure_outside_the_program_shows_the_exception_alone(folder: Path) -> None:
    with pytest.raises(ConnectionError) as failure:
        raise ConnectionError("the engine is gone")
    assert own_traceback(failure.value, str(folder)) == "ConnectionError: the engine is gone"


def test_a_folder_with_the_programs_name_at_its_start_is_not_the_program(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    beside = tmp_path_factory.getbasetemp() / f"{folder.name}-beside"
    beside.mkdir()
    (beside / "part_of_test_program.py").write_text("def part():\n    return 1 / 0\n")
    lines = explained(
        folder,
        f"import sys\n\nsys.path.append({str(beside)!r})\n"
        "from part_of_test_program import part\n\npart()\n",
    )
    assert frames(lines) == [f'File "{folder / "__main__.py"}", line 6, in <module>']


def test_a_program_reached_through_a_link_shows_its_frames(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    link = tmp_path_factory.mktemp("links") / "program"
    link.symlink_to(folder)
    lines = explained(link, "raise ValueError('no zone')\n")
    assert frames(lines) == [f'File "{link / "__main__.py"}", line 1, in <module>']


def test_the_frame_that_runs_a_program_of_this_repository_is_left_out() -> None:
    repository = Path(program.__file__).parents[1]
    with pytest.raises(AttributeError) as failure:
        own_traceback(None, str(repository))  # type: ignore[arg-type]
    # Its traceback goes from this test, which is in the repository, through local/program.py.
    assert any(str(entry.path) == program.__file__ for entry in failure.traceback)
    shown = frames(own_traceback(failure.value, str(repository)).splitlines())
    assert shown
    assert not any(program.__file__ in frame for frame in shown)
