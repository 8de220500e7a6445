"""Cleaning: what each step does to texts and to typed values, what it must never do, and what is said of it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from loopline.data.cleaning.cleaning import SAMPLES, Cleaned, Sample, clean, counts, declared, merged, planned
from loopline.data.spec import LINE, ColumnSpec
from loopline.data.spec_cleaning import Cleaning
from loopline.errors import Mistake

NULLS = ("", "NA", "N/A", "nan", "NaN")
STEPS: TypeAdapter[Any] = TypeAdapter(Cleaning)


def cleaned(values: list[Any], steps: Any, **others: list[Any]) -> Cleaned:
    return clean(pl.DataFrame({"x": values, **others}, strict=False), {"x": STEPS.validate_python(steps)}, nulls=NULLS)


@pytest.mark.parametrize(
    ("steps", "came", "became"),
    [
        ("trim", [" a ", "b", None, "\u00a0c\t"], ["a", "b", None, "c"]),
        ("squeeze", ["a  b", " c\t\nd ", "e f"], ["a b", "c d", "e f"]),
        ("lower", ["Ab", "N/A"], ["ab", "N/A"]),
        ("upper", ["Straße", "nan"], ["STRASSE", "nan"]),
        ("title", ["o'neill", "NEW YORK"], ["O'Neill", "New York"]),
        ({"unicode": "NFC"}, ["e\u0301", "e"], ["\u00e9", "e"]),
        ("percent", ["5 %", "5.6%", "1,250 %", "0.05", "x%", "-3%", "\u22123 %"], ["0.05", "0.056", "12.5", "0.05", "x%", "-0.03", "-0.03"]),
        ({"round": 3}, ["0.055999999999999994", "1.5", "12", "x", "2.0004"], ["0.056", "1.5", "12", "x", "2"]),
        ({"nulls": ["-999", "none"]}, ["-999", " none ", "5", None], [None, None, "5", None]),
        ({"map": {"usa": "US", "N/A": "none", "?": None, "t": True, "1": 1.0}}, ["usa", "N/A", "?", "USA", "t", "1"], ["US", "none", None, "USA", "true", "1"]),
        ({"replace": {"pattern": "([a-z]+)-(\\d+)", "by": "$2x$1"}}, ["ab-12", "AB"], ["12xab", "AB"]),
        ({"replace": {"pattern": "a"}}, ["banana", "NaN", "nan"], ["bnn", "NaN", "nan"]),
        ({"pad": 5}, ["501", "02134", "123456", "A1", None], ["00501", "02134", "123456", "A1", None]),
        ({"clip": [0, 100]}, ["5", "500", "-3.5", "x", "5.0"], ["5", "100", "0", "x", "5.0"]),
        ({"clip": [None, 100]}, ["500", "-3.5"], ["100", "-3.5"]),
        ({"null_outside": [0, 100]}, ["5", "500", "x", "N/A"], ["5", None, "x", "N/A"]),
        ({"fill": 0}, ["", "N/A", " ", None, "5"], ["0", "0", "0", "0", "5"]),
        ({"upper": True, "only": "^[a-z]$"}, ["a", "ab"], ["A", "ab"]),
        (["trim", {"map": {"m": "male"}}, "upper"], [" m", "f"], ["MALE", "F"]),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_step_changes_what_it_says_and_nothing_else(steps: Any, came: list[Any], became: list[Any]) -> None:
    assert cleaned(came, steps).frame["x"].to_list() == became


UNITS = {"units": {"kg": 1, "g": 0.001, "US$": 2, "€": 3, "fl oz": 30}}


@pytest.mark.parametrize(
    ("came", "became"),
    [
        ("12.0 kg", "12"),
        ("0.50kg", "0.5"),
        ("100 KG.", "100"),
        ("1,250 g", "1.25"),
        ("1'250 g", "1.25"),
        ("1e3 g", "1"),
        ("\u22125 g", "-0.005"),
        ("US$ 1,000.50", "2001"),
        ("-€4", "-12"),
        ("2 FL  oz", "60"),
        ("12345678901234567890 kg", "12345678901234567890"),
        # What is not known is not guessed: the contract sees it as it came.
        ("3 lb", "3 lb"),
        ("1,5 kg", "1,5 kg"),
        ("1.234,5 kg", "1.234,5 kg"),
        ("12 kg or so", "12 kg or so"),
        ("kg", "kg"),
        ("5", "5"),
        ("N/A", "N/A"),
    ],
)
def test_units_are_read_or_left_alone(came: str, became: str) -> None:
    assert cleaned([came, "1 kg"], UNITS).frame["x"].to_list() == [became, "1"]


def test_units_that_differ_by_case_are_told_apart() -> None:
    assert cleaned(["1M", "1m"], {"units": {"M": 1e6, "m": 1e-3}}).frame["x"].to_list() == ["1000000", "0.001"]


def test_a_number_without_a_unit_means_what_is_declared_of_it() -> None:
    assert cleaned(["5", "6 k"], {"units": {"": 2, "k": 1000}}).frame["x"].to_list() == ["10", "6000"]


@pytest.mark.parametrize(
    ("sign", "came", "became"),
    [
        (",", "1.234,5", "1234.5"),
        (",", "-1,5", "-1.5"),
        (",", "1.234", "1234"),
        (",", "12 345,67 €", "12345.67 €"),
        (",", "1.5", "1.5"),
        (",", "2024-01-02", "2024-01-02"),
        (",", "1,2,3", "1,2,3"),
        (".", "1,234.5", "1234.5"),
        (".", "12,34,567", "1234567"),
        (".", "1,5", "1,5"),
        (".", "1,234 kg", "1234 kg"),
        (".", "12.50", "12.50"),
    ],
)
def test_decimal_signs(sign: str, came: str, became: str) -> None:
    assert cleaned([came], {"decimal": sign}).frame["x"].to_list() == [became]


@pytest.mark.parametrize(
    ("formats", "came", "became"),
    [
        (["%d/%m/%Y", "%m/%d/%Y"], "3/4/2024", "2024-04-03"),
        (["%m/%d/%Y", "%d/%m/%Y"], "3/4/2024", "2024-03-04"),
        (["%d/%m/%Y", "%m/%d/%Y"], "3/14/2024", "2024-03-14"),
        (["%d.%m.%y"], "1.2.69", "2069-02-01"),
        (["%d.%m.%y"], "1.2.70", "1970-02-01"),
        (["%Y-%m", "%b %Y"], "Mar 2024", "2024-03-01"),
        (["%d.%m.%Y"], "2024-05-01", "2024-05-01"),
        (["%d.%m.%Y"], "31.2.2024", "31.2.2024"),
        (["%d.%m.%Y"], "1.2.24", "1.2.24"),
        (["%d.%m.%Y %H:%M"], "1.3.2024 5:07", "2024-03-01 05:07:00"),
        (["%Y-%m-%dT%H:%M:%S.%f%#z"], "2024-03-01T05:00:00.25+02:00", "2024-03-01 03:00:00.250"),
        (["excel"], "45352", "2024-03-01"),
        (["excel"], "45352.5", "2024-03-01 12:00:00"),
        (["epoch_s"], "1700000000", "2023-11-14 22:13:20"),
        (["epoch_ms"], "1e300", "1e300"),
    ],
)
def test_dates_are_read_in_the_order_of_their_formats(formats: list[str], came: str, became: str) -> None:
    assert cleaned([came, "?", "N/A"], {"dates": formats}).frame["x"].to_list() == [became, "?", "N/A"]


def test_dates_are_written_as_is_said() -> None:
    assert cleaned(["4/1/14", "1/1/71"], {"dates": {"read": ["%y/%m/%d", "%m/%d/%y"], "write": "%-m/%-d/%y"}}).frame["x"].to_list() == ["1/14/04", "1/1/71"]


def test_another_column_fills_as_it_came() -> None:
    steps = {
        "state": STEPS.validate_python({"fill_from": {"column": "city", "pattern": " ([A-Z]{2})$"}}),
        "city": STEPS.validate_python({"replace": {"pattern": " [A-Z]{2}$"}}),
    }
    frame = pl.DataFrame({"city": ["Bend OR", "Gary", "Lyons CO"], "state": ["", "", "CO"]})
    for order in (steps, dict(reversed(steps.items()))):
        done = clean(frame, order, nulls=NULLS).frame
        assert done.to_dict(as_series=False) == {"city": ["Bend", "Gary", "Lyons"], "state": ["OR", "", "CO"]}


@pytest.mark.parametrize(
    ("steps", "came", "became"),
    [
        ({"clip": [0.5, 100]}, [5, 0, 500, None], [5, 1, 100, None]),
        ({"null_outside": [0, 100]}, [5.0, 500.0], [5.0, None]),
        ({"nulls": ["-999", "none"]}, [-999, 5], [None, 5]),
        ({"round": 1}, [1.25, float("nan")], [1.2, float("nan")]),
        ({"fill": 0}, [1.5, float("nan"), None], [1.5, 0.0, 0.0]),
        ({"fill": True}, [None, False], [True, False]),
        ({"fill": "2020-01-02"}, [None, dt.date(2024, 1, 1)], [dt.date(2020, 1, 2), dt.date(2024, 1, 1)]),
        ({"fill": "2020-01-02 03:04:05"}, [None, dt.datetime(2024, 1, 1)], [dt.datetime(2020, 1, 2, 3, 4, 5), dt.datetime(2024, 1, 1)]),
        ({"dates": "epoch_ms"}, [1389000000000, None], ["2014-01-06 09:20:00", None]),
        ({"fill_from": "y"}, [None, 1], [7, 1]),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_typed_values_are_cleaned_too(steps: Any, came: list[Any], became: list[Any]) -> None:
    done = cleaned(came, steps, y=[7] * len(came))
    assert pl.Series(done.frame["x"]).equals(pl.Series("x", became, dtype=done.frame["x"].dtype), null_equal=True) or str(done.frame["x"].to_list()) == str(
        became
    )


@pytest.mark.parametrize(
    ("steps", "values", "says"),
    [
        ("trim", [1, 2], "trim is for texts"),
        ({"units": {"kg": 1}}, [1.5], "units is for texts"),
        ({"clip": [0, 1]}, [True], "clip is for texts"),
        ({"fill": "x"}, [1, None], "'x' cannot stand in a column of Int64"),
        ({"fill": 1, "only": "x"}, [1], "fill with only is for texts"),
        ({"dates": ["%d.%m.%Y"]}, [dt.date(2024, 1, 1)], "dates is for texts"),
        ({"dates": ["%Y %Q"]}, ["a"], "is no format of dates"),
        ({"dates": ["%d %Y"]}, ["a"], "says no month"),
        ({"dates": {"read": ["%d.%m.%Y"], "write": "%Q"}}, ["a"], "'%Q' is no format of dates"),
        ({"replace": {"pattern": "a(?=b)"}}, ["a"], "linear time"),
        ({"trim": True, "only": "a(?=b)"}, ["a"], "linear time"),
        ({"fill_from": "z"}, ["a"], "there is no column 'z'"),
        ("trim", [[1], [2]], "not single values"),
    ],
)
def test_a_step_without_meaning_is_one_line_that_names_the_field(steps: Any, values: list[Any], says: str) -> None:
    with pytest.raises(Mistake, match="data.contract.x.clean") as raised:
        cleaned(values, steps)
    assert says in str(raised.value)
    assert raised.value.remedy
    assert "\n" not in str(raised.value)


def test_a_column_that_is_not_there() -> None:
    with pytest.raises(Mistake, match="there is no column 'y'"):
        planned({"y": STEPS.validate_python("trim")}, {"x": pl.String()})


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ("polish", "no step of cleaning that stands alone"),
        ({"trim": True, "lower": True}, "does one thing"),
        ({"only": "a"}, "does one thing"),
        ({"clip": [1, 0]}, "swap them"),
        ({"clip": [None, None]}, "neither bound"),
        ({"units": {}}, "at least 1"),
        ({"units": {"kg": 0}}, "factor 0"),
        ({"decimal": ";"}, "'.' or ','"),
        ({"dates": ["day"]}, "no format of dates"),
        ({"dates": {"read": ["%d.%m.%Y"], "write": "day"}}, "no format of dates"),
        ({"replace": {"pattern": "("}}, "not a regular expression"),
        ({"replace": {"pattern": "(a)", "by": "\\1"}}, "write \\$1"),
        ({"replace": {"pattern": "(a)", "by": "$2"}}, "1 pairs of brackets"),
    ],
)
def test_a_wrong_declaration_is_refused(steps: Any, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        STEPS.validate_python(steps)


def test_a_format_beside_dates_that_are_written_as_iso_is_refused() -> None:
    with pytest.raises(ValidationError, match="take format out"):
        ColumnSpec.model_validate({"type": "date", "format": "%d.%m.%Y", "clean": {"dates": ["%d.%m.%Y"]}})
    ColumnSpec.model_validate({"type": "date", "format": "%d.%m.%Y", "clean": {"dates": {"read": ["%d/%m/%Y"], "write": "%d.%m.%Y"}}})


def test_a_declaration_survives_its_own_json() -> None:
    spec = ColumnSpec.model_validate({"clean": ["trim", UNITS, {"dates": ["%d.%m.%Y"]}, {"fill_from": "y"}, {"clip": [0, None]}]})
    assert ColumnSpec.model_validate(spec.model_dump(mode="json")) == spec


def test_what_was_done_is_told_by_column_and_step_with_samples_and_raw_values() -> None:
    frame = pl.DataFrame({"x": [" a", "b ", "c", " a", None], LINE: [2, 3, 4, 6, 7]})
    done = clean(
        frame,
        {
            "x": STEPS.validate_python(
                ["trim", "upper", {"map": {"C": "c"}}, {"fill": "-"}, {"replace": {"pattern": "q"}}, {"replace": {"pattern": "B", "by": "bb"}}]
            )
        },
    )
    assert done.frame["x"].to_list() == ["A", "bb", "c", "A", "-"]
    assert [(step.step, step.cells) for step in done.steps] == [("trim", 3), ("upper", 4), ("map", 1), ("fill", 1), ("replace", 0), ("replace 2", 1)]
    assert done.steps[0].samples == (Sample(2, " a", "a"), Sample(3, "b ", "b"))
    # Line 4 is as it came in the end; every other changed cell stands there once, as it came.
    assert done.cells.rows() == [(2, "x", " a"), (3, "x", "b "), (6, "x", " a"), (7, "x", None)]
    assert counts(done.steps) == {"x": {"trim": 3, "upper": 4, "map": 1, "fill": 1, "replace 2": 1}}


def test_a_source_cleans_its_texts_before_the_columns_clean_themselves() -> None:
    columns = {"a": pl.String(), "n": pl.Int64(), LINE: pl.Int64()}
    contract = {"a": ColumnSpec.model_validate({"clean": "lower"}), "n": ColumnSpec.model_validate({"clean": {"fill": 0}}), "none": ColumnSpec()}
    steps = declared(columns, STEPS.validate_python("trim"), contract)
    assert {name: [step.name for step in cleaning] for name, cleaning in steps.items()} == {"a": ["trim", "lower"], "n": ["fill"]}


def test_no_row_and_no_step_are_no_trouble() -> None:
    empty = pl.DataFrame({"x": []}, schema={"x": pl.String})
    assert clean(empty, {"x": STEPS.validate_python(["trim", UNITS, {"fill": "a"}])}).frame.height == 0
    assert clean(empty, {}).steps == ()
    assert clean(pl.DataFrame({"x": ["a"]}), {"x": ()}).cells.height == 0


words = st.one_of(st.none(), st.text(max_size=8), st.sampled_from([" a", "5 %", "1 kg", "N/A", "", "1.2.2024", "1,234.5", "7"]))
steps_drawn = st.lists(
    st.sampled_from(
        ["trim", "squeeze", "lower", "title", "percent", UNITS, {"decimal": "."}, {"dates": ["%d.%m.%Y"]}, {"fill": "x"}, {"nulls": ["7"]}, {"clip": [0, 3]}]
    ),
    min_size=1,
    max_size=4,
)


@given(st.lists(words, max_size=30), steps_drawn, st.integers(1, 29))
def test_chunks_give_what_the_whole_gives_and_every_change_can_be_undone(values: list[str | None], steps: list[Any], cut: int) -> None:
    frame = pl.DataFrame({"x": values, LINE: range(2, len(values) + 2)}, schema={"x": pl.String, LINE: pl.Int64})
    plan = planned({"x": STEPS.validate_python(steps)}, frame.schema, nulls=NULLS)
    whole, parts = plan.clean(frame), [plan.clean(frame[:cut]), plan.clean(frame[cut:])]
    assert pl.concat([part.frame for part in parts]).equals(whole.frame)
    assert [(step.step, step.cells) for step in merged(part.steps for part in parts)] == [(step.step, step.cells) for step in whole.steps]
    assert all(len(step.samples) <= SAMPLES for step in merged(part.steps for part in parts))
    raw = dict(whole.cells.select("line", "raw").iter_rows())
    assert [raw.get(line, now) for now, line in whole.frame.iter_rows()] == values
    assert sum(now != came for now, came in zip(whole.frame["x"], values, strict=True)) == whole.cells.height


@given(st.lists(st.sampled_from(["5 kg", "250 g", "3 lb", "x", "N/A", "1,5 kg"]), min_size=1, max_size=8))
def test_a_value_that_comes_often_is_worked_out_once_and_the_same(some: list[str]) -> None:
    few, many = cleaned(some, UNITS), cleaned(some * 500, UNITS)
    assert many.frame["x"].to_list() == few.frame["x"].to_list() * 500
    assert many.steps[0].cells == 500 * few.steps[0].cells


def test_many_rows_are_cleaned_side_by_side_and_the_same() -> None:
    steps = {"x": STEPS.validate_python(["trim", UNITS]), "y": STEPS.validate_python({"fill_from": "x"}), "z": STEPS.validate_python("lower")}
    small = pl.DataFrame({"x": [" 5 kg", "3 lb", None], "y": ["", "b", "NA"], "z": ["A", "a", "NA"], LINE: [2, 3, 4]})
    large = pl.concat([small] * 20_000)
    few, many = (clean(frame, steps, nulls=NULLS) for frame in (small, large))
    assert many.frame.equals(pl.concat([few.frame] * 20_000))
    assert counts(many.steps) == {column: {step: 20_000 * cells for step, cells in found.items()} for column, found in counts(few.steps).items()}
    assert many.cells.height == 20_000 * few.cells.height
