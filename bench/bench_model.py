"""The model room: what the search loses outside fits, what a second worker brings, how quick packaged scores are, memory, and money."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import polars as pl
import yaml
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import StratifiedKFold, TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from bench.automl import TASKS, Task, run
from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.ledger.state import fold
from loopline.ledger.store import Ledger
from loopline.model.columns import raw
from loopline.model.package import load as read_package
from loopline.model.predictor import Predictor
from loopline.model.rounds import last_rounds
from loopline.model.signing import Trust
from loopline.project import load

SECONDS = 60.0
ROWS = 200_000
MEMORY_ROWS, MEMORY_COLUMNS = 400_000, 40
PRICES: dict[str, dict[str, Any]] = {
    "german": {"currency": "DM", "act_right": 0, "act_wrong": -1, "miss": -5, "rest": 0},
    "bank_random": {"currency": "EUR", "act_right": 40, "act_wrong": -8, "miss": 0, "rest": 0},
    "bank_time": {"currency": "EUR", "act_right": 40, "act_wrong": -8, "miss": 0, "rest": 0},
}
"""German credit: refusing a good customer costs 1, granting a bad one 5. Bank: a call costs 8, and who subscribes brings 48."""


def rows() -> Iterator[dict[str, Any]]:
    """The figures, one by one."""
    yield from _search()
    yield from _scores()
    yield from _memory()
    for name in PRICES:
        yield from _money(next(task for task in TASKS if task.name == name))


def _search() -> Iterator[dict[str, Any]]:
    """Searches of one and of five minutes on a table with 33,000 rows to learn from; then one of a minute with one worker and with two."""
    task = TASKS[0]
    if not task.is_there:
        print(f"model: {task.file} is not there, the search is left out", file=sys.stderr)
        return
    part = next(task.parts(task.frame()))
    with tempfile.TemporaryDirectory() as folder:
        for seconds in (SECONDS, 5 * SECONDS):
            said = run(task, part, Path(folder) / f"whole-{seconds:g}", seconds).facts["search"]
            idle = 1 - said["worked_s"] / (said["seconds"] * said["workers"])
            name = f"search: share of {seconds / 60:g} minutes outside fits and predictions, {said['workers']} workers"
            yield _row(name, 100 * idle, "%", goal="<= 5")
        counts = {}
        for workers in (1, 2):
            made = run(task, part, Path(folder) / f"{workers}", SECONDS, families=["lightgbm"], search={"workers": workers})
            counts[workers] = made.facts["trials"]
        yield _row("search: trials of two workers beside those of one", counts[2], "trials", baseline=counts[1], ratio=counts[2] / counts[1], goal=">= 1.7")


def _table(rows: int, seed: int = 0) -> pl.DataFrame:
    """Twelve numbers and eight categories, of which half say something of the outcome."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(rows, 12))
    codes = rng.integers(0, 12, (rows, 8))
    drive = numbers[:, :6].sum(axis=1) + (codes[:, :4] % 3).sum(axis=1) * 0.5 + rng.normal(scale=2, size=rows)
    columns: dict[str, Any] = {f"n{index}": numbers[:, index] for index in range(12)}
    columns |= {f"c{index}": [f"value {code}" for code in codes[:, index].tolist()] for index in range(8)}
    return pl.DataFrame({**columns, "y": np.where(drive > np.quantile(drive, 0.7), "yes", "no").tolist()})


def _scores() -> Iterator[dict[str, Any]]:
    """Scores of one LightGBM package of 20 columns: single rows, and a batch beside LightGBM's own prediction; one thread each."""
    with tempfile.TemporaryDirectory() as where:
        folder = Path(where)
        frame = _table(ROWS)
        frame[:40_000].write_csv(folder / "rows.csv")
        _project(folder, {"families": ["lightgbm"], "search": {"trials": 4, "ensemble": False}, "assess": {"refits": False}})
        predictor = _predictor(folder)
        columns = raw(frame, predictor.columns)
        single = [{name: [value] for name, value in row.items()} for row in frame[:2_000].select(predictor.columns).to_dicts()]
        for row in single[:50]:
            predictor.predict(row)
        took = []
        for row in single:
            since = time.perf_counter()
            predictor.predict(row)
            took.append(time.perf_counter() - since)
        yield _row("package: a single row, encoders included, median", 1e3 * float(np.median(took)), "ms", goal="<= 0.3")
        yield _row("package: a single row, 99 of 100 take at most", 1e3 * float(np.quantile(took, 0.99)), "ms")
        native_s, ours_s = _native_s(frame, _settings(folder)), _best_s(lambda: predictor.predict(columns))
        yield _row(
            f"package: {ROWS:,} rows from raw columns beside LightGBM's own predict",
            native_s / ours_s,
            "",
            baseline=native_s,
            ratio=native_s / ours_s,
            goal=">= 0.8",
        )


