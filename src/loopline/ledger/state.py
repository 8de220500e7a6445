"""What holds now: a fold over the ledger's entries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loopline.ledger.entry import Entry
from loopline.ledger.spend import Span, Spend, account

FOLDED = (
    *("step", "approval", "override", "champion", "alert", "silence", "message", "package", "delivery", "import", "gc", "constraint", "waiver", "rollout"),
    *("key", "signature", "experiment", "retrain", "charter"),
)
"""The kinds that `fold` reads; kinds that come by the thousand (trials, windows, batches) are asked for where they are needed."""

GATES = ("release", "gates")
"""The stage and the name of the step that judges a package."""


@dataclass(frozen=True)
class State:
    """The facts that hold after the entries that were folded.

    Parameters
    ----------
    succeeded
        From a step's key to its newest success, but for those whose results have been freed since: they are computed again.
    latest
        From a stage and a step's name to the newest success, whatever its key.
    failed
        From a stage and a step's name to the newest failed attempt, where no later attempt at the step succeeded.
    champions
        The entries that moved the champion's pointer, oldest first; the last one holds.
    approvals
        From a package's digest, or what is signed of a charter, to every word that was said of it, oldest first; whether one counts is told by
        `loopline.release.approvals` and `loopline.release.chartered`.
    verdicts
        From its id to each verdict of the gates.
    overrides
        From what was overridden to the newest override.
    packages
        From a package's digest to the entry that made it.
    alerts
        From an alert's subject to its newest entry.
    silences
        From what nobody is told of to the newest word on it: a silence, or its end.
    messages
        What was told to whom, or could not be, oldest first; `loopline.watch.duty` tells what is still to be told.
    deliveries
        From a table to the newest batch that a person delivered to it by hand.
    constraints
        From a column to the newest word of the expert on its effect: a refusal, or its withdrawal.
    vouched
        The entries that say whose keys are trusted and what was signed, oldest first.
    waivers
        From a gate and the package that is let through it (empty: any) to the newest word on it: a waiver, or its withdrawal.
    rollouts
        The entries by which rollouts began, went on and ended, oldest first; `loopline.release.rollout.course` tells where they stand.
    experiments
        The entries by which experiments began and ended, oldest first; `loopline.serve.experiments` tells where they stand.
    retrains
        The entries that asked for a retraining, oldest first.
    charters
        The charter each time that it changed, oldest first; the last one holds.
    proposal
        The newest model that was imported as a candidate.
    ended
        Every end of a step, oldest first: what it says that the step took is added up by `spend`.
    """

    succeeded: Mapping[str, Entry] = field(default_factory=dict)
    latest: Mapping[tuple[str, str], Entry] = field(default_factory=dict)
    failed: Mapping[tuple[str, str], Entry] = field(default_factory=dict)
    champions: tuple[Entry, ...] = ()
    approvals: Mapping[str, Sequence[Entry]] = field(default_factory=dict)
    verdicts: Mapping[str, Entry] = field(default_factory=dict)
    overrides: Mapping[str, Entry] = field(default_factory=dict)
    packages: Mapping[str, Entry] = field(default_factory=dict)
    alerts: Mapping[str, Entry] = field(default_factory=dict)
    silences: Mapping[str, Entry] = field(default_factory=dict)
    messages: tuple[Entry, ...] = ()
    deliveries: Mapping[str, Entry] = field(default_factory=dict)
    constraints: Mapping[str, Entry] = field(default_factory=dict)
    vouched: tuple[Entry, ...] = ()
    waivers: Mapping[tuple[str, str], Entry] = field(default_factory=dict)
    rollouts: tuple[Entry, ...] = ()
    experiments: tuple[Entry, ...] = ()
    retrains: tuple[Entry, ...] = ()
    charters: tuple[Entry, ...] = ()
    proposal: Entry | None = None
    ended: Sequence[Entry] = ()

    @property
    def champion(self) -> str | None:
        """The digest of the package that decides now."""
        return self.champions[-1].subject or None if self.champions else None

    def facts(self, stage: str, name: str) -> Mapping[str, Any] | None:
        """The facts of a step's newest success, or None where it never succeeded."""
        entry = self.latest.get((stage, name))
        return None if entry is None else entry.body["facts"]

    @property
    def decides(self) -> Entry | None:
        """The entry with which a package decided for the first time."""
        return next((entry for entry in self.champions if entry.subject), None)

    def charter_at(self, seq: int) -> Entry | None:
        """The charter that held when an entry was made; None where the ledger is older than its first charter."""
        return next((entry for entry in reversed(self.charters) if entry.seq <= seq), None)

    def spend(self, usage: Iterable[Entry] = ()) -> dict[Span, Spend]:
        """What was spent, by phase, month and stage.

        Parameters
        ----------
        usage
            What servers reported; these come by the thousand, and are no part of the state.
        """
        return account((*self.ended, *usage), decides=self.decides)

    def open_alerts(self) -> list[Entry]:
        """The alerts that are not resolved, oldest first."""
        return [entry for entry in self.alerts.values() if entry.body["state"] != "resolved"]


