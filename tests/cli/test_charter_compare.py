"""``loopline charter compare``: projects and charters side by side, whose ledgers are only read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from loopline.charter import stage
from loopline.charter.prices import Prices
from loopline.charter.study import studied
from loopline.engine.step import Step
from loopline.ledger.entry import Draft
from loopline.ledger.store import Ledger
from loopline.loop import open_loop
from loopline.workspace import Ask
from tests.calling import call as calling
from tests.charter.test_prospect import sounding

DESK = """
project: desk
charter:
  predict: late
  task: binary
  volume: 700..1100 per day
  worth: {currency: USD, act_right: 100..180, act_wrong: -60}
  prices: prices.yaml
  study:
    effort: {build: 200..400 hours, run: 5..10 hours per month}
    happens: 20%..30%
    expects: {precision: 30%..60%, recall: 10%..40%}
data: {sources: {flights: {path: flights.csv}}}
"""
CHARTER = DESK.partition("\n\n")[0].replace("project: desk\n", "").partition("data:")[0].replace("700..1100", "900..1400")
SHOP = DESK.replace("project: desk", "project: shop").replace("USD", "EUR").replace("100..180", "70..130")

Call = Callable[..., dict[str, Any]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The desk, with the shop and another charter for the desk beside it."""
    for name, text in (("desk", DESK), ("shop", SHOP)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "loopline.yaml").write_text(text)
        (tmp_path / name / "prices.yaml").write_text("people: 55..70 per hour\n")
    (tmp_path / "later.yaml").write_text(CHARTER)
    return tmp_path / "desk"


@pytest.fixture
def call(folder: Path) -> Call:
    def called(*words: str, at: Path = folder, code: int = 0) -> dict[str, Any]:
        ended = calling(["charter", "compare", *words, "--json"], folder=at, environment={})
        assert ended.code == code, ended.err
        said: dict[str, Any] = json.loads(ended.out)
        return said

    return called


def rows(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in found["charters"]}


def test_projects_and_files_are_held_against_the_project_that_one_stands_in(call: Call, folder: Path) -> None:
    found = call("../shop", "../later.yaml", "--rate", "EUR=1.1", "-o", "page.md")
    assert set(rows(found)) == {"desk", "shop", "desk (later.yaml)"}
    assert found["choice"]["name"] == "desk (later.yaml)"
    assert [one["field"] for one in found["differs"][0]["fields"]] == ["volume"]
    assert found["next"] == "loopline charter revise --charter ../later.yaml"
    assert "The charters side by side" in (folder / "page.md").read_text()
    # Nothing was run, and no workspace was made.
    assert not (folder / ".loopline").exists() and not (folder.parent / "shop" / ".loopline").exists()


def test_outside_of_a_project_two_others_are_compared(call: Call, folder: Path) -> None:
    (folder.parent / "prices.yaml").write_text("people: 60 per hour\n")
    found = call("desk", "later.yaml", at=folder.parent)
    assert set(rows(found)) == {"desk", "later"}
    assert rows(found)["later"]["evidence"] == {"source": "stated", "day": None, "days_old": None}


def test_as_text_it_recommends_and_ends_with_the_next_command(folder: Path) -> None:
    ended = calling(["charter", "compare", "../shop", "--rate", "EUR=1.1"], folder=folder, environment={})
    assert ended.out.startswith("160 hours of work on desk promise ")
    assert "note: one EUR is taken as 1.1 USD" in ended.out
    assert ended.out.endswith("next: loopline run\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "there is nothing to compare with; name other projects' folders"),
        ((".",), "the same charter is given twice; leave it out"),
        (("../shop", "../shop/loopline.yaml"), "the same charter is given twice; name it once"),
        (("../nowhere",), "../nowhere: there is no such file or folder"),
        (("..",), "there is no loopline.yaml"),
        (("prices.yaml",), "prices.yaml: there is no charter in it"),
        (("../shop", "--rate", "EUR"), "--rate: 'EUR' is no rate; write what one of a currency is worth in USD, such as EUR=1.08"),
        (("../shop", "--rate", "EUR=-1"), "'EUR=-1' is no rate"),
        (("../shop", "--rate", "GBP=1.2"), "GBP is the money of no charter here; rates are for EUR"),
        (("../shop", "--rate", "EUR=1", "--rate", "EUR=2"), "EUR is said twice"),
        (("../shop", "--hours", "nan"), "nan hours are no month of work"),
        (("../shop", "-o", "page.pdf"), "page.pdf: a comparison is no .pdf; end it with .html or .md"),
    ],
)
def test_mistakes_are_named_with_the_remedy(folder: Path, words: tuple[str, ...], says: str) -> None:
    ended = calling(["charter", "compare", *words], folder=folder, environment={})
    assert ended.code == 2 and says in ended.err and len(ended.err.splitlines()) == 1


def test_a_charter_that_cannot_be_studied_says_whose_it_is(folder: Path) -> None:
    (folder.parent / "shop" / "prices.yaml").write_text("machine: 0.1 per hour\n")
    ended = calling(["charter", "compare", "../shop"], folder=folder, environment={})
    assert ended.code == 2 and ended.err.startswith("loopline: ../shop, charter.study.effort: hours of work are declared")


def test_a_ledger_is_read_and_nothing_is_written_to_it(call: Call, folder: Path) -> None:
    with open_loop(folder) as loop:
        charter, ledger = loop.project.declaration.charter, loop.workspace.ledger
        step = next(stage.steps(charter, Ask(project="desk", folder=folder, state=loop.state(), facts={})))
        assert isinstance(step, Step)
        book = Prices.model_validate(step.inputs["book"])
        remember(ledger, step, {**studied(charter, task=None, outcome=None, sounding=None, book=book), "verdict": "go"})
    before = (folder / ".loopline" / "ledger.db").read_bytes()
    found = rows(call("../later.yaml"))
    # The desk's is the study that was entered, and that of another charter is made anew.
    assert (found["desk"]["verdict"], found["desk (later.yaml)"]["verdict"]) == ("go", "provisional")
    assert (folder / ".loopline" / "ledger.db").read_bytes() == before


def test_the_newest_sounding_is_read_at_the_prices_of_another_charter(call: Call, folder: Path) -> None:
    (folder.parent / "later.yaml").write_text(CHARTER.replace("-60", "-80"))
    with open_loop(folder) as loop:
        reads = loop.project.declaration.charter.fields("predict", "task", "positive", "worth")
        step = Step(stage="model", name="sounding", function="", reads=reads, inputs={}, rooms=())
        remember(loop.workspace.ledger, step, {**sounding(), "priced_at": reads["worth"]})
        loop.workspace.ledger.append(Draft(kind="champion", subject="abc", body={"why": "a test"}))
    found = call("../later.yaml", "../shop")
    sources = {name: row["evidence"]["source"] for name, row in rows(found).items()}
    assert sources == {"desk": "data", "desk (later.yaml)": "data", "shop": "stated"}
    assert rows(found)["desk"]["evidence"]["days_old"] == 0
    assert any("for other prices than those of desk (later.yaml)" in note for note in found["notes"])
    # A package decides already, for either charter.
    assert [name for name, row in rows(found).items() if row["decides"]] == ["desk", "desk (later.yaml)"]


def remember(ledger: Ledger, step: Step, facts: Mapping[str, Any]) -> None:
    """Enter that a step succeeded."""
    body = {"state": "succeeded", "name": step.name, "facts": facts, "made_from": step.made_from}
    ledger.append(Draft(kind="step", subject=step.stage, key=step.key, body=body))
