"""The past under another charter: decisions taken anew by a policy that is chosen at its prices, and the case that a review would have judged. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from loopline.charter.spec import CharterSpec
from loopline.charter.worth import Worth
from loopline.errors import Mistake
from loopline.model.candidates import Judge, Part
from loopline.model.deciding import terms_of
from loopline.model.estimates import of_mean
from loopline.model.policy import Policy
from loopline.model.spec import PolicySpec
from loopline.value.case import Case, Promise
from loopline.value.criteria import criteria
from loopline.value.hindsight import better
from loopline.value.realised import Amount, Body
from loopline.value.replayed import Change
from loopline.value.whatif import Effect, require_read, what_if
from loopline.watch.decisions import Decisions
from loopline.watch.earned import Earned, by_group

SERVED, TEST = "served", "test"


@dataclass(frozen=True, kw_only=True, eq=False)
class Past:
    """What one package decided, with what came of it.

    Parameters
    ----------
    served
        Those of its decisions whose outcome has come; None where it has not served.
    tested
        Those on its test part; None where it came without one.
    policy
        Its policy.
    """

    served: Decisions | None
    tested: Decisions | None
    policy: Policy

    def at(self, worth: Worth) -> Past:
        """The same decisions at other prices, held against the one decision for all that earns most at these."""
        known = self.tested if self.tested is not None else self.served
        best = None if known is None or not len(known) else known.unaided(worth)
        served, tested = (None if part is None else part.at(worth, without_model=best) for part in (self.served, self.tested))
        return replace(self, served=served, tested=tested)


@dataclass(frozen=True, kw_only=True)
class Redecided:
    """What decisions of the past are worth under another charter.

    Parameters
    ----------
    on
        Whether they were ``served``, or are those of the later half of the ``test`` part.
    stays
        Before against after with every decision as it was.
    anew
        Before against after with those that the policy takes which is chosen at the prices after, on other rows; None where none is chosen.
    """

    on: str
    stays: Effect
    anew: Effect | None


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is counted with: how sure intervals are, how many outcomes tell enough, and how many decisions a year has before and after.

    Parameters
    ----------
    shown
        The share of the decisions in a year that have an outcome to see.
    """

    confidence: float
    needed: int
    before_per_year: float | None
    after_per_year: float | None
    shown: float = 1.0


def redecide(past: Past, before: CharterSpec, after: CharterSpec, declared: PolicySpec, setting: Setting) -> Redecided:
    """What the past would have earned at the prices after, as it was decided and decided anew.

    A policy is chosen as a training chooses it, on rows that it is not judged on: on the test part for what was served, else on the test part's earlier half
    for the later one. So is the one decision for all that it is held against.

    Raises
    ------
    Mistake
        When too few decisions tell, or they lack what a price is worked out from.
    """
    known, tested = past.served, past.tested
    on = SERVED if known is not None and len(known) >= setting.needed else TEST
    learned, judged = (tested, known) if on == SERVED else (None, None) if tested is None else _halves(tested)
    if judged is None or len(judged) < 2:
        what = f"{0 if known is None else len(known)} outcomes of served decisions are known, and the package came without a test part"
        raise Mistake(what, remedy=f"wait for outcomes: {setting.needed} are needed")
    task = judged.yardstick.task
    old, new = (Worth.of(charter.worth, task) for charter in (before, after))
    judged = judged.at(old)
    best = None if learned is None or not len(learned) else learned.unaided(new)
    same = Change(prices=terms_of(new), per_year=setting.after_per_year, without_model=best)

    def effect(change: Change) -> Effect:
        return what_if(
            judged,
            past.policy,
            before.worth,
            change,
            per_year=setting.before_per_year,
            sees_all=after.outcome_seen == "always",
            confidence=setting.confidence,
            shown=setting.shown,
        )

    stays = effect(same)
    chosen = None if task != "binary" or learned is None or len(learned) < 2 else _chosen(learned, new, declared)
    return Redecided(on=on, stays=stays, anew=None if chosen is None else effect(replace(same, policy=chosen)))


