"""What decided when, in words: by which figures, and who signed for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from loopline.cli.output import minute, table
from loopline.cli.release_check import gate_row

Told = Mapping[str, Any]


def reigns_text(reigns: Sequence[Told], *, in_full: bool, way_back: str) -> str:
    """The reigns as a table; in full each with its gates and its signatures.

    Parameters
    ----------
    way_back
        The command that lets the package before decide again; empty where there is none.
    """
    withdrawals = {
        reign["entry"]: [withdrawal(one, way_back if reign["until"] is None else "") for one in reign["approvals"] if one["withdrawn"] is not None]
        for reign in reigns
    }
    if in_full:
        return "\n\n".join("\n".join([_in_full(reign), *withdrawals[reign["entry"]]]) for reign in reigns)
    rows = [line for reign in reigns for line in (_row(reign), *map(_trial, reign["trials"]))]
    return "\n".join([table(("from (UTC)", "to", "package", "how", "by", "signed", "why"), rows), *chain.from_iterable(withdrawals.values())])


def _row(reign: Told) -> tuple[str, ...]:
    return minute(reign["since"]), _until(reign), reign["package"][:12], reign["how"], reign["actor"], _mark(reign["signed"]), reign["why"]


def _trial(one: Told) -> tuple[str, ...]:
    """A challenger's trial beside the reign in which it took place."""
    last = one["moves"][-1]
    said = f"{last['action']}: {last['why']}"
    return minute(one["since"]), _until(one), one["package"][:12], "on trial", last["by"], _mark(last["signed"]), said


def _until(reign: Told) -> str:
    return "now" if reign["until"] is None else minute(reign["until"])


def _in_full(reign: Told) -> str:
    by = "" if reign["signed"] is None else f" by {reign['actor']}, signed: {_mark(reign['signed'])}"
    lines = [f"{reign['package'][:12]} decided from {minute(reign['since'])} UTC to {_until(reign)}, {reign['how']}{by}: {reign['why']}"]
    if reign["judged"] is not None:
        waived = {one["gate"]: one for one in reign["waived"]}
        rows = [gate_row({**gate, "waived": waived.get(gate["name"])}) for gate in reign["judged"]["gates"]]
        lines += ["", table(("", "gate", "asked", "found"), rows)]
    for one in reign["trials"]:
        moves = [(minute(made["at"]), made["action"], made["by"], _mark(made["signed"]), _given(made["traffic"]), made["why"]) for made in one["moves"]]
        lines += ["", f"{one['package'][:12]} was on trial beside it:", table(("at (UTC)", "", "by", "signed", "traffic", "why"), moves)]
    if reign["approvals"]:
        signed = [(one["by"], one["role"], minute(one["at"] or "-"), one["fingerprint"], _today(one), one["why"]) for one in reign["approvals"]]
        lines += ["", table(("signed by", "as", "at (UTC)", "key", "today", "why"), signed)]
    return "\n".join(lines)


def _mark(signed: Told | None) -> str:
    """With which key a person signed their move, and what speaks against it today; nothing for what the loop did."""
    if signed is None:
        return ""
    return f"{signed['fingerprint']}, {_today(signed)}" if signed["verifies"] else f"no: {signed['note']}"


def _given(traffic: Told | None) -> str:
    return "none" if traffic is None else f"{traffic['kind']} {100 * traffic['share']:g} %"


def _today(one: Told) -> str:
    if not one["verifies"]:
        return str(one["note"])
    return f"verifies, vouched for by {one['vouched_by']}" if one["vouched_by"] else "verifies"


def withdrawal(one: Told, way_back: str) -> str:
    """That a person took their yes back, and the command that follows from it where there is one."""
    back = one["withdrawn"]
    said = f"{one['by']} took the yes as {one['role']} back at {minute(back['at'])} UTC: {back['why']}"
    return f"{said}; to let the package before decide again: {way_back}" if way_back else said
