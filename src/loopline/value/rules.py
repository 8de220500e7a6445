"""Keep, retrain or retire, with the reasons: rules are small named functions in a list, and the first that speaks decides. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from loopline.charter.spec import CharterSpec
from loopline.declaration import figure
from loopline.value.realised import Amount, Body, Realised, realise
from loopline.value.spec import ValueSpec
from loopline.watch.monitors.listed import OF_THE_MODEL
from loopline.watch.spec import URGENCY

Recommendation = Literal["keep", "retrain", "retire"]


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What the package earned per decision on the test part, before it was released.

    Parameters
    ----------
    added
        What it earned above `baseline`, which is what `rule` would have earned without a model.
    """

    earned: Amount
    added: Amount
    baseline: float
    rule: str
    perfect: float
    rows: int

    @classmethod
    def of(cls, measured: Mapping[str, Any]) -> Promise:
        """The promise in a package's ``metrics.json``."""
        worth, gain = measured["worth"], measured["worth"]["gain"]
        return cls(
            earned=Amount(mean=worth["per_decision"], low=worth["low"], high=worth["high"]),
            added=Amount(mean=gain["mean"], low=gain["low"], high=gain["high"]),
            baseline=worth["baseline"],
            rule=worth["rule"],
            perfect=worth["perfect"],
            rows=measured["rows"]["test"],
        )


@dataclass(frozen=True, kw_only=True)
class Case:
    """What the rules judge and the report tells.

    Parameters
    ----------
    champion
        Digest of the package that decides now; None before the first release.
    windows
        Every window of every package, in the order of their starts.
    alerts
        The bodies of the alerts that are not resolved.
    has_earlier
        Whether another package has decided before, to which a way leads back.
    knows_the_data
        Whether the champion, or one that did not beat it, has learned from the main table as it is: another run would give the same.
    lift
        What the policy causes against what chance held out from it, as `loopline.value.lift.Lift.as_json` writes it; None where nothing tells.
    """

    project: str
    charter: CharterSpec
    spec: ValueSpec
    champion: str | None
    promise: Promise | None
    windows: Sequence[Body]
    alerts: Sequence[Mapping[str, Any]] = ()
    has_earlier: bool = False
    knows_the_data: bool = False
    lift: Mapping[str, Any] | None = None

    @property
    def causes(self) -> int:
        """1 where the hold-out shows that the model surely gains, -1 where it surely loses, else 0."""
        low, high = (None, None) if self.lift is None else (self.lift["low"], self.lift["high"])
        return 0 if low is None or high is None else int(low > 0) - int(high < 0)

    @property
    def currency(self) -> str:
        """The charter's currency."""
        return self.charter.worth.currency

    @cached_property
    def whole(self) -> Realised | None:
        """What all packages earned since the first prediction."""
        return realise(self.windows, self.charter, confidence=self.spec.confidence)

    @cached_property
    def own(self) -> Realised | None:
        """What the champion earned."""
        return realise([window for window in self.windows if window["package"] == self.champion], self.charter, confidence=self.spec.confidence)

    @property
    def served(self) -> int:
        """Decisions that the champion has served."""
        return sum(window["rows"] for window in self.windows if window["package"] == self.champion)

    def money(self, value: float) -> str:
        """A sum of money as text."""
        return f"{figure(value)} {self.currency}"


@dataclass(frozen=True)
class Reason:
    """Why a rule speaks for a recommendation."""

    rule: str
    recommendation: Recommendation
    says: str


@dataclass(frozen=True)
class Review:
    """What is recommended, and every reason that a rule gave: the first one decided."""

    recommendation: Recommendation
    reasons: tuple[Reason, ...]


Rule = Callable[[Case], Reason | None]


def nothing_served(case: Case) -> Reason | None:
    """Keep: without decisions nothing can be realised."""
    if case.served:
        return None
    return Reason("nothing_served", "keep", "Nothing is realised yet: the package that decides now has not served a decision.")


def too_early(case: Case) -> Reason | None:
    """Keep: the outcomes are fewer than the declaration asks for."""
    came = 0 if case.own is None else case.own.outcomes
    if not case.served or came >= case.spec.outcomes_needed:
        return None
    return Reason(
        "too_early", "keep", f"It is too early to judge: {came:,} outcomes have come of {case.served:,} decisions, {case.spec.outcomes_needed:,} are needed."
    )


