"""``loopline release promote | pause | resume``: a person's hand on the rollout that runs; and how it stands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from loopline.access.keys import Key
from loopline.access.people import person, reason
from loopline.cli.options import by_option, why_option
from loopline.cli.output import emit, folder_option, hint, json_option, minute
from loopline.cli.release_check import settled_now, tally_now
from loopline.errors import CheckFailed, Mistake
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.loop import Loop, open_loop
from loopline.release.approvals import hand, named
from loopline.release.champion import enter
from loopline.release.rollout.conduct import evidence_on, traffic
from loopline.release.rollout.course import PAUSED, PROMOTED, RESUMED, WITHDRAWN, Course, live, move, newest
from loopline.release.rollout.plan import Plan
from loopline.release.spec import ROLLOUT
from loopline.release.stage import awaited, ruling_now, waived_of
from loopline.release.tally import counted
from loopline.release.waivers import failing
from loopline.release.words import say


def _by_hand(run: Callable[..., None]) -> Callable[..., None]:
    for option in (json_option, folder_option, why_option, by_option):
        run = option(run)
    return run


@click.command()
@_by_hand
def promote(by: str | None, why: str, folder: Path | None, as_json: bool) -> None:
    """End the rollout here: the challenger decides from now on, without waiting for more evidence."""
    with open_loop(folder) as loop:
        state = loop.state()
        course, who, because = live(state.rollouts), person(by, folder=loop.project.folder), reason(why)
        key = hand(loop.workspace.ledger, loop.project.declaration.charter, who)
        said = tally_now(loop, state, course.package)
        halt = awaited(course.package, said)
        if halt is not None:
            raise CheckFailed(halt.why, remedy=halt.next)
        gates = settled_now(loop, state, named(state, course.package).body["facts"])["gates"]
        failed = failing(gates)
        if failed:
            raise CheckFailed(f"it no longer passes {', '.join(gate['name'] for gate in failed)}", where="release promote", remedy="loopline release check")
        asked = tally_now(loop, state, course.package, ROLLOUT)
        if (waits := awaited(course.package, asked)) is not None:
            raise CheckFailed(waits.why, where="release promote", remedy=waits.next)
        waived = waived_of(gates)
        ledger = loop.workspace.ledger
        also, parents = f"{who.name} ended its rollout: {because}", (course.entries[-1].id,)
        enter(ledger, course.package, counted(said), waived, also=also, parents=parents, actor=who.name, signed_with=key)
        entry = say(ledger, move(course, PROMOTED, why=because, traffic=None, actor=who.name), key)
    _told(entry, f"{course.package[:12]} decides from now on in place of {course.champion[:12]}", "loopline run", as_json)


@click.command()
@_by_hand
def pause(by: str | None, why: str, folder: Path | None, as_json: bool) -> None:
    """Keep the rollout where it is: the challenger keeps its share, and goes no further; one that is surely worse is withdrawn nonetheless."""
    _moved(PAUSED, by, why, folder, as_json)


@click.command()
@_by_hand
def resume(by: str | None, why: str, folder: Path | None, as_json: bool) -> None:
    """Let the rollout go on that was paused."""
    _moved(RESUMED, by, why, folder, as_json)


def _moved(action: str, by: str | None, why: str, folder: Path | None, as_json: bool) -> None:
    with open_loop(folder) as loop:
        course = live(loop.state().rollouts)
        if course.paused == (action == PAUSED):
            what = "the rollout is paused already" if course.paused else "the rollout is not paused"
            raise Mistake(what, remedy="see where it stands: loopline release status")
        who, ledger = person(by, folder=loop.project.folder), loop.workspace.ledger
        moved = move(course, action, why=reason(why), traffic=course.traffic, actor=who.name)
        entry = say(ledger, moved, hand(ledger, loop.project.declaration.charter, who))
    following = "loopline release resume --why '...'" if action == PAUSED else "loopline run"
    _told(entry, f"the rollout of {course.package[:12]} is {action}", following, as_json)


def withdrawn(loop: Loop, course: Course, key: Key, *, who: str, why: str) -> Entry:
    """The entry by which a person ends the trial; the champion goes on."""
    return say(loop.workspace.ledger, move(course, WITHDRAWN, why=reason(why), traffic=None, actor=who), key)


def standing(loop: Loop, state: State) -> dict[str, Any] | None:
    """The newest rollout as plain values, with what is to be done with it by the evidence; None where there never was one."""
    course = newest(state.rollouts)
    if course is None:
        return None
    plan, evidence = Plan.of_json(course.plan), evidence_on(state, course)
    ruling = None
    if course.is_live:
        ruling = ruling_now(loop.project.declaration.release, loop.project.declaration.charter, state, course)
    return {
        "package": course.package,
        "champion": course.champion,
        "state": course.end or ("paused" if course.paused else "live"),
        "plan": str(plan),
        "leg": course.leg,
        "kind": plan.legs[course.leg].kind,
        "share": traffic(plan.legs[course.leg])["share"],
        "began": course.began.isoformat(),
        "since": course.since.isoformat(),
        "why": course.why,
        "evidence": list(evidence),
        "ruling": None if ruling is None else ruling.as_json(),
    }


def lines(told: dict[str, Any]) -> list[str]:
    """The same for a person."""
    name, other = told["package"][:12], told["champion"][:12]
    if told["state"] in (WITHDRAWN, PROMOTED):
        return [f"the rollout of {name} has ended: {told['state']}, {told['why']}"]
    gets = f"answers {100 * told['share']:.4g} % of the traffic" if told["kind"] == "canary" else f"is shown {100 * told['share']:.4g} % of the traffic"
    said = [f"{name} is on trial beside {other} since {minute(told['began'])} UTC: {told['plan']}"]
    said.append(f"  {told['kind']} since {minute(told['since'])} UTC: it {gets}" + (", and is paused" if told["state"] == "paused" else ""))
    said.append(f"  {told['ruling']['action']}: {told['ruling']['why']}")
    return said


def _told(entry: Entry, text: str, following: str, as_json: bool) -> None:
    data = {"package": entry.subject, "action": entry.body["action"], "by": entry.actor, "why": entry.body["why"], "entry": entry.id, "next": following}
    emit(data, text + hint(following), as_json)
