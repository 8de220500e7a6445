"""The intake over many small blocks: the same rows, reasons and balance as at once, whatever the size of the blocks and the order of the keys."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.data.batches import KINDS, holding
from loopline.data.formats import delimited
from loopline.data.intake import keys, rivals, seen
from loopline.data.intake.admission import admit
from loopline.data.intake.intake import Intake
from loopline.data.intake.keys import Foreseen, KeyHashes
from loopline.data.intake.rivals import losers
from loopline.data.intake.seen import Arrivals
from loopline.data.intake.verdict import Stopped
from loopline.data.listing import listing
from loopline.data.overview import overview
from loopline.data.spec import LINE, ROW
from loopline.engine.step import Silence
from loopline.errors import Mistake
from loopline.lake import staging
from tests.data.conftest import opened


@pytest.fixture
def small(monkeypatch):
    """Blocks, parts and what is held in memory, all so small that every path is taken."""
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 64)
    monkeypatch.setattr(staging, "PART_ROWS", 7)
    monkeypatch.setattr(keys, "_IN_MEMORY", 5)
    monkeypatch.setattr(rivals, "_IN_MEMORY_BYTES", 100)
    monkeypatch.setattr(seen, "FULL", 5)
    monkeypatch.setattr(seen, "_WORDS_BITS", 2)


def take(room, text, name="visits.csv"):
    room.write(name, text)
    intake = Intake(room.workspace, room.data, "visits", Silence())
    intake.take_all(listing(room.data.sources["visits"], room.folder))
    return intake.batches[-1].body


LINES = st.lists(st.sampled_from(["1,2,a", "2,3,b", "3,,c", ",1,d", "4,x,e", "5,9", "1,5,z", "6,7,f", "7,-1,g"]), min_size=1, max_size=25)


@settings(max_examples=15)
@given(LINES, st.sampled_from(["refuse", "first", "latest", "none"]), st.integers(1, 60))
def test_blocks_do_not_change_what_becomes_of_a_row(tmp_path_factory, lines, duplicates, block_bytes):
    lines = ["8,1,h", *lines]
    text = "id,n,t\n" + "\n".join(lines) + "\n"
    told = []
    for size in (1 << 20, block_bytes):
        with pytest.MonkeyPatch.context() as patch, opened(tmp_path_factory.mktemp("room")) as room:
            patch.setattr(delimited, "BLOCK_BYTES", size)
            patch.setattr(staging, "PART_ROWS", 4)
            patch.setattr(rivals, "_IN_MEMORY_BYTES", 64)
            room.sources = {"visits": {"path": "visits*.csv", "key": "id", "duplicates": duplicates, "header": True, "separator": ","}}
            room.contract = {"n": {"type": "number", "min": 0}, "id": {"type": "integer"}, "t": {"type": "text"}}
            body = take(room, text)
            assert body["read"] == len(lines) == body["accepted"] + body["quarantined"] + body["merged"]
            kept = room.refused() if body["quarantined"] + body["merged"] else None
            rows = room.rows().drop("__batch").rows()
            refused = [] if kept is None else kept.sort("line").select("line", "raw", "reasons", "state", "cells").rows()
            told.append((rows, refused, body["reasons"]))
    assert told[0] == told[1]


def test_types_that_nobody_declared_fit_all_blocks(small, tmp_path):
    with opened(tmp_path / "room") as room:
        room.sources = {"visits": {"path": "visits*.csv"}}
        room.contract = {}
        lines = [f"{number},{number},{number},2024-01-{number % 28 + 1:02}" for number in range(60)]
        lines += ["60,6.5,7a,2024-02-01"]
        body = take(room, "whole,half,mixed,day\n" + "\n".join(lines) + "\n")
        assert (body["accepted"], body["quarantined"]) == (61, 0)
        assert room.rows().drop("__batch", "__line", "__row").schema == {"whole": pl.Int64, "half": pl.Float64, "mixed": pl.String, "day": pl.Date}


def test_of_rows_with_one_key_the_latest_stays_and_the_others_are_named(small, tmp_path):
    with opened(tmp_path / "room") as room:
        room.sources = {"visits": {"path": "visits*.csv", "key": "id", "time": "at", "duplicates": "latest"}}
        room.contract = {}
        rows = [(number % 20, f"2024-01-01 00:{number:02}:00" if number % 3 else f"2024-03-01 00:{number:02}:00") for number in range(60)]
        body = take(room, "id,at\n" + "".join(f"{key},{at}\n" for key, at in rows))
        assert (body["read"], body["accepted"], body["merged"], body["quarantined"]) == (60, 20, 40, 0)
        assert dict(room.rows().select("id", pl.col("at").dt.strftime("%Y-%m-%d %H:%M:%S")).rows()) == {
            key: max(at for other, at in rows if other == key) for key, _ in rows
        }
        merged = room.refused()
        assert set(merged["state"]) == {"merged"}
        assert all("merged into line" in reasons[0] for reasons in merged["reasons"].to_list())


@pytest.mark.parametrize("full", [5, 1000])
def test_a_key_that_the_table_holds_is_refused_in_any_later_batch(small, tmp_path, monkeypatch, full):
    # Keys of a table that fills a filter are looked for before, those of a small one as the rows come.
    monkeypatch.setattr(seen, "FULL", full)
    with opened(tmp_path / "room") as room:
        room.sources = {"visits": {"path": "visits*.csv", "key": ["id", "day"]}}
        room.contract = {}
        take(room, "id,day,n\n" + "".join(f"{number},{number % 3},1\n" for number in range(40)), "visits-1.csv")
        body = take(room, "id,day,n\n" + "".join(f"{number},{(number + number // 38) % 3},2\n" for number in range(30, 45)), "visits-2.csv")
        assert (body["accepted"], body["reasons"]) == (7, {"id and day is in the table already": 8})


def test_a_reference_that_is_not_in_its_table_is_refused(tmp_path):
    with opened(tmp_path / "room") as room:
        room.sources = {"visits": {"path": "visits.csv"}, "shops": {"path": "shops.csv", "key": "shop"}}
        room.contract = {"references": [{"columns": "shop", "table": "shops"}]}
        room.write("shops.csv", "shop,city\na,Rome\nb,Oslo\n")
        room.write(
            "visits.csv",
            "id,shop,bought\n" + "".join(f"{number},{'abx'[number % 3] if number != 5 else ''},{'yes' if number % 2 else 'no'}\n" for number in range(90)),
        )
        facts = room.run()
        assert facts["reasons"] == {"shop is not in table shops": 29}


def test_a_batch_that_breaks_a_rule_over_it_is_held_back_and_the_others_come_in(tmp_path):
    with opened(tmp_path / "room") as room:
        room.contract = {"batch": {"rows": "10..", "refused": "50%"}}
        room.write("visits-1.csv", "id,pages,bought\n" + "".join(f"{number},1,no\n" for number in range(20)))
        room.write("visits-2.csv", "id,pages,bought\n99,1,no\n")
        room.write("visits-3.csv", "id,pages,bought\n" + "".join(f"{number},1,no\n" for number in range(30, 50)))
        with pytest.raises(Stopped, match=r"held back: it has 1 rows, and 10\.\. are expected") as caught:
            room.run()
        assert caught.value.exit_code == 1
        assert "loopline data admit" in caught.value.remedy
        held = holding(room.workspace.ledger.read(kinds=KINDS, subject="visits"))
        assert (len(held.held), len(held.stopped)) == (2, 1)
        assert room.rows().height == 40
        entries = len(room.workspace.ledger.read())
        with pytest.raises(Stopped):
            room.run()
        assert len(room.workspace.ledger.read()) == entries
        (stopped,) = held.stopped
        (shown,) = overview(room.workspace, room.data)
        assert shown["held_back"] == [{"batch": stopped, "file": "visits-2.csv", "says": "it has 1 rows, and 10.. are expected"}]
        with pytest.raises(Mistake, match="no batch 'ffff' is held back"):
            admit(room.workspace, room.data, "ffff", by="ann", why="it is")
        entry = admit(room.workspace, room.data, stopped[:8], by="ann", why="a holiday")
        assert (entry.actor, entry.key, entry.body["why"]) == ("ann", stopped, "a holiday")
        assert holding(room.workspace.ledger.read(kinds=KINDS, subject="visits")).stopped == {}
        room.write("visits-2.csv", "id,pages,bought\n" + "".join(f"{number},1,{'yes' if number % 2 else 'no'}\n" for number in range(60, 90)))
        assert room.run()["accepted"] == 70


def test_a_query_that_must_return_no_row_sees_the_batch_in_its_table(tmp_path):
    with opened(tmp_path / "room") as room:
        sql = "select pages from visits group by pages having count(*) > 25"
        room.contract = {"tests": [{"name": "no page too often", "sql": sql}]}
        room.write("visits-1.csv", "id,pages,bought\n" + "".join(f"{number},1,{'yes' if number % 2 else 'no'}\n" for number in range(20)))
        room.write("visits-2.csv", "id,pages,bought\n" + "".join(f"{number},1,{'yes' if number % 2 else 'no'}\n" for number in range(20, 80)))
        with pytest.raises(Stopped, match="the test 'no page too often' finds rows"):
            room.run()
        assert room.rows().height == 20
        assert not [file for file in (room.folder.parent / "lake" / "tables" / "visits").glob("*.parquet") if file.stat().st_size == 0]


def test_a_rule_that_stops_holds_the_batch_back_and_one_that_warns_counts(tmp_path):
    with opened(tmp_path / "room") as room:
        room.contract = {"pages": {"type": "integer", "max": 5, "severity": "stop"}, "rules": [{"check": "pages > 0", "severity": "warn"}]}
        room.write("visits-1.csv", "id,pages,bought\n" + "".join(f"{number},{number % 5},{'yes' if number % 2 else 'no'}\n" for number in range(60)))
        facts = room.run()
        assert facts["warnings"] == {"it breaks the rule pages > 0": 12}
        room.write("visits-2.csv", "id,pages,bought\n90,7,no\n91,1,no\n")
        with pytest.raises(Stopped, match="1 rows: pages is above 5"):
            room.run()


def test_a_distribution_that_shifts_and_stale_rows_are_told(tmp_path):
    now = datetime.now(UTC)

    def rows(first, count, pages, at):
        return "".join(f"{first + number},{pages(number)},{'yes' if number % 2 else 'no'},{at:%Y-%m-%d %H:%M:%S}\n" for number in range(count))

    with opened(tmp_path / "room") as room:
        room.sources["visits"]["time"] = "at"
        room.contract = {"batch": {"shift": "30%", "fresh": "2d", "severity": "warn"}}
        for batch in range(3):
            room.write(f"visits-{batch}.csv", "id,pages,bought,at\n" + rows(batch * 100, 100, lambda number: number % 10, now - timedelta(hours=batch)))
        assert room.run()["warnings"] == {}
        room.write("visits-3.csv", "id,pages,bought,at\n" + rows(900, 100, lambda number: 8 + number % 2, now - timedelta(days=9)))
        warned = list(room.run()["warnings"])
        assert any("its newest row is 9.0 days old" in reason for reason in warned)
        assert any(reason.startswith("pages is distributed otherwise") for reason in warned)


def test_cleaned_cells_are_counted_and_their_raw_values_kept(small, tmp_path):
    with opened(tmp_path / "room") as room:
        room.sources["visits"]["clean"] = "trim"
        room.contract = {"pages": {"type": "number", "clean": ["percent"]}}
        body = take(room, "id,pages,bought\n" + "".join(f" v{number} ,{number} %,no\n" for number in range(40)))
        assert (body["accepted"], body["cleaned"]) == (40, {"id": {"trim": 40}, "pages": {"percent": 40}})
        cells = room.tables.read("cleaned").collect()
        assert cells.height == 80
        assert cells.filter((pl.col("line") == 2) & (pl.col("column") == "id"))["raw"].to_list() == [" v0 "]


KEYS = st.lists(st.tuples(st.integers(0, 6), st.one_of(st.none(), st.sampled_from("ab"))), min_size=1, max_size=40)


@given(KEYS, st.lists(st.integers(0, 6), max_size=5), st.integers(1, 10))
def test_every_key_that_comes_twice_is_suspected(rows, there, in_memory):
    frame = pl.DataFrame(rows, schema={"n": pl.Int64, "t": pl.String}, orient="row")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "_IN_MEMORY", in_memory)
        with KeyHashes(["n"]) as seen, KeyHashes(["n", "t"]) as both:
            for at in range(0, frame.height, 3):
                seen.add(frame[at : at + 3])
                both.add(frame[at : at + 3])
            table = pl.DataFrame({"n": pl.Series(there, dtype=pl.Int64)})
            found = keys.is_among(keys.hashes(frame, ["n"])[0], seen.suspects(iter([table])))
            twice = frame.select((pl.len().over("n") > 1) | pl.col("n").is_in(there)).to_series()
            assert found.tolist() == twice.to_list()
            found = Foreseen({("n", "t"): both.suspects()}).look(frame)
            several = frame.select((pl.len().over("n", "t") > 1) & pl.col("t").is_not_null()).to_series()
            assert (found.tolist() if found is not None else [False] * frame.height) == several.to_list()


@given(KEYS, st.lists(st.integers(0, 6), max_size=5), st.integers(1, 10), st.integers(1, 9))
def test_every_key_that_came_before_is_told(rows, there, full, at_once):
    frame = pl.DataFrame(rows, schema={"n": pl.Int64, "t": pl.String}, orient="row")
    table = pl.DataFrame({"n": pl.Series(there, dtype=pl.Int64)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seen, "FULL", full)
        patch.setattr(seen, "_WORDS_BITS", 4)
        arrivals = Arrivals({("n",): [table], ("n", "t"): []})
        parts = [frame[at : at + at_once] for at in range(0, frame.height, at_once)]
        # Looks are made ahead, and asked in their order.
        marked = np.concatenate([arrivals.marked(looks) for looks in [arrivals.look(part) for part in parts]])
    came = frame.select(~pl.col("n").is_first_distinct() | pl.col("n").is_in(there)).to_series().to_numpy()
    assert marked[came].all()


def test_hardly_a_key_is_mistaken_for_another_one():
    arrivals = Arrivals({("n",): ()})
    marked = [arrivals.marked(arrivals.look(pl.DataFrame({"n": range(at, at + 100_000)}))) for at in range(0, 1_000_000, 100_000)]
    assert np.concatenate(marked).mean() < 0.001


def test_losers_give_every_reason():
    frame = pl.DataFrame({"id": [1, 1, 2, 3], "mail": ["a", "b", "a", None], ROW: [0, 1, 2, 3], LINE: [2, 3, 4, 5]})
    lost = losers(frame, [("id",), ("mail",)], key=("id",), rule="refuse", order=None, taken=pl.LazyFrame({"id": [3], "mail": ["q"]}))
    assert lost.rows() == [
        (3, ["id is in the table already"], False),
        (1, ["id repeats an earlier row"], False),
        (2, ["mail repeats an earlier row"], False),
    ]


@pytest.mark.parametrize("duplicates", ["refuse", "first", "latest", "none"])
def test_a_delivery_without_the_cursors_column_is_taken_in(tmp_path, duplicates):
    with opened(tmp_path / "room") as room:
        room.sources["visits"] |= {"cursor": "at", "duplicates": duplicates}
        room.sources["visits"].pop("time", None)
        counts = Intake(room.workspace, room.data, "visits", Silence()).rehearse(room.write("hand.csv", "id,pages,bought\n5,2,no\n6,3,yes\n"))
        assert (counts.read, counts.accepted) == (2, 2)
        body = take(room, "id,pages,bought\n5,2,no\n6,3,yes\n5,4,no\n")
        assert body["read"] == 3
        assert body["accepted"] == (1 if duplicates == "none" else 2)


@pytest.mark.parametrize("cell", ["soon", "2024-01-01 or so"])
def test_a_time_that_is_none_is_told_in_a_line(tmp_path, cell):
    with opened(tmp_path / "room") as room:
        room.contract = {}
        room.sources["visits"]["time"] = "at"
        with pytest.raises(Mistake, match="'at', which says when, is read as") as caught:
            take(room, f"id,at\n1,2024-01-01\n2,{cell}\n")
        assert caught.value.where.endswith("data.sources.visits.time")
        assert take(room, "id,at\n1,\n2,\n")["accepted"] == 0
        room.contract = {"at": {"type": "date"}}
        assert take(room, f"id,at\n1,2024-01-01\n2,{cell}\n")["accepted"] == 1
