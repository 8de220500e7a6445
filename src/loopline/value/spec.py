"""The business analysis as it is declared."""

from __future__ import annotations

from pydantic import Field

from loopline.declaration import Spec


class ValueSpec(Spec):
    """How sure the review must be, from how many outcomes on it judges, and the columns whose segments it tells; by default those that matter most."""

    confidence: float = Field(default=0.9, gt=0.5, lt=1)
    outcomes_needed: int = Field(default=100, ge=2)
    segments: tuple[str, ...] = ()
