"""``loopline completion``: completion for the shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from loopline.cli.output import emit, json_option


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@json_option
@click.pass_context
def command(ctx: click.Context, shell: str, as_json: bool) -> None:
    """Print the completion script for a shell, e.g. eval "$(loopline completion bash)"."""
    kind = get_completion_class(shell)
    if kind is None:
        raise click.BadParameter(f"no completion for {shell}")
    script = kind(ctx.find_root().command, {}, "loopline", "_LOOPLINE_COMPLETE").source()
    emit({"shell": shell, "script": script}, script, as_json)
