"""Readiness: what the charter and the model want of the data, against what is there; named rules over evidence, pure.

References
----------
The outcomes that are wanted: a share p among n rows of the test part has an interval of half-width h = z * sqrt(p * (1 - p) / n), so that
n = z^2 * p * (1 - p) / h^2. With p = 1/2 (the widest), z = 1.96 (95 %) and h = 0.1 these are 97 rows of each class in the test part; the
mean of a number has with as many rows an interval of 0.2 standard deviations to each side. See Agresti and Coull, Approximate Is Better
than "Exact" for Interval Estimation of Binomial Proportions, 1998, on how good that is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from loopline.charter.spec import CharterSpec
from loopline.declaration import figure, say_duration

Z, HALF_WIDTH, LEAST_HALF_WIDTH = 1.96, 0.1, 0.3
ENOUGH_IN_TEST = math.ceil(Z**2 * 0.25 / HALF_WIDTH**2)
"""Rows of each class in the test part: 97."""
LEAST_IN_TEST = math.ceil(Z**2 * 0.25 / LEAST_HALF_WIDTH**2)
"""With fewer, an interval says hardly anything: 11."""
_DELAYS = 4
_WEEK, _YEAR = timedelta(days=7), timedelta(days=365)
_KNOWN_SHARE, _LATER_SHARE, _LATE_SHARE = 0.5, 0.05, 0.05
_WORTH_SHARE = 0.99
_FACTOR = 2.0
_STALE_DAYS, _STALE_GAPS = 2.0, 3.0

Level = Literal["must", "should"]
State = Literal["ready", "gap", "unknown"]


@dataclass(frozen=True)
class Column:
    """A column as it can be known.

    Parameters
    ----------
    known
        The share of rows in which it is not null.
    later
        The share of rows in which it holds a time after the moment of decision.
    with_outcome, without_outcome
        The share of rows in which it is known: of those whose outcome is known, and of the others. None where there are too few.
    served
        The share of served requests that had it; None where nothing was served yet, or nobody asks for it.
    use
        Whether the model may learn from it.
    """

    known: float
    later: float = 0.0
    with_outcome: float | None = None
    without_outcome: float | None = None
    served: float | None = None
    use: bool = True


@dataclass(frozen=True)
class Evidence:
    """What is there.

    Parameters
    ----------
    rows
        Of the main table.
    time, first, last
        The column that says when, and its ends; None where there is none.
    per_day
        Rows a day over the last days.
    gap_days
        The usual time between rows in days.
    known
        How many rows have an outcome.
    classes
        How many each class has; empty for a number.
    due, missing
        How many outcomes should be known by now, and how many of those are not.
    delays_s
        The delay from the decision to the outcome's being known, where it was measured: the usual one, and that which one in twenty exceeds.
    repeated
        How many rows repeat a key.
    fresh_within
        How old the newest row may be, where the contract says so.
    test_share
        The share of the rows that the model is tested on.
    now
        The moment at which this was looked at.
    """

    table: str
    rows: int
    columns: Mapping[str, Column]
    now: datetime
    time: str | None = None
    first: datetime | None = None
    last: datetime | None = None
    per_day: float | None = None
    gap_days: float | None = None
    known: int = 0
    classes: Mapping[str, int] = field(default_factory=dict)
    due: int = 0
    missing: int = 0
    delays_s: tuple[float, float] | None = None
    key: Sequence[str] = ()
    repeated: int = 0
    fresh_within: timedelta | None = None
    worth_columns: Sequence[str] = ()
    test_share: float = 0.2

    @property
    def span(self) -> timedelta | None:
        """How long the history is."""
        return None if self.first is None or self.last is None else self.last - self.first


@dataclass(frozen=True)
class Finding:
    """What a rule found.

    Parameters
    ----------
    level
        Whether the loop cannot do without it (``must``) or does worse without (``should``).
    state
        ``ready``, a ``gap``, or ``unknown`` where nothing tells.
    have, want
        How much is there, and how much is wanted.
    role
        Who could close the gap.
    next
        The command that comes next.
    """

    name: str
    level: Level
    state: State
    says: str
    have: str = ""
    want: str = ""
    role: str = "data"
    next: str = ""


Rule = Callable[[CharterSpec, Evidence], Iterator[Finding]]


def history(charter: CharterSpec, seen: Evidence) -> Iterator[Finding]:
    """The history is longer than outcomes take, and shows the week and the year."""
    name, span = "history", seen.span
    if span is None:
        what = "no column says when a row happened, so that a model cannot be tested on the newest rows"
        yield Finding(name, "should", "unknown", what, "no time", "data.sources.NAME.time", "data", "loopline data explore")
        return
    delay = delay_of(charter, seen)
    if delay is not None and span < _DELAYS * delay:
        what = f"the history is {_days(span)} long, and outcomes take {_days(delay)}: most rows of the test would have none"
        yield Finding(
            name, "must", "gap", what, _days(span), f"{_days(_DELAYS * delay)} (four times the delay of outcomes)", "data", "loopline data ingest FILE"
        )
        return
    tested = span * seen.test_share
    if tested < _WEEK and (seen.gap_days or 0.0) < 1:
        what = f"the test part covers {_days(tested)}: less than a week, so that days of the week are judged that were never seen"
        wanted = f"{_days(_WEEK / seen.test_share)} (a week in the newest {seen.test_share:.0%})"
        yield Finding(name, "should", "gap", what, _days(span), wanted, "data", "loopline data ingest FILE")
    elif span < _YEAR:
        what = f"the history is {_days(span)} long: the course of a year was not seen"
        yield Finding(name, "should", "gap", what, _days(span), _days(_YEAR), "data", "loopline data ingest FILE")
    else:
        yield Finding(name, "should", "ready", f"the history is {_days(span)} long", _days(span), _days(_YEAR))


def outcomes(charter: CharterSpec, seen: Evidence) -> Iterator[Finding]:
    """Each class has so many outcomes that the test part's figures have a narrow interval."""
    enough, least = (math.ceil(count / seen.test_share) for count in (ENOUGH_IN_TEST, LEAST_IN_TEST))
    if charter.predict not in seen.columns:
        what = f"there is no column {charter.predict!r}, which the charter predicts"
        yield Finding("outcomes", "must", "gap", what, "none", f"{enough:,} of each class", "data", "loopline data show")
        return
    counted = dict(seen.classes) or {charter.predict: seen.known}
    for label, count in sorted(counted.items(), key=lambda item: item[1])[:3]:
        said = f"{charter.predict} is {label}" if seen.classes else f"{charter.predict} is known"
        in_test = count * seen.test_share
        # Less than nobody's half-width can be had of nothing.
        width = Z * math.sqrt(0.25 / in_test) if in_test > 0 else 1.0
        precise = f"the test part then tells a share to within {min(width, 1.0):.0%}"
        state: State = "ready" if count >= enough else "gap"
        level: Level = "must" if count < least else "should"
        yield Finding(
            "outcomes",
            level,
            state,
            f"{said} in {count:,} rows; {precise}",
            f"{count:,}",
            f"{enough:,} (to within {HALF_WIDTH:.0%})",
            "data",
            "loopline data ingest FILE",
        )


