"""What holds now: a fold over the ledger's entries. What has been taken in stays, and the states that are handed out share it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec

from loopline.ledger.entry import Entry
from loopline.ledger.spend import USAGE, End, Span, Spend, add, end_of

FOLDED = (
    *("step", "approval", "override", "champion", "alert", "silence", "message", "package", "delivery", "import", "gc", "constraint", "waiver", "rollout"),
    *("key", "signature", "experiment", "retrain", "charter", USAGE),
)
"""The kinds that are folded; kinds that come by the thousand (trials, windows, batches) are asked for where they are needed."""

GATES, SEARCH = ("release", "gates"), ("model", "search")
"""The stage and the name of the step that judges a package, and of the one that makes it."""


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
    made
        From a package's digest to the keys of the steps of model and release that succeeded with it in their facts.
    learned
        The newest end of a step that told of outcomes before the newest search.
    alerts
        From an alert's subject to its newest entry.
    silences
        From what nobody is told of to the newest word on it: a silence, or its end.
    messages
        What was told to whom, or could not be, oldest first; `loopline.watch.duty` tells what is still to be told.
    messages_about
        From an alert's id and since when it lasts to the messages about it, oldest first.
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
        Every end of a step that took something, oldest first.
    spans
        What those took and what servers reported, added up by phase, month and stage.
    """

    succeeded: Mapping[str, Entry] = field(default_factory=dict)
    latest: Mapping[tuple[str, str], Entry] = field(default_factory=dict)
    failed: Mapping[tuple[str, str], Entry] = field(default_factory=dict)
    champions: tuple[Entry, ...] = ()
    approvals: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)
    verdicts: Mapping[str, Entry] = field(default_factory=dict)
    overrides: Mapping[str, Entry] = field(default_factory=dict)
    packages: Mapping[str, Entry] = field(default_factory=dict)
    made: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    learned: Entry | None = None
    alerts: Mapping[str, Entry] = field(default_factory=dict)
    silences: Mapping[str, Entry] = field(default_factory=dict)
    messages: tuple[Entry, ...] = ()
    messages_about: Mapping[tuple[str, str], tuple[Entry, ...]] = field(default_factory=dict)
    deliveries: Mapping[str, Entry] = field(default_factory=dict)
    constraints: Mapping[str, Entry] = field(default_factory=dict)
    vouched: tuple[Entry, ...] = ()
    waivers: Mapping[tuple[str, str], Entry] = field(default_factory=dict)
    rollouts: tuple[Entry, ...] = ()
    experiments: tuple[Entry, ...] = ()
    retrains: tuple[Entry, ...] = ()
    charters: tuple[Entry, ...] = ()
    proposal: Entry | None = None
    ended: tuple[End, ...] = ()
    spans: Mapping[Span, Spend] = field(default_factory=dict)

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

    def open_alerts(self) -> list[Entry]:
        """The alerts that are not resolved, oldest first."""
        return [entry for entry in self.alerts.values() if entry.body["state"] != "resolved"]


_NEWEST = {
    "override": "overrides",
    "package": "packages",
    "alert": "alerts",
    "silence": "silences",
    "delivery": "deliveries",
    "constraint": "constraints",
}
_ALL = {
    **{kind: f"{kind}s" for kind in ("champion", "rollout", "message", "experiment", "retrain", "charter")},
    **dict.fromkeys(("key", "signature"), "vouched"),
}
_ASKED, _RECENT = 1_000, 1_000
"""So many successes that were read again are kept, more than a walk asks for; and so many changed places are kept apart from the others."""
_GONE = 0


