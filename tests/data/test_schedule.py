"""The moments of schedules, with a clock that tests set: changes of the clock both ways, in several zones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from loopline.data.schedule import ONCE, asked, due, next_due, passed
from loopline.data.spec_source import ScheduleSpec, SourceSpec


def schedule(text: str) -> ScheduleSpec:
    return ScheduleSpec.model_validate(text)


def at(text: str, zone: str = "UTC", *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def moments(text: str, start: datetime, end: datetime) -> list[str]:
    """The moments between two, told in the schedule's own zone."""
    said, found, now = schedule(text), [], start
    while (now := next_due(said, now) or end) < end:
        found.append(now.astimezone(ZoneInfo(said.zone)).strftime("%d %H:%M %z"))
    return found


# Clocks go forward: Berlin on 2024-03-31 at 02:00, New York on 2024-03-10 at 02:00, Lord Howe (by half an hour) on 2024-10-06 at 02:00.
@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        ("30 2 * * * Europe/Berlin", "2024-03-30T12:00", ["31 03:00 +0200", "01 02:30 +0200"]),
        ("30 2 * * * America/New_York", "2024-03-09T12:00", ["10 03:00 -0400", "11 02:30 -0400"]),
        ("15 2 * * * Australia/Lord_Howe", "2024-10-05T12:00", ["06 02:30 +1100", "07 02:15 +1100"]),
        ("0 * * * * Europe/Berlin", "2024-03-30T23:30", ["31 01:00 +0100", "31 03:00 +0200", "31 04:00 +0200"]),
        ("30 2 * * * UTC", "2024-03-30T12:00", ["31 02:30 +0000", "01 02:30 +0000"]),
        ("30 2 * * * Asia/Tokyo", "2024-03-30T12:00", ["31 02:30 +0900", "01 02:30 +0900"]),
    ],
)
def test_an_hour_that_is_missing_comes_right_after_it(text: str, start: str, expected: list[str]) -> None:
    begin = at(start)
    assert moments(text, begin, begin + timedelta(days=3))[: len(expected)] == expected


# Clocks go back: Berlin on 2024-10-27 at 03:00, New York on 2024-11-03 at 02:00.
@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        ("30 2 * * * Europe/Berlin", "2024-10-26T12:00", ["27 02:30 +0200", "28 02:30 +0100"]),
        ("30 1 * * * America/New_York", "2024-11-02T12:00", ["03 01:30 -0400", "04 01:30 -0500"]),
        ("30 * * * * Europe/Berlin", "2024-10-26T23:45", ["27 02:30 +0200", "27 02:30 +0100", "27 03:30 +0100"]),
    ],
)
def test_an_hour_that_comes_twice_counts_once_where_it_is_named(text: str, start: str, expected: list[str]) -> None:
    begin = at(start)
    assert moments(text, begin, begin + timedelta(days=3))[: len(expected)] == expected


def test_in_the_second_of_two_equal_hours_what_came_in_the_first_has_passed() -> None:
    said = schedule("30 2 * * * Europe/Berlin")
    now = at("2024-10-27T02:40", "Europe/Berlin", fold=1)
    assert passed(said, now) == at("2024-10-27T02:30", "Europe/Berlin")
    assert next_due(said, now) == at("2024-10-28T02:30", "Europe/Berlin")
    early = at("2024-10-27T02:10", "Europe/Berlin", fold=1)
    assert next_due(said, early) == at("2024-10-28T02:30", "Europe/Berlin")


def test_a_moment_is_due_until_it_was_done_and_only_the_newest_is() -> None:
    said = schedule("0 6 * * * Europe/Berlin")
    assert due(said, None, at("2024-07-03T12:00")) == at("2024-07-03T04:00")
    assert due(said, at("2024-06-28T12:00"), at("2024-07-03T12:00")) == at("2024-07-03T04:00")
    assert due(said, at("2024-07-03T04:00"), at("2024-07-03T12:00")) is None
    assert due(said, at("2024-07-03T12:00"), at("2024-07-04T03:59:59")) is None
    assert due(said, at("2024-07-03T12:00"), at("2024-07-04T04:00")) == at("2024-07-04T04:00")


