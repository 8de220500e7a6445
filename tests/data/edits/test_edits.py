"""A person's edits of a table: what changes, what is refused, and what survives deaths, new checks and restores."""

import json
import multiprocessing
import shutil
from contextlib import contextmanager

import polars as pl
import pytest

from loopline.data.batches import KINDS, holding
from loopline.data.edits import edits
from loopline.data.edits.edits import Asked, Refused
from loopline.data.edits.reapply import reapply
from loopline.data.ingest import ingest_file
from loopline.data.intake.intake import Intake
from loopline.data.spec import BATCH, LINE
from loopline.errors import CheckFailed, Mistake
from loopline.lake.blobs import Blobs
from loopline.lake.tables import Tables
from loopline.ledger.store import Ledger
from tests.data.conftest import opened, visits
from tests.data.dying import Death, dying

ANN = Asked("ann@example.com", "a test")
REHEARSAL = Asked("ann@example.com", rehearses=True)
WRITES = ((Tables, "amend"), (Tables, "remove"), (Tables, "upsert"), (Tables, "restore"), (Ledger, "append"), (Blobs, "put"))


@pytest.fixture
def ready(room):
    room.write("visits-1.csv", visits(1, 60, {4: "4,99,no"}))
    room.run()
    return room


def update(room, where, *values, asked=ANN):
    return edits.update(room.workspace, room.data, "visits", where=where, values=values, asked=asked)


def delete(room, where, asked=ANN):
    return edits.delete(room.workspace, room.data, "visits", where=where, asked=asked)


def upsert(room, text, asked=ANN, name="hand.csv"):
    path = room.write(f"../{name}", text)
    return edits.upsert(room.workspace, room.data, "visits", path, asked=asked)


def restore(room, asked=ANN, **to):
    return edits.restore(room.workspace, room.data, "visits", asked=asked, **to)


def cell(room, id, column="pages"):
    found = room.rows().filter(pl.col("id") == id)[column].to_list()
    assert len(found) <= 1
    return found[0] if found else "gone"


def entries(room):
    return [entry for entry in room.workspace.ledger.read(kinds=["edit"]) if entry.body["state"] == "done"]


def test_an_update_gives_values_to_the_rows_that_meet_the_condition_and_is_kept_with_its_author(ready):
    before = ready.rows()
    done = update(ready, "id <= 3", "pages = pages + 1", "bought='no'")
    assert (done.plan.changed, done.version) == (3, done.version_before + 1)
    assert ready.rows().filter(pl.col("id") <= 3).select("pages", "bought").rows() == [(2, "no"), (3, "no"), (4, "no")]
    assert ready.rows().filter(pl.col("id") > 3).equals(before.filter(pl.col("id") > 3))
    assert ready.rows().drop("pages", "bought").equals(before.drop("pages", "bought"))
    (entry,) = entries(ready)
    assert (entry.actor, entry.body["why"], entry.body["verb"], entry.body["changed"]) == ("ann@example.com", "a test", "update", 3)
    said = json.loads(Blobs(ready.workspace.lake).get(entry.body["says"]))
    assert (said["where"], said["set"]) == ("id <= 3", ["pages = pages + 1", "bought='no'"])
    assert "id <= 3" not in json.dumps(dict(entry.body))


def test_an_edit_makes_the_stage_stale(ready):
    key = ready.step().key
    update(ready, "id = 1", "pages=2")
    assert ready.step().key != key
    assert ready.run()["tables"]["visits"]["version"] == ready.tables.version("visits").version


def test_one_row_that_breaks_the_contract_stops_the_whole_edit(ready):
    version = ready.tables.version("visits")
    with pytest.raises(Refused, match=r"1 row breaks the contract: pages is above 8; nothing was changed") as told:
        update(ready, "id in (7, 8)", "pages = pages + 1")
    assert [(row.line, row.row["id"], row.reasons) for row in told.value.broken] == [(9, 8, ("pages is above 8",))]
    for values, reason in (("id=1", "id is in the table already"), ("id=NULL", "id is missing"), ("pages=1.5", "whole number"), ("pages='x'", "whole number")):
        with pytest.raises(Refused, match=reason):
            update(ready, "id = 9", values)
    with pytest.raises(Refused, match="repeats an earlier row"):
        update(ready, "id > 50", "id=777")
    with pytest.raises(Refused, match=r"pages is above 8 \(2\)"):
        upsert(ready, "id,pages\n1,9\n2,10\n3,1\n")
    assert ready.tables.version("visits") == version
    assert not entries(ready)


