"""Alerts: one for each cause, from its first breach until windows are fine, with what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loopline.errors import Mistake
from loopline.ledger.entry import Draft, Entry
from loopline.watch import alerts
from loopline.watch.earned import Earned, Sums
from loopline.watch.monitors.watched import Breach, Promise
from loopline.watch.windows import Window

DAY = timedelta(days=1)
T0 = datetime(2024, 1, 1, tzinfo=UTC)
BREACH = Breach(monitor="drift", feature="x", role="science", says="x has drifted", value=0.4, limit=0.1)
ID = alerts.alert_id(BREACH, "p")
NOW = T0 + 99 * DAY
PROMISE = Promise(per_decision=2.0, loss=None, rows=100)


def days(marks: str, *, outcomes: int = 0, each: float = 1.0) -> tuple[list[Window], list[alerts.Found]]:
    """A window for each mark: ``!`` a breach, ``.`` fine, ``?`` not judged."""
    earned = Earned(Sums(outcomes, each * outcomes, each**2 * outcomes), Sums(outcomes, 0.0, 0.0), 0.0)
    windows = [Window(package="p", start=T0 + at * DAY, end=T0 + (at + 1) * DAY, rows=9, outcomes=outcomes, earned=earned) for at in range(len(marks))]
    return windows, [{"drift": {"!": [BREACH], ".": [], "?": None}[mark]} for mark in marks]


def bring(marks: str, recorded: Mapping[str, Any] | None = None, *, outcomes: int = 0, each: float = 1.0) -> list[Draft]:
    windows, found = days(marks, outcomes=outcomes, each=each)
    return alerts.drafts(alerts.episodes(windows, found), recorded or {}, windows, PROMISE, currency="EUR", now=NOW)


def states(drafts: Sequence[Draft]) -> list[str]:
    return [draft.body["state"] for draft in drafts]


def entry(draft: Draft, seq: int = 1) -> Entry:
    return Entry(
        kind=draft.kind,
        subject=draft.subject,
        key=draft.key,
        body=draft.body,
        seq=seq,
        id=f"{seq:x}",
        project="shop",
        time=T0,
        prev_hash="",
        hash="",
    )


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ("....", []),
        ("..!", ["open"]),
        ("!!!!", ["open"]),
        ("!..", ["open"]),
        ("!...", ["open", "resolved"]),
        ("!..!..", ["open"]),
        ("!?.?.?.", ["open", "resolved"]),
        ("!...!...!", ["open", "resolved", "open", "resolved", "open"]),
        ("", []),
    ],
)
def test_an_alert_is_open_from_its_breach_until_three_windows_in_a_row_are_fine(marks: str, expected: list[str]) -> None:
    assert states(bring(marks)) == expected


@settings(max_examples=300)
@given(st.text(alphabet="!.?", max_size=25), st.integers(0, 25))
@example("!!...", 1)
def test_told_turn_by_turn_or_all_at_once_the_ledger_ends_alike(marks: str, cut: int) -> None:
    recorded: dict[str, Any] = {}
    told: list[Draft] = []
    for upto in (cut, len(marks)):
        for draft in bring(marks[:upto], recorded):
            told.append(draft)
            recorded[draft.subject] = draft.body
    once = bring(marks)
    assert bring(marks, recorded) == []
    # What lasts is kept up to date meanwhile.
    kept = [(draft.key, draft.body["state"]) for draft in told]
    assert [one for one, before in zip(kept, [None, *kept], strict=False) if one != before] == [(draft.key, draft.body["state"]) for draft in once]
    assert recorded == {draft.subject: draft.body for draft in once}


def test_an_alert_says_since_when_and_what_it_has_cost() -> None:
    (made,) = bring(".!!", outcomes=50)
    assert (made.body["since"], made.body["opened"]) == ((T0 + DAY).isoformat(), NOW.isoformat())
    bounds = {"low": pytest.approx(100.0), "high": pytest.approx(100.0)}
    assert made.body["cost"] == {"per_decision": 1.0, "promised": 2.0, "lost": 100.0, "outcomes": 100, "sure": True, **bounds}
    assert made.body["says"] == "x has drifted (since 2024-01-02); 100 EUR lost so far against the promise"
    assert "what it costs shows when outcomes come" in bring("!")[0].body["says"]


def test_an_alert_beside_which_money_was_gained_speaks_of_no_sum() -> None:
    (made,) = bring(".!!", outcomes=50, each=3.0)
    assert made.body["cost"]["lost"] == -100.0
    assert made.body["says"] == "x has drifted (since 2024-01-02); nothing is lost so far against the promise"


def test_an_alert_that_lasts_is_kept_up_to_date_with_what_it_costs() -> None:
    recorded = {ID: bring("!!")[0].body}
    (priced,) = bring("!!", recorded, outcomes=10)
    assert (priced.body["state"], priced.body["cost"]["lost"], priced.body["cost"]["sure"]) == ("open", 20.0, False)
    assert bring("!!", {ID: priced.body}, outcomes=10) == []
    (later,) = bring("!!!!", {ID: priced.body}, outcomes=10)
    assert (later.body["cost"]["lost"], later.body["cost"]["sure"], later.body["last"]) == (40.0, True, (T0 + 3 * DAY).isoformat())
    assert (later.key, later.body["opened"]) == (priced.key, priced.body["opened"])


def test_an_alert_that_an_earlier_loopline_priced_is_kept_up_to_date() -> None:
    body = bring("!!", outcomes=10)[0].body
    priced = {name: body["cost"][name] for name in ("per_decision", "promised", "lost", "outcomes")}
    assert bring("!!", {ID: {**body, "cost": priced}}, outcomes=10) == []


def test_what_did_not_come_has_no_price() -> None:
    windows, _ = days("..!", outcomes=50)
    breach = Breach(monitor="volume", role="devops", says="only 9 rows came, 90 are usual", value=9, limit=50)
    told = alerts.episodes(windows, [{"volume": []}, {"volume": []}, {"volume": [breach]}])
    (made,) = alerts.drafts(told, {}, windows, PROMISE, currency="EUR", now=NOW)
    assert (made.body["says"], made.body["cost"]) == ("only 9 rows came, 90 are usual (since 2024-01-03)", None)


def test_one_outcome_is_no_sure_loss() -> None:
    (made,) = bring("!", outcomes=1)
    assert (made.body["cost"]["lost"], made.body["cost"]["low"], made.body["cost"]["sure"]) == (1.0, None, False)


def test_a_person_s_word_is_kept() -> None:
    opened = entry(bring("!")[0])
    acked = alerts.acknowledge(opened, by="ann", why="mine")
    assert states(bring("!!", {ID: acked.body})) == ["acknowledged"]
    *_, over = bring("!!...", {ID: acked.body})
    assert (over.body["state"], over.body["by"]) == ("resolved", "ann")
    closed = alerts.resolve(opened, by="ann", why="a season", until=(T0 + DAY).isoformat())
    assert bring("!!", {ID: closed.body}) == []
    (again,) = bring("!!!", {ID: closed.body})
    # Channels know an alert by its id and since when it lasts: of this one they have not heard.
    assert (again.body["state"], again.key) == ("open", (T0 + 2 * DAY).isoformat()) and again.key != closed.key
    assert bring("!!!", {ID: again.body}) == [] and states(bring("!!!...", {ID: again.body})) == ["resolved"]
    with pytest.raises(Mistake, match="acknowledged already"):
        alerts.acknowledge(entry(acked), by="bob", why="")
    with pytest.raises(Mistake, match="resolved already"):
        alerts.resolve(entry(closed), by="bob", why="", until=None)


def test_an_alert_that_the_windows_do_not_show_any_more_is_resolved() -> None:
    (gone,) = bring("....", {ID: bring("..!")[0].body})
    assert "computed anew" in gone.body["why"]
    (again,) = bring("..!.", {ID: gone.body})
    assert (again.body["state"], again.key) == ("open", gone.key)


def test_an_alert_whose_first_windows_turn_out_fine_is_the_same_one() -> None:
    opened = bring("!!!")[0]
    assert bring(".!!", {ID: opened.body}) == []
    (kept,) = bring(".!!!", {ID: opened.body})
    assert (kept.body["state"], kept.key) == ("open", opened.key)
    assert states(bring("....!!", {ID: opened.body})) == ["resolved", "open"]


def test_alerts_of_a_package_that_does_not_decide_any_more_are_resolved() -> None:
    recorded = {ID: bring("!")[0].body}
    assert alerts.superseded(recorded, "p") == []
    assert states(alerts.superseded(recorded, "q")) == ["resolved"]
    of_none = {ID: {**recorded[ID], "package": ""}}
    assert alerts.superseded(of_none, "q") == []


def test_what_lasted_when_a_package_was_replaced_lasts_again_when_it_comes_back() -> None:
    (opened,) = bring("....!")
    (gone,) = alerts.superseded({opened.subject: opened.body}, "q")
    (again,) = bring("....!", {gone.subject: gone.body})
    assert (again.subject, again.body["state"]) == (opened.subject, "open")
    assert bring("....!", {again.subject: again.body}) == []


def test_an_alert_is_found_by_the_beginning_of_its_id() -> None:
    newest = {"abc1": entry(bring("!")[0]), "abd2": entry(bring("!")[0])}
    assert alerts.find(newest, "abc") is newest["abc1"]
    for text in ("ab", "zz", ""):
        with pytest.raises(Mistake, match="alert"):
            alerts.find(newest, text)
