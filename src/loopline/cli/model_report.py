"""What ``loopline model show`` prints of a package: its figures, and each part of its evaluation in a few lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from loopline.cli.output import table

if TYPE_CHECKING:
    from loopline.model.reported import Described, Told


def report(package: Described) -> str:
    """All that is to be said of a package, as text."""
    from loopline.model import reported

    head = table(("package", package["package"]), reported.facts(package))
    parts = [head, _table(reported.worth(package)), _table(reported.metrics(package))]
    parts += [_part("Open questions", package["open_questions"])] if package["open_questions"] else []
    cost = _part("Cost", reported.cost(package).says)
    evaluation = package["evaluation"]
    if evaluation is None:
        return "\n\n".join([*parts, "It has no evaluation: it was judged on the same rows, and nothing more was measured.", cost])
    if reported.is_from_elsewhere(package):
        parts.append("The evaluation that follows is its maker's, on the rows of the project that it was made in.")
    for title, tell in reported.PARTS.items():
        told = tell(package, evaluation, reported.SHOWN)
        parts.append(_part(title, [*told.says, *([_table(told)] if told.rows else [])]))
    return "\n\n".join([*parts, cost])


def _table(told: Told) -> str:
    numbers = [at for at in range(told.words, len(told.head)) if told.head[at] != "beyond chance"]
    return table(told.head, told.rows, right=numbers)


def _part(title: str, lines: Sequence[str]) -> str:
    return "\n".join([click.style(title, bold=True), *lines])