class Parts(msgspec.Struct):
    """What the entries have said so far, under the names of `State`; the last four are the fold's own.

    Parameters
    ----------
    places
        From a step's key to the place of its newest success: of a hundred thousand successes, whole entries would take a gigabyte.
    waived
        The signatures of the waivers that were taken in.
    outcome
        The newest end of a step that told of outcomes.
    decided
        Whether a package has decided yet.
    """

    latest: dict[tuple[str, str], Entry] = {}
    failed: dict[tuple[str, str], Entry] = {}
    champions: list[Entry] = []
    approvals: dict[str, tuple[Entry, ...]] = {}
    verdicts: dict[str, Entry] = {}
    overrides: dict[str, Entry] = {}
    packages: dict[str, Entry] = {}
    made: dict[str, tuple[str, ...]] = {}
    learned: Entry | None = None
    alerts: dict[str, Entry] = {}
    silences: dict[str, Entry] = {}
    messages: list[Entry] = []
    messages_about: dict[tuple[str, str], tuple[Entry, ...]] = {}
    deliveries: dict[str, Entry] = {}
    constraints: dict[str, Entry] = {}
    vouched: list[Entry] = []
    waivers: dict[tuple[str, str], Entry] = {}
    rollouts: list[Entry] = []
    experiments: list[Entry] = []
    retrains: list[Entry] = []
    charters: list[Entry] = []
    proposal: Entry | None = None
    ended: list[End] = []
    spans: dict[Span, Spend] = {}
    places: dict[str, int] = {}
    waived: set[str] = set()
    outcome: Entry | None = None
    decided: bool = False


class Successes(Mapping[str, Entry]):
    """From a step's key to its newest success; one that is no newest of its step is looked up where it is asked for.

    Parameters
    ----------
    places
        From a key to a place; states share it.
    since
        What has changed since: another place, or `_GONE`.
    """

    def __init__(self, places: Mapping[str, int], since: Mapping[str, int], find: Callable[[int], Entry]) -> None:
        self._places, self._since, self._find = places, since, find

    def _place(self, key: object) -> int:
        return self._since.get(key, self._places.get(key, _GONE))  # type: ignore[call-overload, no-any-return]

    def __getitem__(self, key: str) -> Entry:
        place = self._place(key)
        if place == _GONE:
            raise KeyError(key)
        return self._find(place)

    def __contains__(self, key: object) -> bool:
        return self._place(key) != _GONE

    def __iter__(self) -> Iterator[str]:
        yield from (key for key in self._places if self._since.get(key) != _GONE)
        yield from (key for key, place in self._since.items() if place != _GONE and key not in self._places)

    def __len__(self) -> int:
        return len(self._places) + sum((place != _GONE) - (key in self._places) for key, place in self._since.items())


