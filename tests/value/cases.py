"""Cases for the review: windows with known sums."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from loopline.charter.spec import CharterSpec
from loopline.model.estimates import Estimate
from loopline.value.case import Case, Promise
from loopline.value.criteria import Kept
from loopline.value.heard import Heard, Word
from loopline.value.realised import Amount
from loopline.value.segments import Segment
from loopline.value.spec import ValueSpec
from loopline.watch.earned import Earned, Sums
from loopline.watch.explain import explain
from loopline.watch.upstream import Happening

T0 = datetime(2024, 1, 1, tzinfo=UTC)
PACKAGE = "a" * 64
EVIL = "<script>alert(1)</script>"
PROMISE = Promise(
    earned=Amount(mean=11.0, low=10.0, high=12.0), added=Amount(mean=9.0, low=8.0, high=10.0), baseline=2.0, rule="never act", perfect=25.0, rows=4000
)
PRICED: dict[str, Any] = {"currency": "USD", "act_right": 140, "act_wrong": -60}


def sums(count: int, mean: float, spread: float) -> Sums:
    return Sums(count, count * mean, count * mean * mean + max(0, count - 1) * spread * spread)


def window(
    day: int, *, rows: int = 100, outcomes: int | None = None, worth: float = 11.0, spread: float = 5.0, package: str = PACKAGE, **more: Any
) -> dict[str, Any]:
    """A day's window in which each decision earned `worth`, and would have earned 2 without a model."""
    came = rows if outcomes is None else outcomes
    start = T0 + timedelta(days=day)
    earned = Earned(sums(came, worth, spread), sums(came, worth - 2, spread), 25.0 * came)
    made = {
        "package": package,
        "start": start.isoformat(),
        "end": (start + timedelta(days=1)).isoformat(),
        "rows": rows,
        "refused": 1,
        "outcomes": came,
        "drift": {"x": 0.05, EVIL: 0.2},
        "worth": {"per_decision": worth, "baseline": 2.0} if came else None,
        "sums": earned.as_json(),
        "breaches": [],
    }
    return {**made, **more}


def case(windows: list[dict[str, Any]], **more: Any) -> Case:
    charter = CharterSpec.model_validate({"predict": "late", "worth": PRICED, **more.pop("charter", {})})
    return Case(
        **{
            "project": "flights",
            "charter": charter,
            "spec": ValueSpec(),
            "champion": PACKAGE,
            "promise": PROMISE,
            "windows": windows,
            "made": date(2024, 3, 1),
            **more,
        }
    )


def rich(**more: Any) -> Case:
    """A case with everything in it that a review can tell, whatever stands in names and words."""
    days = [window(day, worth=11.0 + day % 3 if day < 25 else 3.0 + day % 3, breaches=["worth_promised", "drift:x"] if day >= 27 else []) for day in range(40)]
    opened = alert(
        "worth_promised", "each decision earns 4 USD, 11 were promised", since=days[27]["start"], last=days[39]["start"], value=4.0, limit=9.0, cost=None
    )
    made = explain(opened, days, currency="USD", importance={"x": 2.0})
    assert made is not None
    times = [T0 + timedelta(days=day) for day in (0, 3, 24)]
    happened = [
        Happening(time=times[0], seq=1, kind="champion", says="aaaaaaaa decides: it passed its gates", by="loopline", entry="1-a"),
        Happening(time=times[1], seq=2, kind="batch", says=f"{EVIL}.csv was taken into flights: 1,200 rows", by="loopline", entry="2-a"),
        Happening(time=times[2], seq=3, kind="edit", says="flights was edited (update: 40 changed): a wrong unit", by="ann", entry="3-a"),
    ]
    kept = [
        Kept(
            id="A1",
            words=f"Needed half the time {EVIL}",
            check="precision >= 0.5",
            passed=True,
            value=0.6,
            threshold=0.5,
            says="precision is 0.6",
            windows=9,
            held=8,
        ),
        Kept(
            id="A2",
            words="No airport much worse",
            check="worst_slice(origin).precision >= 0.45",
            passed=False,
            value=0.4,
            threshold=0.45,
            says="it is 0.4 (origin EWR)",
        ),
        Kept(id="A3", words="Few are missed", check="recall >= 0.3", passed=None, value=None, threshold=None, says="it cannot be seen"),
    ]
    airports = [(f"origin = {EVIL}", -3.0, True), ("origin = JFK", 4.0, False), ("origin = LGA", 7.0, False)]
    found = [
        Segment(name=name, column="origin", rows=900, share=1 / 3, each=Estimate(9.0, 8.0, 10.0), added=Estimate(value, value - 1.5, value + 1.5), acted=0.3)
        for name, value, _ in airports
    ]
    said = Heard(count=12, rated=9, mean=4.1, low=1.0, high=5.0, newest=(Word(T0, 2.0, f"too late {EVIL}"), Word(T0, None, "very good")))
    bill = {"per_month": 31.5, "per_thousand": 0.4}
    told: dict[str, Any] = {
        "explained": [made],
        "changes": happened,
        "criteria": kept,
        "segments": found,
        "heard": said,
        "alerts": [opened],
        "roles": frozenset({"business", "ml"}),
        "reigns": [{"package": PACKAGE, "since": T0.isoformat(), "until": None, "why": "it passed its gates"}],
        "experiments": [{"name": EVIL, "state": "ended", "says": "the new threshold earned more"}],
        "lift": {"says": "it adds 3.1 USD per decision (1.2 to 5)", "cannot": ["Nothing is held out."]},
        "cost": {"says": "a month costs 31.5 USD", "now": {"bills": {"on-premises": bill}}, "profit": {"says": ["9,000 USD a month are left"]}},
        "charter": {"volume": "100 per day", "target": "400000 per year", "decision": "Staff the rebooking desk for this departure?"},
    }
    return case(days, **{**told, **more})


def alert(monitor: str, says: str = "x has drifted", **more: Any) -> dict[str, Any]:
    return {"monitor": monitor, "feature": "x", "package": PACKAGE, "state": "open", "since": T0.isoformat(), "says": says, **more}
