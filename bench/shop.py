"""A small project that goes round the whole loop by itself in seconds: which visitors of a shop should be shown an offer?"""

from __future__ import annotations

import csv
import math
import random
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

DECLARATION = """\
project: shop
charter:
  decision: Show this visitor an offer?
  predict: bought
  positive: "yes"
  worth: {currency: EUR, act_right: 4, act_wrong: -4, miss: 0, rest: 0}
data:
  sources:
    visits: {path: deliveries/*.csv, key: visit, time: at}
  contract:
    visit: {type: text, required: true, unique: true}
    at: {type: datetime, required: true}
    pages: {type: integer, min: 1, max: 60}
    minutes: {type: number, min: 0}
    source: {type: category, values: [mail, search, advert]}
    bought: {type: category, values: ["yes", "no"]}
model:
  families: [linear, lightgbm]
  search: {trials: 4, minutes: 1}
  assess: {refits: false}
"""


def make(folder: Path, *, rows: int = 400) -> Path:
    """A folder with the declaration and two deliveries; one row in fifty breaks the contract. The same each time."""
    (folder / "deliveries").mkdir(parents=True)
    (folder / "loopline.yaml").write_text(DECLARATION)
    chance = random.Random(0)
    for delivery in range(2):
        with (folder / "deliveries" / f"{delivery}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["visit", "at", "pages", "minutes", "source", "bought"])
            writer.writerows(visit(chance, delivery * rows // 2 + number) for number in range(rows // 2))
    return folder


def visit(chance: random.Random, number: int) -> tuple[str, str, int, float, str, str]:
    """The row of the visit with a number; every fiftieth breaks the contract."""
    pages, minutes, source = chance.randint(1, 20), round(chance.uniform(0, 30), 1), chance.choice(("mail", "search", "advert"))
    likely = 1 / (1 + math.exp(5 - 0.5 * pages - (source == "mail")))
    at = datetime(2024, 1, 1) + timedelta(hours=number)
    return f"v{number:05}", at.isoformat(), -pages if number % 50 == 7 else pages, minutes, source, "yes" if chance.random() < likely else "no"


def command(folder: Path, *words: str) -> list[str]:
    """The words that call `loopline` for a folder, as a process."""
    return [sys.executable, "-m", "loopline.cli.main", *words, "--folder", str(folder)]


def run(folder: Path) -> None:
    """Take the loop round, to its end.

    Raises
    ------
    RuntimeError
        When it does not end well; says what the command said.
    """
    ended = subprocess.run(command(folder, "run"), capture_output=True, text=True, timeout=300)
    if ended.returncode:
        raise RuntimeError(f"loopline run ended with {ended.returncode}: {ended.stderr.strip() or ended.stdout.strip()}")
