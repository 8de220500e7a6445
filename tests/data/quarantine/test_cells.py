import json
from datetime import UTC, date, datetime

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.data.contract.contract import Terms, check
from loopline.data.quarantine.cells import cut, decoded, encoded, split
from loopline.data.spec import ColumnSpec

VALUES = st.fixed_dictionaries(
    {
        "whole": st.none() | st.integers(-(2**53), 2**53),
        "number": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "truth": st.none() | st.booleans(),
        "day": st.none() | st.dates(date(1000, 1, 1)),
        "moment": st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
        "text": st.none() | st.text(st.characters(exclude_categories=["Cs"])),
    }
)
SCHEMA = {"whole": pl.Int64, "number": pl.Float64, "truth": pl.Boolean, "day": pl.Date, "moment": pl.Datetime("us", "UTC"), "text": pl.String}
TYPES = {"whole": "integer", "number": "number", "truth": "boolean", "day": "date", "moment": "datetime", "text": "text"}


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(VALUES, min_size=1, max_size=5))
def test_the_contract_reads_the_same_values_from_the_texts(rows):
    frame = pl.DataFrame(rows, schema=SCHEMA)
    texts = decoded(encoded(frame), list(SCHEMA))
    terms = Terms({name: ColumnSpec(type=kind) for name, kind in TYPES.items()})
    full = pl.Series([any(value is not None for value in row.values()) for row in rows])
    kept = check(texts.filter(full), terms).accepted
    assert kept.rows() == frame.filter(full).rows()


def test_cells_are_one_object_of_texts_without_the_hidden_columns():
    frame = pl.DataFrame({"a": [1, None], "at": [datetime(2024, 5, 6), datetime(2024, 5, 6, 7, 8)], "__line": [2, 3]})
    assert [json.loads(text) for text in encoded(frame)] == [{"a": "1", "at": "2024-05-06"}, {"a": None, "at": "2024-05-06 07:08:00"}]
    assert encoded(frame.clear()).len() == 0


def test_a_raw_record_is_cut_where_it_has_as_many_fields_as_columns():
    assert cut("1;x,y", ["a", "b"]) == {"a": "1;x", "b": "y"}
    assert cut("1;x", ["a", "b"]) == {"a": "1", "b": "x"}
    assert cut("1,2,3", ["a", "b"]) is None
    assert cut('{"a": 1, "b": true}', ["a", "b", "c"]) == {"a": "1", "b": "true", "c": None}
    assert split('1,"x,y"') == ["1", "x,y"]
