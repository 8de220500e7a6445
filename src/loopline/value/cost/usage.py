"""What a project has taken so far, as the use of a month at its present load. Pure: entries in, frozen values out.

What stands still and what grows with the decisions are told apart by a straight line through what was reported; where the reports do not allow that, all
of it counts as growing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from loopline.charter.cost import NOTHING, Labour, Use
from loopline.charter.machines import HOURS_PER_MONTH
from loopline.declaration import Rate, figure
from loopline.ledger.entry import Entry
from loopline.ledger.spend import Spend, spend_of, total
from loopline.value.realised import PACE_NEEDED

MAKING, FOLLOWING = ("data", "model", "release"), ("serve", "watch", "value")
"""The stages whose steps are a training, and those whose steps follow what was served."""
_SEARCH, _COLLECT = ("model", "search"), ("serve", "collect")
_MONTH = timedelta(hours=HOURS_PER_MONTH)
_MONTHS_PER_YEAR = 12
_FEWEST = 3
_ALIKE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Bytes that a project keeps: its ledger, its tables and blobs, and the prediction log with its tables."""

    ledger_bytes: int
    lake_bytes: int
    log_bytes: int


@dataclass(frozen=True, kw_only=True)
class Traces:
    """What there is to measure a project by.

    Parameters
    ----------
    ended
        The ends of its steps, oldest first.
    usage
        What its servers reported, oldest first.
    first_followed
        The entry from which on the steps that follow what was served are all among `ended`; None where it is from the beginning.
    stored
        What it keeps now.
    answer_ms, memory_mb
        What a single row takes, half of them less, and what a process that predicts holds, as the gates measured them; None before the first package.
    decisions
        In a month, and where that is known from; None where it is not.
    trainings
        How many are wanted in a month; None where it is to be as it was.
    """

    ended: Sequence[Entry]
    usage: Sequence[Entry]
    stored: Stored
    now: datetime
    answer_ms: float | None = None
    memory_mb: float | None = None
    decisions: tuple[float, str] | None = None
    trainings: Rate | None = None
    first_followed: Entry | None = None

    def followed(self, entry: Entry) -> bool:
        """Whether the entry lies where all that follows what was served is known."""
        return self.first_followed is None or entry.seq >= self.first_followed.seq


@dataclass(frozen=True)
class Measured:
    """The use of a month, what each of its figures rests on, and what nobody has measured."""

    use: Use
    rests_on: tuple[str, ...]
    unmeasured: tuple[str, ...]


class Line(NamedTuple):
    """An amount as so much for each unit of time, and so much for each decision."""

    standing: float
    each: float
    is_told_apart: bool


def line(units: Sequence[float], decisions: Sequence[float], amounts: Sequence[float]) -> Line | None:
    """The straight line, neither part below nought, that is nearest to the amounts; None without a decision.

    Of fewer than three reports, and of such as are all alike, the two parts cannot be told: then all is for the decisions.

    References
    ----------
    Lawson, C. L., Hanson, R. J. (1974). Solving Least Squares Problems, chapter 23 (least squares whose solution is not negative).
    """
    came = sum(decisions)
    if not came:
        return None
    growing = Line(0.0, sum(amounts) / came, False)
    uu, dd = sum(unit * unit for unit in units), sum(number * number for number in decisions)
    ud = sum(unit * number for unit, number in zip(units, decisions, strict=True))
    apart = uu * dd - ud * ud
    if len(units) < _FEWEST or apart <= _ALIKE * uu * dd:
        return growing
    ua = sum(unit * amount for unit, amount in zip(units, amounts, strict=True))
    da = sum(number * amount for number, amount in zip(decisions, amounts, strict=True))
    standing, each = (dd * ua - ud * da) / apart, (uu * da - ud * ua) / apart
    return Line(standing, each, True) if standing >= 0 and each > 0 else growing


