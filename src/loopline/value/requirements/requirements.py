"""Each acceptance criterion traced: what its check means, what it needs, what holds it, how it did in service, who is told, and its history. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from loopline.charter.meaning import meaning
from loopline.charter.metrics import METRICS, parts
from loopline.charter.spec import CharterSpec, Criterion, Task
from loopline.model.evaluate import SUPPORT
from loopline.value.requirements.history import ACCEPTANCE, Event, finding, gate_of, history, kept_in
from loopline.value.requirements.needs import Needs, needs

Standing = Literal["holds", "does not hold", "not known yet", "nothing checks it"]
STANDINGS: tuple[Standing, ...] = ("does not hold", "nothing checks it", "not known yet", "holds")
"""In the order in which somebody must look at them."""
_EXAMPLES: Mapping[Task | None, str] = {None: "precision >= 0.5", "binary": "precision >= 0.5", "multiclass": "accuracy >= 0.8", "regression": "mae <= 3"}
Body = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known beside the charter.

    Parameters
    ----------
    task
        Of what is predicted; None before the data has been read.
    columns
        The main table's columns; None before it has been read.
    champion
        The package that decides now.
    judged
        Each package that went through the gates, oldest first: when, and the gates' facts with the waivers that count today.
    reviews
        When each review was made, oldest first, and what it says.
    charters
        When each charter began to hold, oldest first, and its criteria.
    windows
        Bodies of the windows of the package that decides at least, in the order of time.
    alerts
        From a criterion's id to the body of its alert that is not resolved, with the alert's ``id``.
    priced_since
        Since when the present prices hold; None where they always did.
    """

    task: Task | None = None
    columns: frozenset[str] | None = None
    champion: str | None = None
    judged: Sequence[tuple[datetime, Body]] = ()
    reviews: Sequence[tuple[datetime, Body]] = ()
    charters: Sequence[tuple[datetime, Sequence[Body]]] = ()
    windows: Sequence[Body] = ()
    alerts: Mapping[str, Body] = field(default_factory=dict)
    priced_since: datetime | None = None

    def tells(self, criterion: Criterion, at: datetime) -> bool:
        """Whether what was found then is about the criterion as it stands: money that was found at other prices is not."""
        is_money = any(METRICS[metric].unit == "money" for name in criterion.names for _, metric in (parts(name),) if metric in METRICS)
        return not is_money or self.priced_since is None or at >= self.priced_since

    @property
    def outcomes(self) -> int | None:
        """How many outcomes of the package that decides are known; None before anything has been served."""
        own = [window["outcomes"] for window in self.windows if window["package"] == self.champion]
        return sum(own) if own else None


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """A criterion with all that is known of it.

    Parameters
    ----------
    means
        What its check asks for, in plain words; empty where there is none.
    standing, by
        Whether it holds, and what tells it: ``in service``, ``the package that decides``, ``the newest package``; empty where nothing does.
    champion, newest
        The gate's verdict on the package that decides and on the newest one, with its waiver; None where there is none by this check.
    service
        How it did on what really happened, as the newest review tells it; None where that did not ask for the same.
    over_time
        Windows of the package that decides with the check's one number; empty where they do not tell it.
    write
        What to write where nothing checks it.
    """

    criterion: Criterion
    means: str
    standing: Standing
    by: str
    needs: Needs | None
    champion: Body | None
    newest: Body | None
    service: Body | None
    alert: Body | None
    over_time: Sequence[tuple[datetime, float]]
    limit: float | None
    write: str
    known: Known = field(repr=False)

    @cached_property
    def history(self) -> Sequence[Event]:
        """What happened to it, oldest first: of every package that was ever judged, which only who asks for it waits for."""
        return history(self.criterion, judged=self.known.judged, reviews=self.known.reviews, charters=self.known.charters)

    @property
    def name(self) -> str:
        """How it is spoken of: in the customer's words, else by its check."""
        return self.criterion.says or self.criterion.check or self.criterion.id

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            **self.criterion.fields("id", "says", "check"),
            "means": self.means,
            "standing": self.standing,
            "by": self.by,
            "needs": None if self.needs is None else self.needs.as_json(),
            "gate": {"name": f"{ACCEPTANCE}{self.criterion.id}", "champion": self.champion, "newest": self.newest},
            "service": self.service,
            "monitor": {"name": "criterion", "role": "business", "alert": self.alert},
            "history": [event.as_json() for event in self.history],
            "write": self.write,
        }


def requirements(charter: CharterSpec, known: Known) -> list[Requirement]:
    """Every criterion of the charter, in its order."""
    return [_traced(criterion, charter, known) for criterion in charter.acceptance]


