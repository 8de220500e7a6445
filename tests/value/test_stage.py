"""The value stage's door: what it hands to the review of the packages that were learned since."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from loopline.ledger.state import fold
from loopline.value.stage import _knows_the_data, _retrained
from loopline.workspace import Ask
from tests.watch.test_retrain import Told


def ask(told: Told, **facts: Any) -> Ask:
    return Ask(project="p", folder=Path(), state=fold(told.entries), facts={"data": told.facts, **facts})


def seen(told: Told) -> tuple[str, bool]:
    return _retrained(ask(told), only_when_asked=False), _knows_the_data(ask(told), only_when_asked=False)


def test_a_package_that_was_learned_from_the_newest_rows_and_refused_is_told_until_newer_ones_come() -> None:
    told = Told()
    assert seen(told) == ("", True)
    told.data(more=1)
    assert seen(told) == ("", False)
    told.search("two")
    told.gates("two")
    assert seen(told) == ("", False)
    told.gates("two", parity="off")
    assert seen(told) == ("two, learned from the newest rows, does not pass parity and is not promoted", True)
    told.data(more=1)
    assert seen(told) == ("", False)


def test_where_retrainings_are_asked_for_a_refused_one_is_told_with_what_holds_the_next_one_back() -> None:
    told = Told()
    told.data(more=1)
    told.search("two")
    told.gates("two", parity="off")
    told.data(more=1)
    there = ask(told, release={"says": ""}, watch={"held_back": "1 per month"})
    assert not _knows_the_data(there, only_when_asked=True)
    assert _retrained(there, only_when_asked=True) == "two does not pass parity and is not promoted; the next one is held back: 1 per month"
