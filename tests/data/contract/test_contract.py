import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.data.contract.contract import Terms, check
from loopline.data.spec import ColumnSpec
from loopline.errors import Mistake

NULLS = ("", "NA")


def checked(rows, columns=None, **more):
    specs = {name: ColumnSpec.model_validate(spec) for name, spec in (columns or {}).items()}
    return check(pl.DataFrame(rows), Terms(specs, nulls=NULLS, **more))


def reasons(found):
    return dict(found.refused.iter_rows())


@given(
    st.lists(
        st.fixed_dictionaries(
            {"id": st.sampled_from(["1", "2", "3", "", "x"]), "x": st.text("0123456789.-xNA ", max_size=4), "c": st.sampled_from(["a", "b", "", "zz"])}
        ),
        min_size=1,
        max_size=30,
    ),
    st.booleans(),
    st.lists(st.integers(1, 3), max_size=2),
)
def test_every_row_is_accepted_or_refused_with_a_reason(rows, strict, there):
    columns = {
        "id": {"type": "integer"},
        "x": {"type": "number", "min": 0, "max": 50, "severity": "refuse" if strict else "warn"},
        "c": {"type": "category", "values": ["a", "b"], "required": True},
    }
    found = checked(rows, columns, key=("id",), taken=pl.DataFrame({"id": pl.Series(there, dtype=pl.Int64)}))
    assert found.accepted.height + found.refused.height == len(rows)
    assert all(found.refused["reasons"].list.len() >= 1)
    assert found.refused["place"].is_unique().all()
    assert sum(found.reasons.values()) >= found.refused.height
    accepted = found.accepted["id"]
    assert accepted.is_unique().all()
    assert not set(accepted) & set(there)
    assert not accepted.null_count()


def test_a_row_is_told_all_its_reasons():
    found = checked(
        {"id": ["1", "1"], "age": ["30", "-5.5"], "code": ["AB", "abc"]},
        {"age": {"type": "integer", "min": 0}, "code": {"pattern": "[A-Z]{2}"}},
        key=("id",),
    )
    assert reasons(found) == {1: ["age is not a whole number", "code does not match [A-Z]{2}", "id repeats an earlier row"]}
    assert found.reasons == {"age is not a whole number": 1, "code does not match [A-Z]{2}": 1, "id repeats an earlier row": 1}
    assert found.accepted.to_dicts() == [{"id": 1, "age": 30, "code": "AB"}]


@pytest.mark.parametrize(
    ("column", "values", "bad"),
    [
        ({"type": "number", "min": 1, "max": 3}, ["1", "3", "0.9", "3.1", ""], {2: ["v is below 1"], 3: ["v is above 3"]}),
        ({"required": True}, ["a", "NA", " "], {1: ["v is missing"], 2: ["v is missing"]}),
        ({"type": "category", "values": ["a", 5, True]}, ["a", "5", "true", "b"], {3: ["v is not one of the values"]}),
        ({"type": "integer", "values": [1, 2]}, ["1", "2", "3"], {2: ["v is not one of the values"]}),
        ({"type": "text", "pattern": "a.c"}, ["abc", "xabc", "abcx"], {1: ["v does not match a.c"], 2: ["v does not match a.c"]}),
        ({"type": "integer", "unique": True}, ["1", "2", "1", "", ""], {2: ["v repeats an earlier row"]}),
        ({"type": "date", "format": "%d.%m.%Y"}, ["31.01.2024", "2024-01-31"], {1: ["v is not a date (%d.%m.%Y)"]}),
        ({"type": "boolean"}, ["yes", "perhaps"], {1: ["v is not true or false"]}),
    ],
)
def test_each_rule_refuses_what_breaks_it(column, values, bad):
    assert reasons(checked({"v": values, "other": ["1"] * len(values)}, {"v": column})) == bad


def test_what_only_warns_is_accepted_and_counted():
    found = checked({"v": ["1", "9", "x"]}, {"v": {"type": "integer", "max": 5, "severity": "warn"}})
    assert found.accepted["v"].to_list() == [1, 9]
    assert (found.warnings, found.reasons) == ({"v is above 5": 1}, {"v is not a whole number": 1})


def test_a_key_is_free_again_when_the_row_that_had_it_is_refused():
    found = checked({"id": ["1", "1", "1"], "x": ["bad", "2", "3"]}, {"x": {"type": "integer"}}, key=("id",))
    assert found.accepted.to_dicts() == [{"id": 1, "x": 2}]
    assert reasons(found) == {0: ["x is not a whole number"], 2: ["id repeats an earlier row"]}


def test_a_key_of_two_columns_is_one_key():
    found = checked({"a": ["1", "1", "1"], "b": ["x", "y", "x"]}, key=("a", "b"))
    assert reasons(found) == {2: ["a and b repeats an earlier row"]}


def test_an_empty_row_is_refused():
    assert reasons(checked({"a": ["1", ""], "b": ["x", "NA"]})) == {1: ["every cell is empty"]}


def test_columns_without_a_word_are_kept_with_the_type_that_fits():
    found = checked({"n": ["1", "2"], "t": ["x", "y"], "d": ["2024-01-01", ""]}, {"n": {"type": "number"}})
    assert found.types == {"n": "number", "t": "category", "d": "date"}
    assert found.accepted.schema == {"n": pl.Float64, "t": pl.String, "d": pl.Date}


@pytest.mark.parametrize(
    ("columns", "more", "says"),
    [
        ({"Price": {"type": "number"}}, {}, "did you mean 'price'"),
        ({}, {"key": ("pirce",)}, "did you mean 'price'"),
        ({}, {"time": "when"}, "the columns are: price, note"),
        ({"note": {"type": "text", "min": 3}}, {}, "no min or max"),
        ({"note": {"pattern": "(?=a)b"}}, {}, "look-around"),
        ({"note": {"type": "date", "format": "%Q"}}, {}, "is no format of a date"),
        ({"note": {"type": "datetime", "format": "%Y %H"}}, {}, "is no format of a date"),
        ({"price": {"type": "integer", "values": ["cheap"]}}, {}, "write values of its type"),
    ],
)
def test_a_contract_that_does_not_suit_the_columns_is_a_mistake(columns, more, says):
    with pytest.raises(Mistake) as caught:
        checked({"price": ["1", "2"], "note": ["a", "b"]}, columns, **more)
    assert says in str(caught.value)
