"""``loopline value whatif``: the effect of other prices, a threshold, a capacity or a volume, before anybody changes anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loopline.cli.output import emit, folder_option, hint, json_option, table
from loopline.cli.pictures import picture_form, write_picture
from loopline.declaration import Rate, figure, parse_rate
from loopline.errors import Mistake
from loopline.loop import Loop, open_loop

if TYPE_CHECKING:
    from loopline.model.estimates import Estimate
    from loopline.value.realised import Body
    from loopline.value.replayed import Change
    from loopline.value.whatif import Effect, Side
    from loopline.watch.decisions import Decisions
    from loopline.watch.inquiry import Evidence

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
    from loopline.value.realised import per_year, shown
    from loopline.value.whatif import what_if

    change = _change(prices, threshold, capacity, volume)
    if output is not None:
        picture_form(output)
    with open_loop(folder) as loop:
        charter = loop.project.declaration.charter
        evidence = _evidence(loop, change)
        source, decisions = _chosen(evidence, on, loop.project.declaration.value.outcomes_needed)
        effect = what_if(
            decisions,
            evidence.policy,
            charter.worth,
            _of_the_model(change, evidence),
            per_year=per_year(evidence.windows, charter),
            shown=shown(_own(evidence), charter) if source == _SERVED else 1.0,
            sees_all=charter.outcome_seen == "always",
            confidence=loop.project.declaration.value.confidence,
        )
        currency = charter.worth.currency
        if output is not None:
            _draw(output, loop.project.name, effect, change.says, currency)
    data = {
        "package": evidence.package.digest,
        "on": source,
        "currency": currency,
        "confidence": loop.project.declaration.value.confidence,
        "change": {"prices": dict(change.prices), "threshold": threshold, "capacity": capacity, "volume": volume},
        **effect.as_json(),
        "output": None if output is None else str(output),
        "next": "loopline value review",
    }
    emit(data, lambda: "\n".join([_shown(effect, source, currency, output), *_to_make_it_so(change, volume)]) + hint(str(data["next"])), as_json)


def _change(prices: Sequence[str], threshold: float | None, capacity: str | None, volume: str | None) -> Change:
    from loopline.value.replayed import Change

    said = {}
    for text in prices:
        name, equals, amount = text.partition("=")
        if not equals or not amount.strip():
            raise Mistake(f"{text!r} names no price and amount", where="--price", remedy="write it as act_right=120")
        said[name.strip()] = amount.strip()
    if not said and threshold is None and capacity is None and volume is None:
        raise Mistake("nothing is changed", remedy="say one or more of --price, --threshold, --capacity and --volume")
    many, come = _rate(capacity, "--capacity"), _rate(volume, "--volume")
    return Change(prices=said, threshold=threshold, capacity=many, per_year=None if come is None else come.per_year)


def _rate(text: str | None, where: str) -> Rate | None:
    if text is None:
        return None
    try:
        rate = parse_rate(text)
    except ValueError as error:
        raise Mistake(str(error), where=where, remedy="write it as '50 per day'") from None
    if rate.amount <= 0:
        raise Mistake(f"{text!r} leaves nothing", where=where, remedy="say more than 0")
    return rate


def _evidence(loop: Loop, change: Change) -> Evidence:
    from loopline.charter.worth import columns_of
    from loopline.watch.inquiry import inquire

    state, charter = loop.state(), loop.project.declaration.charter
    if state.champion is None:
        raise Mistake("no package decides yet", remedy="loopline run")
    asked = columns_of(charter.worth.model_copy(update=dict(change.prices))) if change.prices else frozenset()
    return inquire(loop.workspace, state, state.champion, charter.worth, columns=asked, with_open=charter.outcome_seen == "when_acted")


def _chosen(evidence: Evidence, on: str | None, needed: int) -> tuple[str, Decisions]:
    """Which decisions are looked at: the served ones where enough outcomes came, else the test part."""
    known = 0 if evidence.decisions is None else len(evidence.decisions)
    source = on or (_SERVED if known >= needed else _TEST)
    decisions = evidence.decisions if source == _SERVED else evidence.reference
    if decisions is None or len(decisions) < 2:
        lack = f"{known} outcomes of served decisions are known" if source == _SERVED else "the package came without a test part"
        raise Mistake(lack, where="--on", remedy="tell outcomes, or look at the other: --on served, --on test")
    return source, decisions


def _own(evidence: Evidence) -> list[Body]:
    return [window for window in evidence.windows if window["package"] == evidence.package.digest]


def _of_the_model(change: Change, evidence: Evidence) -> Change:
    """The change with the volume less what is held out from the model."""
    from loopline.value.realised import own_share

    return change if change.per_year is None else replace(change, per_year=change.per_year * own_share(evidence.windows))


def _draw(output: Path, project: str, effect: Effect, asked: str, currency: str) -> None:
    from loopline.value.whatif_picture import picture

    parts = [(f"What it would earn with {asked}", "", picture(effect, asked, currency))]
    write_picture(output, f"{project}: what if", parts, says=" ".join(effect.assumptions))


def _shown(effect: Effect, source: str, currency: str, output: Path | None) -> str:
    what = "served decisions" if source == _SERVED else "rows of the test part"
    rows = [
        (f"earned per decision ({currency})", *_pair(effect.before.each, effect.after.each), _span(effect.difference)),
        ("above no model", *_pair(effect.before.added, effect.after.added), ""),
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
