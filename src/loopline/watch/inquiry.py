"""What the explanation of a breach rests on, read from ledger and lake."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from loopline.charter.spec import WorthSpec
from loopline.lake.blobs import Blobs
from loopline.lake.tables import Tables
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.model.package import Package, load
from loopline.model.signing import Trust
from loopline.watch.decisions import Decisions, served, tested, types_of
from loopline.watch.explain import Body, Explanation, explain
from loopline.watch.gauge import Gauge, gauge
from loopline.watch.stage import evidence_of
from loopline.watch.upstream import KINDS
from loopline.workspace import Workspace

_SLICED = ("category", "boolean", "integer", "number")


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """What is known of one package: its windows, what it decided with what came of it, what its features are worth, and what happened around.

    Parameters
    ----------
    decisions
        The newest served ones; None where it has not served.
    reference
        Those on its test part; None where it came without one.
    """

    windows: Sequence[Body]
    entries: Sequence[Entry]
    importance: Mapping[str, float] | None
    decisions: Decisions | None
    reference: Decisions | None
    currency: str

    def explain(self, alert: Body) -> Explanation | None:
        """What explains the breach that an alert tells of."""
        return explain(
            alert,
            self.windows,
            currency=self.currency,
            entries=self.entries,
            importance=self.importance,
            decisions=self.decisions,
            reference=self.reference,
        )


def inquire(workspace: Workspace, state: State, package: str, worth: WorthSpec, window: timedelta) -> Evidence:
    """What explains the breaches of a package.

    Parameters
    ----------
    worth, window
        As the charter and the watch stage declare them.
    """
    blobs = Blobs(workspace.lake)
    made = load(blobs, package, Trust.of(workspace.ledger))
    measured = gauge(made, worth, window)
    versions = (state.facts("serve", "collect") or {}).get("versions", {})
    columns = types_of(made, sliced(made, measured))
    watched = state.facts("watch", "windows")
    proof = evidence_of(state, package)
    return Evidence(
        windows=[] if watched is None else json.loads(blobs.get(watched["summary"])),
        entries=workspace.ledger.read(kinds=KINDS),
        importance=importance_of(made),
        decisions=served(Tables(workspace.lake), versions, measured, columns),
        reference=None if proof is None else tested(made, blobs.get(proof), measured, columns),
        currency=worth.currency,
    )


def sliced(package: Package, measured: Gauge) -> list[str]:
    """The columns whose slices are looked at: the package's features with values that can be put into groups, but for its keys."""
    keys = package.manifest.get("key", ())
    return [name for name, kind in types_of(package, measured.columns).items() if kind in _SLICED and name not in keys]


def importance_of(package: Package) -> dict[str, float] | None:
    """What each column earns the model per decision, by the package's ``explanation.json``; None where it has none."""
    if "explanation.json" not in package.contents:
        return None
    said: Mapping[str, Any] = package.parsed("explanation.json")
    return {one["column"]: one["money"]["mean"] for one in said.get("importance", ())}
