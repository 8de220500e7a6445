"""The packages that were made and the candidates of the newest search, side by side, the best first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loopline.charter.metrics import LESS_IS_BETTER
from loopline.errors import Mistake
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.ledger.store import Ledger
from loopline.model.origin import import_of

Candidate = dict[str, Any]
"""A candidate as ``loopline model list --json`` has it."""

_HEADLINES = ("roc_auc", "accuracy", "rmse")


def packages_of(state: State, ledger: Ledger) -> list[dict[str, Any]]:
    """The packages as ``loopline model list --json`` has them, the newest first."""
    imports = ledger.read(kinds=("import",))
    return [_package(entry, state, imports) for entry in sorted(state.packages.values(), key=lambda entry: -entry.seq)]


def _package(entry: Entry, state: State, imports: Sequence[Entry]) -> dict[str, Any]:
    worth, brought = entry.body["worth"], import_of(entry, imports)
    return {
        "package": entry.subject,
        "family": entry.body["manifest"]["family"],
        "task": entry.body["manifest"]["task"],
        "worth": {name: worth[name] for name in ("per_decision", "low", "high", "baseline")},
        "against": against(entry, state),
        "made": entry.time.isoformat(),
        "imported": None if brought is None else brought.as_json(),
        "is_champion": state.champion == entry.subject,
    }


def against(entry: Entry, state: State) -> Mapping[str, Any] | None:
    """Whom an imported package was held against, and what came of it; a package that was there before tells it in the import's facts."""
    newest = state.facts("model", "import") or {}
    told: Mapping[str, Any] | None = newest.get("against") if newest.get("package") == entry.subject else entry.body.get("against")
    return told


def trials_of(searched: Mapping[str, Any] | None, ledger: Ledger) -> dict[str, Mapping[str, Any]]:
    """The trials of a search by what it found, each by its key as it was tried last; empty where there was none."""
    return {} if searched is None else {entry.key: entry.body for entry in ledger.read(kinds=("trial",), subject=searched["study"])}


def candidates_of(trials: Mapping[str, Mapping[str, Any]], searched: Mapping[str, Any] | None) -> list[Candidate]:
    """The candidates of a search, those that earn most first; the one that became the package is marked."""
    facts = searched or {}
    rows = [
        {
            "family": body["family"],
            "params": body["params"],
            "weighting": body["weighting"],
            "effort": body["effort"],
            "members": _members(body, trials),
            "value": body["value"],
            "worth": body["worth"],
            "metrics": body["metrics"],
            "seconds": body["seconds"],
            "failed": body["failed"],
            "is_chosen": (body["family"], body["params"]) == (facts["family"], facts["params"]),
        }
        for body in trials.values()
    ]
    return sorted(rows, key=lambda row: (row["worth"] is None, row["effort"] < 1, -(row["worth"] or 0.0)))


def _members(body: Mapping[str, Any], trials: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The members of an ensemble with their weights; none for a single candidate."""
    said = body["params"].get("members", ()) if body["family"] == "ensemble" else ()
    return [{"family": trials[key]["family"], "weight": weight, "params": trials[key]["params"]} for key, weight in said if key in trials]


def metrics_of(candidates: Sequence[Candidate]) -> tuple[str, ...]:
    """The metrics by which the candidates can be ranked; none where no candidate was measured."""
    there: Mapping[str, Any] = next((one["metrics"] for one in candidates if one["metrics"]), {})
    return tuple(there)


def ranked(candidates: Sequence[Candidate], by: str, *, where: str = "--by") -> list[Candidate]:
    """The candidates by worth or by a metric, the best first; those that had not their full effort, and those that failed, last.

    Parameters
    ----------
    where
        Where the metric was named, for whoever named it wrong.

    Raises
    ------
    Mistake
        When they have no such metric.
    """
    there = metrics_of(candidates)
    if candidates and by not in there:
        raise Mistake(f"the candidates have no metric {by!r}", where=where, remedy=f"one of: {', '.join(sorted(there))}")
    sign = 1 if by in LESS_IS_BETTER else -1

    def place(one: Mapping[str, Any]) -> tuple[bool, bool, float]:
        number = one["metrics"].get(by)
        return number is None, one["effort"] < 1, sign * (number or 0.0)

    return sorted(candidates, key=place)


def measure_of(candidates: Sequence[Candidate], by: str) -> str:
    """The metric that stands beside the worth: what ranks, else the one that tells most of the task."""
    return by if by != "worth" else next((name for name in _HEADLINES if name in metrics_of(candidates)), "worth")


def fate(one: Candidate) -> str:
    """What became of a candidate, in a few words; empty where it was only not the best."""
    if one["is_chosen"]:
        return "chosen"
    return str(one["failed"]) or (f"no promise at {one['effort']:.0%}" if one["effort"] < 1 else "")


def made_of(one: Candidate) -> str:
    """A candidate's parameters in words, or its members with their weights."""
    if one["members"]:
        return ", ".join(f"{member['family']} {member['weight']:.0%}" for member in one["members"])
    weighting = "" if one["weighting"] == "all" else f", rows count by {one['weighting']}"
    return _said(one["params"]) + weighting


def _said(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in params.items())
