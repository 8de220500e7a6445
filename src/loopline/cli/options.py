"""Options by which a person says who acts, and why: the same words in every command."""

from __future__ import annotations

import click

by_option = click.option("--by", metavar="NAME", help="Who acts; else LOOPLINE_USER, git's user.email or your user name.")
why_option = click.option("--why", required=True, metavar="TEXT", help="The reason; it is kept.")
any_why_option = click.option("--why", metavar="TEXT", default="", help="The reason; it is kept.")
"""The same where no reason is asked for."""
