"""What the server decides apart: the hold-out as the declaration has it now, and the experiments that run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from loopline.cli.serve import _Apart, _features
from loopline.errors import Mistake
from loopline.ledger.entry import Draft
from loopline.loop import open_loop
from loopline.serve.apart import Apart, Holdout

DECLARATION = 'project: shop\ncharter: {predict: y, positive: "yes"}\ndata: {sources: {t: {path: t.csv}}}\n'


def declare(folder: Path, text: str, *, at: int) -> None:
    file = folder / "loopline.yaml"
    file.write_text(DECLARATION + text)
    os.utime(file, (at, at))


def started(name: str, sort: str, *arms: tuple[str, float]) -> Draft:
    made = [{"name": arm, "share": share, "policy": None, "package": ""} for arm, share in arms]
    return Draft(kind="experiment", subject=name, body={"action": "started", "sort": sort, "package": "p", "arms": made, "plan": {}})


def test_a_changed_declaration_is_followed_and_a_broken_one_is_told_once(tmp_path: Path) -> None:
    declare(tmp_path, "", at=1)
    with open_loop(tmp_path) as loop:
        apart = _Apart(loop)
        assert apart() == Apart()
        declare(tmp_path, "value: {holdout: 5%}\n", at=2)
        assert apart() == Apart(Holdout(0.05, "hold-out of shop"))
        declare(tmp_path, "value: {holdout: {share: 10%, decision: act}}\n", at=3)
        held = Apart(Holdout(0.1, "hold-out of shop", "act"))
        assert apart() == held
        declare(tmp_path, "value: {holdout: 90%}\n", at=4)
        with pytest.raises(Mistake, match="holdout"):
            apart()
        assert apart() == held
        declare(tmp_path, "", at=5)
        assert apart() == Apart()


def test_the_experiments_that_run_are_given(tmp_path: Path) -> None:
    declare(tmp_path, "", at=1)
    with open_loop(tmp_path) as loop:
        ledger = loop.workspace.ledger
        (eager, _) = ledger.append(started("eager", "policy", ("control", 0.5), ("eager", 0.5)), started("banner", "feature", ("old", 0.5), ("new", 0.5)))
        given = _Apart(loop)().policies
        assert given is not None and (given.experiment, list(given.arms)) == (eager.id, ["control", "eager"])
        assert [one.name for one in _features(ledger)] == ["banner"]
        ledger.append(Draft(kind="experiment", subject="eager", body={"action": "ended", "winner": "control", "why": ""}))
        assert _Apart(loop)() == Apart()


@pytest.mark.parametrize("said", ["holdout: -1%", "holdout: 60%", "holdout: much", "holdout: {share: 5%, decide: act}", "holdout: true", "holdout: x%"])
def test_what_is_no_hold_out_is_a_mistake_that_names_its_line(tmp_path: Path, said: str) -> None:
    declare(tmp_path, f"value: {{{said}}}\n", at=1)
    with pytest.raises(Mistake, match="line 4"):
        open_loop(tmp_path)
