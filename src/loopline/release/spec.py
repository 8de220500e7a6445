"""The release as it is declared: who must approve, and the limits that the gates hold."""

from __future__ import annotations

from pydantic import Field

from loopline.charter.spec import Role
from loopline.declaration import Spec


class ReleaseSpec(Spec):
    """Approvals by role, and the budgets of the gates."""

    approvals: dict[Role, int] = {}
    latency_ms: float = Field(default=20.0, gt=0)
    memory_mb: float = Field(default=1000.0, gt=0)
    refused_share: float = Field(default=0.2, ge=0, le=1)
