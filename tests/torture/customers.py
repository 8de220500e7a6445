"""Customers of a server that comes and goes: they ask until they are answered, and tell what happened until they are heard."""

from __future__ import annotations

import json
import random
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

FIRST_DAY = datetime(2026, 3, 2)
EXPERIMENT = "banner"
ROWS = 25
"""Customers in a day."""


@dataclass
class Customers:
    """Asks a day's rows and tells their outcomes, day after day, in a thread of its own.

    Parameters
    ----------
    url
        Of the server.
    quiet_days
        So long outcomes are as the model has learned; afterwards they are contrary to it.

    Attributes
    ----------
    told
        From the id of each prediction whose outcome was taken to what was said of it last.
    ghosts
        Ids that no prediction has, of which an outcome was told all the same.
    sides, arms
        From a customer to every side of the hold-out, and every arm of the experiment, that they were ever given.
    """

    url: str
    quiet_days: int
    told: dict[str, str] = field(default_factory=dict)
    ghosts: set[str] = field(default_factory=set)
    sides: dict[int, set[bool]] = field(default_factory=dict)
    arms: dict[str, set[str]] = field(default_factory=dict)
    days: int = 0
    _chance: random.Random = field(default_factory=lambda: random.Random(3))
    _ended: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._come, name="customers")
        self._thread.start()

    def end(self, timeout_s: float) -> None:
        """Let the day that has begun come to its end; the server must be there."""
        self._ended.set()
        self._thread.join(timeout_s)
        assert not self._thread.is_alive(), "the server does not answer any more"

    def _come(self) -> None:
        while not self._ended.is_set():
            self._day()
            self.days += 1
            self._ended.wait(0.3)

    def _day(self) -> None:
        chance, start = self._chance, FIRST_DAY + timedelta(days=self.days)
        rows = [self._row(start + timedelta(minutes=number)) for number in range(ROWS)]
        answers = self._until_heard("/v1/predict", {"rows": rows})["predictions"]
        words = {}
        for row, answer in zip(rows, answers, strict=True):
            self.sides.setdefault(row["id"], set()).add(answer["holdout"])
            happened = (2 * row["size"] + (row["kind"] == "a") + chance.gauss(0, 0.5) > 0.5) != (self.days >= self.quiet_days)
            words[answer["id"]] = "yes" if happened else "no"
        self._tell(words)
        ghost = f"{start:%Y%m%d}-{chance.randrange(16**8):08x}-{chance.randrange(16**8):08x}"
        self._until_heard("/v1/outcomes", {"outcomes": [{"id": ghost, "outcome": "yes"}]})
        self.ghosts.add(ghost)
        units = [{"experiment": EXPERIMENT, "unit": str(row["id"])} for row in rows]
        for unit, said in zip(units, self._until_heard("/v1/assign", {"assign": units})["assigned"], strict=True):
            self.arms.setdefault(unit["unit"], set()).add(said["arm"])

    def _row(self, at: datetime) -> dict[str, Any]:
        chance = self._chance
        return {"id": chance.randrange(60), "size": chance.gauss(0, 1), "kind": chance.choice("abc"), "at": at.isoformat(), "noise": chance.gauss(0, 1)}

    def _tell(self, words: dict[str, str]) -> None:
        """Of ten outcomes one never comes, one comes twice, and of one the contrary is told first."""
        lots = {id: self._chance.random() for id in words}
        first = {id: {"yes": "no", "no": "yes"}[word] if lots[id] < 0.1 else word for id, word in words.items() if lots[id] < 0.9}
        again = {id: words[id] for id in first if lots[id] < 0.2}
        for said in (first, again):
            if said:
                self._until_heard("/v1/outcomes", {"outcomes": [{"id": id, "outcome": word} for id, word in said.items()]})
                self.told |= said

    def _until_heard(self, path: str, body: object) -> Any:
        """The answer; a server that was killed is asked again."""
        while True:
            try:
                with urlopen(Request(self.url + path, json.dumps(body).encode()), timeout=20) as answer:
                    return json.load(answer)
            except HTTPError as error:
                with error:
                    assert error.code in (429, 503), error.read()
            except (OSError, HTTPException, ValueError):
                pass
            time.sleep(0.1)
