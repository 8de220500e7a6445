"""``loopline value whatif``: the effect of other prices, a threshold, a capacity or a volume, before anybody changes anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from loopline.cli.output import emit, folder_option, hint, json_option, table
from loopline.cli.pictures import picture_form, write_picture
from loopline.declaration import figure
from loopline.errors import Mistake
from loopline.loop import open_loop

if TYPE_CHECKING:
    from loopline.model.estimates import Estimate
    from loopline.value.replayed import Change
    from loopline.value.whatif import Effect, Side

_SERVED, _TEST = "served", "test"


@click.command()
@click.option(
    "--price", "prices", metavar="TERM=AMOUNT", multiple=True, help="Another price, such as act_right=120 or act_right=0.1*fare; several may be given."
)
@click.option("--threshold", type=click.FloatRange(0, 1), help="Act where the probability is at least that high.")
@click.option("--capacity", metavar="RATE", help="Act on no more, such as '50 per day'.")
@click.option("--volume", metavar="RATE", help="So many decisions come, such as '2000 per day'.")
@click.option("--on", type=click.Choice([_SERVED, _TEST]), help="Served decisions, or the package's test part; the served ones where enough outcomes came.")
@click.option("-o", "--output", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Draw it: .html, .png or .svg.")
@folder_option
@json_option
def whatif(
    prices: tuple[str, ...],
    threshold: float | None,
    capacity: str | None,
    volume: str | None,
    on: str | None,
    output: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Show what other prices, another threshold, capacity or volume would earn; nothing is written.

    Decisions whose outcome is known are decided anew, and each is paired with what was decided. The assumptions are told.
    """
    from loopline.value.trying import change_of, evidence, told, tried

    change = change_of(dict(map(_priced, prices)), threshold=threshold, capacity=capacity, volume=volume)
    if output is not None:
        picture_form(output)
    with open_loop(folder) as loop:
        declared = loop.project.declaration
        known = evidence(loop.workspace, loop.state(), declared.charter, change)
        source, effect = tried(known, change, declared.charter, declared.value, on=on)
        currency = declared.charter.worth.currency
        if output is not None:
            _draw(output, loop.project.name, effect, change.says, currency)
    asked = {"prices": dict(change.prices), "threshold": threshold, "capacity": capacity, "volume": volume}
    data = {
        **told(known, source, effect, asked, confidence=declared.value.confidence),
        "output": None if output is None else str(output),
        "next": "loopline value review",
    }
    emit(data, lambda: "\n".join([_shown(effect, source, currency, output), *_to_make_it_so(change, volume)]) + hint(str(data["next"])), as_json)


def _priced(text: str) -> tuple[str, str]:
    name, equals, amount = text.partition("=")
    if not equals or not amount.strip():
        raise Mistake(f"{text!r} names no price and amount", where="--price", remedy="write it as act_right=120")
    return name.strip(), amount.strip()


def _draw(output: Path, project: str, effect: Effect, asked: str, currency: str) -> None:
    from loopline.value.whatif_picture import picture

    parts = [(f"What it would earn with {asked}", "", picture(effect, asked, currency))]
    write_picture(output, f"{project}: what if", parts, says=" ".join(effect.assumptions))


def _shown(effect: Effect, source: str, currency: str, output: Path | None) -> str:
    what = "served decisions" if source == _SERVED else "rows of the test part"
    rows = [
        (f"earned per decision ({currency})", *_pair(effect.before.each, effect.after.each), _span(effect.difference)),
        ("above no model", *_pair(effect.before.added, effect.after.added), ""),
        ("no model would", effect.before.without_model, effect.after.without_model, ""),
        ("acted on", *(_percent(side.acted) for side in (effect.before, effect.after)), ""),
        ("of these right", *(_percent(side.right) for side in (effect.before, effect.after)), ""),
        (f"added per year ({currency})", *(_yearly(side) for side in (effect.before, effect.after)), _span(effect.added_per_year)),
    ]
    lines = [table(("", "now", "after", "difference"), [row for row in rows if set(row[1:]) != {"", "-"} and row[1] != "-"], right=(1, 2, 3)), ""]
    lines += [f"{effect.rows:,} {what}; {effect.changed:,} would be decided otherwise.  now: {effect.before.policy}.  after: {effect.after.policy}."]
    if effect.unknown:
        lines += [f"{effect.unknown:,} rows without an outcome would be acted on: what they would earn is not known."]
    lines += [f"- {line}" for line in effect.assumptions]
    lines += ["Nothing was changed." if output is None else f"Nothing was changed; drawn in {output}."]
    return "\n".join(lines)


def _to_make_it_so(change: Change, volume: str | None) -> list[str]:
    """What to declare for the change to come true."""
    said = [f"charter.worth.{name}: {amount}" for name, amount in change.prices.items()]
    if change.capacity is not None:
        said += [f"model.policy: {{capacity: {change.capacity}}}"]
    elif change.threshold is not None:
        said += [f"model.policy: {{threshold: {change.threshold:g}}}"]
    said += [f"charter.volume: {volume}"] if volume is not None else []
    lines = [f"To make it so: {', '.join(said)} in loopline.yaml, then loopline run."] if said else []
    if change.threshold is None:
        return lines
    if change.capacity is not None:
        return [
            *lines,
            "A threshold and a capacity are not declared together: the threshold is chosen at each training, by what the prices make of the scores.",
        ]
    return [*lines, "Without it a threshold is chosen anew at each training, by what the prices make of the scores."]


def _pair(before: Estimate, after: Estimate) -> tuple[str, str]:
    return figure(before.value), figure(after.value)


def _span(estimate: Estimate | None) -> str:
    return "-" if estimate is None else f"{figure(estimate.value)} ({figure(estimate.low)} to {figure(estimate.high)})"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _yearly(side: Side) -> str:
    return "-" if side.per_year is None else figure(side.per_year.value)