def fold(entries: Iterable[Entry]) -> State:
    """The state after the entries, which come in the order of the ledger."""
    found = _Found()
    for entry in entries:
        found.take(entry)
    whole = {name: value for name, value in vars(found).items() if not name.startswith("_")}
    frozen = {name: tuple(whole[name]) for name in ("champions", "vouched", "rollouts", "messages", "experiments", "retrains", "charters")}
    return State(**{**whole, **frozen})


class _Found:
    """What the entries have said so far, under the names of `State`."""

    def __init__(self) -> None:
        self.succeeded: dict[str, Entry] = {}
        self.latest: dict[tuple[str, str], Entry] = {}
        self.failed: dict[tuple[str, str], Entry] = {}
        self.champions: list[Entry] = []
        self.approvals: dict[str, list[Entry]] = {}
        self.verdicts: dict[str, Entry] = {}
        self.overrides: dict[str, Entry] = {}
        self.packages: dict[str, Entry] = {}
        self.alerts: dict[str, Entry] = {}
        self.silences: dict[str, Entry] = {}
        self.messages: list[Entry] = []
        self.deliveries: dict[str, Entry] = {}
        self.constraints: dict[str, Entry] = {}
        self.vouched: list[Entry] = []
        self.waivers: dict[tuple[str, str], Entry] = {}
        self.rollouts: list[Entry] = []
        self.experiments: list[Entry] = []
        self.retrains: list[Entry] = []
        self.charters: list[Entry] = []
        self.proposal: Entry | None = None
        self.ended: list[Entry] = []
        self._newest = {
            "override": self.overrides,
            "package": self.packages,
            "alert": self.alerts,
            "silence": self.silences,
            "delivery": self.deliveries,
            "constraint": self.constraints,
        }
        self._all = {
            "champion": self.champions,
            "rollout": self.rollouts,
            "key": self.vouched,
            "signature": self.vouched,
            "message": self.messages,
            "experiment": self.experiments,
            "retrain": self.retrains,
            "charter": self.charters,
        }
        self._waived: set[str] = set()

    def take(self, entry: Entry) -> None:
        """Take in the next entry."""
        match entry.kind:
            case "step":
                self._step(entry)
            case kind if kind in self._newest:
                self._newest[kind][entry.subject] = entry
            case kind if kind in self._all:
                self._all[kind].append(entry)
            case "approval":
                self.approvals.setdefault(entry.subject, []).append(entry)
            case "import":
                self.proposal = None if entry.body.get("state") == "withdrawn" else entry
            case "waiver":
                self._waiver(entry)
            case "gc":
                for key in entry.body.get("steps", ()):
                    self.succeeded.pop(key, None)

    def _step(self, entry: Entry) -> None:
        state = entry.body.get("state")
        if state == "succeeded":
            self.succeeded[entry.key] = entry
            self.latest[entry.subject, entry.body["name"]] = entry
            self.failed.pop((entry.subject, entry.body["name"]), None)
            if (entry.subject, entry.body["name"]) == GATES:
                self.verdicts[entry.id] = entry
        elif state == "failed":
            self.failed[entry.subject, entry.body["name"]] = entry
        if state in ("succeeded", "failed"):
            self.ended.append(entry)

    def _waiver(self, entry: Entry) -> None:
        # A signature holds wherever its entry is copied to: what was taken back must not come again by a copy.
        signature = str(entry.body.get("signature", ""))
        if not signature or signature not in self._waived:
            self.waivers[entry.subject, entry.body["package"] or ""] = entry
            self._waived.add(signature)
