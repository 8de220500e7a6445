"""Each acceptance criterion traced: the check that shows it, its value now, and its values in the packages before. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loopline.charter.spec import Criterion
from loopline.engine.step import Facts

LAST = 10
"""How many packages a history goes back."""


def traced(criteria: Sequence[Criterion], judged: Sequence[Facts], package: str) -> list[dict[str, Any]]:
    """The criteria in the order of the charter, each with what the gates found.

    Parameters
    ----------
    judged
        The gates' facts on each package, oldest first.
    package
        The digest of the package that is asked about; the history ends with it.

    Returns
    -------
    list
        For each criterion ``id``, ``says``, ``check``, ``value`` and ``passed`` of the package (None where it was not judged by this criterion, or the check
        is not about one number), and ``history``: ``package``, ``value``, ``passed`` of the last `LAST` packages that were, oldest first.
    """
    until = next((place for place, facts in enumerate(judged) if facts["package"] == package), len(judged) - 1)
    return [_traced(criterion, judged[: until + 1], package) for criterion in criteria]


def _traced(criterion: Criterion, judged: Sequence[Facts], package: str) -> dict[str, Any]:
    found = ((facts["package"], _verdict(facts, criterion)) for facts in judged)
    history = [{"package": of, "value": gate["value"], "passed": gate["passed"]} for of, gate in found if gate is not None][-LAST:]
    now = history[-1] if history and history[-1]["package"] == package else {"value": None, "passed": None}
    return {"id": criterion.id, "says": criterion.says, "check": criterion.check, "value": now["value"], "passed": now["passed"], "history": history}


def _verdict(facts: Facts, criterion: Criterion) -> Mapping[str, Any] | None:
    # Nothing was asked of a package that was judged before the criterion had a check.
    return next((gate for gate in facts["gates"] if gate["name"] == f"acceptance {criterion.id}" and gate.get("asked") != ""), None)
