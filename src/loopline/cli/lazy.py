"""Groups whose commands are imported when they are called, so that help and completion load none of them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """A group of commands that are found by name.

    Parameters
    ----------
    found
        From a command to its place, ``module`` or ``module:name`` under `loopline.cli` (the name is ``command`` by default), and its
        line in the help.
    """

    def __init__(self, *args: Any, found: Mapping[str, tuple[str, str]], **more: Any) -> None:
        super().__init__(*args, **more)
        self._found = found

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which they are listed."""
        return list(self._found)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, from its module."""
        if cmd_name not in self._found:
            return None
        module, _, name = self._found[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(f"loopline.cli.{module}"), name or "command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands with their lines, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self._found.items()])
