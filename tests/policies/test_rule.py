"""How a rule is declared and found, and how it relates resources: by ids where they are known, and
by dependencies before."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from pulumi_policy import PolicyComplianceFramework, Severity

from policies.shared.rule import (
    Checked,
    Framework,
    Reference,
    Rule,
    Stack,
    policies_beside,
)
from tests.policies.harness import UNKNOWN, Given, check_stack

HOLDER = "a:b/holder:Holder"
HELD = "a:b/held:Held"

YES: Final = ["yes"]
NO: Final = ["no"]
UNDECIDED: Final[list[str]] = []


def _asks(question: Any) -> Any:
    """A rule that reports yes or no for the first resource held."""
    rule = Rule(name="r", description="D.", severity=Severity.LOW, remediation="Do.")

    @rule.for_stack()
    def policy(stack: Stack) -> None:
        (holder,) = stack.all(HOLDER)
        with holder.unknowns_noted():
            answer = question(holder, stack.all(HELD)[0])
            holder.fails("answer", seen="yes" if answer else "no", wanted="one")

    return policy


def _answers(question: Any, given: Sequence[Given]) -> list[str]:
    outcome = check_stack(_asks(question), given)
    assert bool(outcome.advisory) is not bool(outcome.failed)
    return [answer for answer in ("yes", "no") if f"is {answer}," in outcome.messages]


def _refers(holder: Checked, held: Checked) -> bool:
    return holder.refers_to("one", held)


def _holds(holder: Checked, held: Checked) -> bool:
    return holder.holds("many", held)


def held(identity: str | None = "id", name: str = "first") -> Given:
    by_identity = {"id": name, "arn": f"arn:aws:a:b:1:held/{name}"}
    return Given(HELD, name, {identity: by_identity[identity]} if identity else {"id": UNKNOWN})


@pytest.mark.parametrize("identity", ["id", "arn"])
@pytest.mark.parametrize(("value", "answer"), [("first", YES), ("other", NO)])
def test_a_known_id_decides(identity: str, value: str, answer: list[str]) -> None:
    first = held(identity)
    assert _answers(_refers, [first, Given(HOLDER, "h", {"one": value})]) == answer
    assert _answers(_holds, [first, Given(HOLDER, "h", {"many": ["x", value]})]) == answer


def test_an_arn_is_an_identity_as_a_whole_and_at_its_end() -> None:
    first = Given(HELD, "first", {"arn": "arn:aws:rds:ap-southeast-2:1:pg:ours"})
    for value, answer in (("ours", YES), (first.properties["arn"], YES), ("pg", NO)):
        assert _answers(_refers, [first, Given(HOLDER, "h", {"one": value})]) == answer


@pytest.mark.parametrize(
    ("value", "behind", "answer"),
    [
        (UNKNOWN, ["first"], YES),
        (UNKNOWN, ["second"], NO),
        (UNKNOWN, ["first", "second"], UNDECIDED),
        ("x", ["first", "second"], UNDECIDED),
        (UNKNOWN, [], UNDECIDED),
        ("x", [], NO),
        (None, ["first"], NO),
    ],
)
def test_before_an_id_is_known_its_one_dependency_decides(
    value: Any, behind: list[str], answer: list[str]
) -> None:
    first, second = held(None), held(None, "second")
    by_name = {"first": first, "second": second}
    holder = Given(HOLDER, "h", {"one": value}, {"one": [by_name[name] for name in behind]})
    assert _answers(_refers, [first, second, holder]) == answer


@pytest.mark.parametrize(
    ("ids", "behind", "answer"),
    [
        ([UNKNOWN], ["first"], YES),
        ([UNKNOWN, UNKNOWN], ["first", "second"], YES),
        (["a", "b"], ["first", "second"], YES),
        ([UNKNOWN], ["first", "second"], UNDECIDED),
        ([UNKNOWN, UNKNOWN], ["first"], UNDECIDED),
        (["a", "b"], ["first"], UNDECIDED),
        (UNKNOWN, ["first"], UNDECIDED),
        ([UNKNOWN], ["second"], NO),
        (UNKNOWN, ["second"], NO),
        (UNKNOWN, [], NO),
        (None, [], NO),
        ([], [], NO),
    ],
)
def test_before_ids_are_known_dependencies_decide(
    ids: Any, behind: list[str], answer: list[str]
) -> None:
    first, second = held(None), held(None, "second")
    by_name = {"first": first, "second": second}
    properties = {} if ids is None else {"many": ids}
    holder = Given(HOLDER, "h", properties, {"many": [by_name[name] for name in behind]})
    assert _answers(_holds, [first, second, holder]) == answer


def test_a_known_id_decides_against_a_dependency() -> None:
    first = held()
    for ids, answer in ((["x", "y"], NO), (["x", "first"], YES), (["x", UNKNOWN], UNDECIDED)):
        holder = Given(HOLDER, "h", {"many": ids}, {"many": [first]})
        assert _answers(_holds, [first, holder]) == answer


def test_an_id_that_no_arn_ends_with_is_told_by_its_dependency() -> None:
    first = held("arn")
    holder = Given(HOLDER, "h", {"many": ["x"]}, {"many": [first]})
    assert _answers(_holds, [first, holder]) == YES


def test_one_unknown_element_leaves_a_known_one_to_decide() -> None:
    first = held()
    found = Given(HOLDER, "h", {"many": [UNKNOWN, "first"]}, {"many": [first]})
    assert _answers(_holds, [first, found]) == YES
    open_still = Given(HOLDER, "h", {"many": [UNKNOWN, "x"]}, {"many": [first]})
    assert _answers(_holds, [first, open_still]) == UNDECIDED


def test_dependencies_of_other_types_do_not_count() -> None:
    first, other = held(None), Given("a:b/other:Other", "o", {})
    holder = Given(HOLDER, "h", {"many": [UNKNOWN]}, {"many": [first, other]})
    assert _answers(_holds, [first, other, holder]) == YES
    holder = Given(HOLDER, "h", {"one": UNKNOWN}, {"one": [first, other]})
    assert _answers(_refers, [first, other, holder]) == YES


@pytest.mark.parametrize(("value", "answer"), [("first", YES), ("other", NO), (UNKNOWN, YES)])
def test_an_id_that_the_provider_lists_decides_against_a_dependency(
    value: str, answer: list[str]
) -> None:
    first = Given(HELD, "first", {"id": "first"}, lists_id=True)
    assert _answers(_refers, [first, Given(HOLDER, "h", {"one": value}, {"one": first})]) == answer


def test_elements_may_stand_deeper() -> None:
    first = held()
    holder = Given(HOLDER, "h", {"many": {"ids": ["first"]}})
    assert (
        _answers(
            lambda holder, other: holder.holds("many", other, lambda value: value["ids"]),
            [first, holder],
        )
        == YES
    )


@pytest.mark.parametrize(
    ("value", "depends", "answer"),
    [("x", False, YES), (None, False, NO), (UNKNOWN, False, NO), (UNKNOWN, True, YES)],
)
def test_what_nobody_gave_is_left_for_aws(value: Any, depends: bool, answer: list[str]) -> None:
    first = held()
    behind = {"one": first} if depends else {}
    holder = Given(HOLDER, "h", {"one": value}, behind)
    assert _answers(lambda holder, _: holder.was_given("one"), [first, holder]) == answer


def declared(**more: Any) -> Any:
    rule = Rule(name="r", description="D.", severity=Severity.LOW, remediation="Do.", **more)
    return rule.for_each("t")(lambda _: None)


def test_an_exemption_needs_a_reason_of_some_length() -> None:
    with pytest.raises(ValueError, match="'it' needs a reason"):
        declared(exemptions={"it": "fourteen chars"})
    assert declared(exemptions={"it": "fifteen chars.."})


def test_the_first_reference_is_the_framework_and_all_are_tags() -> None:
    policy = declared(
        references=(Reference(Framework.CIS, "1.2"), Reference(Framework.CHECKOV, "CKV_1"))
    )
    assert isinstance(policy.framework, PolicyComplianceFramework)
    assert policy.framework.name == "CIS AWS Foundations Benchmark"
    assert policy.framework.reference == "1.2"
    assert policy.tags == ["every stack", "1.2", "CKV_1"]
    assert declared().framework is None


def test_a_pack_has_the_rules_of_the_modules_beside_its_main_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pack", "pack.rule", "pack.things"):
        monkeypatch.setitem(sys.modules, name, sys.modules[__name__])  # put back in the end
        del sys.modules[name]
    (tmp_path / "__main__.py").write_text("raise AssertionError('a pack within a pack')\n")
    (tmp_path / "rule.py").symlink_to(Path(str(sys.modules[Rule.__module__].__file__)))
    (tmp_path / "things.py").write_text(
        "from pulumi_policy import Severity\n"
        "from .rule import Rule\n"
        "NAME = 'found'\n"
        "@Rule(name=NAME, description='D.', severity=Severity.LOW, remediation='Do.').for_stack()\n"
        "def check(stack): ...\n"
    )
    assert [policy.name for policy in policies_beside(str(tmp_path / "__main__.py"))] == ["found"]


@pytest.mark.parametrize("protect", [True, False])
def test_a_stack_rule_sees_protection(protect: bool) -> None:
    holder = Given(HOLDER, "h", {}, protect=protect)
    answer = YES if protect else NO
    assert _answers(lambda holder, _: holder.protected, [held(), holder]) == answer
