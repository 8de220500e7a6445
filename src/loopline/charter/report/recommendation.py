"""Where the next month should go, in words, with the reasons. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from loopline.charter.report.words import amount, between, named, share
from loopline.declaration import counted, figure

Kind = Literal["build", "find_out", "nothing", "undecided"]


def recommended(found: Mapping[str, Any]) -> dict[str, Any]:
    """What is recommended: build one, find something out, nothing, or that it cannot be told.

    Parameters
    ----------
    found
        The comparison as plain values.

    Returns
    -------
    dict
        ``kind``, the ``name`` of the charter that it is about or None, ``says``, and ``first``: what to find out before, in words;
        empty where nothing is worth it.
    """
    rows = found["charters"]
    leader = next((row for row in rows if row["rank"] == 1), None)
    first = found["finding_out"][0] if found["finding_out"] else None
    before = "" if first is None else finding(first, found)
    unknown = next((row for row in rows if row["rank"] is None and not row["decides"] and (row["verdict"] != "no-go" or row["overridden"])), None)
    if leader is not None and leader["promised"]["value"] > 0:
        return _choice("build", leader["name"], _build(leader, found), before)
    if unknown is not None:
        return _choice("undecided", unknown["name"], f"It cannot be told where the next month should go: of {unknown['name']}, {unknown['lack']}", before)
    if first is not None:
        return _choice("find_out", first["charter"], f"Build nothing in the next month, as {_why_not(found)}", before)
    return _choice("nothing", None, f"Nothing is worth the next month: {_why_not(found)}", "")


def _choice(kind: Kind, name: str | None, says: str, first: str) -> dict[str, Any]:
    return {"kind": kind, "name": name, "says": says.rstrip(".") + ".", "first": first}


def _build(leader: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    promise, currency = leader["promised"], found["currency"]
    said = f"{figure(found['hours'])} hours of work on {leader['name']} promise {amount(promise, currency)} of net present value"
    ends = between(promise)
    said += f" ({ends}, nine times in ten)" if ends else ""
    second = next((row for row in found["charters"] if row["rank"] == 2), None)
    said += f", and with a chance of {share(leader['best'])} "
    if second is None:
        said += "they earn anything; nothing else can be held against it"
    else:
        said += f"nothing else is a better use of them; next comes {second['name']} with {amount(second['promised'], currency)}"
    return f"{said}. {simpler(leader)}" if leader["simpler"] else said


def simpler(row: Mapping[str, Any]) -> str:
    """What is expected to be worth more than a charter's model."""
    other, model = (amount(found, row["currency"]) for found in (row["simpler"]["npv"], row["npv"]))
    name = named(row["simpler"]["name"], row["simpler"]["task"]).lower()
    return f"Without a model, {name} is expected to be worth {other}, and the model {model}: try that first"


def finding(one: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """What to find out, and how much that is worth."""
    worth = f"worth up to {figure(one['worth'])} {found['currency']}"
    if one["hours"] is not None:
        enough = one["hours"] >= found["hours"]
        worth += ", more than the whole month costs" if enough else f", or {counted(round(one['hours']), 'hour')} of work"
    return f"Find out first, of {one['charter']}: {one['says']}. To know it is {worth}."


def _why_not(found: Mapping[str, Any]) -> str:
    leader = next((row for row in found["charters"] if row["rank"] == 1), None)
    if leader is not None:
        return f"even the best use of it, {leader['name']}, is expected to lose {figure(-leader['promised']['value'])} {found['currency']}"
    return "; ".join(f"{row['name']}: {row['lack']}" for row in found["charters"])
