"""``loopline data pull`` and ``admit``: ask a source now, and let in a batch that is held back."""

from __future__ import annotations

from pathlib import Path

import click

from loopline.cli.options import by_option
from loopline.cli.output import LiveProgress, emit, folder_option, hint, json_option
from loopline.loop import open_loop


@click.command()
@click.argument("source", required=False)
@folder_option
@json_option
def pull(source: str | None, folder: Path | None, as_json: bool) -> None:
    """Ask SOURCE (all sources by default) for what is new, whatever its schedule says.

    Databases give the rows beyond the cursor, URLs the files that changed, folders their new files. What has come is checked like any delivery.
    """
    from loopline.data.ingest import pull as ask

    done = []
    with open_loop(folder) as loop, LiveProgress(quiet=as_json) as progress, loop.workspace.ledger.lease():
        data = loop.project.declaration.data
        for table in (source,) if source is not None else tuple(data.sources):
            for entry in ask(loop.workspace, data, table, loop.project.folder, progress):
                counts = {name: entry.body[name] for name in ("file", "read", "accepted", "quarantined", "merged", "version")}
                done.append({"table": table, "batch": entry.key, **counts})

    def text() -> str:
        lines = [f"{one['file']}: {one['accepted']:,} of {one['read']:,} rows accepted into {one['table']} (version {one['version']})" for one in done]
        refused = any(one["quarantined"] for one in done)
        return "\n".join(lines or ["nothing new has come"]) + hint("loopline data quarantine list" if refused else "loopline run")

    emit({"batches": done}, text, as_json)


@click.command()
@click.argument("batch")
@by_option
@click.option("--why", required=True, help="Why the rules do not matter this time.")
@folder_option
@json_option
def admit(batch: str, by: str | None, why: str, folder: Path | None, as_json: bool) -> None:
    """Let in BATCH (the beginning of its digest), which rules over the whole batch hold back; the next run takes it.

    Its rows are held to the contract like any others. The decision is an entry in the ledger, with your name and your reason.
    """
    from loopline.access.people import person
    from loopline.data.intake.admission import admit as let_in

    with open_loop(folder) as loop, loop.workspace.ledger.lease():
        who = person(by, folder=loop.project.folder)
        entry = let_in(loop.workspace, loop.project.declaration.data, batch, by=who.name, why=why)
    done = {"table": entry.subject, "batch": entry.key, "file": entry.body["file"], "by": entry.actor, "why": why, "entry": entry.id}
    emit(done, lambda: f"{done['file']} may enter {entry.subject}, says {entry.actor}" + hint("loopline run"), as_json)
