"""The arms of an experiment: which policies, packages or features are compared, and what share of the units each gets."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from loopline.declaration import Rate, figure, parse_rate
from loopline.errors import Mistake
from loopline.model.policy import Policy
from loopline.serve.experiments import Arm
from loopline.serve.split import CONTROL

MOST = 8
"""Arms at most: each one more takes units from all others."""

_NAMED = re.compile(r"\s*(?:([\w][\w.-]*)\s*:\s*)?(threshold|capacity)\s*=\s*(.+?)\s*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=-]{0,63}")


def policies(texts: Sequence[str], policy: Policy, promised: NDArray[np.float64], rows_per_year: float | None, *, share: float) -> tuple[Arm, ...]:
    """The arms of an experiment on policies: the package's own, and one for each text.

    Parameters
    ----------
    texts
        Such as ``threshold=0.3``, ``capacity=50 per day`` or, with a name, ``eager: threshold=0.3``.
    promised
        What logged rows promised, as `loopline.model.policy.promise` tells it; from them a capacity's threshold is found.
    rows_per_year
        Decisions in a year; None where that is unknown.
    share
        The share of the units that takes part, evenly over all arms.

    Raises
    ------
    Mistake
        When a text says no variant of this policy.
    """
    if "threshold" not in policy:
        raise Mistake("its policy has nothing to vary", where="--policy", remedy="only policies that act or rest have a threshold; compare packages instead")
    each = share / (1 + len(texts))
    made = [_variant(text, policy, promised, rows_per_year, each) for text in texts]
    return checked((Arm(name=CONTROL, share=each), *made))


def _variant(text: str, policy: Policy, promised: NDArray[np.float64], rows_per_year: float | None, share: float) -> Arm:
    match = _NAMED.fullmatch(text)
    if match is None:
        raise Mistake(f"{text!r} is no variant of a policy", where="--policy", remedy="write threshold=0.3, capacity=50 per day, or NAME: threshold=0.3")
    name, what, value = match[1] or f"{match[2]}={'-'.join(match[3].split())}", match[2], match[3]
    if what == "threshold":
        return Arm(name=name, share=share, policy={**_bare(policy), "threshold": _number(value, policy)})
    rate = _rate(value)
    limit = {"at_most": rate.amount, "per": rate.period} if policy["kind"] == "top" else {}
    return Arm(name=name, share=share, policy={**_bare(policy), **limit, "threshold": within(rate, promised, rows_per_year)})


def within(rate: Rate, promised: NDArray[np.float64], rows_per_year: float | None) -> float:
    """The threshold from which on so many rows a period are acted on, by what logged rows promised.

    Raises
    ------
    Mistake
        When nothing is known of how many come, or no more come than may be acted on.
    """
    if not rows_per_year or not len(promised):
        remedy = "say charter.volume, or serve for some time and run loopline tick"
        raise Mistake("how many decisions come is not known, so that a capacity has no threshold", where="--policy", remedy=remedy)
    part = rate.per_year / rows_per_year
    if not 0 < part < 1:
        what = f"{rate} is no limit: {figure(rows_per_year)} decisions a year come"
        raise Mistake(what, where="--policy", remedy="say fewer, but more than none")
    return float(np.quantile(promised, 1 - part))


def _bare(policy: Policy) -> dict[str, object]:
    # How sure the package's own choice is says nothing of another one.
    return {name: value for name, value in policy.items() if name != "chosen_on"}


def _number(text: str, policy: Policy) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value) or (policy["kind"] == "threshold" and not 0 <= value <= 1):
        what = "a probability from 0 to 1" if policy["kind"] == "threshold" else "a number"
        raise Mistake(f"{text!r} is no threshold of this policy", where="--policy", remedy=f"say {what}")
    return value


def _rate(text: str) -> Rate:
    try:
        return parse_rate(text)
    except ValueError as error:
        raise Mistake(str(error), where="--policy", remedy="write capacity=50 per day") from None


def packages(champion: str, other: str, *, share: float) -> tuple[Arm, ...]:
    """The champion as control, which answers what the other does not."""
    return (Arm(name=CONTROL, share=1 - share, package=champion), Arm(name=other[:8], share=share, package=other))


def features(names: Sequence[str], *, share: float) -> tuple[Arm, ...]:
    """An arm for each name, the control first.

    Raises
    ------
    Mistake
        When there are fewer than two.
    """
    if len(names) < 2:
        raise Mistake("an experiment compares two arms at least", where="--arms", remedy="name the control first, as in --arms old,new")
    return checked(tuple(Arm(name=name, share=share / len(names)) for name in names))


def checked(arms: tuple[Arm, ...]) -> tuple[Arm, ...]:
    """The arms, if their names tell them apart.

    Raises
    ------
    Mistake
        When they do not, or the arms are too many.
    """
    for arm in arms:
        if _NAME.fullmatch(arm.name) is None:
            what = f"{arm.name!r} is no name of an arm" if arm.name else "an arm has no name"
            raise Mistake(what, remedy="use letters, digits, dots and dashes, as in NAME: threshold=0.3")
    names = [arm.name for arm in arms]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise Mistake(f"two arms are named {twice!r}", remedy="give each a name of its own")
    if len(arms) > MOST:
        raise Mistake(f"{len(arms)} arms are too many", remedy=f"compare {MOST} at most: each takes units from the others")
    return arms
