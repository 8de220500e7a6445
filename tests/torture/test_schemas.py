"""A delivery whose columns differ from those before: clear, resumable, nothing lost."""

from __future__ import annotations

import polars as pl
import pytest

from loopline.data.intake.intake import Intake
from loopline.data.listing import listing
from loopline.engine.step import Silence
from loopline.errors import LooplineError
from tests.data.conftest import opened

FIRST = "id,n,t\n1,10,a\n2,20,b\n3,30,c\n"
CHANGED = {
    "missing": "id,t\n4,d\n5,e\n",
    "added": "id,n,t,extra\n4,40,d,9\n5,50,e,8\n",
    "retyped": "id,n,t\n4,many,d\n5,50,e\n",
    "half": "id,n,t\n4,4.5,d\n5,50,e\n",
    "reordered": "t,id,n\nd,4,40\ne,5,50\n",
    "renamed": "id,number,t\n4,40,d\n5,50,e\n",
    "key renamed": "ident,n,t\n4,40,d\n5,50,e\n",
    "capitals": "ID,N,T\n4,40,d\n5,50,e\n",
    "one capital": "id,N,t\n4,40,d\n5,50,e\n",
    "twins": "id,n,N,t\n4,40,1,d\n5,50,1,e\n",
    "as json": '{"id": 4, "n": 40, "t": "d"}\n{"id": 5, "n": 50, "t": "e"}\n',
    "nested": '{"id": 4, "n": {"x": 1}, "t": "d"}\n{"id": 5, "n": 50, "t": "e"}\n',
}
CONTRACTS = {"open": {}, "declared": {"id": {"type": "integer"}, "n": {"type": "integer"}, "t": {"type": "text"}}}


def take(room):
    intake = Intake(room.workspace, room.data, "visits", Silence())
    try:
        intake.take_all(listing(room.data.sources["visits"], room.folder))
    except LooplineError as error:
        assert error.what and error.remedy and "v2.csv" in error.where and "\n" not in str(error), error
        return error
    for entry in intake.batches:
        assert entry.body["read"] == entry.body["accepted"] + entry.body["quarantined"] + entry.body["merged"]
    return None


@pytest.mark.parametrize(
    ("contract", "mode"),
    [
        ("open", "append"),
        ("declared", "upsert"),
        *(
            pytest.param(*both, marks=pytest.mark.torture)
            for both in (("declared", "append"), ("open", "upsert"), ("open", "replace"), ("declared", "replace"))
        ),
    ],
)
@pytest.mark.parametrize("change", CHANGED)
def test_a_changed_delivery_enters_or_is_told_of_and_the_next_one_enters(change, contract, mode, tmp_path):
    with opened(tmp_path) as room:
        room.sources = {"visits": {"path": "v*", "key": "id", "mode": mode}}
        room.contract = CONTRACTS[contract]
        room.write("v1.csv", FIRST)
        assert take(room) is None
        room.write("v2.csv", CHANGED[change])
        error = take(room)
        before = room.tables.read("visits").collect()
        if error is not None:
            # Nothing of it is seen, and asked again it says the same.
            assert sorted(before["id"]) == [1, 2, 3]
            assert str(take(room)) == str(error)
            (room.folder / "v2.csv").write_text(FIRST.replace("1,10,a\n2,20,b\n3,30,c", "4,40,d\n5,50,e"))
            assert take(room) is None
        elif mode != "replace":
            kept = room.refused()["line"].to_list() if room.tables.exists("quarantine") else []
            assert len(kept) + before.height == 5
            assert before.filter(pl.col("id") <= 3)["n"].cast(pl.String).sort().to_list() == ["10", "20", "30"] or before["n"].dtype == pl.Float64
        room.write("v3.csv", FIRST.replace("1,10,a\n2,20,b\n3,30,c", "6,60,f\n7,70,g"))
        assert take(room) is None
        assert {6, 7} <= set(room.tables.read("visits").collect()["id"])
        assert room.workspace.ledger.verify().intact


@pytest.mark.parametrize("mode", ["append", "upsert", "replace"])
@pytest.mark.parametrize(
    ("rule", "accepted", "merged", "quarantined", "kept"),
    [
        ("refuse", 3, 0, 2, {1: "a", 2: "x", 3: "y"}),
        ("first", 3, 2, 0, {1: "a", 2: "x", 3: "y"}),
        ("latest", 3, 2, 0, {1: "c", 2: "x", 3: "y"}),
        ("none", 2, 0, 3, {2: "x", 3: "y"}),
    ],
)
def test_a_key_that_comes_three_times(mode, rule, accepted, merged, quarantined, kept, tmp_path):
    with opened(tmp_path) as room:
        room.sources = {"visits": {"path": "v*", "key": "id", "mode": mode, "duplicates": rule}}
        room.contract = CONTRACTS["declared"]
        room.write("v1.csv", "id,n,t\n1,1,a\n2,1,x\n1,2,b\n3,1,y\n1,3,c\n")
        assert take(room) is None
        body = Intake(room.workspace, room.data, "visits", Silence()).batches[0].body
        assert (body["accepted"], body["merged"], body["quarantined"]) == (accepted, merged, quarantined)
        assert dict(room.tables.read("visits").select("id", "t").collect().rows()) == kept
        states = room.refused()["state"].to_list()
        assert states == ["merged"] * merged + ["refused"] * quarantined
