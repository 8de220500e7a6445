import polars as pl
import pytest

from loopline.data.ingest import ingest_file
from loopline.data.quarantine import relabels
from loopline.data.quarantine.mends import keep
from loopline.data.quarantine.relabels import relabel, settle
from loopline.errors import Mistake
from tests.data.conftest import visits
from tests.data.dying import Death, die


@pytest.fixture
def batch(room):
    room.contract = {"pages": {"type": "integer", "max": 8}, "bought": {"values": ["yes", "no"]}}
    return ingest_file(room.workspace, room.data, room.write("visits.csv", visits(1, 60)))["batch"]


def say(room, batch, line, **cells):
    return relabel(room.workspace, room.data, "visits", {(batch, line): cells}, by="ann", why="she called")


def test_an_outcome_is_changed_at_once_and_holds_in_a_later_check(room, batch):
    room.run()
    key, before = room.step().key, room.rows()
    entry = say(room, batch, 2, bought="yes")
    assert (entry.kind, entry.actor, entry.body["rows"], entry.body["columns"]) == ("relabel", "ann", 1, ["bought"])
    assert room.step().key != key
    after = room.rows()
    assert after.filter(id=1)["bought"].item() == "yes"
    assert after.filter(pl.col("id") != 1).equals(before.filter(pl.col("id") != 1))
    assert after.schema == before.schema
    room.contract = {"pages": {"type": "integer", "max": 9}}
    room.run()
    assert room.rows().filter(id=1)["bought"].item() == "yes"


def test_a_value_that_the_contract_refuses_is_told_and_nothing_changes(room, batch):
    version = room.tables.version("visits").version
    for cells, why in (({"bought": "maybe"}, "not one of the values"), ({"id": "5"}, "in the table already"), ({"pages": "x"}, "not a whole number")):
        with pytest.raises(Mistake, match=why):
            say(room, batch, 2, **cells)
    with pytest.raises(Mistake, match="did you mean 'bought'"):
        say(room, batch, 2, bougt="yes")
    with pytest.raises(Mistake, match="has no row"):
        say(room, batch, 999, bought="yes")
    assert room.tables.version("visits").version == version
    assert not room.tables.exists("mends")


def test_a_row_may_keep_its_key_and_two_may_change_at_once(room, batch):
    said = {(batch, 2): {"id": "1", "bought": "yes"}, (batch, 3): {"bought": "yes"}}
    assert relabel(room.workspace, room.data, "visits", said, by="ann", why="").body["rows"] == 2
    assert relabel(room.workspace, room.data, "visits", said, by="ann", why="") is None
    assert relabel(room.workspace, room.data, "visits", {}, by="ann", why="") is None


@pytest.mark.parametrize(("moment", "want"), [("keep", "no"), ("_enter", "yes")])
def test_what_a_killed_process_left_is_finished_or_forgotten(room, batch, monkeypatch, moment, want):
    monkeypatch.setattr(relabels, moment, die)
    with pytest.raises(Death):
        say(room, batch, 2, bought="yes")
    monkeypatch.undo()
    assert room.rows().filter(id=1)["bought"].item() == "no"
    for _ in range(2):
        settle(room.workspace, room.data, "visits")
        assert room.rows().filter(id=1)["bought"].item() == want
        assert [entry.kind for entry in room.workspace.ledger.read(kinds=relabels.KINDS)] == ["relabelling", "relabel"]


def test_a_mend_of_an_accepted_row_waits_for_the_next_check_where_its_batch_is_owed(room, batch, monkeypatch):
    room.run()
    monkeypatch.setattr(relabels, "_enter", die)
    with pytest.raises(Death):
        say(room, batch, 2, bought="yes")
    monkeypatch.undo()
    room.contract = {"pages": {"type": "integer", "max": 9}}
    room.run()
    assert room.rows().filter(id=1)["bought"].item() == "yes"
    assert keep(room.workspace, "visits", {}, whole=frozenset(), by="ann", why="") is None
