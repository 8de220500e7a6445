"""Somebody is forgotten: no version, file, blob or log has their rows any more, others are as they were, and a death in between is made good."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from loopline.data.edits import edits
from loopline.data.edits.edits import Asked
from loopline.data.edits.reapply import reapply
from loopline.data.forget.forget import forget
from loopline.data.forget.forgotten import FORGOTTEN, forgotten
from loopline.data.history import history
from loopline.data.ingest import ingest_file
from loopline.errors import Mistake
from loopline.lake.blobs import Blobs
from loopline.lake.inventory import Inventory
from loopline.lake.tables import Tables
from loopline.ledger.store import Ledger
from tests.data.conftest import opened
from tests.data.dying import Death, dying

ANN, BEN = "ann@example.com", "ben@example.com"
ME = Asked("dpo@example.com", "asked for on paper")
WRITES = ((Tables, "append"), (Tables, "mark"), (Ledger, "append"), (Blobs, "erase"), (Inventory, "replace"), (Inventory, "remove"))


def people(*names, pages="3"):
    lines = [f'{name},{pages},{"yes" if index % 3 else "no"},"a note\nof {name}"' for index, name in enumerate(names)]
    return "who,pages,bought,note\n" + "\n".join(lines) + "\n"


CROWD = [f"person{number:03}@example.com" for number in range(60)]


def declare(room):
    room.sources.clear()
    room.sources |= {
        "visits": {"path": "visits*.csv", "key": "who"},
        "people": {"path": "people.csv", "key": "who"},
        "orders": {"path": "orders.csv", "key": "order"},
    }
    room.contract.clear()
    room.contract["pages"] = {"type": "integer", "max": 8}


def fill(room):
    """Several versions, deliveries by hand, edits, refused rows, and all the tables beside."""
    declare(room)
    room.write("people.csv", "who,town\n" + "".join(f"{name},Oslo\n" for name in (ANN, BEN)))
    room.write("orders.csv", f"order,buyer\n1,{ANN}\n2,{BEN}\n3,{ANN}\n")
    room.write("visits-1.csv", people(*CROWD[:30], ANN, *CROWD[30:], BEN))
    room.run()
    hand = room.write("../hand.csv", people("cid@example.com") + people(ANN, "dan@example.com", pages="99").partition("\n")[2])
    ingest_file(room.workspace, room.data, hand)
    room.write("visits-2.csv", people("eve@example.com", ANN, pages="77"))
    room.run()
    edits.update(room.workspace, room.data, "visits", where=f"who in ('{ANN}', '{BEN}')", values=["pages=5"], asked=ME)
    again = room.write("../again.csv", f"who,pages\n{ANN},7\n{BEN},7\n")
    edits.upsert(room.workspace, room.data, "visits", again, asked=ME)
    edits.delete(room.workspace, room.data, "visits", where=f"who = '{CROWD[0]}'", asked=ME)
    (room.folder.parent / "hand.csv").unlink()
    beside(room)


def beside(room):
    tables, moment = room.tables, datetime(2024, 5, 1, tzinfo=UTC)
    rows = room.rows()
    origins = {name: rows.filter(pl.col("who") == name).select("__batch", "__line").row(0) for name in (ANN, BEN)}
    for name, (batch, line) in origins.items():
        tables.append("mends", pl.DataFrame({"table": ["visits"], "batch": [batch], "line": [line], "values": ['{"pages": 5}'], "by": ["x"], "time": [moment]}))
        tables.append("cleaned", pl.DataFrame({"table": ["visits"], "batch": [batch], "line": [line], "column": ["note"], "raw": [f" {name} "]}))
        record = {"key": json.dumps({"who": name}), "row": json.dumps({"pages": 3})}
        tables.append(
            "predictions", pl.DataFrame({"prediction_id": [f"20240501-{name[:3]}"], "day": [date(2024, 5, 1)], **{k: [v] for k, v in record.items()}})
        )
        tables.append("outcomes", pl.DataFrame({"prediction_id": [f"20240501-{name[:3]}"], "outcome": ["yes"]}))
        tables.append("feedback", pl.DataFrame({"prediction_id": [f"20240501-{name[:3]}"], "text": ["too late"], "who": [name]}))
        tables.append("refused", pl.DataFrame({"kind": ["row"], "raw": [json.dumps({"rows": [{"who": name, "pages": "x"}]})]}))
    log = room.workspace.lake.log
    for kind, line in (
        ("predictions", lambda name: {"id": f"20240502-{name[:3]}", "key": {"who": name}, "row": {"pages": 1}}),
        ("outcomes", lambda name: {"id": f"20240502-{name[:3]}", "outcome": "no"}),
        ("feedback", lambda name: {"id": f"20240502-{name[:3]}", "text": "too late", "who": name}),
        ("refused", lambda name: {"kind": "row", "raw": json.dumps({"who": name})}),
    ):
        (log / kind).mkdir(parents=True, exist_ok=True)
        (log / kind / "20240502-aa-000001.jsonl").write_text("".join(json.dumps(line(name)) + "\n" for name in (ANN, BEN)))
    report = {"samples": [{"who": ANN, "pages": 3, "bought": "no", "note": "n"}, {"who": BEN}], "frequent": [[ANN, 3], [BEN, 2]]}
    Blobs(room.workspace.lake).put(json.dumps(report).encode())
    Blobs(room.workspace.lake).put(f"<p>{ANN} and {BEN}</p>".encode())


def forget_ann(room, asked=ME, **more):
    return forget(room.workspace, room.data, "visits", [[ANN]], asked=asked, also=["orders.buyer"], **more)


def holding(room, text):
    """The files of the lake that have a text, packed or not, in any encoding of a data file."""
    found = []
    for path in sorted(room.workspace.lake.folder.rglob("*")):
        if not path.is_file():
            continue
        data = path.read_bytes()
        data = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
        told = data.startswith(b"PAR1") and any(text in str(row) for row in pl.read_parquet(data).iter_rows())
        if text.encode() in data or told:
            found.append(path.relative_to(room.workspace.lake.folder).as_posix())
    return found


def everything(room):
    """What every version of every table holds, without one person; and the log."""
    held = {}
    for name in room.tables.names():
        if name == FORGOTTEN:
            continue
        for change in room.tables.history(name):
            rows = [str(row) for row in room.tables.read(name, version=change.version).collect().iter_rows()]
            held[name, change.version] = sorted(row for row in rows if ANN not in row)
    return held


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    place = tmp_path_factory.mktemp("forget") / "start"
    place.mkdir()
    with opened(place) as room:
        fill(room)
    return place


@pytest.fixture
def room(start, tmp_path):
    shutil.copytree(start, tmp_path / "room")
    with opened(tmp_path / "room") as room:
        declare(room)
        yield room


def test_nothing_of_somebody_is_left_in_any_version_or_file_and_all_else_is_as_it_was(room):
    before = everything(room)
    assert len(holding(room, ANN)) > 15
    done = forget_ann(room)
    assert holding(room, ANN) == []
    after = everything(room)
    quarantined = [row for row in before["quarantine", 2] if "dan@" in row]
    assert quarantined and quarantined == [row for row in after["quarantine", 2] if "dan@" in row]
    for name, version in before:
        if name not in ("quarantine", "cleaned", "mends", "outcomes", "feedback", "predictions", "refused"):
            assert after[name, version] == before[name, version], (name, version)
    for name, other in (("mends", 1), ("cleaned", 1), ("predictions", 1), ("outcomes", 1), ("feedback", 1), ("refused", 2)):
        assert room.tables.read(name).select(pl.len()).collect().item() == other, name
    assert [len(path.read_text().split("\n")[0].strip()) for path in sorted(room.workspace.lake.log.rglob("*.jsonl"))] == [0, 0, 0, 0]
    assert done.rows == {"visits": 1, "people": 1, "orders": 2}
    assert (done.lines, done.lost, done.proof.left, done.proof.packages, done.proof.elsewhere) == (4, (), [], [], {})
    assert done.proof.data_files > 20 and done.proof.blobs > 5 and done.proof.segments == 4
    assert room.workspace.ledger.verify().intact


def test_the_fact_stays_without_the_data(room):
    done = forget_ann(room)
    entry = room.workspace.ledger.get(done.entry)
    assert (entry.kind, entry.actor, entry.body["why"], entry.body["keys"]) == ("forget", "dpo@example.com", "asked for on paper", 1)
    assert entry.body["tables"]["visits"]["rows"] == 1 and entry.body["scanned"]["data_files"] == done.proof.data_files
    assert len(entry.body["digests"][0]) == 64
    assert not [one for one in room.workspace.ledger.read() if ANN in json.dumps(dict(one.body))]
    newest = history(room.workspace, "visits")[0]
    assert (newest.what, newest.by, newest.removed) == ("rows forgotten", "dpo@example.com", 4)


def test_counts_and_sizes_in_the_tables_log_are_those_of_the_files(room):
    forget_ann(room)
    for name in room.tables.names():
        assert room.tables.version(name).rows == room.tables.read(name).select(pl.len()).collect().item(), name
        for log in sorted((room.workspace.lake.folder / "tables" / name / "_delta_log").glob("*.json")):
            for line in log.read_text().splitlines():
                added = json.loads(line).get("add")
                path = added and room.workspace.lake.folder / "tables" / name / added["path"]
                if path and path.exists():
                    rows = json.loads(added["stats"])["numRecords"]
                    assert (path.stat().st_size, pl.scan_parquet(path).select(pl.len()).collect().item()) == (added["size"], rows)


def test_a_table_lives_on_after_its_files_were_written_anew(room):
    forget_ann(room)
    before = room.rows().height
    edits.update(room.workspace, room.data, "visits", where="who like 'person%'", values=["pages=1"], asked=ME)
    more = room.write("../more.csv", "who,pages\nzed@example.com,1\n")
    edits.upsert(room.workspace, room.data, "visits", more, asked=ME)
    edits.delete(room.workspace, room.data, "visits", where=f"who = '{BEN}'", asked=ME)
    assert room.rows().height == before
    edits.restore(room.workspace, room.data, "visits", version=1, asked=ME)
    assert ANN not in room.rows()["who"].to_list() and BEN in room.rows()["who"].to_list()
    assert forget_ann(room).rows["visits"] == 0


def test_a_new_check_from_the_kept_bytes_brings_nobody_back_and_keeps_the_lines_of_others(room):
    lines = dict(room.rows().select("who", "__line").iter_rows())
    forget_ann(room)
    (room.folder / "visits-1.csv").write_text(people(*CROWD[:30], *CROWD[30:], BEN))
    hand = [entry for entry in room.workspace.ledger.read(kinds=["batch"]) if entry.body["how"] == "hand"]
    kept = Blobs(room.workspace.lake).get(hand[0].body["raw"]).decode()
    assert "cid@example.com" in kept and "dan@example.com" in kept and ANN not in kept
    assert kept.count("\n") == people("cid@example.com", ANN, "dan@example.com").count("\n")
    assert lines["cid@example.com"] == 2
    again = [entry for entry in room.workspace.ledger.read(kinds=["edit"]) if entry.body["verb"] == "upsert"]
    said = json.loads(Blobs(room.workspace.lake).get(again[0].body["says"]))
    assert Blobs(room.workspace.lake).get(said["raw"]).decode() == f"who,pages\n\n{BEN},7\n"


def test_whoever_was_forgotten_is_known_again_as_text_or_typed(room):
    assert forgotten(room.workspace, room.data, "visits").is_empty
    forget_ann(room)
    known = forgotten(room.workspace, room.data, "visits")
    frame = pl.DataFrame({"who": [BEN, ANN, None, "x"], "pages": ["1", "2", "3", "4"]})
    assert known(frame).to_list() == [False, True, False, False]
    assert known(frame.drop("who")).to_list() == [False] * 4
    assert known.in_text(f'"{ANN}",1,2,3,4,5') and not known.in_text(f'"{BEN}",1,2')
    assert known.has({"who": ANN}) and not known.has({"who": BEN})
    assert forgotten(room.workspace, room.data, "orders")(pl.DataFrame({"buyer": [ANN, BEN]})).to_list() == [True, False]
    assert holding(room, ANN) == []


def test_the_bytes_that_were_erased_are_not_put_back(room):
    blobs = Blobs(room.workspace.lake)
    data = (room.folder.parent / "again.csv").read_bytes()
    digest = blobs.put(data)
    forget_ann(room)
    assert blobs.put(data) == digest
    assert blobs.exists(digest) and ANN.encode() not in blobs.get(digest)
    assert holding(room, ANN) == []


def test_a_rehearsal_counts_and_writes_nothing(room):
    files = {path: path.read_bytes() for path in room.workspace.lake.folder.rglob("*") if path.is_file()}
    last = room.workspace.ledger.read(newest_first=True, limit=1)
    done = forget_ann(room, Asked("x", rehearses=True))
    assert (done.rows, done.proof, done.entry, done.lines) == ({"visits": 1, "people": 1, "orders": 2}, None, None, 4)
    assert done.blobs >= 5 and done.tables["visits"].rows >= 3
    assert {path: path.read_bytes() for path in room.workspace.lake.folder.rglob("*") if path.is_file()} == files
    assert room.workspace.ledger.read(newest_first=True, limit=1) == last


def test_tables_with_the_same_key_are_reached_unless_they_are_spared_and_traces_elsewhere_are_told(room):
    done = forget(room.workspace, room.data, "visits", [[ANN]], asked=ME, spared=["people"])
    assert set(done.rows) == {"visits"}
    assert done.proof.elsewhere == {"orders.buyer": 2, "people.who": 1}


@pytest.mark.parametrize(
    ("table", "values", "more", "what"),
    [
        ("visitz", [[ANN]], {}, "no key by which"),
        ("visitz", [[ANN]], {"columns": ["who"]}, "there is no table 'visitz'"),
        ("visits", [[ANN]], {"columns": ["whom"]}, "did you mean 'who'"),
        ("visits", [[ANN, "x"]], {}, "2 parts for 1 columns"),
        ("visits", [[""]], {}, "1 parts for 1 columns"),
        ("visits", [["x"]], {"columns": ["pages"]}, "no integer, as column 'pages' is"),
        ("visits", [[ANN]], {"also": ["orders"]}, "there is no column 'who'"),
        ("visits", [[ANN]], {"also": ["nowhere.who"]}, "there is no table 'nowhere'"),
        ("visits", [[ANN]], {"also": ["orders.a,b"]}, "names 2 columns for a key of 1"),
        ("visits", [[ANN]], {"spared": ["orders"]}, "not reached"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_done(room, table, values, more, what):
    last = room.workspace.ledger.read(newest_first=True, limit=1)
    with pytest.raises(Mistake, match=what):
        forget(room.workspace, room.data, table, values, asked=ME, **more)
    assert room.workspace.ledger.read(newest_first=True, limit=1) == last


def test_a_short_number_is_only_looked_for_where_it_is_a_key(room):
    report = Blobs(room.workspace.lake).put(b'{"order": 1, "depth": 1}')
    done = forget(room.workspace, room.data, "orders", [["01"], ["3"]], asked=ME)
    assert done.rows == {"orders": 2}
    assert room.rows("orders")["order"].to_list() == [2]
    assert room.tables.read("orders", version=1).collect()["order"].to_list() == [2]
    assert Blobs(room.workspace.lake).get(report) == b'{"order": 1, "depth": 1}'
    assert forgotten(room.workspace, room.data, "orders")(pl.DataFrame({"order": [" 1", "2", "03", "x"]})).to_list() == [True, False, True, False]


def test_edits_still_come_again_for_others(tmp_path):
    with opened(tmp_path) as room:
        room.sources["visits"]["key"] = "who"
        room.write("visits.csv", people(*CROWD, ANN, BEN))
        room.run()
        again = room.write("../again.csv", f"who,pages\n{ANN},7\n{BEN},7\n")
        edits.upsert(room.workspace, room.data, "visits", again, asked=ME)
        edits.update(room.workspace, room.data, "visits", where="true", values=["note=upper(note)"], asked=ME)
        forget(room.workspace, room.data, "visits", [[ANN]], asked=ME)
        room.contract["pages"] = {"type": "number", "max": 8}
        room.run()
        reapply(room.workspace, room.data, "visits")
        held = {who: (pages, note) for who, pages, note in room.rows().select("who", "pages", "note").iter_rows()}
        assert held[BEN] == (7.0, f"A NOTE\nOF {BEN}".upper())
        assert held[CROWD[1]] == (3.0, f"A NOTE\nOF {CROWD[1]}".upper())
        assert ANN not in held


def _sound(room, before):
    """Every version of every table can be read, and nobody else's row is lost."""
    after = everything(room)
    for name, version in before:
        if name in ("visits", "people", "orders"):
            assert after[name, version] == before[name, version]


