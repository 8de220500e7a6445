"""What a person does with their own hand: they say a word, let a package decide, hold its rollout, or take it back."""

from __future__ import annotations

from collections.abc import Callable

from loopline.access.keys import Key
from loopline.access.people import Person, reason
from loopline.charter.spec import CharterSpec
from loopline.errors import CheckFailed, Mistake
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.ledger.store import Ledger
from loopline.release.approvals import gates_today, tally_of
from loopline.release.champion import enter, rollback, way_back
from loopline.release.rollout.course import PAUSED, PROMOTED, WITHDRAWN, live, move, newest
from loopline.release.spec import ROLLBACK, ROLLOUT, ReleaseSpec
from loopline.release.stage import awaited, waived_of
from loopline.release.tally import counted
from loopline.release.waivers import failing
from loopline.release.words import say

Signs = Callable[[], Key]
"""Gives the key that signs, or says why there is none."""


def promote(ledger: Ledger, spec: ReleaseSpec, charter: CharterSpec, state: State, *, who: Person, why: str, signs: Signs) -> Entry:
    """The entry that ends the rollout here: the challenger decides from now on, without waiting for more evidence.

    Raises
    ------
    Mistake
        When no package is on trial, or the reason is empty.
    CheckFailed
        When a yes is missing, or it no longer passes a gate.
    """
    course, because, key = live(state.rollouts), reason(why), signs()
    said = tally_of(spec, charter, state, course.package)
    if (halt := awaited(course.package, said)) is not None:
        raise CheckFailed(halt.why, remedy=halt.next)
    gates = gates_today(spec, charter, state, course.package)
    if failed := failing(gates):
        raise CheckFailed(f"it no longer passes {', '.join(gate['name'] for gate in failed)}", where="release promote", remedy="loopline release check")
    if (waits := awaited(course.package, tally_of(spec, charter, state, course.package, ROLLOUT))) is not None:
        raise CheckFailed(waits.why, where="release promote", remedy=waits.next)
    also, parents = f"{who.name} ended its rollout: {because}", (course.entries[-1].id,)
    enter(ledger, course.package, counted(said), waived_of(gates), also=also, parents=parents, actor=who.name, signed_with=key)
    return say(ledger, move(course, PROMOTED, why=because, traffic=None, actor=who.name), key)


def hold(ledger: Ledger, state: State, action: str, *, who: Person, why: str, signs: Signs) -> Entry:
    """The entry that pauses the rollout that runs, or lets it go on.

    Raises
    ------
    Mistake
        When no package is on trial, it is paused already or is not, or the reason is empty.
    """
    course = live(state.rollouts)
    if course.paused == (action == PAUSED):
        what = "the rollout is paused already" if course.paused else "the rollout is not paused"
        raise Mistake(what, remedy="see where it stands: loopline release status")
    return say(ledger, move(course, action, why=reason(why), traffic=course.traffic, actor=who.name), signs())


def go_back(ledger: Ledger, spec: ReleaseSpec, charter: CharterSpec, state: State, *, who: Person, why: str, signs: Signs, to: str | None = None) -> Entry:
    """The entry by which an earlier champion decides again, at once; of kind ``rollout`` where it ends the rollout that runs instead.

    Raises
    ------
    Mistake
        When there is no way back, or the reason is empty.
    CheckFailed
        When a yes that a rollback asks for is missing.
    """
    key, because, course = signs(), reason(why), newest(state.rollouts)
    if course is not None and course.is_live and to is None:
        return say(ledger, move(course, WITHDRAWN, why=because, traffic=None, actor=who.name), key)
    target = way_back(state.champions, to)
    said = tally_of(spec, charter, state, target, ROLLBACK)
    if (halt := awaited(target, said)) is not None:
        raise CheckFailed(halt.why, remedy=halt.next)
    return rollback(ledger, state.champions, actor=who.name, why=because, signed_with=key, to=target, approvals=counted(said))
