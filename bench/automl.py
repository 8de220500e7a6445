"""Five tasks on public data, each given to a whole run of Loopline as a project of its own; the parts are those that the peers were given."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml
from sklearn.model_selection import StratifiedKFold, train_test_split

from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.ledger.state import fold
from loopline.ledger.store import Ledger
from loopline.model.package import load as read
from loopline.model.signing import Trust
from loopline.project import load

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@dataclass(frozen=True, kw_only=True)
class Task:
    """A table, what is predicted in it and by which metric; `ordered` says that its rows stand in the order of time."""

    name: str
    file: str
    separator: str
    target: str
    metric: str
    charter: dict[str, Any]
    drop: tuple[str, ...] = ()
    ordered: bool = False
    folds: int = 1

    @property
    def is_there(self) -> bool:
        """Whether the data is on this machine."""
        return (DATA / self.file).is_file()

    def frame(self) -> pl.DataFrame:
        """The table without what would give the answer away."""
        frame = pl.read_csv(DATA / self.file, separator=self.separator, infer_schema_length=None, quote_char='"')
        return frame.drop(self.drop)

    def parts(self, frame: pl.DataFrame) -> Iterator[pl.Series]:
        """For each fold a column that says ``train`` or ``test``."""
        rows, target = np.arange(frame.height), frame[self.target].to_numpy()
        if self.folds > 1:
            tests = [test for _, test in StratifiedKFold(self.folds, shuffle=True, random_state=0).split(rows, target)]
        elif self.ordered:
            tests = [rows[int(frame.height * 0.8) :]]
        else:
            tests = [train_test_split(rows, test_size=0.2, random_state=0, stratify=target)[1]]
        for test in tests:
            said = np.full(frame.height, "train", dtype=object)
            said[test] = "test"
            yield pl.Series("part", said.tolist())


TASKS = (
    Task(
        name="bank_random",
        file="bank_additional_full.csv.gz",
        separator=";",
        target="y",
        metric="roc_auc",
        charter={"task": "binary", "positive": "yes"},
        drop=("duration",),
    ),
    Task(
        name="bank_time",
        file="bank_additional_full.csv.gz",
        separator=";",
        target="y",
        metric="roc_auc",
        charter={"task": "binary", "positive": "yes"},
        drop=("duration",),
        ordered=True,
    ),
    Task(name="german", file="german_credit.csv", separator=",", target="default", metric="roc_auc", charter={"task": "binary", "positive": 2}, folds=5),
    Task(name="bean", file="dry_bean.csv", separator=",", target="Class", metric="log_loss", charter={"task": "multiclass"}, drop=("Bean ID",)),
    Task(
        name="bike",
        file="bike_sharing_hour.csv",
        separator=",",
        target="cnt",
        metric="mae",
        charter={"task": "regression"},
        drop=("casual", "registered", "instant", "dteday"),
        ordered=True,
    ),
)


@dataclass(frozen=True)
class Outcome:
    """What a run came to on the test part.

    Parameters
    ----------
    error
        The metric's standard error, from the interval in the package's assessment.
    run_s
        Wall time of the whole command, from the file to the package.
    facts
        The model stage's facts.
    """

    metric: float
    error: float
    run_s: float
    facts: dict[str, Any]


def run(task: Task, part: pl.Series, folder: Path, seconds: float, **model: Any) -> Outcome:
    """One whole run in a folder of its own, as a command."""
    folder.mkdir(parents=True)
    task.frame().with_columns(part).write_csv(folder / "rows.csv")
    declared = {
        "project": task.name,
        "charter": {"predict": task.target, **task.charter, **model.pop("charter", {})},
        "data": {"sources": {"rows": {"path": "rows.csv", **({"ordered": True} if task.ordered else {})}}},
        "model": {
            "split": {"column": "part", **model.pop("split", {})},
            "search": {"trials": 1000, "minutes": seconds / 60, "by": task.metric, **model.pop("search", {})},
            # The minutes are the search's: what is measured of the package afterwards is not what is compared here.
            "assess": {"refits": False},
            **model,
        },
    }
    (folder / "loopline.yaml").write_text(yaml.safe_dump(declared))
    since = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "loopline.cli.main", "run", "--until", "model", "--json"], cwd=folder, capture_output=True, text=True, check=False
    )
    run_s = time.monotonic() - since
    if done.returncode:
        raise RuntimeError(f"{task.name}: {done.stdout[-1500:]}{done.stderr[-1500:]}")
    facts, found = _read(folder)
    measured = found["metrics"]["test"][task.metric]
    return Outcome(facts["metrics"]["test"][task.metric], (measured["high"] - measured["low"]) / (2 * 1.96), run_s, facts)


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The model stage's facts, and the assessment of its package."""
    project = load(folder)
    with Ledger.open(project.ledger_url, project.name) as ledger:
        facts: dict[str, Any] = dict(fold(ledger.read()).facts("model", "search") or {})
        trust = Trust.of(ledger)
    package = read(Blobs(Lake(project.lake_url)), facts["package"], trust)
    return facts, package.parsed("evaluation.json")
