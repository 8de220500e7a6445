"""Windows brought up to date: turn by turn they end as if all had been computed at once, and what has not changed is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from loopline.engine.step import Silence, Step
from loopline.errors import Mistake
from loopline.ledger.entry import Draft
from loopline.ledger.store import Ledger
from loopline.watch import arrivals, chapters, elapsed, honesty, measuring, reckoning, survey
from loopline.watch.monitors import traffic
from loopline.watch.stage import steps
from loopline.watch.summary import bodies
from loopline.workspace import Job
from tests.signing import vouch
from tests.watch.shop import CHARTER, DAY, T0, Crowd, Shop


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    # So that a few days reach beyond what is looked back on, and several chapters back.
    monkeypatch.setattr(chapters, "SPANS", 3)
    monkeypatch.setattr(traffic, "_WINDOWS_NEEDED", 3)
    monkeypatch.setattr(arrivals, "SPANS", 3)
    monkeypatch.setattr(arrivals, "WINDOWS_KEPT", 4)
    monkeypatch.setattr(elapsed, "WINDOWS_KEPT", 4)
    for module in (chapters, honesty, reckoning, survey, traffic):
        monkeypatch.setattr(module, "LOOKBACK", 6)
    made = Shop(tmp_path)
    yield made
    made.ledger.close()


def at_once(shop: Shop) -> list[dict[str, Any]]:
    """The windows as they are where nothing was kept."""
    *_, step = asked(shop)
    with Ledger.open(f"sqlite:///{shop.folder}/{shop.tables.version('predictions').version}.db", "shop") as ledger:
        vouch(ledger, shop.blobs, shop.package)
        workspace = replace(shop.workspace, ledger=ledger)
        job = Job(project="shop", folder=shop.folder, step=step, attempt="", workspace=workspace, progress=Silence())
        return bodies(shop.blobs, survey.run(job)["summary"])


def asked(shop: Shop) -> list[Step]:
    """The steps up to that of the windows; those before it are done."""
    told = steps(shop.spec, CHARTER, shop.ask(), at=shop.at)
    before = next(told)
    assert isinstance(before, Step)
    step = told.send(shop.perform(before))
    assert isinstance(step, Step)
    return [before, step]


def turn(shop: Shop, rng: np.random.Generator, waiting: list[tuple[np.ndarray, Crowd]]) -> None:
    """What may come in a turn: a day or a pause, rows that are late, outcomes that are late, a word that is taken back, rows that are refused."""
    day = shop.days + int(rng.choice([0, 0, 0, 2]))
    for late in (0, int(rng.integers(1, day + 1))) if day and rng.random() < 0.4 else (0,):
        crowd = Crowd.of(40, seed=int(rng.integers(1_000_000)), shift=float(rng.choice([0.0, 0.0, 1.5])), contrary=bool(rng.random() < 0.3))
        waiting.append((np.array(shop.serve(crowd, day=day - late, arrived=day, outcomes=False)), crowd))
    for ids, crowd in [waiting.pop(0) for _ in range(len(waiting))]:
        told = np.flatnonzero(rng.random(len(ids)) < 0.6)
        shop.tell(ids[told].tolist(), crowd.where(told), at=T0 + day * DAY)
        # Now and then what was told is told again, and is the contrary.
        again = rng.random() < 0.2
        rest = np.arange(len(ids)) if again else np.setdiff1d(np.arange(len(ids)), told)
        waiting.append((ids[rest], replace(crowd.where(rest), happened=crowd.happened[rest] ^ again)))
    if rng.random() < 0.5:
        times = [T0 + day * DAY + timedelta(seconds=int(at)) for at in rng.integers(0, 86_400, 20)]
        shop.tables.append("refused", pl.DataFrame({"time": times, "day": [at.date() for at in times], "kind": "row", "package": shop.package}))


def test_turn_by_turn_the_windows_end_as_if_all_were_computed_at_once(shop: Shop) -> None:
    rng = np.random.default_rng(2)
    waiting: list[tuple[np.ndarray, Crowd]] = []
    for _ in range(7):
        turn(shop, rng, waiting)
        # The clock goes on by itself, too: windows in which nothing comes are over some time.
        shop.at = T0 + (shop.days + int(rng.integers(0, 3))) * DAY
        shop.perform(asked(shop)[-1])
    whole = at_once(shop)
    assert any(window["breaches"] for window in whole) and any(window["refused"] for window in whole)
    assert any("volume" in window["breaches"] for window in whole)
    assert shop.windows() == whole
    newest = {entry.key: entry.body for entry in shop.ledger.read(kinds=("window",))}
    assert newest == {window["start"]: window for window in whole}


def test_what_has_not_changed_is_neither_computed_nor_judged_nor_written_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in range(12):
        shop.serve(Crowd.of(40, seed=day))
    shop.watch()
    first = shop.state().facts("watch", "windows")
    read: list[int] = []
    judged: list[int] = []
    decode, look = measuring.decoded, reckoning.look
    monkeypatch.setattr(measuring, "decoded", lambda frame, *more: read.append(frame.height) or decode(frame, *more))
    monkeypatch.setattr(reckoning, "look", lambda watched: judged.append(watched.at) or look(watched))
    shop.serve(Crowd.of(40, seed=99))
    shop.watch()
    second = shop.state().facts("watch", "windows")
    assert first is not None and second is not None
    assert read == [40]
    # The new one, the one that was not over, and the one whose outcomes could be overdue by now.
    assert judged == [6, 6, 6]
    kept, now = (facts["summary"]["packages"][shop.package]["chapters"] for facts in (first, second))
    assert [one for one in now if one not in kept] == now[-2:]


def test_a_window_of_many_rows_is_read_in_parts(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    crowds = [Crowd.of(90, seed=day) for day in range(3)]
    for crowd in crowds:
        shop.serve(crowd)
    whole = at_once(shop)
    monkeypatch.setattr(measuring, "SLICE_ROWS", 30)
    sizes: list[int] = []
    decode = measuring.decoded
    monkeypatch.setattr(measuring, "decoded", lambda frame, *more: sizes.append(frame.height) or decode(frame, *more))
    shop.watch()
    assert max(sizes) <= 30 and sum(sizes) == 270
    for one, other in zip(shop.windows(), whole, strict=True):
        assert (one["rows"], one["outcomes"], one["sums"]["money"][0]) == (other["rows"], other["outcomes"], other["sums"]["money"][0])
        assert one["drift"] == pytest.approx(other["drift"])
        assert one["metrics"]["brier"] == pytest.approx(other["metrics"]["brier"])


def test_a_ledger_that_is_older_than_chapters_is_computed_whole(shop: Shop) -> None:
    shop.serve(Crowd.of(40, seed=1))
    facts = {**shop.watch(), "summary": "0" * 64}
    shop.ledger.append(Draft(kind="step", subject="watch", key="k", body={"state": "succeeded", "name": "windows", "facts": facts}))
    shop.serve(Crowd.of(40, seed=2), day=1)
    assert shop.watch()["rows"] == 80
    with pytest.raises(Mistake, match="made by an earlier Loopline"):
        bodies(shop.blobs, facts["summary"])
