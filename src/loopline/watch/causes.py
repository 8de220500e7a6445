"""Causes: alerts that last at the same time and explain one another are one, and only the most urgent of them is told."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from loopline.declaration import figure
from loopline.ledger.entry import Entry
from loopline.watch.spans import written
from loopline.watch.spec import OF_COMING, OF_DRIFT, OF_ESTIMATES, OF_MONEY, OF_WORTH, URGENCY

Level = Literal["page", "notice", "digest"]
LEVELS: tuple[Level, ...] = ("page", "notice", "digest")
"""How loudly an alert is told, the loudest first: at any hour, in the role's hours, or in the digest."""

ANEW = "the windows, computed anew, do not show it"
SUPERSEDED = "another package decides now"
_OWN = "loopline"
VOID = frozenset({ANEW, SUPERSEDED})
"""Why an alert was resolved that explains no other one from then on."""
_EVER = "~"
"""Comes after every moment: an alert that lasts has no end."""
_ARRIVING = frozenset({"nulls", "new_categories", "unseen_ranges"})
LINES: tuple[frozenset[str], ...] = (
    OF_MONEY | OF_ESTIMATES | OF_DRIFT | _ARRIVING,
    OF_COMING,
)
"""The monitors that explain one another: what the model earns, and what comes. Any other monitor stands for itself."""


@dataclass(frozen=True)
class Cause:
    """Alerts with one cause.

    Parameters
    ----------
    head
        The loudest one, the most urgent of those that are not silenced: the one that is told.
    others
        Those that explain it, the most urgent first.
    over
        Those that explain it although they are over: they were about the same windows, and newer ones were fine again before it was seen.
    taken
        The newest word by which somebody took it on; None where nobody did.
    """

    head: Entry
    others: tuple[Entry, ...]
    over: tuple[Entry, ...] = ()
    taken: Entry | None = None

    @property
    def level(self) -> Level:
        """How loudly it is told."""
        return level(self.head.body)

    @property
    def explaining(self) -> tuple[Entry, ...]:
        """All that explains the head: first what lasts, then what is over."""
        return (*self.others, *self.over)

    @property
    def as_loud(self) -> list[Entry]:
        """Its alerts that are told as loudly as the head: whoever knows one of them knows of the cause."""
        return [entry for entry in (self.head, *self.others) if _loudness(entry.body) == _loudness(self.head.body)]


def level(body: Mapping[str, Any]) -> Level:
    """How loudly an alert is told: money and requests that do not come at all page, drift by itself waits for the digest."""
    monitor = body["monitor"]
    if monitor in OF_WORTH or (monitor == "volume" and body["value"] == 0):
        return "page"
    return "digest" if monitor in OF_DRIFT else "notice"


def urgency(body: Mapping[str, Any]) -> tuple[int, int]:
    """What alerts are sorted by, the most urgent first: by how loudly they are told, then in the order of `URGENCY`."""
    monitor = body["monitor"]
    return _loudness(body), URGENCY.index(monitor) if monitor in URGENCY else len(URGENCY)


def explains(body: Mapping[str, Any]) -> str:
    """What an alert says where it explains another one: what it has cost is said there already."""
    when = f"from {written(body['since'])} to {written(body['last'])}" if body["state"] == "resolved" else f"since {written(body['since'])}"
    return f"{body.get('what', body['says'])} ({when})"


def _loudness(body: Mapping[str, Any]) -> int:
    return LEVELS.index(level(body))


def causes(alerts: Iterable[Entry], is_silenced: Callable[[Entry], bool]) -> list[Cause]:
    """The alerts that are not resolved, by their cause, the most urgent first; each with those that are over and were about the same windows.

    Of equally loud ones the head is one that is not silenced, then the most urgent, and then the one that has lasted longest. What is silenced of that
    which comes stands for itself: whoever expects few requests on a holiday knows nothing of those that are refused.
    """
    known, rank = list(alerts), _ranked(is_silenced)
    lasting = [entry for entry in known if entry.body["state"] != "resolved"]
    ordered = (sorted(entries, key=rank) for entries in _by_line(lasting, is_silenced))
    found = [Cause(head, tuple(others), _over(head, known), _taken([head, *others], known)) for head, *others in ordered]
    return sorted(found, key=lambda cause: rank(cause.head))