@pytest.mark.parametrize("deaths", [2, pytest.param(100, marks=pytest.mark.torture)])
def test_a_death_at_any_write_leaves_readable_tables_and_the_next_call_completes_it(start, tmp_path, monkeypatch, deaths):
    shutil.copytree(start, tmp_path / "whole")
    with opened(tmp_path / "whole") as room, monkeypatch.context() as patched:
        declare(room)
        before = everything(room)
        count = dying(patched, WRITES, at=10**6, after=False)
        forget_ann(room)
        writes = count()
    assert writes > 30
    for at in range(1, writes + 1, max(1, writes // deaths)):
        place = tmp_path / str(at)
        shutil.copytree(start, place)
        with opened(place) as room, monkeypatch.context() as patched:
            declare(room)
            dying(patched, WRITES, at=at, after=at % 2 == 0)
            with pytest.raises(Death):
                forget_ann(room)
        with opened(place) as room:
            declare(room)
            _sound(room, before)
            forget_ann(room)
            assert holding(room, ANN) == []
            _sound(room, before)
        shutil.rmtree(place)


KILLED = """
import os, signal, sys
from pathlib import Path
from loopline.lake.inventory import Inventory
from tests.data.conftest import opened
from tests.data.dying import Death, dying
from tests.data.forget.test_forget import declare, forget_ann
left = int(sys.argv[2])
original = Inventory.replace
def replace(self, path, data):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    original(self, path, data)
Inventory.replace = replace
with opened(Path(sys.argv[1])) as room:
    declare(room)
    forget_ann(room)
"""


@pytest.mark.parametrize("at", [pytest.param(at, marks=() if at == 6 else pytest.mark.torture) for at in (0, 3, 6, 12, 20, 25)])
def test_killed_by_the_system_the_next_call_completes_it(start, tmp_path, at):
    shutil.copytree(start, tmp_path / "room")
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "room"), str(at)], cwd=Path(__file__).parents[3], env=dict(os.environ), timeout=120)
    assert ended.returncode == -signal.SIGKILL
    with opened(tmp_path / "room") as room:
        declare(room)
        assert holding(room, ANN)
        forget_ann(room)
        assert holding(room, ANN) == []
