"""``loopline release``: gates, approvals, the champion and the way back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from loopline.access.keys import fingerprint
from loopline.access.people import person, reason
from loopline.cli.options import by_option, why_option
from loopline.cli.output import emit, folder_option, hint, json_option
from loopline.cli.release_check import check, following_of, package_option, settled_now, tally_now
from loopline.cli.release_deploy import deploy, deployments
from loopline.cli.release_history import reigns_text, told, withdrawal
from loopline.cli.release_rollout import lines as trial_lines
from loopline.cli.release_rollout import pause, promote, resume, withdrawn
from loopline.cli.release_rollout import standing as trial
from loopline.cli.release_waive import command as waive
from loopline.engine.step import Halt
from loopline.errors import CheckFailed, Mistake
from loopline.ledger.state import GATES, State
from loopline.loop import Loop, open_loop
from loopline.model.signing import speaker
from loopline.release.approvals import hand, word
from loopline.release.champion import history, on, promotion, rollback, standing, way_back
from loopline.release.record import taken_back
from loopline.release.rollout.course import newest
from loopline.release.spec import MOVES, PROMOTION, ROLLBACK
from loopline.release.stage import awaited
from loopline.release.tally import RoleTally, Tally, counted
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
        back = _way_back(state) if package == state.champion else ""
        return None, back or "loopline release history", f"{package[:12]} was promoted already; what decides stays until it is rolled back"
    halt = awaited(package, tally_now(loop, state, package, move))
    if halt is not None:
        return halt, halt.next, halt.why
    following = "loopline run" if move != ROLLBACK else f"loopline release rollback --to {package[:12]} --why '...'"
    return None, following, "every role that is asked has said yes"


_AFTER = {"paused": "loopline release resume --why '...'", "withdrawn": "change the data or the model, or say yes again; then: loopline run"}
"""What follows for the newest package from where its rollout stands."""


def _way_back(state: State) -> str:
    """The command that lets the package before decide again; empty where there is none."""
    return "loopline release rollback --why '...'" if len(standing(state.champions)) > 1 else ""


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
        state = loop.state()
        ledger, charter = loop.workspace.ledger, loop.project.declaration.charter
        key, because, course = hand(ledger, charter, who), reason(why), newest(state.rollouts)
        if course is not None and course.is_live and to is None:
            ended = withdrawn(loop, course, key, who=who.name, why=because)
            data = {"champion": course.champion, "previous": course.package, "by": who.name, "why": ended.body["why"], "entry": ended.id}
            text = f"{course.package[:12]} is on trial no more; {course.champion[:12]} decides all"
            emit({**data, "next": "loopline release status"}, text + hint("loopline release status"), as_json)
            return
        target = way_back(state.champions, to)
        said = tally_now(loop, state, target, ROLLBACK)
        halt = awaited(target, said)
        if halt is not None:
            raise CheckFailed(halt.why, remedy=halt.next)
        entry = rollback(ledger, state.champions, actor=who.name, why=because, signed_with=key, to=target, approvals=counted(said))
    previous = entry.body["previous"]
    data = {"champion": entry.subject, "previous": previous, "by": who.name, "why": entry.body["why"], "entry": entry.id, "next": "loopline release history"}
    emit(data, f"{entry.subject[:12]} decides again in place of {previous[:12]}" + hint("loopline release history"), as_json)


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
    chosen = [told(state, reign) for reign in (reigns if moment is None else on(reigns, moment))]
    nothing = "no package has decided yet" if moment is None else f"no package decided at {when}"
    emit({"champions": chosen}, lambda: reigns_text(chosen, in_full=moment is not None, way_back=_way_back(state)) if chosen else nothing, as_json)


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
        found = state.facts(*GATES)
        facts = None if found is None else settled_now(loop, state, found)
        package = None if facts is None else facts["package"]
        said = Tally(PROMOTION, ()) if package is None else tally_now(loop, state, package)
        following = "loopline run" if facts is None else following_of(loop, state, facts)
    reigns, back, rollout = history(state.champions), taken_back(state), trial(loop, state)
    waits = facts is not None and facts["passed"] and promotion(state.champions, facts["package"]) is None
    halt = awaited(package, said) if waits and package is not None else None
    if back and not waits:
        following = _way_back(state) or following
    if rollout is not None and rollout["package"] == package:
        following = _AFTER.get(rollout["state"], following)
    data = {
        "champion": state.champion,
        "since": reigns[-1].since.isoformat() if reigns else None,
        "withdrawn": [one.as_json() for one in back],
        "rollout": rollout,
        "package": package,
        "passed": None if facts is None else facts["passed"],
        "approvals": [_plain(one) for one in said.roles],
        "unheard": [{"role": one.word.body["role"], "by": one.word.actor, "entry": one.word.id, "why": one.why} for one in said.unheard],
        "lack": said.lack,
        "waiting_for": None if halt is None else halt.role,
        "next": following,
    }
    shown = [f"{reigns[-1].package[:12]} decides since {reigns[-1].since:%Y-%m-%d %H:%M} UTC: {reigns[-1].why}" if reigns else "no package decides yet"]
    shown += [withdrawal(one.as_json(), _way_back(state)) for one in back]
    if facts is not None and package != state.champion:
        shown.append(f"{package[:12]}: {facts['says'] if halt is None else halt.why}" if package else "")
    shown += trial_lines(rollout) if rollout is not None else []
    emit(data, "\n".join(shown) + hint(following), as_json)


def _plain(one: RoleTally) -> dict[str, Any]:
    refused = None if one.refusal is None else one.refusal.actor
    return {"role": one.role, "needed": one.needed, "yes": [entry.actor for entry in one.approvals], "refused_by": refused}
