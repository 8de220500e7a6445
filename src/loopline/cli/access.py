"""``loopline access``: who may call the server, sign in to the pages, or look at the customer page."""

from __future__ import annotations

import click

from loopline.cli.lazy import LazyGroup

# From a command to its place and its line in the help; each noun has a module of its own.
COMMANDS: dict[str, tuple[str, str]] = {
    "token": ("access_token", "Tokens by which callers of a server are known."),
    "account": ("access_account", "Accounts with which people sign in to the pages."),
    "link": ("access_link", "Links by which customers see their page without signing in."),
}


@click.group(cls=LazyGroup, found=COMMANDS)
def command() -> None:
    """Who may call the server, sign in to the pages, or look at the customer page."""
