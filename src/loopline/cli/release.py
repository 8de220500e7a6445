"""``loopline release``: gates, approvals, the champion and the way back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from loopline.access.keys import fingerprint
from loopline.access.people import person
from loopline.cli.options import by_option, why_option
from loopline.cli.output import emit, folder_option, hint, json_option
from loopline.cli.release_check import check, package_option
from loopline.cli.release_deploy import deploy, deployments
from loopline.cli.release_history import reigns_text, withdrawal
from loopline.cli.release_rollout import lines as trial_lines
from loopline.cli.release_rollout import pause, promote, resume
from loopline.cli.release_waive import command as waive
from loopline.engine.step import Halt
from loopline.errors import Mistake
from loopline.ledger.state import State
from loopline.loop import Loop, open_loop
from loopline.model.signing import speaker
from loopline.release.approvals import hand, tally_of, word
from loopline.release.by_hand import go_back
from loopline.release.champion import history, on, promotion
from loopline.release.position import position, way_back
from loopline.release.record import told
from loopline.release.rollout.course import KIND, newest
from loopline.release.spec import MOVES, PROMOTION, ROLLBACK
from loopline.release.stage import awaited
from loopline.release.words import NO, WITHDRAWN, YES, say

as_option = click.option("--as", "role", required=True, metavar="ROLE", help="The role that you speak for.")
for_option = click.option(
    "--for",
    "move",
    type=click.Choice(MOVES),
    default=PROMOTION,
    show_default=True,
    help="What it is said of: that it decides, decides again, or passes its rollout though its worth is unknown.",
)


@click.group()
def command() -> None:
    """Gates, approvals, the champion and the way back."""


command.add_command(check)
command.add_command(deploy)
command.add_command(deployments)
command.add_command(waive)
command.add_command(promote)
command.add_command(pause)
command.add_command(resume)


def _spoken(run: Callable[..., None]) -> Callable[..., None]:
    """The options of a command by which a person says a word."""
    for option in (json_option, folder_option, for_option, package_option, why_option, by_option, as_option):
        run = option(run)
    return run


@command.command()
@_spoken
def approve(**said: Any) -> None:
    """Say yes, as a role, to the package that passed its gates and waits; signed with your key."""
    _speak(YES, **said)


@command.command()
@_spoken
def refuse(**said: Any) -> None:
    """Say no, as a role, to the package that passed its gates and waits; it stands until the role says yes."""
    _speak(NO, **said)


@command.command()
@_spoken
def withdraw(**said: Any) -> None:
    """Take your own yes back: a package that waits is blocked, and one that decides is shown with the way back."""
    _speak(WITHDRAWN, **said)


def _speak(verdict: str, *, role: str, by: str | None, why: str, package: str | None, move: str, folder: Path | None, as_json: bool) -> None:
    with open_loop(folder) as loop:
        declared, state, ledger = loop.project.declaration, loop.state(), loop.workspace.ledger
        who = person(by, folder=loop.project.folder)
        said = word(state, declared.release, declared.charter, role=role, who=who, verdict=verdict, why=why, package=package, move=move)
        entry = say(ledger, said.draft, speaker(ledger, name=who.name))
        state = loop.state()
        halt, following, standing_now = _after(loop, state, entry.subject, move)
    data = {
        "package": entry.subject,
        "for": move,
        "role": role,
        "by": who.name,
        "verdict": verdict,
        "why": entry.body["why"],
        "entry": entry.id,
        "key": entry.body["key"],
        "fingerprint": fingerprint(entry.body["key"]),
        "note": said.note,
        "waiting_for": None if halt is None else halt.role,
        "next": following,
    }
    does = "takes the yes back on" if verdict == WITHDRAWN else f"says {verdict} to"
    lines = [f"{who} {does} {entry.subject[:12]} as {role}: {entry.body['why']}", *([said.note] if said.note else []), standing_now]
    emit(data, "\n".join(lines) + hint(following), as_json)


def _after(loop: Loop, state: State, package: str, move: str) -> tuple[Halt | None, str, str]:
    """What a word leaves waiting, the next command, and both in words."""
    if move == PROMOTION and promotion(state.champions, package) is not None:
        back = way_back(state) if package == state.champion else ""
        return None, back or "loopline release history", f"{package[:12]} was promoted already; what decides stays until it is rolled back"
    said = loop.project.declaration
    halt = awaited(package, tally_of(said.release, said.charter, state, package, move))
    if halt is not None:
        return halt, halt.next, halt.why
    following = "loopline run" if move != ROLLBACK else f"loopline release rollback --to {package[:12]} --why '...'"
    return None, following, "every role that is asked has said yes"


@command.command("rollback")
@click.option("--to", metavar="DIGEST", help="An earlier champion, by the beginning of its digest; the one before by default.")
@by_option
@why_option
@folder_option
@json_option
def roll_back(to: str | None, by: str | None, why: str, folder: Path | None, as_json: bool) -> None:
    """Let an earlier champion decide again, at once; where release.approvals asks for it, once the roles have said yes.

    While a package is on trial, its rollout is ended instead, at once: the champion decides all again.
    """
    with open_loop(folder) as loop:
        who = person(by, folder=loop.project.folder)
        said, ledger = loop.project.declaration, loop.workspace.ledger
        entry = go_back(ledger, said.release, said.charter, loop.state(), who=who, why=why, signs=partial(hand, ledger, said.charter, who), to=to)
        course = newest(loop.state().rollouts) if entry.kind == KIND else None
    is_ended = course is not None
    champion, previous = (entry.subject, entry.body["previous"]) if course is None else (course.champion, course.package)
    following = "loopline release status" if is_ended else "loopline release history"
    data = {"champion": champion, "previous": previous, "by": who.name, "why": entry.body["why"], "entry": entry.id, "next": following}
    ended, back = f"{previous[:12]} is on trial no more; {champion[:12]} decides all", f"{champion[:12]} decides again in place of {previous[:12]}"
    emit(data, (ended if is_ended else back) + hint(following), as_json)


@command.command("history")
@click.option("--at", "when", metavar="DATE", help="Only what decided on that day, or at that moment (UTC): 2026-01-31 or 2026-01-31T08:30.")
@folder_option
@json_option
def show_history(when: str | None, folder: Path | None, as_json: bool) -> None:
    """Show what decided when and why; with --at also by which figures, and who signed for it."""
    moment = None if when is None else _moment(when)
    with open_loop(folder) as loop:
        state = loop.state()
    reigns = history(state.champions)
    if moment is not None and _is_to_come(moment):
        raise Mistake(f"{when} has not come yet", where="--at", remedy="name a day or a moment that has passed")
    chosen = told(state, reigns if moment is None else on(reigns, moment))
    nothing = "no package has decided yet" if moment is None else f"no package decided at {when}"
    emit({"champions": chosen}, lambda: reigns_text(chosen, in_full=moment is not None, way_back=way_back(state)) if chosen else nothing, as_json)


def _is_to_come(moment: date | datetime) -> bool:
    if not isinstance(moment, datetime):
        return moment > datetime.now(UTC).date()
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) > datetime.now(UTC)


def _moment(text: str) -> date | datetime:
    try:
        return date.fromisoformat(text) if len(text) <= len("2026-01-31") else datetime.fromisoformat(text)
    except ValueError:
        raise Mistake(f"{text!r} is not a date", where="--at", remedy="write it as 2026-01-31 or 2026-01-31T08:30") from None


@command.command()
@folder_option
@json_option
def status(folder: Path | None, as_json: bool) -> None:
    """Show which package decides, who took their yes to it back, and what the newest one waits for."""
    with open_loop(folder) as loop:
        state = loop.state()
        seen = position(loop.project.declaration.release, loop.project.declaration.charter, state)
    reign, facts, package = seen.reign, seen.facts, seen.package
    shown = [f"{reign.package[:12]} decides since {reign.since:%Y-%m-%d %H:%M} UTC: {reign.why}" if reign is not None else "no package decides yet"]
    shown += [withdrawal(one.as_json(), way_back(state)) for one in seen.withdrawn]
    if facts is not None and package is not None and package != state.champion:
        shown.append(f"{package[:12]}: {facts['says'] if seen.halt is None else seen.halt.why}")
    shown += trial_lines(seen.rollout) if seen.rollout is not None else []
    emit(seen.as_json(), "\n".join(shown) + hint(seen.next), as_json)
