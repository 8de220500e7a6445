"""The rule that turns a score into a decision: plain JSON values, applied with NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.charter.spec import Task
from loopline.charter.worth import Worth
from loopline.declaration import figure
from loopline.expression.language import Expression, parse
from loopline.expression.on_numpy import evaluate

ACT, REST, ASK = "act", "rest", "ask"
NEVER = 2.0
"""A threshold that no probability reaches: never act."""

PAYS = float(np.finfo(np.float64).tiny)
"""The least expected worth from which acting pays: anything above nothing."""

_FREE = 1e-12

Policy = Mapping[str, Any]
"""Plain values. ``kind`` is ``most_likely`` or ``value``, or one of those that act where what a row promises is at least ``threshold``:

- ``threshold``: a row promises its score;
- ``expected_worth``: it promises the money that acting is expected to earn above resting, by ``terms``, the charter's worth expressions;
- ``top``: at most ``at_most`` rows ``per`` period are acted on, by score or, where there are ``terms``, by expected worth;
- ``budget``: at most ``spend`` is spent ``per`` period at ``cost`` a row, by expected worth per cost.

The last two act on no row that promises less than ``floor``. ``ask``, where it is there, hands the rows that promise from ``from`` to less
than ``to`` to a person, whose look ``costs`` so much. ``chosen_on`` tells how sure the choice is, and decides nothing.
"""


def decide(
    policy: Policy,
    scores: NDArray[np.float64],
    classes: Sequence[str],
    columns: Mapping[str, NDArray[Any]] | None = None,
    periods: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """The decisions for n rows, shape (n,): ``act``, ``rest`` or ``ask``, the text of a class, or a number.

    Parameters
    ----------
    scores
        Shape (n,): probability of the positive class or predicted value; shape (n, k): a probability for each class.
    columns
        What `columns_of` names, each of shape (n,).
    periods
        Shape (n,): the period of each row, as `periods_of` gives it, where the rows are all those of their periods. ``top`` and ``budget`` then
        hold their limit exactly in each, ties in favour of the earlier row; without, each row is decided alone by the threshold.
    """
    if policy["kind"] == "value":
        return scores
    if policy["kind"] == "most_likely":
        labels: NDArray[Any] = np.asarray(classes, dtype=object)[np.argmax(scores, axis=1)]
        return labels
    promised = promise(policy, scores, columns or {})
    if periods is not None and policy["kind"] in ("top", "budget"):
        return np.where(_within_limit(policy, promised, columns or {}, periods), ACT, REST)
    decided = np.where(promised >= policy["threshold"], ACT, REST)
    ask = policy.get("ask")
    return decided if ask is None else np.where((promised >= ask["from"]) & (promised < ask["to"]), ASK, decided)


def promise(policy: Policy, scores: NDArray[np.float64], columns: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """What each row promises, shape (n,): the more, the sooner it is acted on."""
    if "terms" not in policy:
        return scores
    gain = expected_gain(policy["terms"], scores, columns)
    return gain / np.maximum(cost_of(policy["cost"], len(scores), columns), _FREE) if policy["kind"] == "budget" else gain


def expected_gain(terms: Mapping[str, float | str], chance: NDArray[np.float64], columns: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """The money that acting is expected to earn above resting, shape (n,), by the probability that it happens.

    A term that cannot be computed counts nothing, as in `Worth.per_row`.
    """
    act_right, act_wrong, miss, rest = (np.nan_to_num(_each(terms[name], len(chance), columns), posinf=0.0, neginf=0.0) for name in Worth.BINARY)
    return np.asarray(chance * (act_right - miss) + (1 - chance) * (act_wrong - rest))


def cost_of(cost: float | str, rows: int, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """What acting on each row takes of the budget, shape (n,); less than nothing is nothing, and what cannot be computed is beyond any budget."""
    each = np.maximum(_each(cost, rows, columns), 0.0)
    return np.where(np.isfinite(each), each, np.inf)


def columns_of(policy: Policy) -> tuple[str, ...]:
    """The raw columns that a policy reads, in the order of their names."""
    said = [*policy.get("terms", {}).values(), policy.get("cost")]
    return tuple(sorted(frozenset().union(*(_parsed(text).names for text in said if isinstance(text, str)))))


def periods_of(policy: Policy, time: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """The number of the period that each moment lies in, shape (n,), for a policy with a limit ``per`` period; weeks begin on Monday."""
    return period_numbers(str(policy["per"]), time)


def period_numbers(per: str, time: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """The number of the hour, day, week, month, quarter or year that each moment lies in, shape (n,); moments that are not known share one."""
    if per == "week":
        # Day 0 of the epoch was a Thursday.
        return np.where(np.isnat(time), np.iinfo(np.int64).min, (time.astype("datetime64[D]").astype(np.int64) + 3) // 7)
    unit = {"hour": "h", "day": "D", "month": "M", "quarter": "M", "year": "Y"}[per]
    number = time.astype(f"datetime64[{unit}]").astype(np.int64)
    return np.where(np.isnat(time), number, number // 3) if per == "quarter" else number


def _within_limit(policy: Policy, promised: NDArray[np.float64], columns: Mapping[str, NDArray[Any]], periods: NDArray[Any]) -> NDArray[np.bool_]:
    """The rows, shape (n,), that are acted on when each period's limit is given to those that promise most."""
    rows = len(promised)
    limit, each = (policy["spend"], cost_of(policy["cost"], rows, columns)) if policy["kind"] == "budget" else (policy["at_most"], np.ones(rows))
    acted = np.zeros(rows, dtype=bool)
    able = np.flatnonzero((promised >= policy["floor"]) & np.isfinite(each))
    ranked = able[np.lexsort((able, -promised[able], np.unique(periods, return_inverse=True)[1].reshape(-1)[able]))]
    for of_period in np.split(ranked, np.flatnonzero(periods[ranked][1:] != periods[ranked][:-1]) + 1):
        acted[of_period[np.cumsum(each[of_period]) <= limit]] = True
    return acted


