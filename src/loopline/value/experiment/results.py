"""What an experiment has gathered, from the log's tables: units by arm, with what each brought and what was known of it before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.lake.tables import Tables
from loopline.serve.collect import latest
from loopline.serve.experiments import Experiment
from loopline.value.experiment.analysis import Gathered
from loopline.value.experiment.cuped import NONE, Units
from loopline.value.experiment.spec import Plan
from loopline.value.logged import Floats, Logged, Measured, acted, read
from loopline.value.offpolicy import relative

Versions = Mapping[str, int]


def of_decisions(tables: Tables, versions: Versions, experiment: Experiment, plan: Plan, measured: Sequence[Measured], *, always: bool) -> Gathered:
    """What the decisions of an experiment on policies or packages earned, unit by unit.

    A row that a package was to answer and could not counts for it, whoever answered. Where an outcome is seen only after acting, each decision counts by
    what it earned above resting, which is nothing where one rested: so nothing needs to be seen there.

    Parameters
    ----------
    measured
        The package that decided when it began, and of an experiment on packages the other one.
    always
        Whether outcomes are seen whatever is done.
    """
    columns = tables.read("predictions", version=versions["predictions"]).collect_schema() if "predictions" in versions else {}
    mark = "experiment" if experiment.sort == "policy" else "leg"
    if mark not in columns:
        return _nothing(experiment, plan)
    where = pl.col(mark) == experiment.id
    if "holdout" in columns:
        where &= ~pl.col("holdout").fill_null(False)
    rows = [(one, read(tables, versions, one, where=where, since=_first_day(experiment))) for one in measured]
    failed = _failed(tables, versions, experiment)
    ratings = _ratings(tables, versions, experiment) if any(guard.metric == "rating" for guard in plan.guards) else None
    earlier = _earlier(tables, versions, experiment, measured[0], rows) if plan.covariate == "prior" else None
    assigned: dict[str, int] = {}
    units: dict[str, Units] = {}
    guarded: dict[str, dict[str, Units]] = {guard.metric: {} for guard in plan.guards}
    for arm in experiment.arms:
        parts = [(one, logged, _mine(experiment, arm.name, arm.package, one, logged, failed)) for one, logged in rows]
        assigned[arm.name] = len(np.unique(np.concatenate([logged.unit[mine] for _, logged, mine in parts])))
        units[arm.name] = _units([_earned(one, logged, mine, plan, earlier, always=always) for one, logged, mine in parts])
        for metric in guarded:
            guarded[metric][arm.name] = _units([_guarded(metric, logged, mine, ratings) for _, logged, mine in parts])
    return Gathered(assigned=assigned, units=units, guarded=guarded)


def before_it(tables: Tables, versions: Versions, measured: Measured, plan: Plan, *, always: bool, newest: int) -> tuple[Units, float]:
    """What the newest decisions of a package earned, unit by unit, with what was known before; and over how many dates they came.

    Parameters
    ----------
    newest
        At most so many decisions.
    """
    logged = read(tables, versions, measured, newest=newest)
    if not len(logged):
        return Units(np.empty(0), np.empty(0)), 0.0
    dates = logged.when.astype("datetime64[D]")
    days = float((dates.max() - dates.min()).astype(int) + 1)
    return _units([_earned(measured, logged, ~logged.held & logged.owned, plan, None, always=always)]), days


def _mine(experiment: Experiment, arm: str, package: str, one: Measured, logged: Logged, failed: frozenset[str]) -> NDArray[np.bool_]:
    """The rows of an arm, shape (n,)."""
    if experiment.sort == "policy":
        return np.asarray(logged.arm == arm)
    lost = np.isin(logged.id, list(failed)) if failed else np.zeros(len(logged), dtype=bool)
    if one.package.digest == package:
        return ~lost
    return lost if package != experiment.package else np.zeros(len(logged), dtype=bool)


def _earned(
    one: Measured, logged: Logged, mine: NDArray[np.bool_], plan: Plan, earlier: Mapping[str, float] | None, *, always: bool
) -> tuple[NDArray[np.object_], Floats, Floats | None]:
    """The unit of each counted row, what it brought, and what was known of it before."""
    before = one.expected(one.policy, logged) if plan.covariate == "expected" else None
    if earlier is not None:
        before = np.array([earlier.get(unit, np.nan) for unit in logged.unit], dtype=np.float64)
    if always or one.task != "binary":
        rows = mine & logged.known
        return logged.unit[rows], logged.money[rows], None if before is None else before[rows]
    acts = acted(logged.decision)
    seen = acts & logged.known & mine
    above = relative(np.where(logged.known, logged.money, 0.0), seen, one.of_resting(logged))
    # What was acted on and has no outcome yet is taken to be like what has one.
    weight = int((acts & mine).sum()) / max(1, int(seen.sum()))
    return logged.unit[mine], (above * weight)[mine], None if before is None else before[mine]


def _guarded(metric: str, logged: Logged, mine: NDArray[np.bool_], ratings: Mapping[str, float] | None) -> tuple[NDArray[np.object_], Floats, Floats | None]:
    if metric == "acted":
        return logged.unit[mine], acted(logged.decision)[mine].astype(np.float64), None
    values = logged.ms if metric == "ms" else np.array([(ratings or {}).get(id, np.nan) for id in logged.id], dtype=np.float64)
    rows = mine & np.isfinite(values)
    return logged.unit[rows], values[rows], None


def _units(parts: Sequence[tuple[NDArray[np.object_], Floats, Floats | None]]) -> Units:
    """Rows summed by their unit."""
    unit, total = np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
    known = [part[2] for part in parts]
    before = None if any(one is None for one in known) else np.concatenate([one for one in known if one is not None])
    names, at = np.unique(unit.astype(str), return_inverse=True)
    count: Floats = np.bincount(at, minlength=len(names)).astype(np.float64)
    mean = None if before is None else np.bincount(at, weights=_filled(before), minlength=len(names)) / np.maximum(count, 1)
    return Units(np.bincount(at, weights=total, minlength=len(names)).astype(np.float64), count, mean)


def _filled(before: Floats) -> Floats:
    """What is not known of a unit is taken to be the mean of what is, which tells nothing of it."""
    known = np.isfinite(before)
    return np.where(known, before, before[known].mean() if known.any() else 0.0)


def _failed(tables: Tables, versions: Versions, experiment: Experiment) -> frozenset[str]:
    """The ids of predictions that the champion made because the other package could not."""
    if experiment.sort != "package" or "shadows" not in versions:
        return frozenset()
    shown = tables.read("shadows", version=versions["shadows"]).filter(pl.col("day") >= _first_day(experiment))
    return frozenset(shown.filter((pl.col("leg") == experiment.id) & (pl.col("kind") == "canary")).select("prediction_id").collect()["prediction_id"])


def _first_day(experiment: Experiment) -> date:
    """The day from which on its rows lie in the log; a server's clock may be late by some hours."""
    return (experiment.began - timedelta(days=1)).date()


