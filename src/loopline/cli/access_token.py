"""``loopline access token``: who may call the server."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from loopline.access.people import person
from loopline.access.tokens import ROLES, Token, TokenRole, mint
from loopline.cli.options import by_option, lasts_of
from loopline.cli.output import emit, folder_option, hint, json_option, table
from loopline.errors import Mistake
from loopline.ledger.entry import Draft


@click.group()
def command() -> None:
    """Tokens by which callers of a server are known."""


@command.command()
@click.option("--for", "holder", required=True, metavar="NAME", help="Who will hold it, a person or a program.")
@click.option("--role", "roles", type=click.Choice(ROLES), multiple=True, required=True, help="What it lets its holder do; may be said several times.")
@click.option("--expires", default="90d", show_default=True, metavar="TIME", help="After so long it is refused, such as 12h or 90d.")
@by_option
@folder_option
@json_option
def create(holder: str, roles: tuple[TokenRole, ...], expires: str, by: str | None, folder: Path | None, as_json: bool) -> None:
    """Make a token, which is shown this once: only its hash is kept."""
    from loopline.loop import open_loop
    from loopline.serve.door import TOKEN

    for_whom, lasts = person(holder).name, lasts_of(expires, "--expires")
    with open_loop(folder) as loop:
        who = person(by, folder=loop.project.folder)
        text, made = mint(for_whom, roles, datetime.now(UTC) + lasts)
        loop.workspace.ledger.append(Draft(kind=TOKEN, subject=made.id, body={**made.as_json(), "by": who.name}))
    data = {**_as_json(made), "token": text}
    said = f"{text}\nthis is shown once; {for_whom} sends it as the header Authorization: Bearer TOKEN, until {made.expires:%Y-%m-%d %H:%M} UTC"
    emit(data, said + hint("loopline access token list"), as_json)


@command.command("list")
@folder_option
@json_option
def show_list(folder: Path | None, as_json: bool) -> None:
    """Show the tokens, without their secrets."""
    from loopline.loop import open_loop
    from loopline.serve.door import tokens_of

    with open_loop(folder) as loop:
        found = list(tokens_of(loop.workspace.ledger).values())
    listed = [_as_json(one) for one in found]
    cells = [(one["id"], one["state"], one["for"], " ".join(one["roles"]), one["expires"][:16]) for one in listed]
    said = (
        table(("id", "state", "for", "roles", "until"), cells)
        if cells
        else "there is no token" + hint("loopline access token create --for NAME --role predict")
    )
    emit({"tokens": listed}, said, as_json)


@command.command()
@click.argument("id")
@by_option
@folder_option
@json_option
def revoke(id: str, by: str | None, folder: Path | None, as_json: bool) -> None:
    """Refuse a token from now on; servers that run learn of it within seconds."""
    from loopline.loop import open_loop
    from loopline.serve.door import TOKEN, tokens_of

    with open_loop(folder) as loop:
        found = tokens_of(loop.workspace.ledger)
        if id not in found:
            raise Mistake(f"there is no token {id[:40]!r}", where="ID", remedy="loopline access token list shows them")
        who = person(by, folder=loop.project.folder)
        if not found[id].is_revoked:
            loop.workspace.ledger.append(Draft(kind=TOKEN, subject=id, body={**found[id].as_json(), "state": "revoked", "by": who.name}))
        held = tokens_of(loop.workspace.ledger)[id]
    emit(_as_json(held), f"token {id} of {held.holder} is revoked", as_json)


def _as_json(token: Token) -> dict[str, Any]:
    state = token.state(datetime.now(UTC))
    return {"id": token.id, "for": token.holder, "roles": list(token.roles), "expires": token.expires.isoformat(), "state": state}
