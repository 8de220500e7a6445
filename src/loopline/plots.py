"""Pictures over a quantity in the charts' theme: curves with bands and marked points, and named points with their intervals.

Curves are told apart by their dashes as well as by their colour, so that they read in black and white.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from loopline.charts import ALARM, BAND, BLUE, DESK, GREEN, HALF, INK, MUTED, NARROW, PAPER, RUST, SLATE, WIDE, Bar, Spec, chart, legend, words
from loopline.declaration import figure

_COLOURS = (BLUE, SLATE, GREEN, RUST, INK)
_DASHES = ((1, 0), (2, 3), (8, 4), (10, 3, 2, 3), (3, 6))
_ROOM_PX = 76
_LINE_PX = 14
_LETTER_PX = 8
_SIDES_PX = 110
_LETTERS = {WIDE: 34, HALF: 26, NARROW: 18}
"""How many letters of a name stand on a line, by the width of the picture."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A named series of points over a quantity; `low` and `high` are its band, where they are given.

    Parameters
    ----------
    dots
        Whether its points are drawn, and no line: the note says what they are, for the legend tells lines apart.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    dots: bool = False


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A point that a reader must see, with its name written beside it, and the interval it lies in."""

    name: str
    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Axis:
    """What an axis shows: its title with the unit, and how its numbers are written (d3-format, such as ``.0%``)."""

    title: str
    format: str = ""
    zero: bool = False
    log: bool = False
    domain: tuple[float, float] | None = None
    ticks: tuple[float, ...] = ()


def curves(
    series: Sequence[Curve],
    *,
    title: str,
    x: Axis,
    y: Axis,
    marks: Sequence[Mark] = (),
    levels: Mapping[str, float] | None = None,
    note: str = "",
    width: int = WIDE,
    height: int = 300,
) -> Spec:
    """Curves over a quantity, the first with its band, against level lines and with marked points.

    Parameters
    ----------
    series
        At most five together with the levels.
    levels
        From a name to a height that is the same everywhere.
    """
    levels = levels or {}
    labels = [words(name) for name in (*(curve.name for curve in series if not curve.dots), *levels)]
    rows = [row for curve in series for row in _points(curve)]
    rows += [{"series": words(name), "y": level, "kind": "level"} for name, level in levels.items()]
    rows += [{"name": words(mark.name), "x": mark.x, "y": mark.y, "low": mark.low, "high": mark.high, "kind": "mark"} for mark in marks]
    across, up = _axis("x", x, grid=False), _axis("y", y, grid=True)
    drawn: Spec = {
        "color": {"field": "series", "type": "nominal", "scale": {"domain": labels, "range": list(_COLOURS[: len(labels)])}, "legend": legend(labels, width)},
        "strokeDash": {"field": "series", "type": "nominal", "scale": {"domain": labels, "range": [list(dash) for dash in _DASHES[: len(labels)]]}},
    }
    layers: list[Spec] = [
        _layer("band", {"type": "area", "color": BAND}, {"x": across, "y": {**up, "field": "low"}, "y2": {"field": "high"}}),
        _layer("level", {"type": "rule", "strokeWidth": 2}, {"y": up, **drawn}),
        # In the order of the rows: a curve may go back.
        _layer("line", {"type": "line"}, {"x": across, "y": up, "order": {"field": "place", "type": "quantitative"}, **drawn}),
        _layer("whisker", {"type": "rule", "color": INK, "strokeWidth": 1.5}, {"x": across, "y": {**up, "field": "low"}, "y2": {"field": "high"}}),
        _layer("dot", {"type": "point", "filled": True, "size": 55, "opacity": 1, "color": INK}, {"x": across, "y": up}),
    ]
    layers += _marks(marks, across, up, x.domain or _span(series), width) if marks else []
    return chart(title, note, rows, layers, width=width, height=height)


def dots(values: Sequence[Bar], *, title: str, unit: str, note: str = "", reference: tuple[str, float] | None = None, width: int = WIDE) -> Spec:
    """Named points in the order given, each with its interval as a whisker, about an upright line that they are held against.

    Parameters
    ----------
    values
        A marked one is drawn as a rust-coloured diamond.
    reference
        What the upright line stands for, told in the note, and where it stands.
    """
    if reference is not None:
        said = f"The upright line is {reference[0]}."
        note = f"{note}  {said}" if note else said
    rows = [
        {"name": _broken(bar.name, width), "value": bar.value, "low": bar.low, "high": bar.high, "marked": bar.marked, "figure": _figure(bar)} for bar in values
    ]
    ends = [end for bar in values for end in (bar.value, bar.low, bar.high) if end is not None]
    y: Spec = {"field": "name", "type": "nominal", "sort": None, "axis": {"title": None, "ticks": False, "grid": True, **_names(width)}}
    x: Spec = {
        "field": "value",
        "type": "quantitative",
        "axis": {"title": words(unit), "tickCount": 5 if width > DESK else 3, "labelFlush": False, **_short(ends)},
        "scale": {"nice": True, "zero": reference is not None and reference[1] == 0},
    }
    known = [{"filter": "datum.low !== null && datum.high !== null"}]
    cap: Spec = {"type": "tick", "color": INK, "thickness": 1.5, "height": 9, "opacity": 1}
    colour = {"condition": {"test": "datum.marked", "value": ALARM}, "value": BLUE}
    shape = {"condition": {"test": "datum.marked", "value": "diamond"}, "value": "circle"}
    layers: list[Spec] = []
    if reference is not None:
        rule: Spec = {"type": "rule", "color": MUTED, "strokeWidth": 1.5, "strokeDash": [5, 4]}
        layers.append({"data": {"values": [{"value": reference[1]}]}, "mark": rule, "encoding": {"x": x}})
    layers += [
        {
            "transform": known,
            "mark": {"type": "rule", "color": INK, "strokeWidth": 1.5},
            "encoding": {"y": y, "x": {**x, "field": "low"}, "x2": {"field": "high"}},
        },
        *({"transform": known, "mark": cap, "encoding": {"y": y, "x": {**x, "field": end}}} for end in ("low", "high")),
        {"mark": {"type": "point", "filled": True, "size": 110, "opacity": 1}, "encoding": {"y": y, "x": x, "color": colour, "shape": shape}},
        {
            "mark": {"type": "text", "align": "left", "dx": 8, "color": INK, "fontSize": 12},
            "encoding": {"y": y, "x": {"value": "width"}, "text": {"field": "figure", "type": "nominal"}},
        },
    ]
    # The figures stand right of the plot, where the fitting of the width does not look.
    padding = {"left": 44 if width > DESK else 30, "right": _ROOM_PX, "top": 8, "bottom": 8}
    return chart(title, note, rows, layers, width=width, height={"step": _step(rows)}, padding=padding)


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How far a quantity moves when one thing moves between its two ends; the texts say what these are."""

    name: str
    at_low: float
    at_high: float
    low: str
    high: str


