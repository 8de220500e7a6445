"""What an explanation rests on, from a real ledger and lake."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from loopline.ledger.entry import Draft
from loopline.watch.inquiry import inquire
from loopline.watch.upstream import KINDS, between
from tests.watch.shop import CHARTER, Crowd, Shop


def test_a_breach_is_explained_from_ledger_and_lake(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    try:
        for day in range(8):
            shop.serve(Crowd.of(200, seed=day))
        shop.watch()
        shop.ledger.append(
            Draft(kind="batch", subject="orders", body={"file": "new.csv", "accepted": 7}),
            Draft(kind="step", subject="data", key="f", body={"state": "failed", "name": "ingest"}),
        )
        for day in range(8, 16):
            shop.serve(Crowd.of(200, seed=day, shift=1.5, contrary=True))
        shop.watch()
        alert = next(entry.body for entry in shop.state().open_alerts() if entry.body["monitor"] == "worth_promised")
        collected = {"state": "succeeded", "name": "collect", "facts": shop.ask().facts["serve"]}
        shop.ledger.append(Draft(kind="step", subject="serve", key="collected", body=collected))
        evidence = inquire(shop.workspace, shop.state(), shop.package, CHARTER.worth)
        made = evidence.explain(alert)
        pairs = [(None, evidence.windows[0]), *pairwise(evidence.windows)]
        entries = shop.ledger.read(kinds=KINDS)
        assert all(evidence.happened(shop.package, *pair) == between(entries, shop.package, *pair) for pair in pairs)
    finally:
        shop.ledger.close()
    assert made is not None
    assert made.turn.bad["start"].startswith("2024-01-09")
    assert [one.name for one in made.features] == ["x"]
    assert made.money is not None and made.money.lost > 0
    assert any(one.is_sure for one in made.fallen.slices)
    assert [one.says for one in made.upstream] == ["new.csv was taken into orders: 7 rows", "the step ingest of data failed"]
