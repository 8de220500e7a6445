"""What is done in the process of long work: each function takes the project's folder, the progress and who asked, and returns in words what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from loopline.data.edits import edits
from loopline.data.quarantine.quarantine import Filter
from loopline.data.quarantine.replay import replay as put_again
from loopline.data.quarantine.settling import settle_all
from loopline.declaration import counted
from loopline.engine.step import Progress
from loopline.errors import CheckFailed
from loopline.ledger.store import Ledger
from loopline.loop import LoopStatus, open_loop
from loopline.model.packages import newest


def run(folder: Path, progress: Progress, by: str, *, until: str | None, fresh: str | None) -> str:
    """Take the loop round as far as the evidence allows."""
    with open_loop(folder) as loop:
        before = newest(loop.state())
        came = _came_of(loop.run(until=until, fresh=fresh, progress=progress, by=by))
        return f"{came}; {_found(before, newest(loop.state()))}" if fresh == "model" else came


def study(folder: Path, progress: Progress, by: str, *, only_stated: bool) -> str:
    """Study whether it is worth doing, as ``loopline charter study`` does."""
    with open_loop(folder) as loop:
        until = "charter" if only_stated else "data"
        status = loop.run(until=until, progress=progress, sounding=not only_stated, by=by)
        facts = loop.state().facts("charter", "study")
    return _came_of(status) if facts is None else str(facts["says"])


def replay(folder: Path, progress: Progress, by: str, *, which: Mapping[str, Any], why: str) -> str:
    """Put refused rows through the contract again; what is accepted enters its table, once."""
    with open_loop(folder) as loop, loop.workspace.ledger.lease():
        data = loop.project.declaration.data
        settle_all(loop.workspace, data)
        done = put_again(loop.workspace, data, Filter(**which), by=by, why=why, progress=progress)
    if not done.rows:
        return "no row is mended and waits: nothing was done"
    return f"{done.accepted:,} of {counted(done.rows)} accepted" + (f", {done.refused:,} still refused" if done.refused else "")


def restore(folder: Path, progress: Progress, by: str, *, table: str, why: str, version: int | None, at: datetime | None) -> str:
    """Make an earlier version of a table the newest one again; every version stays."""
    progress.say(f"restoring {table}")
    with open_loop(folder) as loop, edits.lease(loop.workspace.ledger):
        done = edits.restore(loop.workspace, loop.project.declaration.data, table, asked=edits.Asked(by, why, False), version=version, at=at)
    if done.to == done.version_before:
        return f"version {done.to} is the newest one of {table} already"
    return f"version {done.to} of {table} holds again as version {done.version}: {done.rows:,} rows instead of {done.rows_before:,}"


def verify(folder: Path, progress: Progress, by: str) -> str:
    """Check every entry of the ledger, as ``loopline ledger verify`` does."""
    with open_loop(folder) as loop:
        return chain_of(loop.workspace.ledger, progress)


def chain_of(ledger: Ledger, progress: Progress | None = None) -> str:
    """In words, that the chain of entries is intact.

    Raises
    ------
    CheckFailed
        Naming the first entry that was tampered with.
    """
    verdict = ledger.verify(None if progress is None else lambda done, total: progress.at(done, total, unit="entries"))
    if not verdict.intact:
        remedy = "restore the ledger from a backup; loopline ledger verify says it again"
        raise CheckFailed(f"tampered with at entry {verdict.first_bad}: {verdict.why}", where="the ledger", remedy=remedy)
    return f"{verdict.entries:,} entries, and the chain is intact"


def _found(before: str | None, after: str | None) -> str:
    """What a search that was asked for anew has come to, held against the package before it."""
    if after is None:
        return "no package came of the search"
    if after == before:
        return f"the search came to the same package again ({after[:8]}): it found nothing better"
    return f"the search made package {after[:8]}{f' in place of {before[:8]}' if before else ''}"


def _came_of(status: LoopStatus) -> str:
    """How a walk round the loop ended; what stopped it is raised."""
    if status.error is not None:
        raise status.error
    return status.told()[1]