def reaches(values: Sequence[Reach], *, title: str, unit: str, middle: float, note: str = "", zero: str = "", width: int = WIDE) -> Spec:
    """Lying bars from a common middle to where each end moves the quantity, the widest at the top: a tornado.

    Parameters
    ----------
    middle
        The quantity when nothing moves.
    zero
        What an upright line at nothing stands for; none where it is empty.
    """
    said = "Dark bars: the lower end of the range; light bars: the upper end."
    note = " ".join(part for part in (note, said, f"The dashed line is {zero}." if zero else "") if part)
    rows = [
        {"name": _broken(one.name, width), "start": middle, "value": value, "end": kind, "says": words(text, most=16), "right": value >= middle}
        for one in values
        for kind, value, text in (("low", one.at_low, one.low), ("high", one.at_high, one.high))
    ]
    y: Spec = {"field": "name", "type": "nominal", "sort": None, "axis": {"title": None, "ticks": False, **_names(width)}}
    x: Spec = {
        "field": "value",
        "type": "quantitative",
        "axis": {
            "title": words(unit),
            "grid": True,
            "tickCount": 5 if width > DESK else 3,
            "labelFlush": False,
            **_short([end for one in values for end in (one.at_low, one.at_high)]),
        },
        "scale": {"nice": True, "zero": bool(zero), "padding": 84 if width > DESK else 56},
    }
    colour = {"field": "end", "type": "nominal", "scale": {"domain": ["low", "high"], "range": [BLUE, BAND]}, "legend": None}
    text: Spec = {"type": "text", "color": INK, "fontSize": 11}
    layers: list[Spec] = [
        {"mark": {"type": "bar", "height": {"band": 0.6}}, "encoding": {"y": y, "x": x, "x2": {"field": "start"}, "color": colour}},
        {"data": {"values": [{"value": middle}]}, "mark": {"type": "rule", "color": INK, "strokeWidth": 1.5}, "encoding": {"x": x}},
    ]
    for is_right, align, away in ((True, "left", 5), (False, "right", -5)):
        layers.append(
            {
                "transform": [{"filter": f"datum.right === {str(is_right).lower()}"}],
                "mark": {**text, "align": align, "dx": away},
                "encoding": {"y": y, "x": x, "text": {"field": "says", "type": "nominal"}},
            }
        )
    if zero:
        dashed: Spec = {"type": "rule", "color": ALARM, "strokeWidth": 1.5, "strokeDash": [5, 4]}
        layers.append({"data": {"values": [{"value": 0.0}]}, "mark": dashed, "encoding": {"x": x}})
    return chart(title, note, rows, layers, width=width, height={"step": 6 + _step(rows)})


