"""The language host over its protocol, and what it shows of a program's mistakes."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

from local.paths import REPOSITORY
from local.program import own_traceback


@pytest.fixture(scope="module")
def host() -> Iterator[Any]:
    process = subprocess.Popen(
        [sys.executable, "-m", "local.language_host", "127.0.0.1:1"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    port = int(process.stdout.readline())
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield language_pb2_grpc.LanguageRuntimeStub(channel)
    # It ends quietly when the engine asks.
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20)[0] == ""
    assert process.returncode == 0


def test_it_says_which_python_runs_programs(host: Any) -> None:
    about = host.About(language_pb2.AboutRequest())
    assert about.executable == sys.executable
    assert not host.GetRequiredPackages(language_pb2.GetRequiredPackagesRequest()).packages


def test_a_plugins_output_is_streamed_and_its_exit_code_passed_on(
    host: Any, tmp_path: Path
) -> None:
    (tmp_path / "__main__.py").write_text(
        "import os, sys\n"
        "print(sys.argv[1], os.environ['WORD'], os.getcwd())\n"
        "print('aside', file=sys.stderr)\n"
        "sys.exit(3)\n"
    )
    answers = list(
        host.RunPlugin(
            language_pb2.RunPluginRequest(
                pwd=str(tmp_path),
                args=["one"],
                env=["WORD=a=b"],
                kind="tool",
                info=language_pb2.ProgramInfo(program_directory=str(tmp_path), entry_point="."),
            )
        )
    )
    assert b"".join(a.stdout for a in answers).decode() == f"one a=b {tmp_path}\n"
    assert b"".join(a.stderr for a in answers) == b"aside\n"
    assert answers[-1].exitcode == 3


def raised(folder: Path, program: str) -> str:
    file = folder / "__main__.py"
    file.write_text(program)
    try:
        exec(compile(program, str(file), "exec"), {})  # noqa: S102 - the test's own words
    except BaseException as error:
        return own_traceback(error, str(folder))
    raise AssertionError("the program made no mistake")


def test_a_mistake_is_shown_with_the_programs_own_frames_alone(tmp_path: Path) -> None:
    program = "import json\n\ndef build():\n    json.loads('{')\n\nbuild()\n"
    lines = raised(tmp_path, program).splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    files = [line for line in lines if line.startswith("  File")]
    assert files == [
        f'  File "{tmp_path}/__main__.py", line 6, in <module>',
        f'  File "{tmp_path}/__main__.py", line 4, in build',
    ]
    assert lines[-1].startswith("json.decoder.JSONDecodeError")


def test_what_was_behind_a_mistake_is_shown_too(tmp_path: Path) -> None:
    program = (
        "try:\n"
        "    {}['zone']\n"
        "except KeyError as error:\n"
        "    raise ValueError('no zone') from error\n"
    )
    text = raised(tmp_path, program)
    assert "KeyError: 'zone'" in text
    assert "direct cause" in text
    assert text.endswith("ValueError: no zone")
    assert "test_language_host" not in text


def test_a_mistake_in_the_syntax_shows_the_line_alone(tmp_path: Path) -> None:
    text = raised(tmp_path, "x = (1\n")
    assert "Traceback" not in text
    assert f'File "{tmp_path}/__main__.py", line 1' in text
    assert "SyntaxError" in text


@pytest.mark.parametrize(
    ("statement", "code", "said"),
    [
        ("pass", 0, ""),
        ("raise pulumi.RunError('no such zone')", 32, "no such zone"),
        ("import sys; sys.exit('set the zone')", 32, "set the zone"),
        ("import sys; sys.exit(4)", 4, ""),
        ("import sys; sys.exit()", 0, ""),
    ],
)
def test_how_a_program_may_end(tmp_path: Path, statement: str, code: int, said: str) -> None:
    (tmp_path / "__main__.py").write_text(f"import pulumi\n{statement}\n")
    runner = (
        "import sys, pulumi.runtime\n"
        "from local import program\n"
        # No engine runs: nothing is registered with one.
        "async def run_in_stack(function): function()\n"
        "pulumi.runtime.run_in_stack = run_in_stack\n"
        "pulumi.runtime.configure = lambda settings: None\n"
        f"run = program.Run({str(tmp_path)!r}, 'p', 's', 'o', '', {{}}, [], True, 4, '', '')\n"
        "sys.exit(program.run(run))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", runner],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == code, result.stderr
    assert said in result.stderr
    assert "Traceback" not in result.stderr
