"""What the monitors of the machinery look at: entries of the ledger, and a reading of the machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from loopline.charter.budget import Bound
from loopline.ledger.entry import Entry
from loopline.watch.machinery.reading import Reading
from loopline.watch.monitors.watched import Breach
from loopline.watch.spec_machinery import MachinerySpec
from loopline.watch.turns import Watcher

LATELY = timedelta(days=1)
"""What counts as now: a fault that is older is over."""
SKEW = timedelta(hours=1)
"""Clocks of two machines may differ by so much."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a monitor may look at.

    Parameters
    ----------
    steps
        The ends of steps, oldest first, as far back as matters.
    failing
        Stage and name of the steps that stand still now, because they failed.
    newest
        When the newest row of each source happened, of those that say when.
    batches
        The newest batches of each source, oldest first.
    usage, probes
        What servers took, and the probes of the storage, oldest first.
    watcher
        The turns as they stood when this one began.
    readings
        Of this machine, oldest first; the last one is of now.
    bound
        The month's budget and what is spent of it; None where there is none, or no price.
    """

    spec: MachinerySpec
    now: datetime
    steps: Sequence[Entry] = ()
    failing: frozenset[tuple[str, str]] = frozenset()
    newest: Mapping[str, datetime] = field(default_factory=dict)
    batches: Mapping[str, Sequence[Entry]] = field(default_factory=dict)
    usage: Sequence[Entry] = ()
    probes: Sequence[Entry] = ()
    watcher: Watcher | None = None
    readings: Sequence[Reading] = ()
    bound: Bound | None = None

    def is_late(self, entry: Entry) -> bool:
        """Whether an entry is of lately; one from ahead of now, by a clock that had jumped, is not."""
        return self.now - LATELY < entry.time <= self.now + SKEW

    @property
    def refused(self) -> dict[str, Entry]:
        """The newest attempts at those steps of the data stage that stand still because a check of what came said no, by the name of the step."""
        ended = {(entry.subject, entry.body["name"]): entry for entry in self.steps if entry.subject == "data" and not entry.body.get("recalled")}
        return {name: ended[stage, name] for stage, name in sorted(self.failing) if (stage, name) in ended and ended[stage, name].body.get("check")}


Monitor = Callable[[Seen], "list[Breach] | None"]
