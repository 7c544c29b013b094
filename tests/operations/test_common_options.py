"""The options of every command may stand before or after it."""

from collections.abc import Iterator
from typing import Any

import pytest
import typer

from operations import cli


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("--stack s backup list", "--stack s backup list"),
        ("backup prune --keep-days 3 --yes", "--yes backup prune --keep-days 3"),
        ("backup list --stack s --json", "--stack s --json backup list"),
        ("backup list --stack=s", "--stack=s backup list"),
        ("exec --minutes 5 -- psql --json --stack s", "exec --minutes 5 -- psql --json --stack s"),
        ("backup list --stack", "--stack backup list"),
    ],
)
def test_what_every_command_takes_may_stand_behind_it(words: str, first: str) -> None:
    assert cli.common_options_first(words.split()) == first.split()


def test_no_command_has_an_option_of_a_name_that_every_command_takes() -> None:
    group = typer.main.get_command(cli.app)
    common = {name for option in group.params for name in option.opts}
    assert "--yes" in common

    def options(command: Any) -> Iterator[str]:
        for below in getattr(command, "commands", {}).values():
            yield from (name for option in below.params for name in option.opts)
            yield from options(below)

    assert common.isdisjoint(options(group))
