"""Whether the steps of the loop are taken: those that failed, those that take longer than usual, and turns that did not come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from loopline.ledger.entry import Entry
from loopline.watch.machinery.seen import Seen
from loopline.watch.machinery.usual import times_usual
from loopline.watch.monitors.watched import Breach

LEAST_S = 10.0
"""A step that takes less is not worth a word."""
ALIKE = 2.0
"""Steps with up to so many times as many rows, or as few, are held against each other."""

Named = tuple[str, str]


def pipeline_failed(seen: Seen) -> list[Breach]:
    """Steps that stand still because they failed; where one does, so does what comes after it. What the contract refuses is told as that."""
    found, ended, refused = [], _by_step(seen.steps), {("data", name) for name in seen.refused}
    for stage, name in sorted(seen.failing - refused):
        ends = ended.get((stage, name), [])
        failures = _failures(ends)
        times = f" {failures} times in a row" if failures > 1 else ""
        why = f": {ends[-1].body.get('why', '')}" if failures else ""
        says = f"{stage}, {name} failed{times}{why}"
        found.append(Breach(monitor="pipeline_failed", feature=f"{stage} {name}", role="devops", says=says, value=failures, limit=0))
    return found


def pipeline_late(seen: Seen) -> list[Breach] | None:
    """No turn was taken for longer than there should be between two."""
    watcher = seen.watcher
    if watcher is None or watcher.until is None or watcher.seen is None:
        return None
    if not watcher.is_late:
        return []
    if watcher.is_ahead:
        says = f"the last turn is from {watcher.seen:%Y-%m-%d %H:%M} UTC: its clock was ahead, and nobody knows how long no turn was taken"
        return [Breach(monitor="pipeline_late", role="devops", says=says, value=0, limit=0)]
    hours, allowed = ((moment - watcher.seen).total_seconds() / 3600 for moment in (seen.now, watcher.until))
    says = f"no turn was taken for {hours:,.0f} hours, from {watcher.seen:%Y-%m-%d %H:%M} to {seen.now:%Y-%m-%d %H:%M} UTC"
    return [Breach(monitor="pipeline_late", role="devops", says=says, value=hours, limit=allowed)]


def pipeline_slow(seen: Seen) -> list[Breach]:
    """Steps whose newest success took far longer than the same step with about as many rows usually does."""
    found = []
    for (stage, name), ends in _by_step(seen.steps).items():
        done = [entry for entry in ends if entry.body["state"] == "succeeded"]
        if not done or not seen.is_late(done[-1]) or done[-1].body["seconds"] < LEAST_S:
            continue
        rows, took_s = rows_of(done[-1].body["facts"]), done[-1].body["seconds"]
        alike = [entry.body["seconds"] for entry in done[:-1] if _is_alike(rows, rows_of(entry.body["facts"]))]
        times = times_usual(took_s, alike)
        if times:
            says = f"{stage}, {name} took {took_s:,.0f} s, {times:.1f} times as long as it usually does"
            found.append(Breach(monitor="pipeline_slow", feature=f"{stage} {name}", role="devops", says=says, value=took_s, limit=took_s / times))
    return found


def _by_step(ends: Iterable[Entry]) -> dict[Named, list[Entry]]:
    """The ends of each step's attempts; a success that was recalled took no time."""
    found: dict[Named, list[Entry]] = {}
    for entry in ends:
        if not entry.body.get("recalled"):
            found.setdefault((entry.subject, entry.body["name"]), []).append(entry)
    return found


def _failures(ends: Iterable[Entry]) -> int:
    count = 0
    for entry in ends:
        count = count + 1 if entry.body["state"] == "failed" else 0
    return count


def rows_of(facts: Mapping[str, Any]) -> int | None:
    """How many rows a step worked on, as far as its facts tell."""
    said = facts.get("rows", facts.get("read"))
    if isinstance(said, Mapping):
        return sum(count for count in said.values() if isinstance(count, int))
    return said if isinstance(said, int) else None


def _is_alike(one: int | None, other: int | None) -> bool:
    if not one or not other:
        return one == other
    return 1 / ALIKE <= one / other <= ALIKE
