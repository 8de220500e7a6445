"""``loopline model show``: what a package is, earns, and where it fails, for whoever must judge it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from loopline.cli.model_explain import facts_of, named, require
from loopline.cli.model_origin import import_of
from loopline.cli.model_report import report
from loopline.cli.output import emit, folder_option, hint, json_option
from loopline.cli.pictures import picture_form, write_picture
from loopline.errors import Mistake
from loopline.ledger.entry import Entry
from loopline.loop import Loop, open_loop

EVALUATION = "evaluation.json"
HEADINGS = {
    "worth_curve": "Worth",
    "reliability": "Calibration",
    "roc": "ROC",
    "precision_recall": "Precision and recall",
    "misjudged": "Slices that it misjudges",
    "most_lost": "Slices in which most is lost",
    "over_time": "Over time",
    "learning_curve": "Learning curve",
    "robustness": "Robustness",
}
"""The headings of the pictures, by their names; the others are of groups side by side."""


@click.command()
@click.argument("digest", required=False)
@click.option("--card", "as_card", is_flag=True, help="Print the card for a business reader instead.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the evaluation: .html for all, .png or .svg for the first picture.",
)
@folder_option
@json_option
def show(digest: str | None, as_card: bool, output: Path | None, folder: Path | None, as_json: bool) -> None:
    """Show what a package is, earns, and where it fails; DIGEST may be cut short, and is the newest package's by default.

    Its evaluation tells the worst slices, calibration, stability, robustness and learning curve, each in a few lines.
    """
    if output is not None:
        picture_form(output)
        if as_card:
            raise Mistake("the card is not drawn", where="--card, --output", remedy="loopline model card --output FILE")
    with open_loop(folder) as loop:
        entry = named(loop.state(), digest)
        if output is not None:
            require(loop, entry, EVALUATION, lack="has no evaluation to draw", instead="loopline model show")
        data = described(loop, entry)
    if output is not None:
        _draw(output, str(entry.body["manifest"]["project"]), data["evaluation"])
    data["output"] = None if output is None else str(output)
    drawn = "" if output is None else f"\ndrawn: {output}"
    following = drawn + hint("loopline release history" if data["is_champion"] else "loopline run")
    emit(data, lambda: (str(data["card"]).rstrip() if as_card else report(data)) + following, as_json)


def described(loop: Loop, entry: Entry) -> dict[str, Any]:
    """A package as ``loopline model show --json`` has it, but for the picture."""
    from loopline.lake.blobs import Blobs
    from loopline.model.package import load, written
    from loopline.model.signing import Trust

    ledger, state = loop.workspace.ledger, loop.state()
    trust = Trust.of(ledger)
    package = load(Blobs(loop.workspace.lake), entry.subject, trust)
    facts, body = facts_of(loop, entry.subject), entry.body
    scoring = package.parsed("scoring.json")
    brought = import_of(entry, ledger.read(kinds=("import",)))
    gates = state.facts("release", "gates") or {}
    return {
        "package": entry.subject,
        "family": body["manifest"]["family"],
        "members": scoring["members"],
        "task": body["manifest"]["task"],
        "made": entry.time.isoformat(),
        "imported": None if brought is None else brought.as_json(),
        "is_champion": state.champion == entry.subject,
        "champion": state.champion,
        "signed_by": trust.require(package.digest, written(package.manifest)),
        "size_bytes": sum(len(data) for data in package.contents.values()),
        "rows": facts.get("rows"),
        "currency": facts.get("currency"),
        "worth": body["worth"],
        "metrics": body["metrics"],
        "policy": body["policy"],
        "calibration": scoring.get("calibration"),
        "open_questions": [f"{one['says']} ({one['remedy'].rstrip('.')})" for one in facts.get("leaks", ())],
        "search": {name: facts["search"][name] for name in ("seconds", "workers", "ended")} | {"trials": facts["trials"]} if "search" in facts else None,
        "gates": gates["gates"] if gates.get("package") == entry.subject else None,
        "evaluation": package.parsed(EVALUATION) if EVALUATION in package.contents else None,
        "card": package.text("card.md"),
    }


def _draw(file: Path, project: str, evaluation: Mapping[str, Any]) -> None:
    from loopline.model.assessment.pictures import draw

    drawn = draw(evaluation)
    if not drawn:
        raise Mistake("the evaluation measured nothing that can be drawn", where=str(file), remedy="leave --output out")
    headed = [(HEADINGS.get(name, name.replace("fairness_", "Fairness: ")), "", picture) for name, picture in drawn.items()]
    write_picture(file, f"{project}: the evaluation", headed, says=str(evaluation["worth"]["says"]))
