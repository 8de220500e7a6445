"""Worth by segment: every row in one segment of each column, and a segment that loses is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from loopline.value.segments import segments
from tests.value.decided import decided


def test_segments_of_a_column_share_out_all_rows_and_all_money() -> None:
    decisions = decided()
    for column in ("place", "fare"):
        found = segments(decisions, [column], confidence=0.9)
        assert sum(one.rows for one in found) == len(decisions)
        assert sum(one.share for one in found) == pytest.approx(1)
        assert sum(one.added.value * one.rows for one in found) == pytest.approx(decisions.gain.sum())
        assert all(one.each.low < one.each.value < one.each.high for one in found)


def test_a_segment_in_which_the_model_loses_money_is_told() -> None:
    decisions = decided()
    west = decisions.columns["place"] == "west"
    worse = replace(decisions, gain=np.where(west, decisions.gain - 6, decisions.gain))
    assert [one.name for one in segments(worse, ["place"], confidence=0.9) if one.loses] == ["place = west"]
    assert not [one for one in segments(decisions, ["place", "fare"], confidence=0.9) if one.loses]


def test_columns_that_are_not_there_and_segments_of_few_rows_are_left_out() -> None:
    assert segments(decided(40), ["nothing", "place"], confidence=0.9) == []
