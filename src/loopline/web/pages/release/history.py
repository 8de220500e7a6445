"""What decided when, who approved it, and the way back; and what was deployed where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from loopline.charts import Spec
from loopline.release import by_hand
from loopline.release.approvals import tally_of
from loopline.release.champion import history, standing
from loopline.release.deploy import records
from loopline.release.judgement import found, outcome
from loopline.release.pictures import served
from loopline.release.record import told
from loopline.release.rollout.course import KIND, newest
from loopline.release.spec import ROLLBACK
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.forms import seen_of
from loopline.web.hand import move_key, person_of, require_stakeholder
from loopline.web.page import About, Action, Done, Form, Missing, Page
from loopline.web.pages.release.gates import Voice, voice
from loopline.web.said import PER_PAGE, page_of

Told = dict[str, Any]


@dataclass(frozen=True)
class History:
    """The history of the release.

    Parameters
    ----------
    reigns
        What decided when, newest first, as `loopline.release.record.told` gives it.
    back
        The packages that may decide again, the one before first.
    voices
        The roles that must say yes to the way back.
    """

    title: str
    reigns: tuple[Told, ...]
    total: int
    page: int
    picture: Callable[[int], Spec] | None
    back: tuple[str, ...]
    voices: tuple[Voice, ...]
    on_trial: str
    deployments: tuple[Told, ...]
    seen: str

    @property
    def pages(self) -> int:
        """How many pages the list has."""
        return -(-self.total // PER_PAGE)

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {"champions": list(self.reigns), "total": self.total, "page": self.page, "deployments": list(self.deployments)}


@dataclass(frozen=True)
class Reign:
    """One reign in full."""

    title: str
    told: Told
    gates: tuple[tuple[str, str, str, str], ...]

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return self.told


def view(current: Current, asked: Asked) -> History:
    """A page of what decided when, newest first."""
    said, state = current.project.declaration, current.state
    reigns, page = history(state.champions)[::-1], page_of(asked.query)
    shown = told(state, reigns[(page - 1) * PER_PAGE : page * PER_PAGE])
    stack = standing(state.champions)
    others = [entry.subject for entry in reversed(state.champions) if entry.subject and entry.subject != state.champion]
    back = tuple(dict.fromkeys([*stack[-2:-1], *others]))
    course = newest(state.rollouts)
    asks = tally_of(said.release, said.charter, state, back[0], ROLLBACK).roles if back else ()
    deployed = current.workspace.ledger.read(kinds=(records.KIND,), newest_first=True, limit=PER_PAGE)
    # To the minute: what has not moved is not drawn again.
    until = current.at.replace(second=0, microsecond=0).isoformat()
    return History(
        title="What decided when",
        reigns=tuple(shown),
        total=len(reigns),
        page=page,
        picture=None if not shown else lambda width: served(shown[::-1], until, width=width) or {},
        back=back,
        voices=tuple(voice(current, asked, one, back[0], ROLLBACK) for one in asks),
        on_trial=course.package if course is not None and course.is_live else "",
        deployments=tuple(records.as_json(entry) for entry in deployed),
        seen=of_moves(current),
    )


def one(current: Current, asked: Asked) -> Reign:
    """The reign that an entry began."""
    state = current.state
    chosen = [reign for reign in history(state.champions) if reign.entry == asked.path["entry"]]
    if not chosen:
        raise Missing("no package came to decide with this entry", where=asked.path["entry"][:60], remedy="the history names them all")
    (said,) = told(state, chosen)
    waived = {each["gate"]: each for each in said["waived"]}
    gates = [{**gate, "waived": waived.get(gate["name"])} for gate in (said["judged"] or {"gates": ()})["gates"]]
    rows = tuple((gate["name"], outcome(gate), gate.get("asked") or "", found(gate)) for gate in gates)
    return Reign(f"{said['package'][:12]} decided", said, rows)


def of_moves(current: Current) -> str:
    """What a move is decided on: what decides, and where the rollout stands."""
    return seen_of([entry.id for entry in (*current.state.champions[-1:], *current.state.rollouts[-1:])])


def about_moves(current: Current, asked: Asked, form: Form) -> tuple[About, ...]:
    """What tells of moves."""
    return (About(("champion", KIND)),)


def go_back(current: Current, asked: Asked, form: Form) -> Done:
    """Let an earlier package decide again, or end the rollout that runs, as the command does."""
    said, state, ledger = current.project.declaration, current.state, current.workspace.ledger
    require_stakeholder(current, asked)
    signs = move_key(current, asked)
    entry = by_hand.go_back(ledger, said.release, said.charter, state, who=person_of(asked), why=form.get("why", ""), signs=signs, to=form.get("to") or None)
    does = "is on trial no more" if entry.kind == KIND else "decides again"
    return Done(f"{entry.subject[:12]} {does}: {entry.body['why']}", "/release/rollout" if entry.kind == KIND else "/release/history")


def _seen(current: Current, asked: Asked, form: Form) -> str:
    return of_moves(current)


PAGES = (
    Page("release history", "/release/history", view, "release_history.html.j2"),
    Page("a reign", "/release/history/{entry}", one, "release_reign.html.j2"),
)
ACTIONS = (Action("/release/back", go_back, seen=_seen, about=about_moves),)
