"""The watch stage over real tables: windows once, alerts by cause, and the same end however often it is killed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from loopline.engine.step import Step
from loopline.ledger.entry import Draft
from loopline.ledger.store import Ledger
from loopline.watch import alerts, measuring
from loopline.watch.chapters import Held
from loopline.watch.spec import WatchSpec
from loopline.watch.stage import steps
from loopline.watch.windows import Window
from tests.watch.shop import CHARTER, DAY, T0, Crowd, Shop

EMPTY = Held(Window(package="", start=T0, end=T0 + DAY)).body()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.ledger.close()


def test_before_anything_is_served_there_are_no_windows(shop: Shop) -> None:
    facts = shop.watch()
    assert (facts["says"], facts["windows"], facts["until"]) == ("nothing served yet", 0, None)
    assert shop.windows() == []


def test_quiet_days_raise_no_alert_and_every_prediction_is_in_a_window(shop: Shop) -> None:
    for day in range(12):
        shop.serve(Crowd.of(150, seed=100 + day))
    facts = shop.watch()
    assert (facts["windows"], facts["rows"], facts["outcomes"]) == (12, 1800, 1800)
    assert facts["alerts"] == {"opened": 0, "resolved": 0, "open": 0}
    windows = shop.windows()
    assert [window["start"][:10] for window in windows] == [f"{T0 + day * DAY:%Y-%m-%d}" for day in range(12)]
    assert sum(window["worth"]["total"] for window in windows) == pytest.approx(sum(Crowd.of(150, seed=100 + day).money().sum() for day in range(12)))
    assert all(set(window["drift"]) == {"x", "c"} and window["completeness"] == 1 for window in windows)


def test_windows_are_entered_once_and_again_only_when_they_change(shop: Shop) -> None:
    crowd = Crowd.of(100, seed=1)
    shop.serve(crowd, outcomes=False)
    shop.watch()
    shop.watch()
    assert len(shop.ledger.read(kinds=("window",))) == 1
    shop.tell([f"{shop.package[:8]}-0-{row}" for row in range(100)], crowd)
    shop.serve(Crowd.of(100, seed=2))
    shop.watch()
    entered = shop.ledger.read(kinds=("window",))
    assert [entry.key[:10] for entry in entered] == ["2024-01-01", "2024-01-01", "2024-01-02"]
    assert [entry.body["outcomes"] for entry in entered] == [0, 100, 100]


def test_a_changed_world_raises_one_alert_for_each_cause_and_is_resolved_when_it_is_over(shop: Shop) -> None:
    for day in range(4):
        shop.serve(Crowd.of(200, seed=day))
    for day in range(4, 8):
        shop.serve(Crowd.of(200, seed=day, shift=1.5))
    facts = shop.watch()
    assert {"drift", "score_drift", "unseen_ranges"} <= shop.open()
    (drifted,) = (entry for entry in shop.ledger.read(kinds=("alert",)) if entry.body["monitor"] == "drift")
    assert drifted.body["since"].startswith("2024-01-05")
    assert drifted.body["features"] == ["x"]
    assert "lost so far" in drifted.body["says"]
    # How many are open is told as they stand when it is asked for.
    assert facts["says"] == "8 windows, 1,600 predictions, 1,600 outcomes"
    for day in range(8, 12):
        shop.serve(Crowd.of(200, seed=day))
    shop.watch()
    assert "drift" not in shop.open()
    states = [entry.body["state"] for entry in shop.ledger.read(kinds=("alert",), subject=drifted.subject)]
    assert states == ["open", "resolved"]


def test_a_category_that_training_did_not_know_is_told_to_the_data_role(shop: Shop) -> None:
    for day in range(3):
        crowd = Crowd.of(200, seed=day)
        shop.serve(replace(crowd, c=np.where(np.arange(200) % 4 == 0, "z", crowd.c)) if day else crowd)
    shop.watch()
    (told,) = (entry.body for entry in shop.state().open_alerts() if entry.body["monitor"] == "new_categories")
    assert (told["role"], told["features"], told["since"][:10]) == ("data", ["c"], "2024-01-02")
    assert "c 25.0% (in training 0.0%)" in told["says"]
    assert "new_categories:c" in shop.windows()[-1]["breaches"]


def test_the_smallest_loss_that_is_paged_is_told_once_outcomes_have_come(shop: Shop) -> None:
    for day in range(6):
        shop.serve(Crowd.of(150, seed=day), outcomes=False)
    # The test part's outcomes are known: they tell how money scatters.
    first = shop.watch()["detectable"]
    assert first["windows"] == 3 and 0 < first["per_decision"] < first["promised"]
    shop.ledger.append(Draft(kind="champion", subject="", body={"why": "taken back", "previous": shop.package}))
    assert shop.watch()["detectable"] is None


def test_outcomes_against_what_was_learned_raise_an_alert_of_money(shop: Shop) -> None:
    for day in range(3):
        shop.serve(Crowd.of(200, seed=day))
    for day in range(3, 7):
        shop.serve(Crowd.of(200, seed=day, contrary=True))
    shop.watch()
    assert shop.open() == {"performance", "worth_promised", "worth_baseline"}
    lost = [entry.body["cost"]["lost"] for entry in shop.ledger.read(kinds=("alert",)) if entry.body["monitor"] == "worth_baseline"]
    assert lost[0] > 1000


@pytest.mark.parametrize(("contrary", "found"), [(0.0, set()), (0.2, {"worth_promised", "performance"})])
def test_where_outcomes_are_seen_only_after_acting_they_are_held_against_what_acting_promised(shop: Shop, contrary: float, found: set[str]) -> None:
    """Promised are 2.7 EUR per decision and 5.5 per decision to act; where a fifth of the world is contrary, 3.3 of these come, or 1.6 of all."""
    shop.charter = CHARTER.model_copy(update={"outcome_seen": "when_acted"})
    for day in range(8):
        usual, other = Crowd.of(400, seed=day), Crowd.of(400, seed=day, contrary=True)
        happened = np.where(np.arange(400) % 100 < 100 * contrary, other.happened, usual.happened)
        crowd = replace(usual, happened=happened)
        ids, acted = shop.serve(crowd, outcomes=False), np.flatnonzero(crowd.score >= 0.5)
        shop.tell([ids[at] for at in acted], crowd.where(acted))
    shop.watch()
    assert shop.open() == found
    last = shop.windows()[-1]
    assert (last["completeness"], last["estimated"]["worth"]["checked"]) == (1.0, 7)
    assert last["estimated"]["worth"]["per_decision"] == pytest.approx(5.5, abs=0.5)


def test_what_was_late_to_be_known_is_added_to_an_alert_that_lasts(shop: Shop) -> None:
    crowds = [Crowd.of(200, seed=day, shift=2.0) for day in range(2)]
    for crowd in crowds:
        shop.serve(crowd, outcomes=False)
    shop.watch()
    for day, crowd in enumerate(crowds):
        shop.tell([f"{shop.package[:8]}-{day}-{row}" for row in range(200)], crowd)
    shop.watch()
    told = [entry.body["cost"] for entry in shop.ledger.read(kinds=("alert",)) if entry.body["monitor"] == "drift"]
    assert told[0] is None
    assert told[1]["per_decision"] == pytest.approx(sum(crowd.money().sum() for crowd in crowds) / 400)


def test_three_rows_or_none_are_no_reason_to_alarm(shop: Shop) -> None:
    shop.serve(Crowd.of(3, seed=0, shift=9.0, contrary=True))
    shop.serve(Crowd.of(3, seed=1, shift=9.0, contrary=True), day=5)
    shop.watch()
    assert shop.open() == set()
    assert [window["rows"] for window in shop.windows()] == [3, 0, 0, 0, 0, 3]


def test_rows_that_were_refused_count_in_the_window_that_was_served_meanwhile(shop: Shop) -> None:
    shop.serve(Crowd.of(100, seed=0))
    refused = {"time": [T0 + timedelta(seconds=at) for at in range(60)], "day": [T0.date()] * 60, "kind": ["row"] * 59 + ["outcome"], "package": shop.package}
    shop.tables.append("refused", pl.DataFrame(refused))
    shop.watch()
    (window,) = shop.windows()
    assert window["refused"] == 59
    assert shop.open() == {"refused_share"}


def test_a_champion_that_refuses_every_row_is_told_of(shop: Shop) -> None:
    shop.tables.append("refused", pl.DataFrame({"time": [T0] * 60, "day": [T0.date()] * 60, "kind": ["row"] * 60, "package": shop.package}))
    facts = shop.watch()
    assert (facts["windows"], shop.windows()[0]["refused"]) == (1, 60)
    assert shop.open() == {"refused_share"}


def test_when_requests_stop_it_is_told_by_the_clock_and_a_row_from_far_ahead_changes_nothing(shop: Shop) -> None:
    shop.serve(Crowd.of(1, seed=99), day=19_000, outcomes=False)
    for day in range(15):
        # What decides now has only just begun to.
        shop.serve(Crowd.of(40, seed=day), day=day, outcomes=False, package=None if day == 14 else "f" * 64)
    shop.at = T0 + 15 * DAY
    assert shop.watch()["until"] == (T0 + 14 * DAY).isoformat()
    assert shop.open() == set()
    shop.at = T0 + 60 * DAY
    shop.watch()
    (entry,) = shop.state().open_alerts()
    assert (entry.body["monitor"], entry.body["value"], entry.body["since"]) == ("volume", 0, (T0 + 15 * DAY).isoformat())


def test_a_package_that_can_no_longer_be_read_leaves_the_champion_watched(shop: Shop) -> None:
    gone = "f" * 64
    shop.ledger.append(Draft(kind="window", subject=gone, key=T0.isoformat(), body={**EMPTY, "package": gone, "rows": 7}))
    shop.serve(Crowd.of(40, seed=1), package=gone)
    shop.serve(Crowd.of(40, seed=2))
    facts = shop.watch()
    assert f"{gone[:8]} is not measured" in facts["says"]
    assert sorted((window["package"][:8], window["rows"]) for window in shop.windows()) == sorted([(gone[:8], 7), (shop.package[:8], 40)])


def test_only_the_champion_is_judged_and_the_alerts_of_another_are_closed(shop: Shop) -> None:
    shop.serve(Crowd.of(200, seed=0, shift=3.0))
    shop.watch()
    assert "drift" in shop.open()
    shop.ledger.append(Draft(kind="champion", subject="", body={"why": "taken back", "previous": shop.package}))
    shop.watch()
    assert shop.open() == set()
    assert [window["breaches"] for window in shop.windows()] == [[]]


def test_a_person_s_word_stays_until_a_later_window_breaches(shop: Shop) -> None:
    for day in range(2):
        shop.serve(Crowd.of(200, seed=day, shift=3.0))
    until = shop.watch()["until"]
    entry = next(one for one in shop.state().open_alerts() if one.body["monitor"] == "drift")
    shop.ledger.append(alerts.acknowledge(entry, by="ann", why="on it"))
    shop.serve(Crowd.of(200, seed=3, shift=3.0))
    shop.watch()
    newest = shop.state().alerts[entry.subject]
    assert (newest.body["state"], newest.body["by"]) == ("acknowledged", "ann")
    shop.ledger.append(alerts.resolve(newest, by="ann", why="it is a season", until=shop.state().facts("watch", "windows")["until"]))  # type: ignore[index]
    shop.tell([f"{shop.package[:8]}-0-0"], Crowd.of(1, seed=0), at=T0 + 9 * DAY)
    shop.watch()
    assert shop.state().alerts[entry.subject].body["state"] == "resolved"
    shop.serve(Crowd.of(200, seed=4, shift=3.0))
    assert shop.watch()["until"] > until
    assert shop.state().alerts[entry.subject].body["state"] == "open"


def test_killed_before_or_after_its_entries_it_ends_in_the_same_state(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in range(5):
        shop.serve(Crowd.of(150, seed=day, shift=2.0))
    told = steps(shop.spec, CHARTER, shop.ask())
    before = next(told)
    assert isinstance(before, Step)
    step = told.send(shop.run(before))
    assert isinstance(step, Step)
    whole = Ledger.append

    def killed_before(self: Ledger, *drafts: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Ledger, "append", killed_before)
    with pytest.raises(KeyboardInterrupt):
        shop.run(step)
    monkeypatch.setattr(Ledger, "append", whole)
    first = shop.run(step)
    entered = [(entry.kind, entry.subject, entry.key) for entry in shop.ledger.read(kinds=("window", "alert"))]
    assert shop.run(step) == first
    assert [(entry.kind, entry.subject, entry.key) for entry in shop.ledger.read(kinds=("window", "alert"))] == entered
    assert len(entered) == len(set(entered)) > 5


def test_a_wider_window_holds_the_same_rows(tmp_path: Path) -> None:
    shop = Shop(tmp_path, WatchSpec(window=timedelta(weeks=1)))
    for day in range(14):
        shop.serve(Crowd.of(60, seed=day))
    shop.watch()
    assert [window["rows"] for window in shop.windows()] == [420, 420]
    assert all(0.4 < window["apart"] < 0.6 for window in shop.windows())
    shop.ledger.close()


def test_a_person_s_word_during_the_run_stays(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = Crowd.of(200, seed=0, shift=2.0)
    shop.serve(crowd, outcomes=False)
    shop.watch()
    first, second = (one.subject for one in shop.state().open_alerts()[:2])
    shop.tell([f"{shop.package[:8]}-0-{row}" for row in range(200)], crowd)
    compute = measuring.slices

    def meanwhile(*given: object, **more: object) -> object:
        newest = shop.state().alerts
        if newest[first].body["state"] == "open":
            shop.ledger.append(
                alerts.acknowledge(newest[first], by="ann", why="on it"),
                alerts.resolve(newest[second], by="ann", why="a season", until="2024-01-01T00:00:00+00:00"),
            )
        return compute(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(measuring, "slices", meanwhile)
    shop.watch()
    newest = shop.state().alerts
    assert (newest[first].body["state"], newest[first].body["by"]) == ("acknowledged", "ann")
    assert newest[first].body["cost"] is not None
    assert newest[second].body["state"] == "resolved"
