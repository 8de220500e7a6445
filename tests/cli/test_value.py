"""``loopline value``: the review, printed, written and as JSON."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import pytest

from loopline.cli.value import command
from loopline.errors import Fault, Mistake
from tests.cli.watched import DECLARATION, Call, caller, released, told, watched


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return watched(tmp_path_factory.mktemp("shop"))


@pytest.fixture
def call(folder: Path) -> Call:
    return caller(command, folder)


def test_the_review_is_printed_as_markdown_with_the_next_command(call: Call) -> None:
    text = call("review").output
    assert text.startswith("# shop: ")
    assert text.rstrip().splitlines()[-1].startswith("next: loopline ")


@pytest.mark.parametrize(("name", "start"), [("r.html", "<!doctype html>"), ("r.md", "# shop")])
def test_the_review_is_written_in_the_form_of_its_ending(call: Call, tmp_path: Path, name: str, start: str) -> None:
    result = told(call("review", "-o", str(tmp_path / name), "--json"))
    assert (tmp_path / name).read_text().startswith(start)
    assert result["out"] == str(tmp_path / name)


def test_the_page_is_opened(call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    call("review", "--open")
    assert opened == [(folder / ".loopline" / "review.html").resolve().as_uri()]


def test_the_figures_are_shown_as_text_and_as_json(call: Call) -> None:
    result = told(call("show", "--json"))
    # The package knows the whole table: a run without newer data would give it again.
    assert result["recommendation"] == "retrain"
    assert result["next"] == "loopline data ingest PATH && loopline run"
    realised = result["realised"]
    assert (realised["decisions"], realised["outcomes"]) == (840, 840)
    assert realised["low"] < realised["per_decision"] < realised["high"]
    assert realised["total"] == pytest.approx(realised["per_decision"] * 840)
    assert result["target_per_year"] == 1000
    assert "840 decisions" in call("show").output


def test_an_ending_that_is_no_report_and_a_folder_that_is_not_there_are_told(call: Call, tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="end it with .html or .md"):
        call("review", "-o", str(tmp_path / "r.pdf"))
    with pytest.raises(Fault, match="cannot be written"):
        call("review", "-o", str(tmp_path / "none" / "r.md"))


def test_before_anything_is_served_nothing_is_realised(tmp_path: Path) -> None:
    call = caller(command, released(tmp_path))
    assert "Nothing is realised yet" in call("review").output
    assert told(call("show", "--json"))["realised"] is None


def test_before_the_first_run_it_says_what_to_run(tmp_path: Path) -> None:
    (tmp_path / "loopline.yaml").write_text(DECLARATION)
    with pytest.raises(Mistake, match="there is no review yet"):
        caller(command, tmp_path)("show")
