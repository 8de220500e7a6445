"""Killed at any moment of an intake, the same command goes on: the tables, the quarantine and the books end as if nothing had happened."""

from __future__ import annotations

import random
import shutil
import time
from functools import cache

import pytest

from tests.torture.killing import WAYS, End, after, after_sign, command, copied, end, killed, project, signs

SEED = 20240229
_LONG = [pytest.mark.torture, pytest.mark.timeout(7200)]


@pytest.fixture(scope="module")
def starts(tmp_path_factory):
    """For a way and a number of rows: a project before the delivery, how it ends when nobody kills, and the seconds that this takes."""

    @cache
    def start(name: str, rows: int):
        way = WAYS[name]
        before = project(tmp_path_factory.mktemp("start") / name, way, rows)
        whole = copied(before, before.parent / "whole")
        since = time.monotonic()
        done = command(whole, way.words)
        took = time.monotonic() - since
        assert done.returncode == 0, done.stderr
        ended = end(whole)
        shutil.rmtree(whole)
        return before, ended, took

    return start


def kill_and_resume(start, name: str, place, chance: random.Random, number: int) -> tuple[int, End]:
    """How often it died, and how it ends."""
    before, _, took = start
    folder = copied(before, place / f"killed-{number}")
    deaths = 0
    # Two in three die once; the others again, while they mend what the first death left.
    for _ in range(1 + (number % 3 == 2)):
        found = signs(folder)
        sign = found[chance.randrange(len(found))]
        is_due = after(chance.uniform(0.3, 1.0) * took) if number % 2 else after_sign(sign, chance.choice([0.0, chance.uniform(0, 0.1)]))
        deaths += killed(folder, WAYS[name].words, is_due)
    done = command(folder, WAYS[name].words)
    assert done.returncode == 0, done.stderr
    ended = end(folder)
    shutil.rmtree(folder)
    return deaths, ended


@pytest.mark.parametrize(
    ("name", "rows", "kills"),
    [
        ("pull", 10_000, 1),
        pytest.param("ingest", 1_000_000, 100, marks=_LONG),
        pytest.param("run", 1_000_000, 20, marks=_LONG),
        pytest.param("changed", 300_000, 15, marks=_LONG),
        pytest.param("pull", 300_000, 15, marks=_LONG),
        pytest.param("replace", 300_000, 15, marks=_LONG),
    ],
)
def test_killed_and_called_again_it_ends_as_if_nothing_had_happened(starts, name, rows, kills, tmp_path):
    chance = random.Random(f"{SEED} {name}")
    start = starts(name, rows)
    whole = start[1]
    assert not whole.wrong
    read, accepted, quarantined, merged = whole.counts[-1]
    assert read == rows == accepted + quarantined + merged and quarantined and merged
    assert whole.rows == whole.keys
    deaths, number = 0, 0
    while deaths < kills:
        died, ended = kill_and_resume(start, name, tmp_path, chance, number)
        assert ended == whole, f"after round {number} of {name}"
        deaths, number = deaths + died, number + 1
        assert number < 3 * kills + 5, "it ends before it can be killed"
