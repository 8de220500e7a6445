"""Short texts as numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.errors import Mistake
from loopline.model.plan import MISSING, Words
from loopline.model.words import LONGEST, TOKENISER, counted, tokens


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("  ... !!", []),
        ("Late BAG, late bag", ["late", "bag", "late", "bag"]),
        ("order_17 costs 3.50€", ["order", "17", "costs", "3", "50", "€"]),
        ("Straße ﬁne", ["strasse", "fine"]),
        ("👍🏽 thumbs", ["👍", "🏽", "thumbs"]),
        ("поздно дома", ["поздно", "дома"]),
    ],
)
def test_version_1_never_changes(text: str, found: list[str]) -> None:
    assert TOKENISER == 1
    assert tokens(text) == found


def test_tokens_are_counted_beside_the_text_s_length() -> None:
    words = Words("note", ("bag", "late"), TOKENISER)
    assert words.names == ("note.words", "note.characters", "note has bag", "note has late")
    found = counted(words, ["Late late bag", "on time", MISSING])
    assert np.array_equal(found, np.array([[3, 13, 1, 2], [2, 7, 0, 0], [np.nan, np.nan, 0, 0]], dtype=np.float32), equal_nan=True)


@given(st.lists(st.text(max_size=60), max_size=8))
def test_each_text_alone_is_counted_as_among_others(texts: list[str]) -> None:
    words = Words("note", ("a", "😀"), TOKENISER)
    together = counted(words, texts)
    assert all(np.array_equal(counted(words, [text])[0], together[row], equal_nan=True) for row, text in enumerate(texts))


def test_only_so_much_of_a_text_is_read() -> None:
    assert counted(Words("note", ("a",), TOKENISER), ["a " * LONGEST])[0].tolist() == [LONGEST / 2, LONGEST, LONGEST / 2]


def test_another_tokeniser_s_package_is_refused() -> None:
    with pytest.raises(Mistake, match="tokeniser 7"):
        counted(Words("note", ("a",), 7), ["a"])
