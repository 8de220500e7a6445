"""``loopline model``: the packages that were made, and the candidates that they were chosen from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from loopline.cli import model_package
from loopline.cli.model_effects import accept, effects, refuse
from loopline.cli.model_explain import explain, named
from loopline.cli.output import emit, folder_option, hint, json_option, table
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.loop import open_loop


@click.group()
def command() -> None:
    """Candidates and packages."""


for _below in (explain, effects, refuse, accept):
    command.add_command(_below)
for _of_packages in (model_package.card, model_package.export, model_package.import_, model_package.sign, model_package.trust):
    command.add_command(_of_packages)


@command.command()
@click.argument("digest", required=False)
@folder_option
@json_option
def show(digest: str | None, folder: Path | None, as_json: bool) -> None:
    """Show a package's card: what it earns and how it was made; DIGEST may be cut short, and is the newest package's by default."""
    from loopline.lake.blobs import Blobs
    from loopline.model.package import load
    from loopline.model.signing import Trust

    with open_loop(folder) as loop:
        state = loop.state()
        entry = named(state, digest)
        package = load(Blobs(loop.workspace.lake), entry.subject, Trust.of(loop.workspace.ledger))
    body = entry.body
    data = {
        "package": entry.subject,
        "family": body["manifest"]["family"],
        "task": body["manifest"]["task"],
        "metrics": body["metrics"],
        "worth": body["worth"],
        "policy": body["policy"],
        "made": entry.time.isoformat(),
        "is_champion": state.champion == entry.subject,
    }
    following = "loopline release history" if data["is_champion"] else "loopline run"
    emit(data, lambda: f"package {entry.subject}\n\n{package.text('card.md').rstrip()}" + hint(following), as_json)


@command.command(name="list")
@folder_option
@json_option
def list_(folder: Path | None, as_json: bool) -> None:
    """List the packages, the newest first, and the candidates of the newest search, the best first."""
    with open_loop(folder) as loop:
        state = loop.state()
        facts = state.facts("model", "search") or {}
        trials = loop.workspace.ledger.read(kinds=("trial",), subject=facts["study"]) if facts else []
    packages = [_described(entry, state) for entry in sorted(state.packages.values(), key=lambda entry: -entry.seq)]
    candidates = _candidates(trials, facts)
    data = {"packages": packages, "candidates": candidates}
    emit(data, lambda: _shown(packages, candidates, str(facts.get("currency", ""))) + hint("loopline model show" if packages else "loopline run"), as_json)


def _described(entry: Entry, state: State) -> dict[str, Any]:
    worth = entry.body["worth"]
    return {
        "package": entry.subject,
        "family": entry.body["manifest"]["family"],
        "task": entry.body["manifest"]["task"],
        "worth": {name: worth[name] for name in ("per_decision", "low", "high", "baseline")},
        "made": entry.time.isoformat(),
        "is_champion": state.champion == entry.subject,
    }


def _candidates(trials: list[Entry], facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The candidates, those that earn most first; the one that became the package is marked."""
    newest = {entry.key: entry.body for entry in trials}
    rows = [
        {
            "family": body["family"],
            "params": body["params"],
            "worth": body["worth"],
            "metrics": body["metrics"],
            "seconds": body["seconds"],
            "failed": body["failed"],
            "is_chosen": (body["family"], body["params"]) == (facts["family"], facts["params"]),
        }
        for body in newest.values()
    ]
    return sorted(rows, key=lambda row: (row["worth"] is None, -(row["worth"] or 0.0)))


def _shown(packages: list[dict[str, Any]], candidates: list[dict[str, Any]], currency: str) -> str:
    if not packages:
        return "no package has been made yet"
    head = ("package", "family", "worth per decision", "from", "to", "without", "")
    made = [
        (
            one["package"][:12],
            one["family"],
            *(one["worth"][name] for name in ("per_decision", "low", "high", "baseline")),
            "decides" if one["is_champion"] else "",
        )
        for one in packages
    ]
    parts = [table(head, made, right=(2, 3, 4, 5))]
    if candidates:
        measure = next(
            (name for name in ("roc_auc", "accuracy", "rmse") if name in next((one["metrics"] for one in candidates if one["metrics"]), {})), "worth"
        )
        rows = [
            (
                one["family"],
                one["worth"],
                one["metrics"].get(measure),
                f"{one['seconds']:.1f} s",
                "chosen" if one["is_chosen"] else one["failed"],
                _said(one["params"]),
            )
            for one in candidates
        ]
        parts.append(f"\ncandidates of the newest search, on the validation rows{f' ({currency})' if currency else ''}")
        parts.append(table(("family", "worth", measure, "took", "", "parameters"), rows, right=(1, 2, 3)))
    return "\n".join(parts)


def _said(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in params.items())
