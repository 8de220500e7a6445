"""Whether the model is to be trained anew: what asks for it, what holds it back, and what came of the last time. Light and pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from loopline.data.schedule import due
from loopline.declaration import Rate, figure
from loopline.engine.step import Facts
from loopline.ledger.entry import Entry
from loopline.ledger.spend import Spend, spend_of
from loopline.ledger.state import GATES, SEARCH, State
from loopline.model.stage import is_newer
from loopline.release.champion import promotion
from loopline.release.rollout.course import WITHDRAWN, newest
from loopline.release.words import NO
from loopline.watch.causes import incidents, says, urgency
from loopline.watch.clock import long_since, not_ahead
from loopline.watch.spec import OF_DRIFT, OF_ESTIMATES, OF_MONEY
from loopline.watch.spec_retrain import RetrainSpec

_YEAR = timedelta(days=365.25)


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What a trigger may look at.

    Parameters
    ----------
    trained
        The newest search that succeeded.
    outcomes
        Rows with a known outcome that the last training did not have.
    is_newer
        Whether there is data that the last training did not have.
    """

    spec: RetrainSpec
    state: State
    trained: Entry
    outcomes: int
    is_newer: bool
    now: datetime

    @property
    def pause(self) -> timedelta:
        """How long a cause that lasts waits until it asks again: the retrainings of a period are spread over it."""
        return period(self.spec.at_most) / self.spec.at_most.amount

    def alerts(self, monitors: frozenset[str]) -> list[Entry]:
        """The open alerts of some monitors that no retraining has answered, or none lately."""
        answered = {name for entry in self.state.retrains for name in entry.body["alerts"]}
        is_late = long_since(self.trained.time, self.now, self.pause)
        return [entry for entry in self.state.open_alerts() if entry.body["monitor"] in monitors and (is_late or name_of(entry) not in answered)]


@dataclass(frozen=True)
class Reason:
    """Why a retraining is asked for, and the alerts that it is an answer to."""

    trigger: str
    says: str
    alerts: tuple[str, ...] = ()


Trigger = Callable[[Situation], Reason | None]


def name_of(alert: Entry) -> str:
    """An alert and the time since when: one that is opened again for a later cause has another name."""
    return f"{alert.subject} {alert.key}"


def period(rate: Rate) -> timedelta:
    """How long the period of a rate is."""
    return _YEAR * (rate.amount / rate.per_year)


def loss(seen: Situation) -> Reason | None:
    """Money is lost, by outcomes that have come."""
    return _of_alerts("loss", seen, seen.alerts(OF_MONEY))


def estimated_loss(seen: Situation) -> Reason | None:
    """Money is lost, as far as can be told before outcomes come."""
    return _of_alerts("estimated_loss", seen, seen.alerts(OF_ESTIMATES))


def drift(seen: Situation) -> Reason | None:
    """What is asked is no longer what was learned from, and that surely costs."""
    return _of_alerts("drift", seen, [entry for entry in seen.alerts(OF_DRIFT) if (entry.body.get("cost") or {}).get("sure", False)])


def outcomes(seen: Situation) -> Reason | None:
    """Enough rows with an outcome have come since the last training."""
    wanted = seen.spec.when.outcomes
    if wanted is None or seen.outcomes < wanted:
        return None
    return Reason("outcomes", f"{seen.outcomes:,} outcomes have come since the last training")


def schedule(seen: Situation) -> Reason | None:
    """A moment of the schedule has passed since the last training."""
    said = seen.spec.when.schedule
    moment = None if said is None else due(said, not_ahead(seen.trained.time, seen.now), seen.now)
    return None if moment is None else Reason("schedule", f"it is due since {moment:%Y-%m-%d %H:%M} UTC")


def data(seen: Situation) -> Reason | None:
    """New rows have come."""
    return Reason("data", "new data has come") if seen.is_newer else None


TRIGGERS: tuple[Trigger, ...] = (loss, estimated_loss, drift, outcomes, schedule, data)


def _of_alerts(trigger: str, seen: Situation, alerts: Sequence[Entry]) -> Reason | None:
    if not alerts:
        return None
    more = f"; {len(alerts) - 1} more" if len(alerts) > 1 else ""
    loudest = min(alerts, key=lambda entry: urgency(entry.body))
    incident = incidents(seen.state.alerts.values(), lambda entry: False).get(loudest.subject)
    return Reason(trigger, f"{says(loudest, incident)}{more}", tuple(name_of(entry) for entry in alerts))


def asked(seen: Situation) -> list[Reason]:
    """Why the model is to be trained anew, by the triggers that are declared."""
    return [reason for trigger in TRIGGERS if getattr(seen.spec.when, trigger.__name__) and (reason := trigger(seen)) is not None]


