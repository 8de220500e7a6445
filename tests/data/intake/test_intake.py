"""What a table holds after deliveries, changes of files and of the contract, and after deaths in between."""

import shutil
from hashlib import sha256

import polars as pl
import pytest

from loopline.data.batches import KINDS, holding
from loopline.data.ingest import ingest_file
from loopline.errors import Fault, Mistake
from loopline.lake.tables import Tables
from loopline.ledger.store import Ledger
from tests.data.conftest import opened, visits
from tests.data.dying import Death, dying

WRITES = ((Tables, "add_staged"), (Tables, "upsert_staged"), (Tables, "append"), (Tables, "delete"), (Ledger, "append"))
BAD = {4: "4,99,no", 7: "7,two,no", 9: "9,1", 11: ',3,"yes"'}


def ids(room, table="visits"):
    return room.rows(table)["id"].to_list()


def test_rows_are_accepted_typed_or_refused_with_their_line_text_and_reasons(room):
    room.write("visits.csv", visits(1, 70, BAD))
    facts = room.run()
    assert (facts["read"], facts["accepted"], facts["quarantined"]) == (70, 66, 4)
    rows = room.rows()
    assert rows.schema == {"id": pl.Int64, "pages": pl.Int64, "bought": pl.String, "__batch": pl.String, "__line": pl.Int64, "__row": pl.Int64}
    assert rows["__row"].is_unique().all()
    assert rows["__line"].is_sorted()
    assert rows.filter(pl.col("id") == 5)["__line"].item() == 6
    refused = room.refused()
    assert refused.select("line", "raw", "reasons").rows() == [
        (5, "4,99,no", ["pages is above 8"]),
        (8, "7,two,no", ["pages is not a whole number"]),
        (10, "9,1", ["too few fields for the header"]),
        (12, ',3,"yes"', ["id is missing"]),
    ]
    assert set(refused["source"]) == {"visits.csv"}
    assert set(refused["batch"]) == set(rows["__batch"])


def test_the_same_content_adds_nothing_and_other_content_adds_its_rows(room):
    room.write("visits.csv", visits(1, 60))
    first = room.run()
    room.write("visits-again.csv", visits(1, 60))
    assert room.run()["tables"] == first["tables"]
    room.write("visits-more.csv", visits(61, 80))
    assert room.run()["accepted"] == 80
    assert ids(room) == list(range(1, 81))


def test_a_key_that_is_in_the_table_already_is_refused(room):
    room.write("visits-1.csv", visits(1, 60))
    room.run()
    room.write("visits-2.csv", visits(59, 62))
    facts = room.run()
    assert (facts["accepted"], facts["quarantined"], facts["reasons"]) == (62, 2, {"id is in the table already": 2})


def test_a_file_that_changed_takes_the_place_of_what_it_delivered_before(room):
    room.write("visits-1.csv", visits(1, 60))
    room.write("visits-2.csv", visits(61, 90, {70: "70,many,no"}))
    room.run()
    room.write("visits-2.csv", visits(61, 95))
    facts = room.run()
    assert (facts["read"], facts["accepted"], facts["quarantined"]) == (95, 95, 0)
    assert sorted(ids(room)) == list(range(1, 96))
    assert room.refused().height == 0
    room.write("visits-2.csv", visits(61, 90, {70: "70,many,no"}))
    assert room.run()["quarantined"] == 1
    assert sorted(ids(room)) == [*range(1, 70), *range(71, 91)]
    assert room.refused().height == 1


def test_a_mended_contract_checks_every_batch_again(room):
    room.write("visits-1.csv", visits(1, 60, {4: "4,99,no"}))
    room.write("visits-2.csv", visits(61, 70, {65: "65,2.5,no"}))
    assert room.run()["quarantined"] == 2
    room.contract = {"pages": {"type": "number", "max": 100}}
    facts = room.run()
    assert (facts["read"], facts["accepted"], facts["quarantined"]) == (70, 70, 0)
    assert ids(room) == list(range(1, 71))
    assert room.rows()["pages"].dtype == pl.Float64
    assert room.refused().height == 0


