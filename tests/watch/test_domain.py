"""The classifier: it sees how features go together where each by itself is as it was, and nothing where nothing has changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from loopline.charter.spec import WorthSpec
from loopline.charter.worth import Worth
from loopline.model.reference import number_profile
from loopline.watch import domain
from loopline.watch.domain import Sample, area, areas, coded, looked_at
from loopline.watch.drift import Bins
from loopline.watch.limits import APART_ROWS, apart_limit
from loopline.watch.windows import SCORE, Yardstick, windows

DAY = timedelta(days=1)
T0 = datetime(2024, 1, 1, tzinfo=UTC)
NAMES = ("a", "b", "c")


def rows(days: int, *, first: int = 0, each: int = 400, together: float = 0.0, seed: int = 0) -> pl.DataFrame:
    """Days of rows whose first two numbers go together as closely as said, and each of which is standard normal."""
    rng = np.random.default_rng(seed)
    many = days * each
    made = rng.normal(size=(many, 3))
    made[:, 1] = together * made[:, 0] + np.sqrt(1 - together**2) * made[:, 1]
    when = [T0 + (first + at // each) * DAY + timedelta(seconds=at % each) for at in range(many)]
    row = pl.DataFrame({name: made[:, at] for at, name in enumerate(NAMES)}).to_struct("row")
    return pl.DataFrame({"when": when, "score": rng.random(many), "decision": "act", "outcome": pl.Series([None] * many, dtype=pl.String), "row": row})


FEATURES = (
    *(
        Bins.of_profile(name, number_profile(np.random.default_rng(5).normal(size=20_000)), weight=weight)
        for name, weight in zip(NAMES, (0.5, 0.3, 0.2), strict=True)
    ),
)
SAMPLE = Sample.of(rows(20), FEATURES, span=DAY)


def test_features_that_go_together_anew_are_seen_though_each_is_as_it_was() -> None:
    known = areas(rows(4, first=30, seed=1), SAMPLE, FEATURES, span=DAY, known={})
    changed = rows(4, first=30, together=0.8, seed=2)
    limit = apart_limit(SAMPLE.spans, 400, 1 / 600)
    assert limit is not None
    assert all(found < limit for found in known.values()) and len(known) == 4
    assert all(found > limit for found in areas(changed, SAMPLE, FEATURES, span=DAY, known={}).values())
    yardstick = Yardstick(
        package="p", task="binary", classes=("n", "y"), positive="y", features=FEATURES, worth=Worth.of(WorthSpec(), "binary"), without_model=False
    )
    assert all(value < 0.12 for window in windows(changed, yardstick, span=DAY) for value in window.drift.values())


def test_rows_that_are_alike_cannot_be_told_apart_and_others_can() -> None:
    codes = coded(rows(5), FEATURES)
    assert abs(area(codes[:1000], codes[1000:]) - 0.5) < 0.06
    assert area(codes[:1000], codes[1000:] * 0) == pytest.approx(1.0, abs=0.01)
    assert area(codes[:500], codes[500:]) == area(codes[:500], codes[500:])


def test_the_reference_tells_how_its_own_days_are_told_apart() -> None:
    assert [size for size, _ in SAMPLE.spans] == [400] * 20
    assert np.mean([found for _, found in SAMPLE.spans]) == pytest.approx(0.5, abs=0.03)
    assert SAMPLE.codes.shape == (APART_ROWS, 3)
    assert set(SAMPLE.span.tolist()) == set(range(20))
    back = Sample.of_json(SAMPLE.as_json())
    assert (back.codes == SAMPLE.codes).all() and (back.span == SAMPLE.span).all() and back.spans == SAMPLE.spans


def test_a_window_of_few_rows_is_not_looked_at_and_one_that_has_not_changed_not_again(monkeypatch: pytest.MonkeyPatch) -> None:
    served = pl.concat([rows(2, first=30, seed=3), rows(1, first=32, each=150, seed=4)])
    found = areas(served, SAMPLE, FEATURES, span=DAY, known={})
    assert set(found) == {T0 + 30 * DAY, T0 + 31 * DAY}
    learned: list[Any] = []
    whole = domain.area
    monkeypatch.setattr(domain, "area", lambda *given: learned.append(given) or whole(*given))
    known = {T0 + 30 * DAY: (400, 0.61), T0 + 31 * DAY: (399, 0.62)}
    again = areas(served, SAMPLE, FEATURES, span=DAY, known=known)
    assert (again[T0 + 30 * DAY], again[T0 + 31 * DAY]) == (0.61, found[T0 + 31 * DAY])
    assert len(learned) == 1


def test_a_reference_of_few_rows_tells_nothing() -> None:
    assert areas(rows(1), Sample.of(rows(1, each=150), FEATURES, span=DAY), FEATURES, span=DAY, known={}) == {}
    assert Sample.of(rows(1), FEATURES, span=DAY).spans == ()
    assert Sample.of(rows(0), FEATURES, span=DAY).codes.shape == (0, 3)


def test_the_classifier_looks_at_what_the_model_uses_and_not_at_the_score() -> None:
    unused = replace(FEATURES[0], name="unused", weight=0.0)
    assert [bins.name for bins in looked_at((unused, FEATURES[2], FEATURES[0], replace(FEATURES[0], name=SCORE)))] == ["a", "c"]
