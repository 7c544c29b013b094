"""The evidence of a run of the packs as a page for an auditor and as JSON for machines.

A run leaves it where POLICY_EVIDENCE names an empty folder (`policies/shared/rule.py`):

    POLICY_EVIDENCE=evidence pulumi preview --policy-pack policies/encryption …
    python -m policies.report --stack production --evidence evidence --output production
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

FAILED: Final = "failed"
LEFT: Final = "left for the update"
EXEMPT: Final = "exempt"
SPARED: Final = "not demanded in this stack"
PASSED: Final = "passed"
NOTHING: Final = "looked at nothing"

# Of several verdicts in one control the first of these is the control's own.
_ORDER: Final = (FAILED, LEFT, PASSED, EXEMPT, SPARED)


class EvidenceError(Exception):
    """There is no evidence, or it is torn; says where and what to do."""


@dataclass(frozen=True)
class Look:
    """One resource under one control; `details` are findings, or why it is left or exempt."""

    urn: str
    verdict: str
    details: Sequence[str]

    @property
    def resource(self) -> str:
        """Its type and logical name."""
        kind, name = self.urn.rsplit("::", 2)[-2:]
        return f"{kind.rsplit('$', 1)[-1]} {name}"


@dataclass(frozen=True)
class Control:
    """One rule with what it demands and everything that it looked at."""

    pack: str
    rule: str
    description: str
    severity: str
    scope: str
    references: Sequence[Sequence[str]]
    remediation: str
    settings: Mapping[str, Any]
    looks: Sequence[Look] = field(default=())

    @property
    def verdict(self) -> str:
        verdicts = {look.verdict for look in self.looks}
        return next((verdict for verdict in _ORDER if verdict in verdicts), NOTHING)


def read(folder: Path) -> list[Control]:
    """The controls of every pack that left evidence, by pack and rule.

    Raises:
        EvidenceError: no pack left any, or a line is no evidence.
    """
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise EvidenceError(
            f"{folder} holds no evidence; run pulumi preview with POLICY_EVIDENCE={folder} and "
            "the packs first"
        )
    return [control for file in files for control in _controls(file)]


def _controls(file: Path) -> Iterator[Control]:
    declared: dict[str, dict[str, Any]] = {}
    # An update looks again at what its preview saw: the last look counts.
    looks: dict[str, dict[str, Look]] = {}
    for number, line in enumerate(file.read_text().splitlines(), 1):
        try:
            event = json.loads(line)
            rule = event.pop("rule")
            if "urn" in event:
                looks.setdefault(rule, {})[event["urn"]] = Look(**event)
            else:
                declared[rule] = event
        except (ValueError, KeyError, TypeError, AttributeError):
            raise EvidenceError(
                f"{file}, line {number}: is no evidence; empty the folder and run the preview again"
            ) from None
    for rule, about in sorted(declared.items()):
        yield Control(file.stem, rule, **about, looks=tuple(looks.get(rule, {}).values()))


def as_json(stack: str, controls: Sequence[Control], at: datetime) -> str:
    content = {
        "stack": stack,
        "at": at.isoformat(timespec="seconds"),
        "controls": [{**asdict(control), "verdict": control.verdict} for control in controls],
    }
    return json.dumps(content, indent=2) + "\n"


def as_markdown(stack: str, controls: Sequence[Control], at: datetime) -> str:
    return "\n".join(
        [
            f"# Policy evidence: {stack}",
            "",
            f"{at.isoformat(timespec='seconds')}. "
            + ", ".join(f"{count} {verdict}" for verdict, count in _totals(controls))
            + ".",
            *_section("Failed", FAILED, controls),
            *_section("Exempt", EXEMPT, controls),
            *_section("Left for the update, which checks again", LEFT, controls),
            *_table_by_pack(controls),
            *_looked_at(controls),
        ]
    )


def _totals(controls: Iterable[Control]) -> list[tuple[str, int]]:
    counts = Counter(control.verdict for control in controls)
    return [(verdict, counts[verdict]) for verdict in (*_ORDER, NOTHING) if counts[verdict]]


def _section(title: str, verdict: str, controls: Iterable[Control]) -> Iterator[str]:
    lines = [
        f"- `{control.rule}`: {look.resource}: {_cell('; '.join(look.details))}"
        for control in controls
        for look in control.looks
        if look.verdict == verdict
    ]
    if lines:
        yield from ("", f"## {title}", "", *lines)


def _table_by_pack(controls: Sequence[Control]) -> Iterator[str]:
    for pack in sorted({control.pack for control in controls}):
        yield from ("", f"## {pack}", "")
        yield "| control | demands | references | severity | looked at | verdict |"
        yield "|---|---|---|---|---|---|"
        for control in controls:
            if control.pack == pack:
                references = ", ".join(name for _, name in control.references) or "-"
                cells = (
                    f"`{control.rule}`",
                    _cell(control.description),
                    references,
                    control.severity,
                    str(len(control.looks)),
                    control.verdict,
                )
                yield f"| {' | '.join(cells)} |"


def _looked_at(controls: Iterable[Control]) -> Iterator[str]:
    yield from ("", "## Resources by control", "")
    for control in controls:
        if control.looks:
            listed = ", ".join(f"{look.resource} ({look.verdict})" for look in control.looks)
            yield f"- `{control.rule}`: {listed}"
    yield ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m policies.report",
        description="Write <output>.md and <output>.json; exit code 1 if a control has failed.",
        epilog="example: python -m policies.report --stack production --evidence evidence"
        " --output evidence/production",
    )
    parser.add_argument("--stack", required=True)
    parser.add_argument("--evidence", type=Path, required=True, help="folder that the run filled")
    parser.add_argument("--output", type=Path, required=True, help="path without a suffix")
    arguments = parser.parse_args()
    try:
        controls = read(arguments.evidence)
    except EvidenceError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    at = datetime.now(UTC)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    for suffix, render in ((".md", as_markdown), (".json", as_json)):
        path = arguments.output.with_name(arguments.output.name + suffix)
        path.write_text(render(arguments.stack, controls, at))
        sys.stdout.write(f"{path}\n")
    totals = ", ".join(f"{count} {verdict}" for verdict, count in _totals(controls))
    sys.stdout.write(f"{len(controls)} controls: {totals}\n")
    return int(any(control.verdict == FAILED for control in controls))


if __name__ == "__main__":
    sys.exit(main())
