"""What the journeys share: the command line in a process of its own, and a small shop with something to decide."""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
from datetime import datetime, timedelta

import pytest

from tests.calling import call
from tests.kept import copied


class Shell:
    """Calls `loopline` as a person would, in a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, *words, code=0, **environment):
        """What the command printed; its exit code must be the expected one."""
        ended = call([str(word) for word in words], folder=self.folder, environment={**os.environ, **environment})
        assert ended.code == code, f"exit {ended.code}\n{ended.out}\n{ended.err}"
        assert "Traceback" not in ended.err
        self.stderr = ended.err
        return ended.out

    def json(self, *words, code=0, **environment):
        """The one JSON object that the command printed."""
        return json.loads(self(*words, "--json", code=code, **environment))


def visits(rows, *, seed=0, start="2024-01-01"):
    """Rows of a shop: whether a visitor bought is mostly told by the pages seen and where the visit came from."""
    chance = random.Random(seed)
    begin = datetime.fromisoformat(start)
    for number in range(rows):
        pages, source = chance.randint(1, 20), chance.choice(["mail", "search", "advert"])
        likely = 0.08 * pages * (1.4 if source == "mail" else 0.7)
        yield {
            "visit": f"v{seed}-{number}",
            "at": (begin + timedelta(hours=number)).isoformat(),
            "pages": pages,
            "source": source,
            "minutes": round(chance.uniform(0, 30), 1),
            "bought": "yes" if chance.random() < likely else "no",
        }


def write_csv(path, rows):
    """The rows as a CSV file."""
    rows = list(rows)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def prepare(folder):
    """A folder with `visits.csv` and the declaration that `loopline init` wrote for it, with fewer trials."""
    write_csv(folder / "visits.csv", visits(600))
    Shell(folder)("init", "visits.csv", "--target", "bought", "--name", "shop")
    declaration = folder / "loopline.yaml"
    text = declaration.read_text()
    assert "{search: {trials: 20}}" in text
    declaration.write_text(text.replace("{search: {trials: 20}}", "{search: {trials: 2}, assess: {refits: false}}"))


def finish(folder):
    """The same folder after `loopline run`."""
    prepare(folder)
    Shell(folder)("run")


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    return copied(tmp_path_factory, prepare, tmp_path_factory.mktemp("prepared") / "shop")


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    return copied(tmp_path_factory, finish, tmp_path_factory.mktemp("finished") / "shop")


@pytest.fixture
def shop(prepared, tmp_path):
    """A shell in a shop of its own, in which nothing has run."""
    return Shell(shutil.copytree(prepared, tmp_path / "shop"))


@pytest.fixture
def ran(finished, tmp_path):
    """A shell in a shop of its own that has a champion."""
    return Shell(shutil.copytree(finished, tmp_path / "shop"))
