"""Which tokens of a text count."""

from __future__ import annotations

import numpy as np

from loopline.model.plan import MISSING
from loopline.model.vocabulary import vocabulary

RNG = np.random.default_rng(0)
LATE = RNG.random(600) < 0.3
TEXTS = [
    f"the {'bag' if late else 'seat'} of {'red' if coin else 'blue'} crew ref{row}"
    for row, (late, coin) in enumerate(zip(LATE, RNG.random(600) < 0.5, strict=True))
]


def test_the_tokens_that_tell_most_are_kept() -> None:
    assert vocabulary(TEXTS, [LATE.astype(np.float64)], 2) == ("bag", "seat")


def test_what_all_rows_or_too_few_share_is_no_token() -> None:
    assert vocabulary(TEXTS, [LATE.astype(np.float64)], 100) == ("bag", "blue", "red", "seat")


def test_without_outcomes_the_most_frequent_are_kept() -> None:
    assert vocabulary(TEXTS, [], 1) == ("seat",)


def test_nulls_and_texts_without_shared_words_have_no_tokens() -> None:
    assert vocabulary([MISSING] * 50, [np.zeros(50)], 10) == ()
    assert vocabulary([f"word{chr(97 + row)}" for row in range(20)], [np.zeros(20)], 10) == ()


def test_each_class_has_a_say() -> None:
    outcomes = [(np.arange(600) % 3 == place).astype(np.float64) for place in range(3)]
    texts = [f"all {('one', 'two', 'three')[row % 3]} {('left', 'right')[row % 2]}" for row in range(600)]
    assert vocabulary(texts, outcomes, 3) == ("one", "three", "two")
