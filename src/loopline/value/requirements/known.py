"""What the ledger and the lake know of the acceptance criteria."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from loopline.charter.spec import CharterSpec
from loopline.charter.statement import stated
from loopline.engine.step import Facts
from loopline.lake.blobs import Blobs
from loopline.ledger.entry import now
from loopline.ledger.state import State
from loopline.release.approvals import all_settled_today, judged
from loopline.release.spec import ReleaseSpec
from loopline.value.requirements.history import ACCEPTANCE
from loopline.value.requirements.requirements import Known
from loopline.watch.summary import bodies
from loopline.workspace import Workspace

_ALERT = ("state", "since", "says")


def known(workspace: Workspace, charter: CharterSpec, release: ReleaseSpec, state: State) -> Known:
    """What is known of the criteria now."""
    data = state.facts("data", "join") or state.facts("data", "ingest") or {}
    verdicts = judged(state)
    settled = all_settled_today(release, charter, state, [_asked_for(entry.body["facts"]) for entry in verdicts])
    open_now = [entry for entry in state.open_alerts() if entry.body["monitor"] == "criterion"]
    return Known(
        task=data.get("task"),
        columns=frozenset(column["name"] for column in data["columns"]) if "columns" in data else None,
        champion=state.champion,
        judged=[(entry.time, facts) for entry, facts in zip(verdicts, settled, strict=True)],
        reviews=[(at, {"criteria": criteria or ()}) for at, criteria in workspace.ledger.parts("criteria", kinds=("review",))],
        charters=[(entry.time, entry.body["charter"].get("acceptance", [])) for entry in state.charters],
        windows=windows_of(workspace, state, state.champion),
        priced_since=_priced_since(state, charter),
        alerts={entry.body["feature"]: {"id": entry.subject, **{name: entry.body[name] for name in _ALERT}} for entry in open_now},
    )


def _asked_for(facts: Facts) -> Facts:
    """The gates' facts on a package, as far as they are about criteria: a tenth of them."""
    return {**facts, "gates": [gate for gate in facts["gates"] if gate["name"].startswith(ACCEPTANCE)]}


def _priced_since(state: State, charter: CharterSpec) -> datetime | None:
    """Since when the prices hold that are declared now; None where the ledger knows no others."""
    worth, since = stated(charter).get("worth"), now()
    for entry in reversed(state.charters):
        if entry.body["charter"].get("worth") != worth:
            return since
        since = entry.time
    return None


def windows_of(workspace: Workspace, state: State, package: str | None) -> list[dict[str, Any]]:
    """The bodies of a package's windows in the order of time; none where no package is meant, or nothing was watched yet."""
    facts = state.facts("watch", "windows")
    if facts is None or package is None:
        return []
    return bodies(Blobs(workspace.lake), facts["summary"], package=package)
