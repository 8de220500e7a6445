"""``loopline watch``: windows of what was served, and what other tools need to watch it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from loopline.cli.output import emit, folder_option, hint, json_option, table
from loopline.cli.watch_compare import compare
from loopline.cli.watch_export import export
from loopline.declaration import figure
from loopline.errors import Mistake
from loopline.ledger.entry import now
from loopline.loop import open_loop
from loopline.watch.estimated import silences
from loopline.watch.summary import ranked


@click.group()
def command() -> None:
    """Windows of what was served, and what other tools need to watch it."""


command.add_command(export)


command.add_command(compare)


@command.command()
@click.option("--last", type=click.IntRange(min=1), default=30, show_default=True, help="So many of the newest windows; --json has all.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Draw what was expected, and what came true, into this file: .html, .png or .svg.")
@folder_option
@json_option
def show(last: int, output: Path | None, folder: Path | None, as_json: bool) -> None:
    """Show the windows: volume, refused rows, drift, the worth that is expected, and the one that came true once outcomes have come."""
    from loopline.lake.blobs import Blobs
    from loopline.watch.standing import listed, open_in_words, open_now
    from loopline.watch.summary import bodies

    if output is not None:
        from loopline.cli.pictures import picture_form

        picture_form(output)
    with open_loop(folder) as loop:
        state = loop.state()
        facts = state.facts("watch", "windows")
        if facts is None:
            raise Mistake("nothing has been watched yet", remedy="loopline run")
        windows: list[dict[str, Any]] = bodies(Blobs(loop.workspace.lake), facts["summary"])
        currency = loop.project.declaration.charter.worth.currency
    if output is not None:
        _draw(output, windows, currency, str(facts["says"]))
    says = "; ".join(filter(None, (str(facts["says"]), open_in_words(state, now()))))
    following = "loopline alerts list" if state.open_alerts() else "loopline value review" if windows else "loopline serve"
    data = {
        **{name: facts[name] for name in ("rows", "outcomes")},
        "alerts": {**facts["alerts"], "open": len(open_now(state, now())), "resolved": listed(state, now()).resolved},
        "detectable": facts.get("detectable"),
        "currency": currency,
        "windows": windows,
        "next": following,
    }
    emit(data, lambda: _shown(windows, last, currency, says) + _told(facts.get("detectable"), currency) + hint(following), as_json)


def _draw(output: Path, windows: Sequence[Mapping[str, Any]], currency: str, says: str) -> None:
    from loopline.cli.pictures import write_picture
    from loopline.watch.pictures import expected

    drawn = expected(windows, currency)
    if drawn is None:
        raise Mistake("nothing was expected of any window: there is nothing to draw", where=str(output), remedy="`loopline watch show --json` says why")
    write_picture(output, "Worth, expected and come true", [("Worth", "", drawn)], says=says)


def _shown(windows: Sequence[Mapping[str, Any]], last: int, currency: str, says: str) -> str:
    if not windows:
        return says
    head = ("window", "package", "rows", "refused", "outcomes", f"expected ({currency})", "worth", "no model", "most drifted (limit)", "breaches")
    lines = [says, "", table(head, map(_row, windows[-last:]), right=(2, 3, 4, 5, 6, 7))]
    if len(windows) > last:
        lines.append(f"the newest {last} of {len(windows):,} windows; worth is per decision")
    took = windows[-1]["latency_ms"]
    if took is not None:
        lines.append(f"answers of the newest window took up to {figure(took['p50'])} ms (half of them), {figure(took['p95'])} ms (95 of 100)")
    newest = next((window["estimated"] for window in reversed(windows) if window["estimated"] is not None), None)
    if newest is not None:
        lines += [f"expected, in the newest window, by {newest['why']}", *filter(None, [silences(newest)])]
    return "\n".join(lines)


def _told(detectable: Mapping[str, Any] | None, currency: str) -> str:
    """The smallest loss that is paged soon, as a line; empty where it cannot be told yet."""
    if detectable is None:
        return ""
    loss, promised = detectable["per_decision"], detectable["promised"]
    share = f" ({loss / promised:.0%} of what was promised)" if promised > 0 else ""
    said = f"a lasting loss of {figure(loss)} {currency} per decision{share} is paged within {detectable['windows']} windows in 95 of 100 cases"
    return f"\n{said}; a smaller one by longer windows (watch.window) or more outcomes, or at more false alarms (watch.false_alarms)"


def _row(window: Mapping[str, Any]) -> tuple[object, ...]:
    worth, expected = window["worth"], (window["estimated"] or {}).get("worth")
    return (
        window["start"][:16].replace("T", " "),
        window["package"][:8],
        window["rows"],
        window["refused"],
        window["outcomes"],
        None if expected is None else f"{figure(expected['per_decision'])} ({figure(expected['low'])} to {figure(expected['high'])})",
        None if worth is None else float(worth["per_decision"]),
        None if worth is None else float(worth["baseline"]),
        most_drifted(window["drift"], window["drift_limits"]),
        ", ".join(window["breaches"]) or None,
    )


def most_drifted(drift: Mapping[str, float], limits: Mapping[str, float]) -> str | None:
    """The feature that is farthest for its limit, in words."""
    most = next(iter(ranked(drift, limits)), None)
    if most is None:
        return None
    limit = f" ({limits[most]:.2f})" if most in limits else ""
    return f"{most} {drift.get(most, 0.0):.2f}{limit}"
