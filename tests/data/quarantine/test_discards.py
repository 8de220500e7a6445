import polars as pl
import pytest

from loopline.data.formats.reading import Chunk, Refusal
from loopline.data.ingest import ingest_file
from loopline.data.quarantine import discards
from loopline.data.quarantine.discards import discard, set_aside, settle, states_to_keep
from loopline.data.quarantine.quarantine import Filter
from loopline.errors import Mistake
from loopline.ledger.entry import now
from tests.data.conftest import visits
from tests.data.dying import Death, die

BAD = {4: "4,99,no", 7: "7,two,no", 9: "9,1"}


@pytest.fixture
def batch(room):
    return ingest_file(room.workspace, room.data, room.write("visits.csv", visits(1, 20, BAD)))["batch"]


def states(room):
    return dict(room.refused().select("line", "state").iter_rows())


def test_rows_are_discarded_with_author_and_reason_and_stay_there(room, batch):
    done = discard(room.workspace, room.data, Filter(reason="above"), by="bob", why=" a test booking ")
    assert (done.rows, dict(done.tables), len(done.entries)) == (1, {"visits": 1}, 1)
    assert states(room) == {5: "discarded", 8: "refused", 10: "refused"}
    row = room.refused().filter(line=5).row(0, named=True)
    assert (row["by"], row["why"], row["raw"]) == ("bob", "a test booking", "4,99,no")
    entry = room.workspace.ledger.get(done.entries[0])
    assert (entry.kind, entry.actor, entry.key, entry.body["rows"], entry.body["why"]) == ("discard", "bob", batch, 1, "a test booking")
    assert discard(room.workspace, room.data, Filter(reason="above"), by="bob", why="again").rows == 0


def test_a_discard_says_which_rows_and_why(room, batch):
    with pytest.raises(Mistake, match="a discard needs a reason"):
        discard(room.workspace, room.data, Filter(reason="above"), by="bob", why="  ")
    with pytest.raises(Mistake, match="nothing says which rows"):
        discard(room.workspace, room.data, Filter(), by="bob", why="all of it")
    with pytest.raises(Mistake, match="has the id"):
        discard(room.workspace, room.data, Filter(ids=(f"{batch[:8]}:6",)), by="bob", why="x")


def test_a_discard_that_was_said_is_carried_out_by_the_next_process(room, batch, monkeypatch):
    monkeypatch.setattr(discards, "move", die)
    with pytest.raises(Death):
        discard(room.workspace, room.data, Filter(reason="above"), by="bob", why="a test booking")
    monkeypatch.undo()
    assert states(room)[5] == "refused"
    for _ in range(2):
        settle(room.workspace, "visits")
        assert states(room) == {5: "discarded", 8: "refused", 10: "refused"}
    assert states_to_keep(room.workspace, "visits", batch)["line"].to_list() == [5]
    assert states_to_keep(room.workspace, "visits", "another") is None


def test_discarded_records_are_set_aside_before_the_contract_sees_them():
    frame = pl.DataFrame({"a": ["1", "2", "3"], "__line": [2, 4, 6]})
    chunk = Chunk(frame, (Refusal(3, "r3", ("x",)), Refusal(5, "r5", ("x",))), lambda places: [f"r{frame['__line'][place]}" for place in places])
    kept = pl.DataFrame([(4, ["odd"], "bob", "why", now()), (5, ["few"], "bob", "why", now())], schema=discards._KEPT, orient="row")
    rest, aside = set_aside(chunk, kept, table="t", batch="b", source="f", time=now())
    assert (rest.frame["__line"].to_list(), [item.line for item in rest.refused], rest.raw([1])) == ([2, 6], [3], ["r6"])
    assert aside.select("line", "raw", "cells", "reasons", "state", "by").rows() == [
        (4, "r4", '{"a":"2"}', ["odd"], "discarded", "bob"),
        (5, "r5", None, ["few"], "discarded", "bob"),
    ]
    assert rest.read + aside.height == chunk.read
    same, nothing = set_aside(chunk, kept.with_columns(line=pl.lit(99, pl.Int64)), table="t", batch="b", source="f", time=now())
    assert same is chunk
    assert nothing.is_empty()
