"""``loopline alerts silence``: nobody is told for a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from loopline.access.people import person, reason, require_listed
from loopline.cli.options import by_option
from loopline.cli.output import emit, folder_option, hint, json_option, minute
from loopline.declaration import parse_duration
from loopline.errors import Mistake
from loopline.ledger.entry import now
from loopline.ledger.state import State
from loopline.loop import Loop, open_loop


@click.command()
@click.argument("id", required=False)
@click.option("--monitor", metavar="NAME", help="Everything that a monitor finds, in place of one alert.")
@click.option("--feature", metavar="COLUMN", default="", help="With --monitor: only what it finds in this feature.")
@click.option("--for", "span", metavar="SPAN", help="How long, as in 3d or 12h.")
@click.option("--until", "until", metavar="DATE", help="Until when, as in 2026-12-01 or 2026-12-01T08:00+01:00; UTC where no zone is said.")
@click.option("--end", "is_end", is_flag=True, help="End the silence now.")
@by_option
@click.option("--why", metavar="TEXT", default="", help="The reason; it is kept. Required, but for --end.")
@folder_option
@json_option
def silence(
    id: str | None,
    monitor: str | None,
    feature: str,
    span: str | None,
    until: str | None,
    is_end: bool,
    by: str | None,
    why: str,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Tell nobody of an alert, or of what a monitor finds, for a while; it goes on being watched, and the silence ends by itself.

    Say what: an alert's ID, or --monitor with or without --feature. And for how long: --for or --until; or --end. Where
    charter.stakeholders lists people, one of them must.
    """
    from loopline.release.approvals import stakeholders
    from loopline.watch.silences import ended
    from loopline.watch.silences import silence as silenced

    if sum((span is not None, until is not None, is_end)) != 1:
        raise Mistake("say for how long, in one way", where="loopline alerts silence", remedy="give one of --for 3d, --until DATE, --end")
    if not is_end:
        why = reason(why)
    with open_loop(folder) as loop:
        state, who, moment = loop.state(), person(by, folder=loop.project.folder), now()
        require_listed(who, stakeholders(loop.project.declaration.charter))
        subject = _subject(loop, state, id, monitor, feature)
        if is_end:
            draft = ended(state.silences, subject, now=moment, by=who.name, why=why)
        else:
            draft = silenced(subject, until=_until(span, until, moment), now=moment, by=who.name, why=why)
        (made,) = loop.workspace.ledger.append(draft)
    data = {"of": subject, "until": made.body["until"], "ended": is_end, "by": who.name, "why": why, "entry": made.id, "next": "loopline alerts list"}
    says = f"the silence of {subject} has ended" if is_end else f"nobody is told of {subject} until {minute(made.body['until'])}"
    emit(data, f"{says} ({who}{': ' + why if why else ''})" + hint("loopline alerts list"), as_json)


def _subject(loop: Loop, state: State, id: str | None, monitor: str | None, feature: str) -> str:
    from loopline.watch.alerts import find
    from loopline.watch.silences import monitored, require_known
    from loopline.watch.spec import URGENCY

    if (id is None) == (monitor is None):
        raise Mistake("say what is to be silent, in one way", where="loopline alerts silence", remedy="give an alert's ID, or --monitor NAME")
    if id is not None:
        if feature:
            raise Mistake("an alert is about one feature already", where="--feature", remedy="leave it out, or give --monitor in place of the ID")
        return find(state.alerts, id).subject
    if monitor not in URGENCY:
        raise Mistake(f"there is no monitor {monitor!r}", where="--monitor", remedy=f"the monitors are: {', '.join(URGENCY)}")
    subject = monitored(str(monitor), feature)
    # What is silent already may be about what is gone: it can be ended.
    return subject if not feature or subject in state.silences else require_known(str(monitor), feature, _looked_at(loop, state, str(monitor)))


def _looked_at(loop: Loop, state: State, monitor: str) -> set[str]:
    """The names of what a monitor looks at, and of what it has found something in."""
    from loopline.lake.blobs import Blobs
    from loopline.model.package import load
    from loopline.model.signing import Trust
    from loopline.watch.silences import OF_COLUMNS, OF_SOURCES, OF_STEPS
    from loopline.watch.spec import EXPERIMENT

    said = loop.project.declaration
    found = {name for entry in state.alerts.values() if entry.body["monitor"] == monitor for name in (entry.body["feature"], *entry.body.get("features", ()))}
    if monitor in OF_COLUMNS and state.champion is not None:
        package = load(Blobs(loop.workspace.lake), state.champion, Trust.of(loop.workspace.ledger))
        found |= set(package.parsed("reference.json")["features"])
    found |= set(said.data.sources) if monitor in OF_SOURCES else set()
    found |= {f"{stage} {name}" for stage, name in (*state.latest, *state.failed)} if monitor in OF_STEPS else set()
    found |= {criterion.id for criterion in said.charter.acceptance} if monitor == "criterion" else set()
    found |= {entry.subject for entry in state.experiments} if monitor == EXPERIMENT else set()
    return found - {""}


def _until(span: str | None, until: str | None, moment: datetime) -> datetime:
    try:
        if span is not None:
            lasting = parse_duration(span)
            if lasting <= timedelta():
                raise Mistake(f"{span} is no time at all", where="--for", remedy="write a number and a unit, such as 12h or 3d")
            return moment + lasting
        day = datetime.fromisoformat(str(until).strip())
        return day.replace(tzinfo=UTC) if day.tzinfo is None else day.astimezone(UTC)
    except (ValueError, OverflowError):
        where, said, remedy = ("--for", span, "12h or 3d") if span is not None else ("--until", until, "2026-12-01 or 2026-12-01T08:00+01:00")
        raise Mistake(f"{said!r} cannot be read as a time", where=where, remedy=f"write it as {remedy}") from None
