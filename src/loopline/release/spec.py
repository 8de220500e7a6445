"""The release as it is declared: who must approve, the limits that the gates hold, and who may waive them."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal, get_args

from pydantic import Discriminator, Field, Tag, model_validator

from loopline.charter.spec import ByRole, Role
from loopline.declaration import Rate, RateText, Spec
from loopline.release.rollout.plan import Plan, PlanText

GATES = (
    "contract",
    "data_tests",
    "beats_baseline",
    "acceptance",
    "worst_slice",
    "fairness",
    "calibration",
    "latency",
    "memory",
    "parity",
    "signature",
    "licences",
    "vulnerabilities",
    "budget",
    "where_to_run",
    "beats_champion",
)
"""The gates' names in their order; ``acceptance`` stands for one gate for each criterion, such as ``acceptance A1``."""

DENIED = ("AGPL-*", "GPL-*", "SSPL-*", "BUSL-*", "CC-BY-NC-*", "GNU Affero General Public License*", "GNU General Public License*")
"""Licences that ask for the source of what they are part of, or forbid to earn with it."""

Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0)]
Reference = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]


class WorstSliceSpec(Spec):
    """Bounds that hold in every slice that stands out beyond chance.

    `loss`: money per decision that may be lost there beyond what is lost elsewhere. `worth`: money per decision that is earned there at least. `off`: how
    far what is said there may be from what happened, on average: a probability's distance, or a value's.
    """

    loss: Amount | None = None
    worth: float | None = None
    off: Amount | None = None


class GapSpec(Spec):
    """Bounds on how far two groups may lie apart: the `ratio` of the lesser to the greater at least, their `difference` at most."""

    ratio: Share | None = None
    difference: Amount | None = None


class LicencesSpec(Spec):
    """Licences that the libraries may have (`allow`; empty: any) and may not have (`deny`), as SPDX names them; ``*`` stands for anything."""

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = DENIED


class VulnerabilitiesSpec(Spec):
    """A file of known vulnerabilities in OSV's format, and those that do not matter here, each with the reason."""

    advisories: str | None = None
    ignore: dict[str, str] = {}


class WhereToRunSpec(Spec):
    """What running may cost, and how often the model is trained again."""

    budget: RateText | None = None
    retrainings: RateText = Rate(amount=1, period="month")


class GatesSpec(Spec):
    """The limits of the gates, by their names; what is not said is not asked.

    `data_tests`: the share of the rows that a test which only warns may find. `calibration`: how far probabilities may be off on average, or ``chance``: no
    further than chance gives. `fairness`: from a column of ``model.fairness`` and a measure to its bounds. `signature`: who may have signed; anyone who is
    trusted where none is named. `budget`: what making the package may cost.
    """

    data_tests: Share | None = None
    worst_slice: WorstSliceSpec = WorstSliceSpec()
    fairness: dict[str, dict[str, GapSpec]] = {}
    calibration: Share | Literal["chance"] | None = None
    signature: tuple[str, ...] = ()
    licences: LicencesSpec = LicencesSpec()
    vulnerabilities: VulnerabilitiesSpec = VulnerabilitiesSpec()
    budget: Amount | None = None
    where_to_run: WhereToRunSpec = WhereToRunSpec()


Move = Literal["promotion", "rollback", "rollout"]
"""What may ask for approvals: that a package decides, that an earlier one does again, and that one on trial decides though its worth is unknown."""
MOVES: tuple[str, ...] = get_args(Move)
PROMOTION, ROLLBACK, ROLLOUT = MOVES


def _form(said: object) -> str:
    return "moves" if isinstance(said, Mapping) and any(isinstance(value, Mapping) for value in said.values()) else "roles"


Approvals = Annotated[
    Annotated[ByRole, Tag("roles")] | Annotated[dict[Move, ByRole], Field(min_length=1), Tag("moves")],
    Discriminator(_form),
]
"""From a role to how many of its people must say yes to a promotion; or the same for each move."""


class ReleaseSpec(Spec):
    """Approvals by role, the limits of the gates, by gate the roles that may waive it, the steps by which a package takes traffic, and where it is deployed.

    `targets`: from a name to ``module:function``, which is called as ``loopline release deploy --to NAME``.
    """

    approvals: Approvals = {}
    four_eyes: bool = False
    latency_ms: float = Field(default=20.0, gt=0)
    memory_mb: float = Field(default=1000.0, gt=0)
    refused_share: float = Field(default=0.2, ge=0, le=1)
    gates: GatesSpec = GatesSpec()
    waive: dict[str, tuple[Role, ...]] = {}
    rollout: PlanText = Plan()
    targets: dict[str, Reference] = {}

    @model_validator(mode="after")
    def _waives_gates(self) -> ReleaseSpec:
        for name in self.waive:
            if name not in GATES and not name.startswith("acceptance "):
                near = get_close_matches(name, GATES, n=1, cutoff=0.5)
                raise ValueError(f"waive: there is no gate {name!r}; " + (f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(GATES)}"))
        return self

    def asked(self, move: str) -> dict[str, int]:
        """The roles that must say yes to a move, with how many people of each."""
        said: Mapping[Any, Any] = self.approvals
        by_move = said if _form(said) == "moves" else {PROMOTION: said}
        if move == ROLLOUT and ROLLOUT not in by_move and self.rollout.without_outcomes == "approve":
            return {str(self.rollout.approver): 1}
        return {str(role): needed for role, needed in by_move.get(move, {}).items() if needed > 0}
