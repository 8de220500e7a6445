"""``loopline charter study``: judged from what is stated, from data, as a page, and against a no-go of the past."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from loopline.cli.main import command
from loopline.errors import Mistake

CHARTER = """
project: shop
charter:
  predict: bought
  task: binary
  positive: "yes"
  volume: 800..1200 per day
  worth: {currency: EUR, act_right: 10, act_wrong: -6}
  study: {happens: 30%..50%, expects: {precision: 50%..70%, recall: 30%..60%}}
"""
DATA = "data: {sources: {visits: {path: visits.csv, key: visit, time: at}}}\n"
HOPELESS = CHARTER.replace("precision: 50%..70%", "precision: 10%..20%")

Call = Callable[..., Result]


@pytest.fixture
def call(tmp_path: Path) -> Call:
    def called(*words: str, code: int = 0) -> Result:
        result = CliRunner().invoke(command, ["charter", *words, "--folder", str(tmp_path)])
        if isinstance(result.exception, Exception) and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return called


def declare(folder: Path, charter: str, data: str = DATA) -> None:
    (folder / "loopline.yaml").write_text(charter + data)


def deliver(folder: Path) -> None:
    chance = random.Random(3)
    lines = ["visit,at,pages,bought"]
    for number in range(600):
        pages = chance.randint(1, 20)
        lines.append(f"{number},2026-01-{1 + number // 24:02}T{number % 24:02}:00,{pages},{'yes' if chance.random() < pages / 20 else 'no'}")
    (folder / "visits.csv").write_text("\n".join(lines) + "\n")


def test_without_data_it_is_judged_from_what_is_stated(call: Call, tmp_path: Path) -> None:
    declare(tmp_path, CHARTER, "data: {sources: {}}\n")
    said = call("study", "-o", str(tmp_path / "study.html")).output
    assert "Go on to the data" in said and "No data have been looked at" in said and "the data were not read" not in said
    assert "Go on to the data" in (tmp_path / "study.html").read_text()


def test_a_file_that_is_not_there_is_told_and_what_is_stated_stands(call: Call, tmp_path: Path) -> None:
    declare(tmp_path, CHARTER)
    said = json.loads(call("study", "--json", code=2).stdout)
    assert "visits.csv" in said["trouble"] and said["study"]["evidence"] == "stated"


def test_a_no_go_that_is_only_stated_turns_when_the_data_say_otherwise(call: Call, tmp_path: Path) -> None:
    declare(tmp_path, HOPELESS)
    deliver(tmp_path)
    before = json.loads(call("study", "--stated", "--json", code=1).stdout)
    assert (before["verdict"], before["rests_on"]) == ("no-go", "stated")
    after = json.loads(call("study", "--json").stdout)
    assert (after["verdict"], after["study"]["evidence"]) == ("go", "data")
    assert {one["name"] for one in after["study"]["alternatives"]} >= {"nothing", "rule", "break_even", "model", "perfect"}
    assert json.loads(call("study", "--stated", "--json").stdout)["study"]["evidence"] == "data", "what is known stays known"


def test_a_no_go_of_the_data_turns_when_better_ones_are_delivered(call: Call, tmp_path: Path) -> None:
    declare(tmp_path, CHARTER.replace("  worth:", "  target: 900000 per year\n  worth:"))
    deliver(tmp_path)
    said = call("study", code=1).output
    assert "The target is out of reach" in said and "loopline charter override" in said
    # In a better month nearly all buy who have seen more than ten pages, and hardly anybody else.
    rows = [line.split(",") for line in (tmp_path / "visits.csv").read_text().splitlines()[1:]]
    better = [
        f"{int(visit) + 1000},{at.replace('2026-01', '2026-02')},{pages},{'yes' if (int(pages) > 10) != (int(visit) % 40 == 0) else 'no'}"
        for visit, at, pages, _ in rows
    ]
    (tmp_path / "visits.csv").write_text("\n".join(["visit,at,pages,bought", *better, ""]))
    assert "Do it" in call("study").output


def test_a_price_that_goes_back_finds_what_was_measured_at_it(call: Call, tmp_path: Path) -> None:
    deliver(tmp_path)
    told = []
    for price in ("act_right: 10", "act_right: 14", "act_right: 10"):
        declare(tmp_path, CHARTER.replace("act_right: 10", price))
        told.append(json.loads(call("study", "--json").stdout)["study"])
    assert [one["evidence"] for one in told] == ["data", "data", "data"]
    assert told[0]["alternatives"] == told[2]["alternatives"] != told[1]["alternatives"]


def test_an_earlier_study_is_not_shown_for_a_charter_that_cannot_be_studied(call: Call, tmp_path: Path) -> None:
    declare(tmp_path, CHARTER)
    deliver(tmp_path)
    call("study")
    declare(tmp_path, CHARTER.replace("expects:", "effort: {build: 100 hours}, expects:"))
    with pytest.raises(Mistake, match="hours of work are declared, and what one costs is not"):
        call("study")


def test_a_picture_needs_something_that_is_not_known(call: Call, tmp_path: Path) -> None:
    declare(tmp_path, CHARTER, "data: {sources: {}}\n")
    call("study", "-o", str(tmp_path / "moves.svg"))
    assert (tmp_path / "moves.svg").read_text().startswith("<svg")
    declare(tmp_path, CHARTER.replace("  volume: 800..1200 per day\n", ""), "data: {sources: {}}\n")
    with pytest.raises(Mistake, match="how many decisions come"):
        call("study", "-o", str(tmp_path / "moves.svg"))
    with pytest.raises(Mistake, match="end it with .html"):
        call("study", "-o", str(tmp_path / "study.pdf"))
