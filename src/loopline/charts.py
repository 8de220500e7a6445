"""Plain values -> Vega-Lite specs in one calm theme, and specs -> SVG or PNG.

Every text and every colour passes the contrast of WCAG 2 AA on the theme's background, and no series is told by its colour alone.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from textwrap import wrap
from typing import Any

import vl_convert

from loopline.declaration import figure

Spec = dict[str, Any]

WIDE, HALF, NARROW = 780, 540, 330
"""Widths of a chart in pixels: for a desk, for half of one, and for a telephone of 380."""
DESK = 500
"""A broader chart is for a desk."""
_SIDES = 48
"""Pixels left and right of the plot in which no heading stands."""
_SHORT = 12

INK, MUTED, RULE, PAPER = "#1f2933", "#52606d", "#d9dee4", "#ffffff"
BLUE, BAND, RUST, SLATE, GREEN = "#1d5fa3", "#b9d2ee", "#b0400c", "#5b6b7b", "#23704a"
BAR, ALARM = "#4a86c8", "#c9541a"
HEAT = ("#e8f0f9", "#b9cfe7", "#88abd2", "#5181b8", "#1d4f8a")
"""From nothing to much; on a dark page much is bright, as on a light one it is dark."""
DARK = {
    INK: "#e8ecf1",
    MUTED: "#aeb8c4",
    RULE: "#3a444f",
    PAPER: "#1b2129",
    BLUE: "#7db4ee",
    BAND: "#2c4a6b",
    RUST: "#f08a58",
    SLATE: "#a3b0be",
    GREEN: "#6cc795",
    **dict(zip(HEAT, ("#212b37", "#2d4660", "#3f6b98", "#5f97d0", "#a5cef8"), strict=True)),
}
"""The theme's colours on a dark background."""

