"""Refused rows, mended or under a looser contract, enter their table once; what a killed process left is finished or forgotten."""

import os
import signal
import subprocess
import sys
import textwrap

import polars as pl
import pytest

from loopline.data.edits.edits import Asked, restore
from loopline.data.history import history
from loopline.data.ingest import ingest_file
from loopline.data.quarantine.discards import discard, states_to_keep
from loopline.data.quarantine.mending import mend
from loopline.data.quarantine.quarantine import Filter, balances
from loopline.data.quarantine.replay import replay
from loopline.data.quarantine.settling import settle_all
from loopline.errors import Mistake
from loopline.ledger.entry import Draft
from tests.data.conftest import opened, visits

BAD = {4: "4,99,no", 7: "7,two,no", 9: "9,1", 11: ',3,"yes"'}


def deliver(room, name="visits.csv", first=1, last=20, changes=BAD):
    return ingest_file(room.workspace, room.data, room.write(name, visits(first, last, changes)))["batch"]


def say(room, batch, line, **cells):
    return mend(room.workspace, room.data, {("visits", batch, line): cells}, by="ann", why="looked it up")


def again(room, **chosen):
    return replay(room.workspace, room.data, Filter(**chosen), by="ann")


def states(room):
    return dict(room.refused().select("line", "state").iter_rows())


def even(room):
    return all(one.is_even for one in balances(room.workspace.ledger, room.tables, room.data.sources))


def test_a_mended_row_enters_with_its_batch_and_line_and_only_once(room):
    batch = deliver(room)
    told = say(room, batch, 5, pages="8")
    assert (told.rows, told.cells, told.would_enter) == (1, 1, 1)
    done = again(room)
    assert (done.rows, done.accepted, done.refused) == (1, 1, 0)
    assert again(room).rows == 0
    (row,) = room.rows().filter(pl.col("id") == 4).iter_rows(named=True)
    assert (row["pages"], row["__batch"], row["__line"]) == (8, batch, 5)
    assert states(room) == {5: "replayed", 8: "refused", 10: "refused", 12: "refused"}
    assert room.refused().filter(pl.col("line") == 5).select("raw", "by").row(0) == ("4,99,no", "ann")
    assert room.rows()["__row"].is_unique().all()
    assert even(room)


def test_a_row_that_is_still_refused_stays_with_its_new_reasons(room):
    batch = deliver(room)
    assert say(room, batch, 8, pages="12").refused == {f"{batch[:8]}:8": ["pages is above 8"]}
    done = again(room)
    assert (done.accepted, done.refused, dict(done.reasons)) == (0, 1, {"pages is above 8": 1})
    assert room.refused().filter(pl.col("line") == 8)["reasons"].to_list() == [["pages is above 8"]]


def test_a_record_that_could_not_be_cut_enters_when_a_mend_gives_all_of_it(room):
    batch = deliver(room)
    say(room, batch, 10, id="9", pages="1", bought="no")
    assert again(room).accepted == 1
    assert room.rows().filter(pl.col("id") == 9)["bought"].item() == "no"


def test_all_rows_of_a_filter_are_replayed_where_the_contract_was_loosened(room):
    deliver(room)
    room.contract = {"pages": {"type": "integer", "max": 100}}
    assert again(room).rows == 0
    done = again(room, reason="PAGES IS ABOVE")
    assert (done.rows, done.accepted) == (1, 1)
    assert again(room, ids=(f"{room.refused()['batch'][0][:6]}:8",)).refused == 1


def test_a_key_that_the_table_has_by_now_is_not_free(room):
    batch = deliver(room)
    deliver(room, "more.csv", 4, 4, {})
    say(room, batch, 5, pages="8")
    done = again(room)
    assert dict(done.reasons) == {"id is in the table already": 1}
    assert even(room)


def test_of_two_replayed_rows_with_one_key_the_first_enters(room):
    batch = deliver(room)
    say(room, batch, 5, pages="1")
    say(room, batch, 8, id="4", pages="2")
    assert (again(room).accepted, states(room)[5], states(room)[8]) == (1, "replayed", "refused")


