"""Options by which a person says who acts, and why: the same words in every command."""

from __future__ import annotations

from datetime import date, timedelta

import click

from loopline.declaration import parse_duration
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


def lasts_of(text: str, where: str) -> timedelta:
    """For how long something is good that an option gives an end.

    Raises
    ------
    Mistake
        When it is no span of time, or none after which anything ends.
    """
    try:
        lasts = parse_duration(text)
    except ValueError:
        raise Mistake(f"{text[:40]!r} is not a span of time", where=where, remedy="write it as 12h or 90d") from None
    if not timedelta(0) < lasts <= timedelta(days=3660):
        raise Mistake(f"{text} is no time after which anything may end", where=where, remedy="give up to 3660d, such as 90d")
    return lasts
