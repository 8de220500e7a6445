"""What explains a breach: since when, which features, which slices, how much money, and what changed upstream. Pure: plain values and arrays in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from statistics import NormalDist
from typing import Any

from loopline.declaration import figure
from loopline.ledger.entry import Entry
from loopline.model.evaluate import SUPPORT
from loopline.watch.changepoint import Change, change_point
from loopline.watch.decisions import Decisions
from loopline.watch.earned import CONFIDENCE, Earned, standard_error
from loopline.watch.slices import Fallen, SliceLoss, fallen
from loopline.watch.upstream import Happening, between

Body = Mapping[str, Any]

MEMORY = 120
"""So many windows before the monitor first saw it are looked back on."""

SHOWN = 5
_NOTHING = Fallen((), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """When it turned: the first window that is bad, the last one that was good, and how sure that is.

    Parameters
    ----------
    chance
        How often chance alone would show such a change; None where the windows are too few to look for one, and the monitor's word holds.
    """

    since: datetime
    good: Body | None
    bad: Body
    chance: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A feature that went beyond its limit: how far it moved, what it is worth to the model, and the product, by which it is ranked.

    Parameters
    ----------
    importance
        What is earned less per decision without the feature; None where the package does not say.
    """

    name: str
    distance: float
    before: float | None
    importance: float | None

    @property
    def weight(self) -> float:
        """Distance times importance; the distance alone where the importance is unknown."""
        return self.distance * (1.0 if self.importance is None else max(0.0, self.importance))

    def as_json(self) -> dict[str, Any]:
        """The shift as plain values."""
        return {"name": self.name, "distance": self.distance, "before": self.before, "importance": self.importance, "weight": self.weight}


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """The money that the bad windows earned less than expected; less than nothing where they earned more.

    Parameters
    ----------
    against
        What was expected: what the windows before earned, or the promise.
    low, high
        The interval of the loss; None where it rests on too few rows.
    """

    lost: float
    low: float | None
    high: float | None
    decisions: int
    per_decision: float
    expected: float
    against: str

    def as_json(self) -> dict[str, Any]:
        """The loss as plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What explains a breach; each part is empty, or None, where nothing tells."""

    says: str
    currency: str
    turn: Turn
    features: tuple[Shift, ...]
    fallen: Fallen
    money: Loss | None
    upstream: tuple[Happening, ...]

    def as_json(self) -> dict[str, Any]:
        """The explanation as plain values."""
        return {
            "since": self.turn.since.isoformat(),
            "last_good": None if self.turn.good is None else self.turn.good["start"],
            "chance": self.turn.chance,
            "features": [one.as_json() for one in self.features],
            "slices": [one.as_json() for one in self.fallen.slices],
            "slices_looked_at": self.fallen.looked_at,
            "slices_against": self.fallen.against,
            "money": None if self.money is None else self.money.as_json(),
            "upstream": [one.as_json() for one in self.upstream],
        }

    def lines(self) -> list[str]:
        """The explanation in sentences, those that say that nothing was found among them."""
        return [self._since(), self._money(), self._features(), self._slices(), self._upstream()]

    def found(self) -> list[str]:
        """The sentences that say what was found."""
        told = ((True, self._since), (self.money, self._money), (self.features, self._features), (self._sure(), self._slices), (self.upstream, self._upstream))
        return [say() for there, say in told if there]

    def _sure(self) -> list[SliceLoss]:
        return [one for one in self.fallen.slices if one.is_sure]

    def _since(self) -> str:
        chance, when = self.turn.chance, f"Since {_moment(self.turn.since)}"
        if chance is None:
            return f"{when}, when the monitor first saw it: no other moment stands out from chance."
        return f"{when}: the windows changed there, as by chance alone they do in {_share(chance)} of cases."

    def _money(self) -> str:
        money = self.money
        if money is None:
            return "What it costs shows when outcomes come."
        verb, ends = ("lost", (money.low, money.high)) if money.lost > 0 else ("gained", (money.high, money.low))
        between = f" ({' to '.join(figure(end if money.lost > 0 else -end) for end in ends if end is not None)})" if None not in ends else ""
        each = f"{figure(money.per_decision)} each in place of {figure(money.expected)}"
        return f"{figure(abs(money.lost))} {self.currency} {verb}{between} on {money.decisions:,} decisions: {each}, which {money.against}."

    def _features(self) -> str:
        if not self.features:
            return "No feature went beyond its limit."
        told = ", ".join(f"{one.name} ({one.distance:.2f} from training{_mattering(one.importance, self.currency)})" for one in self.features)
        return f"Features that moved, those that matter most first: {told}."

    def _slices(self) -> str:
        looked, sure = self.fallen.looked_at, self._sure()
        if not looked:
            return "No slice has outcomes enough on both sides to be compared."
        if not sure:
            return f"Of {looked} slices none lost more than chance gives among so many."
        apart = [one for one in sure if one.stands_out]
        told = ", ".join(f"{one.name} ({figure(one.before)} to {figure(one.now)} each, {figure(one.lost)} in all)" for one in (apart or sure)[:3])
        where = "these lost more than the rest did" if apart else "none lost more than the rest did, and most is lost here"
        return f"Of {looked} slices {where}, in {self.currency} and held against what they earned {self.fallen.against}: {told}."

    def _upstream(self) -> str:
        if not self.upstream:
            return "The ledger tells of no change upstream between the last good window and the first bad one."
        shown = self.upstream[-SHOWN:]
        more = f" (the newest {SHOWN} of {len(self.upstream)})" if len(self.upstream) > SHOWN else ""
        return f"Upstream meanwhile{more}: " + "; ".join(f"{_moment(one.time)} {one.says}" for one in shown) + "."


