"""What differs between two versions: the same as comparing all rows in memory, however the table is cut into parts and files."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.data.edits.diff import diff
from loopline.errors import Mistake
from loopline.lake.place import Lake
from loopline.lake.tables import Tables


@pytest.fixture
def tables(tmp_path):
    return Tables(Lake(str(tmp_path)))


def rows(*cells):
    return pl.DataFrame(cells, schema={"id": pl.Int64, "v": pl.Float64, "name": pl.String}, orient="row")


def test_rows_that_came_went_and_changed_are_found_by_key(tables):
    tables.append("t", rows((1, 1.0, "a"), (2, 2.0, None), (3, 3.0, "c")))
    tables.append("t", rows((4, 4.0, "d")))
    tables.upsert("t", rows((2, 9.0, "b"), (5, 5.0, "e")), key=["id"])
    tables.delete("t", "id = 1")
    found = diff(tables, "t", 2, 4, key=["id"])
    assert (found.added, found.removed, found.changed, found.cells) == (1, 1, 1, {"v": 1, "name": 1})
    assert (found.came["id"].to_list(), found.went["id"].to_list()) == ([5], [1])
    assert found.changes == (({"id": 2}, {"v": (2.0, 9.0), "name": (None, "b")}),)
    back = diff(tables, "t", 4, 2, key=["id"])
    assert (back.added, back.removed, back.changed) == (1, 1, 1)
    assert diff(tables, "t", 3, 3, key=["id"]).is_empty


def test_hidden_columns_do_not_count(tables):
    tables.append("t", rows((1, 1.0, "a")).with_columns(__batch=pl.lit("x"), __line=2, __row=0))
    tables.replace("t", rows((1, 1.0, "a")).with_columns(__batch=pl.lit("y"), __line=7, __row=5))
    assert diff(tables, "t", 1, 2, key=["id"]).is_empty
    assert diff(tables, "t", 1, 2).is_empty


def test_columns_that_came_went_and_changed_their_type(tables):
    tables.append("t", rows((1, 1.0, "a")))
    tables.replace("t", pl.DataFrame({"id": [1], "v": [1], "more": [True]}))
    found = diff(tables, "t", 1, 2, key=["id"])
    assert (found.new_columns, found.lost_columns, found.retyped) == ({"more": "Boolean"}, {"name": "String"}, {"v": ("Float64", "Int64")})
    assert (found.added, found.removed, found.changed, found.is_empty) == (0, 0, 0, False)


def test_without_a_key_or_with_one_that_repeats_whole_rows_are_compared(tables):
    tables.append("t", rows((1, 1.0, "a"), (1, 1.0, "a"), (2, 2.0, "b")))
    tables.replace("t", rows((1, 1.0, "a"), (2, 3.0, "b"), (2, 2.0, "b")))
    for key in ((), ("id",)):
        found = diff(tables, "t", 1, 2, key=key)
        assert (found.key, found.added, found.removed, found.changed) == ((), 1, 1, 0)
        assert (found.came.rows(), found.went.rows()) == ([(2, 3.0, "b")], [(1, 1.0, "a")])


@pytest.mark.parametrize(("words", "what"), [(("u", 1, 2), "there is no table 'u'"), (("t", 1, 9), "no version 9"), (("t", 0, 1, "idd"), "did you mean 'id'")])
def test_what_is_not_there_is_told(tables, words, what):
    tables.append("t", rows((1, 1.0, "a")))
    with pytest.raises(Mistake, match=what):
        diff(tables, *words[:3], key=words[3:])


cells = st.tuples(st.integers(0, 30), st.sampled_from([0.0, 1.0, None]), st.sampled_from(["a", "b", None]))


@given(st.lists(cells, max_size=30), st.lists(cells, max_size=30), st.integers(1, 40), st.booleans())
@settings(max_examples=25)
def test_it_equals_a_comparison_in_memory(tmp_path_factory, one, other, part_rows, keyed):
    if keyed:
        one, other = (list({row[0]: row for row in side}.values()) for side in (one, other))
    tables = Tables(Lake(str(tmp_path_factory.mktemp("diff"))))
    tables.append("t", rows(*one))
    tables.replace("t", rows(*other))
    found = diff(tables, "t", 1, 2, key=["id"] if keyed else [], part_rows=part_rows)
    if keyed:
        left, right = {row[0]: row for row in one}, {row[0]: row for row in other}
        changed = [key for key in left.keys() & right.keys() if left[key] != right[key]]
        assert (found.added, found.removed, found.changed) == (len(right.keys() - left.keys()), len(left.keys() - right.keys()), len(changed))
        assert found.cells == {
            name: count for index, name in ((1, "v"), (2, "name")) if (count := sum(left[key][index] != right[key][index] for key in changed))
        }
    else:
        rest = list(other)
        gone = [row for row in one if row not in rest or rest.remove(row)]
        assert (found.added, found.removed) == (len(rest), len(gone))