def the_hold_out_earns_more(case: Case) -> Reason | None:
    """Retire: what chance held out from it earns surely more."""
    if case.lift is None or case.causes >= 0:
        return None
    says = f"Each decision loses {case.money(-case.lift['per_decision'])} against the {case.lift['held']:,} that were held out from the model by chance."
    return Reason("the_hold_out_earns_more", "retire", says)


def below_the_baseline(case: Case) -> Reason | None:
    """Retire: it earns clearly less than no model at all, as far as its own decisions tell; a hold-out knows it better."""
    own = case.own
    if own is None or own.added.high is None or own.added.high >= 0 or case.causes:
        return None
    return Reason("below_the_baseline", "retire", f"Each decision earns {case.money(-own.added.mean)} less than deciding without a model would have.")


def below_the_promise(case: Case) -> Reason | None:
    """Retrain: it earns clearly less than it did on the test part."""
    own, promise = case.own, case.promise
    if own is None or promise is None or promise.earned.low is None or own.earned.high is None or own.earned.high >= promise.earned.low:
        return None
    promised = case.money(promise.earned.mean)
    says = f"Each decision earns {case.money(own.earned.mean)}; {promised} were promised on the test part, and the intervals do not meet."
    return Reason("below_the_promise", "retrain", says)


def an_alert_is_open(case: Case) -> Reason | None:
    """Retrain: the world, or the model's success in it, is no longer that of the training."""
    about = [alert for alert in case.alerts if alert["monitor"] in OF_THE_MODEL and alert.get("package") == case.champion]
    if not about:
        return None
    first = min(about, key=lambda alert: URGENCY.index(alert["monitor"]))
    others = f". {len(about) - 1} more {'is' if len(about) == 2 else 'are'} open" if len(about) > 1 else ""
    return Reason("an_alert_is_open", "retrain", f"An alert is open: {first['says']}{others}.")


def below_the_target(case: Case) -> Reason | None:
    """Keep, but say it: what is added is clearly below the charter's target."""
    own, target = case.own, case.charter.target
    if own is None or target is None or own.per_year is None or own.added.high is None or not 0 <= own.added.high * own.per_year < target.per_year:
        return None
    yearly = own.added.times(own.per_year)
    says = f"It adds {case.money(yearly.mean)} a year at this rate, below the target of {case.money(target.per_year)}."
    return Reason("below_the_target", "keep", says)


def it_earns(case: Case) -> Reason | None:
    """Keep: it earns, or nothing shows yet that it does not."""
    own = case.own
    if own is None or case.causes < 0 or below_the_baseline(case) is not None:
        return None
    if case.lift is not None and case.causes > 0:
        gains = f"Each decision surely gains {case.money(case.lift['per_decision'])}"
        return Reason("it_earns", "keep", f"{gains} against the {case.lift['held']:,} that were held out from the model by chance.")
    sure = own.added.low is not None and own.added.low > 0
    says = f"Each decision adds {case.money(own.added.mean)} to what no model would earn" + ("." if sure else ", though that may still be chance.")
    return Reason("it_earns", "keep", says)


RULES: tuple[Rule, ...] = (
    nothing_served,
    too_early,
    the_hold_out_earns_more,
    below_the_baseline,
    below_the_promise,
    an_alert_is_open,
    below_the_target,
    it_earns,
)


def judge(case: Case) -> Review:
    """The recommendation of the first rule that speaks, with the reasons of all."""
    reasons = tuple(reason for rule in RULES if (reason := rule(case)) is not None)
    return Review(reasons[0].recommendation, reasons)


def following(case: Case, review: Review) -> str:
    """What to do next: an exact command wherever there is one."""
    if review.reasons[0].rule == "nothing_served":
        return "loopline serve" if case.champion else "loopline run"
    if review.recommendation == "retire":
        stop = f"stop serving, and decide without a model ({case.promise.rule})" if case.promise else "stop serving"
        return "loopline release rollback --why '...'" if case.has_earlier else stop
    if review.recommendation == "retrain":
        return "loopline data ingest PATH && loopline run" if case.knows_the_data else "loopline run"
    return "loopline tick"
