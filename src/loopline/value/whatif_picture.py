"""The picture of a what-if: money per decision at each threshold, now and after, or both sides as bars. Plain values in, a chart out."""

from __future__ import annotations

from loopline.charts import WIDE, Bar, Spec, bars
from loopline.declaration import figure
from loopline.plots import Axis, Curve, curves
from loopline.value.whatif import Effect, Side


def picture(effect: Effect, asked: str, currency: str, *, width: int = WIDE) -> Spec:
    """What would be earned: along the thresholds where there are thresholds, with a level for what is earned now and after; else two bars.

    Parameters
    ----------
    asked
        What is asked for, in words.
    """
    difference = effect.difference
    title = f"It would earn {figure(abs(difference.value))} {currency} {'more' if difference.value >= 0 else 'less'} per decision"
    reach = f"{figure(difference.low)} to {figure(difference.high)}"
    note = f"{asked[:1].upper()}{asked[1:]}; {effect.rows:,} decisions with a known outcome; the difference is {reach}."
    if effect.curve is None:
        values = [Bar(name=name, value=side.each.value, low=side.each.low, high=side.each.high) for name, side in _sides(effect)]
        return bars(values, title=title, unit=f"{currency} per decision", note=note, width=width)
    at = effect.curve["threshold"]
    is_repriced = effect.curve["after"] != effect.curve["before"]
    series = [Curve(name=f"from each threshold{' at the prices now' if is_repriced else ''}", x=at, y=effect.curve["before"])]
    if is_repriced:
        series.append(Curve(name="at the new prices", x=at, y=effect.curve["after"]))
    levels = {f"earned {name}": side.each.value for name, side in _sides(effect)}
    axes = Axis(title="threshold on the probability", domain=(0.0, 1.0)), Axis(title=f"{currency} per decision")
    return curves(series, title=title, x=axes[0], y=axes[1], levels=levels, note=note, width=width)


def _sides(effect: Effect) -> tuple[tuple[str, Side], ...]:
    return ("now", effect.before), ("after", effect.after)
