"""Keep, retrain, change the policy or retire, with the reasons: rules are small named functions in a list, and the first that speaks decides. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from loopline.declaration import figure
from loopline.value.case import Case
from loopline.watch.departed import in_words
from loopline.watch.spec import OF_THE_MODEL, URGENCY

_DAYS_IN_YEAR = 365.25

Recommendation = Literal["keep", "mend_source", "retrain", "change_policy", "retire"]

_ADVICE: Mapping[Recommendation, str] = {
    "keep": "Keep it",
    "mend_source": "Look at the source first",
    "retrain": "Retrain it",
    "change_policy": "Change the policy",
    "retire": "Retire it",
}


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


def a_column_left_its_range(case: Case) -> Reason | None:
    """Mend the source: most of a column is unlike anything that was trained on, and a training now would learn what is wrong with it."""
    if not case.departed:
        return None
    return Reason("a_column_left_its_range", "mend_source", in_words(case.departed))


def too_early(case: Case) -> Reason | None:
    """Keep: the outcomes are fewer than the declaration asks for."""
    came = 0 if case.own is None else case.own.outcomes
    if not case.served or came >= case.spec.outcomes_needed:
        return None
    return Reason(
        "too_early", "keep", f"It is too early to judge: {came:,} outcomes have come of {case.served:,} decisions, {case.spec.outcomes_needed:,} are needed."
    )


def another_policy_pays(case: Case) -> Reason | None:
    """Change the policy: another threshold would have earned clearly more, and makes up for half of what is missing to the promise at least."""
    own, found = case.own, case.better
    if own is None or found is None:
        return None
    if case.promised is not None and found.gain.value < (case.promised.mean - own.earned.mean) / 2:
        # What was lost is not the policy's: a new training may find what a threshold cannot.
        return None
    between = f"{figure(found.gain.low)} to {figure(found.gain.high)}"
    says = (
        f"Acting from a probability of {figure(found.threshold)} on would have earned {case.money(found.gain.value)} more per decision ({between}), "
        f"on {found.rows:,} outcomes; it acts on {found.acted:.0%} where now {found.acted_now:.0%} are acted on."
    )
    return Reason("another_policy_pays", "change_policy", says)


def the_hold_out_earns_more(case: Case) -> Reason | None:
    """Retire: what chance held out from it earns surely more."""
    if case.caused is None or case.causes >= 0:
        return None
    says = f"Each decision loses {case.money(-case.caused['per_decision'])} against the {case.caused['held']:,} that were held out from the model by chance."
    return Reason("the_hold_out_earns_more", "retire", says)


def below_the_baseline(case: Case) -> Reason | None:
    """Retire: it earns clearly less than no model at all, as far as its own decisions tell; a hold-out knows it better."""
    own = case.own
    if own is None or own.added.high is None or own.added.high >= 0 or case.causes:
        return None
    return Reason("below_the_baseline", "retire", f"Each decision earns {case.money(-own.added.mean)} less than deciding without a model would have.")


def below_the_promise(case: Case) -> Reason | None:
    """Retrain: it earns clearly less than it did on the test part."""
    own, promise = case.own, case.promised
    if own is None or promise is None or promise.low is None or own.earned.high is None or own.earned.high >= promise.low:
        return None
    promised = case.money(promise.mean)
    says = f"Each decision earns {case.money(own.earned.mean)}; {promised} were promised on the test part, and the intervals do not meet."
    return Reason("below_the_promise", "retrain", says)


def an_alert_is_open(case: Case) -> Reason | None:
    """Retrain: the world, or the model's success in it, is no longer that of the training."""
    about = [alert for alert in case.alerts if alert["monitor"] in OF_THE_MODEL and alert.get("package") == case.champion]
    if not about:
        return None
    first = min(about, key=lambda alert: URGENCY.index(alert["monitor"]))
    return Reason("an_alert_is_open", "retrain", f"An alert is open: {first['says']}{_besides(len(about) - 1, len(case.alerts) - len(about))}.")


def _besides(of_it: int, others: int) -> str:
    """How many more alerts are open: of the model, and of other matters, such as the data or the machinery."""
    if not of_it and not others:
        return ""
    more = f"{of_it or others} more{' of other matters' if not of_it else ' of the model' if others else ''} {'is' if (of_it or others) == 1 else 'are'} open"
    return f". {more}, and {others} of other matters" if of_it and others else f". {more}"