def outcomes_in_time(charter: CharterSpec, seen: Evidence) -> Iterator[Finding]:
    """Outcomes are known when the charter says they are."""
    name = "delay of outcomes"
    if seen.due and seen.missing > _LATE_SHARE * seen.due:
        what = f"{seen.missing:,} of {seen.due:,} outcomes that should be known by now are not ({charter.outcome_known})"
        yield Finding(name, "should", "gap", what, f"{1 - seen.missing / seen.due:.0%} known", f"{1 - _LATE_SHARE:.0%} known", "data", "loopline data review")
    chartered = _chartered_delay(charter)
    if seen.delays_s is None:
        if not seen.due:
            what = "nothing tells how late outcomes are known: the charter does not say it, and none was measured"
            yield Finding(name, "should", "unknown", what, "not measured", "charter.outcome_known", "business", "loopline charter show")
        elif seen.missing <= _LATE_SHARE * seen.due:
            yield Finding(name, "should", "ready", f"{seen.due - seen.missing:,} of {seen.due:,} outcomes are known when they should be")
        return
    usual, late = (timedelta(seconds=seconds) for seconds in seen.delays_s)
    said = f"outcomes are usually known {_days(usual)} after the decision, and one in twenty after more than {_days(late)}"
    if chartered is not None and late > chartered + timedelta(seconds=1):
        yield Finding(name, "should", "gap", said, _days(late), f"{_days(chartered)} (charter.outcome_known)", "business", "loopline charter show")
    else:
        yield Finding(name, "should", "ready", said, _days(late), "" if chartered is None else _days(chartered))