def summary(found: Sequence[Requirement]) -> str:
    """How many hold, which do not, and which nobody checks, in one line."""
    if not found:
        return "the charter has no acceptance criteria"
    ids = {standing: [one.criterion.id for one in found if one.standing == standing] for standing in STANDINGS}
    if len(ids["not known yet"]) + len(ids["nothing checks it"]) == len(found):
        said = [f"none of {len(found)} could be tested yet" if len(found) > 1 else "it could not be tested yet"]
    else:
        said = [f"{len(ids['holds'])} of {len(found)} hold{'s' if len(found) == 1 and ids['holds'] else ''}"]
    said += [f"{_listed(ids['does not hold'])} {'does' if len(ids['does not hold']) == 1 else 'do'} not hold"] if ids["does not hold"] else []
    said += [f"of {_listed(ids['not known yet'])} it is not known yet"] if ids["not known yet"] else []
    said += [f"nothing checks {_listed(ids['nothing checks it'])}"] if ids["nothing checks it"] else []
    return "; ".join(said)


def following(found: Sequence[Requirement]) -> str:
    """What comes next: what nobody checks is written, what is not known yet is run, and else the review is read."""
    if not found:
        return "say in charter.acceptance what the customer asks for; then: loopline charter criteria"
    if unchecked := next((one for one in found if one.write), None):
        return f"{unchecked.write}; then: loopline run"
    return "loopline run" if any(one.standing == "not known yet" for one in found) else "loopline value review"


def _listed(ids: Sequence[str]) -> str:
    return " and ".join([", ".join(ids[:-1]), ids[-1]] if len(ids) > 1 else ids)


def _traced(criterion: Criterion, charter: CharterSpec, known: Known) -> Requirement:
    newest = known.judged[-1][1]["package"] if known.judged else None
    service = _service(criterion, known)
    gates = {"the package that decides": _verdict(criterion, known, known.champion), "the newest package": _verdict(criterion, known, newest)}
    standing, by = _standing(criterion, service, gates)
    return Requirement(
        criterion=criterion,
        means=meaning(criterion.check, charter, known.task) if criterion.check else "",
        standing=standing,
        by=by,
        needs=needs(criterion, charter, columns=known.columns, outcomes=known.outcomes),
        champion=gates["the package that decides"],
        newest=gates["the newest package"],
        service=service,
        alert=known.alerts.get(criterion.id),
        over_time=_over_time(criterion, known),
        limit=next((one["limit"] for one in (service, *gates.values()) if one is not None), None),
        write="" if criterion.check else f"add to {criterion.id} in charter.acceptance what shows it, such as check: {_EXAMPLES[known.task]}",
        known=known,
    )


def _standing(criterion: Criterion, service: Body | None, gates: Mapping[str, Body | None]) -> tuple[Standing, str]:
    """What really happened speaks first, then the package that decides, then the newest one."""
    if criterion.check is None:
        return "nothing checks it", ""
    told = {"in service": service, **gates}
    for by, one in told.items():
        if one is not None and one["passed"] is not None:
            return "holds" if one["passed"] else "does not hold", by
    return "not known yet", ""


def _verdict(criterion: Criterion, known: Known, package: str | None) -> Body | None:
    """The gate's newest verdict on a package that asked for what the criterion asks for now."""
    for at, facts in reversed(known.judged):
        gate = gate_of(criterion, facts) if facts["package"] == package else None
        if gate is not None and gate["asked"] == criterion.check and known.tells(criterion, at):
            return _told(criterion, gate, at, facts)
    return None


def _told(criterion: Criterion, gate: Body, at: datetime, facts: Body) -> Body:
    return {
        "package": facts["package"],
        "at": at.isoformat(),
        "passed": gate["passed"],
        "value": gate["value"],
        "limit": gate["threshold"],
        "says": finding(gate["says"], criterion),
        "waived": gate.get("waived"),
    }


def _service(criterion: Criterion, known: Known) -> Body | None:
    """What the newest review tells, where it asked for the same."""
    if not known.reviews or criterion.check is None:
        return None
    at, review = known.reviews[-1]
    kept = kept_in(criterion, review)
    if kept is None or kept["check"] != criterion.check or not known.tells(criterion, at):
        return None
    return {
        "at": at.isoformat(),
        "passed": kept["passed"],
        "value": kept["value"],
        "limit": kept["threshold"],
        "windows": kept["windows"],
        "windows_held": kept["windows_held"],
        "says": finding(kept["says"], criterion),
    }


def _over_time(criterion: Criterion, known: Known) -> list[tuple[datetime, float]]:
    """The one number of a check in each window that outcomes enough tell of; slices have none there."""
    if len(criterion.names) != 1:
        return []
    column, metric = parts(next(iter(criterion.names)))
    if column is not None:
        return []
    own = (window for window in known.windows if window["package"] == known.champion and window["outcomes"] >= SUPPORT)
    told = ((datetime.fromisoformat(window["start"]), (window.get("metrics") or {}).get(metric)) for window in own)
    return [(at, float(value)) for at, value in told if value is not None]
