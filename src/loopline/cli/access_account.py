"""``loopline access account``: who signs in to the pages with a password."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.access.people import person, roles_of
from loopline.cli.options import by_option
from loopline.cli.output import emit, folder_option, hint, json_option, minute, table
from loopline.errors import Mistake
from loopline.ledger.entry import Draft, now

if TYPE_CHECKING:
    from loopline.access.accounts import Account
    from loopline.access.safe import Safe
    from loopline.loop import Loop

generate_option = click.option("--generate", is_flag=True, help="Make up a password, and show it this once.")


@click.group()
def command() -> None:
    """Accounts with which people sign in to the pages.

    Their passwords are kept as hashes beside your private key, outside of the workspace, or where LOOPLINE_ACCOUNTS says.
    """


@command.command()
@click.argument("name")
@generate_option
@by_option
@folder_option
@json_option
def create(name: str, generate: bool, by: str | None, folder: Path | None, as_json: bool) -> None:
    """Make an account. What its holder sees and does follows from the roles under charter.stakeholders.

    The password is asked for, or read as one line of standard input where that is no terminal.
    """
    from loopline.access import accounts
    from loopline.loop import open_loop

    with open_loop(folder) as loop:
        whom, who = person(name).name, person(by, folder=loop.project.folder)
        password = _password(whom, generate)
        _tell(loop, "made", lambda safe: accounts.create(safe, whom, password, now()), who.name, password if generate else None, as_json)


@command.command()
@click.argument("name")
@generate_option
@by_option
@folder_option
@json_option
def password(name: str, generate: bool, by: str | None, folder: Path | None, as_json: bool) -> None:
    """Give an account another password; who is signed in with the old one has to sign in anew.

    It is asked for, or read as one line of standard input where that is no terminal. A pause after wrong tries ends as well.
    """
    from loopline.access import accounts, tries
    from loopline.loop import open_loop

    with open_loop(folder) as loop:
        whom, who = person(name).name, person(by, folder=loop.project.folder)
        taken = _password(whom, generate)

        def change(safe: Safe) -> Account:
            changed = accounts.set_password(safe, whom, taken, now())
            tries.forget(safe, whom)
            return changed

        _tell(loop, "password set", change, who.name, taken if generate else None, as_json)


@command.command()
@click.argument("name")
@by_option
@folder_option
@json_option
def revoke(name: str, by: str | None, folder: Path | None, as_json: bool) -> None:
    """Let a person sign in no more, by a password or by a provider; whoever is signed in under the name is signed out."""
    from loopline.access import accounts
    from loopline.loop import open_loop
    from loopline.release.approvals import stakeholders

    with open_loop(folder) as loop:
        whom, who = person(name).name, person(by, folder=loop.project.folder)
        is_listed = bool(roles_of(whom, stakeholders(loop.project.declaration.charter)))
        _tell(loop, "revoked", lambda safe: accounts.revoke(safe, whom, now(), is_listed=is_listed), who.name, None, as_json)


@command.command("list")
@folder_option
@json_option
def show_list(folder: Path | None, as_json: bool) -> None:
    """Show the accounts, with the roles that this project's charter gives them."""
    from loopline.access.accounts import listed
    from loopline.access.safe import Safe
    from loopline.loop import open_loop

    with open_loop(folder) as loop, Safe.open() as safe:
        found = [_as_json(loop, one) for one in listed(safe)]
        where = safe.where
    cells = [(one["name"], one["state"], ", ".join(one["roles"]) or "-", minute(one["made"]), minute(one["changed"])) for one in found]
    head = ("name", "state", "roles here", "made (UTC)", "password set (UTC)")
    said = f"{table(head, cells)}\nkept in {where}" if cells else "there is no account" + hint("loopline access account create NAME")
    emit({"accounts": found, "kept_in": where}, said, as_json)


def _tell(loop: Loop, state: str, change: Callable[[Safe], Account], by: str, password: str | None, as_json: bool) -> None:
    """Change an account, enter who did so, and say how it stands now."""
    from loopline.access.accounts import KIND
    from loopline.access.safe import Safe

    with Safe.open() as safe:
        account = change(safe)
    loop.workspace.ledger.append(Draft(kind=KIND, subject=account.name, body={"state": state}, actor=by))
    data = _as_json(loop, account)
    said = {"made": f"{account.name} has an account", "password set": f"{account.name} has another password", "revoked": f"{account.name} signs in no more"}
    lines = [said[state]]
    if password is not None:
        lines.insert(0, f"{password}\nthis is shown once")
    if state != "revoked":
        lines.append(f"roles here: {', '.join(data['roles'])}" if data["roles"] else _LACKING.format(name=account.name))
    emit(data if state == "revoked" else {**data, "password": password}, "\n".join(lines) + hint("loopline access account list"), as_json)


_LACKING = "the charter gives no role to {name}, who is let in nowhere until then; list the name under charter.stakeholders"


def _password(name: str, generate: bool) -> str:
    """A password that holds, before anything is changed."""
    from loopline.access.passwords import checked, generated

    if generate:
        return generated()
    if sys.stdin.isatty():
        typed = str(click.prompt(f"Password for {name}", hide_input=True, confirmation_prompt="The same again", err=True))
    else:
        typed = sys.stdin.readline().rstrip("\r\n")
        if not typed:
            raise Mistake("no password came from standard input", where="--generate", remedy="send it as one line, or make one up with --generate")
    return checked(typed, name)


def _as_json(loop: Loop, account: Account) -> dict[str, Any]:
    from loopline.release.approvals import stakeholders

    return {**account.as_json(), "roles": list(roles_of(account.name, stakeholders(loop.project.declaration.charter)))}
