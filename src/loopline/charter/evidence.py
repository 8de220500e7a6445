"""What is known of each alternative: how often each term of the worth falls due, as measured on data or as somebody states it. Pure functions on NumPy.

The money of a decision is a sum over the worth's terms of how often each falls due, times its price: so prices may be uncertain while decisions stand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from loopline.charter.draws import REACH, Assumption, Floats, noise
from loopline.charter.ranges import Ranged, ranged
from loopline.charter.spec import CharterSpec, QualitySpec
from loopline.charter.worth import Worth
from loopline.declaration import figure

NOTHING, TODAY, RULE, MODEL, PERFECT = "nothing", "present", "rule", "model", "perfect"
"""The alternatives: what happens without anything, what is done today, a better rule found in the data, the model, and decisions that are never wrong."""
FEW = 10
"""Rows of the rarer outcome below which what was measured binds nobody."""
ALWAYS = "always"
"""One decision for all that is better than doing nothing: it costs nothing either."""
MEASURED = "measured"
"""The assumption that other rows will be as those that were measured on."""

Values = Mapping[str, Floats]
Dues = dict[str, Floats]
"""From an alternative to how often each term of the worth falls due, shape (n, terms)."""


class Evidence(Protocol):
    """What is known of the alternatives."""

    @property
    def source(self) -> str:
        """``data`` or ``stated``."""

    @property
    def says(self) -> dict[str, str]:
        """From an alternative to what it is, in words."""

    @property
    def shown(self) -> float:
        """The share of all cases that it speaks of."""

    @property
    def is_thin(self) -> bool:
        """Whether it rests on so little that nobody should be bound by it."""

    def assumptions(self) -> list[Assumption]:
        """What it supposes."""

    def dues(self, values: Values) -> Dues:
        """How often each term falls due, at some values of the assumptions; those that have none are at their middle."""

    def noise(self, count: int) -> Floats | None:
        """What the measured means may be off by, to be handed to `dues` as the value of `MEASURED`; None where nothing was measured."""

    def leaning(self, prices: Floats, one: str, other: str, steps: Floats) -> Floats | None:
        """That noise where it changes what one alternative earns above another by so many standard errors, and most likely does so."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What a sounding of the data measured.

    Parameters
    ----------
    names
        The alternatives.
    means
        Shape (alternatives, terms).
    root
        Shape (alternatives x terms, r): its product with its transpose is the covariance of the means.
    blocks
        Blocks of rows that the covariance rests on.
    rows
        On which the means were taken.
    worth
        Of the task.
    today
        How good what is done today is, where the data cannot tell and the charter states it.
    rare
        How many of the measured rows were of the rarer outcome; all of them, where the task is not a yes or no.
    shown
        The share of all cases that the measured rows speak of: below 1 where an outcome is seen only where somebody acted.
    """

    names: tuple[str, ...]
    says: dict[str, str]
    means: Floats
    root: Floats
    blocks: int
    rows: int
    worth: Worth
    today: Mapping[str, Ranged]
    rare: float
    shown: float = 1.0
    source: str = "data"

    @property
    def is_thin(self) -> bool:
        """Whether so few rows were measured, or so few of one outcome, that nothing is known of how far others may be off."""
        model = self.names.index(MODEL) if MODEL in self.names else None
        terms = self.means.shape[1]
        still = model is not None and not np.any(np.abs(self.root[model * terms : (model + 1) * terms]) > 1e-12)
        return self.rare < FEW or still

    @classmethod
    def of(cls, sounding: Mapping[str, Any], charter: CharterSpec, worth: Worth) -> Measured:
        """The evidence of a sounding's facts, and of what the charter states of today where no rule is declared that could be measured."""
        means = np.asarray(sounding["means"], dtype=np.float64)
        sizes, axes = np.linalg.eigh(np.asarray(sounding["covariance"], dtype=np.float64))
        kept = sizes > max(float(sizes.max(initial=0.0)), 0.0) * 1e-12
        says = {one["name"]: one["says"] for one in sounding["alternatives"]}
        names = tuple(says)
        today = {} if TODAY in says or worth.columns else _stated_today(charter, worth)
        if today:
            says = {NOTHING: says[NOTHING], TODAY: _quality_in_words(TODAY, today), **says}
        # The symmetric root: that of the axes hangs on signs that a machine is free to choose.
        root = (axes[:, kept] * np.sqrt(sizes[kept])) @ axes[:, kept].T
        judged, happens = int(sounding["judged"]), sounding.get("happens")
        rare = judged if worth.task != "binary" or happens is None else judged * min(happens, 1 - happens)
        return cls(names, says, means, root, int(sounding["blocks"]), judged, worth, today, rare, float(sounding.get("shown") or 1.0))

    def assumptions(self) -> list[Assumption]:
        """That the rows which will come are like those that were measured on; and what is stated of today."""
        said = f"how good decisions are, as measured on {self.rows:,} rows"
        measured = [Assumption(MEASURED, said, Ranged(0.0, -REACH, REACH), "standard errors", is_signed=True)] if self.root.any() else []
        return [*measured, *(_assumption(f"study.today.{name}", one) for name, one in self.today.items())]

    def dues(self, values: Values) -> Dues:
        """The means, off by the noise."""
        off = values.get(MEASURED)
        found = self.means[None] if off is None else self.means[None] + (off @ self.root.T).reshape(-1, *self.means.shape)
        dues = {name: found[:, at] for at, name in enumerate(self.names)}
        if self.today:
            quality = {name: np.atleast_1d(values.get(f"study.today.{name}", np.array([float(one)]))) for name, one in self.today.items()}
            dues[TODAY] = _dues(self.worth, _base(self.worth, dues[NOTHING]), quality)
        return {name: dues[name] for name in self.says}

    def noise(self, count: int) -> Floats:
        """Student's noise in as many directions as the means can be off."""
        return noise(self.root.shape[1], self.blocks, count)

    def leaning(self, prices: Floats, one: str, other: str, steps: Floats) -> Floats | None:
        """The direction in which the difference of two alternatives grows quickest."""
        slope = np.zeros_like(self.means)
        for name, sign in ((one, 1.0), (other, -1.0)):
            if name in self.names:
                slope[self.names.index(name)] += sign * prices
        direction = slope.reshape(-1) @ self.root
        size = float(np.linalg.norm(direction))
        return None if size == 0 else np.outer(steps, direction / size)