def known_in_time(charter: CharterSpec, seen: Evidence) -> Iterator[Finding]:
    """What a model learns from is known at the moment of decision."""
    name = "coverage at the decision"
    moment = str(charter.decided) if charter.decided else "the decision"
    usable = {column: facts for column, facts in seen.columns.items() if facts.use and column not in (charter.predict, seen.time)}
    found = False
    for column, facts in usable.items():
        apart, come = f"keep it from the model with use: false in data.contract.{column}, unless it is planned", "loopline data review"
        if facts.later > _LATER_SHARE:
            found = True
            what = f"{column} lies after {moment} in {facts.later:.0%} of the rows: it is known only later; {apart}"
            yield Finding(name, "must", "gap", what, f"{1 - facts.later:.0%} known", f"{1 - _LATER_SHARE:.0%}", "expert", come)
        elif facts.with_outcome is not None and facts.without_outcome is not None and facts.with_outcome - facts.without_outcome > _KNOWN_SHARE:
            found = True
            shares = f"{facts.with_outcome:.0%} of the rows with an outcome, and in {facts.without_outcome:.0%} of the others"
            what = f"{column} is known in {shares}: it comes with the outcome; {apart}"
            yield Finding(name, "must", "gap", what, f"{facts.without_outcome:.0%} known", f"{facts.with_outcome:.0%}", "expert", come)
        elif facts.known < _KNOWN_SHARE:
            found = True
            what = f"{column} is known in {facts.known:.0%} of the rows"
            yield Finding(name, "should", "gap", what, f"{facts.known:.0%} known", f"{_KNOWN_SHARE:.0%}", "data", "loopline data explore")
    if usable and not found:
        least = min(facts.known for facts in usable.values())
        share = "all rows" if least == 1 else f"{least:.0%} of the rows or more"
        yield Finding(
            name,
            "must",
            "ready",
            f"what is learned from ({len(usable)} columns) is known at {moment}, each column in {share}",
            f"{least:.0%} known",
        )
    if not usable:
        yield Finding(name, "must", "gap", "no column is left to learn from", "0 columns", "1 column", "data", "loopline data show")
    if charter.decided is None:
        what = "the charter does not say when it is decided, so that what is known by then is only guessed at"
        yield Finding(name, "should", "unknown", what, "not said", "charter.decided, as in 2h before COLUMN", "business", "loopline charter show")


def served_alike(charter: CharterSpec, seen: Evidence) -> Iterator[Finding]:
    """What a model learns from comes with the requests that it serves, too."""
    name = "training and serving"
    served = {column: facts for column, facts in seen.columns.items() if facts.served is not None and facts.use and column != charter.predict}
    for column, facts in served.items():
        if facts.served is not None and facts.known - facts.served > _KNOWN_SHARE:
            what = f"{column} is known in {facts.known:.0%} of the rows, and came with {facts.served:.0%} of the requests"
            yield Finding(name, "must", "gap", what, f"{facts.served:.0%} of requests", f"{facts.known:.0%}", "devops", "loopline watch show")
    if served and all(facts.known - (facts.served or 0.0) <= _KNOWN_SHARE for facts in served.values()):
        yield Finding(name, "must", "ready", f"the requests bring all {len(served)} columns")


def fresh(charter: CharterSpec, seen: Evidence) -> Iterator[Finding]:
    """The newest row is as young as the volume or the contract wants."""
    if seen.last is None:
        return
    age = max(seen.now - seen.last, timedelta(0))
    limit, why = seen.fresh_within, "data.contract.batch.fresh"
    if limit is None and charter.volume is not None:
        per_day = charter.volume.per_year / 365.25
        limit, why = timedelta(days=max(_STALE_DAYS, _STALE_GAPS / max(per_day, 1e-9))), f"charter.volume, {charter.volume}"
    said = f"the newest row is {_days(age)} old"
    if limit is None:
        what = f"{said}; nothing says how old it may be"
        yield Finding("freshness", "should", "unknown", what, _days(age), "charter.volume, or data.contract.batch.fresh", "business", "loopline charter show")
    else:
        state: State = "gap" if age > limit else "ready"
        yield Finding("freshness", "should", state, said, _days(age), f"{_days(limit)} ({why})", "data", "loopline data ingest FILE")


