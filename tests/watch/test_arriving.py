"""What comes: nulls, categories and numbers that training did not have are told with their columns and shares; chance and trifles are not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.charter.spec import WorthSpec
from loopline.charter.worth import Worth
from loopline.watch.drift import Bins
from loopline.watch.monitors.arriving import NOTICEABLE, new_categories, nulls, share_limit, unseen_ranges
from loopline.watch.monitors.watched import Breach, Promise, Watched
from loopline.watch.spec import WatchSpec
from loopline.watch.windows import Window, Yardstick

T0 = datetime(2024, 1, 1, tzinfo=UTC)
SIZE = Bins(name="size", kind="number", counts=(4950, 4950, 100), cuts=(0.0,), seen=(-3.0, 3.0), outside=8)
COLOUR = Bins(name="colour", kind="category", counts=(6000, 3900, 50, 50), values=("red", "blue"))
UNUSED = Bins(name="unused", kind="number", counts=(5000, 5000, 0), cuts=(0.0,), weight=0.0)


def watched(size: tuple[int, ...], colour: tuple[int, ...], *, outside: int = 0, features: tuple[Bins, ...] = (SIZE, COLOUR, UNUSED)) -> Watched:
    window = Window(
        package="p",
        start=T0,
        end=T0 + timedelta(days=1),
        rows=sum(size),
        counts={"size": size, "colour": colour, "unused": (0, 0, sum(size))},
        outside={"size": outside} if outside else {},
    )
    yardstick = Yardstick(
        package="p", task="binary", classes=("n", "y"), positive="y", features=features, worth=Worth.of(WorthSpec(), "binary"), without_model=False
    )
    promise = Promise(per_decision=None, loss=None, rows=100)
    return Watched(windows=[window], at=0, is_closed=True, yardstick=yardstick, promise=promise, before=(), spec=WatchSpec(), currency="EUR")


def one(found: list[Breach] | None) -> Breach:
    assert found is not None and len(found) == 1
    assert found[0].role == "data"
    return found[0]


QUIET = ((495, 495, 10), (600, 390, 5, 5))


def test_what_is_as_in_training_is_no_breach() -> None:
    assert [monitor(watched(*QUIET)) for monitor in (nulls, new_categories, unseen_ranges)] == [[], [], []]


def test_nulls_name_every_column_that_has_more_of_them_as_one_breach() -> None:
    breach = one(nulls(watched((400, 400, 200), (500, 350, 5, 145))))
    assert breach.features == ("size", "colour")
    assert breach.says == "more null values: size 20.0% (in training 1.0%), colour 14.5% (in training 0.5%)"
    assert breach.value == 0.2 and breach.limit < 0.05


def test_categories_that_were_not_known_are_told() -> None:
    breach = one(new_categories(watched(QUIET[0], (500, 300, 195, 5))))
    assert (breach.features, breach.value) == (("colour",), 0.195)
    assert "colour 19.5%" in breach.says


def test_numbers_outside_the_range_of_training_are_told() -> None:
    breach = one(unseen_ranges(watched(*QUIET, outside=80)))
    assert breach.says == "more values outside the range of training: size 8.0% (in training 0.1%)"


@pytest.mark.parametrize("times", [1, 100, 10_000])
def test_a_trifle_is_no_breach_however_many_rows_there_are(times: int) -> None:
    slightly = watched(tuple(times * count for count in (4925, 4925, 150)), tuple(times * count for count in (6000, 3870, 80, 50)), outside=times * 60)
    assert [monitor(slightly) for monitor in (nulls, new_categories, unseen_ranges)] == [[], [], []]


def test_few_rows_and_columns_that_the_model_does_not_use_are_not_judged() -> None:
    assert nulls(watched((0, 0, 20), (0, 0, 0, 20))) is None
    assert nulls(watched((0, 0, 100), (60, 39, 1, 0), features=(UNUSED,))) == []
    no_range = Bins(name="size", kind="number", counts=(5000, 5000, 0), cuts=(0.0,))
    assert unseen_ranges(watched(*QUIET, outside=900, features=(no_range,))) == []


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 5000), st.integers(30, 50_000), st.floats(1e-5, 0.1))
def test_a_limit_is_above_the_share_of_training_and_rises_as_the_chance_falls(usual: int, rows: int, chance: float) -> None:
    bins = Bins(name="x", kind="number", counts=(10_000 - usual, 0, usual), cuts=(0.0,))
    limit = share_limit(bins, usual, rows, chance)
    assert usual / 10_000 - 1 / rows <= limit <= 1
    assert limit <= share_limit(bins, usual, rows, chance / 10)


def test_windows_that_vary_by_nature_keep_to_the_chance() -> None:
    rng = np.random.default_rng(0)
    truth = np.array([0.5, 0.45, 0.05])
    counts = rng.multinomial(50_000, truth)
    days = [rng.multinomial(2000, rng.dirichlet(truth * 300)) for _ in range(80)]
    profile = {"kind": "number", "edges": [0.0], "counts": counts.tolist(), "days": [day.tolist() for day in days]}
    bins = Bins.of_profile("x", profile)
    shares = np.array([rng.multinomial(2000, rng.dirichlet(truth * 300))[2] / 2000 for _ in range(4000)])
    limit = share_limit(bins, int(counts[2]), 2000, 0.02)
    assert np.mean(shares > limit) <= 0.02
    assert limit < 0.05 + 5 * NOTICEABLE