@dataclass(frozen=True)
class Incident:
    """Alerts that were about the same windows, over or not: what each of them has cost is the same money, lost once.

    Parameters
    ----------
    head
        The one that says what the incident has cost: the loudest of those that last, or that a person has closed about the same windows. One that ended by
        itself says it only where nothing lasts.
    priced
        Those by which that is reckoned, in the order of time: of all that share no window with one another, the ones that lost most together. So no
        window counts twice, and what was earned in another one hides no loss. None of them where nobody knows.
    """

    head: Entry
    priced: tuple[Entry, ...]

    @property
    def cost(self) -> Mapping[str, Any] | None:
        """What it has cost; None where nobody knows."""
        costs: list[Mapping[str, Any]] = [entry.body["cost"] for entry in self.priced]
        return _added(costs) if len(costs) > 1 else next(iter(costs), None)


def incidents(alerts: Iterable[Entry], is_silenced: Callable[[Entry], bool]) -> dict[str, Incident]:
    """From each alert's id to its incident; one that the windows do not show any more is part of none."""
    rank, found = _ranked(is_silenced), dict[str, Incident]()
    for entries in _by_line((entry for entry in alerts if entry.body.get("why") != ANEW or entry.body["state"] != "resolved"), is_silenced):
        for incident in _together(entries):
            head = _speaker(incident, rank)
            known = Incident(head, _dearest(incident, head))
            found |= {entry.subject: known for entry in incident}
    return found


def says(entry: Entry, incident: Incident | None) -> str:
    """What an alert says by itself, and what its incident has cost; where another one says that, which one does."""
    if incident is None or not incident.priced:
        return str(entry.body["says"])
    head, priced = incident.head, incident.priced
    if head.subject != entry.subject:
        over = ", which is over" if head.body["state"] == "resolved" else ""
        return f"{explains(entry.body)}; {head.body['monitor']} ({head.subject[:6]}){over}, says what that has cost"
    if [one.subject for one in priced] == [entry.subject]:
        return str(entry.body["says"])
    lost = priced[0].body["says"].rpartition("; ")[2]
    if len(priced) > 1:
        lost = f"{figure(sum(one.body['cost']['lost'] for one in priced))} {lost.partition(' ')[2]}"
    return f"{explains(entry.body)}; with what explains it, since {written(priced[0].body['since'])}, {lost}"


def is_said_elsewhere(entry: Entry, incident: Incident | None) -> bool:
    """Whether another alert of the incident says what it has cost."""
    return incident is not None and bool(incident.priced) and incident.head.subject != entry.subject


def _speaker(incident: Sequence[Entry], rank: Callable[[Entry], Any]) -> Entry:
    """The loudest of what lasts; where somebody has closed a louder one about the same windows, that one, and where nothing lasts the loudest of all."""
    told = min((entry for entry in incident if entry.body["state"] != "resolved"), key=rank, default=None)
    if told is None:
        return min(incident, key=rank)
    closed = (entry for entry in incident if entry.body["state"] == "resolved" and entry.actor != _OWN and _overlap(entry.body, told.body))
    return min((told, *closed), key=rank)


def _dearest(incident: Iterable[Entry], head: Entry) -> tuple[Entry, ...]:
    """Of the alerts that share no window with one another, those that lost most together; where none has lost, the one that gained least.

    References
    ----------
    Kleinberg, J. and Tardos, E. (2006). Algorithm Design, chapter 6.1 (weighted interval scheduling).
    """

    def worth(entry: Entry) -> tuple[float, int, int]:
        # Of those that lost as much, the head: it says so in its own words.
        return entry.body["cost"]["lost"], entry.subject == head.subject, entry.body["cost"]["outcomes"]

    # A cost that was entered before outcomes were kept beside it can be added to none.
    known = sorted((entry for entry in incident if "low" in (entry.body.get("cost") or {})), key=lambda entry: (entry.body["last"], entry.subject))
    lost = [entry for entry in known if entry.body["cost"]["lost"] > 0]
    if not lost:
        return tuple(sorted(known, key=worth)[-1:])
    ends = [entry.body["last"] for entry in lost]
    best: list[tuple[tuple[float, int, int], tuple[Entry, ...]]] = [((0.0, 0, 0), ())]
    for at, entry in enumerate(lost):
        (sum_, heads, outcomes), before = best[bisect_left(ends, entry.body["since"], hi=at)]
        more = worth(entry)
        with_it = ((sum_ + more[0], heads + more[1], outcomes + more[2]), (*before, entry))
        best.append(max(best[-1], with_it, key=lambda found: found[0]))
    return best[-1][1]