def test_with_upsert_a_row_takes_the_place_of_an_older_one_and_gives_way_to_a_newer_one(room):
    room.sources["visits"]["mode"] = "upsert"
    deliver(room, "visits.csv", 1, 20, {})
    first = deliver(room, "second.csv", 4, 6, {4: "4,99,no", 5: "5,99,no"})
    deliver(room, "third.csv", 5, 5, {5: "5,7,no"})
    say(room, first, 2, pages="8")
    say(room, first, 3, pages="8")
    done = again(room)
    assert (done.accepted, done.merged) == (1, 1)
    assert dict(room.rows().filter(pl.col("id").is_in([4, 5])).select("id", "pages").iter_rows()) == {4: 8, 5: 7}
    assert room.refused().filter(state="merged")["reasons"].to_list() == [["a later delivery has this key"]]
    assert even(room)


def test_a_replay_makes_the_data_stage_stale(room):
    batch = deliver(room, last=80)
    key = room.step().key
    say(room, batch, 5, pages="8")
    assert room.step().key == key
    again(room)
    assert room.step().key != key
    assert room.run()["says"].startswith("77 of 80 rows accepted, 3 in quarantine")


def test_the_history_says_who_replayed_how_many_rows(room):
    batch = deliver(room)
    say(room, batch, 5, pages="8")
    again(room)
    newest = history(room.workspace, "visits")[0]
    assert (newest.what, newest.added, newest.by) == ("rows of the quarantine replayed", 1, "ann")


def test_mends_and_discards_hold_when_the_contract_changes(room):
    room.write("visits.csv", visits(1, 60, {**BAD, 13: "13,77,no"}))
    room.run()
    batch = room.refused()["batch"][0]
    say(room, batch, 5, pages="8")
    say(room, batch, 10, id="9", pages="1", bought="no")
    again(room)
    discard(room.workspace, room.data, Filter(ids=(f"{batch[:8]}:14",)), by="bob", why="a test booking")
    room.contract = {"pages": {"type": "number", "max": 100}}
    room.run()
    rows = room.rows()
    assert rows.filter(pl.col("id").is_in([4, 9]))["pages"].to_list() == [8.0, 1.0]
    assert 13 not in rows["id"]
    kept = room.refused().filter(state="discarded")
    assert kept.select("line", "by", "why", "reasons").row(0) == (14, "bob", "a test booking", ["pages is above 8"])
    assert states(room) == {8: "refused", 12: "refused", 14: "discarded"}
    assert even(room)


def test_what_was_discarded_is_taken_up_again_by_name_only(room):
    batch = deliver(room)
    discard(room.workspace, room.data, Filter(reason="above"), by="bob", why="too many")
    room.contract = {"pages": {"type": "integer", "max": 100}}
    assert again(room, table="visits").accepted == 0
    assert again(room, states=("discarded",)).accepted == 1
    assert states_to_keep(room.workspace, "visits", batch) is None


def test_a_batch_that_waits_for_a_check_is_not_replayed(room):
    deliver(room)
    room.workspace.ledger.append(Draft(kind="contract", subject="visits", key="another", body={"table": "visits", "owed": 1}))
    with pytest.raises(Mistake, match="waits to be checked again.*loopline run"):
        again(room, table="visits")


def dated(room):
    room.contract = {"at": {"type": "date"}}
    text = "id,at,pages\n" + "".join(f"{day},{day:02}/03/2024,{day}\n" for day in range(1, 29)) + "40,31/31/2024,1\n"
    batch = ingest_file(room.workspace, room.data, room.write("dated.csv", text))["batch"]
    assert room.rows()["at"].max().day == 28
    return batch


def test_dates_are_read_as_their_batch_was(room):
    batch = dated(room)
    say(room, batch, 30, at="04/05/2024")
    assert again(room).accepted == 1
    assert room.rows().filter(id=40)["at"].item().month == 5