def held(seen: Situation) -> str:
    """What holds a retraining back, in words; empty where nothing does."""
    return next((words for hold in HOLDS if (words := hold(seen))), "")


def nothing_new(seen: Situation) -> str:
    """The same data makes the same model."""
    return "" if seen.is_newer else "no data has come since the last training"


def on_trial(seen: Situation) -> str:
    """One challenger at a time."""
    course = newest(seen.state.rollouts)
    return f"{course.package[:8]} is on trial" if course is not None and course.is_live else ""


def awaited(seen: Situation) -> str:
    """A challenger that passed its gates waits for a yes."""
    state, verdict = seen.state, seen.state.facts(*GATES)
    package = "" if verdict is None else str(verdict["package"])
    if verdict is None or not verdict["passed"] or package == state.champion or promotion(state.champions, package) is not None:
        return ""
    course = newest(state.rollouts)
    is_withdrawn = course is not None and course.package == package and course.end == WITHDRAWN
    said = state.approvals.get(package, ())
    is_refused = bool(said) and said[-1].body["verdict"] == NO
    return "" if is_withdrawn or is_refused else f"{package[:8]} waits for its approval"


def brake(seen: Situation) -> str:
    """So many retrainings in a period, and no more."""
    rate = seen.spec.at_most
    lately = [entry for entry in seen.state.retrains if not long_since(entry.time, seen.now, period(rate))]
    if len(lately) < rate.amount:
        return ""
    free = lately[-int(rate.amount)].time + period(rate)
    return f"watch.retrain.at_most allows {rate}; the next one may be on {free:%Y-%m-%d %H:%M} UTC"


def purse(seen: Situation) -> str:
    """So much money in a period, and no more: what the next one takes, as the last one did, has to be left of it."""
    rate = seen.spec.money
    if rate is None:
        return ""
    spent, last = _money(seen, period(rate)), _amount(spend_of(seen.trained))
    if spent + last <= rate.amount:
        return ""
    return f"watch.retrain.money allows {rate}; {figure(spent)} are spent, and the last training took {figure(last)}"


HOLDS: tuple[Callable[[Situation], str], ...] = (nothing_new, on_trial, awaited, brake, purse)


def _money(seen: Situation, lately: timedelta) -> float:
    """What the model stage has cost lately and since a package decides: building the first one is no retraining."""
    decides = seen.state.decides
    first = 0 if decides is None else decides.seq
    ended = (end for end in seen.state.ended if end.stage == SEARCH[0] and end.seq > first)
    return sum(amount for end in ended if not long_since(end.time, seen.now, lately) for amount in end.money.values())


def _amount(spend: Spend | None) -> float:
    return 0.0 if spend is None else sum(spend.money.values())


def situation(spec: RetrainSpec, state: State, ingested: Facts, now: datetime) -> Situation | None:
    """What the triggers look at; None where no model has been searched for yet, the data has not come so far, or a retraining is asked for already.

    Parameters
    ----------
    ingested
        The facts of the data stage; empty where it failed.
    """
    trained = state.latest.get(SEARCH)
    if trained is None or not ingested or (state.retrains and state.retrains[-1].seq > trained.seq):
        return None
    known = ingested["outcome"]["known"]
    return Situation(spec=spec, state=state, trained=trained, outcomes=known - _known_before(state), is_newer=is_newer(state, ingested), now=now)


def _known_before(state: State) -> int:
    """Rows with a known outcome that were there when the model was trained last."""
    return 0 if state.learned is None else int(state.learned.body["facts"]["outcome"]["known"])


def came_of(state: State) -> str:
    """What became of the last retraining, in words; empty where none was asked for."""
    if not state.retrains:
        return ""
    asked, trained = state.retrains[-1], state.latest.get(SEARCH)
    why = f"asked for on {asked.time:%Y-%m-%d %H:%M} UTC ({', '.join(asked.body['triggers'])})"
    if trained is None or trained.seq < asked.seq:
        return f"a retraining is {why}"
    package = str(trained.body["facts"]["package"])
    done = f"the last retraining, {why}, made {package[:8]}"
    if package == state.champion:
        return f"{done}, which decides"
    if package == asked.subject:
        return f"{done}: the champion again"
    why = refusal(state, package)
    return f"{done}, which {why}" if why else done


def refusal(state: State, package: str) -> str:
    """Why a package that was judged last is not promoted, in words; empty where its gates refuse it nothing."""
    verdict = state.facts(*GATES)
    if verdict is None or verdict["package"] != package or verdict["passed"]:
        return ""
    gates = {gate["name"]: gate for gate in verdict["gates"]}
    against = gates.get("beats_champion")
    if against is not None and not against["passed"]:
        return f"does not improve and is not promoted: {against['says']}"
    return f"does not pass {', '.join(name for name, gate in gates.items() if not gate['passed'])} and is not promoted"
