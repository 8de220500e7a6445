"""``loopline alerts try``: whether each channel takes messages, before one matters."""

from __future__ import annotations

from pathlib import Path

import click

from loopline.charter.spec import ROLES
from loopline.cli.output import emit, folder_option, hint, json_option, table
from loopline.declaration import counted
from loopline.errors import CheckFailed, Mistake
from loopline.project import find_folder, load


@click.command("try")
@click.option("--as", "role", type=click.Choice(ROLES), help="Only the channels of this role; of every role by default.")
@folder_option
@json_option
@click.pass_context
def attempt(ctx: click.Context, role: str | None, folder: Path | None, as_json: bool) -> None:
    """Send each channel of watch.tell a message that says it is a test, and say which got through.

    The exit code is 1 where one did not. Nothing is entered in the ledger.
    """
    from loopline.watch.telling import attempt as attempted

    project = load(folder.resolve() if folder is not None else find_folder(Path.cwd()))
    roles: dict[str, list[str]] = {}
    for one, channels in project.declaration.watch.tell.items():
        for channel in channels:
            roles.setdefault(channel, []).append(one)
    chosen = [channel for channel, named in roles.items() if role is None or role in named]
    if not chosen:
        whose = "" if role is None else f" for {role}"
        raise Mistake(f"no channel is declared{whose}", where="watch.tell", remedy="write one such as {business: mailto://owner@example.com}")
    found = [(channel.partition("://")[0], roles[channel], attempted(channel, project.name)) for channel in chosen]
    failed = sum(why is not None for _, _, why in found)
    following = "loopline alerts try" if failed else "loopline alerts list"
    data = {"channels": [{"through": through, "roles": named, "done": why is None, "why": why or ""} for through, named, why in found], "next": following}
    rows = [(through, ", ".join(named), "yes" if why is None else f"no: {why}") for through, named, why in found]
    emit(data, lambda: table(("through", "to", "got through"), rows) + hint(following), as_json)
    if failed:
        says = f"{failed} of {counted(len(found), 'channel')} took no message"
        check = CheckFailed(says, where="watch.tell", remedy="start what should answer there, or mend the address; then try again: loopline alerts try")
        click.echo(f"loopline: {check}", err=True)
        ctx.exit(check.exit_code)
