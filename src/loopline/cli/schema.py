"""``loopline schema``: the JSON schema of the declaration."""

from __future__ import annotations

import json

import click

from loopline.cli.output import json_option
from loopline.project import schema


@click.command()
@json_option
def command(as_json: bool) -> None:
    """Print the JSON schema of loopline.yaml, for editors that check and complete while you type."""
    click.echo(json.dumps(schema(), indent=None if as_json else 2, ensure_ascii=False))
