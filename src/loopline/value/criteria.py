"""The acceptance criteria, in the customer's words, held against what really happened. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loopline.charter.metrics import ALIASES, parts, sliced
from loopline.charter.spec import Criterion
from loopline.model.evaluate import METRICS, SUPPORT
from loopline.release.acceptance import asked_for, verdict_on
from loopline.watch.decisions import Decisions

SEEN_WHEN_ACTED = frozenset({"precision"})
"""The metrics that outcomes seen only where somebody acted can tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Whether a criterion holds on what happened.

    Parameters
    ----------
    passed
        None where it cannot be told.
    windows, held
        Windows with outcomes enough to look at it, and those in which it held; of a criterion on slices there are none.
    """

    id: str
    words: str
    check: str | None
    passed: bool | None
    value: float | None
    threshold: float | None
    says: str
    windows: int = 0
    held: int = 0

    @property
    def name(self) -> str:
        """How it is spoken of: by its id, with the customer's words."""
        return f"{self.id} ({self.words})" if self.words else self.id

    def as_json(self) -> dict[str, Any]:
        """The criterion as plain values."""
        return {
            "id": self.id,
            "words": self.words,
            "check": self.check,
            "passed": self.passed,
            "value": self.value,
            "threshold": self.threshold,
            "says": self.says,
            "windows": self.windows,
            "windows_held": self.held,
        }


def criteria(
    declared: Sequence[Criterion], decisions: Decisions | None, windows: Sequence[Mapping[str, Any]], *, package: str | None, sees_all: bool
) -> list[Kept]:
    """Each acceptance criterion on the outcomes that came, with the windows in which it held.

    Parameters
    ----------
    windows
        Bodies of windows; those of the package are looked at.
    sees_all
        Whether outcomes are seen whatever was decided.
    """
    own = [window for window in windows if window["package"] == package and window["outcomes"] >= SUPPORT]
    return [_kept(criterion, decisions, own, sees_all=sees_all) for criterion in declared]


def _kept(criterion: Criterion, decisions: Decisions | None, windows: Sequence[Mapping[str, Any]], *, sees_all: bool) -> Kept:
    said: dict[str, Any] = {"id": criterion.id, "words": criterion.says, "check": criterion.check}
    names = criterion.names
    lack = _lack(names, decisions, sees_all) if names else "nothing checks it yet"
    if lack or decisions is None:
        return Kept(**said, passed=None, value=None, threshold=None, says=lack)
    asked = asked_for(decisions.judged, names)
    if all(number is None for number in asked["metrics"].values()):
        return Kept(**said, passed=None, value=None, threshold=None, says="it is not defined on the outcomes that came")
    verdict = verdict_on(criterion, asked["metrics"], asked["slices"], on="the outcomes that came")
    looked = [] if any(sliced(name) for name in names) else [_numbers(names, window) for window in windows]
    measured = [numbers for numbers in looked if None not in numbers.values()]
    held = sum(verdict_on(criterion, numbers, {}).passed for numbers in measured)
    return Kept(
        **said,
        passed=verdict.passed,
        value=verdict.value,
        threshold=verdict.threshold,
        says=verdict.says.removeprefix(f"{criterion.says}: "),
        windows=len(measured),
        held=held,
    )


def _lack(names: frozenset[str], decisions: Decisions | None, sees_all: bool) -> str:
    """Why a check cannot be told; empty where it can."""
    known = 0 if decisions is None else len(decisions)
    if decisions is None or known < SUPPORT:
        return f"{known} outcomes are too few; {SUPPORT} are needed"
    metrics = {parts(name)[1] for name in names}
    absent = [found[0] for name in names if (found := sliced(name)) is not None and found[0] not in decisions.columns]
    if absent:
        return f"the requests do not carry {absent[0]}"
    unknown = sorted(metrics - {*METRICS[decisions.yardstick.task]})
    if unknown:
        return f"there is no {decisions.yardstick.task} metric {unknown[0]!r}"
    hidden = [] if sees_all else sorted(metrics - SEEN_WHEN_ACTED)
    return f"outcomes are seen only where somebody acted, which does not tell the {hidden[0]}" if hidden else ""


def _numbers(names: frozenset[str], window: Mapping[str, Any]) -> dict[str, float | None]:
    return {name: window["metrics"].get(ALIASES.get(name, name)) for name in names}
