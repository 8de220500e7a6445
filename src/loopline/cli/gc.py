"""``loopline gc``: free what nothing needs any more, and say what it was."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.access.people import person
from loopline.cli.options import by_option
from loopline.cli.output import LiveProgress, emit, folder_option, hint, json_option, table
from loopline.declaration import counted, parse_duration, say_duration
from loopline.errors import Mistake
from loopline.ledger.entry import now
from loopline.loop import open_loop

if TYPE_CHECKING:
    from loopline.housekeeping.gc import Plan
    from loopline.housekeeping.spec import KeepSpec


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would be freed, and free nothing.")
@click.option("--keep-versions", metavar="SPAN", help="How long earlier versions of tables can be read, such as 30d; else keep.versions.")
@click.option("--keep-logs", metavar="SPAN", help="How long segments of the prediction log stay that are in their tables; else keep.logs.")
@click.option("--keep-trials", metavar="SPAN", help="How long packages that never decided and replaced results stay; else keep.trials.")
@click.option("--keep-blobs", metavar="SPAN", help="How long bytes stay that nothing names; else keep.blobs.")
@by_option
@folder_option
@json_option
def command(dry_run: bool, by: str | None, folder: Path | None, as_json: bool, **spans: str | None) -> None:
    """Free what nothing needs any more, and say what it was.

    What a package that decides or decided, its lineage, an open review or a table names stays for ever, however old it is. The ledger loses
    nothing; it gets an entry that says what was freed. Killed at any point, the same command goes on from there.
    """
    from loopline.housekeeping.gc import alone, free, plan

    with ExitStack() as stack:
        loop = stack.enter_context(open_loop(folder))
        progress = stack.enter_context(LiveProgress(quiet=as_json))
        keep = _spans(loop.project.declaration.keep, spans)
        who = person(by, folder=loop.project.folder)
        if not dry_run:
            stack.enter_context(alone(loop.workspace.ledger))
        planned = plan(loop.workspace, keep, now=now(), progress=progress)
        entry = None if dry_run else free(loop.workspace, planned, keep=keep, by=who.name, progress=progress)
    following = "loopline gc" if dry_run and not planned.is_empty else "loopline status"
    said: dict[str, Any] = {"dry_run": dry_run, **planned.as_json(), "keep": keep.model_dump(mode="json"), "entry": entry and entry.id, "next": following}
    emit(said, lambda: _shown(planned, keep, dry_run) + hint(following), as_json)


def _spans(declared: KeepSpec, given: dict[str, str | None]) -> KeepSpec:
    """The declared spans, with those in their place that were given."""
    found = {}
    for option, text in given.items():
        if text is None:
            continue
        try:
            found[option.removeprefix("keep_")] = parse_duration(text)
        except (ValueError, OverflowError) as error:
            raise Mistake(str(error), where=f"--{option.replace('_', '-')}") from None
    return declared.model_copy(update=found)


def _shown(planned: Plan, keep: KeepSpec, dry_run: bool) -> str:
    from loopline.data.probe.probe import say_size
    from loopline.housekeeping.gc import WHAT

    freed = planned.freed
    kept = {name: say_duration(getattr(keep, name)) if hasattr(keep, name) else "" for name in freed}
    rows = [(kind, part["count"], say_size(part["bytes"]), kept[kind], WHAT[kind]) for kind, part in freed.items()]
    total = say_size(sum(part["bytes"] for part in freed.values()))
    lines = [table(("kind", "files", "size", "after", "what"), rows, right=(1, 2, 3)), ""]
    lines += [
        f"table {one.table}: {counted(len(one.versions), 'version')} {'could' if dry_run else 'can'} no longer be read, the newest of them {one.versions[-1]}"
        for one in planned.tables
    ]
    if planned.steps:
        lines.append(f"{len(planned.steps):,} earlier results {'would be' if dry_run else 'are'} computed again, should they be asked for")
    lines += [f"held back: {why}" for why in planned.held_back]
    lines.append("nothing may go" if planned.is_empty else f"{total} would be freed" if dry_run else f"{total} freed")
    return "\n".join(lines)
