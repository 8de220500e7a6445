"""``loopline alerts silence``: nobody is told for a while."""

from __future__ import annotations

from pathlib import Path

import click

from loopline.access.people import person, reason
from loopline.cli.options import by_option
from loopline.cli.output import emit, folder_option, hint, json_option, minute
from loopline.errors import Mistake
from loopline.ledger.entry import now
from loopline.loop import open_loop


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
    from loopline.watch import spoken

    if sum((span is not None, until is not None, is_end)) != 1:
        raise Mistake("say for how long, in one way", where="loopline alerts silence", remedy="give one of --for 3d, --until DATE, --end")
    if not is_end:
        reason(why)
    with open_loop(folder) as loop:
        said, state, who, moment = loop.project.declaration, loop.state(), person(by, folder=loop.project.folder), now()
        subject = spoken.subject_of(loop.workspace, said.data, said.charter, state, id=id, monitor=monitor, feature=feature)
        ledger = loop.workspace.ledger
        if is_end:
            made = spoken.unsilence(ledger, said.charter, state, subject, now=moment, who=who, why=why)
        else:
            end = spoken.until_of(span, until, moment)
            made = spoken.silence(ledger, said.charter, subject, until=end, now=moment, who=who, why=why)
        why = made.body["why"]
    data = {"of": subject, "until": made.body["until"], "ended": is_end, "by": who.name, "why": why, "entry": made.id, "next": "loopline alerts list"}
    says = f"the silence of {subject} has ended" if is_end else f"nobody is told of {subject} until {minute(made.body['until'])}"
    emit(data, f"{says} ({who}{': ' + why if why else ''})" + hint("loopline alerts list"), as_json)
