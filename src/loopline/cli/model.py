"""``loopline model``: the packages that were made, and the candidates that they were chosen from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from loopline.cli import model_package
from loopline.cli.model_compare import compare
from loopline.cli.model_effects import accept, effects, refuse
from loopline.cli.model_explain import explain
from loopline.cli.model_origin import import_of, waiting
from loopline.cli.model_show import show
from loopline.cli.output import emit, folder_option, hint, json_option, minute, table
from loopline.errors import Mistake
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.loop import open_loop

SHOWN = 20
"""Candidates that are listed unasked."""


@click.group()
def command() -> None:
    """Candidates and packages."""


for _below in (show, compare, explain, effects, refuse, accept):
    command.add_command(_below)
for _of_packages in (model_package.card, model_package.export, model_package.import_, model_package.sign, model_package.trust):
    command.add_command(_of_packages)


@command.command(name="list")
@click.option("--by", metavar="METRIC", default="worth", show_default=True, help="What ranks the candidates: worth, or a metric such as roc_auc.")
@click.option("--all", "every", is_flag=True, help="Show every candidate, and not the best only.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Draw the candidates into this file: .html, .png or .svg.")
@folder_option
@json_option
def list_(by: str, every: bool, output: Path | None, folder: Path | None, as_json: bool) -> None:
    """List the packages, the newest first, and the candidates of the newest search, the best first."""
    with open_loop(folder) as loop:
        state = loop.state()
        facts = state.facts("model", "search") or {}
        ledger = loop.workspace.ledger
        trials = ledger.read(kinds=("trial",), subject=facts["study"]) if facts else []
        imports = ledger.read(kinds=("import",))
    packages = [_described(entry, state, imports) for entry in sorted(state.packages.values(), key=lambda entry: -entry.seq)]
    candidates = ranked(_candidates(trials, facts), by)
    waits = waiting(state)
    data = {"packages": packages, "candidates": candidates, "waiting": None if waits is None else waits.as_json()}
    if output is not None:
        _draw(output, candidates, str(facts.get("currency", "")))
    shown = candidates if every else candidates[:SHOWN]
    more = "" if len(shown) == len(candidates) else f"\nand {len(candidates) - len(shown)} more: loopline model list --all"
    more += "" if waits is None else f"\n{waits.name} was imported and waits to be judged"
    following = hint("loopline model show" if packages and waits is None else "loopline run")
    emit(data, lambda: _shown(packages, shown, str(facts.get("currency", "")), by) + more + following, as_json)


def _draw(output: Path, candidates: list[dict[str, Any]], currency: str) -> None:
    from loopline.cli.pictures import write_picture
    from loopline.model.trial_pictures import pictures

    drawn = pictures(candidates, currency)
    if not drawn:
        raise Mistake("there is no candidate to draw", where=str(output), remedy="loopline run --until model")
    write_picture(output, "The candidates of the newest search", [(name, "", spec) for name, spec in drawn.items()])


def _described(entry: Entry, state: State, imports: list[Entry]) -> dict[str, Any]:
    worth, brought = entry.body["worth"], import_of(entry, imports)
    return {
        "package": entry.subject,
        "family": entry.body["manifest"]["family"],
        "task": entry.body["manifest"]["task"],
        "worth": {name: worth[name] for name in ("per_decision", "low", "high", "baseline")},
        "against": _against(entry, state),
        "made": entry.time.isoformat(),
        "imported": None if brought is None else brought.as_json(),
        "is_champion": state.champion == entry.subject,
    }


def _against(entry: Entry, state: State) -> Mapping[str, Any] | None:
    """Whom an imported package was held against, and what came of it; a package that was there before tells it in the import's facts."""
    newest = state.facts("model", "import") or {}
    told: Mapping[str, Any] | None = newest.get("against") if newest.get("package") == entry.subject else entry.body.get("against")
    return told


