"""An imported model becomes a candidate like any other: its policy is chosen on the judged rows, its figures come from the one look at the test part."""

from __future__ import annotations

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
from loopline.model.package import pack, store
from loopline.model.predictor import Predictor
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


def searched(made: Study) -> Facts:
    """The facts of the newest search."""
    with made.workspace.ledger as ledger:
        facts = fold(ledger.read()).facts("model", "search")
    assert facts is not None
    return facts


def asked(made: Study) -> Step | Facts:
    """What the stage wants after the search: another step, or nothing, when it tells the search's facts."""
    with made.workspace.ledger as ledger:
        entries = ledger.read()
    search = made.step(made.workspace)
    facts = {**search.inputs, "main": "t", "tables": {"t": search.inputs["table"]}}
    charter = CharterSpec.model_validate({"predict": "y", "worth": {"currency": "EUR", **WORTH[made.task]}})
    data = DataSpec.model_validate({"sources": {"t": {"path": "t.csv"}}, "contract": {"size": {"required": False}, "kind": {"required": True}}})
    steps = stage.steps(made.declared, data, charter, Ask(project="p", folder=made.folder, state=fold(entries), facts={"data": facts}))
    assert next(steps) == search
    try:
        following = steps.send(searched(made))
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
    assert asked(made) == searched(made)
    propose(made, graph=made.blobs().put(classifier()), columns=[])
    assert isinstance(asked(made), Step)
    with made.workspace.ledger as ledger:
        ledger.append(Draft(kind="import", body={"state": "withdrawn"}))
    assert asked(made) == searched(made)
    propose(made, graph=made.blobs().put(classifier()), columns=[])
    made.run()
    assert asked(made) == searched(made)


def crown(made: Study, package: str) -> None:
    with made.workspace.ledger as ledger:
        ledger.append(Draft(kind="champion", subject=package, body={"how": "promoted", "why": "w", "previous": None, "approvals": []}))


def test_without_a_champion_it_is_held_against_the_searchs_package_on_the_same_rows(tmp_path: Path) -> None:
    made = study(tmp_path / "room")
    propose(made, graph=made.blobs().put(classifier()), columns=[])
    facts, search = adopted(made), searched(made)
    against = facts["against"]
    assert (against["package"], against["role"], against["rows"]) == (search["package"], "search", 120)
    assert against["mean"] == pytest.approx(facts["worth"]["per_decision"] - search["worth"]["per_decision"])
    assert 0 < against["low"] <= against["mean"] <= against["high"], "the search gave every row the same score"
    assert f"more per decision than the search's package {search['package'][:8]}" in against["says"] and "beyond chance" in against["says"]
    assert against["says"] in made.package(facts).text("card.md")
    assert f"against the search's package {search['package'][:8]}" in facts["says"]
    assert made.entries("package")[-1].body["against"] == against


def test_it_is_held_against_the_champion_of_its_time_and_stays_as_it_is_once_it_decides(tmp_path: Path) -> None:
    made = study(tmp_path / "room")
    champion = searched(made)["package"]
    crown(made, champion)
    again = Study(made.folder, made.frame, "binary", key=("id",), model={"search": {"trials": 1}, "families": ["linear"]})
    assert again.run()["package"] != champion
    propose(again, graph=made.blobs().put(classifier()), columns=[])
    before = asked(again)
    facts = adopted(again)
    assert (facts["against"]["role"], facts["against"]["package"]) == ("champion", champion)
    crown(again, facts["package"])
    after = asked(again)
    assert isinstance(before, Step) and isinstance(after, Step) and before.key == after.key


def test_a_champion_of_another_outcome_is_named_with_the_reason(tmp_path: Path) -> None:
    made = study(tmp_path / "room")
    package = made.package(searched(made))
    said = {name: value for name, value in package.manifest.items() if name not in ("format", "files")}
    other = store(made.blobs(), pack({**said, "target": "kind"}, package.contents))
    with made.workspace.ledger as ledger:
        vouch(ledger, made.blobs(), other)
    crown(made, other)
    propose(made, graph=made.blobs().put(classifier()), columns=[])
    against = adopted(made)["against"]
    assert against["mean"] is None
    assert against["says"] == f"It could not be held against the champion {other[:8]}: its target is 'kind', and now it is 'y'."


def test_a_package_is_not_held_against_itself(tmp_path: Path) -> None:
    made = study(tmp_path / "room")
    propose(made, package=searched(made)["package"])
    assert adopted(made)["against"] is None


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
