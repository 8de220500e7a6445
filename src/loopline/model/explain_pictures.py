"""Pictures of what a model does with its columns, for the person who knows the subject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from loopline.charts import BAND, BLUE, INK, MUTED, RULE, RUST, SLATE, WIDE, Bar, Spec, bars, chart, dark_css, svg, words
from loopline.model.effects import Effect

_SHOWN = 20
_HEIGHT = 240
_STYLE = """
body{font:15px/1.5 Helvetica,Arial,sans-serif;margin:2rem auto;max-width:820px;padding:0 1rem;color:#1f2933;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2.2rem}p{color:#52606d}svg{max-width:100%;height:auto}
.refused{color:#b0400c;font-weight:600}
@media (prefers-color-scheme:dark){body{color:#e8ecf1;background:#1b2129}p{color:#aeb8c4}.refused{color:#f08a58}DARK}
"""


def importance_picture(said: Mapping[str, Any], *, money: bool = False, width: int = WIDE) -> Spec:
    """What shuffling each column costs, in the metric or in money, with its interval."""
    unit = f"{said['currency']} per decision" if money else f"more {said['loss'].replace('_', ' ')}"
    part = "money" if money else "loss"
    values = [Bar(name=one["column"], value=one[part]["mean"], low=one[part]["low"], high=one[part]["high"]) for one in said["importance"][:_SHOWN]]
    title = "What is earned less when a column is shuffled" if money else "What is lost when a column is shuffled"
    note = f"On {said['rows']:,} rows of the test part. The whisker is what the shuffles leave open; a column whose whisker reaches nought is hardly needed."
    return bars(values, title=title, unit=unit, note=note, width=width)


def summary_picture(said: Mapping[str, Any], *, width: int = WIDE) -> Spec:
    """How far each column's reasons reach: a dot is a row, its place the effect, its colour the rank of the value."""
    columns = said["summary"][:_SHOWN]
    names = [_named(one) for one in columns]
    rows = [
        {"name": name, "effect": move, "rank": rank, "lift": (number * 0.618034) % 1 - 0.5}
        for name, one in zip(names, columns, strict=True)
        for number, (rank, move) in enumerate(one["dots"])
    ]
    y: Spec = {"field": "name", "type": "nominal", "sort": names, "axis": {"title": None, "ticks": False, "labelLimit": 260, "grid": True}}
    x: Spec = {"field": "effect", "type": "quantitative", "axis": {"title": "effect on the score", "grid": False, "tickCount": 5}}
    colour: Spec = {
        "field": "rank",
        "type": "quantitative",
        "scale": {"domain": [0, 1], "range": [BLUE, BAND, RUST], "interpolate": "rgb"},
        "legend": {"title": "value", "orient": "bottom", "gradientLength": 160, "values": [0, 1], "labelExpr": "datum.value < 0.5 ? 'low' : 'high'"},
    }
    lift: Spec = {"field": "lift", "type": "quantitative", "scale": {"domain": [-1, 1]}}
    dots: Spec = {"mark": {"type": "circle", "size": 26, "opacity": 0.85}, "encoding": {"x": x, "y": y, "yOffset": lift, "color": colour}}
    nought: Spec = {"mark": {"type": "rule", "color": SLATE, "strokeWidth": 1}, "encoding": {"x": {"datum": 0, "type": "quantitative"}}}
    note = "Each dot is a row; right of nought the column raised its score. Grey dots have no rank: texts and missing values."
    missing = {
        **dots,
        "transform": [{"filter": "datum.rank === null"}],
        "mark": {**dots["mark"], "color": SLATE},
        "encoding": {"x": x, "y": y, "yOffset": lift},
    }
    known = {**dots, "transform": [{"filter": "datum.rank !== null"}]}
    return chart("How each column moved the score of single rows", note, rows, [nought, missing, known], width=width, height={"step": 26})


def effect_picture(effect: Effect, *, unit: str = "", held: str = "", width: int = WIDE) -> Spec:
    """The score over a column's values: the mean, the band of eight tenths of the rows, and beneath how many rows lie there.

    Parameters
    ----------
    held
        What the expert holds of the column, in words.
    """
    title = f"{effect.name}{f' ({unit})' if unit else ''}: {effect.says}"
    middle = "points are" if effect.kind == "text" else "line is"
    note = f"The {middle} the mean score, the band holds eight tenths of the rows; the grey bars say where the rows are."
    note = f"{held}. {note}" if held else note
    picture = _texts if effect.kind == "text" or effect.values == (None,) else _numbers
    rows, layers = picture(effect)
    return chart(title, note, rows, layers, width=width, height=_HEIGHT, resolve={"scale": {"y": "independent"}})


def pair_picture(pair: Mapping[str, Any], *, width: int = WIDE) -> Spec:
    """The mean score over the values of two columns together."""
    one, other = pair["columns"]
    across, up = ([_short(value) for value in part] for part in pair["values"])
    rows = [{"across": a, "up": u, "score": pair["mean"][i][j]} for i, a in enumerate(across) for j, u in enumerate(up)]
    axis: Spec = {"labelAngle": 0, "ticks": False}
    encoding: Spec = {
        "x": {"field": "across", "type": "ordinal", "sort": across, "axis": {**axis, "title": words(one)}},
        "y": {"field": "up", "type": "ordinal", "sort": up[::-1], "axis": {**axis, "title": words(other)}},
    }
    colour: Spec = {"field": "score", "type": "quantitative", "scale": {"range": ["#e8f0f9", "#1d4f8a"], "interpolate": "rgb"}, "legend": None}
    scores = [row["score"] for row in rows]
    middle = (min(scores) + max(scores)) / 2
    text: Spec = {
        "text": {"field": "score", "type": "quantitative", "format": ".3~g"},
        "color": {"condition": {"test": f"datum.score > {middle}", "value": "#ffffff"}, "value": INK},
    }
    layers: list[Spec] = [
        {"mark": {"type": "rect"}, "encoding": {**encoding, "color": colour}},
        {"mark": {"type": "text", "fontSize": 12}, "encoding": {**encoding, **text}},
    ]
    note = f"{pair['strength']:.0%} of the spread of the mean score over the two comes only from their being together."
    return chart(f"{one} and {other} together", note, rows, layers, width=width, height=_HEIGHT)


def pictures(said: Mapping[str, Any], *, width: int = WIDE) -> dict[str, Spec]:
    """The pictures of a package, the most telling first, by their headings."""
    made = {
        "In the metric": importance_picture(said, width=width),
        "In money": importance_picture(said, money=True, width=width),
        "Row by row": summary_picture(said, width=width),
    }
    return made if said["pair"] is None else {**made, "Two columns together": pair_picture(said["pair"], width=width)}


def page(title: str, parts: Sequence[tuple[str, str, Spec]], *, says: str = "") -> str:
    """Pictures as a page that needs nothing from elsewhere: for each a heading, a line that must be seen (or none) and the picture."""
    body = "".join(f"<h2>{escape(head)}</h2>{f'<p class=refused>{escape(marked)}</p>' if marked else ''}{svg(picture)}" for head, marked, picture in parts)
    style = _STYLE.replace("DARK", dark_css(""))
    said = f"<p>{escape(says)}</p>" if says else ""
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'><title>{escape(title)}</title>"
        f"<style>{style}</style><h1>{escape(title)}</h1>{said}{body}</html>\n"
    )


def _named(one: Mapping[str, Any]) -> str:
    """The column with the way it works, which no colour needs to tell."""
    direction = one["direction"]
    way = "" if direction is None or abs(direction) < 0.3 else ": high raises" if direction > 0 else ": high lowers"
    return words(f"{one['column']}{way}")


def _numbers(effect: Effect) -> tuple[list[Spec], list[Spec]]:
    """Rows and layers of an effect of numbers or dates; the mean where the value is missing is a dashed line."""
    values = [value for value in effect.values if value is not None]
    points = list(zip(values, effect.mean, effect.low, effect.high, effect.shares, strict=False))
    ends = _ends([float(value) for value in np.array(values, dtype="datetime64[s]").astype(np.int64)] if effect.kind == "date" else values)
    heights = [share / (after - before) for (*_, share), before, after in zip(points, ends, ends[1:], strict=False)]
    top = max(heights) or 1.0
    is_date = effect.kind == "date"
    edges: list[Any] = [f"{np.datetime64(int(end), 's')}Z" for end in ends] if is_date else ends
    rows: list[Spec] = [
        {
            "at": f"{np.datetime64(value, 's')}Z" if is_date else value,
            "from": edges[index],
            "to": edges[index + 1],
            "mean": mean,
            "low": low,
            "high": high,
            "density": heights[index] / top,
        }
        for index, (value, mean, low, high, _) in enumerate(points)
    ]
    scale: Spec = {"type": "utc", "nice": False} if is_date else {"zero": False, "nice": False}
    x: Spec = {"field": "at", "type": "temporal" if is_date else "quantitative", "scale": scale, "axis": {"title": words(effect.name), "tickCount": 8}}
    y = _score_axis("mean")
    layers: list[Spec] = [
        {
            "mark": {"type": "rect", "color": RULE, "opacity": 0.8},
            "encoding": {"x": {**x, "field": "from"}, "x2": {"field": "to"}, "y": _density_axis(), "y2": {"datum": 0}},
        },
        {
            "layer": [
                {"mark": {"type": "area", "color": BAND, "opacity": 0.6}, "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}},
                {"mark": {"type": "line", "color": BLUE, "strokeWidth": 2.5, "point": {"color": BLUE, "size": 30}}, "encoding": {"x": x, "y": y}},
            ]
        },
    ]
    if effect.values[-1] is None and values:
        gone: Spec = {"datum": effect.mean[-1], "type": "quantitative"}
        label: Spec = {"type": "text", "align": "left", "dx": 4, "dy": -7, "color": MUTED, "text": f"missing ({effect.shares[-1]:.0%} of rows)"}
        layers[1]["layer"] += [
            {"mark": {"type": "rule", "color": SLATE, "strokeDash": [5, 4]}, "encoding": {"y": gone}},
            {"data": {"values": [{}]}, "mark": label, "encoding": {"x": {"value": 0}, "y": gone}},
        ]
    return rows, layers


def _ends(places: Sequence[float]) -> list[float]:
    """Where the bar of each place begins, and the last one ends: half way to its neighbours."""
    steps = [after - before for before, after in zip(places, places[1:], strict=False)] or [1.0]
    return [places[0] - steps[0] / 2, *(place + step / 2 for place, step in zip(places, [*steps[: len(places) - 1], steps[-1]], strict=False))]


def _texts(effect: Effect) -> tuple[list[Spec], list[Spec]]:
    names = [_short(value) for value in effect.values]
    top = max(effect.shares) or 1.0
    rows = [
        {"at": name, "mean": mean, "low": low, "high": high, "density": share / top}
        for name, mean, low, high, share in zip(names, effect.mean, effect.low, effect.high, effect.shares, strict=True)
    ]
    axis: Spec = {"title": words(effect.column), "labelAngle": 0 if len(names) <= 6 else -35, "labelLimit": 110}
    x: Spec = {"field": "at", "type": "nominal", "sort": names, "axis": axis}
    y = _score_axis("mean")
    point: Spec = {"type": "point", "filled": True, "size": 80, "color": BLUE, "opacity": 1}
    layers: list[Spec] = [
        {"mark": {"type": "bar", "color": RULE, "opacity": 0.8}, "encoding": {"x": x, "y": _density_axis(), "y2": {"datum": 0}}},
        {
            "layer": [
                {"mark": {"type": "rule", "color": BAND, "strokeWidth": 8}, "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}},
                {"mark": point, "encoding": {"x": x, "y": y}},
            ]
        },
    ]
    return rows, layers


def _score_axis(name: str) -> Spec:
    return {"field": name, "type": "quantitative", "scale": {"zero": False, "nice": True}, "axis": {"title": "score", "orient": "left", "tickCount": 5}}


def _density_axis() -> Spec:
    """The bars take the lowest fifth of the picture."""
    return {"field": "density", "type": "quantitative", "scale": {"domain": [0, 5]}, "axis": None}


def _short(value: Any) -> str:
    return "(missing)" if value is None else words(f"{value:.4g}" if isinstance(value, float) else value, most=24)