def test_a_key_may_change_to_one_that_is_free(ready):
    update(ready, "id = 9", "id=900")
    assert (cell(ready, 9), cell(ready, 900)) == ("gone", 0)


def test_a_delete_takes_out_the_rows_and_earlier_versions_keep_them(ready):
    done = delete(ready, "id between 10 and 19")
    assert (done.plan.removed, ready.rows().height) == (10, 49)
    assert ready.tables.read("visits", version=done.version_before).select(pl.len()).collect().item() == 59


def test_an_upsert_changes_by_key_adds_the_rest_and_leaves_columns_that_do_not_come(ready):
    done = upsert(ready, "pages,id\n8,2\n1,99\n1,1\n")
    assert (done.plan.changed, done.plan.added, done.plan.unchanged) == (1, 1, 1)
    changed = ready.rows().filter(pl.col("id").is_in([2, 99])).sort("id")
    assert changed.select("id", "pages", "bought", LINE).rows() == [(2, 8, "no", 3), (99, 1, None, 3)]
    (entry,) = entries(ready)
    assert (changed[BATCH].to_list()[1], entry.key != changed[BATCH].to_list()[0]) == (entry.key, True)
    again = upsert(ready, "pages,id\n8,2\n1,99\n1,1\n")
    assert (again.plan.unchanged, again.entry, again.version) == (3, None, done.version)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("id,pagse\n1,2\n", "did you mean 'pages'"),
        ("pages\n1\n", "the file has no column 'id'"),
        ("id,pages\n", "no rows"),
        ("id,pages\n1,2\n2\n", "1 of 2 records cannot be cut into columns: line 3"),
        ("id,pages\n1,2\n1,3\n", "id repeats an earlier row"),
        ("id,pages\n,2\n5,5\n", "id is missing"),
    ],
)
def test_a_file_that_cannot_be_upserted_is_told_and_nothing_is_done(ready, text, what):
    version = ready.tables.version("visits")
    with pytest.raises((Mistake, CheckFailed), match=what):
        upsert(ready, text)
    assert ready.tables.version("visits") == version


def test_a_rehearsal_shows_what_would_change_and_writes_nothing(ready):
    last = ready.workspace.ledger.read(newest_first=True, limit=1)
    files = sorted(path for path in ready.workspace.lake.folder.rglob("*") if path.is_file())
    done = update(ready, "id <= 2", "pages=5", asked=REHEARSAL)
    assert (done.plan.changed, done.plan.before["pages"].to_list(), done.plan.after["pages"].to_list()) == (2, [1, 2], [5, 5])
    assert delete(ready, "id <= 2", REHEARSAL).plan.removed == 2
    assert upsert(ready, "id,pages\n1,5\n70,5\n", REHEARSAL).plan.added == 1
    update_to = restore(ready, REHEARSAL, version=1)
    assert update_to.entry is None
    assert sorted(path for path in ready.workspace.lake.folder.rglob("*") if path.is_file()) == files
    assert ready.workspace.ledger.read(newest_first=True, limit=1) == last


def test_what_changes_nothing_leaves_no_trace(ready):
    for done in (update(ready, "id = 1", "pages=1"), update(ready, "id = 4711", "pages=1"), delete(ready, "false")):
        assert (done.entry, done.version) == (None, done.version_before)


@pytest.mark.parametrize(
    ("table", "what"),
    [("vists", "did you mean 'visits'"), ("quarantine", "kept by Loopline itself"), ("sums", "is made of others"), ("x", "the sources are: visits")],
)
def test_only_a_sources_table_is_edited(ready, table, what):
    data = ready.data.model_copy(update={"tables": {"sums": None}})
    with pytest.raises(Mistake, match=what):
        edits.delete(ready.workspace, data, table, where="true", asked=ANN)


def test_a_table_is_edited_once_it_holds_rows_of_its_present_contract(room):
    with pytest.raises(Mistake, match="holds no delivery yet"):
        delete(room, "true")
    room.write("visits-1.csv", visits(1, 60))
    room.run()
    room.contract = {"pages": {"type": "number"}}
    with pytest.raises(Mistake, match="the contract has changed"):
        delete(room, "true")
    room.sources["visits"]["key"] = []
    room.run()
    with pytest.raises(Mistake, match="has no key"):
        upsert(room, "id,pages\n1,2\n")


