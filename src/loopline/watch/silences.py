"""Silences: for how long nobody is told of an alert, or of what a monitor finds; each is an entry, and ends by itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from loopline.errors import Mistake
from loopline.ledger.entry import Draft, Entry
from loopline.watch.clock import long_since

KIND = "silence"
OF_COLUMNS = frozenset({"nulls", "new_categories", "unseen_ranges", "drift"})
"""The monitors that look at columns."""
OF_SOURCES = frozenset({"freshness", "quarantined"})
"""Those that look at sources."""
OF_STEPS = frozenset({"pipeline_failed", "pipeline_slow", "contract"})
"""Those that look at steps, such as ``data ingest``."""
_SHOWN = 20


def monitored(monitor: str, feature: str) -> str:
    """What a silence of a monitor is about: everything it finds, or what it finds in one feature."""
    return f"{monitor}:{feature}" if feature else monitor


def require_known(monitor: str, feature: str, known: Collection[str]) -> str:
    """What a silence of a monitor's finds in a feature is about, once the monitor looks at the feature.

    Raises
    ------
    Mistake
        Naming the nearest right word: a silence of what nobody looks at would silence nothing, and nobody would notice.
    """
    if feature in known:
        return monitored(monitor, feature)
    if not known:
        raise Mistake(f"{monitor} looks at nothing by a name", where="--feature", remedy="leave it out: then all that it finds is silent")
    near = get_close_matches(feature, list(known), n=1, cutoff=0.5)
    shown = ", ".join(sorted(known)[:_SHOWN]) + (f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else "")
    raise Mistake(f"{monitor} looks at no {feature!r}", where="--feature", remedy=f"did you mean {near[0]!r}?" if near else f"it looks at: {shown}")


def silence(subject: str, *, until: datetime, now: datetime, by: str, why: str) -> Draft:
    """The entry by which nobody is told for a while; a later one on the same subject takes its place.

    Parameters
    ----------
    subject
        An alert's id, or what `monitored` names.

    Raises
    ------
    Mistake
        When the end has passed already.
    """
    if until <= now:
        raise Mistake(f"{until:%Y-%m-%d %H:%M} UTC has passed", where="--until", remedy="name a later day, or end a silence with --end")
    return Draft(kind=KIND, subject=subject, body={"until": until.isoformat(), "why": why, "by": by}, actor=by)


def ended(silences: Mapping[str, Entry], subject: str, *, now: datetime, by: str, why: str) -> Draft:
    """The entry that ends a silence at once.

    Raises
    ------
    Mistake
        When nothing is silent there.
    """
    entry = silences.get(subject)
    if entry is None or not lasts(entry, now):
        raise Mistake(f"no silence of {subject!r} lasts", remedy="`loopline alerts list` shows those that do")
    return Draft(kind=KIND, subject=subject, body={"until": now.isoformat(), "why": why, "by": by}, parents=(entry.id,), actor=by)


def lasts(entry: Entry, now: datetime) -> bool:
    """Whether a silence has not ended yet; where the clock was set back since by more than its length, it has."""
    return not long_since(entry.time, now, _end(entry) - entry.time)


def covering(id: str, body: Mapping[str, Any], silences: Mapping[str, Entry], now: datetime) -> Entry | None:
    """The silence that lasts longest of those over an alert now; None where it may be told.

    An alert about several features is silent where all of them are, and as long as all of them are.
    """
    features = body.get("features") or [body["feature"]]
    over = [_longest({id, body["monitor"], monitored(body["monitor"], feature)}, silences, now) for feature in features]
    return min((one for one in over if one is not None), key=_end) if None not in over else None


def _longest(subjects: set[str], silences: Mapping[str, Entry], now: datetime) -> Entry | None:
    return max((silences[subject] for subject in sorted(subjects) if subject in silences and lasts(silences[subject], now)), key=_end, default=None)


def _end(entry: Entry) -> datetime:
    return datetime.fromisoformat(entry.body["until"])


def state_of(id: str, body: Mapping[str, Any], silences: Mapping[str, Entry], now: datetime) -> str:
    """What an alert is now: open, acknowledged, resolved, or silenced."""
    state = str(body["state"])
    return "silenced" if state != "resolved" and covering(id, body, silences, now) is not None else state
