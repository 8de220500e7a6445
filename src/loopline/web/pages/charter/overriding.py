"""The study's no-go overridden on the charter's page: by business, with a reason and until a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from loopline.charter.override import LONGEST, SUBJECT, end, refusing
from loopline.charter.prices import of_charter
from loopline.errors import Mistake
from loopline.ledger.entry import Draft
from loopline.release.heeded import ROLE
from loopline.release.overriding import go_on, refused
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.forms import seen_of
from loopline.web.hand import person_of, require_role, roles_for, unsigned, word_key
from loopline.web.page import About, Action, Done, Form
from loopline.web.said import day_of


@dataclass(frozen=True, kw_only=True)
class Overridable:
    """A no-go in spite of which the reader may go on.

    Parameters
    ----------
    rules
        The rules that an override covers, each with what it found.
    until
        The last day on which it holds where nobody says how long.
    latest
        The last day that may be named.
    seen
        What is overridden.
    unsigned
        Why the reader cannot sign it here, and what to do; empty where they can.
    """

    rules: Mapping[str, str]
    until: date
    latest: date
    seen: str
    unsigned: str

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {"rules": dict(self.rules), "until": str(self.until), "latest": str(self.latest)}


def overridable(current: Current, asked: Asked, facts: Mapping[str, Any]) -> Overridable | None:
    """The no-go of a study that stops the loop, for who may override it; None for others, and where the charter has changed since."""
    if not roles_for(current, asked, (ROLE,)):
        return None
    try:
        about = _about(current)
    except Mistake:
        return None
    today, names = current.at.date(), refusing(facts)
    rules = {one["name"].replace("_", " "): str(one["says"]) for one in facts.get("rules", ()) if one["name"] in names}
    return Overridable(rules=rules, until=end(None, today=today), latest=today + LONGEST, seen=_seen(current, about), unsigned=unsigned(current, asked))


def override(current: Current, asked: Asked, form: Form) -> Done:
    """Go on in spite of the study's no-go.

    Raises
    ------
    Forbidden
        When others hold business.
    Mistake
        When there is nothing to override, no reason is given, or the day is none within a year.
    """
    require_role(current, asked, ROLE)
    last = end(day_of(form.get("until", ""), "until"), today=current.at.date())
    charter, ledger = current.project.declaration.charter, current.workspace.ledger
    go_on(ledger, charter, _about(current), who=person_of(asked), why=form.get("why", ""), until=last, key=lambda: word_key(current, asked))
    return Done(f"You have overridden the no-go until {last}.", "/charter")


def overridden_now(current: Current, asked: Asked, form: Form) -> str:
    """What would be overridden; empty where there is nothing to override any more.

    Raises
    ------
    Forbidden
        When others hold business.
    """
    require_role(current, asked, ROLE)
    try:
        return _seen(current, _about(current))
    except Mistake:
        return ""


def _about(current: Current) -> Draft:
    declared = current.project.declaration
    book = of_charter(declared.charter, current.project.folder)
    return refused(declared.charter, current.state, book=book, today=current.at.date(), has_data=bool(declared.data.sources))


def _seen(current: Current, about: Draft) -> str:
    """The charter, the rules and their reasons, and the override that somebody said last: a new one takes its place."""
    said = current.state.overrides.get(SUBJECT)
    return seen_of(about.body, None if said is None else said.id)


ACTIONS = (
    Action(
        "/charter/override",
        override,
        seen=overridden_now,
        about=lambda current, asked, form: (About(("override", "charter")),),
    ),
)
