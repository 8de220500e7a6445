"""Whether the server answers well: errors, requests that it had no room for, and the time of its answers, from what it enters."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from loopline.ledger.entry import Entry
from loopline.watch.machinery.seen import Seen
from loopline.watch.machinery.usual import times_usual
from loopline.watch.monitors.watched import Breach
from loopline.watch.shares import surely

FEWEST = 100
"""So many requests are needed for a judgement."""
SHED = "429"
ABOVE_ALL_S = 60.0
"""What took longer than the highest bound counts as so many seconds."""


def service_errors(seen: Seen) -> list[Breach] | None:
    """More requests for predictions than are borne end in an error of the server."""
    return _share(seen, "service_errors", seen.spec.errors, lambda status: status >= "500", "end in an error of the server")


def service_shed(seen: Seen) -> list[Breach] | None:
    """More requests than are borne are refused because too many wait."""
    return _share(seen, "service_shed", seen.spec.shed, lambda status: status == SHED, "are refused, because too many wait (serve.limits, serve.workers)")


def service_slow(seen: Seen) -> list[Breach] | None:
    """Predictions take longer than is declared, or than is usual: 99 of 100 of them."""
    late = [entry for entry in seen.usage if seen.is_late(entry)]
    now_s = p99_s(late)
    if now_s is None:
        return None
    limit_ms = seen.spec.latency_ms
    if limit_ms is not None:
        says = f"99 of 100 predictions take up to {now_s * 1000:.4g} ms, {limit_ms:.4g} ms are allowed"
        return [Breach(monitor="service_slow", role="devops", says=says, value=now_s * 1000, limit=limit_ms)] if now_s * 1000 > limit_ms else []
    before = [took for entry in seen.usage if entry.time <= seen.now and not seen.is_late(entry) and (took := p99_s([entry])) is not None]
    times = times_usual(now_s, before)
    if times is None:
        return None
    says = f"99 of 100 predictions take up to {now_s * 1000:.4g} ms, {times:.1f} times as long as they usually do"
    return [Breach(monitor="service_slow", role="devops", says=says, value=now_s * 1000, limit=now_s * 1000 / times)] if times else []


def p99_s(entries: Iterable[Entry]) -> float | None:
    """The seconds within which 99 of 100 predictions were answered, as an upper bound; None of too few of them."""
    within = summed(entry.body["predicting"]["within_s"] for entry in entries if "predicting" in entry.body)
    wanted, found = math.ceil(0.99 * sum(within.values())), 0
    if sum(within.values()) < FEWEST:
        return None
    for bound, count in sorted((ABOVE_ALL_S if name == "+Inf" else float(name), count) for name, count in within.items()):
        found += count
        if found >= wanted:
            return bound
    return None


def summed(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Counts added up by their names."""
    whole: dict[str, int] = {}
    for part in parts:
        for name, count in part.items():
            whole[name] = whole.get(name, 0) + count
    return whole


def _share(seen: Seen, monitor: str, limit: float, counts: Callable[[str], bool], says: str) -> list[Breach] | None:
    """A share of lately's requests that is surely above the limit."""
    statuses = summed(entry.body["predicting"]["statuses"] for entry in seen.usage if seen.is_late(entry) and "predicting" in entry.body)
    asked, found = sum(statuses.values()), sum(count for status, count in statuses.items() if counts(status))
    if asked < FEWEST:
        return None
    if surely(found, asked) <= limit:
        return []
    share = found / asked
    return [Breach(monitor=monitor, role="devops", says=f"{share:.1%} of {asked:,} requests for predictions {says}", value=share, limit=limit)]