def test_a_file_that_is_gone_when_it_must_be_checked_again_is_asked_for(room):
    room.write("visits-1.csv", visits(1, 60))
    gone = room.write("visits-2.csv", visits(61, 70))
    room.run()
    gone.unlink()
    assert room.run()["accepted"] == 70
    room.contract = {}
    with pytest.raises(Mistake, match="visits-2.csv is gone"):
        room.run()
    room.write("visits-2.csv", visits(61, 70))
    assert room.run()["accepted"] == 70


def test_a_file_that_has_another_name_when_it_must_be_checked_again_is_known_by_its_content(room):
    room.write("visits-1.csv", visits(1, 60))
    old = room.write("visits-2.csv", visits(61, 70, {65: "65,many,no"}))
    assert room.run()["accepted"] == 69
    old.rename(old.with_name("visits-3.csv"))
    room.contract = {"pages": {"type": "number"}}
    facts = room.run()
    assert (facts["read"], facts["accepted"], facts["quarantined"]) == (70, 69, 1)
    assert sorted(ids(room)) == [*range(1, 65), *range(66, 71)]


def test_upsert_changes_rows_by_their_key(room):
    room.sources["visits"]["mode"] = "upsert"
    room.write("visits-1.csv", visits(1, 60))
    room.run()
    room.write("visits-2.csv", visits(60, 61, {60: "60,8,yes"}))
    assert room.run()["tables"]["visits"]["rows"] == 61
    assert room.rows().filter(pl.col("id") == 60)["pages"].item() == 8
    room.write("visits-2.csv", visits(62, 62))
    assert room.run()["tables"]["visits"]["rows"] == 62
    room.contract = {"pages": {"type": "number"}}
    assert room.run()["tables"]["visits"]["rows"] == 62
    assert room.rows().filter(pl.col("id") == 60)["pages"].item() == 8


def test_replace_keeps_the_newest_delivery_only(room):
    room.sources["visits"]["mode"] = "replace"
    room.write("visits-1.csv", visits(1, 60))
    room.write("visits-2.csv", visits(101, 170, {105: "105,x,no"}))
    assert (room.run()["read"], ids(room)[0]) == (70, 101)
    version = room.tables.version("visits").version
    assert room.run()["tables"]["visits"]["version"] == version
    room.write("visits-1.csv", visits(1, 61))
    assert room.run()["read"] == 61
    assert ids(room) == list(range(1, 62))
    assert room.refused().height == 0


def test_a_delivery_by_hand_is_kept_checked_and_makes_the_stage_stale(room, tmp_path):
    room.write("visits.csv", visits(1, 60))
    room.run()
    key = room.step().key
    path = room.write("../elsewhere.csv", visits(60, 64, {62: "62,99,no"}))
    done = ingest_file(room.workspace, room.data, path)
    assert {name: done[name] for name in ("read", "accepted", "quarantined", "table", "repeated")} == {
        "read": 5, "accepted": 3, "quarantined": 2, "table": "visits", "repeated": False}  # fmt: skip
    assert done["reasons"] == {"id is in the table already": 1, "pages is above 8": 1}
    assert done["version"] == room.tables.version("visits").version
    assert room.step().key != key
    again = ingest_file(room.workspace, room.data, path)
    assert again == {**done, "repeated": True}
    path.unlink()
    room.contract = {}
    assert room.run()["accepted"] == 64


def test_an_unknown_source_is_told(room):
    with pytest.raises(Mistake, match="the sources are: visits"):
        ingest_file(room.workspace, room.data, room.folder / "x.csv", table="vists")


def test_later_batches_are_held_to_the_types_of_the_table(room):
    room.write("visits-1.csv", visits(1, 60).replace("bought", "bought,extra").replace("yes", "yes,1").replace("no\n", "no,2\n"))
    room.run()
    room.write("visits-2.csv", "id,pages,bought,extra\n61,1,no,3\n62,1,no,many\n")
    facts = room.run()
    assert facts["reasons"] == {"extra is not a whole number": 1}
    assert room.rows()["extra"].dtype == pl.Int64


