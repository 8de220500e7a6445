"""What every lake keeps, in a folder and in an object store alike."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import textwrap
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from deltalake.transaction import AddAction
from polars.testing import assert_frame_equal

from loopline.errors import Fault, LooplineError, Mistake
from loopline.lake.blobs import Blobs
from loopline.lake.erasure import Change, erase, padded
from loopline.lake.inventory import Inventory
from loopline.lake.place import Lake
from loopline.lake.tables import Tables
from loopline.lake.versions import Commit
from loopline.ledger.store import Ledger


@pytest.fixture
def tables(lake: Lake) -> Tables:
    return Tables(lake)


def rows(*ids: int, v: float = 1.0) -> pl.DataFrame:
    return pl.DataFrame({"id": list(ids), "v": [v] * len(ids)}, schema={"id": pl.Int64, "v": pl.Float64})


def held(tables: Tables, name: str = "t", version: int | None = None) -> pl.DataFrame:
    return tables.read(name, version=version).collect().sort(pl.all())


def start(lake: Lake, code: str, *arguments: str) -> subprocess.Popen[str]:
    """A process of its own that has the lake's `tables` and begins when it is sent a line."""
    begin = """
        import json, os, signal, sys
        import polars as pl
        from loopline.lake.place import Lake
        from loopline.lake.tables import Tables
        from loopline.ledger.entry import Draft
        from loopline.ledger.store import Ledger
        tables = Tables(Lake(*json.loads(sys.argv[1])))
        print("ready", flush=True)
        sys.stdin.readline()
    """
    command = [sys.executable, "-c", textwrap.dedent(begin) + textwrap.dedent(code), json.dumps([lake.url, dict(lake.options)]), *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(processes: list[subprocess.Popen[str]]) -> list[str]:
    """Lets the processes go, all at once, and gives what each said."""
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    ended = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        said, errors = process.communicate()
        assert errors == ""
        ended.append(said.strip())
    return ended


def test_an_empty_lake_has_no_tables(tables: Tables) -> None:
    assert tables.names() == []
    assert not tables.exists("t")
    assert tables.batch_version("t", "b") is None
    for ask in (tables.read, tables.version, tables.history):
        with pytest.raises(Mistake, match="there is no table 't'; the tables are none yet"):
            ask("t")
    with pytest.raises(Mistake, match="there is no table"):
        tables.delete("t", "true")


def test_rows_come_back_with_their_types(tables: Tables) -> None:
    moment = datetime(2013, 1, 2, 3, 4, 5, 678901)
    frame = pl.DataFrame(
        {
            "text": ["a", None, "é\0"],
            "whole": [1, -(2**62), None],
            "real": [0.1, float("inf"), None],
            "yes": [True, False, None],
            "day": [date(2013, 1, 1)] * 3,
            "naive": [moment] * 3,
            "zoned": pl.Series([moment.replace(tzinfo=UTC)] * 3).dt.convert_time_zone("America/New_York"),
            "small": pl.Series([1, 200, 3], dtype=pl.UInt8),
            "kind": pl.Series(["x", "y", "x"], dtype=pl.Categorical),
            "nothing": [None] * 3,
            "list": [["a"], [], None],
        }
    )
    assert tables.append("t", frame) == Commit(1, added=3)
    back = tables.read("t").collect()
    moments = pl.Datetime("us", "UTC")
    whole = [pl.String, pl.Int64, pl.Float64, pl.Boolean, pl.Date, moments, moments, pl.Int16, pl.String, pl.String, pl.List(pl.String)]
    assert back.schema == pl.Schema(dict(zip(frame.columns, whole, strict=True)))
    assert_frame_equal(back.select("text", "whole", "real", "yes", "day", "list"), frame.select("text", "whole", "real", "yes", "day", "list"))
    assert back["naive"].unique().to_list() == back["zoned"].unique().to_list() == [moment.replace(tzinfo=UTC)]
    assert back["small"].to_list() == [1, 200, 3]


def test_a_batch_is_added_once(tables: Tables) -> None:
    assert tables.append("t", rows(1), batch="b") == Commit(1, added=1)
    assert tables.append("t", rows(1), batch="b") == Commit(1, repeated=True)
    assert tables.append("t", rows(2), batch="c", batch_version=5) == Commit(2, added=1)
    assert tables.append("t", rows(3), batch="c", batch_version=4) == Commit(2, repeated=True)
    assert tables.append("t", rows(3), batch="c", batch_version=6) == Commit(3, added=1)
    assert tables.append("t", rows(), batch="empty") == Commit(4)
    assert tables.append("t", rows(), batch="empty") == Commit(4, repeated=True)
    assert tables.batch_version("t", "c") == 6
    assert held(tables)["id"].to_list() == [1, 2, 3]


def test_columns_may_come_and_stay_away(tables: Tables) -> None:
    tables.append("t", rows(1))
    tables.append("t", rows(2).with_columns(extra=pl.lit("e")))
    tables.append("t", pl.DataFrame({"id": [3]}))
    assert held(tables).rows() == [(1, 1.0, None), (2, 1.0, "e"), (3, None, None)]
    with pytest.raises(Mistake, match="has no column 'other'"):
        tables.append("t", rows(4).with_columns(other=1), merge_schema=False)
    tables.append("t", pl.DataFrame({"id": pl.Series([4], dtype=pl.Int8), "v": pl.Series([2], dtype=pl.Int32), "extra": [None]}))
    assert held(tables).row(3) == (4, 2.0, None)
    with pytest.raises(Mistake, match=r"table 't': column 'id' is Float64 and cannot join a column of Int64"):
        tables.append("t", pl.DataFrame({"id": [1.5]}))
    assert tables.version("t").rows == 4


def test_an_upsert_changes_by_key_and_adds_the_rest(tables: Tables) -> None:
    assert tables.upsert("t", rows(1, 2), key=["id"]) == Commit(1, added=2)
    assert tables.upsert("t", rows(2, 3, v=9.0), key=["id"], batch="b") == Commit(2, added=1, changed=1)
    assert tables.upsert("t", rows(2, 3, v=8.0), key=["id"], batch="b") == Commit(2, repeated=True)
    assert held(tables).rows() == [(1, 1.0), (2, 9.0), (3, 9.0)]
    two = pl.DataFrame({"a b": ["x", "x"], "N": [1, 2], "v": [1, 2]})
    tables.upsert("two", two, key=["a b", "N"])
    assert tables.upsert("two", two.head(1).with_columns(v=7, new=True), key=["a b", "N"]) == Commit(2, changed=1)
    assert held(tables, "two").rows() == [("x", 1, 7, True), ("x", 2, 2, None)]


@pytest.mark.parametrize(
    ("frame", "key", "what"),
    [
        (rows(1, 1), ["id"], "a key comes more than once"),
        (pl.DataFrame({"id": [1, None]}), ["id"], "a key is empty in some rows"),
        (rows(1), ["nope"], "the key's column 'nope' is not in the rows"),
        (rows(1), [], "none was given"),
    ],
)
def test_an_upsert_without_a_sound_key_is_refused(tables: Tables, frame: pl.DataFrame, key: list[str], what: str) -> None:
    with pytest.raises(Mistake, match=what):
        tables.upsert("t", frame, key=key)
    assert not tables.exists("t")


def test_delete_update_replace(tables: Tables) -> None:
    tables.append("t", rows(1, 2, 3))
    assert tables.delete("t", "id = 2") == Commit(2, removed=1)
    assert tables.update("t", {"v": "v + 1"}, "id = 3") == Commit(3, changed=1)
    assert held(tables).rows() == [(1, 1.0), (3, 2.0)]
    assert tables.delete("t", "id = 99").removed == 0
    made = tables.replace("t", pl.DataFrame({"other": ["x"]}), batch="r")
    assert (made.added, made.removed) == (1, 2)
    assert tables.replace("t", pl.DataFrame({"other": ["y"]}), batch="r").repeated
    assert held(tables).rows() == [("x",)]


def test_a_mistaken_condition_is_told_without_rows(tables: Tables) -> None:
    tables.append("t", pl.DataFrame({"id": [1], "name": ["Jane Roe"]}))
    for where, what in (("nope = 1", "names nope, which is no column"), ("id = = 1", "is not SQL"), ("CAST(name AS INT) = 1", "does not fit")):
        with pytest.raises(LooplineError, match=what) as told:
            tables.delete("t", where)
        assert "Jane" not in str(told.value) and "\n" not in str(told.value)
    assert tables.version("t").rows == 1


def test_each_reading_in_order_has_the_same_rows_in_the_same_places(tables: Tables) -> None:
    for number in range(6):
        tables.append("t", pl.DataFrame({"id": [2 * number, 2 * number + 1]}))
    before = tables.in_order("t", 6)
    tables.append("t", pl.DataFrame({"id": [99], "name": ["late"]}))
    again = Tables(tables.lake).in_order("t", 6)
    assert before.collect().equals(again.collect())
    assert sorted(before.collect()["id"]) == list(range(12))


def test_every_version_and_moment_can_be_read_and_restored(tables: Tables) -> None:
    tables.append("t", rows(1))
    tables.append("t", rows(2))
    tables.delete("t", "id = 1")
    identity = tables.version("t").id
    assert [held(tables, version=version)["id"].to_list() for version in range(4)] == [[], [1], [1, 2], [2]]
    history = tables.history("t")
    assert [(change.version, change.operation) for change in history] == [(3, "DELETE"), (2, "WRITE"), (1, "WRITE"), (0, "CREATE TABLE")]
    assert tables.read("t", at=history[1].time).collect().sort("id")["id"].to_list() == [1, 2]
    assert tables.read("t", at=datetime.now()).collect()["id"].to_list() == [2]
    lazy = tables.read("t")
    assert tables.restore("t", version=1).version == 4
    assert held(tables)["id"].to_list() == [1]
    assert lazy.collect()["id"].to_list() == [2]
    assert tables.restore("t", at=history[1].time).version == 5
    assert tables.version("t").id == identity and tables.version("t").rows == 2
    with pytest.raises(Mistake, match="has no version 77; its versions are 0 to 5"):
        tables.read("t", version=77)
    with pytest.raises(Mistake, match="did not exist at 2001"):
        tables.read("t", at=datetime(2001, 1, 1))
    with pytest.raises(Mistake, match="give one of the two"):
        tables.restore("t")


@pytest.mark.parametrize("name", ["", "../t", "a/b", ".hidden", "t\n", "x" * 200])
def test_a_table_has_a_plain_name(tables: Tables, name: str) -> None:
    with pytest.raises(Mistake, match="cannot be a table's name"):
        tables.append(name, rows(1))


def test_processes_that_make_a_table_at_once_lose_no_rows(lake: Lake, tables: Tables) -> None:
    code = "print(*[tables.append('t', pl.DataFrame({'id': [int(sys.argv[2])], f'c{sys.argv[2]}': [1]})).version for _ in range(3)])"
    said = finish([start(lake, code, str(number)) for number in range(3)])
    versions = [int(version) for line in said for version in line.split()]
    assert sorted(versions) == list(range(1, 10))
    assert held(tables)["id"].to_list() == sorted([0, 1, 2] * 3)
    assert sorted(tables.read("t").collect_schema().names()) == ["c0", "c1", "c2", "id"]


def test_processes_that_bring_the_same_batches_at_once_add_each_once(lake: Lake, tables: Tables) -> None:
    code = "print(sum(tables.append('t', pl.DataFrame({'id': [batch]}), batch=f'b{batch}').added for batch in range(4)))"
    added = [int(line) for line in finish([start(lake, code) for _ in range(3)])]
    assert sum(added) == 4
    assert held(tables)["id"].to_list() == [0, 1, 2, 3]


def test_processes_that_upsert_the_same_keys_at_once_leave_each_once(lake: Lake, tables: Tables) -> None:
    code = "print(*[tables.upsert('t', pl.DataFrame({'id': [0, int(sys.argv[2]) + 1], 'n': [n, n]}), key=['id']).version for n in range(3)])"
    finish([start(lake, code, str(number)) for number in range(3)])
    assert held(tables).select("id").to_series().to_list() == [0, 1, 2, 3]
    assert tables.version("t").version == 9


def test_killed_between_the_tables_commit_and_the_ledgers_entry_the_next_run_adds_nothing(lake: Lake, tables: Tables, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    code = """
        with Ledger.open(sys.argv[2], "p") as ledger:
            commit = tables.append("t", pl.DataFrame({"id": [1, 2]}), batch="delivery")
            if sys.argv[3] == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            ledger.append(Draft(kind="batch", subject="t", key="delivery", body={"version": commit.version, "repeated": commit.repeated}))
    """
    finish([start(lake, code, url, "die")])
    with Ledger.open(url, "p") as ledger:
        assert ledger.read() == [] and tables.batch_version("t", "delivery") == 1
        finish([start(lake, code, url, "live")])
        assert [entry.body for entry in ledger.read()] == [{"version": 1, "repeated": True}]
        assert ledger.verify().intact
    assert held(tables)["id"].to_list() == [1, 2]


def test_a_blob_is_found_by_its_digest(lake: Lake) -> None:
    blobs = Blobs(lake)
    for data in (b"", b"hello", bytes(range(256)) * 5_000):
        digest = blobs.put(data)
        assert digest == hashlib.sha256(data).hexdigest() == blobs.put(data)
        assert blobs.exists(digest) and blobs.get(digest) == data
    absent = hashlib.sha256(b"absent").hexdigest()
    assert not blobs.exists(absent)
    with pytest.raises(Mistake, match=f"there is no blob {absent[:12]}"):
        blobs.get(absent)
    for wrong in ("", "../../etc/passwd", absent.upper(), absent + "\n"):
        with pytest.raises(Mistake, match="is not a digest"):
            blobs.get(wrong)


def test_a_store_that_is_not_there_is_told_in_a_line(object_store: dict[str, str]) -> None:
    frame, gone = rows(1), Lake("s3://nowhere/x", object_store)
    away = replace(gone, options={**object_store, "aws_endpoint_url": "http://127.0.0.1:9", "max_retries": "0", "retry_timeout": "1s"})
    with pytest.raises(Fault, match="the lake's bucket does not exist"):
        Tables(gone).append("t", frame)
    with pytest.raises(Fault, match="the lake's bucket does not exist"):
        Blobs(gone).put(b"x")
    with pytest.raises(Fault, match="the object store does not answer") as told:
        Tables(away).append("t", frame)
    assert told.value.retry


def test_the_past_begins_with_the_first_commit(tables: Tables) -> None:
    tables.append("t", rows(1))
    first = tables.history("t")[-1].time
    with pytest.raises(Mistake, match="did not exist"):
        tables.read("t", at=first - timedelta(seconds=1))


def test_rows_are_amended_and_removed_by_what_they_are_equal_in(tables: Tables) -> None:
    tables.append("t", rows(1, 2, 3))
    given = pl.DataFrame({"id": [2, 9], "v": [7.0, 9.0]})
    assert tables.amend("t", given, on=["id"], batch="e") == Commit(2, changed=1)
    assert tables.amend("t", given, on=["id"], batch="e") == Commit(2, repeated=True)
    assert held(tables).rows() == [(1, 1.0), (2, 7.0), (3, 1.0)]
    assert tables.remove("t", given.select("id", extra=1), on=["id"], batch="r") == Commit(3, removed=1)
    assert held(tables)["id"].to_list() == [1, 3]
    assert tables.mark("t", batch="m") == Commit(4)
    assert tables.mark("t", batch="m") == Commit(4, repeated=True)
    with pytest.raises(LooplineError, match="column"):
        tables.amend("t", pl.DataFrame({"id": [1], "other": [1]}), on=["id"])


def test_what_two_versions_share_is_left_out_of_a_comparison(tables: Tables) -> None:
    tables.append("t", rows(1, 2))
    tables.append("t", rows(3).with_columns(extra=pl.lit("e")))
    tables.append("t", rows(4))
    tables.delete("t", "id = 4")
    one, other = tables.apart("t", 1, 4)
    assert (one.collect().rows(), other.collect().sort("id").rows()) == ([], [(3, 1.0, "e")])
    one, other = tables.apart("t", 3, 2)
    assert (one.collect().rows(), other.collect().rows()) == ([(4, 1.0, None)], [])


def _without(id: int) -> Change:
    return lambda frame: (frame.filter(pl.col("id") != id), frame.filter(pl.col("id") == id).height)


def test_rows_are_erased_from_every_version_and_the_table_lives_on(lake: Lake, tables: Tables) -> None:
    for number in range(1, 5):
        tables.append("t", pl.DataFrame({"id": [number, 100 + number], "name": [f"somebody {number}", None]}))
    tables.upsert("t", pl.DataFrame({"id": [2, 9], "name": ["somebody 2", "somebody 9"]}), key=["id"])
    tables.delete("t", "name = 'somebody 2'")
    tables.restore("t", version=5)
    before = [held(tables, version=version) for version in range(8)]
    done = erase(lake, "t", _without(2), scrub=lambda text: text.replace("somebody 2", "?"))
    assert (done.rows, done.files) == (2, 2)
    for version in range(8):
        assert_frame_equal(held(tables, version=version), before[version].filter(pl.col("id") != 2))
    assert tables.version("t").rows == held(tables).height
    inventory = Inventory(lake)
    assert not [path for path in inventory.paths("tables/t") if b"somebody 2" in (inventory.read(path) or b"")]
    assert erase(lake, "t", _without(2)).files == 0
    assert tables.upsert("t", pl.DataFrame({"id": [3, 10], "name": ["x", "y"]}), key=["id"]).changed == 1
    assert tables.update("t", {"name": "'z'"}, "id = 1").changed == 1
    assert tables.delete("t", "id > 100").removed == 4


def test_rows_are_erased_from_a_log_with_checkpoints_too(lake: Lake, tables: Tables) -> None:
    tables.append("t", pl.DataFrame({"id": [1, 2], "name": ["a", "somebody 2"]}))
    DeltaTable(lake.table("t"), storage_options=dict(lake.options)).create_checkpoint()
    erase(lake, "t", _without(2))
    assert held(tables).rows() == [(1, "a")]
    assert tables.append("t", pl.DataFrame({"id": [3], "name": ["c"]})).version == 2
    inventory = Inventory(lake)
    checkpoints = [path for path in inventory.paths("tables/t/_delta_log") if path.endswith(".parquet")]
    assert checkpoints and not [path for path in checkpoints if b"somebody 2" in (inventory.read(path) or b"")]


def test_files_that_polars_wrote_are_amended_and_erased_like_others(lake: Lake, tables: Tables) -> None:
    tables.append("t", pl.DataFrame({"id": [1], "name": ["a"]}))
    table = DeltaTable(lake.table("t"), storage_options=dict(lake.options))
    buffer = io.BytesIO()
    pl.DataFrame({"id": [2, 3], "name": ["b", "c"]}).write_parquet(buffer)
    Inventory(lake).replace("tables/t/own.parquet", buffer.getvalue())
    added = AddAction("own.parquet", len(buffer.getvalue()), {}, 0, True, json.dumps({"numRecords": 2}))
    table.create_write_transaction([added], mode="append", schema=table.schema())
    assert tables.amend("t", pl.DataFrame({"id": [3], "name": ["z"]}), on=["id"]).changed == 1
    erase(lake, "t", _without(2))
    assert held(tables).rows() == [(1, "a"), (3, "z")]
    assert held(tables, version=2).rows() == [(1, "a"), (3, "c")]
    assert tables.remove("t", pl.DataFrame({"id": [1]}), on=["id"]).removed == 1


def test_a_shortened_log_and_a_damaged_file_are_told(lake: Lake, tables: Tables) -> None:
    tables.append("t", rows(1, 2))
    inventory = Inventory(lake)
    (file,) = [path for path in inventory.paths("tables/t") if path.endswith(".parquet")]
    inventory.replace("tables/t/part.parquet", b"half")
    data = inventory.read(file)
    assert data is not None
    inventory.replace(file, b"PAR1 damaged")
    with pytest.raises(Fault, match="a data file is damaged"):
        erase(lake, "t", _without(1))
    inventory.replace(file, data)
    assert erase(lake, "t", _without(1)).rows == 1
    assert inventory.read("tables/t/part.parquet") is None
    inventory.remove(f"tables/t/_delta_log/{0:020}.json")
    with pytest.raises(Mistake, match="was shortened"):
        erase(lake, "t", _without(1))


def test_a_file_keeps_its_size_where_that_can_be() -> None:
    frame = pl.DataFrame({"id": range(1000), "name": [f"n{number}" for number in range(1000)]})
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    made = padded(buffer.getvalue(), len(buffer.getvalue()) + 12_345)
    assert len(made) == len(buffer.getvalue()) + 12_345
    assert_frame_equal(pl.read_parquet(io.BytesIO(made)), frame)


def test_erased_bytes_are_gone_and_their_successor_has_their_place(lake: Lake) -> None:
    blobs = Blobs(lake)
    first, second = blobs.put(b"ann and ben"), blobs.put(b"only ann")
    by = blobs.erase(first, b"and ben")
    assert by is not None and blobs.get(first) == b"and ben" == blobs.get(by)
    assert blobs.erase(second, None) is None
    assert (blobs.exists(first), blobs.exists(second)) == (True, False)
    with pytest.raises(Mistake, match="was erased"):
        blobs.get(second)
    assert (blobs.put(b"ann and ben"), blobs.put(b"only ann")) == (first, second)
    assert not [path for path in Inventory(lake).paths("blobs") if b"ann" in (Inventory(lake).read(path) or b"")]
    blobs.erase(by, b"nobody")
    assert blobs.get(first) == b"nobody"


def test_the_sizes_of_files_are_told_by_their_paths(tables: Tables, lake: Lake) -> None:
    Blobs(lake).put(b"0" * 1234)
    tables.append("t", rows(1, 2), batch="b1")
    inventory = Inventory(lake)
    blobs, files = inventory.sizes("blobs"), inventory.sizes(lake.tables)
    assert list(blobs.values()) == [1234] and list(blobs) == inventory.paths("blobs")
    assert list(files) == inventory.paths(lake.tables) and all(size > 0 for size in files.values())
    assert inventory.sizes("nothing") == {}