def brought_again(room):
    """The entry of the edits that the intake brought again last."""
    return [entry for entry in room.workspace.ledger.read(kinds=("edit",), subject="visits") if entry.body["verb"] == "reapply"][-1]


def test_a_new_check_keeps_what_was_edited(ready):
    update(ready, "id = 2", "pages=7")
    delete(ready, "id = 10")
    upsert(ready, "id,pages,bought\n3,8,no\n100,1,yes\n")
    ready.write("visits-2.csv", visits(61, 70))
    ready.run()
    ready.contract = {"pages": {"type": "number", "max": 98}}
    ready.run()
    entry = brought_again(ready)
    assert {name: entry.body[name] for name in ("changed", "added", "removed", "quarantined")} == {"changed": 2, "added": 1, "removed": 1, "quarantined": 0}
    assert (cell(ready, 2), cell(ready, 10), cell(ready, 3), cell(ready, 100)) == (7.0, "gone", 8.0, 1.0)
    assert ready.rows().height == 69
    assert reapply(ready.workspace, ready.data, "visits") is None
    ready.run()
    ready.contract = {"pages": {"type": "integer", "max": 98}}
    ready.run()
    reapply(ready.workspace, ready.data, "visits")
    assert (cell(ready, 2), cell(ready, 10), cell(ready, 3), cell(ready, 100)) == (7, "gone", 8, 1)


def test_an_edit_says_nothing_of_what_came_later(ready):
    ready.sources["visits"]["mode"] = "upsert"
    ready.run()
    update(ready, "pages = 2", "pages=3")
    upsert(ready, "id,pages,bought\n1,8,no\n")
    ready.write("visits-2.csv", "id,pages,bought\n2,2,no\n1,4,yes\n61,2,no\n")
    ready.run()
    assert (cell(ready, 1), cell(ready, 2), cell(ready, 11), cell(ready, 61)) == (4, 2, 3, 2)
    seqs = [entry.seq for entry in ready.workspace.ledger.read(kinds=["batch"])]
    ready.contract = {"pages": {"type": "number", "max": 8}}
    _run_with_replay(ready, before=seqs[-1])
    assert (cell(ready, 1), cell(ready, 2), cell(ready, 11), cell(ready, 61)) == (4, 2, 3, 2)


def _run_with_replay(room, before):
    """As the intake does: edits come again before the batch that was delivered after them."""
    original = Intake._take

    def taking(self, delivery):
        if delivery.file == "visits-2.csv":
            reapply(room.workspace, room.data, "visits", before=before)
        return original(self, delivery)

    Intake._take = taking
    try:
        room.run()
    finally:
        Intake._take = original
    reapply(room.workspace, room.data, "visits")


def test_what_the_new_contract_refuses_of_an_edit_goes_to_the_quarantine_and_comes_back(ready):
    update(ready, "id = 2", "pages=8")
    upsert(ready, "id,pages,bought\n3,8,no\n100,8,yes\n101,1,yes\n")
    ready.contract = {"pages": {"type": "integer", "max": 7}}
    ready.run()
    entry = brought_again(ready)
    assert entry.body["quarantined"] == 3
    assert [cell(ready, id) for id in (2, 3, 100, 101)] == ["gone", "gone", "gone", 1]
    kept = ready.refused().filter(pl.col("source").str.starts_with("edit "))
    assert sorted((int(json.loads(raw)["id"]), reasons) for raw, reasons in kept.select("raw", "reasons").rows()) == [
        (number, ["pages is above 7"]) for number in (2, 3, 100)
    ]
    ready.contract = {"pages": {"type": "integer", "max": 9}}
    ready.run()
    reapply(ready.workspace, ready.data, "visits")
    assert [cell(ready, id) for id in (2, 3, 100, 101)] == [8, 8, 8, 1]
    assert not ready.refused()["source"].str.starts_with("edit ").any()


def test_a_record_that_is_only_right_as_it_was_edited_stays_in_the_table(ready):
    ready.contract = {"pages": {"type": "integer", "max": 99}}
    ready.run()
    update(ready, "id = 4", "pages=6")
    ready.contract = {"pages": {"type": "integer", "max": 8}}
    ready.run()
    assert brought_again(ready).body["added"] == 1
    assert (cell(ready, 4), ready.rows().height) == (6, 60)


