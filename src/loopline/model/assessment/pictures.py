"""The assessment as pictures: each part of the document as a Vega-Lite spec, titled by what was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from loopline.charts import WIDE, Bar, Reading, Spec, over_time
from loopline.plots import Axis, Curve, Mark, curves, dots

Document = Mapping[str, Any]

SHOWN = 12
"""Disturbances that are drawn."""

_SHARE = ".0%"
UNITS = {
    "act_share": "% acted on",
    "accuracy": "% decided rightly",
    "precision": "% right of those acted on",
    "recall": "% caught of what happens",
    "false_positive_rate": "% acted on where it does not happen",
    "mae": "mean size of the error",
    "bias": "mean of predicted less true value",
}
"""What the measures of a group are counted in."""

HEADINGS: Mapping[str, str] = {
    "worth_curve": "Worth",
    "reliability": "Calibration",
    "roc": "ROC",
    "precision_recall": "Precision and recall",
    "misjudged": "Slices that it misjudges",
    "most_lost": "Slices in which most is lost",
    "over_time": "Over time",
    "learning_curve": "Learning curve",
    "robustness": "Robustness",
}
"""The headings of the pictures, by their names; the others are of groups side by side."""


def heading(name: str) -> str:
    """The heading of a picture, by its name."""
    return HEADINGS.get(name, name.replace("fairness_", "Fairness: ", 1))


def draw(document: Document, *, width: int = WIDE) -> dict[str, Spec]:
    """Every picture that the document gives, by name, in the order in which they are read; the groups of a column are ``fairness_COLUMN``."""
    made = {name: picture(document, width) for name, picture in PICTURES.items()}
    made |= {f"fairness_{column}": groups(document, column, width) for column in document["fairness"].get("columns", ())}
    return {name: spec for name, spec in made.items() if spec is not None}


def worth_curve(document: Document, width: int = WIDE) -> Spec | None:
    """Money per decision over the share acted on, with the chosen policy, acting on none and on all, and perfect foresight."""
    part = document["curves"]
    if "worth" not in part:
        return None
    curve = part["worth"]
    chosen = curve["chosen"]
    series = Curve(name="this model", x=curve["share"], y=curve["worth"], low=curve["low"], high=curve["high"])
    return curves(
        [series],
        title=part["says"],
        note="The rows are acted on from the highest score down. The band holds the true worth 95 % of the time.",
        x=Axis(title="share acted on", format=_SHARE, domain=(0, 1)),
        y=Axis(title=f"{_currency(document)} per decision"),
        marks=[Mark(name="the chosen policy", x=chosen["share"], y=chosen["worth"])],
        levels=curve["references"],
        width=width,
    )


def reliability(document: Document, width: int = WIDE) -> Spec | None:
    """What was said against what happened, by bins, about the line on which the two are the same."""
    part = document["calibration"]
    if not part.get("bins"):
        return None
    said, happened = [item["said"] for item in part["bins"]], [item["happened"] for item in part["bins"]]
    shares = "error" in part
    ends = [0.0, 1.0] if shares else [min(said), max(said)]
    low, high = [item["low"] for item in happened], [item["high"] for item in happened]
    seen = Curve(name="these rows", x=said, y=[item["value"] for item in happened], low=low, high=high, dots=True)
    most = max(max(said), *(item["high"] for item in happened))
    domain = (0.0, 1.0 if most > 0.6 else round(most + 0.05, 1)) if shares else None
    return curves(
        [seen, Curve(name="said = happened", x=ends if domain is None else domain, y=ends if domain is None else domain)],
        title=part["says"],
        note=f"{len(said)} groups of rows, from the lowest score to the highest; the whiskers hold the true share 95 % of the time."
        if shares
        else f"{len(said)} groups of rows, from the lowest prediction to the highest; the whiskers hold the true mean 95 % of the time.",
        x=Axis(title="probability that was said" if shares else "predicted value (mean)", format=_SHARE if shares else "", domain=domain),
        y=Axis(title="share in which it happened" if shares else "true value (mean)", format=_SHARE if shares else "", domain=domain),
        width=min(width, 460),
        height=min(width, 360),
    )


def roc(document: Document, width: int = WIDE) -> Spec | None:
    """True alarms against false ones over all thresholds."""
    part = document["curves"]
    if not part.get("roc"):
        return None
    area = document["metrics"]["test"]["roc_auc"]
    curve = Curve(name="this model", x=part["roc"]["false_positive_rate"], y=part["roc"]["true_positive_rate"])
    return curves(
        [curve, Curve(name="by chance", x=[0, 1], y=[0, 1])],
        title=f"A row where it happens scores above one where it does not {area['value']:.1%} of the time ({area['low']:.1%} to {area['high']:.1%})",
        note="ROC: each point is a threshold.",
        x=Axis(title="share acted on where it does not happen", format=_SHARE, domain=(0, 1)),
        y=Axis(title="share acted on where it happens", format=_SHARE, domain=(0, 1)),
        width=min(width, 460),
        height=min(width, 360),
    )


def precision_recall(document: Document, width: int = WIDE) -> Spec | None:
    """The precision over the recall, against what acting on all would give."""
    part = document["curves"]
    if not part.get("precision_recall"):
        return None
    found, curve = document["metrics"]["test"], part["precision_recall"]
    rate = document["calibration"]["happened"]
    precision, recall = found["precision"], found["recall"]
    marks = [Mark(name="the chosen policy", x=recall["value"], y=precision["value"])] if precision and recall else []
    title = f"It is right in {precision['value']:.1%} of what it acts on, and catches {recall['value']:.1%}" if marks else "It acts on no row"
    return curves(
        [Curve(name="this model", x=curve["recall"], y=curve["precision"])],
        title=title,
        note="Precision and recall: each point is a threshold.",
        x=Axis(title="share caught of what happens", format=_SHARE, domain=(0, 1)),
        y=Axis(title="share right when acted on", format=_SHARE, domain=(0, 1)),
        marks=marks,
        levels={"act on all": rate},
        width=min(width, 460),
        height=min(width, 360),
    )


def misjudged(document: Document, width: int = WIDE) -> Spec | None:
    """The slices that lose most beyond what the scores foretell."""
    return _slices(document, "misjudged", "what the scores foretell", width)


def most_lost(document: Document, width: int = WIDE) -> Spec | None:
    """The slices that lose most beyond what the other rows lose."""
    return _slices(document, "most_lost", "that of the other rows", width)


def _slices(document: Document, name: str, beyond: str, width: int) -> Spec | None:
    part = document["worst_slices"].get(name, {})
    if not part.get("slices"):
        return None
    bars = [
        Bar(name=f"{item['name']} ({item['rows']:,})", value=item["gap"]["value"], low=item["gap"]["low"], high=item["gap"]["high"], marked=item["sure"])
        for item in part["slices"]
    ]
    note = f"The greatest sum first, rows in brackets; a diamond is beyond chance, with all {part['looked_at']:,} slices that were looked at allowed for."
    unit = f"{_currency(document)} lost per decision beyond {beyond}"
    return dots(bars, title=part["says"], unit=unit, note=note, reference=("no difference", 0.0), width=width)


def groups(document: Document, column: str, width: int = WIDE) -> Spec:
    """The groups of a declared column by the measure that is told of."""
    part = document["fairness"]["columns"][column]
    measure = part["told"]
    unit = UNITS[measure]
    hundred = 100.0 if unit.startswith("%") else 1.0
    bars = []
    for group in part["groups"]:
        found = {end: hundred * value for end, value in (group[measure] or {}).items()}
        bars.append(Bar(name=f"{group['name']} ({group['rows']:,})", value=found.get("value"), low=found.get("low"), high=found.get("high")))
    return dots(bars, title=part["says"], unit=unit, note="Rows in brackets; a group too small to tell of has no point.", width=width)


def periods(document: Document, width: int = WIDE) -> Spec | None:
    """Money per decision by period."""
    part = document["over_time"]
    if not part.get("periods"):
        return None
    unit = f"{_currency(document)} per decision"
    since = next((item["name"] for item in part["periods"] if item["part"] == "test"), "")
    both = len({item["part"] for item in part["periods"]}) > 1
    note = f"By {part['unit']}{f'; from {since} on it is the test part' if both else ''}. The band holds the true worth 95 % of the time."
    if part["unit"] != "stretch":
        # Where a period lies in both parts, it is the test part's.
        each = {item["name"]: item for item in part["periods"]}
        readings = [Reading(at=_moment(name), **item["worth"]) for name, item in each.items()]
        return over_time(readings, title=part["says"], unit=unit, name="this model", note=note, width=width)
    found = [item["worth"] for item in part["periods"]]
    at = [float(item["name"]) for item in part["periods"]]
    curve = Curve(name="this model", x=at, y=[item["value"] for item in found], low=[item["low"] for item in found], high=[item["high"] for item in found])
    return curves([curve], title=part["says"], note=note, x=Axis(title="stretch of neighbouring rows, the earliest first"), y=Axis(title=unit), width=width)


def _moment(name: str) -> datetime:
    return datetime.fromisoformat(name if len(name) > 7 else f"{name}-01").replace(tzinfo=UTC)


def learning_curve(document: Document, width: int = WIDE) -> Spec | None:
    """Money per decision over the rows learned from, up to twice as many."""
    part = document["learning_curve"]
    if "curve" not in part:
        return None
    curve, points = part["curve"], part["points"]
    sizes = [item["rows"] for item in points]
    note = f"Each point is a fit to some of the rows. Beyond {max(sizes):,} rows the curve is foretold; the band holds it 95 % of the time."
    return curves(
        [
            Curve(name="the curve that fits them", x=curve["rows"], y=curve["worth"], low=curve["low"], high=curve["high"]),
            Curve(name="fits", x=sizes, y=[item["worth"] for item in points], dots=True),
        ],
        title=part["says"],
        note=note,
        x=Axis(title="rows to learn from", format=",.3~s", log=True, ticks=(*sorted({float(size) for size in sizes}), curve["rows"][-1])),
        y=Axis(title=f"{_currency(document)} per decision"),
        width=width,
    )


def robustness(document: Document, width: int = WIDE) -> Spec | None:
    """What missing, shifted and foreign input costs, the costliest first."""
    part = document["robustness"]
    found = [item for item in part.get("disturbed", ()) if "change" in item][:SHOWN]
    if not found:
        return None
    bars = [
        Bar(
            name=f"{item['column'] or 'all columns'}: {item['how']}",
            value=item["change"]["value"],
            low=item["change"]["low"],
            high=item["change"]["high"],
            marked=item["change"]["high"] < 0,
        )
        for item in found
    ]
    unit = f"change in {_currency(document)} per decision"
    note = f"On the same {part['rows']:,} rows; a diamond costs money beyond chance."
    return dots(bars, title=part["says"], unit=unit, note=note, reference=("no change", 0.0), width=width)


PICTURES: Mapping[str, Callable[[Document, int], Spec | None]] = {
    "worth_curve": worth_curve,
    "reliability": reliability,
    "roc": roc,
    "precision_recall": precision_recall,
    "misjudged": misjudged,
    "most_lost": most_lost,
    "over_time": periods,
    "learning_curve": learning_curve,
    "robustness": robustness,
}


def _currency(document: Document) -> str:
    return str(document["worth"]["currency"])
