"""A package as what its windows are measured with: its reference profile, its promise, and the windows of its test part."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from loopline.charter.spec import Task, WorthSpec
from loopline.charter.worth import Worth, as_text
from loopline.data.spec import ColumnType
from loopline.declaration import counted
from loopline.engine.step import Facts
from loopline.errors import Mistake
from loopline.lake.blobs import Blobs
from loopline.model.columns import raw
from loopline.model.package import Package, load
from loopline.model.predictor import Predictor, Scores
from loopline.model.signing import Trust
from loopline.watch.domain import Sample, looked_at
from loopline.watch.drift import Bins
from loopline.watch.earned import Earned, Sums, summed
from loopline.watch.estimate import Reference, estimates
from loopline.watch.honesty import misses
from loopline.watch.monitors.watched import Earlier, Promise
from loopline.watch.spec import WatchSpec
from loopline.watch.windows import LOSS, SCORE, Window, Yardstick, windows
from loopline.workspace import Job

EXPLANATION = "explanation.json"

USED = 0.01
"""A column on which less than this share hangs is not used."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Gauge:
    """What a package's windows are measured with, and what they are held against.

    Parameters
    ----------
    columns
        The columns of a request that are read, with their types.
    time
        The column that says the moment that a prediction is about; None where that is the moment it is made.
    """

    yardstick: Yardstick
    promise: Promise
    columns: Mapping[str, ColumnType]
    time: str | None


