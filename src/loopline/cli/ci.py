"""``loopline ci``: pipelines for models, and what they run."""

from __future__ import annotations

import click

from loopline.cli.lazy import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("ci_init", "Write the pipeline of GitHub, GitLab or Jenkins."),
    "run": ("ci_run", "Judge a change without touching the workspace, or take the main branch round the loop."),
}


@click.group(cls=LazyGroup, found=COMMANDS)
def command() -> None:
    """Continuous integration of models: the pipelines, and what they run."""