def _share(chance: float) -> str:
    return f"{chance:.1%}" if chance > 0.001 else "at most 0.1%"


def _moment(moment: datetime) -> str:
    """A moment in UTC; of midnight the day alone."""
    return f"{moment:%Y-%m-%d}" if (moment.hour, moment.minute) == (0, 0) else f"{moment:%Y-%m-%d %H:%M}"


def _mattering(importance: float | None, currency: str) -> str:
    return "" if importance is None else f", worth {figure(max(0.0, importance))} {currency} per decision to the model"


def explain(
    alert: Body,
    windows: Sequence[Body],
    *,
    currency: str,
    entries: Sequence[Entry] = (),
    importance: Mapping[str, float] | None = None,
    decisions: Decisions | None = None,
    reference: Decisions | None = None,
    columns: Sequence[str] = (),
) -> Explanation | None:
    """What explains the breach that an alert tells of; None where the package has no window up to the breach.

    Parameters
    ----------
    alert
        The alert's body.
    windows
        Bodies of windows, in any order, of any package.
    entries
        The ledger's entries of the kinds `loopline.watch.upstream.KINDS`, in its order.
    importance
        What each feature earns the model per decision.
    decisions
        What the package decided, with outcomes.
    reference
        What it decided on its test part; slices are held against it where too little was served before.
    columns
        The columns whose slices are looked at.
    """
    mine = _up_to(alert, windows)
    if not mine:
        return None
    turned = turn(alert, mine)
    bad = [window for window in mine if window["start"] >= turned.bad["start"]]
    good = [window for window in mine if window["start"] < turned.bad["start"]]
    return Explanation(
        says=str(alert["says"]),
        currency=currency,
        turn=turned,
        features=_features(good, bad, importance),
        fallen=_slices(turned, bad, decisions, reference, columns),
        money=_loss(good, bad, alert),
        upstream=tuple(between(entries, str(alert["package"]), turned.good, turned.bad)),
    )


def _up_to(alert: Body, windows: Sequence[Body]) -> list[Body]:
    """The package's windows that have rows, oldest first, up to the last breach."""
    last = max(alert["last"] or "", alert["since"])
    mine = [window for window in windows if window["package"] == alert["package"] and window["start"] <= last and (window["rows"] or window["refused"])]
    mine.sort(key=lambda window: str(window["start"]))
    seen = sum(window["start"] < alert["since"] for window in mine)
    return mine[max(0, seen - MEMORY) :]


