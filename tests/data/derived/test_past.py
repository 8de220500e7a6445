"""What was known at each moment, against a slow way to tell it: nothing from later, and nothing forgotten."""

import statistics
from datetime import date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from pydantic import ValidationError

from loopline.data.derived.lookups import known, look_up, settled
from loopline.data.derived.past import past
from loopline.data.moments import Lookup
from loopline.data.spec_past import PastSpec
from loopline.errors import Mistake

START = datetime(2026, 1, 1)
TAKES = ("mean", "sum", "count", "min", "max", "std")
WINDOWS = {"2h": timedelta(hours=2), "5h": timedelta(hours=5)}
STEPS = (1, 2, 3)
COLUMNS = {
    **{f"lag{step}": {"of": "value", "step": step} for step in STEPS},
    **{f"other{step}": {"of": "other", "step": step} for step in STEPS},
    **{f"{take}_{window}": {"of": "value", "take": take, "window": window} for take in TAKES for window in WINDOWS},
}
LATE = PastSpec.model_validate({"table": "t", "by": ["who"], "known": "3h after at", "after": "1h before at", "columns": COLUMNS})
EARLY = PastSpec.model_validate({"table": "t", "by": ["who"], "known": "1h before at", "after": "1h before at", "columns": COLUMNS})
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", None]),
        st.one_of(st.none(), st.integers(0, 40)),
        st.one_of(st.none(), st.integers(-5, 5).map(float), st.just(float("nan")), st.just(float("inf")), st.floats(-1e6, 1e6)),
        st.one_of(st.none(), st.sampled_from(["x", "y"])),
    ),
    max_size=25,
)


def frame(rows):
    schema = {"who": pl.String, "at": pl.Datetime("us"), "value": pl.Float64, "other": pl.String}
    return pl.DataFrame(
        [(who, None if at is None else START + at * timedelta(minutes=30), value, other) for who, at, value, other in rows], schema, orient="row"
    )


def looked_up(table, asked):
    """What a lookup finds in a table of the past, as training and batches look."""
    lookup = Lookup(name="past", table="past", keys=(("who", "who"),), as_of="known_at", moment="at", offset_us=-3_600_000_000)
    return look_up(asked, known(table.lazy(), settled(lookup, table.schema))).values


def told(rows, spec, who, moment):
    """The same, row by row: of the rows that were known at a moment."""
    early = spec is EARLY
    seen = []
    for other, at, value, text in rows.rows():
        if other is None or at is None or other != who:
            continue
        when = at - timedelta(hours=1) + timedelta(microseconds=1) if early else at + timedelta(hours=3)
        if when <= moment:
            seen.append((when, value if value is not None and abs(value) < float("inf") else None, text))
    seen.sort(key=lambda one: one[0])
    values, texts = [value for _, value, _ in seen if value is not None], [text for *_, text in seen if text is not None]
    answer = {f"lag{step}": values[-step] if len(values) >= step else None for step in STEPS}
    answer |= {f"other{step}": texts[-step] if len(texts) >= step else None for step in STEPS}
    for name, window in WINDOWS.items():
        inside = [value for when, value, _ in seen if value is not None and when > moment - window]
        figures = {
            "mean": statistics.fmean(inside) if inside else None,
            "sum": sum(inside) if inside else None,
            "count": len(inside) if seen else None,
            "min": min(inside, default=None),
            "max": max(inside, default=None),
            "std": statistics.stdev(inside) if len(inside) > 1 else None,
        }
        answer |= {f"{take}_{name}": figure for take, figure in figures.items()}
    return answer


@pytest.mark.parametrize("spec", [LATE, EARLY], ids=["known late", "known when decided on"])
@settings(max_examples=120)
@given(rows=ROWS, asked=ROWS)
def test_what_is_found_is_what_was_known_at_the_moment_and_nothing_else(spec, rows, asked):
    table, questions = frame(rows), frame(asked + rows)
    found = looked_up(past(table.lazy(), spec, where="here"), questions)
    for index, (who, at, *_) in enumerate(questions.rows()):
        given_ = found.row(index, named=True)
        if who is None or at is None:
            assert set(given_.values()) == {None}
            continue
        for name, expected in told(table, spec, who, at - timedelta(hours=1)).items():
            if name.startswith("count") and not expected:
                # Of somebody of whom nothing was ever known there is no row; of one whose values have all left the window there is one.
                assert not given_[name]
            elif isinstance(expected, float):
                assert given_[name] == pytest.approx(expected, rel=1e-9, abs=1e-3), name
            else:
                assert given_[name] == expected, name


@settings(max_examples=60)
@given(rows=ROWS, cut=st.integers(0, 40))
def test_what_comes_later_changes_nothing_before(rows, cut):
    table, moment = frame(rows), START + cut * timedelta(minutes=30)
    there = table.filter(pl.col("at") + timedelta(hours=3) <= moment)
    whole, part = (past(one.lazy(), LATE, where="here").filter(pl.col("known_at") <= moment) for one in (table, there))
    asked = frame([(who, cut + 2, None, None) for who in ("a", "b")])
    assert_frame_equal(*(looked_up(one, asked) for one in (whole, part)), rel_tol=1e-9, abs_tol=1e-3)