def measure(traces: Traces) -> Measured:
    """The use of a month at the present load, with what it rests on."""
    found = _Found()
    decisions = None if traces.decisions is None else traces.decisions[0]
    if traces.decisions is None:
        found.lacks("how many decisions come in a month: say charter.volume or --volume '900 per day'")
    else:
        found.says(f"{figure(traces.decisions[0])} decisions a month: {traces.decisions[1]}")
    idle, answer, sent_bytes = found.server(traces)
    turning, follow = found.following(traces)
    training = found.training(traces)
    peaks = [spend.peak_bytes for spend in _spends(traces.ended) if spend.peak_bytes is not None]
    if not peaks:
        found.lacks("the memory that the steps held")
    kept_bytes, logged_bytes = found.storage(traces)
    moved = total(_spends(filter(traces.followed, (*traces.ended, *traces.usage))))
    when = "so far" if traces.first_followed is None else f"since {traces.first_followed.time:%Y-%m-%d}"
    found.says(f"{when} {_mb(moved.read_bytes)} were read from devices and {_mb(moved.written_bytes)} written, in {figure(moved.calls or 0)} reads and writes")
    use = Use(
        decisions=decisions,
        answer=answer,
        follow=follow,
        idle=idle,
        turning=turning,
        training=training,
        trainings=found.trainings(traces),
        serving_bytes=found.serving_bytes(traces),
        working_bytes=max(peaks, default=None),
        kept_bytes=kept_bytes,
        logged_bytes=logged_bytes,
        sent_bytes=sent_bytes,
    )
    return Measured(use, tuple(found.rests_on), tuple(found.unmeasured))


class _Found:
    """Measures one thing after the other, and keeps what is to be said of it."""

    def __init__(self) -> None:
        self.rests_on: list[str] = []
        self.unmeasured: list[str] = []
        self.says, self.lacks = self.rests_on.append, self.unmeasured.append

    def server(self, traces: Traces) -> tuple[Labour, Labour, float]:
        """What a server takes in a month unasked, what an answer takes, and the bytes of an answer."""
        spends = [spend for spend in _spends(traces.usage) if spend.wall_s]
        came = [float(spend.decisions if spend.decisions is not None else spend.requests) for spend in spends]
        fitted = line([spend.wall_s for spend in spends], came, [spend.cpu_s for spend in spends])
        if fitted is None:
            return NOTHING, self._unasked(traces), 0.0
        if any(spend.decisions is None for spend in spends):
            self.says("earlier reports of servers count requests only: each is taken for one decision")
        whole = total(spends)
        hours = f"{figure(whole.wall_s / 3600)} hours of serving"
        apart = (
            f", and {fitted.standing:.2%} of a processor unasked"
            if fitted.is_told_apart
            else "; what the server takes unasked is in it, so it is at most so much"
        )
        self.says(f"an answer takes {figure(fitted.each * 1e3)} ms of a processor{apart} ({hours})")
        if not whole.sent_bytes:
            self.lacks("how many bytes the answers sent: these reports of servers do not say it")
        idle_s = fitted.standing * HOURS_PER_MONTH * 3600
        answer = Labour(fitted.each, fitted.each, (whole.calls or 0) / sum(came))
        return Labour(idle_s, idle_s), answer, (whole.sent_bytes or 0) / sum(came)

    def _unasked(self, traces: Traces) -> Labour:
        """An answer as the gates measured it, where no server has answered yet."""
        self.lacks("what a server takes and sends: none has reported an answer yet")
        if traces.answer_ms is None:
            return NOTHING
        self.says(
            f"an answer takes {figure(traces.answer_ms)} ms of a processor, as the gates measured single rows: what the server around it takes is not in it"
        )
        return Labour(traces.answer_ms / 1e3, traces.answer_ms / 1e3)

    def following(self, traces: Traces) -> tuple[Labour, Labour]:
        """What collecting, watching and reviewing takes in a month in which nothing comes, and for a decision."""
        turns = _turns(traces)
        fitted = line([1.0] * len(turns), [turn.decisions for turn in turns], [turn.spend.cpu_s for turn in turns])
        if fitted is None:
            self.lacks("what collecting and watching takes: nothing that was served has been collected yet")
            return NOTHING, NOTHING
        whole = total(turn.spend for turn in turns)
        # Processors, and not time that passed, which other work on the machine makes longer.
        each = Labour(whole.wall_s / whole.cpu_s, 1.0, (whole.calls or 0) / whole.cpu_s) if whole.cpu_s else NOTHING
        months = _months(traces, since=traces.first_followed)
        in_month = 30.4375 if months is None else len(turns) / months
        how = f"and {figure(fitted.standing)} s a turn" if fitted.is_told_apart else "at most: what a turn takes without any is in it"
        pace = "one turn a day is assumed" if months is None else f"{figure(in_month)} turns a month"
        self.says(f"following a decision takes {figure(fitted.each * 1e3)} ms of a processor, {how} ({len(turns)} turns of collecting and reviewing; {pace})")
        return each.times(fitted.standing * in_month), each.times(fitted.each)

    def training(self, traces: Traces) -> Labour:
        """What one training takes, with all that the data and the gates took for it."""
        runs = _trainings(traces)
        if not runs:
            self.lacks("what a training takes: none has run here")
            return NOTHING
        whole = total(_spends(entry for entry in traces.ended if entry.subject in MAKING))
        each = Labour(whole.wall_s, whole.cpu_s, whole.calls or 0).times(1 / runs)
        self.says(f"a training takes {figure(each.seconds)} s and {figure(each.cpu_s)} s of processors, from the data to the gates (of {runs} so far)")
        return each

    def trainings(self, traces: Traces) -> float:
        """How many trainings there are in a month."""
        if traces.trainings is not None:
            self.says(f"{traces.trainings} trainings, as was asked for")
            return traces.trainings.per_year / _MONTHS_PER_YEAR
        months = _months(traces)
        if months is None:
            self.says(f"one training a month is assumed: fewer than {PACE_NEEDED.days} days have passed since the first step")
            return 1.0
        pace = _trainings(traces) / months
        self.says(f"{figure(pace)} trainings a month, as in the {figure(months)} months since the first step")
        return pace

    def storage(self, traces: Traces) -> tuple[float, float]:
        """The bytes that are kept already, and those that one decision adds to the prediction log."""
        stored, logged = traces.stored, _logged(traces.ended)
        self.says(f"stored now: ledger {_mb(stored.ledger_bytes)}, lake {_mb(stored.lake_bytes)}, prediction log {_mb(stored.log_bytes)}")
        kept = stored.ledger_bytes + stored.lake_bytes + stored.log_bytes
        if not logged:
            self.lacks("what a decision leaves in the prediction log: none has been collected yet")
            return kept, 0.0
        each = stored.log_bytes / logged
        self.says(f"a decision leaves {figure(each / 1e3)} kB in the prediction log, whose tables nothing ever cuts")
        return kept, each

    def serving_bytes(self, traces: Traces) -> float | None:
        """The most memory that a server held; else what the gates measured of a process that predicts."""
        peaks = [spend.peak_bytes for spend in _spends(traces.usage) if spend.peak_bytes is not None]
        if peaks:
            return max(peaks)
        if traces.memory_mb is None:
            self.lacks("the memory that a server holds")
            return None
        return traces.memory_mb * 1e6