def _settings(folder: Path) -> dict[str, Any]:
    """LightGBM's settings of the package's model: as many trees, as large."""
    project = load(folder)
    with Ledger.open(project.ledger_url, project.name) as ledger:
        facts = fold(ledger.read()).facts("model", "search") or {}
        trials = ledger.read(kinds=("trial",))
    chosen = next(entry.body for entry in trials if entry.body["params"] == facts["params"])
    rounds = last_rounds(chosen["settled"], facts["rows"]["train"] + facts["rows"]["validation"], otherwise=0)
    return {"n_estimators": rounds, "num_leaves": chosen["params"]["num_leaves"], "learning_rate": chosen["params"]["learning_rate"]}


def _native_s(frame: pl.DataFrame, settings: dict[str, Any]) -> float:
    """LightGBM's own prediction of as many rows, from a pandas frame with its categories, by a model of as many trees; one thread."""
    told = frame.to_pandas()
    for name in told.columns:
        if name.startswith("c"):
            told[name] = told[name].astype("category")
    target = (told.pop("y") == "yes").astype(int)
    model = lightgbm.LGBMClassifier(**settings, verbose=-1, n_jobs=1).fit(told[:40_000], target[:40_000])
    return _best_s(lambda: model.predict_proba(told))


def _best_s(work: Any, times: int = 5) -> float:
    found = []
    for _ in range(times):
        since = time.perf_counter()
        work()
        found.append(time.perf_counter() - since)
    return min(found)


def _memory() -> Iterator[dict[str, Any]]:
    """Peak memory of the command that learns, above what the command takes on a table of 200 rows, as a multiple of the training frame."""
    peaks = {}
    for rows in (200, MEMORY_ROWS):
        with tempfile.TemporaryDirectory() as where:
            folder = Path(where)
            rng = np.random.default_rng(0)
            numbers = rng.normal(size=(rows, MEMORY_COLUMNS))
            frame = pl.DataFrame({f"n{index}": numbers[:, index] for index in range(MEMORY_COLUMNS)})
            frame = frame.with_columns(y=pl.Series(np.where(numbers[:, 0] + rng.normal(size=rows) > 0, "yes", "no").tolist()))
            frame.write_parquet(folder / "rows.parquet")
            model = {"families": ["lightgbm"], "search": {"trials": 4, "workers": 1}, "assess": {"refits": False}}
            _project(folder, model, file="rows.parquet", until="data")
            peaks[rows] = _peak(folder)
            size = frame.drop("y").estimated_size()
    ratio = (peaks[MEMORY_ROWS] - peaks[200]) / size
    yield _row(
        f"memory: {MEMORY_ROWS:,} rows x {MEMORY_COLUMNS} numbers, peak of the search above its start, beside the frame",
        peaks[MEMORY_ROWS] / 1e6,
        "MB",
        baseline=size / 1e6,
        ratio=ratio,
        goal="<= 4",
    )


def _peak(folder: Path) -> float:
    """Peak memory of ``loopline run --until model`` in bytes."""
    code = (
        "import resource, subprocess, sys;"
        "subprocess.run([sys.executable, '-m', 'loopline.cli.main', 'run', '--until', 'model', '--json'], check=True, stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)"
    )
    return float(subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True).stdout)


def _money(task: Task) -> Iterator[dict[str, Any]]:
    """Money per decision on the test rows, beside scikit-learn's tuned threshold over the better of two models."""
    if not task.is_there:
        print(f"model: {task.file} is not there, {task.name} is left out", file=sys.stderr)
        return
    worth = PRICES[task.name]
    ours, theirs, labelled = [], [], []
    frame = task.frame()
    for number, part in enumerate(task.parts(frame)):
        with tempfile.TemporaryDirectory() as folder:
            made = run(task, part, Path(folder) / f"{number}", SECONDS / 2, search={"by": "worth"}, charter={"worth": worth})
            ours.append(made.facts["worth"]["per_decision"])
        theirs.append(_tuned(task, frame, part, worth))
        labelled.append(_labelled(task, frame, part, worth))
    mine = float(np.mean(ours))
    for whose, found in (("a tuned threshold", theirs), ("AutoGluon's labels", [one for one in labelled if one is not None])):
        if found:
            best = float(np.mean(found))
            name = f"money: {task.name}, {worth['currency']} per decision on the test rows, beside {whose}"
            yield _row(name, mine, worth["currency"], baseline=best, goal=f">= {best:.4f}")


