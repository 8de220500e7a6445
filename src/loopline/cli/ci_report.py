"""The report on a change, as Markdown that may stand as a comment; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loopline.cli.ci_judgement import Judgement
from loopline.cli.release_check import checked, gate_row, markdown_table
from loopline.declaration import figure

MOST = 60_000
"""Characters of a report at most: a comment on GitHub has room for 65,536."""

WHERE = {"pull-request": "pull request", "main": "main branch"}
_MARKS = {"failed": "FAILED"}
_SPAN = ("from", "to")
_CRITERIA = "What the business asked for"

Criteria = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Step:
    """What became of a step: ``passed``, ``failed`` or ``skipped``."""

    name: str
    state: str
    says: str


def report(project: str, on: str, steps: Sequence[Step], found: Judgement | None, *, criteria: Criteria = (), notes: Iterable[str] = (), link: str = "") -> str:
    """The report: the verdict first, then money, criteria, the champion, the gates, and what changed.

    Parameters
    ----------
    found
        What is known of the package; None where there is none.
    criteria
        Where there is none, the acceptance criteria that were not judged.
    notes
        What a reader must know to judge the figures.
    link
        Where the files beside the report are found; beside it by default.
    """
    failed = [step.name for step in steps if step.state == "failed"]
    verdict = f"**It does not pass: {', '.join(failed)}.**" if failed else "**It passes.**"
    lines = [f"# Loopline: {project}, {WHERE[on]}", "", verdict, ""]
    lines += markdown_table(("step", "", "says"), [(step.name, _MARKS.get(step.state, step.state), step.says) for step in steps])
    if found is not None:
        for title, part in _PARTS.items():
            lines += [f"## {title}", "", *part(found)]
        lines += _pictures(found, link)
    elif criteria:
        lines += [f"## {_CRITERIA}", "", *_listed(criteria)]
    said = list(notes)
    lines += ["## To keep in mind", "", *(f"- {note}" for note in said), ""] if said else []
    return _within("\n".join(lines))


def money(found: Judgement) -> dict[str, Any]:
    """What the package earns on the test part: per decision and, where the charter says a volume, per year, each with its 95 % interval."""
    worth = found.package["worth"]
    each = {"per_decision": worth["per_decision"], "low": worth["low"], "high": worth["high"]}
    names = {"per_decision": "per_year", "low": "per_year_low", "high": "per_year_high"}
    yearly = {names[name]: None if found.per_year is None else value * found.per_year for name, value in each.items()}
    return {"currency": found.package["currency"], **each, **yearly}


def _worth(found: Judgement) -> list[str]:
    worth, gain = found.package["worth"], found.package["worth"]["gain"]
    rows = [("this package", worth["per_decision"], worth["low"], worth["high"]), (f"more than {worth['rule']}", gain["mean"], gain["low"], gain["high"])]
    if found.compared is not None and (gap := found.compared["differences"]["worth"]) is not None:
        rows.append(("more than the champion", gap["value"], gap["low"], gap["high"]))
    year = found.per_year
    cells = [(name, *map(_number, values), *(_number(None if year is None else value * year) for value in values)) for name, *values in rows]
    lines = markdown_table((found.package["currency"] or "worth", "per decision", *_SPAN, "per year", *_SPAN), cells)
    return lines if year is not None else [*lines, "Say `charter.volume` in loopline.yaml to see it per year.", ""]


def _criteria(found: Judgement) -> list[str]:
    return _listed(found.criteria)


def _listed(criteria: Criteria) -> list[str]:
    if not criteria:
        return ["The charter has no acceptance criteria.", ""]
    head = ("asked for", "check", "verdict", "now", "the champion, on the same rows", "what the change does")
    rows = [
        (
            f"{one['says']} ({one['id']})" if one["says"] else one["id"],
            checked(one["check"]),
            "-" if one["passed"] is None else "passed" if one["passed"] else "FAILED",
            _number(one["value"]),
            "-" if one["champion_passed"] is None else f"{_number(one['champion_value'])}, {'passed' if one['champion_passed'] else 'FAILED'}",
            _effect(one),
        )
        for one in criteria
    ]
    return markdown_table(head, rows)


def _effect(one: Mapping[str, Any]) -> str:
    """What a change does to a criterion: to what it asks for, and against the champion."""
    asked = {"new": "the champion was not asked for it", "changed": f"asked for {checked(one['was'])} before", "dropped": "it is asked for no more"}
    said = [asked[one["change"]]] if one["change"] else []
    met = _against(one)
    return "; ".join([*said, *([met] if met else [])]) or "-"


def _against(one: Mapping[str, Any]) -> str:
    if one["champion_passed"] is None:
        return ""
    turned = "" if one["passed"] == one["champion_passed"] else "it holds now" if one["passed"] else "it holds no more"
    if one["value"] is None or one["champion_value"] is None:
        return turned or "as before"
    gap = one["value"] - one["champion_value"]
    moved = "as before" if gap == 0 else f"{'up' if gap > 0 else 'down'} by {figure(abs(gap))}"
    return f"{moved}: {turned}" if turned else moved


def _champion(found: Judgement) -> list[str]:
    if found.compared is None:
        return [f"There is no champion to compare with: {found.lack}.", ""]
    one, other = found.compared["packages"]["one"], found.compared["packages"]["other"]
    rows = []
    for name, gap in found.compared["differences"].items():
        span = (None, None, None) if gap is None else (gap["value"], gap["low"], gap["high"])
        rows.append((name, *map(_number, (one["metrics"][name], other["metrics"][name], *span))))
    head = ("metric", f"the change, {one['package'][:8]}", f"the champion, {other['package'][:8]}", "difference", *_SPAN)
    return [str(found.compared["says"]), "", *markdown_table(head, rows)]


def _metrics(found: Judgement) -> list[str]:
    measured = ((found.package["evaluation"] or {}).get("metrics") or {}).get("test", {})
    rows = []
    for name, value in found.package["metrics"]["test"].items():
        span = measured.get(name) or {}
        rows.append((name, _number(value), _number(span.get("low")), _number(span.get("high"))))
    return markdown_table(("metric on the test part", "", *_SPAN), rows)


def _gates(found: Judgement) -> list[str]:
    return markdown_table(("verdict", "gate", "asked", "found"), map(gate_row, found.gates["gates"]))


def _changed(found: Judgement) -> list[str]:
    if found.changed is None:
        return ["It is not known: the ledger has no champion, or no longer says what it was made from.", ""]
    return [f"Changed: {', '.join(f'`{name}`' for name in found.changed)}." if found.changed else "Nothing that the loop reads.", ""]


def _pictures(found: Judgement, link: str) -> list[str]:
    if not found.pictures:
        return []
    if link:
        names = ", ".join(f"{heading} (`{name}`)" for name, (heading, _) in found.pictures.items())
        return ["## Pictures", "", f"{names}: [among the artefacts]({link}).", ""]
    return ["## Pictures", "", *(f"- [{heading}]({name})" for name, (heading, _) in found.pictures.items()), ""]


_PARTS = {
    "Worth": _worth,
    _CRITERIA: _criteria,
    "Against the champion": _champion,
    "Metrics": _metrics,
    "Every gate": _gates,
    "What changed in loopline.yaml since the champion": _changed,
}
"""The parts of a report, in the order in which they are read."""


def _number(value: float | None) -> str:
    return "-" if value is None else figure(value)


def _within(text: str) -> str:
    """The text, cut at the end of a line where it is longer than a comment may be."""
    if len(text) <= MOST:
        return text
    last = "\n\nThe report was too long for a comment, and is cut here. The JUnit files beside it have every verdict.\n"
    return text[: text.rindex("\n", 0, MOST - len(last))] + last