def test_dates_that_could_be_read_in_two_ways_are_not_guessed(room):
    batch = dated(room)
    (entry,) = room.workspace.ledger.read(kinds=("batch",))
    body = {name: value for name, value in entry.body.items() if name != "formats"}
    room.workspace.ledger.append(Draft(kind="batch", subject="visits", key=batch, body=body))
    with pytest.raises(Mistake, match="day and month could also be the other way round"):
        say(room, batch, 30, at="04/05/2024")
    room.contract = {"at": {"type": "date", "format": "%d/%m/%Y"}}
    assert again(room).accepted == 1


def test_a_restored_table_and_its_quarantine_agree(room):
    batch = deliver(room)
    before = room.tables.version("visits").version
    say(room, batch, 5, pages="8")
    again(room)
    asked = Asked(by="ann", why="not yet")
    restore(room.workspace, room.data, "visits", asked=asked, version=before)
    assert room.rows().filter(id=4).is_empty()
    assert states(room)[5] == "refused"
    assert even(room)
    assert again(room).accepted == 1
    assert states(room)[5] == "replayed"


CHILD = """
import os, signal, sys
from pathlib import Path
from loopline.data.quarantine import replay as module
from loopline.data.quarantine.quarantine import Filter
from tests.data.conftest import opened

def die(*_args, **_more):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(module, sys.argv[2], die)
with opened(Path(sys.argv[1])) as room:
    module.replay(room.workspace, room.data, Filter(), by="ann")
"""


@pytest.mark.parametrize("moment", ["_enter", "_finish"])
def test_killed_before_or_between_its_two_commits_a_replay_is_once_all_the_same(tmp_path, moment):
    with opened(tmp_path) as room:
        batch = deliver(room)
        say(room, batch, 5, pages="8")
        say(room, batch, 8, pages="2")
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(CHILD), str(tmp_path), moment], cwd=os.getcwd(), check=False)
    assert ended.returncode == -signal.SIGKILL
    with opened(tmp_path) as room:
        assert states(room) == {5: "refused", 8: "refused", 10: "refused", 12: "refused"}
        assert room.rows().height == (18 if moment == "_finish" else 16)
        settle_all(room.workspace, room.data)
        assert states(room)[5] == ("replayed" if moment == "_finish" else "refused")
        again(room)
        settle_all(room.workspace, room.data)
        assert (states(room)[5], states(room)[8]) == ("replayed", "replayed")
        assert room.rows().filter(pl.col("id").is_in([4, 7])).height == 2
        assert room.rows().height == 18
        assert even(room)


def test_mended_cells_are_cleaned_as_they_would_be_in_a_delivery(room):
    room.contract = {"pages": {"type": "integer", "max": 8, "clean": ["trim", {"map": {"none": 0}}]}, "bought": {"clean": "lower"}}
    batch = deliver(room)
    say(room, batch, 5, pages=" none ", bought="YES")
    assert again(room).accepted == 1
    assert room.rows().filter(id=4).select("pages", "bought").row(0) == (0, "yes")
    raw = room.tables.read("cleaned").filter(pl.col("line") == 5).sort("column").select("column", "raw").collect().rows()
    assert raw == [("bought", "YES"), ("pages", " none ")]
    say(room, batch, 2, pages="none ", bought="NO")
    assert room.rows().filter(id=1).select("pages", "bought").row(0) == (0, "no")


def test_a_row_takes_its_place_between_its_neighbours(room):
    batch = deliver(room, changes={4: "4,99,no", 9: "9,1", 20: "20,99,no"})
    deliver(room, "more.csv", 30, 33, {})
    for line in (5, 21):
        say(room, batch, line, pages="1")
    say(room, batch, 10, id="9", pages="1", bought="no")
    assert again(room).accepted == 3
    order = room.rows()["id"].to_list()
    assert order[:8] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert sorted(order) == [*range(1, 21), *range(30, 34)]


def test_rows_of_a_batch_that_the_table_does_not_hold_are_passed_over(room):
    batch = deliver(room)
    foreign = room.refused().with_columns(batch=pl.lit("f" * 64))
    room.tables.append("quarantine", foreign)
    say(room, batch, 5, pages="1")
    done = again(room, table="visits")
    assert (done.rows, done.accepted, done.passed_over) == (4, 1, 4)