def gauge(package: Package, worth: WorthSpec, span: timedelta, *, when_acted: bool = False, before: Sequence[Earlier] = ()) -> Gauge:
    """The gauge of a package, for windows of a span.

    Parameters
    ----------
    when_acted
        Whether outcomes are seen only where somebody acted.
    before
        The windows of the test part, which tell best what the decisions alone earned whose outcome is seen.
    """
    manifest, reference, measured = package.manifest, package.parsed("reference.json"), package.parsed("metrics.json")
    task = manifest["task"]
    priced = Worth.of(worth, task)
    days = max(1, span // _DAY)
    weight = weights(package)
    features = [
        Bins.of_profile(name, profile, days=days, weight=weight.get(name, 0.0) if weight else 1.0)
        for name, profile in reference["features"].items()
        if name != SCORE
    ]
    yardstick = Yardstick(
        package=package.digest,
        task=task,
        classes=tuple(manifest["classes"]),
        positive=manifest["positive"],
        features=(*features, Bins.of_profile(SCORE, reference["score"], days=days)),
        worth=priced,
        without_model=_without_model(measured["worth"]["constant"], task),
        ask_costs=package.parsed("policy.json").get("ask", {}).get("costs", 0.0),
        hides=when_acted and task == "binary",
    )
    read = {*reference["features"], *priced.columns}
    columns = {column["name"]: column["type"] for column in package.parsed("signature.json")["columns"] if column["name"] in read}
    promise = _promise_seen(package, worth, before) if yardstick.hides else _promise(measured, task)
    return Gauge(yardstick=yardstick, promise=promise, columns=columns, time=manifest["time"])


def _promise(measured: Mapping[str, Any], task: Task) -> Promise:
    test = measured["test"][LOSS[task]]
    lost = None if test is None else 1 - test if task == "multiclass" else test
    return Promise(measured["worth"]["per_decision"], lost, measured["rows"]["test"])


def _promise_seen(package: Package, worth: WorthSpec, before: Sequence[Earlier]) -> Promise:
    """The promise for what is acted on."""
    measured, policy = package.parsed("metrics.json"), package.parsed("policy.json")
    if before and "ask" not in policy:
        money = summed([one.earned for one in before]).money
        return Promise(money.mean, sum((one.loss for one in before), Sums()).mean, money.count)
    share = shown(measured, policy, worth) or 0.0
    return Promise(measured["worth"]["per_decision"] / share if share else None, None, round(measured["rows"]["test"] * share))


def shown(measured: Mapping[str, Any], policy: Mapping[str, Any], worth: WorthSpec) -> float | None:
    """The share of a binary package's decisions on the test part that were acted on, where these alone earned all that is promised; None elsewhere.

    What resting was worth there, and what of the rows that a person was asked about, is not told apart from the rest.

    Parameters
    ----------
    measured, policy
        The package's ``metrics.json`` and ``policy.json``.
    """
    if worth.miss or worth.rest or "ask" in policy:
        return None
    share: float | None = measured["test"].get("act_share")
    return share


def weights(package: Package) -> dict[str, float]:
    """The share of what the model does that hangs on each column, 0 where it does not use it; empty where the package explains nothing.

    It is the column's share in what shuffling costs, among the columns whose shuffling surely costs anything; or its share in the reasons of
    single scores where that is greater, because what two columns both tell is not lost when one of them is shuffled. Less than `USED` is
    no use.
    """
    if EXPLANATION not in package.contents:
        return {}
    told = package.parsed(EXPLANATION)
    costs = {one["column"]: max(0.0, one["loss"]["mean"]) if one["matters"] else 0.0 for one in told["importance"]}
    moves = {one["column"]: one["mean"] for one in told["summary"]}
    shares = {name: max(_share(costs, name), _share(moves, name)) for name in costs}
    return {name: share if share >= USED else 0.0 for name, share in shares.items()}


def _share(parts: Mapping[str, float], name: str) -> float:
    whole = sum(parts.values())
    return parts.get(name, 0.0) / whole if whole > 0 else 0.0


def _without_model(decision: str | float, task: str) -> bool | str | float:
    """The decision that a package names as what would be decided without it, as the worth takes it."""
    return decision == "act" if task == "binary" else decision


def run(job: Job) -> Facts:
    """The windows of the champion's test part, measured as those of what it serves: how windows scatter when nothing has changed."""
    blobs = Blobs(job.workspace.lake)
    spec = WatchSpec.model_validate(job.step.reads["watch"])
    package = load(blobs, job.step.inputs["package"], Trust.of(job.workspace.ledger))
    when_acted = job.step.reads["outcome_seen"] == "when_acted"
    measured = gauge(package, WorthSpec.model_validate(job.step.reads["worth"]), spec.window, when_acted=when_acted)
    if measured.time is None:
        return {"says": "the package has no time: its test part has no windows", "windows": None}
    job.progress.say("measuring the windows of the test part")
    try:
        rows = blobs.get(job.step.inputs["evidence"])
    except Mistake:
        return {"says": "the rows of the test part are not at hand: it has no windows", "windows": None}
    frame = pl.read_parquet(io.BytesIO(rows))
    if not frame[measured.time].dtype.is_temporal():
        return {"says": f"{measured.time} holds no dates: the test part has no windows", "windows": None}
    predictor = Predictor(package)
    served = as_served(frame, predictor.predict(raw(frame, predictor.columns)), measured)
    made = windows(served, measured.yardstick, span=spec.window)
    job.progress.say("telling the windows of the test part from one another")
    sample = Sample.of(served, looked_at(measured.yardstick.features), span=spec.window)
    expected = dict(estimates(served, made, Reference.of(served, measured.yardstick), span=spec.window))
    said = [_said(replace(window, estimated=expected[window.start])) for window in made]
    kept = {"windows": said, "sample": sample.as_json()}
    return {"says": f"{counted(len(made), 'window')} of the test part", "windows": blobs.put(json.dumps(kept, sort_keys=True).encode())}


def _said(window: Window) -> dict[str, Any]:
    """A window of the test part as plain values: what `read_before` reads."""
    return {
        "rows": window.rows,
        "earned": window.earned.as_json(),
        "loss": list(_plain(window.loss)),
        "score": window.drift.get(SCORE),
        "misses": misses(window),
    }


def _plain(sums: Sums) -> tuple[Any, ...]:
    return tuple(asdict(sums).values())


def as_served(frame: pl.DataFrame, scores: Scores, measured: Gauge) -> pl.DataFrame:
    """Rows with known outcomes and a moment as if they had been served: the frame that `loopline.watch.windows.windows` takes."""
    when = pl.Series("when", raw(frame, [str(measured.time)])[str(measured.time)].astype("datetime64[us]")).dt.replace_time_zone("UTC")
    return as_judged(frame, scores, measured).with_columns(when).filter(pl.col("when").is_not_null())


def as_judged(frame: pl.DataFrame, scores: Scores, measured: Gauge) -> pl.DataFrame:
    """Rows with known outcomes beside what a package says of them: all of `as_served` but the moments."""
    yardstick = measured.yardstick
    known = [
        (as_text(value) if yardstick.task == "multiclass" else repr(float(value)) if yardstick.task == "regression" else _class(bool(value), yardstick))
        for value in frame["__outcome"].to_list()
    ]
    by_class = None if scores.scores is None else [dict(zip(yardstick.classes, row, strict=True)) for row in scores.scores.tolist()]
    served = pl.DataFrame(
        {
            "decision": [as_text(value) for value in scores.decision],
            "score": np.asarray(scores.score, dtype=np.float64),
            "outcome": known,
            "row": frame.select([name for name in measured.columns if name in frame.columns]).to_struct("row"),
        }
    )
    if by_class is not None:
        served = served.with_columns(pl.Series("scores", by_class))
    return served


def _class(happened: bool, yardstick: Yardstick) -> str:
    return yardstick.classes[1] if happened else yardstick.classes[0]


def read_before(blobs: Blobs, digest: str | None) -> tuple[list[Earlier], list[tuple[int, float]]]:
    """The windows of the test part, and their rows and score's distance; nothing where there are none."""
    if digest is None:
        return [], []
    said = json.loads(blobs.get(digest))["windows"]
    earlier = [Earlier(one["rows"], Earned.of_json(one["earned"]), Sums(*one["loss"]), one["misses"]) for one in said]
    return earlier, [(one["rows"], one["score"]) for one in said if one["score"] is not None]


def read_sample(blobs: Blobs, digest: str | None) -> Sample | None:
    """The rows of the test part that windows are told from; None where there are none."""
    return None if digest is None else Sample.of_json(json.loads(blobs.get(digest))["sample"])