def _each(term: float | str, rows: int, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    value = evaluate(_parsed(term), columns) if isinstance(term, str) else term
    return np.broadcast_to(np.asarray(value, dtype=np.float64), (rows,))


@lru_cache(maxsize=256)
def _parsed(text: str) -> Expression:
    return parse(text)


def for_worth(task: Task, decision: NDArray[Any]) -> NDArray[Any]:
    """Decisions as `loopline.charter.worth.Worth` takes them: booleans (acted; a row that a person is asked about is not), texts or floats."""
    return np.asarray(decision == ACT) if task == "binary" else decision


def money(policy: Policy, worth: Worth, decision: NDArray[Any], outcome: NDArray[Any], columns: Mapping[str, Any]) -> NDArray[np.float64]:
    """What each decision of a policy was worth, shape (n,): a row that a person was asked about earns what the right decision does, less the asking."""
    acted = for_worth(worth.task, decision)
    if "ask" not in policy:
        return worth.per_row(acted, outcome, columns)
    return worth.per_row(acted, outcome, columns, asked=decision == ASK, ask_costs=policy["ask"]["costs"])


def say_for_all(task: Task, decision: bool | str | float) -> str:
    """One decision for all, in words.

    >>> say_for_all("binary", False), say_for_all("binary", "act"), say_for_all("regression", 1362.0), say_for_all("multiclass", "rest")
    ('never act', 'always act', 'always say the same number (1,362)', 'always rest')
    """
    if task == "binary":
        return "always act" if decision in (True, ACT) else "never act"
    return f"always say the same number ({figure(float(decision))})" if task == "regression" else f"always {decision}"


def say(policy: Policy) -> str:
    """The policy in plain words."""
    kind = policy["kind"]
    if kind == "most_likely":
        return "the most likely class"
    if kind == "value":
        return "the predicted value"
    said = _say_acting(policy)
    if (ask := policy.get("ask")) is None:
        return said
    what = "the probability" if kind == "threshold" else "the expected worth of acting"
    return f"{said}; ask a person where {what} is from {_limit(ask['from'])} to {_limit(ask['to'])}"


def _say_acting(policy: Policy) -> str:
    kind, threshold = policy["kind"], float(policy["threshold"])
    if kind == "expected_worth":
        return "act where it is expected to earn more than resting, by each row's own prices"
    if kind == "budget":
        return f"spend at most {figure(policy['spend'])} per {policy['per']} where it is expected to earn most for its cost"
    if kind == "top":
        by = "expected worth" if "terms" in policy else "probability"
        return f"act on at most {figure(policy['at_most'])} per {policy['per']}, those of the highest {by} first"
    if threshold > 1:
        return "never act"
    return "always act" if threshold <= 0 else f"act where the probability is at least {figure(threshold)}"


def describe(policy: Policy) -> list[str]:
    """The policy in sentences: what it does, what a row alone is decided by, and how sure the choice is."""
    lines = [say(policy)]
    if policy["kind"] in ("top", "budget"):
        what = {"top": "expected worth" if "terms" in policy else "probability", "budget": "expected worth per unit of cost"}[policy["kind"]]
        lines.append(f"a row that comes alone is acted on where its {what} is at least {_limit(policy['threshold'])}, which keeps the limit on average")
    if (chosen := policy.get("chosen_on")) is not None:
        interval = f"95 % interval {figure(chosen['low'])} to {figure(chosen['high'])}"
        lines.append(f"on the {chosen['rows']:,} rows that it was chosen on it earns {figure(chosen['worth'])} per decision ({interval})")
        if chosen.get("flat") is not None:
            low, high = chosen["flat"]
            lines.append(f"any threshold from {_limit(low)} to {_limit(high)} earns as much, as far as these rows can tell")
    return lines


def _limit(value: float) -> str:
    return "0" if abs(value) <= PAYS else figure(value)
