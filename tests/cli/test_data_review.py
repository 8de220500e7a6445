import csv
import json

import pytest
import yaml
from click.testing import CliRunner

from loopline.cli import data_review
from loopline.cli.data import command
from loopline.errors import Fault, Mistake
from loopline.loop import open_loop
from tests.kept import copied

DECLARED = """
project: shop
charter:
  predict: bought
  stakeholders: {expert: [ann@example.com]}
data:
  sources:
    visits: {path: "visits*.csv", key: id}
  # the contract
  contract:
    pages: {type: integer, max: 8}   # not more
    source: {values: [mail, search]}
"""


def taken_in(folder):
    (folder / "loopline.yaml").write_text(DECLARED)
    rows = [[number, number % 8, ("mail", "search")[number % 2], ("yes", "no")[number % 3 == 0]] for number in range(1, 121)]
    rows[3][1], rows[4][1], rows[5][2], rows[6][2] = 12, 14, "advert", "advert"
    (folder / "visits.csv").write_text("id,pages,source,bought\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    with open_loop(folder) as loop:
        loop.run(until="data")


@pytest.fixture
def shop(tmp_path, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOOPLINE_USER", "ann@example.com")
    return copied(tmp_path_factory, taken_in, tmp_path)


def review(*words, keys=None):
    ended = CliRunner().invoke(command, ["review", *words], input=keys)
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout) if "--json" in words else ended.stdout


def test_open_questions_are_shown_and_nothing_is_done(shop):
    told = review("--json")
    assert (told["open"], told["kinds"], told["amendments"], told["taken"]) == (2, {"refused": 2}, 0, None)
    text = review()
    assert "Is 'advert' a right source?" in text
    assert "next: loopline data review --expert" in text


def test_questions_go_out_as_a_file_and_answers_come_back(shop):
    assert "written to review.csv" in review("--export", "review.csv")
    with open("review.csv", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["answer"] for row in rows} == {""}
    for row in rows:
        row["answer"] = "accept" if row["column"] == "source" else "rule: max: 20"
    with open("review.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    before = (shop / "loopline.yaml").read_text()
    text = review("--answers", "review.csv")
    assert "2 answers by ann@example.com" in text
    assert "+    pages: {type: integer, max: 20, why:" in text
    assert (shop / "loopline.yaml").read_text() == before
    assert "next: loopline data review --write" in text
    assert review("--answers", "review.csv", "--json")["taken"]["answered_before"] == 2
    told = review("--write", "--json")
    assert (told["written"], told["amendments"], told["next"]) == ("loopline.yaml", 0, "loopline run")
    after = (shop / "loopline.yaml").read_text()
    assert "# the contract" in after
    assert "   # not more" in after
    contract = yaml.safe_load(after)["data"]["contract"]
    assert contract["source"]["values"] == ["mail", "search", "advert"]
    assert contract["pages"]["why"].startswith("ann@example.com, 20")
    with open_loop(shop) as loop:
        loop.run(until="data")
        assert loop.state().facts("data", "ingest")["accepted"] == 120
    assert review("--json")["open"] == 0
    assert review("--write", "--json")["written"] is None


def test_a_yaml_file_comes_back_too(shop):
    review("--export", "review.yaml", "--table", "visits")
    rows = yaml.safe_load((shop / "review.yaml").read_text())
    for row in rows:
        row["answer"] = "refuse" if row["column"] == "pages" else ""
    (shop / "review.yaml").write_text(yaml.safe_dump(rows))
    told = review("--answers", "review.yaml", "--json")
    assert (told["taken"]["answers"], told["taken"]["discarded"], told["open"]) == (1, 2, 1)


def test_in_a_terminal_they_are_asked_one_at_a_time(shop, monkeypatch):
    with pytest.raises(Mistake, match="this is no terminal; loopline data review --export"):
        review("--expert")

    monkeypatch.setattr(data_review, "is_terminal", lambda: True)
    text = review("--expert", keys="u\nmaxx: 1\nl\nmail\nr\nl\nmail\n")
    assert "1 of 2" in text
    assert "advert is still" not in text
    assert "2 answers by ann@example.com" in text
    assert review("--json")["open"] == 0
    with pytest.raises(Mistake, match="no terminal"):
        review("--expert", "--json")


def test_only_an_expert_answers(shop):
    review("--export", "review.csv")
    with pytest.raises(Mistake, match="does not hold the role expert"):
        review("--answers", "review.csv", "--by", "bob@example.com")


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("none.csv", None, "there is no such file"),
        ("review.txt", "x", "end it with .csv or .yaml"),
        ("review.csv", "a,b\n1,2\n", "no list of questions"),
        ("review.csv", b"\xff\xfe", "UTF-8"),
        ("review.yaml", "answer: rule: max: 1", "this is not YAML"),
        ("review.yaml", "just words", "no list of questions"),
        ("review.csv", "question,answer\nabc,accept\n", "no open question 'abc'"),
        ("review.csv", "question,answer\nabc,perhaps\n", "is no answer"),
        ("review.csv", "question,answer\nID,accept\nID,refuse\n", "answered twice"),
    ],
)
def test_a_file_that_is_no_review_is_told(shop, name, content, why):
    id = review("--json")["questions"][0]["question"]
    if content is not None:
        (shop / name).write_bytes(content if isinstance(content, bytes) else content.replace("ID", id).encode())
    with pytest.raises(Mistake, match=why):
        review("--answers", name)


def test_files_that_cannot_be_written_are_told(shop):
    with pytest.raises(Mistake, match="end it with .csv or .yaml"):
        review("--export", "review.txt")
    with pytest.raises(Fault, match="cannot be written"):
        review("--export", "nowhere/review.csv")
