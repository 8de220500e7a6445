"""Where a model loses most: slices found among all columns and pairs of them, corrected for how many were looked at. Pure functions on NumPy.

What is lost on a row is what perfect foresight would have earned less what the decision earned. Where it happens more often more is
lost, whatever the model does; so the slices to mend are those that lose more than the model's own scores foretell.

References
----------
Chung, Y., Kraska, T., Polyzotis, N., Tae, K. H., Whang, S. E. (2019). Slice Finder: automated data slicing for model validation. Efron,
B., Morris, C. (1975). Data analysis using Stein's estimator (the shrinkage). Benjamini, Y., Yekutieli, D. (2001). The control of the
false discovery rate under dependency (slices overlap); (2005). False discovery rate-adjusted multiple confidence intervals.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.declaration import figure
from loopline.model.assessment.groups import Groups, grouped
from loopline.model.blocks import Blocks, numbered, student
from loopline.model.estimates import Estimate, of_mean, of_share, plain
from loopline.model.evaluate import SUPPORT, Judged

FALSE_AT_MOST = 0.05
"""The share of false ones among the slices that are called sure."""

SHOWN = 10
PAIRED = 25
"""Columns whose pairs are looked at: those whose single slices stand out most."""

ALIKE = 0.5
"""The share of rows, in the union of two slices, from which the lesser of the two is not told."""

_Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Cells:
    """Slices by place: which columns and which of their groups, how many rows, and by how much more is lost there than elsewhere."""

    columns: list[tuple[str, ...]]
    codes: list[tuple[int, ...]]
    rows: _Floats
    gap: _Floats
    error: _Floats

    def __len__(self) -> int:
        return len(self.rows)

    def with_(self, other: _Cells) -> _Cells:
        joined = (np.concatenate(pair) for pair in ((self.rows, other.rows), (self.gap, other.gap), (self.error, other.error)))
        return _Cells(self.columns + other.columns, self.codes + other.codes, *joined)


def find(judged: Judged, lost: _Floats, blocks: Blocks, *, support: int | None = None, shown: int = SHOWN) -> dict[str, Any]:
    """The slices on which more money is lost than elsewhere, the greatest sum first.

    Parameters
    ----------
    judged
        Rows with the columns that make slices.
    lost
        Shape (n,): the money that each row lost, or lost beyond what was foretold.
    support
        Rows that a slice must have; by default a hundredth of all, and at least `SUPPORT`.

    Returns
    -------
    dict
        ``slices``: for each its ``name``, ``rows``, ``share``, ``worth`` (an estimate), ``gap`` (money lost per row beyond that of the other
        rows, with an interval that allows for the choice), ``expected`` (the gap shrunken towards nought), ``total`` (that times the rows),
        ``sure`` (whether chance is ruled out) and ``misjudged``: whether the scores are off there (mend the model), or it is only hard to
        foresee; ``looked_at``: how many slices were compared.
    """
    least = support if support is not None else max(SUPPORT, len(judged) // 100)
    groups = {name: grouped(name, values) for name, values in judged.columns.items()}
    groups = {name: group for name, group in groups.items() if len(group.labels) > 1}
    wider = _wider(lost, blocks)
    cells = _singles(groups, lost, least, wider)
    if not len(cells):
        return {"slices": [], "looked_at": 0}
    cells = cells.with_(_pairs(groups, cells, lost, least, wider))
    sure = _sure(cells)
    expected = cells.gap * _trust(cells)
    level = 1 - FALSE_AT_MOST * max(1, int(sure.sum())) / len(cells)
    found: list[dict[str, Any]] = []
    masks: list[NDArray[np.bool_]] = []
    for place in np.lexsort((np.arange(len(cells)), -(expected * cells.rows))):
        if len(found) == shown or expected[place] <= 0:
            break
        mask = _mask(groups, cells.columns[place], cells.codes[place])
        if any(np.sum(mask & other) >= ALIKE * np.sum(mask | other) for other in masks):
            continue
        masks.append(mask)
        name = ", ".join(groups[column].labels[code] for column, code in zip(cells.columns[place], cells.codes[place], strict=True))
        chosen = {"expected": float(expected[place]), "total": float(expected[place] * cells.rows[place]), "sure": bool(sure[place])}
        found.append({"name": name, **_told(judged, mask, lost, blocks, level), **chosen})
    return {"slices": found, "looked_at": len(cells)}


def say(found: dict[str, Any], *, currency: str, foretold: bool) -> str:
    """What `find` has found, in a line.

    Parameters
    ----------
    foretold
        Whether it is what was lost beyond what the scores foretell.
    """
    sure = [part for part in found["slices"] if part["sure"]]
    more_than = "than its scores foretell" if foretold else "than elsewhere"
    if not found["looked_at"]:
        return "No column has two groups of enough rows, so no slice was looked at."
    if not sure:
        return f"In none of {found['looked_at']:,} slices it loses more {more_than}, beyond what chance gives."
    first = sure[0]
    gap, rest = first["gap"], f"; {len(sure) - 1} more {'stands' if len(sure) == 2 else 'stand'} out" if len(sure) > 1 else ""
    reach = f"{figure(gap['low'])} to {figure(gap['high'])}"
    return f"Where {first['name']} ({first['rows']:,} rows) it loses {figure(gap['value'])} {currency} per decision more {more_than} ({reach}){rest}."


def _wider(lost: _Floats, blocks: Blocks) -> float:
    """By how much the variance of a mean is greater for these blocks than for independent rows, at least 1."""
    codes, count = numbered(blocks)
    off = lost - lost.mean()
    alone = float(np.sum(off**2))
    together = float(np.sum(np.bincount(codes, weights=off, minlength=count) ** 2)) * count / max(count - 1, 1)
    return max(1.0, together / alone) if alone > 0 else 1.0


def _cells(columns: tuple[str, ...], codes: NDArray[np.int64], sizes: tuple[int, ...], lost: _Floats, least: int, wider: float) -> _Cells:
    """The cells of a column, or of the crossing of two, that have the support."""
    count = int(np.prod(sizes))
    rows = np.bincount(codes, minlength=count).astype(np.float64)
    sums, squares = np.bincount(codes, weights=lost, minlength=count), np.bincount(codes, weights=lost**2, minlength=count)
    kept = np.flatnonzero((rows >= least) & (len(lost) - rows >= least))
    rows, sums, squares = rows[kept], sums[kept], squares[kept]
    others = len(lost) - rows
    mean, rest = sums / rows, (lost.sum() - sums) / others
    scatter, scatter_rest = np.maximum(squares / rows - mean**2, 0), np.maximum((np.sum(lost**2) - squares) / others - rest**2, 0)
    # A few rows that happen to be alike have less scatter than the next ones will have.
    scatter = (rows * scatter + SUPPORT * lost.var()) / (rows + SUPPORT)
    error = np.sqrt(wider * (scatter / rows + scatter_rest / others))
    places = np.unravel_index(kept, sizes)
    where = [tuple(int(axis[at]) for axis in places) for at in range(len(kept))]
    return _Cells([columns] * len(kept), where, rows, mean - rest, np.maximum(error, 1e-12))


def _singles(groups: Mapping[str, Groups], lost: _Floats, least: int, wider: float) -> _Cells:
    none = np.zeros(0)
    found = _Cells([], [], none, none, none)
    for name, group in groups.items():
        found = found.with_(_cells((name,), group.codes, (len(group.labels),), lost, least, wider))
    return found


def _pairs(groups: Mapping[str, Groups], singles: _Cells, lost: _Floats, least: int, wider: float) -> _Cells:
    """The cells of two columns that are worse than either column tells."""
    alone = {(columns[0], codes[0]): gap for columns, codes, gap in zip(singles.columns, singles.codes, singles.gap, strict=True)}
    standing: dict[str, float] = {}
    for columns, strength in zip(singles.columns, np.abs(singles.gap / singles.error), strict=True):
        standing[columns[0]] = max(standing.get(columns[0], 0.0), float(strength))
    names = sorted(sorted(standing, key=lambda name: -standing[name])[:PAIRED], key=list(groups).index)
    none = np.zeros(0)
    found = _Cells([], [], none, none, none)
    for one, two in combinations(names, 2):
        sizes = (len(groups[one].labels), len(groups[two].labels))
        cells = _cells((one, two), groups[one].codes * sizes[1] + groups[two].codes, sizes, lost, least, wider)
        parents = [max(alone.get((one, codes[0]), 0.0), alone.get((two, codes[1]), 0.0)) for codes in cells.codes]
        kept = np.flatnonzero(cells.gap > np.array(parents) + cells.error) if len(cells) else np.zeros(0, dtype=np.int64)
        # Those that are not kept count among the slices that were looked at, as far as the correction goes: with a gap of nought.
        gap = np.where(np.isin(np.arange(len(cells)), kept), cells.gap, np.minimum(cells.gap, 0.0))
        found = found.with_(_Cells(cells.columns, cells.codes, cells.rows, gap, cells.error))
    return found


def _sure(cells: _Cells) -> NDArray[np.bool_]:
    """The slices whose gap is not by chance, with few false ones among them however they overlap."""
    chance = np.array([0.5 * math.erfc(strength / math.sqrt(2)) for strength in cells.gap / cells.error])
    order = np.argsort(chance, kind="stable")
    many = len(chance)
    limits = FALSE_AT_MOST * np.arange(1, many + 1) / (many * float(np.sum(1 / np.arange(1, many + 1))))
    passing = np.flatnonzero(chance[order] <= limits)
    sure = np.zeros(many, dtype=bool)
    if len(passing):
        sure[order[: passing[-1] + 1]] = True
    return sure


def _trust(cells: _Cells) -> _Floats:
    """The share of each gap that remains when it is shrunken towards nought, by how much all gaps differ beyond their errors."""
    weights = 1 / cells.error**2
    true = max(0.0, float(np.sum(cells.gap**2 * weights) - len(cells)) / float(weights.sum()))
    return np.asarray(true / (true + cells.error**2))


def _mask(groups: Mapping[str, Groups], columns: tuple[str, ...], codes: tuple[int, ...]) -> NDArray[np.bool_]:
    parts = [groups[name].codes == code for name, code in zip(columns, codes, strict=True)]
    return np.asarray(np.logical_and.reduce(parts))


def _told(judged: Judged, mask: NDArray[np.bool_], lost: _Floats, blocks: Blocks, level: float) -> dict[str, Any]:
    part, inside = judged.where(mask), blocks[mask]
    said: dict[str, Any] = {"rows": len(part), "share": len(part) / len(judged), "worth": plain(of_mean(part.money, inside))}
    if judged.task == "regression":
        bias = of_mean(part.decision - part.outcome, inside)
        said |= {"bias": plain(bias), "misjudged": bias is not None and (bias.is_above_zero or bias.is_below_zero)}
    else:
        binary = judged.task == "binary"
        happened = part.outcome if binary else part.decision == part.outcome
        score = part.score if binary else part.score.max(axis=1)
        said |= {"happened" if binary else "accuracy": plain(of_share(happened, inside)), "score": float(score.mean())}
        said |= {"act_share": float(part.decision.mean())} if binary else {}
        said["misjudged"] = _is_misjudged(happened - score, score, inside)
    return {**said, "gap": _gap(lost, mask, blocks, level).as_json()}


def _is_misjudged(off: _Floats, score: _Floats, blocks: Blocks) -> bool:
    """Whether probabilities are too high or too low, or too sure or too shy, beyond chance.

    References
    ----------
    Spiegelhalter, D. J. (1986). Probabilistic prediction in patient management and clinical trials.
    """
    found = [of_mean(terms, blocks, level=1 - FALSE_AT_MOST / 2) for terms in (off, off * (1 - 2 * score))]
    return any(part is not None and (part.is_above_zero or part.is_below_zero) for part in found)


def _gap(lost: _Floats, mask: NDArray[np.bool_], blocks: Blocks, level: float) -> Estimate:
    """By how much more is lost in the slice than elsewhere, per row."""
    codes, count = numbered(blocks)
    inside, outside = lost[mask].mean(), lost[~mask].mean()
    off = np.where(mask, (lost - inside) / mask.sum(), (outside - lost) / (~mask).sum())
    error = float(np.sqrt(np.sum(np.bincount(codes, weights=off, minlength=count) ** 2) * count / max(count - 1, 1)))
    value, reach = float(inside - outside), student(count, level) * error
    return Estimate(value, value - reach, value + reach)
