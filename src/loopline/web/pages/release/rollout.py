"""The newest rollout as it stands: its steps, both packages side by side, and the test that judges them at every look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from loopline.charts import Spec
from loopline.errors import Mistake
from loopline.release import by_hand
from loopline.release.approvals import tally_of
from loopline.release.position import trial
from loopline.release.record import signed_moves
from loopline.release.rollout.course import PAUSED, RESUMED, Course, newest
from loopline.release.rollout.evidence import Arm, Evidence
from loopline.release.rollout.looks import QUESTIONS, Look, looks, sequence
from loopline.release.rollout.plan import Plan
from loopline.release.spec import ROLLOUT
from loopline.release.stage import stopped
from loopline.release.tally import Tally
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.hand import may_act, move_key, person_of, require_stakeholder, unsigned
from loopline.web.page import Action, Done, Form, Page
from loopline.web.pages.release.gates import Voice, voice
from loopline.web.pages.release.history import about_moves, of_moves

MOVES = ("promoted", PAUSED, RESUMED)


@dataclass(frozen=True)
class Rollout:
    """The rollout page.

    Parameters
    ----------
    told
        The newest rollout, as `loopline.release.position.trial` gives it; None where there never was one.
    legs
        The plan's steps, each with whether it is over, is now, or is to come.
    arms
        What champion and challenger have done, over all steps.
    moves
        Every move of it, oldest first.
    may_move
        Whether the reader may move it by hand.
    unsigned
        Why they cannot sign such a move here, and what to do; empty where they can.
    pictures
        From a question to how its difference was known over time.
    """

    title: str
    told: dict[str, Any] | None
    declared: str
    legs: tuple[tuple[str, str], ...]
    arms: Evidence | None
    moves: tuple[dict[str, Any], ...]
    pictures: tuple[tuple[str, Callable[[int], Spec]], ...]
    looks: int
    said: Tally
    voices: tuple[Voice, ...]
    stopped: str
    may_move: bool
    unsigned: str
    seen: str

    @property
    def is_live(self) -> bool:
        """Whether the challenger is on trial still."""
        return self.told is not None and self.told["state"] in ("live", "paused")

    @property
    def both(self) -> tuple[tuple[str, Arm], ...]:
        """Both packages with what they have done."""
        if self.told is None or self.arms is None:
            return ()
        return (f"champion {self.told['champion'][:12]}", self.arms.champion), (f"challenger {self.told['package'][:12]}", self.arms.challenger)

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        arms = None if self.arms is None else self.arms.as_json()
        return {"rollout": self.told, "declared": self.declared, "arms": arms, "moves": list(self.moves), "looks": self.looks, "charter_stops": self.stopped}


def view(current: Current, asked: Asked) -> Rollout:
    """The newest rollout, live or ended."""
    said, state = current.project.declaration, current.state
    course, declared = newest(state.rollouts), str(said.release.rollout) if said.release.rollout.is_declared else ""
    seen = of_moves(current)
    if course is None:
        return Rollout("Rollout", None, declared, (), None, (), (), 0, Tally(ROLLOUT, ()), (), stopped(said.charter, state), False, "", seen)
    told, found, signed = trial(said.release, said.charter, state), looks(current.workspace.ledger, course), signed_moves(state)
    evidence = [Evidence.of_json(one) for one in (told or {})["evidence"]] or list(found[-1].evidence if found else ())
    words = tally_of(said.release, said.charter, state, course.package, ROLLOUT) if course.is_live else Tally(ROLLOUT, ())
    may_move = course.is_live and may_act(current, asked)
    return Rollout(
        title=f"Rollout of {course.package[:12]}",
        told=told,
        declared=declared,
        legs=tuple(_legs(course)),
        arms=sum(evidence, Evidence()) if evidence else None,
        moves=tuple({**one, "signed": signed.get(one["entry"])} for one in course.as_json()["moves"]),
        pictures=_pictures(found),
        looks=len(found),
        said=words,
        voices=tuple(voice(current, asked, one, course.package, ROLLOUT) for one in words.roles),
        stopped=stopped(said.charter, state),
        may_move=may_move,
        unsigned=unsigned(current, asked, moves=True) if may_move else "",
        seen=seen,
    )


def _legs(course: Course) -> list[tuple[str, str]]:
    """The steps of the plan, and where each stands."""
    standing = ("over", "now", "to come")
    legs = Plan.of_json(course.plan).legs
    if course.end:
        return [(str(leg), "over" if at <= course.leg else "not reached") for at, leg in enumerate(legs)]
    return [(str(leg), standing[(at > course.leg) - (at < course.leg) + 1]) for at, leg in enumerate(legs)]


def _pictures(found: Sequence[Look]) -> tuple[tuple[str, Callable[[int], Spec]], ...]:
    seen = list(found)

    def drawer(question: str) -> Callable[[int], Spec]:
        return lambda width: sequence(seen, question, width=width) or {}

    return tuple((question, drawer(question)) for question in QUESTIONS if sequence(seen, question) is not None)


def act(current: Current, asked: Asked, form: Form) -> Done:
    """Pause the rollout, let it go on, or let its challenger decide, as the commands do."""
    said, state, ledger = current.project.declaration, current.state, current.workspace.ledger
    action, who, why, signs = form.get("action", ""), person_of(asked), form.get("why", ""), move_key(current, asked)
    require_stakeholder(current, asked)
    if action not in MOVES:
        raise Mistake(f"there is no move {action[:40]!r} of a rollout", where="action", remedy=f"the moves are: {', '.join(MOVES)}")
    if action in (PAUSED, RESUMED):
        entry = by_hand.hold(ledger, state, action, who=who, why=why, signs=signs)
        return Done(f"The rollout of {entry.subject[:12]} is {action}: {entry.body['why']}", "/release/rollout")
    entry = by_hand.promote(ledger, said.release, said.charter, state, who=who, why=why, signs=signs)
    return Done(f"{entry.subject[:12]} decides from now on: {entry.body['why']}", "/release/rollout")


def _seen(current: Current, asked: Asked, form: Form) -> str:
    return of_moves(current)


PAGES = (Page("rollout", "/release/rollout", view, "release_rollout.html.j2"),)
ACTIONS = (Action("/release/rollout/moves", act, seen=_seen, about=about_moves),)
