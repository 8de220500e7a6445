"""Whether the data is ready, as people are told it: each finding with who could close it, and what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loopline.access.people import holders
from loopline.charter.spec import CharterSpec
from loopline.data.readiness.evidence import evidence
from loopline.data.readiness.readiness import findings
from loopline.data.spec import DataSpec
from loopline.lake.tables import Tables


@dataclass(frozen=True)
class Verdict:
    """Whether a project's main table is ready for what the charter and the model want.

    Parameters
    ----------
    findings
        What each rule found: ``rule``, ``level``, ``state``, ``says``, ``have``, ``want``, ``role``, ``people``, ``next``.
    """

    table: str
    rows: int
    findings: tuple[Mapping[str, Any], ...]

    @property
    def gaps(self) -> tuple[Mapping[str, Any], ...]:
        """What is not as it should be."""
        return tuple(one for one in self.findings if one["state"] == "gap")

    @property
    def missing(self) -> tuple[Mapping[str, Any], ...]:
        """The gaps that stop the loop."""
        return tuple(one for one in self.gaps if one["level"] == "must")

    @property
    def is_ready(self) -> bool:
        """Whether nothing is missing that the loop cannot do without."""
        return not self.missing

    @property
    def says(self) -> str:
        """The verdict in words."""
        if count := len(self.missing):
            return f"not ready: {count} {'gap' if count == 1 else 'gaps'} must be closed"
        count = len(self.gaps)
        return "ready" + (f", with {count} {'gap that costs' if count == 1 else 'gaps that cost'} something" if count else "")

    @property
    def next(self) -> str:
        """The command that closes the first gap."""
        open_ = [*self.missing, *(one for one in self.findings if one["state"] != "ready")]
        return next((one["next"] for one in open_ if one["next"]), "loopline run")

    def as_json(self) -> dict[str, Any]:
        """The verdict as plain values."""
        return {"ready": self.is_ready, "table": self.table, "rows": self.rows, "findings": [dict(one) for one in self.findings], "next": self.next}


def verdict(data: DataSpec, charter: CharterSpec, tables: Tables, *, test_share: float) -> Verdict:
    """Whether the main table is ready.

    Raises
    ------
    Mistake
        When nothing has been taken in yet.
    """
    seen = evidence(data, charter, tables, test_share=test_share)
    people = {str(role): names for role, names in charter.stakeholders.items()}
    told = [
        {
            "rule": one.name,
            "level": one.level,
            "state": one.state,
            "says": one.says,
            "have": one.have,
            "want": one.want,
            "role": one.role,
            "people": list(holders(one.role, people)),
            "next": one.next.replace("NAME", data.main),
        }
        for one in findings(charter, seen)
    ]
    return Verdict(seen.table, seen.rows, tuple(told))
