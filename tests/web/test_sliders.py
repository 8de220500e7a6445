"""Sliders: each stands on its track, where it is declared, until it is moved."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loopline.charter.spec import CharterSpec
from loopline.errors import Mistake
from loopline.web.pages.charter.sliders import THRESHOLD, moved, slider, sliders

CHARTER = CharterSpec.model_validate({"predict": "y", "worth": {"currency": "EUR", "act_right": 10, "act_wrong": -6}, "volume": "100 per day"})
NUMBERS = {"worth.act_right": 10.0, "worth.act_wrong": -6.0, "worth.miss": 0.0, "volume": 100.0}


@example(5e-324)
@given(st.floats(-1e6, 1e6).map(lambda value: float(f"{value:.4g}")))
def test_where_it_stands_is_a_step_of_its_track(present):
    one = slider("worth.act_right", "a", "EUR", present, min(0.0, 2 * present), max(0.0, 2 * present))
    assert one.low <= present <= one.high and not one.is_moved
    if one.step != "any":
        steps = (present - one.low) / float(one.step)
        assert steps == pytest.approx(round(steps), abs=1e-3)
        assert moved((one,), {one.name: one.written})[0].is_moved is False


def test_an_untouched_form_moves_nothing():
    shown = sliders(CHARTER, NUMBERS, 0.375)
    assert [one.name for one in shown] == [*NUMBERS, THRESHOLD]
    assert not any(one.is_moved for one in moved(shown, {one.name: one.written for one in shown}))
    assert [one.name for one in moved(shown, {"volume": "120", "on": "test"}) if one.is_moved] == ["volume"]


@pytest.mark.parametrize("said", ["", "ten", "nan", "inf", "1e99", "<script>"])
def test_what_is_no_number_is_refused_with_the_remedy(said):
    with pytest.raises(Mistake) as refused:
        moved(sliders(CHARTER, NUMBERS, None), {"worth.act_right": said})
    assert refused.value.remedy == "give a number, such as 10"


def test_a_threshold_is_a_probability():
    with pytest.raises(Mistake):
        moved(sliders(CHARTER, NUMBERS, 0.5), {THRESHOLD: "1.5"})