_LABELS = """
import sys, pandas
from autogluon.tabular import TabularPredictor
frame = pandas.read_csv("rows.csv")
train, test = (frame[frame.part == name].drop(columns="part") for name in ("train", "test"))
made = TabularPredictor(label=sys.argv[1], path="ag", eval_metric="roc_auc", verbosity=0).fit(
    train, presets="medium_quality", time_limit=float(sys.argv[2]), num_cpus=2, num_gpus=0)
made.predict(test).to_csv("labels.csv", index=False)
"""


def _labelled(task: Task, frame: pl.DataFrame, part: pl.Series, worth: dict[str, Any]) -> float | None:
    """What AutoGluon's labels earn, given as many seconds; None where ``PEERS_HOME`` has no environment of it."""
    python = Path(os.environ.get("PEERS_HOME", "")) / "venv-autogluon" / "bin" / "python"
    if not python.is_file():
        return None
    with tempfile.TemporaryDirectory() as folder:
        frame.with_columns(part).write_csv(Path(folder) / "rows.csv")
        subprocess.run([str(python), "-c", _LABELS, task.target, str(SECONDS / 2)], cwd=folder, capture_output=True, check=True)
        labels = pl.read_csv(Path(folder) / "labels.csv", infer_schema=False)[task.target]
    positive = str(task.charter["positive"])
    return _money_of(frame.filter(part == "test")[task.target].cast(pl.String) == positive, labels == positive, worth)


def _money_of(outcome: Any, decision: Any, worth: dict[str, Any]) -> float:
    """Money per decision."""
    acted, was = np.asarray(decision, dtype=bool), np.asarray(outcome, dtype=bool)
    each = np.where(acted, np.where(was, worth["act_right"], worth["act_wrong"]), np.where(was, worth["miss"], worth["rest"]))
    return float(each.mean())


def _tuned(task: Task, frame: pl.DataFrame, part: pl.Series, worth: dict[str, Any]) -> float:
    """What `TunedThresholdClassifierCV` earns over the better (by its own training score) of a logistic and a boosted model."""
    told = frame.drop(task.target).to_pandas()
    happened = frame[task.target].cast(pl.String).to_numpy() == str(task.charter["positive"])
    train, test = (part == "train").to_numpy(), (part == "test").to_numpy()
    texts = [name for name in told.columns if told[name].dtype == object or str(told[name].dtype) in ("str", "string")]

    def money(outcome: Any, decision: Any) -> float:
        return _money_of(outcome, decision, worth)

    encode = make_column_transformer((OneHotEncoder(handle_unknown="ignore", sparse_output=False), texts), remainder=StandardScaler())
    found = []
    for model in (LogisticRegression(max_iter=1000), HistGradientBoostingClassifier(random_state=0)):
        # Drawn, for the rows stand in the order of time: unbroken blocks of them leave it nothing to choose by.
        tuned = TunedThresholdClassifierCV(make_pipeline(encode, model), scoring=make_scorer(money), cv=StratifiedKFold(5, shuffle=True, random_state=0))
        tuned.fit(told[train], happened[train])
        found.append((tuned.best_score_, money(happened[test], tuned.predict(told[test]))))
    return max(found)[1]


def _project(folder: Path, model: dict[str, Any], *, file: str = "rows.csv", until: str = "model") -> None:
    """A project that predicts ``y`` from a file in the folder, run as far as the stage."""
    declared = {"project": "bench", "charter": {"predict": "y", "positive": "yes"}, "data": {"sources": {"rows": {"path": file}}}, "model": model}
    (folder / "loopline.yaml").write_text(yaml.safe_dump(declared))
    command = [sys.executable, "-m", "loopline.cli.main", "run", "--until", until, "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{json.loads(done.stdout or '{}')} {done.stderr[-1000:]}")


def _predictor(folder: Path) -> Predictor:
    project = load(folder)
    with Ledger.open(project.ledger_url, project.name) as ledger:
        facts, trust = fold(ledger.read()).facts("model", "search") or {}, Trust.of(ledger)
    return Predictor(read_package(Blobs(Lake(project.lake_url)), facts["package"], trust))


def _row(name: str, value: float, unit: str, *, baseline: float | None = None, ratio: float | None = None, goal: str | None = None) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "baseline": baseline, "ratio": ratio, "goal": goal}