def _halves(decisions: Decisions) -> tuple[Decisions, Decisions]:
    earlier = np.arange(len(decisions)) < len(decisions) // 2
    return decisions.where(earlier), decisions.where(~earlier)


def _chosen(decisions: Decisions, worth: Worth, declared: PolicySpec) -> Policy:
    """The policy that earns most on the rows; nobody is asked, for what a person would have said is not known."""
    judged = decisions.judged
    judge = Judge("binary", judged.classes, worth, declared=declared.model_copy(update={"ask": None}))
    return judge.best_policy(Part(judged.outcome, judged.columns, decisions.time), judged.score)


def case_under(case: Case, charter: CharterSpec, past: Past, *, repriced: bool) -> Case:
    """The case that a review would have judged, had this charter held.

    Parameters
    ----------
    case
        As it is under the charter that the windows were measured at.
    repriced
        Whether the prices are others: then what windows earned and what was promised is worked out again from the champion's single decisions. The lift of the
        hold-out is left out: it is in the old money.

    Raises
    ------
    Mistake
        When the decisions lack what a price is worked out from.
    """
    at = _at(past, charter) if repriced else past
    windows = _windows(case, charter, at.served) if repriced else case.windows
    known = at.served if at.served is not None and len(at.served) >= case.spec.outcomes_needed else None
    return replace(
        case,
        charter=charter,
        windows=windows,
        promise=_promised(case.promise, at.tested) if repriced else case.promise,
        criteria=criteria(charter.acceptance, at.served, windows, package=case.champion, sees_all=charter.outcome_seen == "always"),
        better=None if known is None else better(known, past.policy, confidence=case.spec.confidence),
        lift=None if repriced else case.lift,
        lift_over_time=() if repriced else case.lift_over_time,
    )


def _at(past: Past, charter: CharterSpec) -> Past:
    parts = [part for part in (past.served, past.tested) if part is not None and len(part)]
    if not parts:
        return past
    worth = Worth.of(charter.worth, parts[0].yardstick.task)
    for part in parts:
        require_read(worth, part)
    return past.at(worth)


def _windows(case: Case, charter: CharterSpec, decisions: Decisions | None) -> list[Body]:
    """The champion's windows with the money of its decisions at their prices; those of which no decision is at hand have no outcome."""
    own = [window for window in case.windows if window["package"] == case.champion]
    if decisions is None or not own:
        return [{**window, "sums": Earned().as_json(), "outcomes": 0} for window in own]
    if charter.outcome_seen == "when_acted" and decisions.yardstick.task == "binary":
        decisions = decisions.where(decisions.judged.decision | decisions.asked)
    starts, ends = (np.array([_moment(window[name]) for window in own]) for name in ("start", "end"))
    group = np.searchsorted(starts, decisions.time, side="right") - 1
    inside = (group >= 0) & (decisions.time < ends[np.maximum(group, 0)])
    decisions, group = decisions.where(inside), group[inside]
    money, gain = (by_group(values, group, len(own)) for values in (decisions.judged.money, decisions.gain))
    perfect = np.bincount(group, weights=decisions.perfect, minlength=len(own))
    return [
        {
            **window,
            "sums": Earned(money[at], gain[at], float(perfect[at])).as_json(),
            "outcomes": money[at].count,
            "metrics": {**window["metrics"], **({"worth": money[at].mean} if "worth" in window["metrics"] else {})},
        }
        for at, window in enumerate(own)
    ]


def _moment(text: str) -> np.datetime64:
    return np.datetime64(datetime.fromisoformat(text).replace(tzinfo=None), "us")


def _promised(promise: Promise | None, tested: Decisions | None) -> Promise | None:
    """What was promised on the test part, at other prices; None where nobody kept its rows."""
    if promise is None or tested is None or not len(tested):
        return None
    earned, added = (of_mean(values, tested.blocks) for values in (tested.judged.money, tested.gain))
    assert earned is not None and added is not None
    return replace(
        promise,
        earned=Amount(mean=earned.value, low=earned.low, high=earned.high),
        added=Amount(mean=added.value, low=added.low, high=added.high),
        baseline=float((tested.judged.money - tested.gain).mean()),
        perfect=float(tested.perfect.mean()),
        rows=len(tested),
    )