class Folding:
    """The entries that were taken in, in the order of the ledger, and the state after them.

    Parameters
    ----------
    find
        Finds the entry at a place again; where there is none, every success is kept whole.
    parts
        Where to go on from.
    """

    def __init__(self, find: Callable[[int], Entry] | None = None, parts: Parts | None = None) -> None:
        self.parts = Parts() if parts is None else parts
        self._at_hand = {entry.seq: entry for entry in self.parts.latest.values()}
        self._find = None if find is None else lru_cache(_ASKED)(find)
        self._state = State()
        self._changed = {name for name in Parts.__struct_fields__ if name not in _OWN}
        self._since: dict[str, int] = {}

    def state(self) -> State:
        """The state after what was taken in; only what has changed since the last one is made anew."""
        if self._changed:
            made = {name: _frozen(getattr(self.parts, name)) for name in self._changed - {"places"}}
            if "places" in self._changed:
                # Copying all of them takes 5 ms at 170,000, and 30 where some were freed.
                if len(self._since) > _RECENT:
                    self.settle()
                made["succeeded"] = Successes(self.parts.places, dict(self._since), self._entry)
            # `dataclasses.replace` would do the same by way of forty look-ups; what is replaced here is a tenth of it.
            self._state = State(**{**vars(self._state), **made})
            self._changed.clear()
        return self._state

    def settle(self) -> Parts:
        """What was taken in, all of it in its parts; states that were handed out keep theirs."""
        if self._since:
            self.parts.places = {key: place for key, place in {**self.parts.places, **self._since}.items() if place != _GONE}
            self._since = {}
            self._changed.add("places")
        return self.parts

    def take(self, entry: Entry) -> None:
        """Take in the next entry."""
        kind, parts = entry.kind, self.parts
        if (name := _NEWEST.get(kind)) is not None:
            self._change(name)[entry.subject] = entry
        elif (name := _ALL.get(kind)) is not None:
            self._change(name).append(entry)
        match kind:
            case "step":
                self._step(entry)
            case "usage":
                self._spent(entry)
            case "champion":
                parts.decided = parts.decided or bool(entry.subject)
            case "message":
                told = self._change("messages_about")
                for item in entry.body.get("items", ()):
                    about = item["alert"], item["since"]
                    told[about] = (*told.get(about, ()), entry)
            case "approval":
                self._change("approvals")[entry.subject] = (*parts.approvals.get(entry.subject, ()), entry)
            case "import":
                self._changed.add("proposal")
                parts.proposal = None if entry.body.get("state") == "withdrawn" else entry
            case "waiver":
                self._waiver(entry)
            case "gc":
                self._changed.add("places")
                self._since.update(dict.fromkeys(entry.body.get("steps", ()), _GONE))

    def _change(self, name: str) -> Any:
        self._changed.add(name)
        return getattr(self.parts, name)

    def _entry(self, seq: int) -> Entry:
        known = self._at_hand.get(seq)
        if known is not None or self._find is None:
            return self._at_hand[seq]
        return self._find(seq)

    def _step(self, entry: Entry) -> None:
        state = entry.body.get("state")
        if state not in ("succeeded", "failed"):
            return
        step = entry.subject, entry.body["name"]
        if state == "succeeded":
            self._succeeded(entry, step)
        else:
            self._change("failed")[step] = entry
        if entry.subject == "data" and (entry.body.get("facts") or {}).get("outcome") is not None:
            self.parts.outcome = entry
        spend = self._spent(entry)
        if spend is not None:
            self._change("ended").append(end_of(entry, spend))

    def _spent(self, entry: Entry) -> Spend | None:
        self._changed.add("spans")
        return add(entry, self.parts.spans, is_run=self.parts.decided)

    def _succeeded(self, entry: Entry, step: tuple[str, str]) -> None:
        parts = self.parts
        self._at_hand[entry.seq] = entry
        if self._find is not None and (before := parts.latest.get(step)) is not None:
            self._at_hand.pop(before.seq, None)
        self._changed.add("places")
        self._since[entry.key] = entry.seq
        self._change("latest")[step] = entry
        if parts.failed.pop(step, None) is not None:
            self._changed.add("failed")
        package = (entry.body.get("facts") or {}).get("package") if entry.subject in (SEARCH[0], GATES[0]) else None
        if isinstance(package, str) and entry.key not in (keys := parts.made.get(package, ())):
            self._change("made")[package] = (*keys, entry.key)
        if step == GATES:
            self._change("verdicts")[entry.id] = entry
        if step == SEARCH:
            self._changed.add("learned")
            parts.learned = parts.outcome

    def _waiver(self, entry: Entry) -> None:
        # A signature holds wherever its entry is copied to: what was taken back must not come again by a copy.
        signature = str(entry.body.get("signature", ""))
        if not signature or signature not in self.parts.waived:
            self._change("waivers")[entry.subject, entry.body["package"] or ""] = entry
            self.parts.waived.add(signature)


_OWN = ("waived", "outcome", "decided")


def _frozen(part: Any) -> Any:
    """A part as the state holds it: a copy, as the fold goes on. Copying a hundred thousand references takes a millisecond."""
    return tuple(part) if isinstance(part, list) else dict(part) if isinstance(part, dict) else part


def fold(entries: Iterable[Entry]) -> State:
    """The state after the entries, which come in the order of the ledger."""
    folding = Folding()
    for entry in entries:
        folding.take(entry)
    return folding.state()