def test_the_moment_itself_has_passed_and_is_not_the_next() -> None:
    said = schedule("0 6 * * *")
    assert passed(said, at("2024-07-03T06:00")) == at("2024-07-03T06:00")
    assert passed(said, at("2024-07-03T05:59:59.999999")) == at("2024-07-02T06:00")
    assert next_due(said, at("2024-07-03T06:00")) == at("2024-07-04T06:00")
    assert passed(said, datetime(2024, 7, 3, 6)) == at("2024-07-03T06:00")


def test_rare_moments_are_found_far_back_and_far_ahead() -> None:
    said = schedule("0 0 29 2 *")
    assert passed(said, at("2027-06-01T00:00")) == at("2024-02-29T00:00")
    assert next_due(said, at("2027-06-01T00:00")) == at("2028-02-29T00:00")


def test_what_a_source_is_asked_for_changes_with_its_moments_only() -> None:
    source = SourceSpec.model_validate({"url": "sqlite:///shop.db", "table": "orders", "schedule": "*/15 * * * *"})
    assert asked(source, at("2024-07-03T06:14:59")) == asked(source, at("2024-07-03T06:00")) == "2024-07-03T06:00:00+00:00"
    assert asked(source, at("2024-07-03T06:15")) == "2024-07-03T06:15:00+00:00"
    assert asked(source.model_copy(update={"schedule": None}), at("2024-07-03T06:15")) == ONCE


@given(
    st.sampled_from(["30 2 * * *", "0 * * * *", "*/20 1-3 * * *", "15,45 2 * * SUN", "0 3 * * 7", "59 23 L * *", "5 0 1 */2 *", "*/7 * * * *"]),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "America/Havana", "Asia/Kolkata", "UTC"]),
    st.datetimes(datetime(2023, 1, 1), datetime(2026, 1, 1)),
)
def test_forwards_and_backwards_name_the_same_moments(cron: str, zone: str, moment: datetime) -> None:
    said = ScheduleSpec(cron=cron, zone=zone)
    now = moment.replace(tzinfo=UTC)
    newest, following = passed(said, now), next_due(said, now)
    assert newest is not None and following is not None
    assert newest <= now < following
    assert next_due(said, newest) == following
    assert passed(said, following) == following
    assert passed(said, following - timedelta(microseconds=1)) == newest


@given(st.text(alphabet="0123456789*/,-#LW @MONJA", max_size=20))
def test_whatever_is_written_is_a_schedule_or_one_plain_word_of_error(text: str) -> None:
    try:
        said = schedule(text)
    except ValidationError as error:
        assert all("\n" not in each["msg"] for each in error.errors())
    else:
        assert next(islice(CronSim(said.cron, datetime(2024, 1, 1)), 1)) is not None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("61 * * * *", "bad minute"),
        ("* * * *", "has 4 fields"),
        ("daily", "has 1 fields"),
        ("0 0 30 2 *", "bad day-of-month"),
        ("0 0 31 4,6 *", "bad day-of-month"),
        ("* * */20 * 1L", "never comes"),
        ("0 6 * * * Berlin", "no time zone"),
        ("0 0 6 * * *", "no time zone"),
        ("", "has 0 fields"),
    ],
)
def test_a_wrong_schedule_is_refused_where_it_is_declared(text: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        SourceSpec.model_validate({"path": "a.csv", "schedule": text})


def test_words_and_zones() -> None:
    assert str(schedule("@daily Asia/Tokyo")) == "0 0 * * * Asia/Tokyo"
    assert str(schedule("0 6 * * MON-FRI")) == "0 6 * * MON-FRI UTC"
    assert ScheduleSpec.model_validate(schedule("@hourly").model_dump(mode="json")) == schedule("@hourly")