@dataclass(frozen=True, eq=False)
class Stated:
    """What somebody states before there are data.

    Parameters
    ----------
    ranges
        From a field such as ``study.expects.precision`` to its range.
    """

    worth: Worth
    says: dict[str, str]
    ranges: dict[str, Ranged]
    source: str = "stated"
    shown: float = 1.0
    is_thin: bool = False

    @classmethod
    def of(cls, charter: CharterSpec, worth: Worth) -> Stated | None:
        """What the charter states; None where that is not enough to reckon with: the share of cases in which it happens, and how good a model would be."""
        study = charter.study
        base = {"binary": ("happens", study.happens), "multiclass": ("happens", study.happens), "regression": ("spread", study.spread)}[worth.task]
        names = _QUALITIES[worth.task]
        if base[1] is None or worth.columns or not _whole(study.expects, names):
            return None
        ranges = {f"study.{base[0]}": base[1]}
        says = {NOTHING: _without(worth), **({ALWAYS: "everybody acts, always"} if _always_pays(worth, float(base[1])) else {})}
        today, expects = _stated_today(charter, worth), {name: ranged(getattr(study.expects, name)) for name in names}
        for place, name, quality in (("today", TODAY, today), ("expects", MODEL, expects)):
            if quality:
                ranges |= {f"study.{place}.{one}": value for one, value in quality.items()}
                says[name] = _quality_in_words(name, quality)
        return cls(worth, {**says, PERFECT: "decisions that are never wrong"}, ranges)

    def assumptions(self) -> list[Assumption]:
        """Each stated range."""
        return [_assumption(name, one) for name, one in self.ranges.items()]

    def dues(self, values: Values) -> Dues:
        """The terms that fall due at these shares."""
        said = {name: np.atleast_1d(values.get(name, np.array([float(one)]))) for name, one in self.ranges.items()}
        base = said.get("study.happens", said.get("study.spread", np.zeros(1)))
        nought = np.zeros_like(base)
        found = {NOTHING: _dues(self.worth, base, None), PERFECT: _perfect(self.worth, base), ALWAYS: np.stack([base, 1 - base, nought, nought], axis=-1)}
        for place, name in (("today", TODAY), ("expects", MODEL)):
            quality = {one: said[f"study.{place}.{one}"] for one in _QUALITIES[self.worth.task] if f"study.{place}.{one}" in said}
            if quality:
                found[name] = _dues(self.worth, base, quality)
        return {name: found[name] for name in self.says}

    def noise(self, count: int) -> None:
        """Nothing was measured."""

    def leaning(self, prices: Floats, one: str, other: str, steps: Floats) -> None:
        """Nothing was measured."""


