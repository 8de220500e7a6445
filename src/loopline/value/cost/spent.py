"""Money and resources that were spent by month and stage, against the budgets, and the dearest steps: as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from heapq import nlargest
from itertools import takewhile
from pathlib import Path
from typing import Any

from loopline.charter.budget import Bound, Budget, build_bound, month_of, run_bound
from loopline.charter.spec import CharterSpec
from loopline.ledger.spend import LASTING, USAGE, End, Span, Spend, serving, total
from loopline.ledger.state import State
from loopline.ledger.store import Ledger

_STAGES = ("charter", "data", "model", "release", "serve", "watch", "value")
_DEAREST = 5


def spent(
    charter: CharterSpec, folder: Path, state: State, ledger: Ledger, *, at: datetime, month: str | None = None, since: datetime | None = None
) -> dict[str, Any]:
    """What was spent.

    Parameters
    ----------
    folder
        Where the price book lies.
    month
        Only this one, such as ``2026-11``; None for all.
    since
        The beginning of the first month that is told; None for all of them.
    """
    usage = ledger.read(kinds=(USAGE,), after=ledger.place(at - LASTING, is_before=True))
    budget, spans = Budget(charter, folder), state.spans
    binding = budget.binding(state, at)
    rows = _by_month_and_stage(spans, month, "" if since is None else month_of(since))
    bounds = _bounds(charter, spans, month or month_of(at), at, decides=state.decides is not None)
    return {
        "month": month,
        "currency": charter.worth.currency,
        "per_hour": budget.per_hour,
        "budgets": [_bound(bound, binding) for bound in bounds],
        "spent": [{"month": one, "stage": stage, **asdict(spend)} for (one, stage), spend in rows.items()],
        "total": asdict(total(rows.values())),
        "dearest": _dearest(_lately(state.ended, month, since), charter.worth.currency),
        "serving": [{"server": entry.body["server"], "reported": entry.time.isoformat()} for entry in serving(usage, at)],
    }


def _bounds(charter: CharterSpec, spans: Mapping[Span, Spend], month: str, at: datetime, *, decides: bool) -> list[Bound]:
    bounds = (build_bound(charter, spans), decides), (run_bound(charter, spans, month), month < month_of(at))
    return [replace(bound, is_over=is_over) for bound, is_over in bounds if bound is not None]


def _bound(bound: Bound, binding: Bound | None) -> dict[str, Any]:
    return {**asdict(bound), "is_spent": bound.is_spent, "binds": binding is not None and binding.key == bound.key, "says": bound.says}


def _by_month_and_stage(spans: Mapping[Span, Spend], month: str | None, first: str) -> dict[tuple[str, str], Spend]:
    found: dict[tuple[str, str], Spend] = {}
    for span, spend in sorted(spans.items(), key=lambda one: (one[0].month, _STAGES.index(one[0].stage))):
        if month in (None, span.month) and span.month >= first:
            found[span.month, span.stage] = found.get((span.month, span.stage), Spend()) + spend
    return found


def _lately(ended: Sequence[End], month: str | None, since: datetime | None) -> Iterable[End]:
    """The steps that ended in a month, or since a moment; they stand in the order of time."""
    if month is not None:
        return (end for end in ended if month_of(end.time) == month)
    return ended if since is None else takewhile(lambda end: end.time >= since, reversed(ended))


def _dearest(ended: Iterable[End], currency: str) -> list[dict[str, Any]]:
    """The steps that cost most; where nothing has a price, those that took longest."""
    dearest = nlargest(_DEAREST, ended, key=lambda end: (end.money.get(currency, 0.0), end.wall_s))
    return [
        {
            "entry": end.id,
            "time": end.time.isoformat(),
            **{name: getattr(end, name) for name in ("stage", "name", "state", "wall_s", "cpu_s", "peak_bytes", "money")},
        }
        for end in dearest
    ]
