"""Whether the data come as they should: how old the newest rows are, what is held back or goes to quarantine, and which outcomes are told otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from loopline.declaration import say_duration
from loopline.ledger.entry import Entry
from loopline.watch.machinery.seen import Seen
from loopline.watch.machinery.usual import TIMES, twice_reached
from loopline.watch.monitors.watched import Breach
from loopline.watch.shares import surely

INGEST = ("data", "ingest")
"""The step that takes in what the sources deliver."""
COLLECT = ("serve", "collect")
"""The step that counts the outcomes that were told."""
NOTICEABLE = 0.01
"""A share of refused rows that has grown by less than this is no breach, however many rows there are."""
NEWEST = 4
"""One in so many of the known batches is judged at the most, against all before it."""
_DAY = timedelta(days=1)


def contract(seen: Seen) -> list[Breach]:
    """Steps of the data stage that stand still because a check said no: a batch is held back, or a table breaks its tests."""
    return [
        Breach(monitor="contract", feature=f"data {name}", role="data", says=f"data, {name}: {entry.body['why']}", value=1, limit=0)
        for name, entry in seen.refused.items()
    ]


def freshness(seen: Seen) -> list[Breach] | None:
    """The newest row of a source is older now than is declared, or twice as old as it got at other times before newer ones came.

    A contract's `fresh` is about a batch when it comes; this is also about one that does not come. How old a source's newest row usually gets
    is told from its deliveries: just before each, and of these the age that was reached twice (`twice_reached`), for weekends and nights are
    pauses, too.
    """
    judged = {source: found for source, newest in seen.newest.items() if (found := _stale(seen, source, newest)) is not None}
    return [breach for found in judged.values() for breach in found] if judged else None


def _stale(seen: Seen, source: str, newest: datetime) -> list[Breach] | None:
    declared, now_s = seen.spec.fresh.get(source), (seen.now - newest).total_seconds()
    if declared is not None:
        limit_s, allowed = declared.total_seconds(), f"at most {say_duration(declared)} is let pass"
    else:
        usual_s = twice_reached(ages_s(source, seen.steps))
        if usual_s is None:
            return None
        limit_s, allowed = TIMES * usual_s, f"{_age(usual_s)} is what it usually gets at the most"
    if now_s <= limit_s:
        return []
    says = f"the newest row of {source} is {_age(now_s)} old, and {allowed}"
    return [Breach(monitor="freshness", feature=source, role="data", says=says, value=now_s / 3600, limit=limit_s / 3600)]


def ages_s(source: str, steps: Iterable[Entry]) -> list[float]:
    """How old a source's newest row was each time when a newer one came, in seconds; what came before its own time (a forecast, a wrong clock) tells nothing.

    Parameters
    ----------
    steps
        The ends of steps, oldest first.
    """
    taken = [entry for entry in steps if _is(entry, INGEST)]
    known = [(entry.time, datetime.fromisoformat(said)) for entry in taken if (said := entry.body["facts"].get("newest", {}).get(source))]
    ages = [(came - before).total_seconds() for (_, before), (came, newest) in zip(known, known[1:], strict=False) if newest > before]
    return [age for age in ages if age > 0]


def _age(seconds: float) -> str:
    return f"{seconds / 86400:,.1f} days" if seconds >= 2 * _DAY.total_seconds() else f"{seconds / 3600:,.1f} hours"


def quarantined(seen: Seen) -> list[Breach] | None:
    """More of the rows that came lately are refused than usually are, although their batches passed.

    Surely more: the lower end of the interval of their share is above twice that of an earlier batch, of the two with the greatest the lesser
    (`twice_reached`), and by a hundredth of the rows beyond.
    """
    judged = {source: found for source, batches in seen.batches.items() if (found := _refused(seen, source, batches)) is not None}
    return [breach for found in judged.values() for breach in found] if judged else None


def _refused(seen: Seen, source: str, batches: Sequence[Entry]) -> list[Breach] | None:
    count = min(sum(map(seen.is_late, batches)), max(1, len(batches) // NEWEST))
    newest, before = batches[len(batches) - count :], batches[: len(batches) - count]
    usual = twice_reached([surely(entry.body["quarantined"], entry.body["read"]) for entry in before])
    if usual is None:
        return None
    read, refused = (sum(entry.body[name] for entry in newest) for name in ("read", "quarantined"))
    limit = TIMES * usual + NOTICEABLE
    if surely(refused, read) <= limit:
        return []
    whole = sum(entry.body["quarantined"] for entry in before) / max(1, sum(entry.body["read"] for entry in before))
    says = f"{refused / read:.1%} of {read:,} new rows of {source} are in quarantine, where {whole:.1%} were before"
    return [Breach(monitor="quarantined", feature=source, role="data", says=says, value=refused / read, limit=limit)]


def outcomes_contradict(seen: Seen) -> list[Breach] | None:
    """More predictions than are borne got another outcome lately than was told of them before: the truth is turned, and the money with it."""
    counts = [(entry, entry.body["facts"]["outcomes"]) for entry in seen.steps if _is(entry, COLLECT)]
    if not counts:
        return None
    none: Mapping[str, int] = {}
    now, then = counts[-1][1], next((told for entry, told in reversed(counts) if not seen.is_late(entry)), none)
    came, turned = (max(0, now[name] - then.get(name, 0)) for name in ("received", "contradictory"))
    limit = seen.spec.contradicted
    if surely(turned, came) <= limit:
        return []
    says = f"{turned:,} of {came:,} outcomes that came lately contradict what was told before; the latest word holds, and money is counted by it"
    return [Breach(monitor="outcomes_contradict", role="data", says=says, value=turned / came, limit=limit)]


def _is(entry: Entry, step: tuple[str, str]) -> bool:
    """Whether an entry is a success of the step."""
    return (entry.subject, entry.body["name"]) == step and entry.body["state"] == "succeeded"
