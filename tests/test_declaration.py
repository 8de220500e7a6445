from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from loopline.declaration import MomentText, RateText, Spec, figure, parse_duration, parse_rate, say_duration


@given(st.integers(1, 10_000), st.sampled_from(["s", "min", "h", "d", "w"]))
def test_a_duration_survives_being_said(amount, unit):
    span = parse_duration(f"{amount}{unit}")
    assert parse_duration(say_duration(span)) == span


@given(st.floats(-1e300, 1e300), st.sampled_from(["hour", "day", "year"]))
def test_a_rate_survives_being_said_with_its_thousands_and_powers(amount, period):
    rate = parse_rate(f"{amount!r} per {period}")
    assert parse_rate(str(rate)).amount == pytest.approx(amount, rel=1e-9)


@pytest.mark.parametrize(("text", "seconds"), [("15min", 900), ("2h", 7200), ("1d", 86400), ("1w", 604800), ("1.5h", 5400), ("90 s", 90)])
def test_durations_as_people_write_them(text, seconds):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "2", "h", "2 hours ago", "-2h", None])
def test_what_is_no_duration_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="such as 15min"):
        parse_duration(text)


def test_a_moment_is_before_or_after_a_column():
    moment = TypeAdapter(MomentText).validate_python("2h before sched_dep")
    assert (moment.offset_s, moment.column, str(moment)) == (-7200, "sched_dep", "2h before sched_dep")


@pytest.mark.parametrize(("text", "per_year"), [("400000 per year", 400_000), ("1,000 per month", 12_000), ("2 a day", 730.5)])
def test_a_rate_per_year(text, per_year):
    assert TypeAdapter(RateText).validate_python(text).per_year == pytest.approx(per_year)


def test_an_unknown_field_is_refused():
    class Point(Spec):
        x: int

    with pytest.raises(ValidationError):
        Point.model_validate({"x": 1, "y": 2})


def test_fields_are_plain_values_of_just_the_named_fields():
    class Trip(Spec):
        start: MomentText
        rate: RateText
        note: str = ""

    assert Trip.model_validate({"start": "1d after t", "rate": "3 per day"}).fields("start") == {"start": "1d after t"}


@given(st.floats(1e-11, 0.4), st.sampled_from([-1, 1]), st.sampled_from([-1, 1]))
def test_a_number_that_is_not_1_is_never_said_as_1(off, side, sign):
    said = figure(sign * (1 + side * off))
    assert abs(float(said)) != 1 and float(said) == pytest.approx(sign * (1 + side * off), rel=5e-4)


@pytest.mark.parametrize(
    ("value", "said"), [(1.0, "1"), (1 + 1e-15, "1"), (0.9999998, "0.9999998"), (1.00003, "1.00003"), (-0.99996, "-0.99996"), (0.9994, "0.9994")]
)
def test_a_number_near_1_keeps_the_digits_that_tell_it_from_1(value, said):
    assert figure(value) == said
