"""``loopline model``: the packages that were made, and the candidates that they were chosen from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from loopline.cli import model_package
from loopline.cli.model_compare import compare
from loopline.cli.model_effects import accept, effects, refuse
from loopline.cli.model_explain import explain
from loopline.cli.model_show import show
from loopline.cli.output import emit, folder_option, hint, json_option, minute, table
from loopline.errors import Mistake
from loopline.loop import open_loop
from loopline.model.origin import waiting

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
    from loopline.model.leaderboard import candidates_of, packages_of, ranked, trials_of

    with open_loop(folder) as loop:
        state, ledger = loop.state(), loop.workspace.ledger
        searched = state.facts("model", "search")
        packages, candidates = packages_of(state, ledger), ranked(candidates_of(trials_of(searched, ledger), searched), by)
    waits, currency = waiting(state), str((searched or {}).get("currency", ""))
    data = {"packages": packages, "candidates": candidates, "waiting": None if waits is None else waits.as_json()}
    if output is not None:
        _draw(output, candidates, currency)
    shown = candidates if every else candidates[:SHOWN]
    more = "" if len(shown) == len(candidates) else f"\nand {len(candidates) - len(shown)} more: loopline model list --all"
    more += "" if waits is None else f"\n{waits.name} was imported and waits to be judged"
    following = hint("loopline model show" if packages and waits is None else "loopline run")
    emit(data, lambda: _shown(packages, shown, currency, by) + more + following, as_json)


def _draw(output: Path, candidates: list[dict[str, Any]], currency: str) -> None:
    from loopline.cli.pictures import write_picture
    from loopline.model.trial_pictures import pictures

    drawn = pictures(candidates, currency)
    if not drawn:
        raise Mistake("there is no candidate to draw", where=str(output), remedy="loopline run --until model")
    write_picture(output, "The candidates of the newest search", [(name, "", spec) for name, spec in drawn.items()])


def _shown(packages: list[dict[str, Any]], candidates: list[dict[str, Any]], currency: str, by: str) -> str:
    from loopline.model.leaderboard import fate, made_of, measure_of

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
        measure = measure_of(candidates, by)
        rows = [(one["family"], one["worth"], one["metrics"].get(measure), f"{one['seconds']:.1f} s", fate(one), made_of(one)) for one in candidates]
        parts.append(f"\ncandidates of the newest search, on the judged rows{f' ({currency})' if currency else ''}")
        parts.append(table(("family", "worth", measure, "took", "", "parameters"), rows, right=(1, 2, 3)))
    return "\n".join(parts)
