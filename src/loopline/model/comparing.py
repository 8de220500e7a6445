"""Two packages on the same rows: what each earns, whether the difference is beyond chance, and in what they differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from loopline.charts import WIDE, Spec
from loopline.declaration import figure
from loopline.errors import Mistake
from loopline.model import policy
from loopline.model.assessment.curves import worth as worth_curve
from loopline.model.candidates import Judge
from loopline.model.estimates import plain
from loopline.model.evaluate import Judged, metrics
from loopline.model.evidence import Kept
from loopline.model.intervals import differences
from loopline.model.predictor import Predictor, for_judging
from loopline.plots import Axis, Curve, Mark, curves

_SHARE = ".0%"


@dataclass(frozen=True, eq=False)
class Compared:
    """A comparison as plain values, and the judged rows of both with who judged them."""

    said: Mapping[str, Any]
    one: Judged
    other: Judged
    kept: Kept
    judge: Judge


def compare(one: Predictor, other: Predictor, kept: Kept, judge: Judge) -> Compared:
    """One package against another, on the test part that was kept of the newer of the two.

    Raises
    ------
    Mistake
        When they do not predict the same, or one cannot score the rows.
    """
    for what in ("task", "target", "positive", "classes"):
        if one.manifest[what] != other.manifest[what]:
            said = f"{one.package[:12]} has the {what} {one.manifest[what]!r}, and {other.package[:12]} {other.manifest[what]!r}"
            raise Mistake(said, remedy="compare packages that predict the same: loopline model list")
    first, second = _judged(one, kept, judge), _judged(other, kept, judge)
    gaps = {name: plain(value) for name, value in differences(first, second, kept.blocks, seed=0).items()}
    document = {
        "rows": len(first),
        "currency": judge.worth.currency,
        "packages": {side: _described(predictor, kept, judged) for side, predictor, judged in (("one", one, first), ("other", other, second))},
        "differences": gaps,
        "columns": {"only_one": _absent(other, one), "only_other": _absent(one, other)},
        "says": _says(one, other, gaps["worth"], judge.worth.currency, len(first)) + _without(kept, one, other),
    }
    return Compared(document, first, second, kept, judge)


def picture(compared: Compared, names: tuple[str, str], *, width: int = WIDE) -> Spec | None:
    """The worth curves of both in one picture (binary): money per decision over the share that is acted on; None for other tasks."""
    if compared.one.task != "binary":
        return None
    part, worth = compared.kept.part, compared.judge.worth
    acted, rested = (worth.per_row(np.full(len(part.outcome), act), part.outcome, part.columns) for act in (True, False))
    drawn = [worth_curve(judged, acted, rested, compared.kept.blocks, references={}) for judged in (compared.one, compared.other)]
    marks = [Mark(name=f"{name} decides", x=curve["chosen"]["share"], y=curve["chosen"]["worth"]) for name, curve in zip(names, drawn, strict=True)]
    return curves(
        [Curve(name=name, x=curve["share"], y=curve["worth"]) for name, curve in zip(names, drawn, strict=True)],
        title=str(compared.said["says"]),
        note="The rows are acted on from each package's highest score down.",
        x=Axis(title="share acted on", format=_SHARE, domain=(0, 1)),
        y=Axis(title=f"{compared.said['currency']} per decision"),
        marks=marks,
        width=width,
    )


def _judged(predictor: Predictor, kept: Kept, judge: Judge) -> Judged:
    try:
        scores = kept.scores(predictor)
    except Mistake as error:
        what = f"package {predictor.package[:12]} cannot score these rows: {error.what}"
        raise Mistake(what, remedy="compare packages that were made of the same columns") from None
    return judge.judged(kept.part, for_judging(scores), predictor.policy)


def _described(predictor: Predictor, kept: Kept, judged: Judged) -> dict[str, Any]:
    return {
        "package": predictor.package,
        "family": predictor.manifest["family"],
        "members": list(predictor.scoring["members"]),
        "policy": policy.say(predictor.policy),
        "columns": len(predictor.columns),
        "without": kept.lacks(predictor),
        "metrics": metrics(judged),
    }


def _absent(where: Predictor, of: Predictor) -> list[str]:
    return [name for name in of.columns if name not in where.columns]


def _without(kept: Kept, *packages: Predictor) -> str:
    """What packages could not read of the rows: scored with nulls there, they earn less than where they decide."""
    lacking = {predictor.package[:8]: absent for predictor in packages if (absent := kept.lacks(predictor))}
    return "".join(f" {name} had to do without {', '.join(absent)}, which these rows do not have." for name, absent in lacking.items())


def _says(one: Predictor, other: Predictor, worth: Mapping[str, Any] | None, currency: str, rows: int) -> str:
    if worth is None:
        return f"{one.package[:8]} and {other.package[:8]} cannot be told apart: there is nothing to measure on {rows:,} rows."
    gap, low, high = (float(worth[name]) for name in ("value", "low", "high"))
    if gap == low == high == 0:
        return f"{one.package[:8]} and {other.package[:8]} decide alike on {rows:,} rows."
    side = "more" if gap >= 0 else "less"
    sure = "beyond chance" if low > 0 or high < 0 else "which is within what chance gives"
    return (
        f"{one.package[:8]} earns {figure(abs(gap))} {currency} per decision {side} than {other.package[:8]} "
        f"({figure(low)} to {figure(high)}), {sure}, on {rows:,} rows."
    )
