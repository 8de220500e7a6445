import json

import pytest
from click.testing import CliRunner

from loopline.cli.data import command
from loopline.errors import Mistake
from loopline.loop import open_loop
from tests.kept import copied

DECLARED = """
project: shop
charter: {predict: bought}
data:
  sources:
    visits: {path: visits.csv, key: id}
  contract:
    pages: {type: integer, max: 8}
"""


def visits(first, last):
    return "id,pages,bought\n" + "".join(f"{number},{number % 9},{'yes' if number % 3 else 'no'}\n" for number in range(first, last + 1))


def taken_in(folder):
    (folder / "loopline.yaml").write_text(DECLARED)
    (folder / "visits.csv").write_text(visits(1, 60))
    (folder / "more.csv").write_text(visits(60, 64).replace("62,8", "62,99").replace("63,0", '63,"0"x'))
    with open_loop(folder) as loop:
        loop.run(until="data")


@pytest.fixture
def shop(tmp_path, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return copied(tmp_path_factory, taken_in, tmp_path)


def data(*words):
    ended = CliRunner().invoke(command, list(words))
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout) if "--json" in words else ended.stdout


def test_a_delivery_says_what_became_of_it_and_reaches_the_next_run(shop):
    done = data("ingest", "more.csv", "--json")
    assert set(done) == {"batch", "read", "accepted", "quarantined", "merged", "reasons", "warnings", "cleaned", "table", "version", "repeated"}
    assert (done["read"], done["accepted"], done["quarantined"], done["table"]) == (5, 2, 3, "visits")
    assert done["reasons"] == {"id is in the table already": 1, "pages is above 8": 1, "text stands after a closing quote": 1}
    with open_loop(shop) as loop:
        assert next(stage for stage in loop.status().stages if stage.stage == "data").state == "stale"
        loop.run(until="data")
        assert loop.state().facts("data", "ingest")["accepted"] == 62


def test_the_same_delivery_again_adds_nothing_and_says_so(shop):
    first = data("ingest", "more.csv", "--json")
    assert "nothing was added" in data("ingest", "more.csv")
    assert data("ingest", "more.csv", "--json") == {**first, "repeated": True}


def test_show_lists_the_tables(shop):
    counts = {"version": 1, "rows": 60, "batches": 1, "read": 60, "accepted": 60, "quarantined": 0, "merged": 0}
    assert data("show", "--json")["tables"] == [{"table": "visits", "kind": "source", **counts, "held_back": [], "made_from": []}]
    assert "visits" in data("show")


def test_the_quarantine_lists_file_line_reasons_and_text(shop):
    assert "the quarantine is empty" in data("quarantine")
    data("ingest", "more.csv")
    text = data("quarantine")
    assert "more.csv, line 4: pages is above 8\n    62,99,yes" in text
    assert "1 x text stands after a closing quote" in text
    told = data("quarantine", "--limit", "1", "--json")
    assert (told["rows"], [row["line"] for row in told["refused"]]) == (3, [2])


def test_a_missing_file_and_an_unknown_source_are_mistakes(shop):
    with pytest.raises(Mistake, match="no such file"):
        data("ingest", "none.csv")
    with pytest.raises(Mistake, match="the sources are: visits"):
        data("ingest", "more.csv", "--source", "vists")
    with pytest.raises(Mistake, match="the sources are: visits"):
        data("quarantine", "--table", "vists")
