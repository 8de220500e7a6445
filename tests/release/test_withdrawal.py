"""A package on trial may decide no more once a gate, a no, or a yes that was taken back says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loopline.ledger.entry import Draft, Entry
from loopline.ledger.state import FOLDED, fold
from loopline.ledger.store import Ledger
from loopline.release.withdrawal import withdrawal
from tests.release.test_stage import CHARTER, GOOD, SPEC, A, Told


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", "p") as ledger:
        made = Told(ledger, tmp_path)
        made.turn(A)
        yield made


def began(told: Told) -> Entry:
    return told.ledger.append(Draft(kind="experiment", subject="e", body={"action": "started"}))[0]


def why(told: Told, since: Entry | None = None) -> str:
    return withdrawal(SPEC, CHARTER, fold(told.ledger.read(kinds=FOLDED)), A, since=since)


def test_what_nobody_was_asked_about_yet_may_still_decide(told: Told) -> None:
    assert why(told, began(told)) == why(told) == ""


def test_a_no_withdraws_it_until_somebody_of_the_role_says_yes(told: Told) -> None:
    since = began(told)
    told.word(A, "business", "ann", "no", "it is too bold")
    assert why(told, since) == why(told) == "aaaaaaaa is refused by ann as business: it is too bold"
    told.word(A, "business", "ann")
    assert why(told, since) == ""


def test_a_yes_that_stood_when_it_began_must_stand_now(told: Told) -> None:
    told.word(A, "business", "ann")
    since = began(told)
    assert why(told, since) == ""
    told.word(A, "business", "ann", "withdrawn")
    assert why(told, since) == "the yes of business to aaaaaaaa was taken back"
    # Who begins anew rests on no yes.
    assert why(told, began(told)) == ""


def test_a_gate_that_it_passes_no_longer_withdraws_it(told: Told) -> None:
    since = began(told)
    facts = {"package": A, "passed": False, "gates": [{"name": name, "passed": name != "contract"} for name in GOOD]}
    told.ledger.append(Draft(kind="step", subject="release", key="later", body={"state": "succeeded", "name": "gates", "facts": facts}))
    assert why(told, since) == "aaaaaaaa no longer passes contract"
