"""The ring tells where each stage stands from values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.charter.spec import CharterSpec
from loopline.ledger.entry import Draft
from loopline.ledger.state import fold
from loopline.sheet.ring import SIDE, place
from loopline.story import StageStatus
from loopline.value.month import month
from loopline.web.pages.live.windows import figures_of
from loopline.web.ring import LINE, Known, age, compact, ring
from tests.value.cases import PACKAGE, PRICED, T0, window
from tests.watch.world import entry_of

STAGES = ("charter", "data", "model", "release", "serve", "watch", "value")
CHARTER = CharterSpec.model_validate({"predict": "late", "worth": PRICED, "target": "120000 per year"})
WORTH = {"per_decision": 11.0, "baseline": 2.0, "gain": {"mean": 9.0}, "rule": "never act"}
SEARCHED = {"package": "abcdefgh12", "worth": WORTH}
IMPORTED = {"package": "beef567890", "worth": {**WORTH, "per_decision": 13.0, "gain": {"mean": 11.0}}}


def step(stage, name, facts, seq=1):
    return entry_of(Draft(kind="step", subject=stage, key=f"{seq}", body={"state": "succeeded", "name": name, "facts": facts}), seq, T0)


def told(*entries, states=None, at=T0 + timedelta(days=3), charter=CHARTER, **more):
    windows = more.pop("windows", [])
    known = Known(
        **{
            "charter": charter,
            "state": fold(entries),
            "delivery": None,
            "windows": windows,
            "open_alerts": 0,
            "month": month(windows, charter, at=at, confidence=0.9),
            "at": at,
            **more,
        }
    )
    statuses = [StageStatus(stage, (states or {}).get(stage, "done"), True, 0.0, "why", None) for stage in STAGES]
    return {stage.name: stage for stage in ring(statuses, known)}


def test_before_the_first_turn_every_stage_says_that_nothing_is_known_yet():
    found = told()
    assert [*found] == list(STAGES)
    assert {stage.number for stage in found.values()} == {"not known yet"}
    assert {stage.age for stage in found.values()} == {"never"}


def test_each_stage_tells_its_one_number():
    study = {"verdict": "go", "study": {"alternatives": [{"name": "model", "added": {"value": 4_630_895.0}}]}}
    batch = entry_of(Draft(kind="batch", subject="t", body={"accepted": 900, "quarantined": 3, "newest": "2024-01-01T00:00:00+00:00"}), 9, T0)
    champion = entry_of(Draft(kind="champion", subject="abcdefgh12", body={"why": "it passed"}), 5, T0)
    days = [window(0), window(1, rows=120, drift={"x": 0.05, "y": 0.3}, drift_limits={"x": 0.2, "y": 0.25})]
    found = told(step("charter", "study", study), step("model", "search", SEARCHED, 2), champion, delivery=batch, windows=days, open_alerts=1)
    assert {name: stage.number for name, stage in found.items()} == {
        "charter": "go, 4.63M USD",
        "data": "900 in, 3 out",
        "model": "11 USD",
        "release": "since 01 Jan 2024",
        "serve": "120 rows",
        "watch": "1 open alert",
        "value": "1,980 USD of 10.2k",
    }
    assert found["watch"].note == "worst drift y: 0.30, its limit is 0.25"
    assert found["model"].note == "per decision; +9 against never act"


def test_a_window_that_lies_ahead_is_one_that_rows_are_about_and_no_part_of_this_month():
    days = [window(day, latency_ms=None, estimated=None) for day in (0, 20)]
    days = [{**one, "worth": {**one["worth"], "low": None, "baseline": 0.0}} for one in days]
    soon, late = T0 + timedelta(days=3), T0 + timedelta(days=30)
    assert told(windows=days, at=late)["serve"].note.startswith("answered in the window of 2024-01-21;")
    assert told(windows=days, at=soon)["serve"].note.startswith("answered about 2024-01-21, which lies ahead;")
    assert [figures_of(days, PACKAGE, "USD", at=at)[0].note for at in (late, soon)] == ["window of 2024-01-21", "window of 2024-01-21, which lies ahead"]
    assert month(days, CHARTER, at=soon, confidence=0.9) == month(days[:1], CHARTER, at=soon, confidence=0.9)


def test_the_newest_delivery_is_told_as_it_came_beside_what_waits_now():
    batch = entry_of(Draft(kind="batch", subject="t", body={"accepted": 900, "quarantined": 3}), 9, T0)
    assert told(delivery=batch)["data"].note == "rows accepted and refused of the newest delivery, as it came"
    assert told(delivery=batch, refused=1)["data"].note.endswith("as it came; 1 refused row waits now")
    assert told(delivery=batch, refused=2)["data"].note.endswith("as it came; 2 refused rows wait now")


def test_beside_a_month_that_gains_stands_what_all_decisions_have_lost():
    assert told(windows=[window(0)], so_far={"added": -256_000.0})["value"].note == "added this month; all decisions so far: −256k USD"


def test_the_model_is_the_one_that_was_made_or_imported_last():
    found = told(step("model", "search", SEARCHED), step("model", "import", IMPORTED, 2))
    assert (found["model"].number, found["model"].note) == ("13 USD", "per decision; +11 against never act")
    assert told(step("model", "import", IMPORTED), step("model", "search", SEARCHED, 2))["model"].number == "11 USD"


def test_drift_is_told_from_the_newest_window_with_rows_enough_to_judge():
    judged = window(0, drift={"x": 0.1, "spend": 0.47}, drift_limits={"x": 0.2, "spend": 0.39})
    few = window(1, rows=3, drift={"x": 0.5, "spend": 0.6}, drift_limits={})
    assert told(windows=[judged])["watch"].note == "worst drift spend: 0.47, its limit is 0.39"
    assert told(windows=[judged, few])["watch"].note == ("worst drift spend: 0.47, its limit is 0.39, in the window of 2024-01-01; too few rows since to judge")
    assert told(windows=[few])["watch"].note == "too few rows yet to judge drift"
    assert told(windows=[window(0, drift={}, drift_limits={})])["watch"].note == "no drift is measured"


def test_while_two_packages_serve_ring_and_live_page_tell_the_same():
    champion = entry_of(Draft(kind="champion", subject=PACKAGE, body={"why": "it passed"}), 5, T0)
    more = {"latency_ms": None, "estimated": None, "hidden": 0, "drift_limits": {"x": 0.2}}
    both = [
        window(0, **more),
        window(1, rows=900, worth=5.0, drift={"x": 0.1}, **more),
        window(1, rows=100, worth=50.0, package="f" * 64, drift={"x": 0.9}, **more),
    ]
    worth = {"low": None, "high": None}
    found = told(champion, windows=both)
    shown = {one.name: one for one in figures_of([{**one, "worth": {**one["worth"], **worth}} for one in both], PACKAGE, "USD", at=T0 + timedelta(days=30))}
    assert found["serve"].number == "1,000 rows" and shown["Rows answered"].value == "1,000"
    assert found["serve"].note.endswith("2 refused") and shown["Refused"].note == "2 of 1,002 rows"
    assert found["watch"].note == "worst drift x: 0.10, its limit is 0.20"
    assert shown["Realised worth per decision"].value.startswith("5") and shown["Realised worth per decision"].note.startswith("of aaaaaaaa; ")
    assert shown["Outcomes that have come"].note == "1,000 of 1,000"


def test_a_charter_without_prices_makes_no_money():
    assert told(windows=[window(0)], charter=CharterSpec.model_validate({"predict": "late"}))["value"].note == "the charter has no prices"


def test_a_sum_that_is_an_estimate_says_how_much_of_it_is_one():
    said = {"method": "weighted", "worth": {"per_decision": 7.0, "low": 6.0, "high": 8.0, "silent": False}}
    awaited = window(1, outcomes=0, estimated=said)
    assert told(windows=[window(0), awaited])["value"].note == "added this month, in part estimated"
    at, whole = T0 + timedelta(days=3), [awaited]
    money = month(whole, CHARTER, at=at, confidence=0.9, without_model=2.0)
    assert told(windows=whole, month=money)["value"].note == "added this month, estimated"


def test_a_stage_that_stands_still_says_so():
    found = told(states={"release": "waiting", "model": "failed"})
    assert (found["release"].state, found["model"].state) == ("waiting", "failed")


@given(st.floats(-1e12, 1e12))
def test_a_number_for_little_room_is_short_and_right_to_three_digits(value):
    said = compact(value).replace("−", "-")
    factor = {"k": 1e3, "M": 1e6, "G": 1e9}.get(said[-1], 1.0)
    assert float(said.rstrip("kMG").replace(",", "")) * factor == pytest.approx(value, rel=0.006, abs=1e-12)
    assert len(said) <= 10 or abs(value) < 1e-3


@given(st.text(alphabet="ab ", min_size=1, max_size=40))
def test_a_number_on_two_lines_loses_nothing(number):
    stage = told()["charter"]
    lines = type(stage)(**{**vars(stage), "number": number}).lines
    assert " ".join(lines) == number and len(lines) == (2 if len(number) > LINE and " " in number else 1)


def test_the_stages_stand_apart_inside_the_drawing():
    middles = [place(at) for at in range(7)]
    assert all(76 <= way <= SIDE - 76 for middle in middles for way in middle)
    assert all(((x - u) ** 2 + (y - v) ** 2) ** 0.5 > 2 * 76 for at, (x, y) in enumerate(middles) for u, v in middles[:at])


def test_age_is_told_in_its_greatest_unit():
    now = datetime(2026, 3, 2, tzinfo=UTC)
    assert [age(now - timedelta(**ago), now) for ago in ({"seconds": 5}, {"minutes": 1}, {"days": 3}, {"days": 400})] == [
        "just now",
        "1 minute ago",
        "3 days ago",
        "1 year ago",
    ]


def test_a_year_is_told_above_what_the_target_counts_against():
    model = {"name": "model", "added": {"value": 30_600.0}, "above_constant": {"value": 295.7}}
    study = {"verdict": "no-go", "study": {"today": "nothing", "constant": "always", "alternatives": [model]}}
    found = told(step("charter", "study", study))["charter"]
    assert (found.number, found.note) == ("no-go, 296 USD", "a year is expected above “always act”")
    number = told(step("charter", "study", {**study, "task": "regression"}))["charter"]
    assert number.note == "a year is expected above “always say the same number”"
    study["study"]["constant"] = "nothing"
    assert told(step("charter", "study", study))["charter"].number == "no-go, 30.6k USD"
