from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.data.derived.lookups import known, look_up, require_fits, settled
from loopline.data.moments import Lookup
from loopline.errors import Mistake

START = datetime(2024, 1, 1)
MINUTE_US = 60_000_000


def lookup(**more):
    return Lookup(
        **{"name": "weather", "table": "weather", "keys": (("origin", "origin"),), "as_of": "hour", "moment": "due", "columns": {"temp": "temp"}, **more}
    )


def at(minutes):
    return None if minutes is None else START + timedelta(minutes=minutes)


minutes = st.one_of(st.none(), st.integers(0, 60))
texts = st.one_of(st.none(), st.sampled_from("AB"))
numbers = st.one_of(st.none(), st.integers(1, 3))


@st.composite
def tables(draw):
    """A main table, a table to look into, and a lookup, all of random shapes, with nulls, ties and empty tables."""
    rows = draw(st.lists(st.tuples(texts, numbers, minutes), max_size=12))
    facts = draw(st.lists(st.tuples(texts, numbers, minutes, st.one_of(st.none(), st.integers(0, 99))), max_size=25))
    main = pl.DataFrame([(o, n, at(m)) for o, n, m in rows], schema={"origin": pl.String, "number": pl.Int64, "due": pl.Datetime("us")}, orient="row")
    schema = {"origin": pl.String, "number": pl.Float64, "hour": pl.Datetime("us", "UTC"), "temp": pl.Int64}
    table = pl.DataFrame([(o, n and float(n), m if m is None else at(m).replace(tzinfo=UTC), v) for o, n, m, v in facts], schema=schema, orient="row")
    order = draw(st.permutations(range(len(facts))))
    table = table.with_columns(pl.Series("__row", order, dtype=pl.Int64))
    keys = draw(st.sampled_from([(("origin", "origin"),), (("origin", "origin"), ("number", "number")), (("number", "number"),)]))
    delay = draw(st.integers(0, 20))
    tolerance = draw(st.one_of(st.none(), st.integers(delay, 60)))
    offset = draw(st.integers(-20, 20))
    made = lookup(
        keys=keys,
        as_of=draw(st.sampled_from(["hour", "hour", None])),
        offset_us=offset * MINUTE_US,
        delay_us=delay * MINUTE_US,
        tolerance_us=None if tolerance is None else tolerance * MINUTE_US,
    )
    if made.as_of is None:
        made = lookup(keys=keys, as_of=None, moment=None)
    return main, table, made


def by_hand(row, table, made):
    """What is found for a row, by going through the whole table."""
    best = None
    for other in table.iter_rows(named=True):
        if any(row[ours] is None or row[ours] != other[theirs] for ours, theirs in made.keys):
            continue
        order = (0, other["__row"])
        if made.as_of is not None:
            if row["due"] is None or other["hour"] is None:
                continue
            time = other["hour"].replace(tzinfo=None)
            moment = row["due"] + timedelta(microseconds=made.offset_us)
            if time + timedelta(microseconds=made.delay_us) > moment:
                continue
            order = (time, other["__row"])
        if best is None or order > best[0]:
            best = (order, other)
    if best is None:
        return None
    if made.as_of is not None and made.tolerance_us is not None:
        moment = row["due"] + timedelta(microseconds=made.offset_us)
        if moment - best[0][0] > timedelta(microseconds=made.tolerance_us):
            return None
    return best[1]


@settings(max_examples=150)
@given(tables())
def test_what_is_found_is_what_going_through_the_whole_table_finds(drawn):
    main, table, made = drawn
    looked = look_up(main, known(table.lazy(), made))
    expected = [by_hand(row, table, made) for row in main.iter_rows(named=True)]
    assert looked.found.to_list() == [one is not None for one in expected]
    assert looked.values["temp"].to_list() == [None if one is None else one["temp"] for one in expected]
    if made.as_of is not None:
        assert looked.has_moment.to_list() == main["due"].is_not_null().to_list()


@settings(max_examples=60)
@given(tables(), st.integers(-100, 100))
def test_nothing_that_was_not_there_at_the_moment_ever_enters(drawn, noise):
    """Changing, adding or taking away what was known later than a row's moment changes nothing for the row."""
    main, table, made = drawn
    if made.as_of is None:
        return
    looked = look_up(main, known(table.lazy(), made))
    moments = main["due"].dt.epoch("us") + made.offset_us
    assert ((looked.as_of + made.delay_us <= moments).fill_null(True)).all()
    for place, moment in enumerate(moments):
        if moment is None:
            assert not looked.found[place]
            continue
        late = pl.col("hour").dt.epoch("us") + made.delay_us > moment
        for other in (table.filter(~late), table.with_columns(pl.when(late).then(noise).otherwise("temp").alias("temp"))):
            again = look_up(main[[place]], known(other.lazy(), made))
            assert again.values["temp"].to_list() == [looked.values["temp"][place]]


