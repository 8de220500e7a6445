import json
from datetime import UTC, datetime

import polars as pl
import pytest

from loopline.data.formats.reading import Chunk, Refusal
from loopline.data.quarantine.mends import MENDS, SCHEMA, applied, corrections, keep, settle, taken_up, told


def said(*rows):
    texts = [(line, json.dumps(values), whole) for line, values, whole in rows]
    return pl.DataFrame(texts, schema={"line": pl.Int64, "values": pl.String, "whole": pl.Boolean}, orient="row")


def frame(**columns):
    count = len(next(iter(columns.values())))
    return pl.DataFrame({**columns, "__line": range(2, 2 + count)}, schema_overrides={"__line": pl.Int64})


def test_corrections_stand_in_place_of_cells_and_nothing_else_changes():
    before = frame(a=["1", "2", None], b=["x", "y", "z"])
    after = applied(before, said((3, {"a": "9", "b": None}, False), (99, {"a": "0"}, False)))
    assert after.rows() == [("1", "x", 2), ("9", None, 3), (None, "z", 4)]
    assert applied(before, None) is before
    assert applied(before, said((99, {"a": "0"}, False))) is before


@pytest.mark.parametrize(
    ("values", "given", "want"),
    [
        ([1, 2], "7", [7, 2]),
        ([1, 2], None, [None, 2]),
        ([1, 2], "seven", ["seven", "2"]),
        ([1.5, 2.0], "7", [7.0, 2.0]),
        ([True, False], "no", ["no", "false"]),
        ([datetime(2024, 1, 1), datetime(2024, 1, 2, 3)], "2024-05-05", ["2024-05-05", "2024-01-02 03:00:00"]),
    ],
)
def test_a_column_keeps_its_type_where_the_correction_can_be_read_so(values, given, want):
    assert applied(frame(a=values), said((2, {"a": given}, False)))["a"].to_list() == want


def test_columns_that_are_not_there_and_hidden_ones_are_passed_over():
    before = frame(a=["1"])
    assert applied(before, said((2, {"b": "1", "__line": "7"}, False))).equals(before)


def test_an_uncut_record_joins_the_others_in_its_place_with_its_own_text():
    raw = ["r2", "r4"]
    chunk = Chunk(
        pl.DataFrame({"a": [1, 2], "__line": [2, 4]}), (Refusal(3, "r3", ("too few",)), Refusal(5, "r5", ("too few",))), lambda at: [raw[p] for p in at]
    )
    after = taken_up(chunk, said((3, {"a": "7"}, True), (4, {"a": "8"}, False)))
    assert after.frame.rows() == [("1", 2), ("7", 3), ("8", 4)]
    assert after.raw([0, 1, 2]) == ["r2", "r3", "r4"]
    assert after.raw([2, 0]) == ["r4", "r2"]
    assert [item.line for item in after.refused] == [5]
    assert after.read == chunk.read


def test_a_mend_of_a_single_cell_does_not_make_a_record_of_one_that_could_not_be_cut():
    chunk = Chunk(pl.DataFrame({"a": ["1"], "__line": [2]}), (Refusal(3, "r3", ("too few",)),), lambda at: ["r2"] * len(at))
    assert taken_up(chunk, said((3, {"a": "7"}, False))).refused == chunk.refused


def test_later_mends_of_a_record_are_laid_over_earlier_ones(room):
    for values, whole in (({"a": "1", "b": "2"}, True), ({"b": None}, False)):
        place = ("batch", 3)
        keep(room.workspace, "visits", {place: values}, whole=frozenset([place] if whole else []), by="ann", why="")
    keep(room.workspace, "visits", {("other", 3): {"a": "9"}}, whole=frozenset(), by="ann", why="")
    (line, values, whole) = corrections(room.workspace, "visits", "batch").row(0)
    assert (line, json.loads(values), whole) == (3, {"a": "1", "b": None}, True)
    assert corrections(room.workspace, "visits", "none") is None
    assert corrections(room.workspace, "orders", "batch") is None


def test_the_ledger_says_who_mended_what_and_holds_no_value(room):
    entry = keep(room.workspace, "visits", {("batch", 3): {"a": "secret"}}, whole=frozenset(), by="ann", why="looked it up")
    assert (entry.kind, entry.actor, entry.body["rows"], entry.body["columns"], entry.body["why"]) == ("mend", "ann", 1, ["a"], "looked it up")
    assert "secret" not in json.dumps(dict(entry.body))
    assert keep(room.workspace, "visits", {}, whole=frozenset(), by="ann", why="") is None


def test_what_was_kept_and_not_entered_is_entered_later(room):
    keep(room.workspace, "visits", {("batch", 3): {"a": "1"}}, whole=frozenset(), by="ann", why="")
    late = pl.DataFrame([("visits", "batch", 4, '{"b": "2"}', False, "bob", "", datetime.now(UTC))], schema=SCHEMA, orient="row")
    room.tables.append(MENDS, late)
    for _ in range(2):
        settle(room.workspace, "visits")
        entries = room.workspace.ledger.read(kinds=("mend",))
        assert [(entry.actor, entry.body["columns"]) for entry in entries] == [("ann", ["a"]), ("bob", ["b"])]
    assert told(room.tables, "visits").height == 2