def test_a_new_column_joins_and_a_missing_one_that_is_declared_stops(room):
    room.write("visits-1.csv", visits(1, 60))
    room.run()
    room.write("visits-2.csv", "id,pages,bought,extra\n61,1,no,3\n")
    room.run()
    assert room.rows()["extra"].to_list() == [None] * 60 + [3]
    room.write("visits-3.csv", "id,page,bought\n62,1,no\n")
    with pytest.raises(Mistake, match="did you mean 'page'"):
        room.run()


def _changed(room, mode):
    """The same room after both the files and the contract have changed."""
    room.sources["visits"]["mode"] = mode
    room.write("visits-1.csv", visits(1, 62, {5: "5,x,no"}))
    room.write("visits-2.csv", visits(63, 122, {65: "65,99,no"}))
    room.contract = {"pages": {"type": "number", "max": 98}}
    return room


def _told(room, facts):
    return (
        {name: facts[name] for name in ("read", "accepted", "quarantined", "reasons", "outcome", "profile")},
        room.rows().rows(),
        room.refused().drop("time").rows(),
    )


# Every write takes a minute for each mode; every seventh one tells most of it.
EVERY = pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.torture)])


@EVERY
@pytest.mark.parametrize("mode", ["append", "upsert", "replace"])
def test_a_death_at_any_write_and_a_second_run_end_in_the_same_state(tmp_path, monkeypatch, mode, every):
    with opened(tmp_path / "start") as room:
        room.sources["visits"]["mode"] = mode
        room.write("visits-1.csv", visits(1, 60, BAD))
        room.run()
    shutil.copytree(tmp_path / "start", tmp_path / "whole")
    with opened(tmp_path / "whole") as room:
        expected = _told(room, _changed(room, mode).run())
    counts = {"append": (122, 120, 2), "upsert": (182, 176, 6), "replace": (60, 59, 1)}[mode]
    assert tuple(expected[0][name] for name in ("read", "accepted", "quarantined")) == counts
    assert len(expected[1]) == {"append": 120, "upsert": 121, "replace": 59}[mode]
    deaths = 0
    for at in range(1, 100, every):
        died = 0
        for after in (False, True):
            place = tmp_path / f"{at}-{after}"
            shutil.copytree(tmp_path / "start", place)
            with opened(place) as room, monkeypatch.context() as patched:
                dying(patched, WRITES, at=at, after=after)
                try:
                    _changed(room, mode).run()
                except Death:
                    died += 1
            with opened(place) as room:
                assert _told(room, _changed(room, mode).run()) == expected
                assert room.workspace.ledger.verify().intact
        deaths += died
        if not died:
            break
    assert deaths >= 12 // every


@EVERY
@pytest.mark.parametrize(("mode", "mended", "key"), [("append", "third", "id"), ("append", "first", ()), ("upsert", "third", "id"), ("replace", "third", "id")])
def test_a_death_at_any_write_leaves_nothing_behind_when_the_file_changes_before_the_second_run(tmp_path, monkeypatch, mode, mended, key, every):
    contents = {"first": visits(61, 120, {70: "70,many,no"}), "second": visits(61, 130, {66: "66,99,no"}), "third": visits(61, 125, {64: "64,9,no"})}
    with opened(tmp_path / "start") as room:
        room.sources["visits"].update(mode=mode, key=key)
        room.write("visits-1.csv", visits(1, 60, {4: "4,99,no"}))
        room.write("visits-2.csv", contents["first"])
        room.run()
    deaths = 0
    for at in range(1, 100, every):
        died = 0
        for after in (False, True):
            place = tmp_path / f"{at}-{after}"
            shutil.copytree(tmp_path / "start", place)
            for content in ("second", mended):
                with opened(place) as room, monkeypatch.context() as patched:
                    room.sources["visits"].update(mode=mode, key=key)
                    room.write("visits-2.csv", contents[content])
                    dying(patched, WRITES, at=at, after=after)
                    try:
                        room.run()
                    except Death:
                        died += 1
            with opened(place) as room:
                room.sources["visits"].update(mode=mode, key=key)
                _only_what_is_held(room, room.run(), mode, mended, sha256(contents["second"].encode()).hexdigest())
        deaths += died
        if not died:
            break
    assert deaths >= 6 // every


