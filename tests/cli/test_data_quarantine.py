import csv
import json

import pytest
from click.testing import CliRunner

from loopline.cli.data import command
from loopline.errors import Mistake
from loopline.loop import open_loop
from tests.cli.test_data import DECLARED, visits
from tests.kept import copied


def taken_in(folder):
    (folder / "loopline.yaml").write_text(DECLARED)
    (folder / "more.csv").write_text(visits(60, 66).replace("62,8", "62,99").replace("63,0,no", "63,0").replace("65,2", "65,x"))
    data("ingest", str(folder / "more.csv"), "--folder", str(folder))


@pytest.fixture
def shop(tmp_path, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOOPLINE_USER", "ann@example.com")
    return copied(tmp_path_factory, taken_in, tmp_path)


def data(*words):
    ended = CliRunner().invoke(command, list(words))
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout) if "--json" in words else ended.stdout


def quarantine(*words):
    return data("quarantine", *words)


def test_without_a_verb_the_rows_are_listed(shop):
    told = quarantine("--json")
    assert told == quarantine("list", "--json")
    assert (told["rows"], told["refused"][0]["line"]) == (3, 4)
    text = quarantine()
    assert text == quarantine("list")
    assert "more.csv, line 4: pages is above 8\n    62,99,yes" in text
    assert "7 read = 4 accepted + 3 refused" in text
    assert f"next: loopline data quarantine show {told['refused'][0]['id']}" in text
    assert quarantine("--limit", "1", "--reason", "few", "--json")["rows"] == 1
    with pytest.raises(Mistake, match="write it after: loopline data quarantine list --limit"):
        quarantine("--limit", "1", "list")


def test_a_row_is_shown_mended_replayed_and_shown_again(shop):
    id = quarantine("--json")["refused"][0]["id"]
    text = quarantine("show", id)
    assert "the rule: max: 8 (data.contract.pages.max)" in text
    assert f"next: loopline data quarantine mend {id} --set pages=VALUE" in text
    told = quarantine("mend", id, "--set", "pages=8", "--by", "bob", "--why", "the log says so", "--json")
    assert (told["rows"], told["would_enter"], told["by"], told["next"]) == (1, 1, "bob", "loopline data quarantine replay")
    assert "the contract accepts it now" in quarantine("show", id)
    told = quarantine("replay", "--json")
    assert (told["rows"], told["accepted"], told["by"]) == (1, 1, "ann@example.com")
    assert "mended pages by bob: the log says so" in quarantine("show", id)
    assert "7 read = 4 accepted + 2 refused + 1 replayed" in quarantine()
    assert "nothing was done" in quarantine("replay")
    (shown,) = data("show", "--json")["tables"]
    assert (shown["read"], shown["accepted"], shown["quarantined"]) == (7, 5, 2)


def test_a_sheet_goes_out_and_comes_back(shop):
    assert quarantine("export", "-o", "rows.csv", "--json")["rows"] == 3
    with open("rows.csv", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    rows[0]["pages"], rows[1]["id"], rows[1]["pages"] = "8", "63", "0"
    with open("rows.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    text = quarantine("mend", "rows.csv")
    assert "4 cells of 2 rows mended" in text
    assert "accepted by the contract now: 2 rows" in text
    assert "2 of 2 rows accepted" in quarantine("replay")


def test_rows_are_discarded_with_a_reason(shop):
    assert "1 row discarded by bob: a test" in quarantine("discard", "--reason", "few", "--by", "bob", "--why", "a test")
    assert quarantine("--state", "discarded", "--json")["refused"][0]["state"] == "discarded"
    assert quarantine("--state", "all", "--json")["rows"] == 3
    with pytest.raises(Mistake, match="nothing says which rows"):
        quarantine("discard", "--why", "all")


def test_a_label_is_changed_in_the_table(shop):
    batch = quarantine("--json")["batches"][0]["batch"]
    told = quarantine("mend", f"{batch[:8]}:2", "--set", "bought=yes", "--json")
    assert (told["relabelled"], told["next"]) == (1, "loopline run")
    with open_loop(shop) as loop:
        assert loop.workspace.ledger.read(kinds=("relabel",))[0].actor == "ann@example.com"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("show", "nothing"), "write it as BATCH:LINE"),
        (("show", "abcd:1"), "has the id abcd:1"),
        (("mend", "abcd:1", "--set", "a=1"), "no row has the id"),
        (("mend", "ID"), "nothing says what the row should be"),
        (("mend", "ID", "--set", "pages"), "write it as COLUMN=VALUE"),
        (("mend", "ID", "--set", "=1"), "write it as COLUMN=VALUE"),
        (("mend", "ID", "--set", "page=1"), "did you mean 'pages'"),
        (("mend", "none.csv"), "there is no such file"),
        (("mend", "none.csv", "--set", "a=1"), "there is no such file|a file says itself"),
        (("export", "-o", "rows.txt"), "end it with"),
        (("replay", "ID:1"), "write it as BATCH:LINE"),
        (("replay", "--table", "vists"), "the sources are: visits"),
        (("discard", "--table", "vists", "--why", "x"), "the sources are: visits"),
        (("mend", "ID", "--set", "pages=1", "--by", " "), "no name of a person"),
    ],
)
def test_bad_input_is_told(shop, words, why):
    id = quarantine("--json")["refused"][0]["id"]
    with pytest.raises(Mistake, match=why):
        quarantine(*(word.replace("ID", id) for word in words))