def _candidates(trials: list[Entry], facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The candidates, those that earn most first; the one that became the package is marked."""
    newest = {entry.key: entry.body for entry in trials}
    rows = [
        {
            "family": body["family"],
            "params": body["params"],
            "weighting": body["weighting"],
            "effort": body["effort"],
            "members": _members(body, newest),
            "value": body["value"],
            "worth": body["worth"],
            "metrics": body["metrics"],
            "seconds": body["seconds"],
            "failed": body["failed"],
            "is_chosen": (body["family"], body["params"]) == (facts["family"], facts["params"]),
        }
        for body in newest.values()
    ]
    return sorted(rows, key=lambda row: (row["worth"] is None, row["effort"] < 1, -(row["worth"] or 0.0)))


def _members(body: Mapping[str, Any], trials: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The members of an ensemble with their weights; none for a single candidate."""
    said = body["params"].get("members", ()) if body["family"] == "ensemble" else ()
    return [{"family": trials[key]["family"], "weight": weight, "params": trials[key]["params"]} for key, weight in said if key in trials]


def ranked(candidates: list[dict[str, Any]], by: str) -> list[dict[str, Any]]:
    """The candidates by worth or by a metric, the best first; those that had not their full effort, and those that failed, last.

    Raises
    ------
    Mistake
        When they have no such metric.
    """
    from loopline.charter.metrics import LESS_IS_BETTER

    there: Mapping[str, Any] = next((one["metrics"] for one in candidates if one["metrics"]), {})
    if candidates and by not in there:
        raise Mistake(f"the candidates have no metric {by!r}", where="--by", remedy=f"one of: {', '.join(sorted(there))}")
    sign = 1 if by in LESS_IS_BETTER else -1

    def place(one: Mapping[str, Any]) -> tuple[bool, bool, float]:
        number = one["metrics"].get(by)
        return number is None, one["effort"] < 1, sign * (number or 0.0)

    return sorted(candidates, key=place)


def _shown(packages: list[dict[str, Any]], candidates: list[dict[str, Any]], currency: str, by: str) -> str:
    if not packages:
        return "no package has been made yet"
    head = ("package", "family", "made", "worth per decision", "from", "to", "without", "", "origin")
    made = [
        (
            one["package"][:12],
            one["family"],
            minute(one["made"]),
            *(one["worth"][name] for name in ("per_decision", "low", "high", "baseline")),
            "decides" if one["is_champion"] else "",
            "searched" if one["imported"] is None else f"imported from {one['imported']['name']}",
        )
        for one in packages
    ]
    parts = [table(head, made, right=(3, 4, 5, 6))]
    parts += [f"{one['package'][:12]}: {one['against']['says']}" for one in packages if one["against"]]
    if candidates:
        there: Mapping[str, Any] = next((one["metrics"] for one in candidates if one["metrics"]), {})
        measure = by if by != "worth" else next((name for name in ("roc_auc", "accuracy", "rmse") if name in there), "worth")
        rows = [(one["family"], one["worth"], one["metrics"].get(measure), f"{one['seconds']:.1f} s", _fate(one), _described_params(one)) for one in candidates]
        parts.append(f"\ncandidates of the newest search, on the judged rows{f' ({currency})' if currency else ''}")
        parts.append(table(("family", "worth", measure, "took", "", "parameters"), rows, right=(1, 2, 3)))
    return "\n".join(parts)


def _fate(one: Mapping[str, Any]) -> str:
    if one["is_chosen"]:
        return "chosen"
    return one["failed"] or (f"no promise at {one['effort']:.0%}" if one["effort"] < 1 else "")


def _described_params(one: Mapping[str, Any]) -> str:
    if one["members"]:
        return ", ".join(f"{member['family']} {member['weight']:.0%}" for member in one["members"])
    weighting = "" if one["weighting"] == "all" else f", rows count by {one['weighting']}"
    return _said(one["params"]) + weighting


def _said(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in params.items())
