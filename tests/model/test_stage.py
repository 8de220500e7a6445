"""The model stage's door."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from loopline.charter.spec import CharterSpec
from loopline.data.spec import DataSpec
from loopline.engine.step import Step
from loopline.ledger.state import State
from loopline.model.spec import ModelSpec
from loopline.model.stage import steps
from loopline.workspace import Ask

DATA = {
    "main": "t",
    "tables": {"t": {"id": "abc", "version": 3, "rows": 100}},
    "columns": [{"name": "x", "type": "number", "use": True}],
    "task": "binary",
    "positive": "yes",
    "classes": ["no", "yes"],
    "time": None,
    "key": [],
    "order": None,
    "says": "100 rows",
}
CHARTER: dict[str, Any] = {"predict": "y", "worth": {"act_right": 5}, "acceptance": [{"id": "A", "check": "worst_slice(x).precision >= 0.5"}]}
CONTRACT: dict[str, Any] = {"sources": {"t": {"path": "t.csv"}}, "contract": {"x": {"required": True, "max": 5}}}


def asked(
    tmp_path: Path,
    *,
    model: dict[str, Any] | None = None,
    charter: dict[str, Any] | None = None,
    data: dict[str, Any] | None = None,
    facts: dict[str, Any] | None = None,
) -> Step:
    ask = Ask(project="p", folder=tmp_path, state=State(), facts={"data": {**DATA, **(facts or {})}})
    specs = ModelSpec.model_validate(model or {}), DataSpec.model_validate(data or CONTRACT), CharterSpec.model_validate({**CHARTER, **(charter or {})})
    step = next(steps(*specs, ask))
    assert isinstance(step, Step)
    return step


def test_it_asks_for_one_search(tmp_path: Path) -> None:
    step = asked(tmp_path)
    assert (step.stage, step.name, step.function) == ("model", "search", "loopline.model.learn:run")
    assert step.reads["slices"] == ["x"]
    assert step.reads["required"] == ["x"]


def test_it_returns_the_searchs_facts(tmp_path: Path) -> None:
    ask = Ask(project="p", folder=tmp_path, state=State(), facts={"data": DATA})
    story = steps(ModelSpec(), DataSpec.model_validate(CONTRACT), CharterSpec.model_validate(CHARTER), ask)
    next(story)
    with pytest.raises(StopIteration) as end:
        story.send({"says": "done"})
    assert end.value.value == {"says": "done"}


@pytest.mark.parametrize(
    "change",
    [
        {"charter": {"stakeholders": {"business": ["ann"]}}},
        {"charter": {"problem": "Other words."}},
        {"charter": {"acceptance": [{"id": "A", "check": "worst_slice(x).precision >= 0.9"}]}},
        {"data": {**CONTRACT, "contract": {"x": {"required": True, "max": 9}}}},
        {"facts": {"says": "101 rows", "quarantined": 7}},
    ],
)
def test_what_a_package_does_not_depend_on_makes_nothing_stale(tmp_path: Path, change: dict[str, Any]) -> None:
    assert asked(tmp_path, **change).key == asked(tmp_path).key


@pytest.mark.parametrize(
    "change",
    [
        {"charter": {"worth": {"act_right": 6}}},
        {"charter": {"acceptance": []}},
        {"model": {"search": {"trials": 3}}},
        {"model": {"seed": 1}},
        {"facts": {"tables": {"t": {"id": "abc", "version": 4, "rows": 100}}}},
        {"facts": {"columns": [{"name": "x", "type": "number", "use": False}]}},
    ],
)
def test_what_a_package_depends_on_makes_it_stale(tmp_path: Path, change: dict[str, Any]) -> None:
    assert asked(tmp_path, **change).key != asked(tmp_path).key


def test_ones_own_family_that_changes_makes_it_stale(tmp_path: Path) -> None:
    keys = []
    for text in ("A = 1\n", "A = 2\n"):
        (tmp_path / "mine.py").write_text(text)
        keys.append(asked(tmp_path, model={"families": ["mine:family"]}).key)
    assert keys[0] != keys[1]


def test_the_door_is_light() -> None:
    heavy = "{'numpy', 'polars', 'sklearn', 'lightgbm', 'optuna', 'onnx', 'onnxruntime', 'deltalake', 'duckdb'}"
    # The workspace names the ledger's class, and nothing of what learns or reads tables may come with it.
    code = f"import sys, loopline.model.stage; print(sorted({heavy} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.strip() == "[]"
