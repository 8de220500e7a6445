"""Options by which a person says who acts, and why: the same words in every command."""

from __future__ import annotations

from datetime import date

import click

from loopline.errors import Mistake

by_option = click.option("--by", metavar="NAME", help="Who acts; else LOOPLINE_USER, git's user.email or your user name.")
why_option = click.option("--why", required=True, metavar="TEXT", help="The reason; it is kept.")
any_why_option = click.option("--why", metavar="TEXT", default="", help="The reason; it is kept.")
"""The same where no reason is asked for."""


def day(text: str | None, where: str) -> date | None:
    """The day that an option names; None where it is not given.

    Raises
    ------
    Mistake
        When it is no day.
    """
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise Mistake(f"{text!r} is not a day", where=where, remedy="write it as 2026-01-31") from None
