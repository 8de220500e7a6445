"""What explains a breach, as values and in words: since when, which features and slices, how much money, what changed upstream. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from loopline.declaration import figure
from loopline.watch.departed import Departed, in_words
from loopline.watch.slices import Fallen, SliceLoss
from loopline.watch.spans import written
from loopline.watch.upstream import Happening

Body = Mapping[str, Any]

UPSTREAM_SHOWN = 5


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
    promised
        What was promised per decision, where something else was expected; else None.
    """

    lost: float
    low: float | None
    high: float | None
    decisions: int
    per_decision: float
    expected: float
    against: str
    promised: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The loss as plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What explains a breach; each part is empty, or None, where nothing tells.

    Parameters
    ----------
    departed
        The columns that left their range: their sources are looked at before anything is trained.
    costs
        Whether money tells anything of it: nobody knows what would have been earned on what did not come.
    """

    says: str
    currency: str
    turn: Turn
    features: tuple[Shift, ...]
    costs: bool
    fallen: Fallen
    money: Loss | None
    upstream: tuple[Happening, ...]
    departed: tuple[Departed, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The explanation as plain values."""
        return {
            "since": self.turn.since.isoformat(),
            "last_good": None if self.turn.good is None else self.turn.good["start"],
            "chance": self.turn.chance,
            "departed": [one.as_json() for one in self.departed],
            "features": [one.as_json() for one in self.features],
            "slices": [one.as_json() for one in self.fallen.slices],
            "slices_looked_at": self.fallen.looked_at,
            "slices_against": self.fallen.against,
            "money": None if self.money is None else self.money.as_json(),
            "upstream": [one.as_json() for one in self.upstream],
        }

    def lines(self) -> list[str]:
        """The explanation in sentences, those that say that nothing was found among them."""
        first = [self._since(), *([in_words(self.departed)] if self.departed else [])]
        if not self.costs:
            return [*first, self._features(), self._upstream()]
        return [*first, self._money(), self._features(), self._slices(), self._upstream()]

    def found(self, *, with_money: bool = True) -> list[str]:
        """The sentences that say what was found; without that on money where it stands already."""
        told = (
            (True, self._since),
            (self.departed, lambda: in_words(self.departed)),
            (with_money and self.money, self._money),
            (self.features, self._features),
            (self._sure(), self._slices),
            (self.upstream, self._upstream),
        )
        return [say() for there, say in told if there]

    def _sure(self) -> list[SliceLoss]:
        return [one for one in self.fallen.slices if one.is_sure]

    def _since(self) -> str:
        chance, when = self.turn.chance, f"Since {written(self.turn.since)}"
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
        whole = f"{figure(abs(money.lost))} {self.currency} {verb}{between} on {money.decisions:,} decisions"
        return f"In the windows since {written(self.turn.since)}, {whole}: {each}, which {money.against}{_of_the_promise(money)}."

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
        shown = self.upstream[-UPSTREAM_SHOWN:]
        more = f" (the newest {UPSTREAM_SHOWN} of {len(self.upstream)})" if len(self.upstream) > UPSTREAM_SHOWN else ""
        return f"Upstream meanwhile{more}: " + "; ".join(f"{written(one.time)} {one.says}" for one in shown) + "."


def _of_the_promise(money: Loss) -> str:
    """The same decisions by the yardstick of the alert's own sum."""
    if money.promised is None:
        return ""
    short = (money.promised - money.per_decision) * money.decisions
    return f"; held in the same windows against the {figure(money.promised)} that were promised it is {figure(abs(short))} {'less' if short > 0 else 'more'}"


def _share(chance: float) -> str:
    return f"{chance:.1%}" if chance > 0.001 else "at most 0.1%"


def _mattering(importance: float | None, currency: str) -> str:
    return "" if importance is None else f", worth {figure(max(0.0, importance))} {currency} per decision to the model"
