"""The release as it is declared: who must approve, and the limits that the gates hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import Discriminator, Field, Tag

from loopline.charter.spec import Role
from loopline.declaration import Spec

Move = Literal["promotion", "rollback"]
"""What moves the champion's pointer, and may ask for approvals."""
MOVES: tuple[str, ...] = get_args(Move)
PROMOTION, ROLLBACK = MOVES

People = Annotated[int, Field(ge=0)]
ByRole = dict[Role, People]


def _form(said: object) -> str:
    return "moves" if isinstance(said, Mapping) and any(isinstance(value, Mapping) for value in said.values()) else "roles"


Approvals = Annotated[
    Annotated[ByRole, Tag("roles")] | Annotated[dict[Move, ByRole], Field(min_length=1), Tag("moves")],
    Discriminator(_form),
]
"""From a role to how many of its people must say yes to a promotion; or the same for each move."""


class ReleaseSpec(Spec):
    """Approvals by role, and the budgets of the gates."""

    approvals: Approvals = {}
    four_eyes: bool = False
    latency_ms: float = Field(default=20.0, gt=0)
    memory_mb: float = Field(default=1000.0, gt=0)
    refused_share: float = Field(default=0.2, ge=0, le=1)

    def asked(self, move: str) -> dict[str, int]:
        """The roles that must say yes to a move, with how many people of each."""
        said: Mapping[Any, Any] = self.approvals
        by_move = said if _form(said) == "moves" else {PROMOTION: said}
        return {str(role): needed for role, needed in by_move.get(move, {}).items() if needed > 0}
