"""The model stage's door."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from loopline.charter.spec import CharterSpec
from loopline.data.spec import DataSpec
from loopline.engine.step import Step
from loopline.errors import Mistake
from loopline.ledger.entry import Entry
from loopline.ledger.state import State, fold
from loopline.model.spec import ModelSpec
from loopline.model.stage import sounding, steps
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
    state: State | None = None,
    only_when_asked: bool = False,
) -> Step:
    ask = Ask(project="p", folder=tmp_path, state=state or State(), facts={"data": {**DATA, **(facts or {})}})
    specs = ModelSpec.model_validate(model or {}), DataSpec.model_validate(data or CONTRACT), CharterSpec.model_validate({**CHARTER, **(charter or {})})
    step = next(steps(*specs, ask, only_when_asked=only_when_asked))
    assert isinstance(step, Step)
    return step


def entered(seq: int, kind: str, key: str = "", **body: Any) -> Entry:
    time = datetime(2024, 1, 1, tzinfo=UTC)
    return Entry(seq=seq, id=str(seq), project="p", kind=kind, subject="model", key=key, body=body, time=time, prev_hash="", hash="")


def test_a_criterion_over_a_metric_of_another_task_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="names 'mae', which is no binary metric"):
        asked(tmp_path, charter={"worth": {}, "acceptance": [{"id": "A", "check": "mae <= 3"}]})


NEWER = {"tables": {"t": {"id": "abc", "version": 4, "rows": 120}}}


def searched(tmp_path: Path, *more: Entry) -> State:
    """The state after the search on `DATA`, and what was entered since."""
    done = entered(1, "step", asked(tmp_path).key, state="succeeded", name="search", facts={"says": ""}, made_from=asked(tmp_path).made_from)
    return fold([done, *more])


def test_new_data_makes_a_search_stale_unless_a_retraining_is_to_be_asked_for(tmp_path: Path) -> None:
    state = searched(tmp_path)
    (done,) = state.succeeded
    assert asked(tmp_path, facts=NEWER, state=state).key != done
    assert asked(tmp_path, facts=NEWER, state=state, only_when_asked=True).key == done


@pytest.mark.parametrize(
    "change",
    [
        {"model": {"families": ["linear"]}},
        {"charter": {"worth": {"act_right": 6}}},
        {"facts": {**NEWER, "classes": ["no", "perhaps", "yes"]}},
        {"facts": {**NEWER, "time": "at"}},
    ],
)
def test_what_is_declared_otherwise_is_searched_for_although_nobody_asks(tmp_path: Path, change: dict[str, Any]) -> None:
    step = asked(tmp_path, **{"facts": NEWER, **change}, state=searched(tmp_path), only_when_asked=True)
    assert not step.stands and step.key == asked(tmp_path, **{"facts": NEWER, **change}).key


def test_a_request_or_results_that_are_gone_let_the_newest_data_be_searched(tmp_path: Path) -> None:
    new = asked(tmp_path, facts=NEWER).key
    requested = searched(tmp_path, entered(2, "retrain"))
    freed = searched(tmp_path, entered(2, "gc", steps=[asked(tmp_path).key]))
    assert [asked(tmp_path, facts=NEWER, state=state, only_when_asked=True).key for state in (requested, freed)] == [new, new]


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


PRICED: dict[str, Any] = {"predict": "y", "volume": "900 per day", "worth": {"currency": "EUR", "act_right": 5}}


def sounds(tmp_path: Path, *, model: Any = (), charter: Any = (), facts: Any = (), state: State | None = None, **how: bool) -> Step | None:
    """The sounding that the stage asks for, if it does."""
    ask = Ask(project="p", folder=tmp_path, state=state or State(), facts={"data": {**DATA, **dict(facts)}})
    specs = ModelSpec.model_validate(dict(model)), DataSpec.model_validate(CONTRACT), CharterSpec.model_validate({**PRICED, **dict(charter)})
    asked = next(sounding(*specs, ask, **how), None)
    assert asked is None or isinstance(asked, Step)
    return asked


def test_a_sounding_is_asked_for_where_a_year_can_be_told_in_money(tmp_path: Path) -> None:
    asked = sounds(tmp_path)
    assert asked is not None and (asked.stage, asked.name) == ("model", "sounding")
    for charter in ({"volume": None}, {"worth": {"act_right": 5}}):
        assert sounds(tmp_path, charter=charter) is None
        assert sounds(tmp_path, charter=charter, forced=True) is not None


def test_a_sounding_hangs_on_the_data_and_the_worth_and_not_on_the_search(tmp_path: Path) -> None:
    asked = sounds(tmp_path)
    assert asked is not None
    same = ({"model": {"search": {"trials": 3}, "families": ["linear"]}}, {"charter": {"volume": "5 per day", "acceptance": CHARTER["acceptance"]}})
    assert all(again is not None and again.key == asked.key for again in (sounds(tmp_path, **change) for change in same))
    other = ({"model": {"baseline": "x > 1"}}, {"charter": {"worth": {"currency": "EUR", "act_right": 6}}}, {"facts": NEWER})
    assert all(again is not None and again.key != asked.key for again in (sounds(tmp_path, **change) for change in other))


def test_once_a_package_decides_new_data_alone_asks_for_no_sounding(tmp_path: Path) -> None:
    asked = sounds(tmp_path)
    assert asked is not None
    done = entered(1, "step", asked.key, state="succeeded", name="sounding", facts={"says": ""}, made_from=asked.made_from)
    decides = fold([done, entered(2, "champion")])
    assert decides.champion and sounds(tmp_path, facts=NEWER, state=decides) is None
    assert sounds(tmp_path, facts=NEWER, state=fold([done])) is not None, "none decides yet"
    assert sounds(tmp_path, state=fold([entered(2, "champion")])) is None, "it decided before there were any"
    assert sounds(tmp_path, charter={"worth": {"currency": "EUR", "act_right": 6}}, state=decides) is not None
    assert sounds(tmp_path, facts=NEWER, state=decides, forced=True) is not None
    assert sounds(tmp_path, facts=NEWER, state=decides, anew=True) is not None
    assert sounds(tmp_path, charter={"volume": None}, state=decides, anew=True) is None
