"""A fitted candidate as a package: graph, signature, policy and reference profile, with the check that the graph scores as the model does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.errors import CheckFailed
from loopline.model.calibration import NONE, Calibration, apply
from loopline.model.columns import raw
from loopline.model.encode import encode
from loopline.model.families import Fitted, NoGraph
from loopline.model.graph import Piece, assemble
from loopline.model.material import Material
from loopline.model.matrix import matrix
from loopline.model.order import Order
from loopline.model.package import written
from loopline.model.plan import MISSING, SHARED_BY, Plan
from loopline.model.predictor import Predictor, Scores, for_judging
from loopline.model.reference import by_day, category_profile, latest_days, number_profile
from loopline.model.scoring import blended

TOLERANCE = 1e-5
"""The largest difference between the package's score and the model's, as a share of the score where that is above 1."""

PARITY_ROWS = 10_000
_DISTURBED = 2_000
_UNSEEN = "a value that training never saw"


@dataclass(frozen=True, eq=False)
class Member:
    """A fitted model and its weight among those whose mean is the score."""

    family: str
    fitted: Fitted
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Candidate:
    """Fitted models whose weighted mean, calibrated, is the score; with their encoding plan and their policy."""

    plan: Plan
    members: Sequence[Member]
    policy: Mapping[str, Any]
    calibration: Calibration = field(default_factory=lambda: NONE)

    def score(self, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
        """The model's own scores for raw columns, without the graph."""
        features = matrix(self.plan, encode(self.plan, columns))
        each = [member.fitted.score(features) for member in self.members]
        width = 1 if each[0].ndim == 1 else each[0].shape[1]
        outputs = np.concatenate([one.reshape(len(features), width) for one in each], axis=1)
        mean = blended(np.array([member.weight for member in self.members]), outputs, width)
        return apply(self.calibration, mean if each[0].ndim > 1 else mean[:, 0])

    def weights(self) -> NDArray[np.float64]:
        """How much each feature counts, shape (d,): the members' shares by their weights."""
        return np.asarray(sum(member.weight * member.fitted.weights() for member in self.members))


def core_files(candidate: Candidate, order: Order) -> dict[str, bytes]:
    """The files that a predictor needs: graph, scoring, signature and policy."""
    width = len(order.classes) if order.task == "multiclass" else 1
    pieces = [_graph(member) for member in candidate.members]
    members = [{"family": member.family, "weight": member.weight} for member in candidate.members]
    return {
        "model.onnx": assemble(candidate.plan, pieces, width=width),
        "scoring.json": written({"members": members, "calibration": dict(candidate.calibration)}),
        "signature.json": written(signature(candidate.plan, order)),
        "policy.json": written(dict(candidate.policy)),
    }


def _graph(member: Member) -> Piece:
    try:
        return member.fitted.graph("features", "scores")
    except NoGraph as error:
        what = f"the best candidate ({member.family}) cannot be written as a graph: {error}"
        raise CheckFailed(what, where="model.families", remedy="leave the family out, or let its graph be made of ONNX's operators") from None


def signature(plan: Plan, order: Order) -> dict[str, Any]:
    """What a request holds: each column with its roles and whether it must be there; how what is absent is looked up; and the encoding plan."""
    kept = dict(plan.categories)
    played_by_model = {*plan.columns, *order.priced, *order.slices}
    lookups = looked_up(order.lookups, frozenset(played_by_model))
    found = {ours for lookup in lookups for ours in lookup["columns"].values()}
    asked = {ours for lookup in lookups for ours, _ in lookup["keys"]}
    roles: dict[str, set[str]] = {
        "feature": set(plan.columns),
        "key": set(order.key),
        "time": {order.time} if order.time is not None else set(),
        "worth": set(order.judge.worth.columns),
        "policy": set(order.priced - order.judge.worth.columns),
        "slice": set(order.slices),
        "lookup": asked | {lookup["moment"] for lookup in lookups},
        "looked_up": found,
    }
    columns = []
    for column in order.columns:
        played = [role for role, names in roles.items() if column.name in names]
        if not played or column.name == order.target:
            continue
        values = [value for value in kept.get(column.name, ()) if value != MISSING]
        columns.append(
            {
                "name": column.name,
                "type": column.type,
                "roles": played,
                "needed": column.name not in found and (column.name in asked or bool({"feature", "time", "worth", "policy"} & set(played))),
                "required": column.name in order.required,
                "values": values or None,
            }
        )
    outcome = {"column": order.target, "task": order.task, "positive": order.positive, "classes": list(order.classes)}
    return {"columns": columns, "outcome": outcome, **plan.as_json(), **({"lookups": lookups} if lookups else {})}


