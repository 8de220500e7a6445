"""Somebody is forgotten in what was made of their rows too: derived tables, the joined table, and what is published of lookups."""

import polars as pl
import pytest

from loopline.data.edits.edits import Asked
from loopline.data.forget.forget import forget
from loopline.errors import LooplineError
from loopline.lake.blobs import Blobs
from loopline.ledger.entry import Draft
from loopline.loop import open_loop
from tests.data.turning import Turning

ANN = "ann@example.com"


@pytest.fixture
def project(tmp_path):
    made = Turning(tmp_path)
    made.data = {
        "sources": {"visits": {"path": "visits.csv", "key": "who"}, "people": {"path": "people.csv", "key": "who"}},
        "tables": {"heavy": {"sql": "select who, pages from visits where pages > 1"}},
        "lookups": {"people": {"on": "who"}},
    }
    who = [ANN, *(f"p{number}@example.com" for number in range(60))]
    made.write("visits.csv", pl.DataFrame({"who": who, "pages": [number % 5 + 2 for number in range(61)], "late": ["yes", "no", *["no", "yes"] * 29, "no"]}))
    made.write("people.csv", pl.DataFrame({"who": who, "town": ["Oslo"] * 61}))
    made.run()
    return made


def test_what_was_made_of_their_rows_is_rid_of_them_and_made_anew(project):
    with open_loop(project.folder) as loop:
        blob = Blobs(loop.workspace.lake).put(b"packed values of people")
        loop.workspace.ledger.append(Draft(kind="lookup", subject="x" * 64, body={"lookup": "people", "table": "people", "version": 1, "blob": blob}))
        other = Blobs(loop.workspace.lake).put(b"packed values of towns")
        loop.workspace.ledger.append(Draft(kind="lookup", subject="y" * 64, body={"lookup": "towns", "table": "towns", "version": 1, "blob": other}))
        done = forget(loop.workspace, loop.project.declaration.data, "visits", [[ANN]], asked=Asked("dpo@example.com", "asked for"))
        assert set(done.rows) == {"visits", "people", "heavy", "visits.joined"}
        with pytest.raises(LooplineError):
            Blobs(loop.workspace.lake).get(blob)
        assert Blobs(loop.workspace.lake).get(other)
    for table in done.rows:
        assert ANN not in project.rows(table)["who"].to_list()
    _, steps = project.run()
    assert steps == ["table heavy", "join"]
    assert project.rows("visits.joined").height == 60
