from datetime import datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.charter.spec import CharterSpec
from loopline.data.outcome import Target
from loopline.data.proposals.infer import draft
from loopline.data.proposals.traffic import class_to_act_on, traffic


def table(days, *, per_day, every=3):
    at = [datetime(2024, 1, 1) + timedelta(days=day, minutes=number) for day in range(days) for number in range(per_day(day))]
    return pl.DataFrame(
        {"at": at, "x": [number % 7 for number in range(len(at))], "bought": ["yes" if number % every == 0 else "no" for number in range(len(at))]}
    )


def counted(rows, target="bought", **more):
    return traffic(rows, draft(rows, target, **more))


def test_the_volume_is_a_range_over_the_whole_months():
    found = counted(table(200, per_day=lambda day: 2 if day < 91 else 4))
    low, high = CharterSpec(predict="y", volume=found.said["volume"]).volume.amount.ends[::2]
    assert (low, high) == (2, 4)
    assert found.span.days == 199


def test_months_in_which_nothing_came_are_counted_and_the_middle_is_that_of_a_year():
    season = table(3 * 365, per_day=lambda day: 12 if day % 365 >= 243 else 0)
    volume = CharterSpec(predict="y", volume=counted(season).said["volume"]).volume
    assert volume.amount.low == 0
    assert volume.per_year == pytest.approx(12 * 122, rel=0.01)
    steady = table(300, per_day=lambda day: 12)
    assert counted(steady).said["volume"] == "12 per day"


def test_less_than_one_a_day_is_counted_by_the_month():
    assert counted(table(400, per_day=lambda day: int(day % 4 == 0))).said["volume"].endswith("per month")


def test_without_a_time_nothing_is_said_of_the_volume_and_the_share_has_the_interval_of_its_rows():
    found = counted(table(60, per_day=lambda day: 5).drop("at"))
    assert "volume" not in found.said
    assert found.span is None
    share = CharterSpec(predict="y", study={"happens": found.said["happens"]}).study.happens
    assert share.low < 1 / 3 < share.high
    assert share.high - share.low < 0.1


def test_numbers_have_a_spread_and_the_error_of_the_same_number_for_all():
    rows = table(200, per_day=lambda day: 3).with_columns(units=pl.col("x") * 10.5)
    found = counted(rows, "units", task="regression")
    assert "happens" not in found.said
    assert float(found.said["constant"]) == pytest.approx(18, abs=0.5)


@given(st.lists(st.sampled_from(["yes", "no"]), min_size=60, max_size=90).filter(lambda said: len(set(said)) == 2))
def test_the_share_that_was_seen_lies_in_what_is_said_of_it(said):
    found = counted(pl.DataFrame({"x": range(len(said)), "bought": said}))
    share = CharterSpec(predict="y", study={"happens": found.said["happens"]}).study.happens
    assert share.low <= said.count("yes") / len(said) <= share.high


@pytest.mark.parametrize(
    ("classes", "positive", "turned", "usual", "acts_on"),
    [
        (("no", "yes"), "yes", False, False, "yes"),
        (("no", "yes"), "yes", True, True, "no"),
        (("1", "2"), "2", True, True, "1"),
        (("1", "2"), "2", False, False, "2"),
    ],
)
def test_acting_is_right_for_the_class_that_the_kind_of_problem_says(classes, positive, turned, usual, acts_on):
    target = Target("y", "binary", classes, positive)
    assert class_to_act_on(target, {classes[0]: 0.7, classes[1]: 0.3}, turned=turned, usual=usual) == acts_on
