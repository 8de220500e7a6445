"""Cases for the review: windows with known sums."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from loopline.charter.spec import CharterSpec
from loopline.value.case import Case, Promise
from loopline.value.realised import Amount
from loopline.value.spec import ValueSpec
from loopline.watch.earned import Earned, Sums

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
    return Case(**{"project": "flights", "charter": charter, "spec": ValueSpec(), "champion": PACKAGE, "promise": PROMISE, "windows": windows, **more})


def alert(monitor: str, says: str = "x has drifted", **more: Any) -> dict[str, Any]:
    return {"monitor": monitor, "feature": "x", "package": PACKAGE, "state": "open", "since": T0.isoformat(), "says": says, **more}