def test_a_row_that_is_known_before_it_is_decided_on_still_cannot_find_itself():
    spec = PastSpec.model_validate({"table": "t", "by": "who", "known": "done", "after": "at", "columns": {"last": {"of": "value", "step": 1}}})
    rows = pl.DataFrame({"who": ["a"], "at": [START], "done": [START - timedelta(days=1)], "value": [1.0]})
    assert past(rows.lazy(), spec, where="here")["known_at"].to_list() == [START + timedelta(microseconds=1)]


def test_entities_of_several_columns_dates_and_zones_are_told_apart():
    columns = {"last": {"of": "late", "step": 1}, "share": {"of": "late", "take": "mean", "window": "2d", "true": "yes"}}
    spec = PastSpec.model_validate({"table": "t", "by": ["who", "where"], "known": "1d after day", "columns": columns})
    days = [date(2026, 1, 1), date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 2)]
    rows = pl.DataFrame({"who": ["a", "a", "a", "b"], "where": [1, 2, 1, 1], "day": days, "late": ["yes", "no", "no", "yes"]})
    made = past(rows.lazy(), spec, where="here")
    found = made.filter(who="a", where=1).select("known_at", "last", "share").rows()
    second, third = datetime(2026, 1, 2), datetime(2026, 1, 3)
    assert found == [(second, "yes", 1.0), (third, "no", 0.5), (second + timedelta(days=2), "no", 0.0), (third + timedelta(days=2), "no", None)]
    zoned = rows.with_columns(day=pl.col("day").cast(pl.Datetime("ms")).dt.replace_time_zone("UTC"))
    assert_frame_equal(past(zoned.lazy(), spec, where="here"), made)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"by": ["whom"]}, "table 't' has no column 'whom'; did you mean 'who'"),
        ({"known": "1d after value"}, "column 'value', which tells when a row is known, holds no times"),
        ({"columns": {"m": {"of": "other", "take": "mean", "window": "1d"}}}, r"column 'other' holds texts, and mean wants numbers; say charter.positive"),
        ({"columns": {"m": {"of": "at", "take": "max", "window": "1d"}}}, "column 'at' holds Datetime.*, and max wants numbers"),
        ({"columns": {"m": {"of": "parts", "step": 1}}}, "column 'parts' holds List.*, of which nothing is told"),
    ],
)
def test_what_cannot_be_told_is_said(change, says):
    said = {"table": "t", "by": ["who"], "known": "at", "columns": {"last": {"of": "value", "step": 1}}, **change}
    rows = frame([("a", 1, 1.0, "x")]).with_columns(parts=pl.Series([[1]]))
    with pytest.raises(Mistake, match=says):
        past(rows.lazy(), PastSpec.model_validate(said), where="model.features.lags.0")


@pytest.mark.parametrize(
    ("column", "says"),
    [
        ({"of": "v"}, "a step back, or a figure over a window"),
        ({"of": "v", "take": "mean"}, "a step back, or a figure over a window"),
        ({"of": "v", "take": "mean", "window": "0d"}, "a window of no time holds nothing"),
    ],
)
def test_a_column_is_told_in_one_way(column, says):
    with pytest.raises(ValidationError, match=says):
        PastSpec.model_validate({"table": "t", "by": "who", "known": "at", "columns": {"c": column}})


def test_an_outlier_that_has_left_a_window_leaves_no_trace():
    columns = {"mean": {"of": "value", "take": "mean", "window": "2h"}}
    spec = PastSpec.model_validate({"table": "t", "by": "who", "known": "at", "columns": columns})
    values = [0.1, 1e300, -1e17, *(0.1 * number for number in range(50))]
    rows = pl.DataFrame({"who": ["a"] * len(values), "at": [START + timedelta(hours=number) for number in range(len(values))], "value": values})
    made = past(rows.lazy(), spec, where="here")["mean"].to_list()
    assert made[10:50] == pytest.approx([(values[number] + values[number - 1]) / 2 for number in range(10, 50)], rel=1e-12)


@pytest.mark.parametrize(
    "names",
    [
        [1, 2, 1],
        [0.5, -0.0, 0.5],
        [True, False, True],
        [date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 1)],
        pl.Series(["x", "y", "x"], dtype=pl.Categorical),
    ],
    ids=["whole", "real", "boolean", "date", "category"],
)
def test_an_entity_may_be_named_by_any_kind_of_key(names):
    columns = {"last": {"of": "value", "step": 1}, "before": {"of": "value", "step": 2}, "mean": {"of": "value", "take": "mean", "window": "1d"}}
    spec = PastSpec.model_validate({"table": "t", "by": "who", "known": "at", "columns": columns})
    rows = pl.DataFrame({"who": names, "at": [START, START, START + timedelta(hours=1)], "value": [1.0, 2.0, 4.0]})
    made = past(rows.lazy(), spec, where="here")
    assert made.filter(known_at=START + timedelta(hours=1)).select("last", "before", "mean").rows() == [(4.0, 1.0, 2.5)]
    assert made.filter(known_at=START).select("last", "before", "mean").sort("last").rows() == [(1.0, None, 1.0), (2.0, None, 2.0)]


def test_what_is_no_number_names_nobody():
    spec = PastSpec.model_validate({"table": "t", "by": "who", "known": "at", "columns": {"last": {"of": "value", "step": 1}}})
    rows = pl.DataFrame({"who": [float("nan"), None], "at": [START, START], "value": [1.0, 2.0]})
    assert past(rows.lazy(), spec, where="here").is_empty()