def _ratings(tables: Tables, versions: Versions, experiment: Experiment) -> dict[str, float]:
    """The mean rating of each prediction since it began that somebody rated."""
    if "feedback" not in versions:
        return {}
    given = tables.read("feedback", version=versions["feedback"]).filter(pl.col("rating").is_not_null() & (pl.col("day") >= _first_day(experiment)))
    said = latest(given, ("prediction_id", "who"))
    return dict(said.group_by("prediction_id").agg(pl.col("rating").mean()).collect().iter_rows())


def _earlier(tables: Tables, versions: Versions, experiment: Experiment, measured: Measured, rows: Sequence[tuple[Measured, Logged]]) -> dict[str, float]:
    """The mean money of the decisions before the experiment began, of each unit that takes part."""
    units = np.unique(np.concatenate([logged.unit for _, logged in rows]).astype(str)).tolist()
    logged = read(tables, versions, measured, where=(pl.col("time") < experiment.began) & pl.col("key").is_in(units))
    units = _units([(logged.unit[logged.known], logged.money[logged.known], None)])
    names = np.unique(logged.unit[logged.known].astype(str))
    return dict(zip(names.tolist(), (units.total / units.count).tolist(), strict=True))


def of_feature(tables: Tables, versions: Versions, experiment: Experiment, plan: Plan) -> Gathered:
    """What the units of an experiment on a feature brought, as clients told it."""
    if "assignments" not in versions:
        return _nothing(experiment, plan)
    made = tables.read("assignments", version=versions["assignments"])
    made = made.filter((pl.col("day") >= _first_day(experiment)) & (pl.col("experiment") == experiment.id))
    first = made.sort("time", maintain_order=True).unique("assignment_id", keep="first", maintain_order=True).collect()
    metrics = [plan.metric, *(guard.metric for guard in plan.guards)]
    told = pl.DataFrame(schema={"assignment_id": pl.String, "metric": pl.String, "value": pl.Float64})
    if "measures" in versions:
        # The day of a measure is the client's word for when: only its assignment tells where it belongs.
        said = tables.read("measures", version=versions["measures"]).filter(pl.col("metric").is_in(metrics))
        said = said.join(first.lazy().select("assignment_id"), on="assignment_id", how="semi", maintain_order="left")
        told = latest(said, ("assignment_id", "metric")).select("assignment_id", "metric", "value").collect()
    by_metric = {metric: first.join(told.filter(pl.col("metric") == metric), on="assignment_id", how="left", maintain_order="left") for metric in metrics}
    names = [arm.name for arm in experiment.arms]
    counts = dict(first.group_by("arm").len().iter_rows())
    return Gathered(
        assigned={name: counts.get(name, 0) for name in names},
        units={name: _measured(by_metric[plan.metric], name, plan) for name in names},
        guarded={guard.metric: {name: _measured(by_metric[guard.metric], name, plan) for name in names} for guard in plan.guards},
    )


def _measured(frame: pl.DataFrame, arm: str, plan: Plan) -> Units:
    own = frame.filter(pl.col("arm") == arm)
    own = own.with_columns(pl.col("value").fill_null(0.0)) if plan.unmeasured == "zero" else own.filter(pl.col("value").is_not_null())
    before = _filled(own["prior"].cast(pl.Float64).fill_null(float("nan")).to_numpy()) if plan.covariate == "prior" else None
    return Units(own["value"].to_numpy(), np.ones(own.height), before)


def _nothing(experiment: Experiment, plan: Plan) -> Gathered:
    names = [arm.name for arm in experiment.arms]
    none = dict.fromkeys(names, NONE)
    return Gathered(assigned=dict.fromkeys(names, 0), units=none, guarded={guard.metric: none for guard in plan.guards})
