"""The baseline as a family."""

from __future__ import annotations

import numpy as np
import pytest

from loopline.model.baseline import family
from tests.model.problems import problem


def test_it_says_how_often_it_happened() -> None:
    posed = problem("binary")
    score = family().fit(posed, {}).score(posed.train.features[:2])
    assert score.tolist() == [posed.train.target.mean()] * 2


def test_it_says_each_classs_share() -> None:
    posed = problem("multiclass")
    score = family().fit(posed, {}).score(posed.train.features[:1])[0]
    assert score == pytest.approx([np.mean(posed.train.target == place) for place in range(3)])


def test_it_says_the_median() -> None:
    posed = problem("regression")
    assert family().fit(posed, {}).score(posed.train.features[:1])[0] == np.median(posed.train.target)
