"""``loopline release promote | pause | resume``: a person's hand on the rollout that runs; and how it stands, in words."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from loopline.access.people import person
from loopline.cli.options import by_option, why_option
from loopline.cli.output import emit, folder_option, hint, json_option, minute
from loopline.ledger.entry import Entry
from loopline.loop import open_loop
from loopline.release import by_hand
from loopline.release.approvals import hand
from loopline.release.rollout.course import PAUSED, PROMOTED, RESUMED, WITHDRAWN, live


def _by_hand(run: Callable[..., None]) -> Callable[..., None]:
    for option in (json_option, folder_option, why_option, by_option):
        run = option(run)
    return run


@click.command()
@_by_hand
def promote(by: str | None, why: str, folder: Path | None, as_json: bool) -> None:
    """End the rollout here: the challenger decides from now on, without waiting for more evidence."""
    with open_loop(folder) as loop:
        said, state, ledger = loop.project.declaration, loop.state(), loop.workspace.ledger
        course, who = live(state.rollouts), person(by, folder=loop.project.folder)
        signs = partial(hand, ledger, said.charter, who)
        entry = by_hand.promote(ledger, said.release, said.charter, state, who=who, why=why, signs=signs)
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
        ledger, who = loop.workspace.ledger, person(by, folder=loop.project.folder)
        signs = partial(hand, ledger, loop.project.declaration.charter, who)
        entry = by_hand.hold(ledger, loop.state(), action, who=who, why=why, signs=signs)
    following = "loopline release resume --why '...'" if action == PAUSED else "loopline run"
    _told(entry, f"the rollout of {entry.subject[:12]} is {action}", following, as_json)


def lines(told: dict[str, Any]) -> list[str]:
    """A rollout, as `loopline.release.position.trial` gives it, in words."""
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
