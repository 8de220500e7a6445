"""The business analysis as it is declared."""

from __future__ import annotations

from pydantic import Field

from loopline.declaration import Spec


class ValueSpec(Spec):
    """How sure the review must be, and from how many outcomes on it judges."""

    confidence: float = Field(default=0.9, gt=0.5, lt=1)
    outcomes_needed: int = Field(default=100, ge=2)
