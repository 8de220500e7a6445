"""``loopline value``: the review, printed, written and as JSON."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import pytest

from loopline.charter.statement import enter
from loopline.cli.charter import command as charter_command
from loopline.cli.value import command
from loopline.errors import Fault, Mistake
from loopline.loop import open_loop
from tests.cli.watched import DECLARATION, Call, caller, released, told, watched
from tests.kept import copied


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory, watched, tmp_path_factory.mktemp("shop"))


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
    # Three deviations away, `size` has left what was trained on: its source is looked at before anything is trained.
    assert result["recommendation"] == "mend_source"
    assert result["next"] == "loopline alerts list"
    realised = result["realised"]
    assert (realised["decisions"], realised["outcomes"]) == (840, 840)
    assert realised["low"] < realised["per_decision"] < realised["high"]
    assert realised["total"] == pytest.approx(realised["per_decision"] * 840)
    assert result["target_per_year"] == 1000
    assert [one["outcomes"] for one in result["windows"]] == [120] * 7
    assert sum(one["per_decision"] * 120 for one in result["windows"]) == pytest.approx(realised["total"])
    assert "840 decisions" in call("show").output


def test_the_next_charter_starts_from_what_the_review_learned(call: Call, folder: Path) -> None:
    learned = told(call("show", "--json"))["learned"]
    charter = caller(charter_command, folder)
    assert told(charter("show", "--json"))["learned"] == learned
    assert f"y in {learned['base_rate']:.1%} of cases" in charter("show").output


def test_each_criterion_is_traced_from_its_words_to_what_happened(call: Call, folder: Path, tmp_path: Path) -> None:
    charter = caller(charter_command, folder)
    with open_loop(folder) as loop:
        champion, declared = loop.state().champion, loop.project.declaration.charter
        first, *rest = declared.acceptance
        enter(loop.workspace.ledger, declared.model_copy(update={"acceptance": (first.model_copy(update={"check": "precision >= 0.1"}), *rest)}))
        enter(loop.workspace.ledger, declared)
    result = told(charter("criteria", "-o", str(tmp_path / "c.html"), "--json"))
    kept, unchecked = result["criteria"]
    assert (result["holds"], result["says"]) == (1, "1 of 2 hold; nothing checks A2")
    assert kept["gate"]["champion"]["package"] == champion and kept["gate"]["champion"]["passed"]
    assert (kept["standing"], kept["by"], kept["service"]["windows"]) == ("holds", "in service", 7)
    assert kept["needs"]["there"] == 840
    assert [event["kind"] for event in kept["history"]] == ["package", "review", "charter", "charter"]
    assert unchecked["standing"] == "nothing checks it" and result["next"].startswith("add to A2 in charter.acceptance what shows it")
    page = (tmp_path / "c.html").read_text()
    assert "Mostly right" in page and "A1 held in 7 of 7 days" in page
    assert "precision &gt;= 0.2 is asked for, precision &gt;= 0.1 was before" in page
    with pytest.raises(Mistake, match="end it with .html or .md"):
        charter("criteria", "-o", str(tmp_path / "c.pdf"))


def test_a_revision_begins_with_what_the_review_found_and_takes_the_served_decisions_anew(call: Call, folder: Path) -> None:
    found = told(call("show", "--json"))
    said = told(caller(charter_command, folder)("revise", "--set", "worth.act_wrong=-12", "--set", "target=100 per year", "--json"))
    before, after = said["review"]["before"], said["review"]["after"]
    assert before["recommendation"] == found["recommendation"]
    # Worked out again from single decisions, the windows hold what they held.
    assert before["earned"] == pytest.approx(found["realised"]["per_decision"])
    policy = said["policy"]
    assert (policy["on"], policy["stays"]["rows"]) == ("served", 840)
    assert policy["stays"]["after"]["per_decision"]["value"] == pytest.approx(after["earned"])
    assert policy["anew"]["after"]["per_decision"]["value"] > policy["stays"]["after"]["per_decision"]["value"]
    assert {one["step"] for one in said["again"]} >= {"study", "search", "gates", "windows", "review"}


def test_a_target_alone_trains_nothing_anew(folder: Path) -> None:
    said = told(caller(charter_command, folder)("revise", "--set", "target=100 per year", "--json"))
    assert {one["stage"] for one in said["again"]} == {"charter", "value"}
    assert said["lacks"]["policy"].startswith("neither prices nor volume change")


def test_an_ending_that_is_no_report_and_a_folder_that_is_not_there_are_told(call: Call, tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="end it with .html or .md"):
        call("review", "-o", str(tmp_path / "r.pdf"))
    with pytest.raises(Fault, match="cannot be written"):
        call("review", "-o", str(tmp_path / "none" / "r.md"))


def test_a_change_is_told_before_against_after_with_its_assumptions_and_nothing_is_written(call: Call, folder: Path) -> None:
    def entries() -> int:
        with open_loop(folder) as loop:
            return len(loop.workspace.ledger.read())

    before = entries()
    said = told(call("whatif", "--threshold", "0.7", "--price", "act_right=3", "--json"))
    assert said["on"] == "served" and said["rows"] == 840
    assert said["after"]["per_decision"]["value"] - said["before"]["per_decision"]["value"] == pytest.approx(said["difference"]["value"])
    assert said["after"]["acted"] < said["before"]["acted"]
    text = call("whatif", "--threshold", "0.7", "--price", "act_right=3").output
    assert "To make it so: charter.worth.act_right: 3, model.policy: {threshold: 0.7} in loopline.yaml, then loopline run." in text
    assert "earned per decision (EUR)" in text and all(line in text for line in said["assumptions"])
    assert entries() == before


def test_a_capacity_is_held_in_each_day(call: Call) -> None:
    # 120 decisions come a day: of 240 a day the same rows are half, and get half of the capacity.
    for volume, share in (("120 per day", 30 / 120), ("240 per day", 15 / 120)):
        said = told(call("whatif", "--capacity", "30 per day", "--volume", volume, "--json"))
        assert said["after"]["acted"] == pytest.approx(share)


@pytest.mark.parametrize("name", ["w.html", "w.png", "w.svg"])
def test_it_is_drawn(call: Call, tmp_path: Path, name: str) -> None:
    said = told(call("whatif", "--price", "act_right=20", "--output", str(tmp_path / name), "--json"))
    assert said["output"] == str(tmp_path / name)
    assert (tmp_path / name).stat().st_size > 1000


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ((), "nothing is changed"),
        (("--price", "act_right"), "act_right=120"),
        (("--price", "price=3"), "act_right, act_wrong, miss, rest"),
        (("--price", "act_right=fare"), "no row holds a value of fare; the rows hold: (?!fare)"),
        (("--capacity", "many"), "50 per day"),
        (("--volume", "0 per day"), "more than 0"),
        (("--price", "act_right=3", "--output", "w.pdf"), ".html"),
    ],
)
def test_what_makes_no_sense_is_told_with_the_remedy(call: Call, words: tuple[str, ...], match: str) -> None:
    with pytest.raises(Mistake, match=match):
        call("whatif", *words)


def test_before_anything_is_served_nothing_is_realised(tmp_path: Path) -> None:
    call = caller(command, released(tmp_path))
    assert "Nothing is realised yet" in call("review").output
    assert told(call("show", "--json"))["realised"] is None
    assert told(call("whatif", "--threshold", "0.6", "--json"))["on"] == "test"
    with pytest.raises(Mistake, match="0 outcomes of served decisions are known"):
        call("whatif", "--threshold", "0.6", "--on", "served")


def test_before_the_first_run_it_says_what_to_run(tmp_path: Path) -> None:
    (tmp_path / "loopline.yaml").write_text(DECLARATION)
    with pytest.raises(Mistake, match="there is no review yet"):
        caller(command, tmp_path)("show")
    with pytest.raises(Mistake, match="no package decides yet"):
        caller(command, tmp_path)("whatif", "--threshold", "0.5")