def looked_up(lookups: Sequence[Mapping[str, Any]], names: frozenset[str]) -> list[dict[str, Any]]:
    """The lookups that find any of these columns, each with those of them that it finds."""
    only = [{**lookup, "columns": {theirs: ours for theirs, ours in lookup["columns"].items() if ours in names}} for lookup in lookups]
    return [lookup for lookup in only if lookup["columns"]]


def check_parity(candidate: Candidate, predictor: Predictor, material: Material) -> dict[str, Any]:
    """How far the package's scores are from the model's, on up to `PARITY_ROWS` validation and test rows, some with nulls and unseen values.

    Raises
    ------
    CheckFailed
        When a difference is above the tolerance.
    """
    rng = np.random.default_rng(material.order.model.seed)
    rows = np.concatenate([material.judged, material.parts.test])
    most = PARITY_ROWS - min(_DISTURBED, len(rows))
    picked = np.sort(rng.choice(rows, min(most, len(rows)), replace=False))
    columns = raw(material.frame, candidate.plan.columns, picked)
    disturbed = rng.choice(len(picked), min(_DISTURBED, len(picked)), replace=False)
    columns = {name: np.concatenate([values, _disturb(values[disturbed], rng)]) for name, values in columns.items()}
    model, package = candidate.score(columns), for_judging(predictor.predict(columns))
    share = np.abs(package - model) / np.maximum(1.0, np.abs(model))
    # NaN compares as False: a score that is no number fails, as it should.
    if not np.all(share <= TOLERANCE):
        worst = float(np.nanmax(share, initial=0.0))
        what = f"the package's scores differ from the model's by up to {worst:.2g}, and {TOLERANCE:g} is allowed"
        raise CheckFailed(what, where="parity", remedy="leave this family out of model.families, and report it")
    return {"rows": len(model), "max_error": float(share.max()), "tolerance": TOLERANCE}


def _disturb(values: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """The values with a fifth of them null and, among texts, a fifth unseen."""
    changed = values.copy()
    lot = rng.random(len(values))
    changed[lot < 0.2] = None if values.dtype == object else np.datetime64("NaT") if values.dtype.kind == "M" else np.nan
    if values.dtype == object:
        changed[lot > 0.8] = _UNSEEN
    return changed


def reference(candidate: Candidate, material: Material, test: Scores) -> dict[str, Any]:
    """The reference profile: of the features on the rows that were learned from, of scores and decisions on the test part.

    Scores of rows that it was fitted to would show the model surer than it is of others. With a time column each feature's profile
    also has ``days``: the counts of the latest days, one by one.
    """
    order, rows = material.order, material.learned
    categories = {name for name, _ in candidate.plan.categories}
    read_as_text = {*categories, *(name for key in candidate.plan.keys for name in key)}
    time = raw(material.frame, [order.time], rows)[order.time] if order.time is not None else np.array([])
    day = latest_days(time) if time.dtype.kind == "M" else None
    features: dict[str, Any] = {}
    for name in candidate.plan.columns:
        # One column at a time: of many rows all together would be as large as the table.
        values = raw(material.frame, [name], rows)[name]
        if values.dtype.kind == "M":
            continue
        if name in read_as_text or values.dtype == object:
            features[name] = category_profile(values, shared_by=1 if name in categories else SHARED_BY)
        else:
            features[name] = number_profile(values)
        if day is not None:
            features[name]["days"] = by_day(features[name], values, day)
    decided = category_profile(test.decision) if order.task != "regression" else number_profile(test.decision)
    return {"rows": len(rows), "features": features, "score": number_profile(test.score), "decision": decided}
