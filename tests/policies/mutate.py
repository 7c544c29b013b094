"""Changes every rule a little, one change at a time, and says which change no test notices.

    python -m tests.policies.mutate [policies/access/tags.py …]

A change is a flipped comparison, a condition that is always true or never, a dropped `not`, or one
side of an `and` or `or` left out. The field's tools do not reach the rules: mutmut leaves decorated
functions alone, and cosmic-ray starts an interpreter for each change, which takes an hour here.
A process is forked for each change instead, once pytest and the SDK are loaded.

A change that no test could notice says that the code has a part too many.
"""

import ast
import copy
import importlib.machinery
import io
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any, Final, NoReturn

REPOSITORY: Final = Path(__file__).parents[2]
POLICIES: Final = REPOSITORY / "policies"
TESTS: Final = REPOSITORY / "tests" / "policies"

# Slow, and about packs as wholes: they run the rules in other processes or over whole stacks.
_NOT_OF_RULES: Final = {"test_packs.py", "test_matrix.py"}

# A change that loops for ever is noticed as well.
_SECONDS: Final = 60

_SURVIVED: Final = 0
_NOTICED: Final = 1

_FLIPPED: Final[Mapping[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}


@dataclass(frozen=True)
class Mutant:
    """One change of one module."""

    path: Path
    line: int
    before: str
    after: str
    node: int
    change: int
    """Which node of the module, and which of its changes."""

    def tree(self) -> ast.Module:
        """The changed module."""
        source = ast.parse(self.path.read_text())
        target = list(ast.walk(source))[self.node]
        changed: ast.Module = _Replace(target, list(_changes(target))[self.change]).visit(source)
        return ast.fix_missing_locations(changed)

    def __str__(self) -> str:
        where = self.path.relative_to(REPOSITORY)
        return f"{where}:{self.line}: {self.before}  ->  {self.after}"


def modules() -> list[Path]:
    """The files of all rules and of what they share, each once."""
    found = sorted(path for path in POLICIES.glob("*/*.py") if not path.is_symlink())
    return [path for path in found if path.name != "__main__.py"]


def mutants(path: Path) -> Iterator[Mutant]:
    """Every change of a module."""
    for index, node in enumerate(ast.walk(ast.parse(path.read_text()))):
        for number, after in enumerate(_changes(node)):
            line = getattr(
                node.target if isinstance(node, ast.comprehension) else node, "lineno", 0
            )
            yield Mutant(path, line, _shown(node), _shown(after), index, number)


def _shown(node: ast.AST) -> str:
    """Of a statement only its condition."""
    return f"if {ast.unparse(node.test)}" if isinstance(node, ast.If) else ast.unparse(node)


class _Replace(ast.NodeTransformer):
    def __init__(self, target: ast.AST, by: ast.AST) -> None:
        self._target, self._by = target, by

    def visit(self, node: ast.AST) -> Any:
        return self._by if node is self._target else self.generic_visit(node)


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(left=left, ops=[op], comparators=others):
            yield ast.Compare(left, [_FLIPPED[type(op)]()], others)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.BoolOp(op=op, values=values):
            for left_out in range(len(values)):
                rest = [value for at, value in enumerate(values) if at != left_out]
                yield rest[0] if len(rest) == 1 else ast.BoolOp(op, rest)
        case ast.If() | ast.IfExp():
            for always in (True, False):
                changed = copy.copy(node)
                changed.test = ast.Constant(always)
                yield changed
        case ast.comprehension(ifs=[*conditions]) if conditions:
            for left_out in range(len(conditions)):
                changed_comprehension = copy.copy(node)
                changed_comprehension.ifs = [
                    condition for at, condition in enumerate(conditions) if at != left_out
                ]
                yield changed_comprehension


@cache
def _imports(file: Path) -> frozenset[Path]:
    """The modules of packs that a test or such a module imports itself."""
    found: set[Path] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            folder = file.parent if node.level else REPOSITORY
            module = folder.joinpath(*node.module.split("."))
            found |= {module.with_suffix(".py"), *(module / f"{a.name}.py" for a in node.names)}
    return frozenset(path for path in found if POLICIES in path.parents and path.exists())


@cache
def _reached(file: Path) -> frozenset[Path]:
    """Those that it imports through others as well, links followed."""
    direct = _imports(file)
    return frozenset(path.resolve() for path in direct).union(*map(_reached, direct))


def tests_of(path: Path) -> list[list[str]]:
    """The test files that import a module, and then those that do so through another one."""
    files = [file for file in sorted(TESTS.glob("test_*.py")) if file.name not in _NOT_OF_RULES]
    reaching = [file for file in files if path.resolve() in _reached(file)]
    direct = [file for file in reaching if path in _imports(file)]
    rest = [file for file in reaching if file not in direct]
    return [[str(file) for file in some] for some in (direct, rest) if some]


def _changed(mutant: Mutant) -> None:
    """In this process the module is imported as changed."""
    target, tree = mutant.path.resolve(), mutant.tree()
    original = importlib.machinery.SourceFileLoader.get_code

    def get_code(loader: Any, name: str) -> CodeType | None:
        if Path(loader.path).resolve() == target:
            return compile(tree, loader.path, "exec")
        return original(loader, name)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[assignment,method-assign]


def _run(mutant: Mutant | None, groups: Sequence[Sequence[str]]) -> NoReturn:
    """In a process of its own: the tests, over the changed module if there is one."""
    import pytest

    if mutant:
        _changed(mutant)
    signal.alarm(_SECONDS)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        for files in groups:
            if pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *files]):
                os._exit(_NOTICED)
    os._exit(_SURVIVED)


def _forked(mutant: Mutant | None, groups: Sequence[Sequence[str]]) -> int:
    process = os.fork()
    if process == 0:
        _run(mutant, groups)
    return process


def _survived(status: int) -> bool:
    return os.WIFEXITED(status) and os.WEXITSTATUS(status) == _SURVIVED


def survivors(paths: Sequence[Path]) -> Iterator[Mutant]:
    """The changes that no test notices, as they are found; as many at a time as there are cores."""
    running: dict[int, Mutant] = {}
    for path in paths:
        groups = tests_of(path)
        for mutant in mutants(path):
            if len(running) >= (os.cpu_count() or 1):
                yield from _finished(running)
            running[_forked(mutant, groups)] = mutant
    while running:
        yield from _finished(running)


def _finished(running: dict[int, Mutant]) -> Iterator[Mutant]:
    process, status = os.wait()
    mutant = running.pop(process)
    if _survived(status):
        yield mutant


def main(arguments: Sequence[str]) -> int:
    # Loaded once, before any process is forked.
    import pulumi_policy  # noqa: F401
    import pytest  # noqa: F401

    paths = [Path(argument).absolute() for argument in arguments] or modules()
    every = {file for path in paths for group in tests_of(path) for file in group}
    _, status = os.waitpid(_forked(None, [sorted(every)] if every else []), 0)
    if not _survived(status):
        sys.stderr.write("error: tests of the rules fail as it is; run pytest tests/policies\n")
        return 2
    total = sum(1 for path in paths for _ in mutants(path))
    sys.stdout.write(f"{total} changes of {len(paths)} modules\n")
    sys.stdout.flush()
    count = 0
    for mutant in survivors(paths):
        count += 1
        sys.stdout.write(f"no test notices {mutant}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{total - count} of {total} noticed\n")
    return int(count > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
