"""``loopline value``: what the model earns, and what to do about it."""

from __future__ import annotations

import click

from loopline.cli.lazy import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "review": ("value_review:review", "The newest review: print it as Markdown, write it as a page, or open that."),
    "show": ("value_review:show", "Show the recommendation with its reasons, what was realised, and the worth of each window."),
    "whatif": ("value_whatif:whatif", "Show what other prices, another threshold, capacity or volume would earn."),
}


@click.group(cls=LazyGroup, found=COMMANDS)
def command() -> None:
    """What the model earns, and what to do about it."""
