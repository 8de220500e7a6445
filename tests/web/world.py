"""A small finished world for pages: trained, released, served for a week and watched, with refused rows, an alert and people of every role."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path

import numpy as np
import polars as pl
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

from loopline.loop import open_loop
from loopline.serve.log import Log
from loopline.web.app import Site, build
from loopline.web.asked import Reader
from loopline.web.current import Followed
from loopline.web.door import Local
from tests.release.conftest import table

NAME = "shop"
PEOPLE = {
    "business": "bea@example.com",
    "data": "dan@example.com",
    "science": "sue@example.com",
    "ml": "max@example.com",
    "devops": "olga@example.com",
    "expert": "eve@example.com",
    "customer": "carl@example.com",
}
RELEASE = "release: {latency_ms: 1000}"
"""A machine that others use, too, answers late."""
DECLARATION = f"""
project: {NAME}
charter:
  problem: Some orders come back, and each return costs more than the order earned.
  decision: Call the buyer before this order is sent?
  predict: y
  positive: "yes"
  volume: 100 per day
  worth: {{currency: EUR, act_right: 10, act_wrong: -6}}
  target: 1000 per year
  budget: {{build: 5000, run: 50 per month}}
  acceptance:
    - {{id: A1, says: Mostly right, check: precision >= 0.2}}
    - {{id: A2, says: Nobody waits}}
  stakeholders: {{{", ".join(f"{role}: [{name}]" for role, name in PEOPLE.items())}}}
data:
  sources:
    t: {{path: t.csv, time: at}}
  contract:
    size: {{type: number, min: -50, max: 50}}
    kind: {{type: category, values: [a, b, c]}}
model: {{families: [linear], search: {{trials: 1}}, assess: {{refits: false}}}}
{RELEASE}
"""
WRONG = "2026-02-01T00:00:00,not a number,a,0.5,yes\n", "2026-02-01T01:00:00,1.5,zebra,0.5,no\n", "2026-02-01T02:00:00,999,b,0.5,yes\n"


def make(folder: Path, *, days: int = 7, rows: int = 60) -> None:
    """Make the world in a folder, served for so many days with so many rows in each."""
    frame = table("binary")
    lines = frame.write_csv().splitlines(keepends=True)
    place = {name: at for at, name in enumerate(frame.columns)}
    for line in WRONG:
        cells = dict.fromkeys(frame.columns, "") | dict(zip(("at", "size", "kind", "noise", "y"), line.strip().split(","), strict=True))
        lines.append(",".join(cells[name] for name in place) + "\n")
    (folder / "t.csv").write_text("".join(lines))
    (folder / "loopline.yaml").write_text(DECLARATION)
    with open_loop(folder) as loop:
        assert loop.run().champion
    rng = np.random.default_rng(5)
    with open_loop(folder) as loop, Log(loop.workspace.lake.log) as log:
        for day in range(days):
            size = rng.normal(3.0 if day > 2 else 0.0, 1.0, rows)
            start = datetime(2026, 3, 2) + timedelta(days=day)
            asked = pl.DataFrame(
                {
                    "size": size,
                    "kind": rng.choice(["a", "b", "c"], rows),
                    "at": [start + timedelta(hours=1) * index / rows for index in range(rows)],
                    "noise": rng.normal(size=rows),
                }
            )
            answers = loop.score(asked)
            happened = np.where(2 * size + rng.normal(scale=0.5, size=rows) > 0.5, "yes", "no")
            said = [
                json.dumps({"id": id, "outcome": str(outcome), "time": f"{start + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"})
                for id, outcome in zip(answers["prediction_id"], happened, strict=True)
            ]
            log.append("outcomes", "".join(f"{line}\n" for line in said).encode()).result(timeout=10)
        assert loop.run().exit_code == 0


def reader(role: str) -> Reader:
    """The person who holds a role."""
    return Reader(PEOPLE[role])


class Stated(Local):
    """A door that takes somebody for who they are said to be."""

    def __init__(self, who: Reader) -> None:
        self._who = who

    def reader(self, request: Request) -> Reader | Response:
        """The one that was stated."""
        return self._who


@contextmanager
def client(folder: Path, who: Reader | None = None) -> Iterator[TestClient]:
    """A browser of one reader at the pages of the project in a folder; of the person of this machine where nobody is stated."""
    followed = Followed(folder)
    site = Site({followed.name: followed}, door=None if who is None else Stated(who))
    try:
        with TestClient(build(site), base_url="http://127.0.0.1:8379") as browser:
            yield browser
    finally:
        followed.close()


def hidden(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the first form on a page whose address ends like this."""
    form = page[: page.index("</form>", at)] if (at := page.find(f'{action}">')) >= 0 else ""
    found = {}
    for part in form[form.rindex("<form") :].split("<input ")[1:] if form else ():
        words = dict(word.split("=", 1) for word in part.split(">")[0].replace('"', "").split(" ") if "=" in word)
        if words.get("type") == "hidden":
            found[words["name"]] = unescape(words.get("value", ""))
    return found
