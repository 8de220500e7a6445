"""What the explanation of a breach rests on, read from ledger and lake."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from loopline.charter.spec import WorthSpec
from loopline.lake.blobs import Blobs
from loopline.lake.tables import Tables
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.ledger.store import Ledger
from loopline.model.package import Package, load
from loopline.model.policy import Policy, columns_of
from loopline.model.signing import Trust
from loopline.watch.decisions import Decisions, on_test_part, served, types_of
from loopline.watch.explain import explain
from loopline.watch.explanation import Body, Explanation
from loopline.watch.gauge import gauge
from loopline.watch.proof import evidence_of
from loopline.watch.summary import bodies
from loopline.watch.upstream import KINDS
from loopline.workspace import Workspace

_FAILED = 1_000
"""So many attempts that failed are looked through, the newest."""
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

    package: Package
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
            columns=sliceable(self.package),
        )

    @property
    def policy(self) -> Policy:
        """The package's policy."""
        said: Policy = self.package.parsed("policy.json")
        return said


def inquire(workspace: Workspace, state: State, package: str, worth: WorthSpec, *, columns: Collection[str] = (), with_open: bool = False) -> Evidence:
    """What is known of a package now, by what the ledger says.

    Parameters
    ----------
    worth
        As the charter declares it.
    columns, with_open
        As in `gather`.
    """
    collected, watched = state.facts("serve", "collect") or {}, state.facts("watch", "windows") or {}
    return gather(
        workspace,
        package,
        worth,
        entries=entries_about(workspace.ledger, package, steps=workspace.ledger.read(kinds=("step",), ids=_failed(state))),
        versions=collected.get("versions", {}),
        summary=watched.get("summary"),
        proof=evidence_of(state, package),
        columns=columns,
        with_open=with_open,
    )


def _failed(state: State) -> list[str]:
    """The newest attempts that failed: of the steps, nothing else explains an alert."""
    return [end.id for end in state.ended if end.state == "failed"][-_FAILED:]


def entries_about(ledger: Ledger, package: str | None, *, steps: Sequence[Entry]) -> list[Entry]:
    """The entries of the kinds `loopline.watch.upstream.KINDS` that tell of a package, in the order of the ledger.

    Parameters
    ----------
    package
        Whose windows are wanted: those of others come by the hundred thousand.
    steps
        Those that are wanted of the steps, which come at every turn.
    """
    windows = ledger.read(kinds=("window",), subject=package) if package else []
    others = ledger.read(kinds=[kind for kind in KINDS if kind not in ("step", "window")])
    return sorted((*others, *windows, *steps), key=lambda entry: entry.seq)


def gather(
    workspace: Workspace,
    package: str,
    worth: WorthSpec,
    *,
    entries: Sequence[Entry],
    versions: Mapping[str, int],
    summary: Mapping[str, Any] | None,
    proof: str | None,
    columns: Collection[str] = (),
    with_open: bool = False,
) -> Evidence:
    """What is known of a package, from the log's tables and the blobs that are named.

    Parameters
    ----------
    entries
        Those of the kinds `loopline.watch.upstream.KINDS`, in the order of the ledger.
    versions
        The version of each of the log's tables.
    summary
        Where the windows are, as the step that computed them said.
    proof
        The blob with the rows of the package's test part.
    columns
        Columns that are read beside the package's own.
    with_open
        Whether the decisions without an outcome are read too.
    """
    blobs = Blobs(workspace.lake)
    made = load(blobs, package, Trust.of(workspace.ledger))
    # The span is that of bins, of which none is looked at here.
    measured = gauge(made, worth, timedelta(days=1))
    read = types_of(made, {*sliceable(made), *columns, *columns_of(made.parsed("policy.json"))})
    return Evidence(
        package=made,
        windows=[] if summary is None else bodies(blobs, summary),
        entries=entries,
        importance=importance_of(made),
        decisions=served(Tables(workspace.lake), versions, measured, read, with_open=with_open),
        reference=None if proof is None else on_test_part(made, blobs.get(proof), measured, read),
        currency=worth.currency,
    )


def sliceable(package: Package) -> list[str]:
    """The columns whose slices are looked at: the package's features with values that can be put into groups, the most important first."""
    keys, worth = package.manifest.get("key", ()), importance_of(package) or {}
    features = types_of(package, package.parsed("reference.json")["features"])
    there = [name for name, kind in features.items() if kind in _SLICED and name not in keys]
    return sorted(there, key=lambda name: (-worth.get(name, 0.0), name))


def importance_of(package: Package) -> dict[str, float] | None:
    """What each column earns the model per decision, by the package's ``explanation.json``; None where it has none."""
    if "explanation.json" not in package.contents:
        return None
    said: Mapping[str, Any] = package.parsed("explanation.json")
    return {one["column"]: one["money"]["mean"] for one in said.get("importance", ())}
