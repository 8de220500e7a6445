"""What a criterion's check asks for, in the charter's own words. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from loopline.charter.bounds import Bound, bounds, is_plain
from loopline.charter.metrics import METRICS, Unit, parts
from loopline.charter.spec import CharterSpec, Task
from loopline.declaration import figure
from loopline.expression.language import parse

_YES = (None, "1", "true", "yes", "y")
_SENTENCES: Mapping[str, str] = {
    "worth": "a decision is worth {limit} on average",
    "precision": "where {acts}, {happens} in {limit} of cases",
    "recall": "where {happens}, {acts} in {limit} of cases",
    "accuracy": "{decided} right in {limit} of cases",
    "act_share": "{acts} in {limit} of all cases",
    "roc_auc": "of two cases, one in which {happens} and one in which not, the first has the higher chance: {limit}, where 1 is always",
    "average_precision": "cases in which {happens} stand before the others when they are put in order: {limit}, where 1 is a perfect order",
    "brier": "the chances that are told lie close to what happens: their distance is {limit}, where 0 is perfect",
    "log_loss": "what happens had been given a good chance: the loss is {limit}, where 0 is perfect",
    "macro_f1": "every kind of {outcome} is recognised alike well: {limit}, where 1 is perfect",
    "mae": "what is told of {outcome} is off by {limit} on average",
    "rmse": "what is told of {outcome} is off by {limit}, where large misses count for more",
    "r2": "of the ups and downs of {outcome}, a part of {limit} is foretold, where 1 is all",
}


def meaning(check: str, charter: CharterSpec, task: Task | None = None) -> str:
    """A check in plain words, as one or more sentences.

    Parameters
    ----------
    task
        Of what is predicted, where it is known.

    Examples
    --------
    >>> charter = CharterSpec(predict="late", decision="Staff the desk?")
    >>> meaning("precision >= 0.5", charter)
    'Where the answer to “Staff the desk?” is yes, “late” comes true in at least 50% of cases.'
    >>> meaning("worst_slice(origin).recall > 0.2", charter)
    'For each “origin” by itself: where “late” comes true, the answer to “Staff the desk?” is yes in more than 20% of cases.'
    """
    parsed = parse(check)
    if not is_plain(parsed):
        told = "; ".join(_sentence(name, "so much", charter, task) for name in sorted(parsed.names))
        return f"A formula holds of these numbers: {told}."
    limits: dict[str, list[Bound]] = {}
    for bound in bounds(parsed):
        limits.setdefault(bound.name, []).append(bound)
    sentences = (_sentence(name, " and ".join(_limit(one, charter) for one in found), charter, task) for name, found in limits.items())
    return " ".join(f"{said[:1].upper()}{said[1:]}." for said in sentences)


def asked(check: str, charter: CharterSpec) -> str:
    """What a check holds its one number to, such as ``at least 50%``; the check itself where it says more than that.

    Examples
    --------
    >>> asked("precision >= 0.5", CharterSpec(predict="late")), asked("precision > recall", CharterSpec(predict="late"))
    ('at least 50%', 'precision > recall')
    """
    parsed = parse(check)
    if not is_plain(parsed) or len(parsed.names) != 1:
        return check
    return " and ".join(_limit(one, charter) for one in bounds(parsed))


def _sentence(name: str, limit: str, charter: CharterSpec, task: Task | None) -> str:
    column, metric = parts(name)
    answers = f"the answer to “{charter.decision}” is yes" if charter.decision else "we act"
    words = {
        "limit": limit,
        "acts": answers,
        "happens": _happens(charter),
        "decided": f"what is told of {_outcome(charter)} is" if task in ("multiclass", "regression") else "the decision is",
        "outcome": _outcome(charter),
    }
    said = _SENTENCES[metric].format(**words) if metric in _SENTENCES else f"{metric} is {limit}"
    return said if column is None else f"for each “{column}” by itself: {said}"


def _outcome(charter: CharterSpec) -> str:
    return f"“{charter.predict}”"


def _happens(charter: CharterSpec) -> str:
    said = None if charter.positive is None else str(charter.positive).lower()
    return f"{_outcome(charter)} comes true" if said in _YES else f"{_outcome(charter)} is “{charter.positive}”"


def _limit(bound: Bound, charter: CharterSpec) -> str:
    side = ("more than" if bound.is_strict else "at least") if bound.is_least else ("less than" if bound.is_strict else "at most")
    return f"{side} {amount(bound.name, bound.limit, charter.worth.currency)}"


def amount(name: str, value: float, currency: str) -> str:
    """A metric's number as people read it: a share in per cent, money in its currency.

    Examples
    --------
    >>> amount("precision", 0.455, "USD"), amount("worst_slice(origin).worth", 3.0, "USD"), amount("brier", 0.1, "USD")
    ('45.5%', '3 USD', '0.1')
    """
    metric = METRICS.get(parts(name)[1])
    unit: Unit = "plain" if metric is None else metric.unit
    if unit == "share":
        return f"{figure(100 * value)}%"
    return f"{figure(value)} {currency}" if unit == "money" else figure(value)
