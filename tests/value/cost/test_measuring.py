"""What a project took, as it is read from its ledger: the newest turns tell what a turn takes, however many there were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loopline.charter.spec import CharterSpec
from loopline.engine.local import LocalEngine
from loopline.lake.place import Lake
from loopline.ledger.entry import Draft, now
from loopline.ledger.spend import USAGE
from loopline.ledger.store import Ledger
from loopline.value.cost import measuring
from loopline.value.cost.measuring import analyse
from loopline.value.spec import ValueSpec
from loopline.workspace import Workspace
from tests.value.cost.books import book

CHARTER = CharterSpec.model_validate({"predict": "late", "worth": {"currency": "USD", "act_right": 1}, "volume": "100 per day"})


def step(stage: str, name: str, *, cpu_s: float, **more: Any) -> tuple[Draft, Draft]:
    io = {"wall_s": cpu_s, "cpu_s": cpu_s, "read_bytes": 10, "written_bytes": 20, "calls": 5}
    ended = {"state": "succeeded", "name": name, "seconds": cpu_s, "io": io, "peak_bytes": 10**8, "cost": 0.5, "currency": "USD", "facts": more}
    return Draft(kind="step", subject=stage, body={"state": "started", "name": name}), Draft(kind="step", subject=stage, body=ended)


def turn(rows: int, *, cpu_s: float) -> tuple[Draft, ...]:
    return (*step("serve", "collect", cpu_s=cpu_s, predictions={"rows": rows}), *step("watch", "alerts", cpu_s=cpu_s))


def test_the_newest_turns_and_reports_are_measured_and_all_that_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "TURNS", 5)
    monkeypatch.setattr(measuring, "REPORTS", 3)
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", "p") as ledger:
        workspace = Workspace(ledger, Lake(str(tmp_path / "lake")), LocalEngine(1))
        made = [*step("data", "ingest", cpu_s=4), *step("model", "search", cpu_s=90), *step("release", "gates", cpu_s=6, answer_ms=3.0, gates=[])]
        ledger.append(*made, Draft(kind="champion", subject="a" * 64, body={"previous": None}))
        # The first turns took long and brought much; a later state of the code is quicker.
        ledger.append(*(draft for number in range(20) for draft in turn(1000 * (number + 1), cpu_s=50.0)))
        ledger.append(*(draft for number in range(4) for draft in turn(20_000 + 100 * (number + 1), cpu_s=1.0)))
        reports = [{"wall_s": 3600.0, "cpu_s": each, "requests": 100, "decisions": 100} for each in (900.0,) * 9 + (0.2,) * 3]
        ledger.append(*(Draft(kind=USAGE, subject="serve", body=body) for body in reports))
        found = analyse(workspace, CHARTER, ValueSpec(), book(), moment=now())
    use = found.measured.use
    assert use.follow.cpu_s * 100 == pytest.approx(2.0) and use.answer.cpu_s == pytest.approx(0.002)
    assert use.training.cpu_s == pytest.approx(100) and found.profit.outlay.build == pytest.approx(1.5)
    said = "\n".join(found.measured.rests_on)
    assert "(4 turns of collecting" in said and "a decision leaves" in said
