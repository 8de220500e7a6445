"""What a customer is told: in plain words, without ids, insides, or money that no criterion speaks of. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loopline.charter.meaning import amount, asked
from loopline.charter.spec import CharterSpec, Task
from loopline.declaration import Moment, figure
from loopline.declaration import counted as many
from loopline.model.evaluate import SUPPORT
from loopline.value.counted import counted
from loopline.value.requirements.requirements import Requirement
from loopline.watch.spans import written

_WHERE = {"in service": "in use", "the package that decides": "when it was tested", "the newest package": "when the newest model was tested"}
_SPANS = {"week": 604_800, "day": 86_400, "hour": 3600, "minute": 60}
_YES = (None, "1", "true", "yes", "y")


@dataclass(frozen=True, kw_only=True)
class Told:
    """What was asked for, whether it holds, and the figures behind that."""

    asked: str
    standing: str
    says: str
    means: str

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"asked": self.asked, "standing": self.standing, "says": self.says, "means": self.means}


def told(one: Requirement, charter: CharterSpec) -> Told:
    """A criterion, as a customer reads it."""
    return Told(asked=one.name, standing=one.standing, says=_says(one, charter), means=one.means)


def _says(one: Requirement, charter: CharterSpec) -> str:
    found: Mapping[str, Any] | None = {"in service": one.service, "the package that decides": one.champion, "the newest package": one.newest}.get(one.by)
    check = one.criterion.check
    if check is None:
        return "Nobody has said yet how this is measured."
    if found is None:
        return f"It is not known yet. It takes {one.needs.says}." if one.needs is not None else "It is not known yet."
    verdict = f"It {'holds' if found['passed'] else 'does not hold'} {_WHERE[one.by]}"
    names = sorted(one.criterion.names)
    if found["value"] is None or len(names) != 1:
        return f"{verdict}."
    return f"{verdict}: {amount(names[0], found['value'], charter.worth.currency)}, where {asked(check, charter)} is asked for."


@dataclass(frozen=True, kw_only=True)
class Quality:
    """How good the decisions are: of how many cases it is told, between which days, and in words.

    Parameters
    ----------
    held_out
        The cases that an experiment held out from the model: what happened is known of them, and says nothing of its decisions.
    is_earlier
        Whether it is told of the model that decided before: too little is known of the one that decides now.
    """

    cases: int
    held_out: int
    since: str
    until: str
    says: tuple[str, ...]
    is_earlier: bool = False

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "cases": self.cases,
            "held_out": self.held_out,
            "since": self.since,
            "until": self.until,
            "says": list(self.says),
            "is_earlier": self.is_earlier,
        }


def quality(windows: Sequence[Mapping[str, Any]], charter: CharterSpec, task: Task | None) -> Quality | None:
    """How good the decisions are that one package took; None where too few outcomes tell.

    Parameters
    ----------
    windows
        Bodies of its windows.
    """
    measured = [window for window in windows if window["outcomes"] and window.get("metrics")]
    cases = counted(measured).known
    if task is None or cases < SUPPORT:
        return None
    says = {"binary": _binary, "multiclass": _multiclass, "regression": _regression}[task](measured, cases, charter)
    starts = [str(window["start"]) for window in measured]
    return Quality(cases=cases, held_out=counted(windows).held_out_outcomes, since=written(min(starts)), until=written(max(starts)), says=tuple(says))


def _binary(windows: Sequence[Mapping[str, Any]], cases: int, charter: CharterSpec) -> Iterator[str]:
    acted = _summed(windows, "act_share")
    right = sum(counted([window]).known * (window["metrics"].get("act_share") or 0.0) * (window["metrics"].get("precision") or 0.0) for window in windows)
    answer = f"the answer to “{charter.decision}” was yes" if charter.decision else "something was done"
    happened = _happens(charter)
    if round(acted):
        yield f"Of 100 times that {answer}, {_of_hundred(right, acted)} were right: {happened}."
    else:
        yield f"So far, it was never so that {answer}."
    # Accuracy tells how often resting was right, and with that how often it happened at all.
    well = _summed(windows, "accuracy")
    happenings = right + (cases - acted) - (well - right)
    if charter.outcome_seen == "always" and round(happenings):
        yield f"Of 100 times that {happened}, {_of_hundred(right, happenings)} had been answered with yes."


def _multiclass(windows: Sequence[Mapping[str, Any]], cases: int, charter: CharterSpec) -> Iterator[str]:
    yield f"Of 100 answers, {_of_hundred(_summed(windows, 'accuracy'), cases)} were right."


def _regression(windows: Sequence[Mapping[str, Any]], cases: int, charter: CharterSpec) -> Iterator[str]:
    yield f"What is told of “{charter.predict}” is off by {figure(_summed(windows, 'mae') / cases)} on average."


def _summed(windows: Sequence[Mapping[str, Any]], name: str) -> float:
    return float(sum(counted([window]).known * (window["metrics"].get(name) or 0.0) for window in windows))


def _of_hundred(part: float, whole: float) -> str:
    """How many of a hundred, in words that do not claim all or none where it is but nearly so."""
    share = 100 * part / whole
    rounded = round(share)
    if rounded == 100 and part < whole - 0.5:
        return "more than 99"
    return "fewer than 1" if rounded == 0 and part > 0.5 else f"{rounded}"


def _happens(charter: CharterSpec) -> str:
    said = None if charter.positive is None else str(charter.positive).lower()
    return f"“{charter.predict}” came true" if said in _YES else f"“{charter.predict}” was “{charter.positive}”"


def _moment(known: Moment) -> str:
    """When something is known, in words.

    >>> _moment(Moment(offset_s=86400, column="sched_dep"))
    '1 day after “sched dep”'
    """
    of = f"“{known.column.replace('_', ' ')}”"
    if not known.offset_s:
        return f"at the time of {of}"
    return f"{_span(abs(known.offset_s))} {'before' if known.offset_s < 0 else 'after'} {of}"


def _span(seconds: float) -> str:
    for unit, lasts in _SPANS.items():
        if seconds % lasts == 0:
            return many(int(seconds // lasts), unit)
    return f"{figure(seconds)} seconds"


def when_wrong(charter: CharterSpec, *, broken: Sequence[str], has_earlier: bool) -> Iterator[str]:
    """What is done when it is wrong.

    Parameters
    ----------
    broken
        In the customer's words, what does not hold now and was found out by itself.
    has_earlier
        Whether another model has decided before.
    """
    known = f" That is known {_moment(charter.outcome_known)}." if charter.outcome_known is not None else ""
    yield f"What really happened is held against what was decided.{known}"
    yield "Once something that was asked for holds no more, the people who answer for it are told without anybody having to look."
    for one in broken:
        yield f"They have been told of this, which does not hold now: {one}."
    yield "A newer model takes over only after it has been tested for all that was asked for."
    if has_earlier:
        yield "An earlier model can take over again at once."
