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
from loopline.release.pictures import served
from loopline.release.record import told
from loopline.release.rollout.course import KIND, newest
from loopline.release.spec import ROLLBACK
from loopline.release.stage import awaited
from loopline.release.tally import Tally
from loopline.release.wording import Wording, worded
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.forms import seen_of
from loopline.web.hand import may_act, move_key, person_of, require_stakeholder, unsigned
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
    to
        The one of them that is looked at; empty where there is none.
    said, voices
        What was said of that, and by the roles that must say yes before.
    awaits
        Which of these words are missing; empty where none is.
    may_move
        Whether the reader may lead back.
    unsigned
        Why they cannot sign that here, and what to do; empty where they can.
    """

    title: str
    reigns: tuple[Told, ...]
    total: int
    page: int
    picture: Callable[[int], Spec] | None
    back: tuple[str, ...]
    to: str
    said: Tally
    voices: tuple[Voice, ...]
    awaits: str
    may_move: bool
    unsigned: str
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
    gates: tuple[Wording, ...]

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
    to = _chosen(back, asked)
    asks = tally_of(said.release, said.charter, state, to, ROLLBACK) if to else Tally(ROLLBACK, ())
    halt = awaited(to, asks)
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
        to=to,
        said=asks,
        voices=tuple(voice(current, asked, one, to, ROLLBACK) for one in asks.roles),
        awaits="" if halt is None else halt.why,
        may_move=may_act(current, asked),
        unsigned=unsigned(current, asked, moves=True) if back and may_act(current, asked) else "",
        on_trial=course.package if course is not None and course.is_live else "",
        deployments=tuple(records.as_json(entry) for entry in deployed),
        seen=of_moves(current),
    )


def _chosen(back: tuple[str, ...], asked: Asked) -> str:
    """The earlier package that is asked for, the one before by default."""
    wanted = asked.query.get("to", "")
    found = [package for package in back if package.startswith(wanted)]
    if wanted and not found:
        raise Missing("no such package has decided before", where=wanted[:12], remedy="the history names them all")
    return found[0] if found else ""


def one(current: Current, asked: Asked) -> Reign:
    """The reign that an entry began."""
    state = current.state
    chosen = [reign for reign in history(state.champions) if reign.entry == asked.path["entry"]]
    if not chosen:
        raise Missing("no package came to decide with this entry", where=asked.path["entry"][:60], remedy="the history names them all")
    (said,) = told(state, chosen)
    waived = {each["gate"]: each for each in said["waived"]}
    gates = [{**gate, "waived": waived.get(gate["name"])} for gate in (said["judged"] or {"gates": ()})["gates"]]
    rows = tuple(worded(gate, current.project.declaration.charter) for gate in gates)
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
