"""What happened upstream: told in words from the ledger, between the last good and the first bad window."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from loopline.ledger.entry import Entry
from loopline.watch.upstream import between, happenings

T0 = datetime(2024, 3, 1, tzinfo=UTC)
PACKAGE = "a" * 64


def entry(seq: int, kind: str, subject: str = "orders", *, hour: float = 0.0, key: str = "", by: str = "loopline", **body: Any) -> Entry:
    moment = T0 + timedelta(hours=hour)
    return Entry(kind=kind, subject=subject, key=key, body=body, actor=by, seq=seq, id=f"{seq}-x", time=moment, project="shop", prev_hash="", hash="")


def window(day: int) -> dict[str, Any]:
    start = T0 + timedelta(days=day)
    return {"start": start.isoformat(), "end": (start + timedelta(days=1)).isoformat()}


def test_each_kind_of_change_is_told_in_words() -> None:
    batch: Mapping[str, Any] = {"file": "a.csv", "accepted": 1200, "quarantined": 3}
    told = happenings(
        [
            entry(1, "batch", **batch),
            entry(2, "edit", verb="update", state="begun", changed=4),
            entry(3, "edit", verb="update", state="done", changed=4, added=0, why="a wrong unit", by="ann"),
            entry(4, "step", "model", name="search", state="started"),
            entry(5, "step", "model", name="search", state="failed"),
            entry(6, "package", PACKAGE, manifest={"family": "linear"}),
            entry(7, "champion", PACKAGE, why="it passed its gates"),
            entry(8, "trial", "x"),
        ]
    )
    assert [one.says for one in told] == [
        "a.csv was taken into orders: 1,200 rows, 3 refused",
        "orders was edited (update: 4 changed): a wrong unit",
        "the step search of model failed",
        "aaaaaaaa was trained (linear)",
        "aaaaaaaa decides: it passed its gates",
    ]
    assert (told[1].by, told[1].entry) == ("ann", "3-x")


def test_only_what_lies_between_the_windows_by_the_clock_counts() -> None:
    entries = [entry(seq, "batch", hour=hour, file=f"{seq}.csv", accepted=1) for seq, hour in enumerate((-1.0, 1.0, 30.0, 47.9, 48.1), start=1)]
    assert [one.seq for one in between(entries, PACKAGE, window(0), window(1))] == [2, 3, 4]
    assert [one.seq for one in between(entries, PACKAGE, None, window(1))] == [3, 4]


def test_a_history_that_is_played_back_is_placed_by_the_order_of_the_ledger() -> None:
    old = [{"start": f"2013-07-0{day}T00:00:00+00:00", "end": f"2013-07-0{day + 1}T00:00:00+00:00"} for day in (1, 2)]
    entries = [
        entry(1, "batch", file="before.csv", accepted=1),
        entry(2, "window", PACKAGE, key=old[0]["start"]),
        entry(3, "batch", file="between.csv", accepted=1),
        entry(4, "window", PACKAGE, key=old[1]["start"]),
        entry(5, "batch", file="after.csv", accepted=1),
        entry(6, "window", PACKAGE, key=old[0]["start"]),
    ]
    assert [one.says for one in between(entries, PACKAGE, *old)] == ["between.csv was taken into orders: 1 row"]
    assert not between(entries, "b" * 64, *old)