def _added(costs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The cost of alerts that share no window; their errors may go one way, so that the bounds are added up."""
    lost, outcomes = sum(cost["lost"] for cost in costs), sum(cost["outcomes"] for cost in costs)
    promised = sum(cost["promised"] * cost["outcomes"] for cost in costs) / outcomes
    low, high = (None if any(cost[end] is None for cost in costs) else sum(cost[end] for cost in costs) for end in ("low", "high"))
    sure = any(cost.get("sure", False) for cost in costs) and low is not None and low > 0
    return {"per_decision": promised - lost / outcomes, "promised": promised, "lost": lost, "low": low, "high": high, "outcomes": outcomes, "sure": sure}


def _overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two alerts are about the same windows."""
    return bool(one["since"] <= other["last"] and other["since"] <= one["last"])


def _ranked(is_silenced: Callable[[Entry], bool]) -> Callable[[Entry], tuple[int, bool, tuple[int, int], str, str]]:
    """What alerts with one cause are sorted by: the head comes first."""
    return lambda entry: (_loudness(entry.body), is_silenced(entry), urgency(entry.body), entry.body["since"], entry.subject)


def _by_line(alerts: Iterable[Entry], is_silenced: Callable[[Entry], bool]) -> list[list[Entry]]:
    """The alerts by their package and line."""
    together = dict[tuple[str, int | str], list[Entry]]()
    for entry in alerts:
        line = _alone(entry.body) if entry.body["monitor"] in OF_COMING and is_silenced(entry) else _line(entry.body)
        together.setdefault((entry.body["package"], line), []).append(entry)
    return list(together.values())


def _together(alerts: Sequence[Entry]) -> list[list[Entry]]:
    """Alerts of one line that were about the same windows, one with the next; all that last are together."""
    made, reached = list[list[Entry]](), ""
    for entry in sorted(alerts, key=lambda entry: str(entry.body["since"])):
        if not made or entry.body["since"] > reached:
            made.append([])
        made[-1].append(entry)
        reached = max(reached, _EVER if entry.body["state"] != "resolved" else entry.body["last"])
    return made


def _taken(lasting: Sequence[Entry], alerts: Iterable[Entry]) -> Entry | None:
    """The newest word by which somebody took a cause on: of an alert that is as loud as its head, the first of those that last, or was so about its windows."""
    head = lasting[0].body
    over = (entry for entry in alerts if entry.body["state"] == "resolved" and entry.body["package"] == head["package"] and _line(entry.body) == _line(head))
    about = [entry for entry in over if _overlap(entry.body, head)]
    words = [entry for entry in (*lasting, *about) if _loudness(entry.body) <= _loudness(head) and taker(entry)]
    return max(words, key=lambda entry: entry.seq, default=None)


def taker(entry: Entry) -> str:
    """Who took an alert on, also once it is over; empty where nobody did."""
    said = entry.body
    if said["state"] == "acknowledged" or (said["state"] == "resolved" and entry.actor == _OWN):
        return str(said.get("by", entry.actor if said["state"] == "acknowledged" else ""))
    return str(said.get("taken_by", ""))


def _over(head: Entry, alerts: Iterable[Entry]) -> tuple[Entry, ...]:
    """The alerts with the head's cause that were about its windows and are over, the most urgent first; what a person closed explains nothing."""
    said, line = head.body, _line(head.body)
    if isinstance(line, str):
        return ()
    same = (entry for entry in alerts if entry.body["state"] == "resolved" and (entry.body["package"], _line(entry.body)) == (said["package"], line))
    own = (entry for entry in same if entry.actor == _OWN and entry.body.get("why") not in VOID)
    overlapping = (entry for entry in own if _overlap(entry.body, said))
    return tuple(sorted(overlapping, key=lambda entry: (urgency(entry.body), entry.body["since"], entry.subject)))


def _line(body: Mapping[str, Any]) -> int | str:
    monitor = body["monitor"]
    return next((at for at, line in enumerate(LINES) if monitor in line), _alone(body))


def _alone(body: Mapping[str, Any]) -> str:
    return f"{body['monitor']}:{body['feature']}"
