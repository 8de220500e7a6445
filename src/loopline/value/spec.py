"""The business analysis as it is declared."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator

from loopline.declaration import Share, Spec

BASELINE = "baseline"
MOST_HELD = 0.5
"""More than half would leave the model the smaller part, which tells less and earns less."""


class HoldoutSpec(Spec):
    """The share of the keys that is decided without the model, so that what the model causes can be told.

    `decision` is what is decided for them: ``baseline``, the best decision without the model as the package names it, or one in its own words (``act`` or
    ``rest``, a class, a number).
    """

    share: Share
    decision: float | str = BASELINE

    @field_validator("share")
    @classmethod
    def _leaves_the_model_something(cls, share: float) -> float:
        if share > MOST_HELD:
            raise ValueError(f"a hold-out of {share:.0%} leaves the model too little to decide; say {MOST_HELD:.0%} at most, and 0% for none")
        return share


def _spelled(declared: object) -> object:
    return {"share": declared} if isinstance(declared, str | int | float) and not isinstance(declared, bool) else declared


class ValueSpec(Spec):
    """How sure the review must be, from how many outcomes on it judges, which share of the decisions is taken without the model to compare with, and the
    columns whose segments it tells; by default those that matter most.

    `holdout` is written ``5%``, or ``{share: 5%, decision: rest}``.
    """

    confidence: float = Field(default=0.9, gt=0.5, lt=1)
    outcomes_needed: int = Field(default=100, ge=2)
    holdout: Annotated[HoldoutSpec | None, BeforeValidator(_spelled)] = None
    segments: tuple[str, ...] = ()
