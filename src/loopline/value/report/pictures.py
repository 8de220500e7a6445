"""The charts of the report, each drawn once for a desk and once for a telephone."""

from __future__ import annotations

from datetime import datetime

from loopline import charts
from loopline.charts import Bar, Reading
from loopline.plots import dots
from loopline.sheet.document import Picture
from loopline.value import lift_picture
from loopline.value.case import Case

FEATURES_SHOWN, CELLS_WIDE, SEGMENTS_SHOWN = 15, 120, 20


def first(case: Case) -> Picture | None:
    """The chart to decide from: how the worth went over time, or before anything is realised what is expected; None where there is neither."""
    if case.whole is not None:
        return Picture("Worth per decision over time", lambda width: _worth_over_time(case, width))
    return None if case.promise is None else worth(case)


def worth(case: Case) -> Picture | None:
    """What the decisions were worth together, against target, promise, no model and a perfect one; None before there is either."""
    if case.whole is None and case.promise is None:
        return None
    return Picture("What the decisions were worth", lambda width: _worth_bars(case, width))


def by_segment(case: Case) -> Picture | None:
    """What is added in each segment, with its interval; None where there are none."""
    if not case.segments:
        return None
    shown = sorted(case.segments, key=lambda one: one.added.value * one.rows)[:SEGMENTS_SHOWN]
    values = [Bar(name=one.name, value=one.added.value, low=one.added.low, high=one.added.high, marked=one.loses) for one in shown]
    losing = sum(one.loses for one in shown)
    title = "No segment surely loses money" if not losing else f"{losing} {'segment loses' if losing == 1 else 'segments lose'} money against no model"
    unit = f"{case.currency} added per decision"
    return Picture("Worth by segment", lambda width: dots(values, title=title, unit=unit, reference=("what no model earns", 0.0), width=width))


def lift(case: Case) -> Picture | None:
    """What the model causes against its hold-out, as it was known over time; None where no hold-out tells."""
    if not case.lift_over_time:
        return None
    return Picture(
        "What the model causes, over time",
        lambda width: lift_picture.picture(
            case.lift_over_time, case.currency, confidence=case.spec.confidence, target=None if case.lift is None else case.lift["target"], width=width
        ),
    )


def drift(case: Case) -> Picture | None:
    """How far each feature was from training, window by window; None where nothing was watched."""
    return Picture("Drift of the most drifted features", lambda width: _drift_heat(case, width)) if _drifted(case) else None


def _worth_bars(case: Case, width: int) -> charts.Spec:
    whole, promise, promised = case.whole, case.promise, case.promised
    if whole is None:
        assert promise is not None
        values = [
            Bar(name="expected", value=promise.earned.mean, low=promise.earned.low, high=promise.earned.high),
            Bar(name="without a model", value=promise.baseline),
            Bar(name="a perfect model", value=promise.perfect),
        ]
        return charts.bars(
            values, title="Expected worth per decision", unit=f"{case.currency} per decision", note="From the test part; nothing is realised yet.", width=width
        )
    earned, count, target = whole.earned.times(whole.outcomes), whole.outcomes, whole.target(case.charter)
    due = None if target is None else whole.baseline * count + target
    most = earned.mean if earned.high is None else earned.high
    values = [Bar(name="realised", value=earned.mean, low=earned.low, high=earned.high, marked=due is not None and most < due)]
    values += [Bar(name="needed for the target", value=due)] if due is not None else []
    values += [Bar(name="as on the test part", value=promised.mean * count)] if promised is not None else []
    values += [Bar(name="without a model", value=whole.baseline * count), Bar(name="a perfect model", value=whole.perfect * count)]
    note = f"{count:,} decisions whose outcome is known."
    return charts.bars(values, title="What the decisions were worth", unit=case.currency, note=note, width=width)


def _worth_over_time(case: Case, width: int) -> charts.Spec:
    spans = case.spans
    readings = [Reading(at=one.start, value=one.earned.mean, low=one.earned.low, high=one.earned.high, marked=one.breached) for one in spans]
    others = {
        "without a model": [Reading(at=one.start, value=one.baseline) for one in spans],
        "a perfect model": [Reading(at=one.start, value=one.perfect) for one in spans],
        "needed for the target": [Reading(at=one.start, value=one.target) for one in spans],
    }
    lines = {"on the test part": None if case.promised is None else case.promised.mean}
    note = f"Band: {case.spec.confidence:.0%} interval of each window." + (
        " Diamond: a monitor found the windows up to there too low." if any(one.breached for one in spans) else ""
    )
    return charts.over_time(
        readings,
        title="Worth per decision over time",
        unit=f"{case.currency} per decision",
        name="realised",
        others={name: series for name, series in others.items() if any(one.value is not None for one in series)},
        lines=lines,
        note=note,
        width=width,
    )


def _drifted(case: Case) -> list[str]:
    """The champion's features, the most drifted first."""
    most: dict[str, float] = {}
    for window in case.windows:
        if window["package"] == case.champion:
            for name, value in window["drift"].items():
                most[name] = max(most.get(name, 0.0), value or 0.0)
    return sorted(most, key=lambda name: -most[name])[:FEATURES_SHOWN]


def _drift_heat(case: Case, width: int) -> charts.Spec:
    own = [window for window in case.windows if window["package"] == case.champion and window["rows"]][-CELLS_WIDE:]
    cells = [
        (name, datetime.fromisoformat(window["start"]), window["drift"].get(name), f"drift:{name}" in window["breaches"])
        for name in _drifted(case)
        for window in own
    ]
    note = "Distance of each window's values from those of training. Dot: above the limit of the feature."
    return charts.heat(cells, title="Drift of the most drifted features", unit="distance", note=note, width=width)
