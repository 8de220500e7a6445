"""The page of the long work: what runs and how far it is, what can be started, and what was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loopline.access.people import same
from loopline.web import tasks
from loopline.web.asked import MAKERS, Asked
from loopline.web.current import Current
from loopline.web.forms import seen_of
from loopline.web.page import About, Action, Done, Forbidden, Form, Missing, Page, never
from loopline.web.work import KIND, Course, Work, history

PATH = "/work"
_WHO = f"somebody who holds one of the roles {', '.join(sorted(MAKERS))}"
_SHOWN = 12
"""So many of the newest lines stand open."""


@dataclass(frozen=True)
class Offer:
    """Long work that this page offers.

    Parameters
    ----------
    roles
        Who may start it; None: every stakeholder.
    """

    label: str
    says: str
    make: Callable[[], Work]
    roles: frozenset[str] | None = None


OFFERS: Mapping[str, Offer] = {
    "round": Offer(
        "Take the loop round", "What has come since is read, what is stale is computed; it stops where a person is needed.", tasks.round_once, MAKERS
    ),
    "check": Offer("Ask the gates again", "Every gate is asked again of the newest package.", tasks.checked_again, MAKERS),
    "study": Offer("Study the charter", "Whether it is worth doing is reckoned anew from the data that are there.", tasks.studied, MAKERS | {"business"}),
    "train": Offer("Train anew", "A model is searched for anew from the data that are there, which spends machine time.", tasks.trained_anew, MAKERS),
}


@dataclass(frozen=True, kw_only=True)
class Word:
    """A word on long work that was entered."""

    at: datetime
    by: str
    what: str
    state: str
    says: str
    entry: str

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**vars(self), "at": self.at.isoformat()}


@dataclass(frozen=True, kw_only=True)
class WorkView:
    """What the page shows.

    Parameters
    ----------
    course
        The work that runs, or the one that ended last.
    holder
        Which process takes the loop round now, whoever started it; empty where none does.
    offers
        What the reader may start: the last part of its address, its label and a sentence.
    words
        Who started and who stopped what, the newest first.
    may_stop
        Whether the reader may stop the work that runs.
    """

    course: Course | None
    holder: str
    offers: tuple[tuple[str, str, str], ...]
    words: tuple[Word, ...]
    may_stop: bool = False
    title: str = "Work"

    @property
    def is_running(self) -> bool:
        """Whether a work runs that was started here."""
        return self.course is not None and self.course.is_running

    @property
    def newest(self) -> tuple[str, ...]:
        """The lines that stand open."""
        return () if self.course is None else self.course.lines[-_SHOWN:]

    @property
    def earlier(self) -> tuple[str, ...]:
        """The lines before them."""
        return () if self.course is None else self.course.lines[:-_SHOWN]

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "work": None if self.course is None else self.course.as_json(),
            "holder": self.holder,
            "offers": [{"start": path, "label": label, "says": says} for path, label, says in self.offers],
            "words": [word.as_json() for word in self.words],
        }


def view(current: Current, asked: Asked) -> WorkView:
    """What runs now, what may be started, and what was."""
    ledger = current.workspace.ledger
    words = (
        Word(
            at=entry.time,
            by=entry.actor,
            what=str(entry.body["does"]),
            state=str(entry.body["state"]),
            says=str(entry.body.get("says", "")),
            entry=entry.id,
        )
        for entry in history(ledger)
    )
    offers = ((name, one.label, one.says) for name, one in OFFERS.items() if asked.reader.may(one.roles))
    course = current.works.now
    return WorkView(course=course, holder=ledger.holder(), offers=tuple(offers), words=tuple(words), may_stop=_may_stop(asked, course))


def _may_stop(asked: Asked, course: Course | None) -> bool:
    """Whether the reader may stop a work: who takes the loop round may, and who started it."""
    return course is not None and (asked.reader.may(MAKERS) or same(asked.reader.name) == same(course.by))


def start(current: Current, asked: Asked, form: Form) -> Work:
    """What the form asks for."""
    offer = OFFERS.get(asked.path["what"])
    if offer is None:
        raise Missing("there is no such work", where=asked.path["what"], remedy=f"there are: {', '.join(OFFERS)}")
    if not asked.reader.may(offer.roles):
        raise Forbidden(f"{asked.reader.name} may not start this", remedy=f"ask somebody who holds one of the roles {', '.join(sorted(offer.roles or ()))}")
    return offer.make()


def stop(current: Current, asked: Asked, form: Form) -> Done:
    """Stop the work that runs; at once where the form says so, and it has been asked already."""
    running, at_once = current.works.now, form.get("at_once") == "yes"
    if running is not None and not _may_stop(asked, running):
        raise Forbidden(f"{running.by} started this, and {asked.reader.name} may not stop it", remedy=f"ask them, or {_WHO}")
    course = current.works.stop(by=asked.reader.name, at_once=at_once)
    return Done(f"{course.name[:1].upper()}{course.name[1:]}: {'ended' if at_once else 'asked to stop'}; what was done is kept", PATH)


def seen(current: Current, asked: Asked, form: Form) -> str:
    """Which work it is that would be stopped, and whether it was asked to already."""
    course = current.works.now
    return "" if course is None else seen_of(course.entry, course.state)


PAGES = (Page("work", PATH, view, "work.html.j2", reported=never),)
ACTIONS = (Action(f"{PATH}/start/{{what}}", start), Action(f"{PATH}/stop", stop, seen=seen, about=lambda current, asked, form: (About((KIND,)),)))
