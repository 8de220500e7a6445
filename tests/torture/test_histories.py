"""Random histories of predictions and outcomes, through log, tables and windows, held against a count of the raw log that knows nothing of either."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.charter.spec import WorthSpec
from loopline.charter.worth import Worth
from loopline.engine.step import Step
from loopline.ledger.state import fold
from loopline.serve.records import DECODERS, SCHEMAS
from loopline.serve.segments import Kind
from loopline.serve.spec import ServeSpec
from loopline.serve.stage import steps
from loopline.watch.drift import Bins
from loopline.watch.merging import merged
from loopline.watch.served import decoded, joined
from loopline.watch.windows import SCORE, Window, Yardstick, windows
from tests.watch.shop import Shop

T0 = datetime(2024, 1, 1, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
Rows = list[tuple[int, float, float, bool | None]]
Events = list[tuple[Any, ...]]
MOST = 7
"""Predictions in a history: windows of none to three rows are what is looked for."""
NUMBERS = st.integers(0, MOST - 1)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), NUMBERS),
        st.tuples(st.just("tell"), NUMBERS, st.sampled_from(["yes", "no"])),
        st.tuples(st.just("clock"), st.integers(-72, 72)),
        st.tuples(st.just("turn")),
    ),
    max_size=25,
)
"""What happens: a row is asked about, an outcome comes (of what was asked, or not yet, or never), the clock jumps, and the loop takes a turn."""
ROWS = st.lists(st.tuples(st.integers(0, 4 * 24 - 1), st.floats(0, 1), st.floats(-3, 3), st.sampled_from([None, False, True])), min_size=MOST, max_size=MOST)
"""The hour that each row is about, its score and x, and whether it is held out."""
FEATURES = (
    Bins(name="x", kind="number", counts=(50, 50, 0), cuts=(0.0,), seen=(-1.0, 1.0)),
    Bins(name=SCORE, kind="number", counts=(70, 30, 0), cuts=(0.5,)),
)
YARDSTICK = Yardstick(
    package="p",
    task="binary",
    classes=("no", "yes"),
    positive="yes",
    features=FEATURES,
    worth=Worth.of(WorthSpec(act_right=10, act_wrong=-10), "binary"),
    without_model=False,
)


@dataclass
class History:
    """What was asked and told, line by line as a server logs it, by a clock that jumps.

    Parameters
    ----------
    lines
        Of each kind, the day by the clock and the line.
    """

    rows: Rows
    package: str = "p"
    clock: datetime = T0
    asked: set[int] = field(default_factory=set)
    lines: dict[Kind, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))

    def happens(self, what: str, *said: Any) -> None:
        """One event of a history; turns are the loop's."""
        self.clock += timedelta(microseconds=1)
        match what:
            case "ask" if said[0] not in self.asked:
                self.asked.add(said[0])
                self._log("predictions", self._prediction(said[0]))
            case "tell":
                self._log("outcomes", {"id": self.id(said[0]), "outcome": said[1]})
            case "clock":
                self.clock += said[0] * HOUR

    def id(self, number: int) -> str:
        """The id of a row's prediction."""
        return f"{T0 + self.rows[number][0] * HOUR:%Y%m%d}-{number:08x}-0"

    def _prediction(self, number: int) -> dict[str, Any]:
        hour, score, x, held = self.rows[number]
        at, policy = (T0 + hour * HOUR).isoformat(), "act" if score >= 0.5 else "rest"
        said = {"id": self.id(number), "event_time": at, "package": self.package, "key": None, "row": {"x": x, "c": "a", "at": at}, "score": score}
        return {**said, "scores": None, "decision": "rest" if held else policy, "holdout": held, "instead_of": policy if held else None}

    def _log(self, kind: Kind, record: Mapping[str, Any]) -> None:
        self.lines[kind].append((f"{self.clock:%Y%m%d}", json.dumps({**record, "time": self.clock.isoformat()})))

    def table(self, kind: Kind) -> pl.LazyFrame:
        """The table that the log makes."""
        return pl.LazyFrame([DECODERS[kind].decode(line).cells() for _, line in self.lines[kind]], schema=dict(SCHEMAS[kind]), orient="row")

    def raw(self, kind: Kind, **schema: Any) -> pl.DataFrame:
        """Fields of the log's lines as they are."""
        return pl.DataFrame([{name: json.loads(line)[name] for name in schema} for _, line in self.lines[kind]], schema=schema)

    def counted(self) -> dict[str, dict[str, Any]]:
        """What each day's window must say, from the raw log alone."""
        asked = self.raw("predictions", id=pl.String, event_time=pl.String, decision=pl.String, holdout=pl.Boolean)
        told = self.raw("outcomes", id=pl.String, outcome=pl.String, time=pl.String)
        last = told.sort("time").group_by("id").agg(pl.col("outcome").last())
        happened, acts = pl.col("outcome") == "yes", pl.col("decision") == "act"
        own, known = ~pl.col("holdout").fill_null(False), pl.col("outcome").is_not_null()
        money = pl.when(acts).then(pl.when(happened).then(10.0).otherwise(-10.0)).otherwise(0.0)
        found = (
            asked.join(last, on="id", how="left")
            .group_by(start=pl.col("event_time").str.slice(0, 10))
            .agg(
                rows=pl.len(),
                outcomes=known.sum(),
                acted=acts.filter(own).mean(),
                money=money.filter(own & known).sum(),
                squares=(money**2).filter(own & known).sum(),
                judged=(own & known).sum(),
                perfect=pl.when(happened).then(10.0).otherwise(0.0).filter(own & known).sum(),
                held=pl.col("holdout").fill_null(False).sum(),
            )
        )
        return {row.pop("start"): row for row in found.to_dicts()}


