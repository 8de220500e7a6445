"""Pictures of what a project costs, from its view: a month in each place as the load grows, and what it is made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from loopline import charts
from loopline.charter.cost import OWNED, RENTED
from loopline.charts import BLUE, INK, MUTED, RUST, WIDE, Bar, Spec

_FEW = 3
_SHORT = {OWNED: "own", RENTED: "cloud"}
View = Mapping[str, Any]
"""What `loopline.value.cost.view.view_of` tells."""


def by_load(view: View, *, width: int = WIDE) -> Spec:
    """A month's money in each place by the decisions of a day, from a tenth of the present load to a thousand times.

    Where the cheaper place changes further out, it goes on to there. The load goes by powers of ten, and the money where it differs by more than one.
    """
    loads, bills = view["curve"]["load"], view["curve"]["bills"]
    # A bill of nothing has no place on an axis of powers of ten.
    rows = [
        {"place": place, "at": _at(view, load), "money": money}
        for place, amounts in bills.items()
        for load, money in zip(loads, amounts, strict=True)
        if money is not None and money > 0
    ]
    places = [place for place in bills if any(row["place"] == place for row in rows)]
    x = _powers("at", "decisions a day" if view["use"]["decisions"] else "times the load now", rows)
    y = _money(charts.words(f"{view['currency']} a month"), rows)
    drawn: Spec = {
        "color": {"field": "place", "type": "nominal", "scale": {"domain": places, "range": [BLUE if place == OWNED else RUST for place in places]}},
        "strokeDash": {"field": "place", "type": "nominal", "scale": {"domain": places, "range": [[1, 0] if place == OWNED else [8, 4] for place in places]}},
    }
    layers: list[Spec] = [{"mark": {"type": "line"}, "encoding": {"x": x, "y": y, **drawn}}]
    load = view["now"]["load"]
    if load > 0:
        layers.append(_upright(_at(view, load), INK, "now" if load == 1 else f"{load:g} times now", x, rows))
    if view["break_even"] and loads[0] <= view["break_even"][0]["load"] <= loads[-1]:
        first = view["break_even"][0]
        layers.append(_upright(_at(view, first["load"]), MUTED, f"{first['cheaper']} from here", x, rows))
    return charts.chart("What a month costs as the load grows", view["break_even_says"], rows, layers, width=width, height=260)


def by_item(view: View, *, width: int = WIDE) -> Spec:
    """A month's money at the load that was asked for, item by item, place by place."""
    bars = [
        Bar(name=f"{item['name']} ({_SHORT[place]})", value=item["per_month"])
        for place, bill in view["now"]["bills"].items()
        for item in sorted(bill["items"], key=lambda one: -one["per_month"])
    ]
    load = view["now"]["load"]
    places = " and ".join(f"{place} ({_SHORT[place]})" for place in view["now"]["bills"])
    note = f"{'At the load now' if load == 1 else f'At {load:g} times the load now'}, {places}."
    return charts.bars(bars, title="What a month is made of", unit=f"{view['currency']} a month", note=note, width=width)


def _at(view: View, load: float) -> float:
    """A load as decisions a day; as it is where nobody knows how many come."""
    return (view["use"]["decisions"] or 365.25 / 12) * load * 12 / 365.25


def _money(title: str, rows: Sequence[Mapping[str, Any]]) -> Spec:
    """An axis of money: from nought where all bills are alike, by powers of ten where they are not."""
    amounts = [row["money"] for row in rows]
    if max(amounts, default=1.0) > 10 * min(amounts, default=1.0):
        return _powers("money", title, rows)
    return {"field": "money", "type": "quantitative", "scale": {"zero": True}, "axis": {"title": title, "tickCount": 5, "grid": True}}


def _powers(field: str, title: str, rows: Sequence[Mapping[str, Any]]) -> Spec:
    """An axis by powers of ten, with steps between them where they are few."""
    least, most = min((row[field] for row in rows), default=1.0), max((row[field] for row in rows), default=1.0)
    reach = range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)
    values = [10.0**power for power in reach if least <= 10.0**power <= most]
    if len(values) < _FEW:
        values = [digit * 10.0**power for power in reach for digit in (1, 2, 5) if least <= digit * 10.0**power <= most]
    return {"field": field, "type": "quantitative", "scale": {"type": "log"}, "axis": {"title": title, "values": values, "format": ",~f"}}


def _upright(at: float, colour: str, says: str, x: Spec, rows: Sequence[Mapping[str, Any]]) -> Spec:
    """An upright line at a load, with a word beside it, where the picture has room for it."""
    ends = [row["at"] for row in rows] or [at]
    is_right = at * at > min(ends) * max(ends)
    side = {"align": "right", "dx": -4} if is_right else {"align": "left", "dx": 4}
    where: Spec = {"x": {**x, "field": "here"}}
    return {
        "data": {"values": [{"here": at, "says": charts.words(says)}]},
        "layer": [
            {"mark": {"type": "rule", "color": colour, "strokeDash": [3, 3]}, "encoding": where},
            {"mark": {"type": "text", **side, "y": 8, "color": colour, "fontSize": 11}, "encoding": {**where, "text": {"field": "says"}}},
        ],
    }
