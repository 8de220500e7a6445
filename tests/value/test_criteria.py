"""Acceptance criteria on what happened, in the customer's words."""

from __future__ import annotations

import numpy as np
import pytest

from loopline.charter.spec import Criterion
from loopline.value.criteria import Kept, criteria
from tests.value.cases import PACKAGE, window
from tests.value.decided import decided

PRECISE = Criterion(id="A1", says="When we act it was needed at least half the time", check="precision >= 0.5")
FAIR = Criterion(id="A2", says="No place is served much worse", check="worst_slice(place).precision >= 0.4")
MANY = decided()


def one(criterion: Criterion, decisions=MANY, *, sees_all: bool = True, windows=()) -> Kept:  # type: ignore[no-untyped-def]
    (kept,) = criteria([criterion], decisions, windows, package=PACKAGE, sees_all=sees_all)
    return kept


def test_a_criterion_is_judged_on_the_outcomes_that_came() -> None:
    kept = one(PRECISE)
    assert kept.passed is True
    assert kept.value == pytest.approx(float(MANY.judged.outcome[MANY.judged.decision].mean()))
    assert (kept.threshold, kept.words) == (0.5, PRECISE.says)
    assert one(Criterion(id="A3", check="precision >= 0.9")).passed is False


def test_a_criterion_on_the_worst_slice_names_it() -> None:
    kept = one(FAIR)
    worst = min(float(np.mean(MANY.judged.outcome[MANY.judged.decision & (MANY.columns["place"] == place)])) for place in ("east", "west"))
    assert kept.passed is True and kept.value == pytest.approx(worst)
    assert "place east" in kept.says or "place west" in kept.says


def test_the_windows_in_which_it_held_are_counted() -> None:
    windows = [window(day, metrics={"precision": 0.6 if day < 7 else 0.4}) for day in range(10)]
    windows += [window(10, outcomes=3, metrics={"precision": 0.0}), window(11, package="b" * 64, metrics={"precision": 0.0})]
    kept = one(PRECISE, windows=windows)
    assert (kept.windows, kept.held) == (10, 7)


@pytest.mark.parametrize(
    ("criterion", "decisions", "sees_all", "says"),
    [
        (PRECISE, decided(10), True, "10 outcomes are too few"),
        (PRECISE, None, True, "0 outcomes are too few"),
        (Criterion(id="A", check="recall >= 0.5"), decided(sees_all=False), False, "does not tell the recall"),
        (Criterion(id="A", check="worst_slice(origin).precision >= 0.5"), MANY, True, "do not carry origin"),
        (Criterion(id="A", check="mae <= 3"), MANY, True, "no binary metric 'mae'"),
    ],
)
def test_what_cannot_be_told_is_neither_passed_nor_failed(criterion: Criterion, decisions, sees_all: bool, says: str) -> None:  # type: ignore[no-untyped-def]
    kept = one(criterion, decisions, sees_all=sees_all)
    assert kept.passed is None and says in kept.says


def test_precision_is_told_where_outcomes_are_seen_only_after_acting() -> None:
    assert one(PRECISE, decided(sees_all=False), sees_all=False).passed is True


def test_what_nothing_checks_yet_is_neither_passed_nor_failed() -> None:
    kept = one(Criterion(id="A3", says="Nobody waits"))
    assert (kept.passed, kept.check, kept.says) == (None, None, "nothing checks it yet")