def below_the_target(case: Case) -> Reason | None:
    """Keep, but say it: what is added is clearly below the charter's target."""
    own, target = case.own, case.charter.target
    yearly = None if own is None else own.yearly
    if target is None or yearly is None or yearly.high is None or not 0 <= yearly.high < target.per_year:
        return None
    says = f"It adds {case.money(yearly.mean)} a year at this rate, below the target of {case.money(target.per_year)}."
    return Reason("below_the_target", "keep", says)


def a_criterion_is_broken(case: Case) -> Reason | None:
    """Keep, but say it: what the customer asked for does not hold on what happened."""
    broken = [one for one in case.criteria if one.passed is False]
    if not broken:
        return None
    first = broken[0]
    others = f", and {len(broken) - 1} more" if len(broken) > 1 else ""
    return Reason("a_criterion_is_broken", "keep", f"Criterion {first.name} does not hold: {first.says}{others}.")


def it_earns(case: Case) -> Reason | None:
    """Keep: it earns, or nothing shows yet that it does not."""
    own = case.own
    if own is None or case.causes < 0 or below_the_baseline(case) is not None:
        return None
    if case.caused is not None and case.causes > 0:
        gains = f"Each decision surely gains {case.money(case.caused['per_decision'])}"
        return Reason("it_earns", "keep", f"{gains} against the {case.caused['held']:,} that were held out from the model by chance.")
    sure = own.added.low is not None and own.added.low > 0
    says = f"Each decision adds {case.money(own.added.mean)} to what no model would earn" + ("." if sure else ", though that may still be chance.")
    return Reason("it_earns", "keep", says)


def a_retraining_did_not_help(case: Case) -> Reason | None:
    """Keep, but say it: the package that was trained last was refused."""
    return Reason("a_retraining_did_not_help", "keep", f"A retraining did not help: {case.retrained}.") if case.retrained else None


RULES: tuple[Rule, ...] = (
    nothing_served,
    a_column_left_its_range,
    too_early,
    the_hold_out_earns_more,
    another_policy_pays,
    below_the_baseline,
    below_the_promise,
    an_alert_is_open,
    below_the_target,
    a_criterion_is_broken,
    it_earns,
    a_retraining_did_not_help,
)


def judge(case: Case) -> Review:
    """The recommendation of the first rule that speaks, with the reasons of all."""
    reasons = tuple(reason for rule in RULES if (reason := rule(case)) is not None)
    return Review(reasons[0].recommendation, reasons)


def needs_something_new(case: Case) -> bool:
    """Whether another training would make the package again that was refused: the same rows make the same."""
    return bool(case.retrained) and case.knows_the_data


def advice(case: Case, review: Review) -> str:
    """The recommendation in words, for a heading."""
    if review.recommendation == "mend_source" and len(case.departed) == 1:
        return f"Look at the source of {case.departed[0].name} first"
    says = _ADVICE[review.recommendation]
    return f"{says}, with something new" if review.recommendation == "retrain" and needs_something_new(case) else says


def training(case: Case) -> str:
    """The command that trains on what is new."""
    return "loopline run --fresh model" if case.only_when_asked else "loopline run"


def following(case: Case, review: Review) -> str:
    """What to do next: an exact command wherever there is one."""
    if review.reasons[0].rule == "nothing_served":
        return "loopline serve" if case.champion else "loopline run"
    if review.recommendation == "retire":
        stop = f"stop serving, and decide without a model ({case.promise.rule})" if case.promise else "stop serving"
        return "loopline release rollback --why '...'" if case.has_earlier else stop
    if review.recommendation == "mend_source":
        return "loopline alerts list"
    if review.recommendation == "change_policy":
        return _trial_of(case)
    if review.recommendation == "retrain":
        if needs_something_new(case):
            return "loopline release check"
        run = training(case)
        return f"loopline data ingest PATH && {run}" if case.knows_the_data else run
    return "loopline tick"


def _trial_of(case: Case) -> str:
    """The command that shows what the better policy earns: the hands that it takes, where there is a limit of hands."""
    found, own = case.better, case.own
    assert found is not None
    if found.breaks_limit and own is not None and own.per_year is not None:
        return f"loopline value whatif --capacity '{math.ceil(found.acted * own.per_year / _DAYS_IN_YEAR)} per day'"
    return f"loopline value whatif --threshold {min(1.0, found.threshold):.3g}"
