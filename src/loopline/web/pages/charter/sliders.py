"""The numbers that a reader may move, and where each of them stands. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from loopline.charter.outlay import RATE
from loopline.charter.prospect import WORDS
from loopline.charter.spec import CharterSpec
from loopline.charter.supposing import PRICE, VOLUME
from loopline.declaration import figure
from loopline.errors import Mistake

THRESHOLD = "threshold"
STEPS = 100
"""So many steps a slider has at least."""
_LEAST = 1e-9
"""A track that is shorter has no round steps: twelve digits do not tell them apart."""
_FINEST = 10_000
_LABELS = {VOLUME: "Decisions that come", RATE: "An hour of people's work", THRESHOLD: "Act from this probability on"}


@dataclass(frozen=True, kw_only=True)
class Slider:
    """A number that can be moved.

    Parameters
    ----------
    name
        Its field, and its name in the address.
    value, present
        Where it is moved to, and where it stands.
    low, high, step
        Of its track; the step is ``any`` where no round one meets where it stands.
    """

    name: str
    label: str
    unit: str
    value: float
    present: float
    low: float
    high: float
    step: str

    @property
    def id(self) -> str:
        """Its id on the page."""
        return self.name.replace(".", "-")

    @property
    def is_moved(self) -> bool:
        """Whether it stands elsewhere than where it is declared."""
        return not math.isclose(self.value, self.present, rel_tol=1e-9, abs_tol=1e-9)

    @property
    def says(self) -> str:
        """Where it is moved to, in its unit."""
        return f"{figure(self.value)} {self.unit}".strip()

    @property
    def was(self) -> str:
        """Where it stands, in its unit."""
        return f"{figure(self.present)} {self.unit}".strip()

    @property
    def written(self) -> str:
        """Its value in an address and in a command, with all its digits."""
        return f"{self.value:.12g}"

    def as_json(self) -> dict[str, Any]:
        """The slider as plain values."""
        return {**asdict(self), "is_moved": self.is_moved}


def sliders(charter: CharterSpec, numbers: Mapping[str, float], threshold: float | None) -> tuple[Slider, ...]:
    """A slider for each number, where they stand.

    Parameters
    ----------
    numbers
        As `loopline.charter.supposing.numbers` gives them.
    threshold
        From which probability on the package acts that decides; None where it goes by something else.
    """
    return tuple(_sliders(charter, numbers, threshold))


def _sliders(charter: CharterSpec, numbers: Mapping[str, float], threshold: float | None) -> Iterator[Slider]:
    currency = charter.worth.currency
    widest = max((abs(value) for name, value in numbers.items() if name.startswith(PRICE)), default=1.0) or 1.0
    for name, present in numbers.items():
        is_price = name.startswith(PRICE)
        words = WORDS[name.removeprefix(PRICE)] if is_price else _LABELS[name]
        unit = f"per {charter.volume.period}" if name == VOLUME and charter.volume is not None else currency
        low, high = (-widest, widest) if is_price and not present else (min(0.0, 2 * present), max(0.0, 2 * present))
        yield slider(name, words[:1].upper() + words[1:], unit, present, low, high)
    if threshold is not None:
        yield slider(THRESHOLD, _LABELS[THRESHOLD], "", threshold, 0.0, 1.0)


def slider(name: str, label: str, unit: str, present: float, low: float, high: float) -> Slider:
    """A slider whose track has round steps, one of which is where it stands."""
    anywhere = Slider(name=name, label=label, unit=unit, value=present, present=present, low=low, high=high, step="any")
    span = high - low or 1.0
    if span < _LEAST:
        return anywhere
    step = 10.0 ** math.floor(math.log10(span / STEPS))
    while not _is_whole(present / step) and span / step < _FINEST:
        step /= 10
    if not _is_whole(present / step):
        return anywhere
    ends = (math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step)
    rounded = [float(f"{end:.12g}") for end in ends]
    if name == VOLUME:
        # Without any decision there is nothing to reckon.
        rounded[0] = step
    return Slider(name=name, label=label, unit=unit, value=present, present=present, low=rounded[0], high=rounded[1], step=f"{step:.12g}")


def _is_whole(number: float) -> bool:
    return math.isclose(number, round(number), rel_tol=1e-9, abs_tol=1e-6)


def moved(all: tuple[Slider, ...], query: Mapping[str, str]) -> tuple[Slider, ...]:
    """The sliders where an address moves them to.

    Raises
    ------
    Mistake
        When what it says is no number.
    """
    return tuple(one if one.name not in query else replace(one, value=_number(one, query[one.name])) for one in all)


def _number(one: Slider, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or abs(value) > 1e15:
        raise Mistake(f"{text[:40]!r} is no number", where=one.label, remedy=f"give a number, such as {one.present:.12g}")
    if one.name == THRESHOLD and not 0 <= value <= 1:
        raise Mistake(f"{text[:40]!r} is no probability", where=one.label, remedy="give a number from 0 to 1")
    return value
