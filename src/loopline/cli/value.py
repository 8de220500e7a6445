"""``loopline value ...``: what is recommended, what was realised, and the report."""

from __future__ import annotations

import click

from loopline.cli.lazy import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "review": ("value_review:review", "The newest review: print it as Markdown, write it as a page, or open that."),
    "show": ("value_review:show", "Show the recommendation with its reasons, what was realised, and the worth of each window."),
    "lift": ("value_lift", "Show what the model causes."),
    "cost": ("value_cost:cost", "Show what a month costs, and what is left of the worth."),
    "whatif": ("value_whatif:whatif", "Show what other prices, another threshold, capacity or volume would earn."),
    "experiment": ("value_experiment", "Compare packages, policies or a feature of the product."),
}


@click.group(cls=LazyGroup, found=COMMANDS)
def command() -> None:
    """What the model earns, and what to do about it."""
