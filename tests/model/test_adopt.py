"""An imported model becomes a candidate like any other: its policy is chosen on the judged rows, its figures come from the one look at the test part."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from loopline.charter.spec import CharterSpec
from loopline.data.spec import DataSpec
from loopline.engine.step import Facts, Silence, Step
from loopline.errors import Fault, Mistake
from loopline.ledger.entry import Draft
from loopline.ledger.state import fold
from loopline.model import stage
from loopline.model.package import store
from loopline.model.predictor import Predictor
from loopline.model.spec import ModelSpec
from loopline.workspace import Ask, Job
from tests.model.foreigners import classifier, regressor
from tests.model.studies import WORTH, Study, table
from tests.signing import vouch


def study(folder: Path, task: str = "binary") -> Study:
    """A study whose search is over."""
    folder.mkdir()
    made = Study(folder, table(task), task, key=("id",), model={"search": {"trials": 1}, "families": ["baseline"]})
    made.run()
    return made


def asked(made: Study, *, model: Mapping[str, Any] | None = None) -> Step | Facts:
    """What the stage wants after the search: another step, or nothing, when it tells its facts."""
    with made.workspace.ledger as ledger:
        entries = ledger.read()
    search = made.step(made.workspace)
    facts = {**search.inputs, "main": "t", "tables": {"t": search.inputs["table"]}}
    charter = CharterSpec.model_validate({"predict": "y", "worth": {"currency": "EUR", **WORTH[made.task]}})
    data = DataSpec.model_validate({"sources": {"t": {"path": "t.csv"}}, "contract": {"size": {"required": False}, "kind": {"required": True}}})
    steps = stage.steps(ModelSpec.model_validate(made.model), data, charter, Ask(project="p", folder=made.folder, state=fold(entries), facts={"data": facts}))
    assert next(steps) == search
    try:
        following = steps.send({"package": "the search's"})
    except StopIteration as end:
        told: Facts = end.value
        return told
    assert isinstance(following, Step)
    return following


def propose(made: Study, **body: Any) -> None:
    with made.workspace.ledger as ledger:
        ledger.append(Draft(kind="import", body={"state": "proposed", "name": "theirs.onnx", **body}))


def adopted(made: Study) -> Facts:
    """The facts of the import step, done and entered."""
    step = asked(made)
    assert isinstance(step, Step) and step.name == "import"
    workspace = made.workspace
    with workspace.ledger as ledger:
        (started,) = ledger.append(Draft(kind="step", subject="model", key=step.key, body={"state": "started", "name": "import"}))
        return workspace.engine.run(step.function, Job(project="p", folder=made.folder, step=step, attempt=started.id, workspace=workspace, progress=Silence()))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_graph_becomes_a_package_with_a_policy_and_figures(tmp_path: Path, task: str) -> None:
    made = study(tmp_path / "room", task)
    labels = {"binary": ("no", "yes"), "multiclass": ("low", "middle", "high")}.get(task)
    graph = regressor() if labels is None else classifier(labels=labels)
    propose(made, graph=made.blobs().put(graph), columns=[])
    facts = adopted(made)
    package = made.package(facts)
    predictor = Predictor(package)
    assert facts["imported"] and facts["says"].startswith("the imported theirs.onnx earns ")
    assert package.manifest["family"] == "imported" and package.contents["model.onnx"] == graph
    assert facts["worth"]["per_decision"] > facts["worth"]["baseline"], "the outcome hangs on size"
    assert set(facts["metrics"]) == {"validation", "test"}
    assert len(made.entries("look")) == 2 and len(made.entries("package")) == 2
    decisions = predictor.predict({"size": [3.0, -3.0], "count": [1, 1]}).decision.tolist()
    assert decisions == {"binary": ["act", "rest"], "multiclass": ["high", "low"], "regression": [6.0, -6.0]}[task]
    columns = {column["name"]: column for column in package.parsed("signature.json")["columns"]}
    assert columns["size"]["required"] is False
    if labels is not None:
        assert columns["count"]["required"], "whole numbers cannot be null in the graph"
    assert "made elsewhere and imported" in package.text("card.md")
    assert {"card.html", "bom.json", "reference.json", "metrics.json", "policy.json"} <= set(package.contents)


def test_the_same_graph_gives_the_same_package(tmp_path: Path) -> None:
    digests = set()
    for name in ("one", "two"):
        made = study(tmp_path / name)
        propose(made, graph=made.blobs().put(classifier()), columns=[])
        digests.add(adopted(made)["package"])
    assert len(digests) == 1


def test_the_newest_of_search_and_import_is_the_candidate(tmp_path: Path) -> None:
    made = study(tmp_path / "room")
    assert asked(made) == {"package": "the search's"}
    propose(made, graph=made.blobs().put(classifier()), columns=[])
    assert isinstance(asked(made), Step)
    with made.workspace.ledger as ledger:
        ledger.append(Draft(kind="import", body={"state": "withdrawn"}))
    assert asked(made) == {"package": "the search's"}
    propose(made, graph=made.blobs().put(classifier()), columns=[])
    made.run()
    assert asked(made) == {"package": "the search's"}


def test_scores_that_are_no_probabilities_are_refused(tmp_path: Path) -> None:
    made = study(tmp_path / "room")
    propose(made, graph=made.blobs().put(regressor()), columns=[])
    with pytest.raises(Mistake, match="its scores are no probabilities between 0 and 1; export its predict_proba"):
        adopted(made)


def test_a_package_from_elsewhere_is_judged_on_the_rows_here_and_stays_as_it_is(tmp_path: Path) -> None:
    there = Study(tmp_path / "there", table("binary", seed=3), "binary", key=("id",), model={"search": {"trials": 2}})
    there.folder.mkdir()
    package = there.package(there.run())
    here = study(tmp_path / "here")
    store(here.blobs(), package)
    propose(here, package=package.digest)
    with pytest.raises(Fault, match="it is not signed"):
        adopted(here)
    with here.workspace.ledger as ledger:
        vouch(ledger, here.blobs(), package.digest)
    facts = adopted(here)
    assert facts["package"] == package.digest
    assert facts["metrics"]["test"] != package.parsed("metrics.json")["test"]
    evidence = pl.read_parquet(here.folder / "lake" / "blobs" / facts["evidence"][:2] / facts["evidence"])
    predictor = Predictor(package)
    decision = predictor.predict({name: evidence[name].to_list() for name in predictor.columns}).decision
    money = [(10 if happened else -6) if said == "act" else 0 for said, happened in zip(decision, evidence["__outcome"].to_list(), strict=True)]
    assert facts["worth"]["per_decision"] == pytest.approx(np.mean(money))


def test_a_package_for_another_outcome_is_refused(tmp_path: Path) -> None:
    there = Study(tmp_path / "there", table("multiclass"), "multiclass", key=("id",), model={"search": {"trials": 1}})
    there.folder.mkdir()
    package = there.package(there.run())
    here = study(tmp_path / "here")
    store(here.blobs(), package)
    with here.workspace.ledger as ledger:
        vouch(ledger, here.blobs(), package.digest)
    propose(here, package=package.digest)
    with pytest.raises(Mistake, match="its task is 'multiclass', and the project's is 'binary'"):
        adopted(here)
