"""Pictures of what a project costs, from its view: a month in each place as the load grows, and what it is made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from loopline import charts
from loopline.charter.cost import OWNED
from loopline.charts import BLUE, INK, MUTED, RUST, WIDE, Bar, Spec

View = Mapping[str, Any]
"""What `loopline.value.cost.view.view_of` tells."""


def by_load(view: View, *, width: int = WIDE) -> Spec:
    """A month's money in each place by the decisions of a day, from a tenth of the present load to a thousand times; both axes by powers of ten."""
    loads, bills = view["curve"]["load"], view["curve"]["bills"]
    # A bill of nothing has no place on an axis of powers of ten.
    rows = [
        {"place": place, "at": _at(view, load), "money": money}
        for place, amounts in bills.items()
        for load, money in zip(loads, amounts, strict=True)
        if money is not None and money > 0
    ]
    places = [place for place in bills if any(row["place"] == place for row in rows)]
    x = _axis("at", "decisions a day" if view["use"]["decisions"] else "times the load now", rows)
    y = _axis("money", charts.words(f"{view['currency']} a month"), rows)
    drawn: Spec = {
        "color": {"field": "place", "type": "nominal", "scale": {"domain": places, "range": [BLUE if place == OWNED else RUST for place in places]}},
        "strokeDash": {"field": "place", "type": "nominal", "scale": {"domain": places, "range": [[1, 0] if place == OWNED else [8, 4] for place in places]}},
    }
    layers: list[Spec] = [{"mark": {"type": "line"}, "encoding": {"x": x, "y": y, **drawn}}]
    load = view["now"]["load"]
    if load > 0:
        layers.append(_upright(_at(view, load), INK, "now" if load == 1 else f"{load:g} times now", x))
    if view["break_even"] and loads[0] <= view["break_even"][0]["load"] <= loads[-1]:
        first = view["break_even"][0]
        layers.append(_upright(_at(view, first["load"]), MUTED, f"{first['cheaper']} from here", x))
    return charts.chart("What a month costs as the load grows", view["break_even_says"], rows, layers, width=width, height=260)


def by_item(view: View, *, width: int = WIDE) -> Spec:
    """A month's money at the load that was asked for, item by item, place by place."""
    bars = [
        Bar(name=f"{item['name']} ({place})", value=item["per_month"])
        for place, bill in view["now"]["bills"].items()
        for item in sorted(bill["items"], key=lambda one: -one["per_month"])
    ]
    note = f"At {view['now']['load']:g} times the load now."
    return charts.bars(bars, title="What a month is made of", unit=f"{view['currency']} a month", note=note, width=width)


def _at(view: View, load: float) -> float:
    """A load as decisions a day; as it is where nobody knows how many come."""
    return (view["use"]["decisions"] or 365.25 / 12) * load * 12 / 365.25


def _axis(field: str, title: str, rows: Sequence[Mapping[str, Any]]) -> Spec:
    """An axis by powers of ten."""
    powers = [math.log10(row[field]) for row in rows]
    values = [10.0**power for power in range(math.ceil(min(powers, default=0.0)), math.floor(max(powers, default=0.0)) + 1)]
    return {"field": field, "type": "quantitative", "scale": {"type": "log"}, "axis": {"title": title, "values": values, "format": ",~f"}}


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
