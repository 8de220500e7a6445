"""An override counts as a word does: of the business, signed with the key of who says it; one from before is heeded as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loopline.charter.spec import CharterSpec
from loopline.charter.statement import enter
from loopline.ledger.entry import Draft
from loopline.ledger.state import FOLDED, fold
from loopline.ledger.store import Ledger
from loopline.model.signing import give_trust
from loopline.release.heeded import heeded
from loopline.release.words import say
from tests.signing import key_of

CHARTER = CharterSpec.model_validate({"predict": "y", "stakeholders": {"business": ["ann"]}})
NOBODY = CharterSpec(predict="y")
SAID = Draft(kind="override", subject="charter", key="abc", body={"why": "a pilot", "binds": "abc"}, actor="ann")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", "p") as opened:
        for name in ("ann", "ben"):
            give_trust(opened, key_of(name, tmp_path).public, name, by="ann")
        yield opened


def heard(ledger: Ledger, charter: CharterSpec = CHARTER) -> bool:
    return "charter" in heeded(fold(ledger.read(kinds=FOLDED)), charter).overrides


def test_it_counts_with_the_key_of_who_holds_the_role(ledger: Ledger, tmp_path: Path) -> None:
    enter(ledger, CHARTER)
    say(ledger, SAID, key_of("ann", tmp_path))
    assert heard(ledger)
    assert not heard(ledger, CharterSpec.model_validate({"predict": "y", "stakeholders": {"business": ["eve"]}}))


@pytest.mark.parametrize("key", [None, "ben"])
def test_it_does_not_count_unsigned_or_with_the_key_of_another(ledger: Ledger, tmp_path: Path, key: str | None) -> None:
    enter(ledger, CHARTER)
    if key is None:
        ledger.append(SAID)
    else:
        say(ledger, SAID, key_of(key, tmp_path))
    assert not heard(ledger)
    assert heard(ledger, NOBODY), "where nobody is listed anybody may"


def test_one_from_before_the_ledger_kept_charters_goes_on_to_hold(ledger: Ledger) -> None:
    ledger.append(SAID)
    enter(ledger, CHARTER)
    assert heard(ledger)