def turn(alert: Body, windows: Sequence[Body]) -> Turn:
    """When it turned: where the mean of what the alert is about changed for the worse, if it surely did, else when the monitor first saw it.

    Parameters
    ----------
    windows
        The package's, oldest first, at least one.
    """
    read = [(at, *reading) for at, window in enumerate(windows) if (reading := _reading(alert, window)) is not None]
    changed = change_point([value for _, value, _ in read], [weight for _, _, weight in read])
    at = next((at for at, window in enumerate(windows) if window["start"] >= alert["since"]), len(windows) - 1)
    known = changed is not None and changed.is_sure and _is_worse(alert, changed)
    if changed is not None and known:
        at = read[changed.at][0]
    bad = windows[at]
    good = windows[at - 1] if at else None
    return Turn(since=datetime.fromisoformat(bad["start"]), good=good, bad=bad, chance=changed.chance if changed is not None and known else None)


def _is_worse(alert: Body, change: Change) -> bool:
    """Whether it changed to the side on which the monitor's value lies beyond its limit."""
    if _of_money(alert):
        return change.after < change.before
    return bool((change.after - change.before) * (alert["value"] - alert["limit"]) > 0)


def _of_money(alert: Body) -> bool:
    return alert["monitor"] not in ("drift", "score_drift", "volume", "refused_share")


def _reading(alert: Body, window: Body) -> tuple[float, float] | None:
    """What a window says of the alert's matter, and the rows that it rests on; None where it says nothing.

    What is not drift, volume or refusals is money in the end: the worth per decision is read.
    """
    rows, refused = window["rows"], window["refused"]
    match alert["monitor"]:
        case "volume":
            return float(rows), 1.0
        case "refused_share":
            return refused / (rows + refused), float(rows + refused)
        case "drift" | "score_drift":
            value = window["score_drift"] if alert["monitor"] == "score_drift" else window["drift"].get(alert["feature"])
            return None if value is None or not rows else (float(value), float(rows))
        case name:
            earned = Earned.of_json(window["sums"])
            part = earned.gain if name == "worth_baseline" else earned.money
            return None if part.mean is None else (part.mean, float(part.count))


def _features(good: Sequence[Body], bad: Sequence[Body], importance: Mapping[str, float] | None) -> tuple[Shift, ...]:
    """The features that went beyond their limit in a bad window, by what they moved times what they are worth."""
    names = {name.partition(":")[2] for window in bad for name in window["breaches"] if name.startswith("drift:")}
    told = []
    for name in names:
        now, before = _distance(bad, name), _distance(good, name)
        if now is not None:
            told.append(Shift(name=name, distance=now, before=before, importance=None if importance is None else importance.get(name)))
    return tuple(sorted(told, key=lambda one: (-one.weight, -one.distance, one.name))[:SHOWN])


def _distance(windows: Sequence[Body], name: str) -> float | None:
    """The mean distance over windows, weighted by their rows."""
    said = [(window["drift"][name], window["rows"]) for window in windows if window["drift"].get(name) is not None]
    rows = sum(count for _, count in said)
    return sum(value * count for value, count in said) / rows if rows else None


def _slices(turned: Turn, bad: Sequence[Body], decisions: Decisions | None, reference: Decisions | None, columns: Sequence[str]) -> Fallen:
    if decisions is None or not len(decisions):
        return _NOTHING
    now, before = decisions.within(turned.since, datetime.fromisoformat(bad[-1]["end"])), decisions.within(None, turned.since)
    if not len(now):
        return _NOTHING
    if reference is not None and len(before) < min(10 * SUPPORT, len(reference)):
        return replace(fallen(reference, now, columns), against="on the test part")
    return fallen(before, now, columns) if len(before) else _NOTHING


def _loss(good: Sequence[Body], bad: Sequence[Body], alert: Body) -> Loss | None:
    """What the bad windows earned against those before, or where these have too few outcomes, against the promise."""
    now, then = ([Earned.of_json(window["sums"]).money for window in part] for part in (bad, good))
    count = sum(part.count for part in now)
    if not count:
        return None
    each = sum(part.total for part in now) / count
    known = sum(part.count for part in then)
    if known >= SUPPORT:
        expected, against = sum(part.total for part in then) / known, "the windows before earned"
        error = math.hypot(standard_error(now), standard_error(then))
    elif alert.get("cost"):
        expected, against, error = alert["cost"]["promised"], "was promised", standard_error(now)
    else:
        return None
    reach = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * error * count
    lost = (expected - each) * count
    sure = math.isfinite(reach)
    return Loss(
        lost=lost,
        low=lost - reach if sure else None,
        high=lost + reach if sure else None,
        decisions=count,
        per_decision=each,
        expected=expected,
        against=against,
    )
