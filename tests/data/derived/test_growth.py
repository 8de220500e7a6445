import polars as pl

from loopline.data.derived.growth import held, new_rows
from loopline.lake.place import Lake
from loopline.lake.tables import Tables


def rows(first, last):
    return pl.DataFrame({"a": list(range(first, last)), "__row": list(range(first, last))}, schema={"a": pl.Int64, "__row": pl.Int64})


def look(tables):
    now = tables.version("t")
    return held(tables, "t", {"id": now.id, "version": now.version})


def test_added_rows_are_told_apart_and_changed_ones_are_never_taken_for_added_ones(tmp_path):
    tables = Tables(Lake(str(tmp_path)))
    tables.replace("t", rows(0, 0))
    empty = look(tables)
    assert (empty.rows, empty.last) == (0, -1)
    tables.append("t", rows(0, 3))
    three = look(tables)
    assert new_rows(tables, "t", empty.plain(), three).collect().height == 3
    tables.append("t", rows(3, 5))
    five = look(tables)
    assert new_rows(tables, "t", three.plain(), five).collect()["a"].to_list() == [3, 4]
    assert new_rows(tables, "t", five.plain(), five).collect().height == 0
    tables.append("t", rows(1, 2))
    assert new_rows(tables, "t", five.plain(), look(tables)) is None
    tables.delete("t", "a = 0")
    assert new_rows(tables, "t", five.plain(), look(tables)) is None
    before = look(tables)
    tables.replace("t", rows(0, 9))
    assert new_rows(tables, "t", before.plain(), look(tables)) is None
    assert new_rows(tables, "t", {**before.plain(), "id": "another"}, before) is None
    assert before.is_version({"id": before.id, "version": before.version})
