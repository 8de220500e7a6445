"""Money and resources by month and stage: a sum that loses nothing, whatever it is added up by."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from loopline.ledger.entry import Entry
from loopline.ledger.spend import Spend, account, spend_of, total
from loopline.ledger.state import fold

START = datetime(2026, 10, 31, 23, 0, tzinfo=UTC)
IO = {"wall_s": 9.0, "cpu_s": 2.0, "waited_s": 0.0, "read_bytes": 10, "written_bytes": None, "how": "bound"}


def entry(seq: int, kind: str, subject: str = "", hours: float = 0.0, **body: object) -> Entry:
    time = START + timedelta(hours=hours)
    return Entry(seq=seq, id=str(seq), project="p", kind=kind, subject=subject, key=str(seq), body=body, time=time, prev_hash="", hash="")


def step(seq: int, stage: str = "model", hours: float = 0.0, state: str = "succeeded", **more: object) -> Entry:
    body = {"state": state, "name": "search", "seconds": 10.0, "io": IO, "peak_bytes": 100, "cost": 2.0, "currency": "EUR", **more}
    return entry(seq, "step", stage, hours, **body)


def test_an_end_says_what_it_took() -> None:
    assert spend_of(step(1, state="failed")) == Spend(1, 10.0, 2.0, 100, 10, 0, 0, {"EUR": 2.0})


def test_a_start_and_a_recalled_success_cost_nothing_and_an_old_entry_is_no_trouble() -> None:
    assert spend_of(step(1, state="started")) is None
    assert spend_of(step(1, recalled=True)) is None
    assert spend_of(entry(1, "package", "abc")) is None
    old = spend_of(entry(1, "step", "data", state="succeeded", name="ingest", seconds=3.0))
    assert old == Spend(works=1, wall_s=3.0, unpriced_s=3.0)


def test_the_month_is_the_one_in_which_it_ended_and_the_phase_turns_with_the_first_champion() -> None:
    entries = [step(1), step(2, hours=2.0), entry(3, "champion", "abc", 2.0), step(4, hours=2.0), entry(5, "champion", "", 3.0), step(6, hours=3.0)]
    spans = fold(entries).spans
    assert {span: spend.money["EUR"] for span, spend in spans.items()} == {
        ("build", "2026-10", "model"): 2.0,
        ("build", "2026-11", "model"): 2.0,
        ("run", "2026-11", "model"): 4.0,
    }


def test_what_servers_reported_is_part_of_the_state() -> None:
    reported: dict[str, Any] = {"state": "serves", "server": "s", "wall_s": 3600.0, "cost": 1.0, "currency": "EUR"}
    entries = [step(1), entry(2, "usage", "serve", **reported), entry(3, "champion", "abc"), entry(4, "usage", "serve", **reported), step(5)]
    assert fold(entries).spans == account(entries, decides=entries[2])


ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(["step", "usage"]),
        st.sampled_from(["data", "model", "serve"]),
        st.floats(0, 5000),
        st.sampled_from(["succeeded", "failed", "started"]),
        st.one_of(st.none(), st.floats(0, 1e6)),
        st.sampled_from(["EUR", "USD"]),
        st.one_of(st.none(), st.integers(0, 1 << 40)),
    ),
    max_size=30,
)


@given(ENTRIES, st.one_of(st.none(), st.integers(1, 30)))
def test_the_total_is_the_sum_of_its_parts(drawn: list[tuple[str, str, float, str, float | None, str, int | None]], turn: int | None) -> None:
    entries = [
        entry(seq, kind, stage, hours, state=state, name="n", seconds=1.0, cpu_s=1.0, cost=cost, currency=currency, peak_bytes=peak, requests=seq)
        for seq, (kind, stage, hours, state, cost, currency, peak) in enumerate(drawn, start=1)
    ]
    spends = [spend for one in entries if (spend := spend_of(one)) is not None]
    spans = account(entries, decides=None if turn is None else entry(turn, "champion", "abc"))
    whole = total(spans.values())
    assert whole.works == len(spends) and whole.requests == sum(spend.requests for spend in spends)
    assert whole.peak_bytes == max((spend.peak_bytes for spend in spends if spend.peak_bytes is not None), default=None)
    for currency in ("EUR", "USD"):
        each = [spend.money[currency] for spend in spends if currency in spend.money]
        assert math.isclose(whole.money.get(currency, 0.0), math.fsum(each), rel_tol=1e-9)
    for part in ("phase", "month", "stage"):
        parts = [total(spend for span, spend in spans.items() if getattr(span, part) == value) for value in {getattr(span, part) for span in spans}]
        assert sum(one.works for one in parts) == whole.works
        assert math.isclose(math.fsum(one.money.get("EUR", 0.0) for one in parts), whole.money.get("EUR", 0.0), rel_tol=1e-9)