def said(bodies: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What windows' bodies say, as `History.counted` has it; a window without a row says nothing."""
    found = {}
    for body in bodies:
        sums, split = body["sums"], body["split"] or {"held": 0}
        assert sums["gain"] == sums["money"], "without the model nothing is done"
        money = dict(zip(("judged", "money", "squares"), sums["money"], strict=True))
        shares = {name: body[name] for name in ("rows", "outcomes", "acted")}
        found[body["start"][:10]] = {**shares, **money, "perfect": sums["perfect"], "held": split["held"]}
    return {start: body for start, body in found.items() if body["rows"]}


def same(found: Mapping[str, Mapping[str, Any]], expected: Mapping[str, Mapping[str, Any]]) -> None:
    """Both say the same of the same days."""
    assert found.keys() == expected.keys()
    for start, body in expected.items():
        assert found[start] == pytest.approx(body), start


@given(ROWS, EVENTS)
def test_whatever_comes_in_whatever_order_windows_say_what_the_raw_log_says(rows: Rows, events: Events) -> None:
    history = History(rows)
    for event in events:
        history.happens(*event)
    same(said(window.as_json() for window in made_of(history)), history.counted())


def made_of(history: History, *, span: timedelta = DAY) -> list[Window]:
    """The windows of a history, computed at once."""
    frame = joined(history.table("predictions"), history.table("outcomes"), history.package).collect()
    return windows(decoded(frame, {"x": "number"}), YARDSTICK, span=span)


@given(ROWS, EVENTS, st.data())
def test_in_whatever_order_and_groups_hours_are_merged_the_days_are_the_same(rows: Rows, events: Events, data: st.DataObject) -> None:
    history = History([(hour % 24, *rest) for hour, *rest in rows])  # type: ignore[misc]
    for event in events:
        history.happens(*event)
    # An hour without a row is a window, too.
    parts = [*made_of(history, span=HOUR), *(Window(package="p", start=T0 + hour * HOUR, end=T0 + (hour + 1) * HOUR, refused=hour) for hour in (3, 5))]
    while len(parts) > 1:
        first = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        second = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        parts.append(merged(first, second, FEATURES))
    (day,), whole = parts, made_of(history)
    same(said([{**day.as_json(), "start": T0.isoformat()}]), history.counted())
    assert day.refused == 8
    for one in whole:
        assert (day.counts, dict(day.outside)) == (one.counts, dict(one.outside))
        assert dict(day.drift) == pytest.approx(dict(one.drift))
        assert day.loss.total == pytest.approx(one.loss.total)


class Turning:
    """A shop in a folder, whose loop takes a turn now and then over what a history has logged."""

    def __init__(self, folder: Path, rows: Rows) -> None:
        self.shop = Shop(folder)
        self.history = History(rows, self.shop.package)
        self._written: dict[Kind, int] = defaultdict(int)

    def turn(self) -> dict[str, Any]:
        """Log, collect and watch; how outcomes fit the predictions."""
        for kind, lines in self.history.lines.items():
            place = self.shop.lake.log / kind
            place.mkdir(parents=True, exist_ok=True)
            for day, line in lines[self._written[kind] :]:
                with (place / f"{day}-{kind}-000001.jsonl").open("a") as segment:
                    segment.write(f"{line}\n")
            self._written[kind] = len(lines)
        (step,) = steps(ServeSpec(), replace(self.shop.ask(), state=fold([])), log_folder=self.shop.lake.log)
        assert isinstance(step, Step)
        facts = self.shop.perform(step)
        self.shop.watch()
        return dict(facts["outcomes"])


@pytest.mark.torture
@pytest.mark.timeout(7200)
@given(ROWS, EVENTS)
def test_turn_by_turn_collected_and_watched_it_is_the_same(rows: Rows, events: Events) -> None:
    with TemporaryDirectory() as folder:
        turning = Turning(Path(folder), rows)
        try:
            history = turning.history
            for event in events:
                history.happens(*event)
                if event == ("turn",):
                    turning.turn()
            counts = turning.turn()
            same(said(turning.shop.windows()), history.counted())
            told = history.raw("outcomes", id=pl.String, outcome=pl.String)
            is_known = told["id"].is_in([history.id(number) for number in history.asked])
            ids, words = told["id"].n_unique(), told.group_by("id").agg(pl.col("outcome").n_unique())["outcome"]
            assert (counts["received"], counts["repeated"], counts["contradictory"]) == (told.height, told.height - ids, (words > 1).sum())
            assert (counts["matched"], counts["early"]) == (told.filter(is_known)["id"].n_unique(), told.filter(~is_known)["id"].n_unique())
            entered = len(turning.shop.ledger.read())
            turning.turn()
            assert len(turning.shop.ledger.read()) == entered, "a turn over what is known entered something"
        finally:
            turning.shop.ledger.close()
