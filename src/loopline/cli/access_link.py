"""``loopline access link``: who sees the customer page without signing in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.access.people import person
from loopline.cli.options import by_option, lasts_of
from loopline.cli.output import emit, folder_option, hint, json_option, minute, table
from loopline.ledger.entry import now

if TYPE_CHECKING:
    from loopline.access.tokens import Token


@click.group()
def command() -> None:
    """Links by which customers see their page without signing in."""


@command.command()
@click.option("--for", "holder", required=True, metavar="NAME", help="Who is sent it: a customer, or a group of them.")
@click.option("--expires", default="90d", show_default=True, metavar="TIME", help="After so long it leads nowhere, such as 12h or 90d.")
@by_option
@folder_option
@json_option
def create(holder: str, expires: str, by: str | None, folder: Path | None, as_json: bool) -> None:
    """Make a link to the customer page, which is shown this once: only its hash is kept.

    Whoever has it reads that page and gives feedback there, and nothing else.
    """
    from loopline.loop import open_loop
    from loopline.web import links

    for_whom, lasts = person(holder).name, lasts_of(expires, "--expires")
    with open_loop(folder) as loop:
        who = person(by, folder=loop.project.folder)
        text, made = links.create(loop.workspace.ledger, for_whom, lasts, who, now())
        pages = loop.project.declaration.pages
        url = links.url_of(loop.project.name, text, links.declared_origin(pages))
    said = f"{url}\nthis is shown once; it shows {for_whom} the customer page until {minute(made.expires.isoformat())} UTC, while the pages are served"
    if pages.public_url is None:
        said += "\npages.public_url is not declared: where customers reach the pages at another host or port, the link begins with that"
    emit({**_as_json(made), "url": url}, said + hint("loopline access link list"), as_json)


@command.command("list")
@folder_option
@json_option
def show_list(folder: Path | None, as_json: bool) -> None:
    """Show the links, without their secrets."""
    from loopline.loop import open_loop
    from loopline.web.links import links_of

    with open_loop(folder) as loop:
        listed = [_as_json(one) for one in links_of(loop.workspace.ledger).values()]
    cells = [(one["id"], one["state"], one["for"], minute(one["expires"])) for one in listed]
    said = table(("id", "state", "for", "until (UTC)"), cells) if cells else "there is no link" + hint("loopline access link create --for NAME")
    emit({"links": listed}, said, as_json)


@command.command()
@click.argument("id")
@by_option
@folder_option
@json_option
def revoke(id: str, by: str | None, folder: Path | None, as_json: bool) -> None:
    """Let a link lead nowhere from now on."""
    from loopline.loop import open_loop
    from loopline.web import links

    with open_loop(folder) as loop:
        held = links.revoke(loop.workspace.ledger, id, person(by, folder=loop.project.folder))
    emit(_as_json(held), f"link {id} of {held.holder} is revoked", as_json)


def _as_json(link: Token) -> dict[str, Any]:
    return {"id": link.id, "for": link.holder, "expires": link.expires.isoformat(), "state": link.state(now())}
