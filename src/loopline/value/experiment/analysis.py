"""What an experiment shows so far: each arm against the control, with bounds that hold at every look, and whether it can be trusted. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from loopline.declaration import figure
from loopline.release.rollout.evidence import Moments
from loopline.release.rollout.sequences import BURN_IN, Estimate, between, rate_bounds
from loopline.value.experiment.cuped import NONE, Units, compared
from loopline.value.experiment.spec import Guard, Plan

MISMATCH = 0.001
"""The chance with which a sound split is ever taken for an unsound one."""

Judgement = Literal["better", "worse", "no worthwhile difference", "undecided", "too early"]
State = Literal["winner", "control", "running", "invalid"]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """An arm's figure less the control's.

    Parameters
    ----------
    value, low, high
        None while either has fewer than `BURN_IN` units.
    units
        Of the arm and of the control.
    means
        The figure in the arm and in the control.
    saved
        The share of the variance that what was known before took away.
    """

    metric: str
    value: float | None
    low: float | None
    high: float | None
    units: tuple[int, int]
    means: tuple[float | None, float | None]
    saved: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """How a guarded figure stands, and whether it is surely worse than is borne."""

    guard: Guard
    difference: Difference
    is_harmed: bool


@dataclass(frozen=True, kw_only=True)
class ArmFound:
    """What an arm shows against the control."""

    arm: str
    difference: Difference
    judgement: Judgement
    guards: tuple[Guarded, ...] = ()

    @property
    def harms(self) -> tuple[str, ...]:
        """The guarded figures that it surely harms."""
        return tuple(one.guard.metric for one in self.guards if one.is_harmed)

    def harm(self) -> str:
        """What it surely loses or harms, in words; empty where nothing is sure."""
        said, found = [], self.difference
        if self.judgement == "worse" and found.value is not None and found.low is not None and found.high is not None:
            said.append(f"surely loses {figure(-found.value)} {found.metric} a unit ({figure(-found.high)} to {figure(-found.low)})")
        said += [f"surely harms {one.guard.metric} (off by {figure(one.difference.value or 0.0)}; {one.guard})" for one in self.guards if one.is_harmed]
        return f"{self.arm} {' and '.join(said)}" if said else ""

    @property
    def untold(self) -> tuple[str, ...]:
        """The guarded figures of which too little has come to tell whether it harms them: until then it does not win."""
        return tuple(one.guard.metric for one in self.guards if one.difference.low is None)

    @property
    def waits(self) -> bool:
        """Whether it would win, were it not for guarded figures that are not told yet."""
        return self.judgement == "better" and not self.harms and bool(self.untold)


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """What an experiment shows.

    Parameters
    ----------
    state
        ``winner``: an arm is surely better. ``control``: no arm can be better by as much as is worth finding. ``invalid``: the split is not the one that was
        planned, so that nothing can be told. Else ``running``.
    winner
        The arm that wins, or the control; empty while none does.
    mismatch
        What is wrong with the split; empty where nothing is.
    units
        Units in each arm, the control first.
    """

    state: State
    winner: str
    mismatch: str
    units: Mapping[str, int]
    arms: tuple[ArmFound, ...]

    def as_json(self) -> dict[str, Any]:
        """The analysis as plain values."""
        arms = [
            {
                "arm": one.arm,
                "judgement": one.judgement,
                "harm": one.harm() or None,
                **_plain(one.difference),
                "guards": [{"guard": str(guarded.guard), "is_harmed": guarded.is_harmed, **_plain(guarded.difference)} for guarded in one.guards],
            }
            for one in self.arms
        ]
        return {
            "state": self.state,
            "winner": self.winner or None,
            "mismatch": self.mismatch or None,
            "says": self.says(),
            "units": dict(self.units),
            "arms": arms,
        }

    def says(self) -> str:
        """The state in one line."""
        if self.state == "invalid":
            return f"nothing can be told: {self.mismatch}"
        if self.state == "control":
            why = "; ".join(harm for one in self.arms if (harm := one.harm()))
            return f"{self.winner} stays: {why or 'nothing else can be better by as much as is worth finding'}"
        if self.state == "winner":
            found = next(one for one in self.arms if one.arm == self.winner).difference
            return f"{self.winner} wins: {figure(found.value or 0.0)} more {found.metric} ({figure(found.low or 0.0)} to {figure(found.high or 0.0)})"
        harmed = [harm for one in self.arms if (harm := one.harm())]
        waiting = [f"{one.arm} is surely better, and {', '.join(one.untold)} not yet told" for one in self.arms if one.waits]
        return "; ".join([*harmed, *waiting, "the evidence does not tell yet"])


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """What an experiment has gathered.

    Parameters
    ----------
    assigned
        Units that were given each arm, the control first.
    units
        What the units of each arm brought that have been measured.
    guarded
        The same for each guarded figure: from its name to the units of each arm.
    """

    assigned: Mapping[str, int]
    units: Mapping[str, Units]
    guarded: Mapping[str, Mapping[str, Units]]


def analyse(plan: Plan, shares: Mapping[str, float], gathered: Gathered) -> Analysis:
    """What the units show, at this and every other look.

    Parameters
    ----------
    shares
        Each arm's planned share of the units, the control first.
    """
    control, *others = shares
    units, counts = gathered.units, {arm: len(gathered.units[arm]) for arm in shares}
    mismatch = split_mismatch(gathered.assigned, shares) or split_mismatch(counts, shares)
    alpha = plan.alpha / len(others)
    found = []
    for arm in others:
        difference = differ(plan.metric, units[arm], units[control], alpha=alpha, tightest=plan.tightest)
        guards = []
        for guard in plan.guards:
            sides = [gathered.guarded.get(guard.metric, {}).get(one, NONE) for one in (arm, control)]
            guards.append(_guard(guard, differ(guard.metric, *sides, alpha=alpha / len(plan.guards), tightest=plan.tightest)))
        found.append(ArmFound(arm=arm, difference=difference, judgement=_judged(difference, plan.effect), guards=tuple(guards)))
    state, winner = _state(found, control) if not mismatch else ("invalid", "")
    return Analysis(state=state, winner=winner, mismatch=mismatch, units=counts, arms=tuple(found))


def differ(metric: str, arm: Units, control: Units, *, alpha: float, tightest: float) -> Difference:
    """An arm's figure less the control's, with bounds that are wrong at any time with a chance of `alpha`, after what was known before is taken out.

    References
    ----------
    Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024), "Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics
    52(6), section 3: randomised experiments, with covariates taken out.
    """
    both = compared(arm, control)
    means = tuple(side.mean if len(side) else None for side in (arm, control))
    estimate = _between(both.arm, both.control)
    same: dict[str, Any] = {"metric": metric, "units": (len(arm), len(control)), "means": means, "saved": both.saved}
    if not estimate.pairs:
        return Difference(value=None, low=None, high=None, **same)
    low, high = estimate.bounds(alpha / 2, tightest=tightest)
    return Difference(value=float(estimate.value), low=float(low), high=float(high), **same)


def _between(arm: Moments, control: Moments) -> Estimate:
    """Arm less control; the smaller side's variance is taken to be the other's at least, as it has seen fewer of the rare large values."""
    if arm.n <= control.n:
        return between((arm.n, arm.mean, arm.variance), (control.n, control.mean, control.variance))
    turned = between((control.n, control.mean, control.variance), (arm.n, arm.mean, arm.variance))
    return Estimate(value=-turned.value, variance=turned.variance, pairs=turned.pairs)


def split_mismatch(counts: Mapping[str, int], shares: Mapping[str, float]) -> str:
    """What is wrong with the split of the units; empty where it may well be the planned one, looked at as often as one likes.

    References
    ----------
    Lindon & Malek (2022), "Anytime-valid inference for multinomial count data", NeurIPS: sample-ratio mismatch by mixtures, which at two arms is the
    beta-binomial mixture of Robbins (1970). Fabijan et al. (2019), "Diagnosing sample ratio mismatch in online controlled experiments", KDD: why it matters.
    """
    whole, planned = sum(counts.values()), sum(shares.values())
    # The arm that lacks most units is named, an empty one before all.
    for arm, share in sorted(shares.items(), key=lambda one: counts[one[0]] / one[1]):
        low, high = rate_bounds(counts[arm], whole, MISMATCH / 2 / len(shares))
        if not low <= share / planned <= high:
            return f"{arm} has {counts[arm]:,} of {whole:,} units, and {share / planned:.4g} of them were planned: who is counted depends on the arm"
    return ""


def _guard(guard: Guard, difference: Difference) -> Guarded:
    low, high = difference.low, difference.high
    if low is None or high is None:
        return Guarded(guard=guard, difference=difference, is_harmed=False)
    return Guarded(guard=guard, difference=difference, is_harmed=low > guard.margin if guard.worse == "higher" else high < -guard.margin)


def _judged(difference: Difference, effect: float) -> Judgement:
    if difference.low is None or difference.high is None:
        return "too early"
    if difference.low > 0:
        return "better"
    if difference.high < 0:
        return "worse"
    return "no worthwhile difference" if difference.high < effect else "undecided"


def _state(found: Sequence[ArmFound], control: str) -> tuple[State, str]:
    """The winner, once one is told: the best of the arms that are surely better and harm nothing guarded, or the control when no arm can be worth it."""
    better = [one for one in found if one.judgement == "better" and not one.harms and not one.untold]
    open_still = [one for one in found if one.waits or (one.judgement in ("undecided", "too early") and not one.harms)]
    if better and not open_still:
        return "winner", max(better, key=lambda one: one.difference.value or 0.0).arm
    if not better and not open_still:
        return "control", control
    return "running", ""


def _plain(difference: Difference) -> dict[str, Any]:
    return {**asdict(difference), "units": list(difference.units), "means": list(difference.means), "needed": BURN_IN}
