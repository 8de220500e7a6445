"""A number that stands in two places is the same number: pages and commands are compared by name, as an accountant would."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from loopline.cli.main import command as loopline
from tests.web.world import client

PAGES = (
    *("", "charter", "customer", "data", "data/quarantine", "ledger/past", "live", "live/alerts"),
    *("model", "release", "release/history", "value", "value/review"),
)
COMMANDS = ("status", "alerts list", "data history t", "data quarantine list", "release status", "value show", "watch show")

Said = Mapping[str, Any]


def stage(name: str) -> Callable[[Said], Any]:
    return lambda said: next(one for one in said["stages"] if one["stage"] == name)


def number(name: str) -> Callable[[Said], str]:
    return lambda said: str(stage(name)(said)["number"])


def many(text: str) -> int:
    """The number with which a text begins."""
    return int(text.split()[0].replace(",", ""))


def opened(said: Said) -> int:
    return sum(one["state"] == "open" and one["cause"] == one["id"] for one in said["alerts"])


SAME: dict[str, dict[str, Callable[[Said], Any]]] = {
    "alerts that are open": {
        "/": lambda said: len(said["alerts"]) + said["more_alerts"],
        "/ the ring": lambda said: many(number("watch")(said)),
        "/ what waits": lambda said: sum(one["kind"] == "alert" for part in said["waiting"].values() for one in part),
        "/live/alerts": opened,
        "/live": opened,
        "/ledger/past": lambda said: len(said["alerts"]),
        "alerts list": opened,
        "watch show": lambda said: said["alerts"]["open"],
        "status": lambda said: many(stage("watch")(said)["why"].partition("outcomes; ")[2]),
    },
    "alerts that are resolved": {
        "/live/alerts": lambda said: said["resolved"],
        "alerts list": lambda said: said["resolved"],
        "watch show": lambda said: said["alerts"]["resolved"],
    },
    "what incidents have cost": {
        "/": lambda said: [one["lost"] for one in said["alerts"]],
        "/live/alerts": lambda said: [one["cost"]["lost"] for one in said["alerts"] if one["cost"]],
        "alerts list": lambda said: [one["cost"]["lost"] for one in said["alerts"] if one["cost"]],
    },
    "rows accepted": {
        "/ the ring": lambda said: many(number("data")(said)),
        "/data": lambda said: said["sources"][0]["accepted"],
        "/data the balance": lambda said: sum(one["accepted"] for one in said["balance"]),
        "/data the table": lambda said: said["tables"][0]["rows"],
        "data quarantine list": lambda said: said["batches"][0]["accepted"],
        "status": lambda said: many(stage("data")(said)["why"]),
    },
    "rows refused": {
        "/ the ring": lambda said: many(number("data")(said).partition("in, ")[2]),
        "/ what waits": lambda said: next(many(one["what"]) for part in said["waiting"].values() for one in part if one["kind"] == "refused rows"),
        "/data": lambda said: said["sources"][0]["quarantined"],
        "/data/quarantine": lambda said: said["rows"],
        "data quarantine list": lambda said: said["rows"],
    },
    "versions of the table": {
        "/data": lambda said: said["tables"][0]["version"],
        "/value": lambda said: said["review"]["made_from"]["tables"]["t"],
        "value show": lambda said: said["made_from"]["tables"]["t"],
    },
    "rows of the newest window": {
        "/ the ring": lambda said: many(number("serve")(said)),
        "/live": lambda said: said["windows"][-1]["rows"],
        "watch show": lambda said: said["windows"][-1]["rows"],
    },
    "decisions": {
        "/value": lambda said: said["review"]["made_from"]["decisions"],
        "/value/review": lambda said: said["review"]["made_from"]["decisions"],
        "value show": lambda said: said["made_from"]["decisions"],
        "watch show": lambda said: said["rows"],
        "/live": lambda said: sum(one["rows"] for one in said["windows"]),
    },
    "decisions with an outcome": {
        "/customer": lambda said: said["quality"]["cases"],
        "/value": lambda said: said["review"]["made_from"]["outcomes"] - said["review"]["made_from"]["held_out_outcomes"],
        "value show": lambda said: said["realised"]["outcomes"],
        "/": lambda said: said["month"]["outcomes"],
    },
    "money of the month": {
        "/": lambda said: said["month"]["total"],
        "/value": lambda said: said["review"]["month"]["total"],
        "value show": lambda said: said["month"]["total"],
    },
    "the month's target": {
        "/": lambda said: said["month"]["target"],
        "value show": lambda said: said["month"]["target"],
    },
    "worth per decision": {
        "/model": lambda said: said["packages"]["rows"][0]["worth"]["per_decision"],
        "/model the search": lambda said: said["worth"]["per_decision"],
    },
    "the champion": {
        "/release": lambda said: said["release"]["champion"],
        "/ledger/past": lambda said: said["champion"]["package"],
        "/value": lambda said: said["review"]["package"],
        "/model": lambda said: next(one["package"] for one in said["packages"]["rows"] if one["is_champion"]),
        "release status": lambda said: said["champion"],
        "status": lambda said: said["champion"],
    },
}


@pytest.fixture
def said(folder: Path) -> dict[str, Any]:
    """What every page and command says of the world, by its name."""
    with client(folder) as browser:
        found = {f"/{page}": browser.get(f"/shop/{page}", headers={"accept": "application/json"}).json() for page in PAGES}
    for command in COMMANDS:
        ran = CliRunner().invoke(loopline, [*command.split(), "--folder", str(folder), "--json"])
        assert ran.exit_code == 0, (command, ran.output)
        found[command] = json.loads(ran.output)
    return found


def test_a_number_that_stands_in_two_places_is_the_same(said: dict[str, Any]) -> None:
    wrong = {}
    for name, places in SAME.items():
        read = {place: ask(said[place if place in said else place.split(" ")[0]]) for place, ask in places.items()}
        first = next(iter(read.values()))
        same = [value == pytest.approx(first) if isinstance(first, float) else value == first for value in read.values()]
        if not all(same):
            wrong[name] = read
    assert wrong == {}