def _only_what_is_held(room, facts, mode, mended, second):
    held = set(holding(room.workspace.ledger.read(kinds=KINDS, subject="visits")).held)
    assert set(room.rows()["__batch"]) | set(room.refused()["batch"]) <= held
    assert facts["quarantined"] == room.refused().height
    last = {"first": range(61, 121), "third": range(61, 126)}[mended]
    fault = {"first": 70, "third": 64}[mended]
    if mode == "append":
        assert sorted(ids(room)) == [*(number for number in range(1, 61) if number != 4), *(number for number in last if number != fault)]
        assert (facts["accepted"], facts["quarantined"]) == (58 + len(last), 2)
    elif mode == "upsert":
        assert sorted(set(ids(room))) == sorted(ids(room))
        assert set(ids(room)) == {*range(1, 131 if second in held else 126)} - {4}
        assert facts["read"] == 120 + 65 + (70 if second in held else 0)
    else:
        assert facts["read"] == len(ids(room)) + facts["quarantined"]


def test_a_batch_that_the_table_does_not_take_does_not_stop_the_mended_one(room, monkeypatch):
    room.sources["visits"]["mode"] = "upsert"
    room.write("visits-1.csv", visits(1, 60))
    room.run()
    room.write("visits-2.csv", visits(61, 70))

    def refusing(*words, **named):
        raise Mistake("a column does not fit the table's")

    with monkeypatch.context() as patched:
        patched.setattr(Tables, "upsert_staged", refusing)
        with pytest.raises(Mistake, match="does not fit"):
            room.run()
    room.write("visits-2.csv", visits(61, 65))
    assert room.run()["accepted"] == 65
    assert sorted(ids(room)) == list(range(1, 66))
    room.write("visits-3.csv", visits(61, 70))
    assert room.run()["tables"]["visits"]["rows"] == 70


def test_a_disk_that_is_full_while_rows_are_refused_leaves_what_the_next_run_mends(room, monkeypatch):
    room.write("visits-1.csv", visits(1, 60))
    room.run()
    path = room.write("visits-2.csv", visits(61, 90, {70: "70,many,no"}))
    original = Tables.add_staged

    def full(self, name, *words, **named):
        if name == "quarantine":
            raise Fault("the disk is full", where="table 'quarantine'")
        return original(self, name, *words, **named)

    with monkeypatch.context() as patched:
        patched.setattr(Tables, "add_staged", full)
        with pytest.raises(Fault, match="full"):
            room.run()
    path.unlink()
    facts = room.run()
    assert (facts["accepted"], facts["quarantined"], ids(room)) == (60, 0, list(range(1, 61)))
    room.write("visits-2.csv", visits(61, 90, {70: "70,many,no"}))
    facts = room.run()
    assert (facts["accepted"], facts["quarantined"], room.refused()["line"].to_list()) == (89, 1, [11])


def test_each_version_of_a_delta_table_is_a_delivery(room):
    room.folder.mkdir(parents=True, exist_ok=True)
    place = room.folder / "counts"
    room.sources["counts"] = {"path": "counts", "format": "delta", "key": "day", "mode": "replace"}
    room.write("visits.csv", visits(1, 60))
    pl.DataFrame({"day": [1, 2], "visitors": [310, 280]}).write_delta(place)
    room.run()
    assert room.rows("counts").select("day", "visitors").rows() == [(1, 310), (2, 280)]
    room.run()
    assert len(room.workspace.ledger.read(kinds=("batch",), subject="counts")) == 1
    pl.DataFrame({"day": [3], "visitors": [305]}).write_delta(place, mode="append")
    room.run()
    assert room.rows("counts")["day"].sort().to_list() == [1, 2, 3]