_QUALITIES: dict[str, tuple[str, ...]] = {"binary": ("precision", "recall"), "multiclass": ("accuracy",), "regression": ("error",)}
_WORDS = {
    "happens": "the share of cases in which it happens",
    "spread": "how far a number lies from its middle",
}
_QUALITY_WORDS = {
    "precision": "how often {} is right when it acts",
    "recall": "how much of what happens {} catches",
    "accuracy": "how often {} is right",
    "error": "how far {} is off on average",
}
_WHOSE = {"today": "today's way", "expects": "the model"}
_SAID = {
    "precision": "right in {} of the cases that it acts on",
    "recall": "acting on {} of the cases in which it happens",
    "accuracy": "right in {} of the cases",
    "error": "off by {} on average",
}


def _whole(quality: QualitySpec, names: Sequence[str]) -> bool:
    return all(getattr(quality, name) is not None for name in names)


def _stated_today(charter: CharterSpec, worth: Worth) -> dict[str, Ranged]:
    """How good what is done today is, as stated; nothing where it is not stated whole."""
    today, names = charter.study.today, _QUALITIES[worth.task]
    return {name: ranged(getattr(today, name)) for name in names} if today is not None and _whole(today, names) else {}


def _assumption(name: str, value: Ranged) -> Assumption:
    _, place, *quality = name.split(".")
    says = _QUALITY_WORDS[quality[0]].format(_WHOSE[place]) if quality else _WORDS[place]
    return Assumption(name, says, value, "" if name.endswith(("spread", "error")) else "%")


def _quality_in_words(name: str, quality: Mapping[str, Ranged]) -> str:
    said = ", ".join(_SAID[one].format(_said(value, is_share=one != "error")) for one, value in quality.items())
    return f"{'what is done today' if name == TODAY else 'a model'}, as stated: {said}"


def _base(worth: Worth, nothing: Floats) -> Floats:
    """The share of cases in which it happens, or its like, from the terms that fall due when nothing is done."""
    return nothing.sum(axis=-1) if worth.task == "regression" else nothing[..., 2 if worth.task == "binary" else 0]


def _said(value: Ranged, *, is_share: bool) -> str:
    ends = (value.low, value.high) if value.low < value.high else (float(value),)
    return " to ".join(f"{end:.0%}" if is_share else figure(end) for end in ends)


def _without(worth: Worth) -> str:
    return {"binary": "nobody acts", "multiclass": "the most frequent class for all", "regression": "one middle number for all"}[worth.task]


def _always_pays(worth: Worth, happens: float) -> bool:
    """Whether acting always earns more than never."""
    if worth.task != "binary":
        return False
    act_right, act_wrong, miss, rest = (float(worth.terms[name]) for name in Worth.BINARY)  # type: ignore[arg-type]
    return happens * (act_right - miss) + (1 - happens) * (act_wrong - rest) > 0


def _dues(worth: Worth, base: Floats, quality: Mapping[str, Floats] | None) -> Floats:
    """Shares of the terms: of nothing where there is no quality."""
    if worth.task == "multiclass":
        right = base if quality is None else quality["accuracy"]
        return np.stack([right, 1 - right], axis=-1)
    if worth.task == "regression":
        half = (base if quality is None else quality["error"]) / 2
        return np.stack([half, half], axis=-1)
    if quality is None:
        return np.stack([np.zeros_like(base), np.zeros_like(base), base, 1 - base], axis=-1)
    base, precision, recall = np.broadcast_arrays(base, np.maximum(quality["precision"], 1e-9), quality["recall"])
    right = base * recall
    # No more can be acted on for nothing than does not happen.
    wrong = np.minimum(right * (1 - precision) / precision, 1 - base)
    return np.stack([right, wrong, base - right, 1 - base - wrong], axis=-1)


def _perfect(worth: Worth, base: Floats) -> Floats:
    nought = np.zeros_like(base)
    if worth.task == "multiclass":
        return np.stack([nought + 1, nought], axis=-1)
    if worth.task == "regression":
        return np.stack([nought, nought], axis=-1)
    act_right, act_wrong, miss, rest = (float(worth.terms[name]) for name in Worth.BINARY)  # type: ignore[arg-type]
    hit, spared = act_right > miss, rest >= act_wrong
    return np.stack([base * hit, (1 - base) * (not spared), base * (not hit), (1 - base) * spared], axis=-1)