_LABEL_MAX = 60
_ID = re.compile(r'(?<=\sid=")[^"]+')
_FONT = "Helvetica, Arial, Liberation Sans, sans-serif"
_CONFIG: Spec = {
    "background": PAPER,
    # A browser's letters may be a fifth wider than those that the renderer measured; labels take up to 170.
    "padding": {"left": 36, "right": 12, "top": 8, "bottom": 8},
    "font": _FONT,
    "view": {"stroke": None},
    "title": {
        "anchor": "start",
        "color": INK,
        "fontSize": 14,
        "fontWeight": 600,
        "offset": 12,
        "subtitleColor": MUTED,
        "subtitleFontSize": 12,
        "subtitlePadding": 4,
    },
    "axis": {
        "labelColor": MUTED,
        "labelFontSize": 12,
        "titleColor": MUTED,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "gridColor": RULE,
        "domain": False,
        "tickColor": RULE,
        "labelLimit": 150,
        "titlePadding": 8,
    },
    "axisX": {"grid": False, "domain": True, "domainColor": SLATE, "labelFlush": True},
    "legend": {
        "orient": "top",
        "direction": "horizontal",
        "title": None,
        "labelColor": INK,
        "labelFontSize": 12,
        "labelLimit": 260,
        "symbolType": "stroke",
        "symbolStrokeWidth": 2.5,
        "symbolSize": 500,
        # A reader's font may be broader than the one that was measured.
        "columnPadding": 28,
    },
    "line": {"strokeWidth": 2},
}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A value at a time, with the interval it lies in; None where it is not known.

    Parameters
    ----------
    marked
        Whether a reader must look here: it is drawn as a rust-coloured diamond.
    """

    at: datetime
    value: float | None
    low: float | None = None
    high: float | None = None
    marked: bool = False


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A named quantity, with the interval it lies in and a limit that it is held against."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    limit: float | None = None
    marked: bool = False


def words(text: object, *, most: int = _LABEL_MAX) -> str:
    """A label that any XML reader takes: no control characters, no lone surrogates, cut to a length.

    Letters beyond the first plane become a mark: the renderer cuts a long label between the two halves of one, and fails.
    """
    clean = "".join((letter if letter <= "\uffff" else "\ufffd") if letter.isprintable() else " " for letter in str(text))
    clean = clean.encode("utf-8", "replace").decode("utf-8")
    if clean == "if":
        # Alone, the renderer takes it for the beginning of a condition.
        return "if\u00a0"
    return clean if len(clean) <= most else f"{clean[: most - 1]}…"


def _when(moment: datetime) -> str:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat()


def chart(title: str, note: str, values: Sequence[Mapping[str, Any]], layers: Sequence[Spec], *, width: int, height: int | Spec, **more: Any) -> Spec:
    """A chart of layers over rows of values in the theme, with its finding as the title and how to read it as the note."""
    heading: Spec = {"text": wrap(words(title, most=200), (width - _SIDES) // 9)}
    if note:
        heading["subtitle"] = wrap(words(note, most=300), (width - _SIDES) // 7)
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "description": words(f"{title}. {note}" if note else title, most=500),
        "title": heading,
        "width": width,
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": [dict(row) for row in values]},
        "layer": list(layers),
        "config": _CONFIG,
        **more,
    }


def legend(labels: Sequence[str], width: int) -> Spec:
    """The legend of series: one line on a desk, two beside each other where they need more room, and on a telephone one where their names are long."""
    if width > DESK:
        return {"columns": len(labels) if sum(9 * len(label) + 62 for label in labels) <= width - _SIDES or width > HALF else 2}
    return {"columns": 2 if all(len(label) <= _SHORT for label in labels) else 1}


def _time_axis(times: Sequence[str], width: int) -> Spec:
    """The axis of time in UTC; few readings are labelled each, many at round times."""
    whole_days = all(time[11:19] == "00:00:00" for time in times)
    few = len(times) <= (6 if width > DESK else 3)
    axis: Spec = {"title": None, "labelOverlap": "greedy", "labelSeparation": 24, "format": "%-d %b %Y" if whole_days else "%-d %b, %H:%M"}
    axis |= {"values": list(times)} if few else {"tickCount": 8 if width > DESK else 4}
    return {"field": "at", "type": "temporal", "scale": {"type": "utc"}, "axis": axis}


def _value_axis(unit: str, *, zero: bool) -> Spec:
    return {
        "field": "value",
        "type": "quantitative",
        "scale": {"zero": zero, "nice": True},
        "axis": {"title": words(unit), "tickCount": 5, "labelFlush": False},
    }


def over_time(
    readings: Sequence[Reading],
    *,
    title: str,
    unit: str,
    name: str = "value",
    lines: Mapping[str, float | None] | None = None,
    others: Mapping[str, Sequence[Reading]] | None = None,
    note: str = "",
    zero: bool = False,
    width: int = WIDE,
    height: int = 240,
) -> Spec:
    """A series over time with the band of its interval, against level lines (a target) and other series (a baseline).

    Parameters
    ----------
    name
        What the series is called in the legend.
    lines
        From a name to a level, the same at all times; a None is left out.
    others
        From a name to a series that is drawn thin, without a band.
    zero
        Whether the value's axis must show nought.
    """
    lines = {label: level for label, level in (lines or {}).items() if level is not None}
    series = {name: readings, **(others or {})}
    rows = [
        {"series": words(label), "at": _when(reading.at), "value": reading.value, "low": reading.low, "high": reading.high, "marked": reading.marked}
        for label, part in series.items()
        for reading in part
    ]
    x, y = _time_axis(sorted({str(row["at"]) for row in rows}), width), _value_axis(unit, zero=zero)
    rows += [{"series": words(label), "value": level, "level": True} for label, level in lines.items()]
    labels = [words(label) for label in (*series, *lines)]
    scale = {"domain": labels, "range": [BLUE, SLATE, GREEN, RUST, INK][: len(labels)]}
    dashes = {"domain": labels, "range": [[1, 0], [2, 3], [8, 4], [10, 3, 2, 3], [3, 6]][: len(labels)]}
    first = f"datum.series === {json.dumps(labels[0])}"
    drawn = {
        "color": {"field": "series", "type": "nominal", "scale": scale, "legend": legend(labels, width)},
        "strokeDash": {"field": "series", "type": "nominal", "scale": dashes},
    }
    layers: list[Spec] = [
        {
            "transform": [{"filter": f"{first} && datum.low !== null && datum.high !== null"}],
            "mark": {"type": "area", "color": BAND} if len(readings) > 1 else {"type": "rule", "color": BAND, "strokeWidth": 14},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {"transform": [{"filter": "datum.level"}], "mark": {"type": "rule", "strokeWidth": 2}, "encoding": {"y": y, **drawn}},
        {"transform": [{"filter": "!datum.level"}], "mark": {"type": "line"}, "encoding": {"x": x, "y": y, **drawn}},
    ]
    if len(readings) <= 45:
        layers.append(
            {"transform": [{"filter": first}], "mark": {"type": "point", "filled": True, "size": 36, "color": BLUE, "opacity": 1}, "encoding": {"x": x, "y": y}}
        )
    marked = {"type": "point", "filled": True, "shape": "diamond", "size": 110, "color": RUST, "opacity": 1}
    layers.append({"transform": [{"filter": f"{first} && datum.marked"}], "mark": marked, "encoding": {"x": x, "y": y}})
    return chart(title, note, rows, layers, width=width, height=height)


def bars(values: Sequence[Bar], *, title: str, unit: str, note: str = "", limit: str = "limit", width: int = WIDE) -> Spec:
    """Lying bars in the order given, each with its interval as a whisker and its limit as an upright tick.

    Parameters
    ----------
    limit
        What the tick stands for; told in the note where a bar has one.
    """
    if any(bar.limit is not None for bar in values):
        note = f"{note}  The upright tick is the {limit}." if note else f"The upright tick is the {limit}."
    rows = [
        {
            "name": words(bar.name) if width > DESK else "\n".join(wrap(words(bar.name), 16) or [""]),
            "value": bar.value,
            "low": bar.low,
            "high": bar.high,
            "limit": bar.limit,
            "marked": bar.marked,
            "figure": "not known" if bar.value is None else figure(bar.value),
        }
        for bar in values
    ]
    y: Spec = {"field": "name", "type": "nominal", "sort": None, "axis": {"title": None, "ticks": False, **_named_bars(width)}}
    x: Spec = {
        "field": "value",
        "type": "quantitative",
        "axis": {"title": words(unit), "grid": True, "tickCount": 5 if width > DESK else 3, "labelFlush": False},
        "scale": {"nice": True},
    }
    colour = {"condition": {"test": "datum.marked", "value": ALARM}, "value": BAR}
    known = [{"filter": "datum.low !== null && datum.high !== null"}]
    cap: Spec = {"type": "tick", "color": INK, "thickness": 1.5, "height": 9, "opacity": 1}
    layers: list[Spec] = [
        {"mark": {"type": "bar", "height": {"band": 0.62}, "cornerRadiusEnd": 2}, "encoding": {"y": y, "x": x, "color": colour}},
        {
            "transform": known,
            "mark": {"type": "rule", "color": INK, "strokeWidth": 1.5},
            "encoding": {"y": y, "x": {**x, "field": "low"}, "x2": {"field": "high"}},
        },
        *({"transform": known, "mark": cap, "encoding": {"y": y, "x": {**x, "field": end}}} for end in ("low", "high")),
        {
            "transform": [{"filter": "datum.limit !== null"}],
            "mark": {"type": "tick", "color": INK, "thickness": 2.5, "height": {"band": 0.8}, "opacity": 1},
            "encoding": {"y": y, "x": {**x, "field": "limit"}},
        },
        {
            "mark": {"type": "text", "align": "left", "dx": 8, "color": INK, "fontSize": 12},
            "encoding": {"y": y, "x": {"value": "width"}, "text": {"field": "figure", "type": "nominal"}},
        },
    ]
    # The figures stand right of the plot, where the fitting of the width does not look.
    return chart(title, note, rows, layers, width=width, height={"step": 30}, padding={"left": 36 if width > DESK else 24, "right": 76, "top": 8, "bottom": 8})


def _named_bars(width: int) -> Spec:
    """The names of bars: in lines of their own where there is little room."""
    return {"labelLimit": 170} if width > DESK else {"labelLimit": 120, "labelExpr": "slice(split(datum.label, '\\n'), 0, 2)"}


def heat(rows: Sequence[tuple[str, datetime, float | None, bool]], *, title: str, unit: str, note: str = "", width: int = WIDE) -> Spec:
    """A map of values 0 to 1 by name and time; a cell that must be looked at has a dot.

    Parameters
    ----------
    rows
        Name, time, value and whether the cell is marked; the names keep the order in which they come.
    """
    names = list(dict.fromkeys(words(row[0]) for row in rows))
    stamps = sorted({_when(row[1])[:16].replace("T", " ") for row in rows})
    whole_days = all(stamp.endswith("00:00") for stamp in stamps)
    times = [stamp[:10] if whole_days else stamp for stamp in stamps]
    place = dict(zip(stamps, times, strict=True))
    values: list[Spec] = [
        {"name": words(name), "at": place[_when(at)[:16].replace("T", " ")], "value": value, "marked": marked} for name, at, value, marked in rows
    ]
    # Labels with an hour are broader than those of days.
    most = (6 if whole_days else 4) - 2 * (width <= HALF) if width > DESK else 2
    every = max(1, -(-len(times) // most))
    # A label begins at its cell: one near the end would be cut.
    shown = [time for index, time in enumerate(times) if index % every == 0 and (not index or len(times) - index > every // 2)]
    x = {
        "field": "at",
        "type": "ordinal",
        "sort": times,
        "axis": {"title": None, "values": shown, "labelAngle": 0, "labelAlign": "left", "labelFlush": False, "ticks": True, "labelOverlap": True},
    }
    y = {
        "field": "name",
        "type": "nominal",
        "sort": names,
        "axis": {"title": None, "ticks": False, "domain": False, "labelLimit": 170 if width > DESK else 110},
    }
    colour = {
        "field": "value",
        "type": "quantitative",
        "scale": {"type": "quantize", "domain": [0, 0.5], "range": list(HEAT)},
        "legend": {
            "title": words(unit),
            "orient": "bottom",
            "gradientLength": 180,
            "titleColor": MUTED,
            "titleFontWeight": "normal",
            "format": ".1f",
        },
    }
    dot: Spec = {"type": "point", "shape": "circle", "filled": True, "size": 34, "color": "#ffd7c2", "stroke": RUST, "strokeWidth": 1.5, "opacity": 1}
    layers: list[Spec] = [
        {"mark": {"type": "rect", "stroke": PAPER, "strokeWidth": 1 if len(times) <= 80 else 0}, "encoding": {"x": x, "y": y, "color": colour}},
        {"transform": [{"filter": "datum.marked"}], "mark": dot, "encoding": {"x": x, "y": y}},
    ]
    return chart(title, note, values, layers, width=width, height={"step": 24})


def svg(spec: Spec) -> str:
    """The chart as SVG text that stands by itself: no script, no link, every text escaped.

    Raises
    ------
    ValueError
        When the spec is not a Vega-Lite chart.
    """
    drawn: str = vl_convert.vegalite_to_svg(spec)
    # The renderer numbers its ids through the whole process; on a page of several charts, and from run to run, they must be each chart's own.
    prefix = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:8]
    for number, id in enumerate(dict.fromkeys(_ID.findall(drawn))):
        drawn = drawn.replace(f'id="{id}"', f'id="c{prefix}-{number}"').replace(f"url(#{id})", f"url(#c{prefix}-{number})")
    return drawn


def png(spec: Spec, *, scale: float = 2.0) -> bytes:
    """The chart as a PNG picture, `scale` pixels for each of the spec's.

    Raises
    ------
    ValueError
        When the spec is not a Vega-Lite chart.
    """
    drawn: bytes = vl_convert.vegalite_to_png(spec, scale=scale)
    return drawn


def dark_css(within: str) -> str:
    """Style rules that redraw the theme's colours for a dark page in every SVG inside the selector."""
    rules = []
    for light, dark in DARK.items():
        rules += [f'{within} svg [fill="{light}"]{{fill:{dark}}}', f'{within} svg [stroke="{light}"]{{stroke:{dark}}}']
    return "\n".join(rules)