def test_an_edit_goes_over_to_a_file_that_grew_where_it_still_says_the_same(ready):
    update(ready, "id in (2, 5)", "pages=7")
    delete(ready, "id in (10, 11)")
    upsert(ready, "id,pages\n3,8\n100,1\n")
    ready.write("visits-1.csv", visits(1, 63, {4: "4,99,no", 5: "5,6,no", 11: "11,8,no"}))
    ready.run()
    entry = brought_again(ready)
    assert (entry.body["changed"], entry.body["removed"]) == (2, 1)
    expected = [7, 6, "gone", 8, 0, 8, 1]
    assert [cell(ready, id) for id in (2, 5, 10, 11, 63, 3, 100)] == expected
    assert ready.refused()["raw"].to_list() == ["4,99,no"]
    ready.contract = {"pages": {"type": "number", "max": 8}}
    ready.run()
    reapply(ready.workspace, ready.data, "visits")
    assert [cell(ready, id) for id in (2, 5, 10, 11, 63, 3, 100)] == expected


def test_what_replaces_the_table_ends_its_edits(ready):
    ready.sources["visits"]["mode"] = "replace"
    ready.run()
    update(ready, "id = 2", "pages=7")
    ready.contract = {"pages": {"type": "number", "max": 8}}
    ready.run()
    reapply(ready.workspace, ready.data, "visits")
    assert cell(ready, 2) == 7
    ready.write("visits-1.csv", visits(1, 61))
    ready.run()
    assert reapply(ready.workspace, ready.data, "visits") is None
    assert cell(ready, 2) == 2


def test_a_restore_undoes_edits_and_puts_later_batches_aside_until_they_are_asked_for(ready):
    update(ready, "id = 2", "pages=7")
    kept = ready.tables.version("visits").version
    update(ready, "id = 2", "pages=5")
    ready.write("visits-2.csv", visits(61, 70, {65: "65,99,no"}))
    ready.run()
    done = restore(ready, version=kept)
    assert ([entry.body["file"] for entry in done.out], done.back, len(done.undone)) == (["visits-2.csv"], (), 1)
    assert (cell(ready, 2), cell(ready, 61), done.rows) == (7, "gone", 59)
    assert ready.run()["accepted"] == 59
    assert cell(ready, 61) == "gone"
    ready.contract = {"pages": {"type": "number", "max": 8}}
    ready.run()
    reapply(ready.workspace, ready.data, "visits")
    assert (cell(ready, 2), cell(ready, 61), ready.rows().height) == (7, "gone", 59)
    again = restore(ready, version=done.version_before)
    assert ([entry.body["file"] for entry in again.back], len(again.redone)) == (["visits-2.csv"], 1)
    assert (cell(ready, 2), cell(ready, 61), ready.rows().height) == (5, 7, 68)
    ready.run()
    reapply(ready.workspace, ready.data, "visits")
    assert (cell(ready, 2), cell(ready, 61), ready.rows().height, ready.rows()["pages"].dtype) == (5, 7, 68, pl.Float64)


def test_a_batch_that_was_put_aside_comes_back_by_hand_or_with_new_content(ready):
    first = ready.tables.version("visits").version
    path = ready.write("visits-2.csv", visits(61, 70))
    ready.run()
    restore(ready, version=first)
    assert ingest_file(ready.workspace, ready.data, path)["accepted"] == 10
    assert ready.rows().height == 69
    restore(ready, version=first)
    ready.write("visits-2.csv", visits(61, 71))
    assert ready.run()["accepted"] == 70
    assert ready.workspace.ledger.verify().intact


def test_a_file_that_changed_since_the_restored_version_is_taken_when_a_new_contract_wants_it(ready):
    first = ready.tables.version("visits").version
    ready.write("visits-1.csv", visits(1, 62))
    ready.run()
    restore(ready, version=first)
    assert ready.run()["accepted"] == 59
    ready.contract = {"pages": {"type": "number", "max": 8}}
    assert ready.run()["accepted"] == 62


def test_refused_rows_come_back_with_their_batch(ready):
    first = ready.tables.version("visits").version
    ready.write("visits-1.csv", visits(1, 60))
    ready.run()
    assert ready.refused().height == 0
    restore(ready, version=first)
    assert ready.refused()["raw"].to_list() == ["4,99,no"]


