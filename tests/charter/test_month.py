from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.charter.month import best_of, promised, redrawn, work_h
from loopline.charter.spec import CharterSpec
from loopline.charter.study import simulated
from tests.charter.test_study import BOOK, STATED

draws = st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4).map(np.array)
promises = st.lists(draws, min_size=1, max_size=4).map(lambda found: {str(at): one for at, one in enumerate(found)})


@cache
def simulation(**said):
    charter = CharterSpec.model_validate({**STATED, **said})
    return simulated(charter, task=None, sounding=None, book=BOOK)


@given(promises)
def test_something_is_best_in_every_draw_or_nothing_is(found):
    best = best_of(found)
    assert sum(best.chances.values()) + best.nothing == pytest.approx(1)
    assert best.knowing >= 0


@given(promises, st.floats(0.01, 100))
def test_what_money_is_called_changes_no_chance(found, rate):
    scaled = best_of({name: brought * rate for name, brought in found.items()})
    assert scaled.knowing == pytest.approx(best_of(found).knowing * rate, abs=1e-6)
    assert sum(scaled.chances.values()) == pytest.approx(sum(best_of(found).chances.values()))


def test_uses_that_come_to_the_same_share_being_best():
    same = np.array([1.0, 2.0])
    assert best_of({"one": same, "other": same}).chances == {"one": 0.5, "other": 0.5}


def test_with_nothing_to_choose_from_nothing_is_best():
    assert best_of({}).nothing == 1


@given(st.floats(1, 1000), st.floats(1, 1000))
def test_a_longer_month_brings_a_larger_part_of_the_model_and_never_more_than_all(one, other):
    short, long = sorted((one, other))
    npv = simulation().worths["model"]
    brought = [np.abs(promised(simulation(), hours)) for hours in (short, long)]
    assert np.all(brought[0] <= brought[1] + 1e-9) and np.all(brought[1] <= np.abs(npv))
    assert np.allclose(promised(simulation(), 1e9), npv)


def test_without_hours_of_work_nobody_can_say_what_a_month_brings():
    untold = simulated(CharterSpec.model_validate({**STATED, "study": {**STATED["study"], "effort": {}}}), task=None, sounding=None, book=BOOK)
    assert work_h(untold) is None and promised(untold, 160) is None


def test_draws_of_two_projects_are_independent_and_those_that_charters_of_one_share_are_one():
    one, other = simulation(), simulation(volume="900..1400 per day")
    apart = redrawn([("shop", one), ("desk", other)])
    together = redrawn([("shop", one), ("shop", other)])
    name = "study.expects.precision"
    assert abs(np.corrcoef(apart[0].values[name], apart[1].values[name])[0, 1]) < 0.05
    assert np.array_equal(together[0].values[name], together[1].values[name])
    assert abs(np.corrcoef(together[0].values["volume"], together[1].values["volume"])[0, 1]) < 0.05
    for before, after in zip((one, other), together, strict=True):
        assert after.worths["model"].mean() == pytest.approx(before.worths["model"].mean(), rel=0.05)
