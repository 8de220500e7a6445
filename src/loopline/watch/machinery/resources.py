"""Whether storage, memory, disk and money last."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from statistics import median

from loopline.data.probe.history import worsened
from loopline.watch.machinery.reading import Reading
from loopline.watch.machinery.seen import Seen
from loopline.watch.monitors.watched import Breach

FEWEST_READINGS, LEAST_SPAN_S = 6, 12 * 3600.0
"""So many readings, over so long, are needed to tell how quickly a disk fills."""
LATELY, MOST_READINGS = timedelta(days=7), 60
"""What the pace is told from: the readings of so long, thinned to so many."""
LEAST_FREE = 0.05
"""A disk with less room than this share is as good as full, however slowly it fills."""
_DAY_S = 86_400.0


def storage_worse(seen: Seen) -> list[Breach] | None:
    """The newest probe of a place is worse than those before it."""
    places = dict.fromkeys(entry.subject for entry in seen.probes)
    if not places:
        return None
    lines = {place: worsened([entry for entry in seen.probes if entry.subject == place]) for place in places}
    return [Breach(monitor="storage_worse", feature=place, role="devops", says=line, value=1, limit=0) for place, found in lines.items() for line in found]


def memory(seen: Seen) -> list[Breach] | None:
    """A step, or a server, held nearly all the memory that there is."""
    there = seen.readings[-1].memory_bytes if seen.readings else None
    held = [(entry.body["peak_bytes"], entry) for entry in (*seen.steps, *seen.usage) if seen.is_late(entry) and entry.body.get("peak_bytes")]
    if there is None or not held:
        return None
    most, entry = max(held, key=lambda one: one[0])
    if most <= seen.spec.memory * there:
        return []
    who = f"{entry.subject}, {entry.body['name']}" if entry.kind == "step" else "the server"
    says = f"{who} held {most / 1e9:.1f} GB of the machine's {there / 1e9:.1f} GB"
    return [Breach(monitor="memory", role="devops", says=says, value=most / there, limit=seen.spec.memory)]


def disk(seen: Seen) -> list[Breach] | None:
    """The disk is nearly full, or will be soon if it goes on filling as it has."""
    if not seen.readings or seen.readings[-1].free_bytes is None or not seen.readings[-1].disk_bytes:
        return None
    free, share = seen.readings[-1].free_bytes, seen.readings[-1].free_bytes / seen.readings[-1].disk_bytes
    if share < LEAST_FREE:
        says = f"{free / 1e9:.1f} GB are free on the lake's disk, {share:.1%} of it"
        return [Breach(monitor="disk", role="devops", says=says, value=share, limit=LEAST_FREE)]
    days, allowed = days_left(seen.readings), seen.spec.disk.total_seconds() / _DAY_S
    if days is None:
        return None
    if days >= allowed:
        return []
    says = f"the lake's disk will be full in {days:.0f} days as it has filled lately; {free / 1e9:.1f} GB are free"
    return [Breach(monitor="disk", role="devops", says=says, value=days, limit=allowed)]


def days_left(readings: Sequence[Reading]) -> float | None:
    """In how many days the disk is full, at the median pace of the readings; infinite where it does not fill, None where they are too few.

    References
    ----------
    Sen, P. K. (1968). Estimates of the regression coefficient based on Kendall's tau. JASA 63: the median of the slopes between all pairs, which one
    large file that came and went does not change.
    """
    now = readings[-1].time
    # What is ahead was read before the clock was set back.
    lately = [one for one in readings if now - LATELY < one.time <= now]
    known = [(one.time.timestamp(), float(one.free_bytes)) for one in lately[:: -(-len(lately) // MOST_READINGS)] if one.free_bytes is not None]
    if len(known) < FEWEST_READINGS or known[-1][0] - known[0][0] < LEAST_SPAN_S:
        return None
    slopes = [(later[1] - early[1]) / (later[0] - early[0]) for at, later in enumerate(known) for early in known[:at] if later[0] > early[0]]
    pace = -median(slopes) if slopes else 0.0
    return known[-1][1] / pace / _DAY_S if pace > 0 else math.inf


def budget(seen: Seen) -> list[Breach] | None:
    """Most of the month's budget is spent."""
    bound = seen.bound
    if bound is None:
        return None
    limit = seen.spec.budget * bound.limit
    if bound.spent < limit or not bound.spent:
        return []
    return [Breach(monitor="budget", role="business", says=f"{bound.says} ({bound.name})", value=bound.spent, limit=limit)]
