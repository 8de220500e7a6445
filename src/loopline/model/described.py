"""A package in full: what it is, earns, and where it fails, for whoever must judge it."""

from __future__ import annotations

from typing import Any

from loopline.lake.blobs import Blobs
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.ledger.store import Ledger
from loopline.model.origin import import_of
from loopline.model.package import Package, load, written
from loopline.model.packages import EVALUATION, facts_of
from loopline.model.signing import Trust
from loopline.workspace import Workspace


def opened(workspace: Workspace, state: State, entry: Entry) -> dict[str, Any]:
    """A package in the lake as `described` tells it."""
    trust = Trust.of(workspace.ledger)
    return described(load(Blobs(workspace.lake), entry.subject, trust), entry, state, workspace.ledger, trust)


def described(package: Package, entry: Entry, state: State, ledger: Ledger, trust: Trust) -> dict[str, Any]:
    """A package as ``loopline model show --json`` has it, but for the picture.

    Raises
    ------
    Fault
        When nobody who is trusted signed it.
    """
    facts, body = facts_of(state, ledger, entry), entry.body
    scoring = package.parsed("scoring.json")
    brought = import_of(entry, ledger.read(kinds=("import",)))
    gates = state.facts("release", "gates") or {}
    return {
        "package": entry.subject,
        "family": body["manifest"]["family"],
        "members": scoring["members"],
        "task": body["manifest"]["task"],
        "made": entry.time.isoformat(),
        "imported": None if brought is None else brought.as_json(),
        "is_champion": state.champion == entry.subject,
        "champion": state.champion,
        "signed_by": trust.require(package.digest, written(package.manifest)),
        "size_bytes": sum(len(data) for data in package.contents.values()),
        "rows": facts.get("rows"),
        "currency": facts.get("currency"),
        "worth": body["worth"],
        "metrics": body["metrics"],
        "policy": body["policy"],
        "calibration": scoring.get("calibration"),
        "open_questions": [f"{one['says']} ({one['remedy'].rstrip('.')})" for one in facts.get("leaks", ())],
        "search": {name: facts["search"][name] for name in ("seconds", "workers", "ended")} | {"trials": facts["trials"]} if "search" in facts else None,
        "gates": gates["gates"] if gates.get("package") == entry.subject else None,
        "evaluation": package.parsed(EVALUATION) if EVALUATION in package.contents else None,
        "card": package.text("card.md"),
    }
