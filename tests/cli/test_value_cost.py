"""``loopline value cost``: a project that has been served is priced, as text, as JSON and as a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from loopline.cli.value import command
from loopline.errors import Mistake
from loopline.ledger.entry import Draft
from loopline.ledger.spend import USAGE
from loopline.loop import open_loop
from tests.cli.watched import Call, caller, told, watched
from tests.kept import copied
from tests.value.cost.books import LONG

REPOSITORY = Path(__file__).parents[2]
PRICES = "machine: 0.10 per hour\ncloud: 0.25 per hour\n"


def declare(folder: Path, *lines: str, prices: str | None = PRICES) -> None:
    """Have the charter say these lines beside what `watched` declares, and the price book that."""
    file = folder / "loopline.yaml"
    kept = [line for line in file.read_text().splitlines() if not line.startswith(("  prices:", "  volume:", "  budget:"))]
    at = kept.index("  target: 1000 per year") + 1
    more = [*lines, *(["  prices: prices.yaml"] if prices is not None else [])]
    file.write_text("\n".join([*kept[:at], *more, *kept[at:], ""]))
    (folder / "prices.yaml").write_text(prices or "")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copied(tmp_path_factory, watched, tmp_path_factory.mktemp("shop"))
    with open_loop(folder) as loop:
        for rows in (0, 400, 4000):
            body = {"wall_s": 3600.0, "cpu_s": 36 + 0.004 * rows, "peak_bytes": 2 * 10**8, "requests": rows, "decisions": rows, "sent_bytes": 250 * rows}
            loop.workspace.ledger.append(Draft(kind=USAGE, subject="serve", body={**body, "calls": 3 * rows, "cost": None, "currency": None}))
    return folder


@pytest.fixture
def folder(served: Path) -> Path:
    declare(served, "  volume: 120 per day", "  budget: {build: 500, run: 100 per month}")
    return served


@pytest.fixture
def call(folder: Path) -> Call:
    return caller(command, folder)


def cost(call: Call, *words: str) -> dict[str, Any]:
    return told(call("cost", "--json", *words))


def test_what_the_project_took_is_priced(call: Call) -> None:
    data = cost(call)
    assert data["use"]["decisions"] == pytest.approx(120 * 365.25 / 12)
    assert data["use"]["cpu_ms_per_decision"]["serving"] == pytest.approx(4)
    assert data["use"]["sent_bytes"] == pytest.approx(250 * data["use"]["decisions"])
    assert data["use"]["training_s"] > 0 and data["use"]["working_bytes"] > 1e7 and data["use"]["stored_bytes"] > 1e4
    bills = data["now"]["bills"]
    assert bills["on own machines"]["per_month"] == pytest.approx(73.05)
    assert bills["in the cloud"]["per_month"] > 182.6
    assert data["profit"]["added"]["mean"] > 0 and data["profit"]["net"]["mean"] == pytest.approx(data["profit"]["added"]["mean"] - 73.05)
    assert data["unmeasured"] == []


def test_the_text_shows_items_growth_return_and_assumptions(call: Call) -> None:
    text = call("cost").output
    for said in (
        "a month costs 73.05 EUR on own machines",
        "as the load grows",
        "where: ",
        "return: ",
        "assumed\n- ",
        "not said\n- ",
        "warning: the price book has no date",
    ):
        assert said in text
    assert "within the budget of 100" in text and text.rstrip().endswith("next: loopline value review")


def test_load_volume_and_trainings_can_be_moved(call: Call) -> None:
    # A processor is kept busy for half its time, and a second one is needed.
    busy = cost(call, "--volume", "20000000 per day", "--load", "2x")
    assert busy["now"]["load"] == 2 and busy["now"]["bills"]["on own machines"]["machines"] > 1
    assert busy["now"]["decisions"] == pytest.approx(2 * 20e6 * 365.25 / 12)
    often = cost(call, "--trainings", "1 per hour")
    assert often["use"]["trainings"] == pytest.approx(8766 / 12)
    assert often["now"]["bills"]["in the cloud"]["per_month"] > cost(call)["now"]["bills"]["in the cloud"]["per_month"]
    assert cost(call, "--load", "0")["now"]["bills"]["on own machines"]["per_thousand"] is None


def test_what_is_only_asked_for_changes_nothing_since_the_start(call: Call, folder: Path) -> None:
    now = cost(call)["profit"]
    grown = cost(call, "--load", "1000000x")["profit"]
    assert grown["since_start"] == now["since_start"] and grown["run"] > now["run"]
    (folder / "dear.yaml").write_text("machine: 90 per hour\n")
    for words in (("--prices", "dear.yaml"), ("--volume", "9 per day"), ("--trainings", "1 per hour")):
        asked = cost(call, *words)["profit"]
        assert asked["since_start"] is None and not any("since the start" in line for line in asked["says"])


def test_another_book_can_be_named_and_the_examples_are_such(call: Call, folder: Path) -> None:
    euros = {**LONG, "currency": "EUR"}
    (folder / "long.yaml").write_text(json.dumps(euros))
    assert {item["name"] for item in cost(call, "--prices", "long.yaml")["now"]["bills"]["in the cloud"]["items"]} >= {
        "serving",
        "storage",
        "requests",
        "egress",
    }
    (folder / "dollars.yaml").write_text(json.dumps(LONG))
    with pytest.raises(Mistake, match="the prices are in USD, and the charter counts in EUR"):
        call("cost", "--prices", "dollars.yaml")
    with pytest.raises(Mistake, match="--prices: none.yaml"):
        call("cost", "--prices", "none.yaml")
    for name, place in (("on-premises-2026.yaml", "on own machines"), ("cloud-2026.yaml", "in the cloud")):
        example = cost(call, "--prices", str(REPOSITORY / "examples" / "prices" / name))
        assert list(example["now"]["bills"]) == [place] and example["book"]["sources"] and example["warnings"] == []


@pytest.mark.parametrize(("name", "start"), [("cost.html", b"<!doctype html>"), ("cost.png", b"\x89PNG"), ("cost.svg", b"<svg")])
def test_the_picture_is_drawn_in_the_form_of_its_ending(call: Call, tmp_path: Path, name: str, start: bytes) -> None:
    assert cost(call, "-o", str(tmp_path / name))["output"] == str(tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--load", "much"), "'much' is no load"),
        (("--load", "-2x"), "is no load"),
        (("--load", "9999999x"), "at most 1,000,000x"),
        (("--volume", "many"), "is not a rate"),
        (("--volume", "-3 per day"), "below nought"),
        (("--trainings", "2"), "is not a rate"),
        (("-o", "cost.txt"), "no form of a picture"),
    ],
)
def test_what_is_not_understood_is_told_with_the_remedy(call: Call, words: tuple[str, str], said: str) -> None:
    with pytest.raises(Mistake, match=said) as caught:
        call("cost", *words)
    assert caught.value.remedy


def test_without_prices_or_a_volume_it_says_what_to_write(folder: Path) -> None:
    call = caller(command, folder)
    declare(folder)
    without = cost(call)
    assert without["now"]["decisions"] is None and without["break_even"] == []
    assert "say charter.volume" in without["profit"]["says"][0]
    declare(folder, prices=None)
    with pytest.raises(Mistake, match="the charter names no prices") as caught:
        call("cost")
    assert "prices: prices.yaml" in caught.value.remedy


def test_each_turn_keeps_the_cost_in_the_ledger_once(folder: Path) -> None:
    def kept() -> list[dict[str, Any]]:
        with open_loop(folder) as loop:
            assert loop.run().exit_code == 0
            steps = loop.workspace.ledger.read(kinds=("step",), subject="value")
        return [dict(entry.body["facts"]) for entry in steps if entry.body["name"] == "cost" and entry.body["state"] == "succeeded"]

    (facts,) = kept()
    assert facts["now"]["bills"]["on own machines"]["per_month"] == pytest.approx(73.05)
    assert facts["profit"]["added"]["mean"] > 0
    assert len(kept()) == 1
    (folder / "prices.yaml").write_text(PRICES.replace("0.25", "0.50"))
    assert kept()[-1]["now"]["bills"]["in the cloud"]["per_month"] > 365.2
