"""What a window's decisions are expected to show once their outcomes come: frozen values that merge, and are plain JSON."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, Literal

from loopline.watch.earned import CONFIDENCE, Sums

Method = Literal["confidence", "weighted", "none"]
"""From the scores' own probabilities, from the weighted test part, or not at all."""

REACH = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
"""Standard errors to either side of an estimate that its interval spans, as long as estimates have come true as well as they should."""

_SHARE = (0.0, 1.0)
_RANGES: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(("roc_auc", "brier", "precision", "recall", "accuracy", "macro_f1"), _SHARE),
    **dict.fromkeys(("log_loss", "mae", "rmse"), (0.0, math.inf)),
    "r2": (-math.inf, 1.0),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """An estimated number.

    Parameters
    ----------
    noise
        Standard deviation of what comes true about what is expected, were the chances known: it shrinks with the window's rows.
    doubt
        Standard error of the chances themselves, which come from the test part: every window shares it.
    """

    value: float
    noise: float
    doubt: float

    @property
    def error(self) -> float:
        """The standard error of what comes true less the estimate."""
        return math.hypot(self.noise, self.doubt)

    def interval(self, widened: float) -> tuple[float, float]:
        """The interval that should hold what comes true, as often as windows' intervals do (`loopline.watch.earned.CONFIDENCE`).

        Parameters
        ----------
        widened
            In the figure's unit, on either side.
        """
        reach = REACH * self.error + widened
        return self.value - reach, self.value + reach


@dataclass(frozen=True, kw_only=True)
class Record:
    """How estimates of a number have come true in the windows before.

    Parameters
    ----------
    checked, beyond
        Windows whose outcomes have come, and those of them in which the number lay beyond its interval.
    widened
        By so much the interval is wider on either side, in the figure's unit, because of how far off earlier estimates were.
    silent
        Whether they were wrong so often that the estimate is not to be acted on.
    """

    checked: int = 0
    beyond: int = 0
    widened: float = 0.0
    silent: bool = False

    def as_json(self) -> dict[str, Any]:
        """The record as plain values."""
        return {"checked": self.checked, "beyond": self.beyond, "widened": self.widened, "silent": self.silent}


NEW = Record()
"""Of a number that has never been checked."""


@dataclass(frozen=True, kw_only=True)
class Estimated:
    """What a window's decisions are expected to show once all outcomes have come.

    Parameters
    ----------
    why
        In words, why this method, or why none.
    rows
        The window's rows when it was estimated.
    basis
        Names the test part, the declaration and the code: the same basis and as many rows give the same estimate.
    money, loss
        The expected sums over the rows.
    figures
        The metrics, ``worth`` (money per decision) among them.
    records
        How each figure's estimates came true before.
    """

    method: Method
    why: str
    rows: int
    basis: str = ""
    money: Sums = Sums()
    loss: Sums = Sums()
    figures: Mapping[str, Figure] = field(default_factory=dict)
    records: Mapping[str, Record] = field(default_factory=dict)

    def record(self, name: str) -> Record:
        """How a figure's estimates came true before."""
        return self.records.get(name, NEW)

    def as_json(self) -> dict[str, Any]:
        """The estimate as plain values."""
        said = {name: self._said(name, figure) for name, figure in sorted(self.figures.items())}
        return {
            "method": self.method,
            "why": self.why,
            "rows": self.rows,
            "worth": said.pop("worth", None),
            "metrics": said,
            "sums": {name: [part.count, part.total, part.squares] for name, part in (("money", self.money), ("loss", self.loss))},
            "basis": self.basis,
        }

    def _said(self, name: str, figure: Figure) -> dict[str, Any]:
        record = self.record(name)
        least, most = _RANGES.get(name, (-math.inf, math.inf))
        low, high = (min(max(bound, least), most) for bound in figure.interval(record.widened))
        value = {"per_decision" if name == "worth" else "value": figure.value}
        return {**value, "low": low, "high": high, "noise": figure.noise, "doubt": figure.doubt, **record.as_json()}

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> Estimated:
        """What `as_json` gave, without the records, which are made anew from the windows."""
        figures = {name: Figure(one["value"], one["noise"], one["doubt"]) for name, one in said["metrics"].items()}
        if (worth := said["worth"]) is not None:
            figures["worth"] = Figure(worth["per_decision"], worth["noise"], worth["doubt"])
        money, loss = (Sums(*said["sums"][name]) for name in ("money", "loss"))
        return cls(method=said["method"], why=said["why"], rows=said["rows"], basis=said["basis"], money=money, loss=loss, figures=figures)


def silences(said: Mapping[str, Any]) -> str:
    """In words, which estimates of a window, as `Estimated.as_json` gives it, are silent, and why; empty where none is."""
    told = {name: one for name, one in {"worth": said["worth"], **said["metrics"]}.items() if one is not None and one["silent"]}
    if not told:
        return ""
    *names, last = told
    beyond, checked = ({one[name] for one in told.values()} for name in ("beyond", "checked"))
    what = f"the estimates of {', '.join(names)} and {last} are silent" if names else f"the estimate of {last} is silent"
    where = f"what came true lay beyond {'their intervals' if names else 'its interval'}"
    return f"{what}: in {_between(beyond)} of the last {_between(checked)} windows {where}"


def _between(counts: Collection[int]) -> str:
    return f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"


def together(parts: Sequence[Estimated]) -> Estimated:
    """One estimate from those of parts of the same window; a figure that a part does not have is that of the others."""
    if len(parts) == 1:
        return parts[0]
    whole = next((part for part in parts if part.method != "none"), parts[0])
    told = [part for part in parts if part.method == whole.method]
    names = {name for part in told for name in part.figures}
    figures = {name: _mean([(part.rows, part.figures[name]) for part in told if name in part.figures]) for name in names}
    money, loss = sum((part.money for part in told), Sums()), sum((part.loss for part in told), Sums())
    rows = sum(part.rows for part in parts)
    return Estimated(method=whole.method, why=whole.why, rows=rows, basis=whole.basis, money=money, loss=loss, figures=figures)


def _mean(parts: Sequence[tuple[int, Figure]]) -> Figure:
    rows = sum(each for each, _ in parts)
    value, doubt = (sum(each * getattr(figure, name) for each, figure in parts) / rows for name in ("value", "doubt"))
    return Figure(value, math.sqrt(sum((each * figure.noise) ** 2 for each, figure in parts)) / rows, doubt)