def volume(charter: CharterSpec, seen: Evidence) -> Iterator[Finding]:
    """As many rows come a day as the charter says decisions are taken."""
    if charter.volume is None or seen.per_day is None:
        return
    chartered = charter.volume.per_year / 365.25
    said = f"{figure(seen.per_day)} rows come a day"
    apart = seen.per_day > _FACTOR * chartered or seen.per_day < chartered / _FACTOR
    have, want = f"{figure(seen.per_day)} per day", f"{figure(chartered)} per day (charter.volume)"
    role: str = "business" if apart else "data"
    yield Finding("volume", "should", "gap" if apart else "ready", said, have, want, role, "loopline charter show")


def worth(charter: CharterSpec, seen: Evidence) -> Iterator[Finding]:
    """The columns that the worth of a decision is computed from are there."""
    for column in seen.worth_columns:
        facts = seen.columns.get(column)
        if facts is None:
            what = f"the worth is computed from {column!r}, which table {seen.table} does not have"
            yield Finding("worth", "must", "gap", what, "no column", column, "data", "loopline data show")
        elif facts.known < _WORTH_SHARE:
            what = f"the worth is computed from {column}, which is known in {facts.known:.0%} of the rows"
            yield Finding("worth", "should", "gap", what, f"{facts.known:.0%} known", f"{_WORTH_SHARE:.0%}", "data", "loopline data review")
        else:
            yield Finding("worth", "must", "ready", f"{column}, which the worth is computed from, is there", f"{facts.known:.0%} known")
    if not charter.worth.is_priced:
        what = "the charter has no prices yet: worth is counted in points"
        yield Finding("worth", "should", "unknown", what, "points", "charter.worth.currency and prices", "business", "loopline charter show")


def keys(charter: CharterSpec, seen: Evidence) -> Iterator[Finding]:
    """A key names each row once, so that what comes later finds it."""
    if not seen.key:
        what = "no key names a row, so that outcomes and mends that come later cannot be joined by it"
        yield Finding("keys", "should", "unknown", what, "no key", "data.sources.NAME.key", "data", "loopline data infer")
    elif seen.repeated:
        what = f"{seen.repeated:,} rows of {seen.table} repeat a key ({', '.join(seen.key)})"
        yield Finding("keys", "must", "gap", what, f"{seen.repeated:,} repeated", "0", "data", "loopline data quarantine")
    else:
        yield Finding("keys", "must", "ready", f"{', '.join(seen.key)} names each of {seen.rows:,} rows once")


RULES: tuple[Rule, ...] = (history, outcomes, outcomes_in_time, known_in_time, served_alike, fresh, volume, worth, keys)


def findings(charter: CharterSpec, seen: Evidence) -> list[Finding]:
    """What every rule found, in their order."""
    return [finding for rule in RULES for finding in rule(charter, seen)]


def delay_of(charter: CharterSpec, seen: Evidence) -> timedelta | None:
    """How long after the decision outcomes are known: as the charter says, else as it was measured."""
    chartered = _chartered_delay(charter)
    return chartered if chartered is not None else None if seen.delays_s is None else timedelta(seconds=seen.delays_s[1])


def _chartered_delay(charter: CharterSpec) -> timedelta | None:
    """The delay in the charter's words, where decision and outcome are told from one column."""
    known, decided = charter.outcome_known, charter.decided
    if known is None or (decided is not None and decided.column != known.column):
        return None
    return timedelta(seconds=known.offset_s - (decided.offset_s if decided else 0.0))


def _days(span: timedelta) -> str:
    """A span as people say it."""
    days = span.total_seconds() / 86_400
    if abs(days) >= 730:
        return f"{figure(days / 365.25)} years"
    if abs(days) >= 2:
        return f"{figure(days)} days"
    hours = span.total_seconds() / 3600
    return f"{figure(hours)} hours" if abs(hours) >= 1 else say_duration(timedelta(seconds=round(span.total_seconds())))