def _short(values: Sequence[float]) -> Spec:
    """How an axis writes its numbers: thousands short, where there are any."""
    return {"format": "~s"} if max(map(abs, values), default=0.0) >= 10_000 else {}


def _broken(name: str, width: int) -> str:
    """A long name on several lines; one of two parts has a line for each, where they fit."""
    most, said = _LETTERS[_size(width)], words(name, most=90)
    parts = re.split("[,:] ", said)
    if len(said) > most and len(parts) == 2 and max(map(len, parts)) <= most:
        return "\n".join(parts)
    return "\n".join(wrap(said, most)) or " "


def _names(width: int) -> Spec:
    """How an axis writes names that are `_broken`: whole, and so short that letters a fifth wider than the renderer's are not cut at the edge."""
    return {
        "labelLimit": 8 * _LETTERS[_size(width)],
        "labelFontSize": 11,
        "labelPadding": 8,
        "labelLineHeight": _LINE_PX,
        "labelExpr": "split(datum.label, '\\n')",
    }


def _size(width: int) -> int:
    return WIDE if width > HALF else HALF if width > DESK else NARROW


def _step(rows: Sequence[Mapping[str, Any]]) -> int:
    """The height of a row of the plot: that of the name with the most lines."""
    return max(28, 8 + _LINE_PX * max((str(row["name"]).count("\n") + 1 for row in rows), default=1))


def _marks(marks: Sequence[Mark], across: Spec, up: Spec, span: tuple[float, float], width: int) -> list[Spec]:
    """Diamonds with their names above them, of two on a telephone the lower one's below, with an edge of paper that keeps them off the lines."""
    place = (sum(mark.x for mark in marks) / len(marks) - span[0]) / ((span[1] - span[0]) or 1.0)
    # Half of the longest name, as a share of the plot.
    half = max(len(mark.name) for mark in marks) * _LETTER_PX / 2 / (width - _SIDES_PX)
    side = "left" if place < half else "right" if place > 1 - half else "center"
    below = min(marks, key=lambda mark: mark.y).name if len(marks) == 2 and width <= DESK else None
    layers = [_layer("mark", {"type": "point", "filled": True, "shape": "diamond", "size": 130, "color": RUST, "opacity": 1}, {"x": across, "y": up})]
    encoding = {"x": across, "y": up, "text": {"field": "name", "type": "nominal"}}
    for away, sign in ((-22, "!=="), (24, "===")) if below is not None else ((-22, ""),):
        said: Spec = {"type": "text", "align": side, "dy": away, "fontSize": 12, "fontWeight": 600}
        chosen = [{"filter": f"datum.name {sign} {json.dumps(words(below))}"}] if sign else []
        for colour in ({"color": PAPER, "stroke": PAPER, "strokeWidth": 4}, {"color": INK}):
            one = _layer("mark", {**said, **colour}, encoding)
            layers.append({**one, "transform": [*one["transform"], *chosen]})
    return layers


def _figure(bar: Bar) -> str:
    return "not known" if bar.value is None else figure(bar.value)


def _points(curve: Curve) -> list[dict[str, Any]]:
    kind = {"series": words(curve.name)}
    rows: list[dict[str, Any]] = []
    for place, (x, y) in enumerate(zip(curve.x, curve.y, strict=True)):
        rows.append({**kind, "x": x, "y": y, "place": place, "kind": "dot" if curve.dots else "line"})
    spread = "whisker" if curve.dots else "band"
    rows += [{"x": x, "low": low, "high": high, "kind": spread} for x, low, high in zip(curve.x, curve.low, curve.high, strict=False)]
    return rows


def _span(series: Sequence[Curve]) -> tuple[float, float]:
    numbers = [x for curve in series for x in curve.x]
    return (min(numbers), max(numbers)) if numbers else (0.0, 0.0)


def _axis(field: str, axis: Axis, *, grid: bool) -> Spec:
    scale: Spec = {"zero": axis.zero, "nice": axis.domain is None}
    if axis.log:
        scale = {"type": "log", "nice": False}
    if axis.domain is not None:
        scale["domain"] = list(axis.domain)
    said: Spec = {"title": words(axis.title), "tickCount": 6, "grid": grid, "labelFlush": False}
    said |= {"format": axis.format} if axis.format else {}
    said |= {"values": list(axis.ticks), "labelOverlap": "greedy", "labelSeparation": 8} if axis.ticks else {}
    return {"field": field, "type": "quantitative", "scale": scale, "axis": said}


def _layer(kind: str, mark: Spec, encoding: Spec) -> Spec:
    return {"transform": [{"filter": f"datum.kind === '{kind}'"}], "mark": mark, "encoding": encoding}
