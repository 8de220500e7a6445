"""The acceptance criteria as a document that business and customers read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from loopline.charter.meaning import amount, asked
from loopline.charter.spec import CharterSpec
from loopline.expression.language import parse
from loopline.sheet.document import Answer, Document, Figure, Part, Table, Tone
from loopline.value.requirements.history import Event
from loopline.value.requirements.pictures import picture
from loopline.value.requirements.requirements import STANDINGS, Requirement, Standing, summary

_FIGURES: Mapping[Standing, str] = {
    "does not hold": "Do not hold",
    "nothing checks it": "Checked by nothing",
    "not known yet": "Not known yet",
    "holds": "Hold",
}
_BY = {"in service": "in use", "the package that decides": "on the test of the package that decides", "the newest package": "on the test of the newest package"}
_SPANS = {timedelta(hours=1): "hours", timedelta(days=1): "days", timedelta(weeks=1): "weeks"}
_SHOWN = 60
"""So much of what happened to a criterion is told, the newest: packages come for years."""
_HELD = {True: "held", False: "did not hold", None: "was not judged"}
# The slice that the worst number belongs to stands behind it.
_PIECE = re.compile(r"\(([^()]+)\)$")


def report(project: str, charter: CharterSpec, found: Sequence[Requirement], *, made: str, window: timedelta, next: str) -> Document:
    """What was asked for, and whether it holds: all of it on one page, then each by itself.

    Parameters
    ----------
    window
        How long a window is.
    """
    verdict, _, rest = summary(found).partition("; ")
    spans = _spans(window)
    return Document(
        title=f"{project}: {summary(found)} ({made})",
        project=project,
        kind="acceptance criteria",
        made=made,
        question=charter.decision,
        label="Of what was asked for",
        verdict=f"{verdict[:1].upper()}{verdict[1:]}",
        says=f"{rest[:1].upper()}{rest[1:]}." if rest else "All of it holds." if found else "Say in charter.acceptance what the customer would call good work.",
        tone=_tone(found),
        next=next,
        notes=tuple(
            f"Nobody can tell whether {one.criterion.id} holds (“{one.name}”). Once it is clear what would show it, {one.write}." for one in found if one.write
        ),
        figures=tuple(_figures(found)),
        answers=tuple(Answer(one.criterion.id, (f"{one.name}.", _told(one, charter, spans))) for one in found),
        parts=tuple(_part(one, charter, spans) for one in found),
    )


def told(one: Requirement, charter: CharterSpec, window: timedelta) -> str:
    """Whether it holds, by which number, in one sentence."""
    return _told(one, charter, _spans(window))


def _spans(window: timedelta) -> str:
    return _SPANS.get(window, "spans of time")


def _tone(found: Sequence[Requirement]) -> Tone:
    standings = {one.standing for one in found}
    return "no" if "does not hold" in standings else "yes" if standings == {"holds"} else "wait"


def _figures(found: Sequence[Requirement]) -> Iterator[Figure]:
    for standing in reversed(STANDINGS):
        ids = [one.criterion.id for one in found if one.standing == standing]
        if ids:
            yield Figure(_FIGURES[standing], str(len(ids)), "", ", ".join(ids))


def _told(one: Requirement, charter: CharterSpec, spans: str) -> str:
    told = {"in service": one.service, "the package that decides": one.champion, "the newest package": one.newest}.get(one.by)
    if told is None:
        return "Nothing checks it." if one.criterion.check is None else f"Not known yet: {_why_not(one)}."
    waived = told.get("waived")
    let = f"; {waived['by']} let it through: {waived['why']}" if waived else ""
    return f"{'Holds' if told['passed'] else 'Does not hold'} {_BY[one.by]}: {_number(one, told, charter)}{_held(told, spans)}{let}."


def _why_not(one: Requirement) -> str:
    if one.service is not None:
        return str(one.service["says"])
    return "; ".join(one.needs.lacks) if one.needs is not None and one.needs.lacks else "no package has been tested for it"


def _number(one: Requirement, told: Mapping[str, Any], charter: CharterSpec) -> str:
    """What was found, against what is asked for; the words of the check where it is not one number."""
    check = one.criterion.check or ""
    if told["value"] is None:
        return f"{told['says']}; asked for is {asked(check, charter)}"
    (name,) = one.criterion.names
    piece = _PIECE.search(told["says"])
    return f"{amount(name, told['value'], charter.worth.currency)}{f' ({piece[1]})' if piece else ''}, where {asked(check, charter)} is asked for"


def _held(told: Mapping[str, Any], spans: str) -> str:
    return f"; of {told['windows']} {spans} by themselves, it held in {told['windows_held']}" if told.get("windows") else ""


def _part(one: Requirement, charter: CharterSpec, spans: str) -> Part:
    check = one.criterion.check
    says = [_told(one, charter, spans)]
    says += [one.means, f"As a check: {check}"] if check else [f"Once it is clear what would show it, {one.write}."]
    return Part(
        name=f"{one.criterion.id}: {one.criterion.says}" if one.criterion.says else one.criterion.id,
        says=tuple(says),
        lists=(("", tuple(_traced(one, charter, spans))),) if check else (),
        picture=picture(one, charter, spans) if check else None,
        table=_history(one, charter),
    )


def _traced(one: Requirement, charter: CharterSpec, spans: str) -> Iterator[str]:
    """From the data that a criterion needs to who is told of it."""
    if one.needs is not None:
        there = "" if one.needs.there is None else f"; that is known of {one.needs.there:,} decisions of the package that decides"
        yield f"It takes {one.needs.says}{there}."
        yield from (f"Missing: {line}." for line in one.needs.lacks)
    gate = f"the gate “acceptance {one.criterion.id}”"
    yield f"Before a release every package is held to it, on rows that it has not learned from ({gate}){_before(one, charter)}."
    yield f"In use: {_service(one, charter, spans)}."
    people = charter.stakeholders.get("business", ())
    yield f"Business ({', '.join(people) or 'nobody is named yet: charter.stakeholders'}) is told once it does not hold in use{_alert(one)}."


def _alert(one: Requirement) -> str:
    return "" if one.alert is None else f": an alert is {one.alert['state']} since {one.alert['since'][:10]} (loopline alerts show {one.alert['id']})"


def _before(one: Requirement, charter: CharterSpec) -> str:
    champion, newest = one.champion, one.newest
    said = [] if champion is None else [_verdict("the package that decides", one, champion, charter)]
    if newest is not None and (champion is None or newest["package"] != champion["package"]):
        said.append(_verdict("the newest package", one, newest, charter))
    return "".join(f"; {words}" for words in said)


def _verdict(which: str, one: Requirement, told: Mapping[str, Any], charter: CharterSpec) -> str:
    waived = told.get("waived")
    let = f"; {waived['by']} let it through as {waived['role']}: {waived['why']}" if waived else ""
    return f"{which} ({told['package'][:8]}, {told['at'][:10]}) {_HELD[told['passed']]}: {_number(one, told, charter)}{let}"


def _service(one: Requirement, charter: CharterSpec, spans: str) -> str:
    told = one.service
    if told is None:
        return "it has not been held against what really happened yet"
    if told["passed"] is None:
        return f"it cannot be told: {told['says']}"
    return f"it {_HELD[told['passed']]} in the review of {told['at'][:10]}: {_number(one, told, charter)}{_held(told, spans)}"


def _history(one: Requirement, charter: CharterSpec) -> Table | None:
    if not one.history:
        return None
    newest = list(reversed(one.history))[:_SHOWN]
    rows = [(f"{event.at:%Y-%m-%d}", _happened(event, charter)) for event in newest]
    if more := len(one.history) - len(newest):
        rows.append(("before", f"{more:,} more times that it was looked at (loopline charter criteria --json)"))
    return Table(("when", "what"), tuple(rows), words=2, widest=1, unbroken=frozenset({0}))


def _happened(event: Event, charter: CharterSpec) -> str:
    if event.kind == "charter" or event.check is None:
        return f"The charter changed: {event.says}"
    where = "in use" if event.kind == "review" else f"on the test of package {event.package[:8]}"
    names, found = list(parse(event.check).names), event.says
    if event.value is not None and len(names) == 1:
        piece = _PIECE.search(event.says)
        found = f"{amount(names[0], event.value, charter.worth.currency)}{f' ({piece[1]})' if piece else ''}"
    let = f"; let through by {event.waived}" if event.waived else ""
    held = _HELD[event.passed]
    return f"{held[:1].upper()}{held[1:]} {where}: {found}, where {asked(event.check, charter)} was asked for{let}"
