"""The model stage's work, from the table to the package."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from loopline.errors import LooplineError, Mistake
from loopline.ledger.entry import Entry
from loopline.model.columns import raw
from loopline.model.making import rounded
from loopline.model.predictor import Predictor
from tests.conftest import REPOSITORY
from tests.kept import copied
from tests.model.conftest import Made
from tests.model.studies import Study, table


def command(folder: Path, tasks: str, *, dies_after: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """The same search in a process of its own."""
    words = [sys.executable, "-m", "tests.model.studies", str(folder), tasks, str(dies_after)]
    return subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, env={**os.environ, **environment}, check=False)


def search(folder: Path) -> None:
    """A search that nobody disturbs; the package's digest is kept beside it."""
    (folder / "package").write_text(Study(folder, table("binary"), "binary").run()["package"])


@pytest.fixture
def searched(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Study:
    return Study(copied(tmp_path_factory, search, tmp_path / "whole"), table("binary"), "binary")


def singles(trials: list[Entry]) -> list[Entry]:
    """The candidates that were fitted, without their ensemble."""
    return [entry for entry in trials if entry.body["family"] != "ensemble"]


def test_the_facts_have_what_the_later_stages_read(made: Made) -> None:
    facts = made.facts
    assert facts["package"] == made.package.digest
    assert facts["rows"] == {"train": 360, "validation": 120, "test": 120}
    assert facts["trials"] == 4
    assert set(facts["worth"]) == {"per_decision", "low", "high", "gain", "baseline", "rule", "constant", "do_nothing", "perfect", "ways"}
    assert facts["left_out"]["same"] == "every value is the same"
    assert set(facts["left_out"]) == {"same"}, "where rows have an order, no column is dropped for what it told so far"
    assert facts["says"].startswith(f"{facts['family']}, the best of 4 candidates, earns ")


def test_the_package_earns_more_than_no_model_and_less_than_a_perfect_one(made: Made) -> None:
    worth = made.facts["worth"]
    assert worth["low"] <= worth["per_decision"] <= worth["high"]
    assert worth["baseline"] < worth["per_decision"] <= worth["perfect"]
    assert worth["gain"]["low"] > 0


def test_the_test_parts_figures_are_the_packages_own(made: Made) -> None:
    evidence = pl.read_parquet(io.BytesIO(made.study.blobs().get(made.facts["evidence"])))
    assert evidence.height == 120
    assert {"__outcome", "__unaided", "__block", "id", "at", "flag"} <= set(evidence.columns)
    assert evidence["at"].dt.replace_time_zone(None).to_list() == made.study.frame["at"].to_list()[480:], "the latest rows"
    predictor = Predictor(made.package)
    decision = predictor.predict(raw(evidence, predictor.columns)).decision
    outcome = evidence["__outcome"].to_list()
    if made.study.task == "binary":
        money = [(10 if happened else -6) if said == "act" else 0 for said, happened in zip(decision, outcome, strict=True)]
    elif made.study.task == "multiclass":
        money = [1 if said == happened else -1 for said, happened in zip(decision, outcome, strict=True)]
    else:
        money = [-(said - value) if said > value else -2 * (value - said) for said, value in zip(decision, outcome, strict=True)]
    assert made.facts["worth"]["per_decision"] == pytest.approx(np.mean(money))
    assert made.facts["metrics"]["test"]["worth"] == pytest.approx(np.mean(money))


def test_parity_is_recorded_in_the_package(made: Made) -> None:
    parity = made.package.parsed("metrics.json")["parity"]
    assert parity["rows"] == 720
    assert parity["max_error"] <= parity["tolerance"]


def test_nothing_in_the_package_can_run_code_or_tells_when_it_was_made(made: Made) -> None:
    for data in made.package.contents.values():
        assert b"pickle" not in data and b"sklearn" not in data and str(made.study.folder).encode() not in data
    assert set(made.package.manifest) == {"format", "project", "task", "target", "positive", "classes", "key", "time", "family", "files"}


def test_every_trial_one_look_and_one_package_are_in_the_ledger(made: Made) -> None:
    trials = made.study.entries("trial")
    assert len(trials) == len({entry.key for entry in trials})
    assert len([entry for entry in trials if entry.body["family"] != "ensemble"]) == 4
    assert {entry.subject for entry in trials} == {made.facts["study"]}
    assert len(made.study.entries("look")) == 1
    (package,) = made.study.entries("package")
    assert package.subject == made.package.digest
    assert package.body["manifest"] == made.package.manifest


def test_another_process_with_other_threads_and_hashes_makes_the_same_package(searched: Study, tmp_path: Path) -> None:
    # This process has a seed of its own for hashes, and as many threads as there are processors.
    other = command(tmp_path / "other", "binary", PYTHONHASHSEED="1", OMP_NUM_THREADS="1")
    assert other.returncode == 0, other.stderr
    assert other.stdout.split() == [(searched.folder / "package").read_text()]
    assert len(other.stdout.strip()) == 64


def test_killed_midway_and_run_again_it_computes_nothing_twice_and_ends_alike(searched: Study, tmp_path: Path) -> None:
    killed = command(tmp_path / "killed", "binary", dies_after=2)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    study = Study(tmp_path / "killed" / "binary", table("binary"), "binary")
    before = {entry.key: entry.id for entry in study.entries("trial")}
    assert len(before) == 2
    assert study.run()["package"] == (searched.folder / "package").read_text()
    after = study.entries("trial")
    assert len(after) == len({entry.key for entry in after})
    assert len(singles(after)) == 4
    assert before.items() <= {entry.key: entry.id for entry in after}.items()


def test_run_again_after_its_success_it_is_computed_afresh_and_gives_the_same(searched: Study) -> None:
    assert searched.run()["package"] == (searched.folder / "package").read_text()
    assert len(singles(searched.entries("trial"))) == 8
    assert len(searched.entries("package")) == len(searched.entries("look")) == 1


def test_more_trials_find_the_earlier_ones_again(tmp_path: Path) -> None:
    frame = table("binary")
    Study(tmp_path, frame, "binary", model={"search": {"trials": 3}}).run()
    longer = Study(tmp_path, frame, "binary", model={"search": {"trials": 5}})
    longer.run()
    assert len(singles(longer.entries("trial"))) == 5


def test_words_in_the_charter_change_the_card_and_compute_no_trial(searched: Study) -> None:
    worded = replace(searched, charter={"decision": "Call?"})
    assert worded.run()["package"] != (searched.folder / "package").read_text()
    assert len(singles(worded.entries("trial"))) == 4


def _mended(**columns: Any) -> pl.DataFrame:
    return table("binary", rows=200).with_columns(**columns)


@pytest.mark.parametrize(
    "frame",
    [
        table("binary", rows=50),
        _mended(size=pl.lit(None, dtype=pl.Float64), kind=pl.lit(None, dtype=pl.String)),
        _mended(size=pl.when(pl.int_range(pl.len()) < 120).then(None).otherwise(pl.col("size"))),
        _mended(size=pl.when(pl.int_range(pl.len()) % 7 == 0).then(float("inf")).otherwise(pl.col("size"))),
        _mended(size=pl.lit(1e300)),
        _mended(y=pl.when(pl.int_range(pl.len()) >= 120).then(pl.lit("no")).otherwise(pl.col("y"))),
        _mended(kind=pl.concat_str(pl.lit("日本 "), pl.col("kind"), pl.lit("\n\"'")), note=pl.col("id") + "é"),
    ],
    ids=["fifty rows", "columns all null", "null in training alone", "infinite values", "beyond float32", "one class in the later parts", "odd texts"],
)
def test_poor_data_is_learned_from(tmp_path: Path, frame: pl.DataFrame) -> None:
    facts = Study(tmp_path, frame, "binary").run()
    assert facts["worth"]["per_decision"] is not None
    assert all(value is None or np.isfinite(value) for part in facts["metrics"].values() for value in part.values())


@pytest.mark.parametrize(
    ("frame", "more", "said"),
    [
        (table("binary").select("same", "y"), {"time": None}, "no column is left to learn from"),
        (table("binary").with_columns(at=pl.lit(table("binary")["at"][0])), {}, "share one moment"),
        (table("binary"), {"model": {"families": ["nowhere:family"]}}, "cannot be loaded"),
    ],
    ids=["no features", "one moment", "no such family"],
)
def test_what_cannot_be_learned_from_is_one_line_with_a_remedy(tmp_path: Path, frame: pl.DataFrame, more: dict[str, Any], said: str) -> None:
    with pytest.raises(Mistake, match=said) as caught:
        Study(tmp_path, frame, "binary", **more).run()
    assert isinstance(caught.value, LooplineError) and caught.value.remedy


def test_a_column_named_like_ours_and_a_name_with_spaces_work(tmp_path: Path) -> None:
    frame = table("binary", rows=200).rename({"size": "the size (cm)", "kind": "emp.var.rate"})
    assert {"the size (cm)", "emp.var.rate"} <= set(Study(tmp_path, frame, "binary").run()["features"])


def test_the_baseline_can_be_a_package(tmp_path: Path) -> None:
    facts = Study(tmp_path, table("binary"), "binary", model={"families": ["baseline"], "search": {"trials": 4, "ensemble": False}}).run()
    assert facts["family"] == "baseline"
    assert facts["worth"]["gain"]["mean"] == 0


def test_numbers_are_cut_to_twelve_digits() -> None:
    assert rounded({"a": {"b": 1 / 3}, "c": "text", "d": 7}) == {"a": {"b": 0.333333333333}, "c": "text", "d": 7}
