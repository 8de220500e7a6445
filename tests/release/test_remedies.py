"""What follows failed gates: measuring again where that may help, else what to change first."""

from __future__ import annotations

from typing import Any

import pytest

from loopline.charter.spec import Criterion
from loopline.release.gates import acceptance
from loopline.release.gates import gates as all_gates
from loopline.release.remedies import MEASURED, following


def gates(*failed: str) -> list[dict[str, Any]]:
    return [{"name": "beats_baseline", "passed": True}, *({"name": name, "passed": False} for name in failed)]


@pytest.mark.parametrize("failed", [("latency",), ("memory",), ("contract", "latency")])
def test_what_was_measured_is_measured_again(failed: tuple[str, ...]) -> None:
    assert following(gates(*failed)) == "loopline run --fresh release"


def test_what_cannot_come_out_otherwise_must_be_changed_before_a_run() -> None:
    said = following(gates("contract", "acceptance A1"))
    assert said == (
        "deliver rows that keep the contract, or change data.contract or release.refused_share; "
        "change the data, the model or the criterion A1 in charter.acceptance; then: loopline run"
    )


def test_every_gate_has_a_remedy_of_its_own() -> None:
    named = {gate.__name__ for gate in all_gates(())}
    assert set(MEASURED) < named
    assert not any("criterion" in following(gates(name)) for name in named)
    assert "criterion A1" in following(gates(f"acceptance {Criterion(id='A1', check='precision > 0').id}"))
    assert acceptance(Criterion(id="A1", check="precision > 0"))


def test_a_role_that_may_waive_is_named_where_it_could_clear_the_way() -> None:
    waivable = {"parity": ("ml", "devops")}
    said = following(gates("parity"), waivable)
    assert said.endswith("or let ml or devops waive it: loopline release waive parity --as ml --why '...'")
    assert "waive" not in following(gates("parity", "contract"), waivable)


def test_what_is_waived_stands_in_nobodys_way() -> None:
    assert following([{"name": "parity", "passed": False, "waived": {"by": "ann"}}, *gates("latency")]) == "loopline run --fresh release"
