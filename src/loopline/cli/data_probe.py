"""``loopline data probe``: how quick the storage is that everything lies on, and whether it has become worse."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.cli.output import LiveProgress, emit, folder_option, hint, json_option, table
from loopline.errors import LooplineError, Mistake
from loopline.loop import Loop, open_loop

if TYPE_CHECKING:
    from loopline.data.probe.history import Figure
    from loopline.data.probe.places import Place
    from loopline.data.probe.probe import Probed


@click.command()
@click.option("--place", "named", multiple=True, metavar="PATH_OR_URL", help="Probe this folder, file or URL instead of the project's places; may be repeated.")
@click.option("--size", "size_mb", default=64, show_default=True, type=click.IntRange(1, 65536), help="MB of the file that is written and read, at most.")
@click.option("--seconds", default=4.0, show_default=True, type=click.FloatRange(0.1, 3600), help="How long each place is measured.")
@click.option("--depth", default=8, show_default=True, type=click.IntRange(1, 256), help="Requests under way at once in the second half of the measures.")
@click.option("--history", is_flag=True, help="Measure nothing; show the probes so far, each figure against the median of those before.")
@folder_option
@json_option
@click.pass_context
def probe(ctx: click.Context, named: tuple[str, ...], size_mb: int, seconds: float, depth: int, history: bool, folder: Path | None, as_json: bool) -> None:
    """Measure the storage: latency, requests and MB per second, of the workspace's and each source's place.

    The figures are kept in the ledger; places on one device are probed once. Outside a project name a place: then nothing is kept.
    """
    with ExitStack() as stack:
        loop = _loop(stack, named, folder, history)
        if history:
            _show_history(loop, named, as_json)
            return
        progress = stack.enter_context(LiveProgress(quiet=as_json))
        if loop is not None:
            # Another run would be slowed down, and would make the figures worse than they are.
            stack.enter_context(loop.workspace.ledger.lease())
        found, skipped, trouble = _probe_all(loop, named, progress, size_mb=size_mb, seconds=seconds, depth=depth)
    if trouble and not found:
        raise trouble[0]
    following = "loopline data probe --history" if loop is not None else ""
    data = {"places": found, "skipped": skipped, "failed": [str(error) for error in trouble], "next": following}
    emit(data, lambda: _shown(found, skipped) + hint(following), as_json)
    for error in trouble:
        click.echo(f"loopline: {error}", err=True)
    ctx.exit(max((error.exit_code for error in trouble), default=0))


def _loop(stack: ExitStack, named: tuple[str, ...], folder: Path | None, history: bool) -> Loop | None:
    """The project's loop; None where places are named and there is no project."""
    from loopline.project import find_folder

    if named and folder is None and not history:
        try:
            find_folder(Path.cwd())
        except Mistake:
            return None
    return stack.enter_context(open_loop(folder))


def _probe_all(
    loop: Loop | None, named: tuple[str, ...], progress: LiveProgress, *, size_mb: int, seconds: float, depth: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[LooplineError]]:
    """What was found, what is not probed and why, and what went wrong; one place's trouble does not stop the others."""
    from loopline.data.probe import places as probe_places
    from loopline.data.probe.probe import MIB

    places = probe_places.named(named) if loop is None or named else probe_places.places_of(loop.workspace, loop.project.declaration.data, loop.project.folder)
    found: list[dict[str, Any]] = []
    trouble: list[LooplineError] = []
    for place in (one for one in places if not one.why_not):
        progress.say(f"probing {place.shown}{_roles(place)}, for about {seconds:g} s")
        try:
            probed = probe_places.probe(place, size_bytes=size_mb * MIB, seconds=seconds, depth=depth)
        except LooplineError as error:
            trouble.append(error)
        else:
            found.append({**probed.as_json(), "entry": _kept(loop, probed)})
    skipped = [{"place": place.shown, "for": list(place.roles), "why": place.why_not} for place in places if place.why_not]
    return found, skipped, trouble


def _roles(place: Place) -> str:
    return f" ({', '.join(place.roles)})" if place.roles else ""


def _kept(loop: Loop | None, probed: Probed) -> str | None:
    """The id of the entry that keeps the figures; None outside a project."""
    import platform

    from loopline.data.probe.history import KIND
    from loopline.ledger.entry import Draft

    if loop is None:
        return None
    body = {**probed.as_json(), "machine": platform.node()}
    return loop.workspace.ledger.append(Draft(kind=KIND, subject=probed.place, body=body))[0].id


def _shown(found: list[dict[str, Any]], skipped: list[dict[str, Any]]) -> str:
    parts = []
    for one in found:
        how = {"direct": "past the cache", "dropped": "cache dropped", "none": "cache not kept out", None: ""}[one["bypassed"]]
        about = [part for part in (one["filesystem"], _size(one["size_bytes"]), how) if part]
        title = f"{one['place']}" + (f": {', '.join(one['for'])}" if one["for"] else "")
        rows = [_row(measure) for measure in one["measures"]]
        lines = [click.style(title, bold=True), *([f"  {', '.join(about)}"] if about else []), *(f"  note: {note}" for note in one["notes"])]
        parts.append("\n".join([*lines, table(("measure", "p50", "p99", "requests/s", "MB/s"), rows, right=range(1, 5))]))
    parts += [f"{one['place']}: {', '.join(one['for'])}: not probed ({one['why']})" for one in skipped]
    return "\n\n".join(parts)


def _size(size_bytes: int) -> str:
    from loopline.data.probe.probe import say_size

    return f"a file of {say_size(size_bytes)}" if size_bytes else ""


def _row(measure: dict[str, Any]) -> tuple[object, ...]:
    from loopline.data.probe.probe import say_latency

    rate = measure["mb_per_s"] if measure["block_bytes"] else None
    return measure["name"], say_latency(measure["p50_us"]), say_latency(measure["p99_us"]), round(measure["iops"]), rate


def _show_history(loop: Loop | None, named: tuple[str, ...], as_json: bool) -> None:
    from loopline.data.probe.history import KIND, figures
    from loopline.data.probe.places import named as places_named
    from loopline.data.probe.probe import say_latency

    entries = [] if loop is None else loop.workspace.ledger.read(kinds=(KIND,))
    wanted = {place.shown for place in places_named(named)}
    shown = figures(entry for entry in entries if not wanted or entry.subject in wanted)
    if not shown:
        again = "loopline data probe" + "".join(f" --place {one}" for one in named)
        raise Mistake("there is no probe yet" + (" of this place" if wanted else ""), remedy=again)

    def row(one: Figure) -> tuple[object, ...]:
        usual = "-" if one.usual_p50_us is None else say_latency(one.usual_p50_us)
        change = "-" if one.change is None else f"{one.change:.2f}x"
        return one.name, say_latency(one.p50_us), usual, change, one.mb_per_s, one.usual_mb_per_s, one.picture, "worse" if one.is_worse else ""

    def text() -> str:
        head = ("measure", "p50", "usual", "change", "MB/s", "usual", "p50 over time", "")
        by_place = {figure.place: [row(one) for one in shown if one.place == figure.place] for figure in shown}
        parts = [click.style(place, bold=True) + "\n" + table(head, rows, right=range(1, 6)) for place, rows in by_place.items()]
        return "\n\n".join(parts) + hint("loopline data probe")

    emit({"figures": [one.as_json() for one in shown], "next": "loopline data probe"}, text, as_json)
