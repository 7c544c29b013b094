"""The evidence that a run of the packs leaves, and the page that is made of it."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pulumi_policy import ResourceValidationPolicy, Severity, StackValidationPolicy

from policies.report import EvidenceError, as_json, as_markdown, read
from policies.shared.rule import EVIDENCE, Checked, Framework, Reference, Rule, Scope, Stack
from tests.policies.harness import PRODUCTION, STAGING, UNKNOWN, Given, check, check_stack

REPOSITORY = Path(__file__).parents[2]
KIND = "aws:test/thing:Thing"
OTHER = "aws:test/other:Other"
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SENTINEL = "s3ntinel-of-a-property"
REASON = "Goes with the old platform, ticket 12"


@pytest.fixture
def evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(EVIDENCE, str(tmp_path))
    return tmp_path


def rule(name: str, scope: Scope = Scope.EVERY_STACK) -> Rule:
    return Rule(
        name=name,
        description="Things are on | and good.",
        severity=Severity.HIGH,
        remediation="Switch it on.",
        scope=scope,
        references=(Reference(Framework.FSBP, "T.1"), Reference(Framework.CIS, "9.9")),
        exemptions={"old-*": REASON},
    )


def of_one(scope: Scope = Scope.EVERY_STACK) -> ResourceValidationPolicy:
    @rule("thing-on", scope).for_each(KIND)
    def check_thing(thing: Checked) -> None:
        thing.must_be_true("on")

    return check_thing


def of_stack(scope: Scope = Scope.EVERY_STACK) -> StackValidationPolicy:
    @rule("thing-has-other", scope).for_stack()
    def check_things(stack: Stack) -> None:
        for thing in stack.owing(KIND):
            with thing.unknowns_noted():
                if not any(thing.refers_to("other", other) for other in stack.all(OTHER)):
                    thing.fails("other", seen="nothing", wanted="one")

    return check_things


def verdicts(folder: Path) -> dict[str, dict[str, str]]:
    return {
        control.rule: {look.resource: look.verdict for look in control.looks}
        for control in read(folder)
    }


def test_each_resource_that_a_rule_looked_at_has_its_verdict(evidence: Path) -> None:
    policy = of_one()
    for name, on in {"good": True, "bad": SENTINEL, "later": UNKNOWN, "old-one": False}.items():
        check(policy, KIND, {"on": on}, name=name)
    check(policy, OTHER, {"on": False}, name="not-its-type")
    assert verdicts(evidence) == {
        "thing-on": {
            f"{KIND} good": "passed",
            f"{KIND} bad": "failed",
            f"{KIND} later": "left for the update",
            f"{KIND} old-one": "exempt",
        }
    }
    (control,) = read(evidence)
    assert control.verdict == "failed"
    passed, failed, left, exempt = (look.details for look in control.looks)
    assert (passed, exempt) == ([], [REASON])
    assert failed == [f"{KIND} 'bad': on is false, wanted is true."]
    assert left == [f"{KIND} 'later': string value at .on can't be known during preview"]
    assert SENTINEL not in "".join(path.read_text() for path in evidence.iterdir())


def test_a_rule_about_relations_lists_its_subjects_and_not_what_they_relate_to(
    evidence: Path,
) -> None:
    other = Given(OTHER, "there", {"id": "o-1"})
    things = [
        Given(KIND, "joined", {"other": "o-1"}),
        Given(KIND, "alone", {"other": "o-2"}),
        Given(KIND, "old-alone", {"other": "o-2"}),
    ]
    check_stack(of_stack(), [other, *things])
    assert verdicts(evidence)["thing-has-other"] == {
        f"{KIND} joined": "passed",
        f"{KIND} alone": "failed",
        f"{KIND} old-alone": "exempt",
    }


def test_one_unknown_among_relations_leaves_the_other_verdicts(evidence: Path) -> None:
    things = [Given(KIND, "joined", {"other": "o-1"}), Given(KIND, "later", {"other": UNKNOWN})]
    check_stack(of_stack(), [Given(OTHER, "there", {"id": "o-1"}), *things])
    assert verdicts(evidence)["thing-has-other"] == {
        f"{KIND} joined": "passed",
        f"{KIND} later": "left for the update",
    }


def test_a_rule_whose_subject_is_missing_lists_what_it_looked_at(evidence: Path) -> None:
    @rule("thing-exists").for_stack()
    def check_others(stack: Stack) -> None:
        assert stack.all(OTHER)

    check_stack(check_others, [Given(OTHER, "there", {})])
    assert verdicts(evidence)["thing-exists"] == {f"{OTHER} there": "passed"}


def test_a_rule_about_relations_that_a_stack_does_not_owe_says_so(evidence: Path) -> None:
    policy = of_stack(Scope.PRODUCTION)
    stack = [Given("pulumi:pulumi:Stack", "s"), Given(KIND, "alone", {"other": "o-2"})]
    check_stack(policy, stack, stack=STAGING)
    (control,) = read(evidence)
    assert control.verdict == "not demanded in this stack"
    assert [look.resource for look in control.looks] == ["pulumi:pulumi:Stack s"]


def test_what_a_stack_need_not_have_is_said_so(evidence: Path) -> None:
    check(of_one(Scope.PRODUCTION), KIND, {"on": False}, stack=STAGING)
    (control,) = read(evidence)
    assert control.verdict == "not demanded in this stack"
    check(of_one(Scope.PRODUCTION), KIND, {"on": False}, stack=PRODUCTION)
    assert read(evidence)[0].verdict == "failed"


def test_the_last_look_at_a_resource_counts(evidence: Path) -> None:
    policy = of_one()
    check(policy, KIND, {"on": UNKNOWN})
    check(policy, KIND, {"on": True})
    assert verdicts(evidence) == {"thing-on": {f"{KIND} it": "passed"}}


def test_the_page_names_demand_references_findings_and_what_looked_at_nothing(
    evidence: Path,
) -> None:
    policy = of_one()
    of_stack()
    for name, on in {"bad": False, "old-one": False, "later": UNKNOWN}.items():
        check(policy, KIND, {"on": on}, name=name)
    page = as_markdown("staging", read(evidence), AT)
    assert page.startswith("# Policy evidence: staging\n\n2026-01-02T03:04:05+00:00. ")
    assert "1 failed, 1 looked at nothing." in page
    row = "| `thing-on` | Things are on \\| and good. | T.1, 9.9 | high | 3 | failed |"
    assert row in page.splitlines()
    assert f"## Failed\n\n- `thing-on`: {KIND} bad: " in page
    assert f"## Exempt\n\n- `thing-on`: {KIND} old-one: {REASON}" in page
    assert f"## Left for the update, which checks again\n\n- `thing-on`: {KIND} later: " in page
    assert "| `thing-has-other` |" in page
    assert "| 0 | looked at nothing |" in page
    content = json.loads(as_json("staging", read(evidence), AT))
    assert (content["stack"], content["at"]) == ("staging", "2026-01-02T03:04:05+00:00")
    control = content["controls"][1]
    assert (control["rule"], control["verdict"], control["pack"]) == (
        "thing-on",
        "failed",
        "shared",
    )
    assert control["settings"] == {"exemptions": {"old-*": REASON}}
    assert [look["verdict"] for look in control["looks"]] == [
        "failed",
        "exempt",
        "left for the update",
    ]


def test_without_the_variable_no_evidence_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(EVIDENCE, raising=False)
    monkeypatch.chdir(tmp_path)
    check(of_one(), KIND, {"on": False})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("line", ["{torn", "[]", '{"no": "rule"}', '{"rule": "a", "urn": "b"}'])
def test_torn_evidence_is_refused_with_its_place(tmp_path: Path, line: str) -> None:
    (tmp_path / "access.jsonl").write_text(f"{line}\n")
    with pytest.raises(EvidenceError, match=r"access\.jsonl, line 1: is no evidence; empty"):
        read(tmp_path)


def report(folder: Path, output: Path) -> subprocess.CompletedProcess[str]:
    words = ["--stack", "staging", "--evidence", str(folder), "--output", str(output)]
    return subprocess.run(
        [sys.executable, "-m", "policies.report", *words],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_writes_both_files_and_fails_with_a_failed_control(
    evidence: Path, tmp_path: Path
) -> None:
    check(of_one(), KIND, {"on": True})
    output = tmp_path / "kept" / "staging"
    good = report(evidence, output)
    assert good.returncode == 0, good.stderr
    assert "1 controls: 1 passed" in good.stdout
    check(of_one(), KIND, {"on": False})
    bad = report(evidence, output)
    assert bad.returncode == 1
    assert output.with_name("staging.md").read_text().startswith("# Policy evidence: staging")
    assert json.loads(output.with_name("staging.json").read_text())["stack"] == "staging"


def test_the_command_says_what_to_do_where_there_is_no_evidence(tmp_path: Path) -> None:
    answer = report(tmp_path, tmp_path / "out")
    assert answer.returncode == 2
    assert "holds no evidence; run pulumi preview with POLICY_EVIDENCE=" in answer.stderr
