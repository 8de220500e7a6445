"""What to do about a package that does not pass its gates. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MEASURED = ("latency", "memory")
"""The gates that judge a measurement of this machine, which may come out otherwise the next time."""

_CHANGES = {
    "contract": "deliver rows that keep the contract, or change data.contract or release.refused_share",
    "beats_baseline": "deliver more or other data, or change model",
    "beats_champion": "the champion stays: deliver newer data, or change model",
    "parity": "leave the family out of model.families",
}


def following(gates: Sequence[Mapping[str, Any]]) -> str:
    """What comes next after these verdicts: a command where measuring again may help, else what to change first, in words.

    Parameters
    ----------
    gates
        The verdicts in the facts of the gates, at least one of which did not pass.
    """
    failed = [gate["name"] for gate in gates if not gate["passed"]]
    if any(name in MEASURED for name in failed):
        return "loopline run --fresh release"
    changes = [_CHANGES[name] if name in _CHANGES else _for_criterion(name) for name in failed]
    return f"{'; '.join(changes)}; then: loopline run"


def _for_criterion(gate: str) -> str:
    return f"change the data, the model or the criterion {gate.removeprefix('acceptance ')} in charter.acceptance"
