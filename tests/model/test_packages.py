"""What was found of a package is found again, also once its step was done afresh or freed, without reading every step."""

from __future__ import annotations

from pathlib import Path

from loopline.ledger.entry import Draft
from loopline.ledger.state import fold
from loopline.ledger.store import Ledger
from loopline.model.packages import facts_of


def _searched(key: str, package: str, worth: int) -> tuple[Draft, Draft]:
    facts = {"package": package, "worth": worth}
    return (
        Draft(kind="step", subject="model", key=key, body={"state": "succeeded", "name": "search", "facts": facts}),
        Draft(kind="package", subject=package, key=key, body={}),
    )


def test_what_was_found_of_a_package_is_found_by_the_keys_of_its_steps(tmp_path: Path) -> None:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", "p") as ledger:
        ledger.append(*_searched("k1", "a", 1), *_searched("k2", "b", 2), *_searched("k1", "c", 3), *_searched("k2", "b", 4))
        ledger.append(Draft(kind="gc", body={"state": "done", "steps": ["k1"]}), *_searched("k3", "d", 5))
        state = fold(ledger.read())
        assert [facts_of(state, ledger, state.packages[name]).get("worth") for name in "abcd"] == [1, 4, 3, 5]
        (lost,) = ledger.append(Draft(kind="package", subject="e", key="k9", body={}))
        assert facts_of(state, ledger, lost) == {}
