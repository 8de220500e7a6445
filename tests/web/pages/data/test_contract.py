"""The contract with its results, the columns, the review, the lineage and the storage."""

from __future__ import annotations

from loopline.data.probe.history import KIND
from loopline.ledger.entry import Draft
from loopline.loop import open_loop
from loopline.web.asked import Reader
from tests.web.pages.data.conftest import SCRIPT
from tests.web.world import client, hidden

DAN, EVE = Reader("dan@example.com"), Reader("eve@example.com")


def test_each_rule_is_told_with_its_line_and_how_many_broke_it(odd):
    with client(odd, DAN) as browser:
        said = browser.get("/odd/data/contract?as=json").json()
        broken = browser.get("/odd/data/contract?as=json&only=broken").json()["rules"]
    rules = {one["where"]: one for one in said["rules"]}
    lines = (odd / "loopline.yaml").read_text().splitlines()
    most = rules["data.contract.pages.max"]
    assert (most["broke"], most["waits"], most["kept"], most["says"]) == (1, 1, False, "max: 8")
    assert lines[most["line"] - 1].strip().startswith("pages:")
    assert rules["data.contract.pages.min"]["kept"] and rules["data.sources.visits.key"]["kept"]
    assert rules[f"data.contract.kind{SCRIPT}.values"]["broke"] == 1
    assert {one["rule"] for one in broken} == {"type", "max", "values", "reading"} and said["broken"] == 4


def test_a_column_is_held_against_the_batches_before_and_a_key_is_not(odd):
    with client(odd, DAN) as browser:
        said = browser.get("/odd/data/columns?as=json").json()
    columns = {one["name"]: one for one in said["columns"]}
    pages = columns["pages"]
    assert said["newest"] == "more.csv" and columns["id"]["apart"] is None
    assert pages["is_far"] and abs(sum(pages["now"]) - 1) < 1e-6 and abs(sum(pages["before"]) - 1) < 1e-6
    assert columns["bought"]["values"][0]["text"] == "no" and columns["note"]["missing"][-1] == 1.0


def test_the_expert_answers_by_page_and_nobody_else(odd):
    with client(odd, DAN) as browser:
        page = browser.get("/odd/data/review").text
        assert "to answer them takes the expert" in page and "/data/review/" not in page
        (question,) = [one for one in browser.get("/odd/data/review?as=json").json()["questions"] if one["value"] == "99"]
        token = hidden(browser.get("/odd/data/quarantine?reason=pages").text, "/discard")
        answer = browser.post(f"/odd/data/review/{question['question']}", data={**token, "table": "visits", "word": "accept"})
        assert answer.status_code == 400 and "eve@example.com does" in answer.text
    with client(odd, EVE) as browser:
        shown = browser.get("/odd/data/review").text
        assert "checked" not in shown and 'name="word" value="refuse" required' in shown and "the rule is not" not in shown
        form = hidden(shown, question["question"])
        done = browser.post(f"/odd/data/review/{question['question']}", data={**form, "word": "rule", "more": "max: 120"})
        assert "1 change of the contract proposed" in done.text and "max: 120" in done.text
        again = browser.post(f"/odd/data/review/{question['question']}", data={**form, "word": "refuse"})
        assert again.status_code == 409
    with open_loop(odd) as loop:
        assert [entry.actor for entry in loop.workspace.ledger.read(kinds=("answer",))] == ["eve@example.com"]


def test_lineage_is_drawn_and_listed_down_to_the_files(odd):
    with client(odd, DAN) as browser:
        page, said = browser.get("/odd/data/lineage").text, browser.get("/odd/data/lineage?as=json").json()
    assert [batch["file"] for batch in said["batches"]][1] == "more.csv"
    assert '<svg class="flow"' in page and "version 2, 63 rows" in page and said["batches"][0]["entry"] in page


def test_the_storage_is_held_against_its_own_history(odd):
    with open_loop(odd) as loop:
        for number in range(7):
            measure = {"name": f"read{SCRIPT}", "p50_us": 300.0 if number == 6 else 80.0 + number, "mb_per_s": 50.0}
            body = {"machine": "m", "bypassed": "direct", "measures": [measure]}
            loop.workspace.ledger.append(Draft(kind=KIND, subject=f"/lake{SCRIPT}", body=body))
    with client(odd, DAN) as browser:
        said, page = browser.get("/odd/data/storage?as=json").json(), browser.get("/odd/data/storage").text
        overview = browser.get("/odd/data").text
    assert said["figures"][0]["worse"] and "3.6 times worse" in said["worse"][0] and "Worse than it was" in page
    assert SCRIPT not in page and SCRIPT not in overview and "3.6 times worse" in overview and "/drawn/" in page


def test_before_anything_was_taken_in_each_page_says_what_to_do(tmp_path, odd):
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "loopline.yaml").write_text((odd / "loopline.yaml").read_text())
    with client(bare, DAN) as browser:
        for path in ("", "/ready", "/contract", "/tables/visits", "/quarantine", "/review", "/columns", "/lineage", "/storage"):
            answer = browser.get(f"/odd/data{path}")
            assert answer.status_code == 200, (path, answer.text)
        assert "loopline run --until data" in browser.get("/odd/data").text
        assert browser.get("/odd/data/tables/visits/rows").status_code == 404
