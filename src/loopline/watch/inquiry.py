"""What the explanation of a breach rests on, read from ledger and lake."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
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
from loopline.watch.departed import Departed, departed
from loopline.watch.explain import explain
from loopline.watch.explanation import Body, Explanation
from loopline.watch.gauge import gauge
from loopline.watch.proof import evidence_of
from loopline.watch.summary import bodies
from loopline.watch.upstream import KINDS, Happened, Happening, between
from loopline.workspace import Workspace

_OTHERS = tuple(kind for kind in KINDS if kind not in ("step", "window"))
_SLICED = ("category", "boolean", "integer", "number")


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """What is known of one package: its windows, what it decided with what came of it, what its features are worth, and what tells what happened around.

    Parameters
    ----------
    decisions
        The newest served ones; None where it has not served.
    reference
        Those on its test part; None where it came without one.
    """

    package: Package
    windows: Sequence[Body]
    happened: Happened
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
            happened=self.happened,
            importance=self.importance,
            decisions=self.decisions,
            reference=self.reference,
            columns=sliceable(self.package),
            profiles=self.package.parsed("reference.json")["features"],
        )

    def departed(self, alert: Body) -> tuple[Departed, ...]:
        """The columns that have left their range in the newest window in which an alert of theirs was seen."""
        last = [window for window in self.windows if window["package"] == alert["package"] and window["start"] == alert["last"]]
        return departed(last, self.package.parsed("reference.json")["features"])

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
        happened=partial(_happened, workspace.ledger, state),
        versions=collected.get("versions", {}),
        summary=watched.get("summary"),
        proof=evidence_of(state, package),
        columns=columns,
        with_open=with_open,
    )


def _happened(ledger: Ledger, state: State, package: str, good: Body | None, bad: Body) -> list[Happening]:
    """What `loopline.watch.upstream.between` tells, of which only the entries of that time are read: batches come by the ten thousand."""
    first, last = (good or bad)["start"], bad["start"]
    entered = [ledger.read(kinds=("window",), subject=package, key=start, limit=1) for start in (first, last)]
    spans = [(ledger.place(datetime.fromisoformat(first), is_before=True), ledger.place(datetime.fromisoformat(bad["end"])))]
    spans += [(entered[0][0].seq, entered[1][0].seq)] if all(entered) else []
    failed = [end for end in state.ended if end.state == "failed" and any(after < end.seq <= until for after, until in spans)]
    found = [entry for after, until in spans for entry in ledger.read(kinds=_OTHERS, after=after, before=until + 1)]
    # Of the steps, only what failed explains an alert.
    found += [*ledger.read(kinds=("step",), ids=[end.id for end in failed]), *(entry for one in entered for entry in one)]
    return between(sorted({entry.seq: entry for entry in found}.values(), key=lambda entry: entry.seq), package, good, bad)


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
    others = ledger.read(kinds=_OTHERS)
    return sorted((*others, *windows, *steps), key=lambda entry: entry.seq)


def gather(
    workspace: Workspace,
    package: str,
    worth: WorthSpec,
    *,
    happened: Happened,
    versions: Mapping[str, int],
    summary: Mapping[str, Any] | None,
    proof: str | None,
    columns: Collection[str] = (),
    with_open: bool = False,
) -> Evidence:
    """What is known of a package, from the log's tables and the blobs that are named.

    Parameters
    ----------
    happened
        Tells what happened upstream between two windows.
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
        happened=happened,
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