class _Turn(NamedTuple):
    decisions: float
    spend: Spend


def _turns(traces: Traces) -> list[_Turn]:
    """From one collecting to the next: the decisions that came in, and what it took to follow them.

    Of the first collecting that is known, where earlier ones are not, nobody knows how many came in.
    """
    turns: list[_Turn] = []
    before = 0 if traces.first_followed is None else None
    for entry in filter(traces.followed, traces.ended):
        spend = spend_of(entry)
        if spend is None or entry.subject not in FOLLOWING:
            continue
        if _collects(entry):
            rows = int(entry.body["facts"].get("predictions", {}).get("rows", before or 0))
            if before is not None:
                turns.append(_Turn(max(0, rows - before), spend))
            before = rows
        elif turns:
            turns[-1] = _Turn(turns[-1].decisions, turns[-1].spend + spend)
    return turns


def _collects(entry: Entry) -> bool:
    return (entry.subject, entry.body["name"]) == _COLLECT and entry.body["state"] == "succeeded"


def _logged(ended: Sequence[Entry]) -> int:
    """The predictions in the log's tables, as the newest collecting found them."""
    return next((int(entry.body["facts"].get("predictions", {}).get("rows", 0)) for entry in reversed(ended) if _collects(entry)), 0)


def _spends(entries: Iterable[Entry]) -> list[Spend]:
    return [spend for entry in entries if (spend := spend_of(entry)) is not None]


def _trainings(traces: Traces) -> int:
    return sum((entry.subject, entry.body["name"]) == _SEARCH and entry.body["state"] == "succeeded" and spend_of(entry) is not None for entry in traces.ended)


def _months(traces: Traces, *, since: Entry | None = None) -> float | None:
    """Months since the first step, or since a later entry; None of too short a time to tell a pace."""
    first = next(iter(traces.ended), None) if since is None else since
    return None if first is None or traces.now - first.time < PACE_NEEDED else (traces.now - first.time) / _MONTH


def _mb(size: float) -> str:
    return f"{figure(size / 1e6)} MB"
