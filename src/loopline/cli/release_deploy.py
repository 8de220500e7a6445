"""``loopline release deploy`` and ``deployments``: what serves the champion elsewhere is written or started, and entered in the ledger."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.access.people import person
from loopline.cli.options import by_option
from loopline.cli.output import emit, folder_option, hint, json_option, minute, table
from loopline.errors import Mistake
from loopline.loop import Loop, open_loop

if TYPE_CHECKING:
    from loopline.ledger.state import State
    from loopline.release.deploy.target import Serving


@click.command("deploy")
@click.option("--to", "to", required=True, metavar="TARGET", help="process, systemd, container, kubernetes, or one's own.")
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), help="The folder to write to; deploy/TARGET beside loopline.yaml by default.")
@click.option("--port", type=click.IntRange(1, 65535), help="The port to listen at; serve.port by default.")
@click.option("--image", default="", metavar="NAME", help="The image's name; loopline-PROJECT:PACKAGE by default.")
@click.option("--dry-run", is_flag=True, help="Say what would be written or started, and do nothing.")
@click.option("--stop", "is_stop", is_flag=True, help="End what the target started.")
@by_option
@folder_option
@json_option
def deploy(
    to: str, output: Path | None, port: int | None, image: str, dry_run: bool, is_stop: bool, by: str | None, folder: Path | None, as_json: bool
) -> None:
    """Write what it takes to serve the champion on a target, or start it there.

    A server follows the champion: deploy anew when the declaration, the version of Loopline or the target changes, not for each package.
    """
    from loopline.release.deploy import records
    from loopline.release.deploy.target import carried_out, find, planned

    with open_loop(folder) as loop:
        state, who = loop.state(), person(by, folder=loop.project.folder)
        target = find(to, loop.project.declaration.release.targets, loop.project.folder)
        # What was started can be ended although its package was withdrawn since.
        package = next((entry.subject for entry in reversed(state.champions) if entry.subject), None) if is_stop else state.champion
        serving = _serving(loop, state, package, (output or loop.project.folder / "deploy" / to).resolve(), port, image)
        plan = planned(to, target, serving)
        files = {} if is_stop else plan.files
        act = plan.stop if is_stop else plan.launch
        if is_stop and act is None:
            raise Mistake(f"nothing runs that the target {to!r} started", where="--stop", remedy="end it where it runs")
        blocker = None if is_stop else plan.blocker
        if blocker is not None and not dry_run:
            raise blocker
        facts: dict[str, Any] = {}
        entry = None
        if not dry_run:
            ledger = loop.workspace.ledger
            records.write(files, serving.output, ledger.read(kinds=(records.KIND,)))
            facts = {} if act is None else carried_out(to, act)
            done, parents = records.STOPPED if is_stop else records.DEPLOYED, (state.champions[-1].id,)
            (entry,) = ledger.append(records.draft(done, to, serving.package, records.digests(files), facts, actor=who.name, parents=parents))
    following = "loopline release deployments" if is_stop else plan.following
    if dry_run:
        given = {"--to": to, "--output": output, "--port": port, "--image": image, "--by": by}
        following = _again({name: str(value) for name, value in given.items() if value}, is_stop)
    data = {
        **{"target": to, "package": serving.package, "output": str(serving.output) if files else None, "files": records.digests(files)},
        **{
            "facts": facts,
            "notes": [] if is_stop else list(plan.notes),
            "blocker": str(blocker) if blocker else None,
            "dry_run": dry_run,
            "entry": entry.id if entry else None,
            "next": following,
        },
    }
    emit(data, lambda: _text(data, is_stop), as_json)


def _serving(loop: Loop, state: State, package: str | None, output: Path, port: int | None, image: str) -> Serving:
    """What a package's server needs, as its gates measured it.

    Raises
    ------
    Mistake
        When no package decides, or the image's name is none.
    """
    from loopline.release.approvals import judged
    from loopline.release.deploy.needs import needs
    from loopline.release.deploy.target import Serving

    declared, project = loop.project.declaration, loop.project
    tokens = [entry for entry in loop.workspace.ledger.read(kinds=("token",)) if entry.body["state"] == "valid"]
    if package is None:
        raise Mistake("no package decides, and only a champion is deployed", remedy="loopline run; then loopline status says whom the release waits for")
    if image and (not image.isprintable() or " " in image):
        raise Mistake(f"{image[:60]!r} is no name of an image", where="--image", remedy="write it as NAME:TAG")
    gates = next((entry.body["facts"] for entry in judged(state) if entry.body["facts"]["package"] == package), None)
    volume = declared.charter.volume
    wanted = needs(
        gates, memory_allowed_mb=declared.release.memory_mb, body_mb=declared.serve.limits.body_mb, per_year=None if volume is None else volume.per_year
    )
    return Serving(
        project=project.name,
        folder=project.folder,
        package=package,
        host=declared.serve.host,
        port=port or declared.serve.port,
        needs=wanted,
        output=output,
        rooms=_rooms(loop),
        image=image,
        has_tokens=bool(tokens),
    )


def _rooms(loop: Loop) -> tuple[Path, ...]:
    """The folders of this machine that hold the ledger or the lake."""
    scheme, _, file = loop.project.ledger_url.partition(":///")
    ledger = [Path(file).parent] if scheme == "sqlite" else []
    lake = loop.workspace.lake
    return tuple(dict.fromkeys([*ledger, *([lake.folder] if lake.is_folder else [])]))


def _text(data: dict[str, Any], is_stop: bool) -> str:
    facts = data["facts"]
    would = "would be " if data["dry_run"] else ""
    lines = [f"{data['output']}/{name}  {would}written" for name in data["files"]]
    if is_stop:
        lines.append(f"{data['target']}: {_told(facts) if facts else 'would be ended'}")
    elif facts:
        lines.append(f"{data['target']} serves package {data['package'][:12]}: {_told(facts)}")
    elif data["dry_run"] and not data["files"]:
        lines.append(f"{data['target']} would serve package {data['package'][:12]}")
    blocked = [f"it cannot serve there yet: {data['blocker']}"] if data["blocker"] else []
    return "\n".join([*blocked, *lines, *data["notes"]]) + hint(data["next"])


def _again(given: dict[str, str], is_stop: bool) -> str:
    """The same command without --dry-run."""
    return shlex.join(["loopline", "release", "deploy", *(word for option in given.items() for word in option), *(["--stop"] if is_stop else [])])


def _told(facts: dict[str, Any]) -> str:
    return str(facts.get("says") or ", ".join(f"{name} {value}" for name, value in facts.items()))


@click.command("deployments")
@folder_option
@json_option
def deployments(folder: Path | None, as_json: bool) -> None:
    """Show what was deployed, of which package, where to, and by whom."""
    from loopline.release.deploy.records import KIND
    from loopline.release.deploy.records import as_json as plain

    with open_loop(folder) as loop:
        entries = [plain(entry) for entry in loop.workspace.ledger.read(kinds=(KIND,))]
    rows = [
        (minute(one["time"]), one["target"], one["state"], one["package"][:12], len(one["files"]), one["by"], one["facts"].get("url", "")) for one in entries
    ]
    text = table(("at (UTC)", "target", "state", "package", "files", "by", "address"), rows) if rows else "nothing has been deployed yet"
    emit({"deployments": entries}, text, as_json)