def test_a_table_is_restored_to_versions_at_which_it_was_whole(ready):
    ready.write("visits-1.csv", visits(1, 62))
    ready.run()
    newest = ready.tables.version("visits").version
    with pytest.raises(Mistake, match=f"version {newest - 1} holds a delivery only in part; restore version {newest - 2} or {newest}"):
        restore(ready, version=newest - 1)
    with pytest.raises(Mistake, match="older than the first delivery"):
        restore(ready, version=0)
    with pytest.raises(Mistake, match=f"its versions are 0 to {newest}"):
        restore(ready, version=99)
    with pytest.raises(Mistake, match="--version N or --at DATE"):
        restore(ready)
    moment = ready.tables.history("visits")[1].time
    assert restore(ready, at=moment).to == newest - 2
    assert restore(ready, version=newest + 1).entry is None


WORK = {
    "update": lambda room: update(room, "id <= 3", "pages=pages + 1"),
    "delete": lambda room: delete(room, "id <= 3"),
    "upsert": lambda room: upsert(room, "id,pages\n1,8\n100,8\n"),
    "restore": lambda room: restore(room, version=1),
}


# Every write of each verb takes ten seconds; every third one tells most of it.
@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.torture)])
@pytest.mark.parametrize("verb", WORK)
def test_a_death_at_any_write_is_finished_by_the_next_writer(tmp_path, monkeypatch, verb, every):
    with opened(tmp_path / "start") as room:
        room.write("visits-1.csv", visits(1, 60, {4: "4,99,no"}))
        room.run()
        room.write("visits-1.csv", visits(1, 61))
        room.run()
        if verb == "restore":
            update(room, "id = 5", "pages=1")
    shutil.copytree(tmp_path / "start", tmp_path / "whole")
    with opened(tmp_path / "whole") as room:
        WORK[verb](room)
        expected = room.rows().drop(BATCH).rows(), [(entry.body["verb"], entry.actor) for entry in entries(room)]
    deaths = 0
    for at in range(1, 20, every):
        died = 0
        for after in (False, True):
            place = tmp_path / f"{at}-{after}"
            shutil.copytree(tmp_path / "start", place)
            with opened(place) as room, monkeypatch.context() as patched:
                dying(patched, WRITES, at=at, after=after)
                try:
                    WORK[verb](room)
                except Death:
                    died += 1
            with opened(place) as room:
                edits.settle(room.workspace, room.data, "visits")
                if entries(room)[-1:] == [] or entries(room)[-1].body["verb"] != verb:
                    WORK[verb](room)
                assert (room.rows().drop(BATCH).rows(), [(entry.body["verb"], entry.actor) for entry in entries(room)]) == expected
        deaths += died
        if not died:
            break
    assert deaths >= 5 // every


@contextmanager
def _unbounded(place):
    with opened(place) as room:
        room.contract["pages"] = {"type": "integer"}
        yield room


def _work(place, number, times):
    """One of several processes: it raises a row that all share, and adds rows of its own."""
    with _unbounded(place) as room:
        for turn in range(times):
            with edits.lease(room.workspace.ledger):
                update(room, "id = 1", "pages = pages + 1")
                upsert(room, f"id,pages\n{1000 * number + turn},1\n", name=f"hand-{number}.csv")


def _compete(place, times):
    with _unbounded(place) as room:
        room.write("visits-1.csv", visits(1, 60))
        room.run()
    started = [multiprocessing.get_context("spawn").Process(target=_work, args=(place, number, times)) for number in range(1, 5)]
    for process in started:
        process.start()
    for process in started:
        process.join(170)
        assert process.exitcode == 0
    with _unbounded(place) as room:
        assert cell(room, 1) == 1 + 4 * times
        added = room.rows().filter(pl.col("id") >= 1000)["id"].sort().to_list()
        assert added == [1000 * number + turn for number in range(1, 5) for turn in range(times)]
        assert len(entries(room)) == 8 * times
        held = holding(room.workspace.ledger.read(kinds=KINDS, subject="visits"))
        assert len(held.held) == 1
        assert room.workspace.ledger.verify().intact


def test_four_processes_that_edit_one_table_lose_no_update(tmp_path):
    _compete(tmp_path, 2)


@pytest.mark.torture
def test_four_processes_that_edit_one_table_for_long_lose_no_update(tmp_path):
    _compete(tmp_path, 25)
