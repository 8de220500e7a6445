"""The picture of a criterion over time, against what is asked for."""

from __future__ import annotations

from loopline import charts
from loopline.charter.meaning import amount, asked
from loopline.charter.metrics import METRICS, parts
from loopline.charter.spec import CharterSpec
from loopline.charts import Bar, Reading
from loopline.release.acceptance import verdict_on
from loopline.sheet.document import Picture
from loopline.value.requirements.requirements import Requirement

_SHOWN = 10
_BEFORE = "package"


def picture(one: Requirement, charter: CharterSpec, spans: str) -> Picture | None:
    """How a criterion did, span by span since it is in use, else package by package; None where its one number was never found.

    Parameters
    ----------
    spans
        What windows are called, such as ``days``.
    """
    name = f"{one.criterion.id} over time"
    if len(one.over_time) > 1:
        return Picture(name, lambda width: _in_use(one, charter, spans, width))
    if any(event.value is not None for event in one.history):
        return Picture(name, lambda width: _found(one, charter, width))
    return None


def _in_use(one: Requirement, charter: CharterSpec, spans: str, width: int) -> charts.Spec:
    (name,) = one.criterion.names
    broken = [not verdict_on(one.criterion, {name: value}, {}).passed for _, value in one.over_time]
    scale = _scale(name)
    readings = [Reading(at=at, value=value * scale, marked=marked) for (at, value), marked in zip(one.over_time, broken, strict=True)]
    held = len(broken) - sum(broken)
    return charts.over_time(
        readings,
        title=f"{one.criterion.id} held in {held} of {len(broken)} {spans}",
        unit=_unit(name, charter),
        name="in use",
        lines={_asked(one, charter): None if one.limit is None else one.limit * scale},
        note="Diamond: it did not hold." if any(broken) else "",
        width=width,
        height=200,
    )


def _found(one: Requirement, charter: CharterSpec, width: int) -> charts.Spec:
    """Each time that it was looked at, with what was asked for then."""
    (name,) = one.criterion.names or {""}
    scale = _scale(name)
    told = [event for event in one.history if event.value is not None][-_SHOWN:]
    days = [(event.kind, event.at.date()) for event in told]
    moment = "%Y-%m-%d" if len(set(days)) == len(days) else "%Y-%m-%d %H:%M:%S"
    values = [
        Bar(
            name=f"{'before' if event.kind == _BEFORE else 'in use'}, {event.at:{moment}}",
            value=None if event.value is None else event.value * scale,
            limit=None if event.limit is None else event.limit * scale,
            marked=event.passed is False,
        )
        for event in told
    ]
    note = "Before: on the test of a package before its release." if any(event.kind == _BEFORE for event in told) else ""
    title = f"{one.criterion.id} each time that it was looked at"
    return charts.bars(values, title=title, unit=_unit(name, charter), note=note, limit="number that was asked for", width=width)


def _asked(one: Requirement, charter: CharterSpec) -> str:
    return f"asked for: {asked(one.criterion.check or '', charter)}"


def _scale(name: str) -> float:
    """Shares are drawn in per cent."""
    return 100.0 if amount(name, 0.5, "").endswith("%") else 1.0


def _unit(name: str, charter: CharterSpec) -> str:
    _, metric = parts(name)
    kind = METRICS[metric].unit if metric in METRICS else "plain"
    return {"share": "% of cases", "money": f"{charter.worth.currency} per decision", "outcome": metric, "plain": metric}[kind]
