"""Pictures of what a project costs: a month in each place as the load grows, and what it is made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from loopline import charts
from loopline.charter.cost import OWNED, Cost, cost_of
from loopline.charts import BLUE, INK, MUTED, RUST, WIDE, Bar, Spec
from loopline.value.cost.costing import Costs, break_even_says, per_day

_POINTS_PER_DECADE = 24
_FROM, _DECADES = -1, 4
_ABOVE = 1.0001


def by_load(costs: Costs, *, width: int = WIDE) -> Spec:
    """A month's money in each place by the decisions of a day, from a tenth of the present load to a thousand times; both axes by powers of ten."""
    rows = [row for load in _loads(costs) for row in _points(costs, cost_of(costs.measured.use, costs.book, load))]
    places = sorted({str(row["place"]) for row in rows}, reverse=True)
    title = "decisions a day" if costs.measured.use.decisions else "times the load now"
    x, y = _axis("at", title, rows), _axis("money", charts.words(f"{costs.currency} a month"), rows)
    drawn: Spec = {
        "color": {"field": "place", "type": "nominal", "scale": {"domain": places, "range": [BLUE if place == OWNED else RUST for place in places]}},
        "strokeDash": {"field": "place", "type": "nominal", "scale": {"domain": places, "range": [[1, 0] if place == OWNED else [8, 4] for place in places]}},
    }
    layers: list[Spec] = [
        {"mark": {"type": "line"}, "encoding": {"x": x, "y": y, **drawn}},
        _upright(_at(costs, costs.now.load), INK, "now" if costs.now.load == 1 else f"{costs.now.load:g} times now", x),
    ]
    layers += [_upright(_at(costs, one.load), MUTED, f"{one.cheaper} from here", x) for one in costs.crossings[:1] if _inside(costs, one.load)]
    return charts.chart("What a month costs as the load grows", break_even_says(costs), rows, layers, width=width, height=260)


def _axis(field: str, title: str, rows: Sequence[Mapping[str, Any]]) -> Spec:
    """An axis by powers of ten."""
    powers = [math.log10(row[field]) for row in rows]
    values = [10.0**power for power in range(math.ceil(min(powers, default=0.0)), math.floor(max(powers, default=0.0)) + 1)]
    return {"field": field, "type": "quantitative", "scale": {"type": "log"}, "axis": {"title": title, "values": values, "format": ",~f"}}


def by_item(costs: Costs, *, width: int = WIDE) -> Spec:
    """A month's money at the load that was asked for, item by item, place by place."""
    bars = [
        Bar(name=f"{item.name} ({bill.place})", value=item.per_month)
        for bill in costs.now.bills.values()
        for item in sorted(bill.items, key=lambda one: -one.per_month)
    ]
    load = f"{costs.now.load:g} times the load now"
    return charts.bars(bars, title="What a month is made of", unit=f"{costs.currency} a month", note=f"At {load}.", width=width)


def _loads(costs: Costs) -> list[float]:
    """Evenly spread loads, and both sides of each load at which a machine is added to the cheaper place."""
    spread = [10.0 ** (_FROM + number / _POINTS_PER_DECADE) for number in range(_DECADES * _POINTS_PER_DECADE + 1)]
    turning = [load for one in costs.crossings if _inside(costs, one.load) for load in (one.load, one.load * _ABOVE)]
    return sorted({*spread, *turning[:20], costs.now.load or spread[0]})


def _inside(costs: Costs, load: float) -> bool:
    return 10.0**_FROM <= load <= max(10.0 ** (_FROM + _DECADES), costs.now.load)


def _points(costs: Costs, cost: Cost) -> list[dict[str, Any]]:
    # A bill of nothing has no place on an axis of powers of ten.
    return [{"place": place, "at": _at(costs, cost.load), "money": bill.per_month} for place, bill in cost.bills.items() if bill.per_month > 0]


def _at(costs: Costs, load: float) -> float:
    return per_day(costs, load) if costs.measured.use.decisions else load


def _upright(at: float, colour: str, says: str, x: Spec) -> Spec:
    """An upright line at a load, with a word beside it."""
    where: Spec = {"x": {**x, "field": "here"}}
    return {
        "data": {"values": [{"here": at, "says": charts.words(says)}]},
        "layer": [
            {"mark": {"type": "rule", "color": colour, "strokeDash": [3, 3]}, "encoding": where},
            {"mark": {"type": "text", "align": "left", "dx": 4, "y": 8, "color": colour, "fontSize": 11}, "encoding": {**where, "text": {"field": "says"}}},
        ],
    }
