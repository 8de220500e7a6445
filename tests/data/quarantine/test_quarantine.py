"""Rows of the quarantine have names, states and reasons, and every record of a batch is somewhere, whatever is done."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from loopline.data.formats.reading import Chunk, Refusal
from loopline.data.ingest import ingest_file
from loopline.data.quarantine.discards import discard
from loopline.data.quarantine.mending import mend
from loopline.data.quarantine.quarantine import QUARANTINE, Filter, balances, found, id_of, listing, move, one, rows, rows_of
from loopline.data.quarantine.replay import replay
from loopline.errors import Mistake
from loopline.ledger.entry import Draft, now
from tests.data.conftest import opened, visits

BAD = {4: "4,99,no", 7: "7,two,no", 9: "9,1"}


@pytest.fixture
def batch(room):
    return ingest_file(room.workspace, room.data, room.write("visits.csv", visits(1, 20, BAD)))["batch"]


def test_records_become_rows_with_what_came_and_why(room):
    chunk = Chunk(pl.DataFrame({"a": ["1", "2"], "__line": [2, 4]}), (Refusal(3, "x", ("too few",)),), lambda places: ["1", "2"][places[0] :])
    reasons = pl.DataFrame([(4, ["a is odd"]), (3, ["too few"])], schema={"line": pl.Int64, "reasons": pl.List(pl.String)}, orient="row")
    made = rows_of(chunk, reasons, table="t", batch="b", source="f", time=now())
    assert made.select("table", "batch", "source", "line", "raw", "reasons", "state", "cells").rows() == [
        ("t", "b", "f", 3, "x", ["too few"], "refused", None),
        ("t", "b", "f", 4, "2", ["a is odd"], "refused", '{"a":"2"}'),
    ]


def test_a_row_is_found_by_the_beginning_of_its_batch_and_its_line(room, batch):
    assert id_of(batch, 5) == f"{batch[:8]}:5"
    assert one(room.tables, room.data, id_of(batch, 5))["raw"] == "4,99,no"
    assert one(room.tables, room.data, f"{batch}:5", table="visits")["line"] == 5
    with pytest.raises(Mistake, match="has the id"):
        one(room.tables, room.data, f"{batch[:8]}:6")
    for wrong in ("5", "xyz:5", f"{batch[:8]}:", f"{batch[:8]}:five"):
        with pytest.raises(Mistake, match="write it as BATCH:LINE"):
            one(room.tables, room.data, wrong)


def test_one_delivery_to_two_tables_gives_one_id_twice(room, batch):
    room.sources["copies"] = {"path": "copies*.csv", "contract": {"pages": {"type": "integer", "max": 8}}}
    ingest_file(room.workspace, room.data, room.folder / "visits.csv", table="copies")
    with pytest.raises(Mistake, match="could be 2 rows.*--table"):
        one(room.tables, room.data, id_of(batch, 5))
    assert one(room.tables, room.data, id_of(batch, 10), table="copies")["table"] == "copies"


def test_rows_are_chosen_by_table_batch_reason_and_state(room, batch):
    def lines(**chosen):
        return found(room.tables, room.data, Filter(**chosen))["line"].to_list()

    assert lines() == [5, 8, 10]
    assert lines(reason="ABOVE 8") == [5]
    assert lines(batch=batch[:5], states=("refused",)) == [5, 8, 10]
    assert lines(batch="0000") == lines(states=("merged",)) == []
    assert lines(reason=".*") == []
    with pytest.raises(Mistake, match="the sources are: visits"):
        lines(table="vists")


def test_a_listing_counts_by_batch_and_reason_and_balances(room, batch):
    shown = listing(room.workspace, room.data, Filter(), limit=2)
    assert (shown.rows, len(shown.shown), shown.shown[0]["id"]) == (3, 2, id_of(batch, 5))
    assert shown.reasons == {"pages is above 8": 1, "pages is not a whole number": 1, "too few fields for the header": 1}
    assert {(group["reason"], group["rows"]) for group in shown.groups} == {(reason, 1) for reason in shown.reasons}
    (even,) = shown.batches
    assert (even.read, even.accepted, even.refused, even.is_even) == (20, 17, 3, True)


def test_rows_are_listed_in_the_order_of_their_files(room):
    room.write("visits-1.csv", visits(1, 60, {7: "7,x,no", 9: "9,99", 3: "3,y,no"}))
    room.run()
    shown = listing(room.workspace, room.data, Filter(table="visits"), limit=2)
    assert (shown.rows, shown.reasons) == (3, {"pages is not a whole number": 2, "too few fields for the header": 1})
    assert [(row["source"], row["line"], row["raw"]) for row in shown.shown] == [("visits-1.csv", 4, "3,y,no"), ("visits-1.csv", 8, "7,x,no")]


def test_an_empty_quarantine_is_listed(room):
    assert listing(room.workspace, room.data, Filter(table="visits")).rows == 0
    assert found(room.tables, room.data, Filter()).is_empty()


def test_rows_from_before_there_were_states_are_refused_and_can_be_mended(room, batch):
    old = rows(room.tables).select("table", "batch", "source", "line", "raw", "reasons", "time").collect()
    room.tables.replace(QUARANTINE, old)
    (entry,) = room.workspace.ledger.read(kinds=("batch",))
    body = {name: value for name, value in entry.body.items() if name not in ("columns", "about")}
    room.workspace.ledger.append(Draft(kind="batch", subject="visits", key=batch, body=body))
    assert rows(room.tables).select("state", "cells").unique().collect().rows() == [("refused", None)]
    done = mend(room.workspace, room.data, {("visits", batch, 5): {"pages": "3"}}, by="ann")
    assert done.would_enter == 1
    assert replay(room.workspace, room.data, Filter(), by="ann").accepted == 1
    assert room.refused()["state"].to_list() == ["replayed", None, None]


def test_moving_twice_under_one_version_moves_once(room, batch):
    for state in ("discarded", "merged"):
        changes = pl.DataFrame({"line": [5], "state": [state]})
        move(room.tables, "visits", batch, changes, name="once", version=7)
    assert room.refused().filter(line=5)["state"].item() == "discarded"


class Quarantine(RuleBasedStateMachine):
    """Anything that can be done to refused rows, in any order."""

    @initialize()
    def open(self):
        self.stack = ExitStack()
        place = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.room = self.stack.enter_context(opened(place))
        self.number, self.mode = 0, "append"
        self.deliver(["1,1,no", "2,x,no", "3"])

    def teardown(self):
        if hasattr(self, "stack"):
            self.stack.close()

    @rule(lines=st.lists(st.sampled_from(["1,2,no", "2,99,no", "3,x,no", "4,4,yes", "5", "6,6,no", ",1,no", '7,"1"2,no']), min_size=1, max_size=4))
    def deliver(self, lines):
        self.number += 1
        path = self.room.write(f"{self.number}.csv", "id,pages,bought\n" + "\n".join([*lines, f"{100 + self.number},1,no"]) + "\n")
        ingest_file(self.room.workspace, self.room.data, path)

    def any_row(self, draw, states):
        kept = rows(self.room.tables).filter(pl.col("state").is_in(states)).sort("batch", "line").select("table", "batch", "line").collect().rows()
        return draw.draw(st.sampled_from(kept)) if kept else None

    @rule(draw=st.data(), id=st.sampled_from(["", "1", "2", "8", "9"]), pages=st.sampled_from(["1", "99", "x"]))
    def mend(self, draw, id, pages):
        place = self.any_row(draw, ["refused", "merged"])
        if place:
            mend(self.room.workspace, self.room.data, {place: {"id": id, "pages": pages, "bought": "no"}}, by="ann")

    @rule(draw=st.data())
    def discard(self, draw):
        place = self.any_row(draw, ["refused", "merged"])
        if place:
            discard(self.room.workspace, self.room.data, Filter(ids=(f"{place[1]}:{place[2]}",)), by="bob", why="given up")

    @rule(chosen=st.sampled_from([Filter(), Filter(table="visits"), Filter(reason="above"), Filter(states=("discarded",))]))
    def replay(self, chosen):
        replay(self.room.workspace, self.room.data, chosen, by="ann")

    @precondition(lambda self: self.number > 1)
    @rule(most=st.sampled_from([8, 100]))
    def loosen(self, most):
        self.room.contract = {"pages": {"type": "integer", "max": most}}

    @invariant()
    def every_record_is_somewhere(self):
        if not hasattr(self, "room"):
            return
        kept = rows(self.room.tables).collect()
        every = balances(self.room.workspace.ledger, self.room.tables, ["visits"])
        there = self.room.rows()
        for batch in every:
            assert batch.owed or batch.is_even, batch
            if not batch.owed:
                assert there.filter(pl.col("__batch") == batch.batch).height == batch.accepted + batch.replayed
        assert there.select("__batch", "__line").is_unique().all()
        assert there["id"].is_unique().all()
        waiting = kept.filter(pl.col("state") != "replayed")
        assert there.join(waiting, left_on=["__batch", "__line"], right_on=["batch", "line"], how="semi").is_empty()


Quarantine.TestCase.settings = settings(max_examples=4, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck))
TestEveryRecordIsSomewhere = Quarantine.TestCase
