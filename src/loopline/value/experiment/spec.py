"""What an experiment is to find out, as it is planned: it stands in the entry that begins it."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from loopline.declaration import Spec

WORTH = "worth"
"""The metric of experiments on policies and packages: money per decision, by the charter."""
BUILT_IN = ("acted", "ms", "rating")
"""What can be guarded of decisions: the share that acts, the milliseconds of an answer, and the mean rating of customers."""

LOOK = "experiment {name}"
"""The name of the step that looks at an experiment."""

_GUARD = re.compile(r"\s*(\w[\w. -]*?)\s*(<=|>=)\s*([+-]\d+(?:\.\d+)?|0)\s*")


class Guard(Spec):
    """A figure that must not become worse than the control's by more than a margin.

    Parameters
    ----------
    metric
        One of `BUILT_IN`, or of an experiment on a feature the name of what clients measure.
    margin
        How much more (`worse` is ``higher``) or less (``lower``) than in the control is borne.
    """

    metric: str
    worse: Literal["higher", "lower"]
    margin: float = Field(ge=0, allow_inf_nan=False)

    def __str__(self) -> str:
        return f"{self.metric} <= +{self.margin:g}" if self.worse == "higher" else f"{self.metric} >= -{self.margin:g}"


def parse_guard(text: object) -> object:
    """The guard that words such as ``ms <= +5`` or ``rating >= -0.1`` say: the difference to the control that is borne.

    Raises
    ------
    ValueError
        When they say none.

    Examples
    --------
    >>> parse_guard("ms <= +5")
    Guard(metric='ms', worse='higher', margin=5.0)
    """
    if not isinstance(text, str):
        return text
    match = _GUARD.fullmatch(text)
    if match is None or (float(match[3]) != 0 and (float(match[3]) < 0) == (match[2] == "<=")):
        raise ValueError(f"{text!r} is no guard; write the difference to the control that is borne, as in 'ms <= +5' or 'rating >= -0.1'")
    return Guard(metric=match[1], worse="higher" if match[2] == "<=" else "lower", margin=abs(float(match[3])))


GuardText = Annotated[Guard, BeforeValidator(parse_guard)]


class Plan(Spec):
    """What an experiment is to see, and how surely.

    Parameters
    ----------
    effect
        The smallest difference per unit that is worth finding.
    confidence
        The chance with which no arm is taken for better or worse that is not, at all looks and over all arms together.
    power
        The chance with which a difference of `effect` is found, once as many units have come as were planned.
    metric
        ``worth``, or of an experiment on a feature the name of what clients measure.
    covariate
        What is known of a unit before, by which chance differences are taken out (CUPED): ``expected`` worth by the score, what the unit brought
        ``prior`` to the experiment, or ``none``.
    unmeasured
        Of an experiment on a feature: whether a unit that was not measured is left out, or counts as ``zero``.
    tightest
        The number of pairs for which the bounds are drawn: they are about tightest there.
    units
        The units that were planned for: once they have come, the experiment ends, whatever it has found.
    until
        The last day on which it runs, in UTC; None of one that was begun before there was one.
    """

    effect: float = Field(gt=0, allow_inf_nan=False)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    power: float = Field(default=0.8, ge=0.5, lt=1)
    metric: str = WORTH
    covariate: Literal["expected", "prior", "none"] = "none"
    unmeasured: Literal["left_out", "zero"] = "left_out"
    guards: tuple[GuardText, ...] = ()
    tightest: float = Field(default=2500.0, gt=0)
    units: int | None = Field(default=None, ge=1)
    until: date | None = None

    @model_validator(mode="after")
    def _guards_once(self) -> Plan:
        names = [guard.metric for guard in self.guards]
        if len(set(names)) < len(names):
            raise ValueError("a figure is guarded twice; say each once")
        return self

    @property
    def alpha(self) -> float:
        """The chance of being wrong at any time."""
        return 1 - self.confidence