def test_dates_count_from_their_midnight():
    main = pl.DataFrame({"origin": ["A", "A"], "due": [date(2024, 1, 2), date(2024, 1, 1)]})
    table = pl.DataFrame({"origin": ["A"], "hour": [datetime(2024, 1, 1, 12)], "temp": [7]})
    assert look_up(main, known(table.lazy(), lookup())).values["temp"].to_list() == [7, None]


def test_without_the_moment_s_column_the_moment_is_now():
    table = pl.DataFrame({"origin": ["A"], "hour": [START], "temp": [7]})
    found_in = known(table.lazy(), lookup(tolerance_us=MINUTE_US))
    rows = pl.DataFrame({"origin": ["A"]})
    assert look_up(rows, found_in, now=START.replace(tzinfo=UTC)).values["temp"].to_list() == [7]
    assert look_up(rows, found_in, now=datetime(2025, 1, 1, tzinfo=UTC)).values["temp"].to_list() == [None]


def test_no_number_is_not_equal_to_itself_and_whole_numbers_are_exact():
    made = lookup(keys=(("n", "n"),), as_of=None, moment=None)
    table = pl.DataFrame({"n": [float("nan"), 1.0, 1.5, 2.0**60], "temp": [1, 2, 3, 4]})
    assert look_up(pl.DataFrame({"n": [float("nan"), 1.0, -0.0]}), known(table.lazy(), made)).values["temp"].to_list() == [None, 2, None]
    assert look_up(pl.DataFrame({"n": [1, 2**60, 2**60 + 1]}), known(table.lazy(), made)).values["temp"].to_list() == [2, 4, None]
    whole = pl.DataFrame({"n": [1, 2], "temp": [1, 2]})
    assert look_up(pl.DataFrame({"n": [1.0, 1.5, float("inf")]}), known(whole.lazy(), made)).values["temp"].to_list() == [1, None, None]


SCHEMA = pl.Schema({"origin": pl.String, "hour": pl.Datetime("us", "UTC"), "temp": pl.Float64, "sky": pl.String, "__row": pl.Int64})
MAIN = pl.Schema({"id": pl.Int64, "origin": pl.String, "due": pl.Datetime("us", "UTC"), "note": pl.String, "__row": pl.Int64})


def test_all_columns_but_keys_and_time_are_taken_where_none_is_named():
    assert settled(lookup(columns=None, prefix="w_"), SCHEMA).columns == {"temp": "w_temp", "sky": "w_sky"}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"columns": {"tmp": "tmp"}}, "table 'weather' has no column 'tmp'; did you mean 'temp'"),
        ({"as_of": "our"}, "no column 'our'; did you mean 'hour'"),
        ({"as_of": "sky"}, "column 'sky' of table 'weather' holds no times"),
        ({"keys": (("origin", "place"),)}, "no column 'place'"),
        ({"keys": (("place", "origin"),)}, "table 'flights' has no column 'place'"),
        ({"keys": (("id", "origin"),)}, "'id' is Int64 in flights and 'origin' String in weather, so that they are never equal"),
        ({"moment": "dew"}, "no column 'dew', which tells the moment; did you mean 'due'"),
        ({"moment": "note"}, "column 'note', which tells the moment, holds no times"),
        ({"columns": {"temp": "note"}}, "a column 'note' of its own; say prefix: weather_"),
        ({"columns": {"temp": "taken"}}, "another lookup gives a column 'taken' too"),
    ],
)
def test_a_lookup_that_does_not_fit_is_a_mistake_with_a_remedy(changes, says):
    with pytest.raises(Mistake) as caught:
        one = settled(lookup(**changes), SCHEMA)
        require_fits(one, MAIN, SCHEMA, name="flights", taken=["taken"])
    assert says in str(caught.value)
    assert caught.value.where.startswith("data.lookups.weather")


def test_a_table_of_keys_alone_has_nothing_to_find():
    with pytest.raises(Mistake, match="no column but its keys"):
        settled(lookup(columns=None), pl.Schema({"origin": pl.String, "hour": pl.Date, "__row": pl.Int64}))
