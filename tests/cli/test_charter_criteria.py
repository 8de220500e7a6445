"""``loopline charter criteria`` before anything has been run: what is asked for is told all the same."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import pytest

from loopline.cli.charter import command
from tests.cli.watched import caller, told

DECLARATION = """
project: shop
charter:
  predict: y
  acceptance:
    - {id: A1, says: Mostly right, check: worst_slice(kind).precision >= 0.2}
    - {id: A2, says: Nobody waits}
data: {sources: {t: {path: t.csv}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "loopline.yaml").write_text(DECLARATION)
    return tmp_path


def test_what_is_asked_for_is_told_before_there_are_data(folder: Path) -> None:
    call = caller(command, folder)
    result = told(call("criteria", "--json"))
    assert [one["standing"] for one in result["criteria"]] == ["not known yet", "nothing checks it"]
    assert result["criteria"][0]["means"] == "For each “kind” by itself: where we act, “y” comes true in at least 20% of cases."
    text = call("criteria").output
    assert text.startswith("# shop: none of 2 could be tested yet\n")
    assert text.rstrip().splitlines()[-1].startswith("next: add to A2 in charter.acceptance what shows it")


def test_a_charter_without_criteria_says_what_to_write(folder: Path) -> None:
    (folder / "loopline.yaml").write_text("project: shop\ncharter: {predict: y}\ndata: {sources: {t: {path: t.csv}}}\n")
    result = told(caller(command, folder)("criteria", "--json"))
    assert (result["criteria"], result["next"]) == ([], "say in charter.acceptance what the customer asks for; then: loopline charter criteria")


def test_the_page_is_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    caller(command, folder)("criteria", "--open")
    page = folder / ".loopline" / "criteria.html"
    assert opened == [page.resolve().as_uri()]
    assert page.read_text().startswith("<!doctype html>")
