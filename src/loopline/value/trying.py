"""A what-if as somebody asks it: what is to be different, the decisions that tell, and what would be earned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from loopline.charter.spec import CharterSpec, WorthSpec
from loopline.charter.worth import Worth, columns_of
from loopline.declaration import Rate, parse_rate
from loopline.errors import Mistake
from loopline.ledger.state import State
from loopline.value.criteria import Kept, criteria
from loopline.value.realised import own_share, per_year, shown
from loopline.value.replayed import Change, ruled
from loopline.value.spec import ValueSpec
from loopline.value.whatif import Effect, repriced, require_read, what_if
from loopline.watch.decisions import Decisions
from loopline.watch.inquiry import Evidence, inquire
from loopline.workspace import Workspace

Source = Literal["served", "test"]
"""Whose decisions are looked at: those that were served, or those of the package's test part."""
SERVED: Source = "served"
TEST: Source = "test"


def change_of(prices: Mapping[str, str], *, threshold: float | None = None, capacity: str | None = None, volume: str | None = None) -> Change:
    """What is to be different.

    Raises
    ------
    Mistake
        When nothing is, or a rate is none.
    """
    if not prices and threshold is None and capacity is None and volume is None:
        raise Mistake("nothing is changed", remedy="say one or more of --price, --threshold, --capacity and --volume")
    many, come = rate_of(capacity, "--capacity"), rate_of(volume, "--volume")
    return Change(prices=prices, threshold=threshold, capacity=many, per_year=None if come is None else come.per_year)


def rate_of(text: str | None, where: str) -> Rate | None:
    """A rate that somebody says, such as ``50 per day``; None where nothing is said.

    Raises
    ------
    Mistake
        When it is none, or leaves nothing.
    """
    if text is None:
        return None
    try:
        rate = parse_rate(text)
    except ValueError as error:
        raise Mistake(str(error), where=where, remedy="write it as '50 per day'") from None
    if rate.amount <= 0:
        raise Mistake(f"{text!r} leaves nothing", where=where, remedy="say more than 0")
    return rate


def evidence(workspace: Workspace, state: State, charter: CharterSpec, change: Change) -> Evidence:
    """What is known of the package that decides.

    Raises
    ------
    Mistake
        When none does.
    """
    if state.champion is None:
        raise Mistake("no package decides yet", remedy="loopline run")
    asked = columns_of(charter.worth.model_copy(update=dict(change.prices))) if change.prices else frozenset()
    return inquire(workspace, state, state.champion, charter.worth, columns=asked, with_open=charter.outcome_seen == "when_acted")


def tried(known: Evidence, change: Change, charter: CharterSpec, value: ValueSpec, *, on: str | None = None) -> tuple[str, Effect]:
    """Which decisions were looked at, and what would be earned.

    Parameters
    ----------
    on
        The served ones where enough outcomes came, else those of the test part, where it is None.

    Raises
    ------
    Mistake
        When there are none, or the change fits neither task nor rows.
    """
    source, decisions = _chosen(known, on, value.outcomes_needed)
    change = _held_against(known, source, change, charter.worth)
    own = [window for window in known.windows if window["package"] == known.package.digest]
    effect = what_if(
        decisions,
        known.policy,
        charter.worth,
        # The volume less what is held out from the model.
        change if change.per_year is None else replace(change, per_year=change.per_year * own_share(known.windows)),
        per_year=per_year(known.windows, charter),
        shown=shown(own, charter) if source == SERVED else 1.0,
        sees_all=charter.outcome_seen == "always",
        confidence=value.confidence,
    )
    return source, effect


def kept_after(
    known: Evidence, source: str, change: Change, before: CharterSpec, after: CharterSpec, *, volume: float | None, sees_all: bool
) -> tuple[list[Kept], list[Kept]]:
    """The acceptance criteria on the decisions as they were, and as they would be at the prices after.

    Parameters
    ----------
    source
        Whose decisions are looked at.
    volume
        Decisions in a year after the change.
    """
    decisions = known.decisions if source == SERVED else known.reference
    assert decisions is not None
    new = Worth.of(after.worth, decisions.yardstick.task)
    anew, other = ruled(known.policy, new, change, decisions, volume, sees_all=sees_all), decisions
    if anew is not None:
        other = replace(decisions, judged=replace(decisions.judged, decision=anew.acts(decisions)), asked=np.zeros(len(decisions), dtype=bool))
    package = known.package.digest
    now = criteria(before.acceptance, decisions, (), package=package, sees_all=sees_all)
    return now, criteria(after.acceptance, other.at(new), (), package=package, sees_all=sees_all)


def _held_against(known: Evidence, source: str, change: Change, prices: WorthSpec) -> Change:
    """The change with the one decision for all that earns most at its prices: on the test part, which did not choose it, where served decisions are judged."""
    rows = known.reference if known.reference is not None and len(known.reference) else known.decisions if source == SERVED else None
    if not change.prices or rows is None:
        return change
    old = rows.yardstick.worth
    new = Worth.of(repriced(prices, old, change.prices), rows.yardstick.task)
    require_read(new, rows)
    best = rows.unaided(new)
    # Where the prices do not turn it, the number or the class stands that the package learned on more rows.
    stays = rows.yardstick.task != "binary" and best == rows.unaided(old)
    return change if stays else replace(change, without_model=best)


def _chosen(known: Evidence, on: str | None, needed: int) -> tuple[str, Decisions]:
    """Which decisions are looked at: the served ones where enough outcomes came, else the test part."""
    count = 0 if known.decisions is None else len(known.decisions)
    source = on or (SERVED if count >= needed else TEST)
    decisions = known.decisions if source == SERVED else known.reference
    if decisions is None or len(decisions) < 2:
        lack = f"{count} outcomes of served decisions are known" if source == SERVED else "the package came without a test part"
        raise Mistake(lack, where="--on", remedy="tell outcomes, or look at the other: --on served, --on test")
    return source, decisions


def told(known: Evidence, source: str, effect: Effect, asked: Mapping[str, Any], *, confidence: float) -> dict[str, Any]:
    """The effect as plain values, with whose decisions tell it."""
    package = {"package": known.package.digest, "on": source, "currency": known.currency, "confidence": confidence}
    return {**package, "change": dict(asked), **effect.as_json()}
