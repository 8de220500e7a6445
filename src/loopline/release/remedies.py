"""What to do about a package that does not pass its gates. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from shlex import quote
from typing import Any

from loopline.release.waivers import failing

MEASURED = ("latency", "memory")
"""The gates that judge a measurement of this machine, which may come out otherwise the next time."""

_CHANGES = {
    "contract": "deliver rows that keep the contract, or change data.contract or release.refused_share",
    "data_tests": "mend the rows that the test found, or change it or release.gates.data_tests",
    "beats_baseline": "deliver more or other data, or change model",
    "worst_slice": "deliver more rows or columns that tell of the slice, or change release.gates.worst_slice",
    "fairness": "name the column in model.fairness, change the data or the policy, or change release.gates.fairness",
    "calibration": "deliver more or newer data, or change release.gates.calibration",
    "parity": "leave the family out of model.families",
    "signature": "let it be signed by whom release.gates.signature names: loopline model sign",
    "licences": "leave out what needs the library, or change release.gates.licences",
    "vulnerabilities": "upgrade the library, or say in release.gates.vulnerabilities.ignore why it does not matter",
    "budget": "say a price in charter.prices, search less (model.search), or change release.gates.budget",
    "where_to_run": "say prices in charter.prices, train less often, or change release.gates.where_to_run",
    "beats_champion": "the champion stays: deliver newer data, or change model",
}


def following(gates: Sequence[Mapping[str, Any]], waivable: Mapping[str, Sequence[str]] | None = None) -> str:
    """What comes next after these verdicts: a command where measuring again may help, else what to change first, in words.

    Parameters
    ----------
    gates
        The verdicts in the facts of the gates, at least one of which neither passed nor is waived.
    waivable
        From a gate to the roles that may waive it.
    """
    failed = [str(gate["name"]) for gate in failing(gates)]
    roles = {name: said for name in failed if (said := (waivable or {}).get(name))}
    if len(roles) == len(failed):
        name = failed[0]
        return f"{_mended(failed)}, or let {' or '.join(roles[name])} waive it: loopline release waive {quote(name)} --as {roles[name][0]} --why '...'"
    return _mended(failed)


def _mended(failed: Sequence[str]) -> str:
    if any(name in MEASURED for name in failed):
        return "loopline run --fresh release"
    changes = [_CHANGES[name] if name in _CHANGES else _for_criterion(name) for name in failed]
    return f"{'; '.join(changes)}; then: loopline run"


def _for_criterion(gate: str) -> str:
    return f"change the data, the model or the criterion {gate.removeprefix('acceptance ')} in charter.acceptance"
