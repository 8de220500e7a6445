"""The value stage's door: what it hands to the review of the packages that were learned since."""

from __future__ import annotations

from pathlib import Path

from loopline.ledger.state import fold
from loopline.value.stage import _knows_the_data, _retrained
from loopline.workspace import Ask
from tests.watch.test_retrain import Told


def ask(told: Told) -> Ask:
    return Ask(project="p", folder=Path(), state=fold(told.entries), facts={"data": told.facts})


def test_a_package_that_was_learned_from_the_newest_rows_and_refused_is_told_until_newer_ones_come() -> None:
    told = Told()
    assert (_retrained(ask(told)), _knows_the_data(ask(told))) == ("", True)
    told.data(more=1)
    assert (_retrained(ask(told)), _knows_the_data(ask(told))) == ("", False)
    told.search("two")
    told.gates("two")
    assert (_retrained(ask(told)), _knows_the_data(ask(told))) == ("", False)
    told.gates("two", parity="off")
    assert (_retrained(ask(told)), _knows_the_data(ask(told))) == ("two, learned from the newest rows, does not pass parity and is not promoted", True)
    told.data(more=1)
    assert (_retrained(ask(told)), _knows_the_data(ask(told))) == ("", False)
