import random
import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.data.proposals.patterns import ENOUGH, pattern_of

CHANCE = random.Random(0)
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"


def some(make, count=200):
    return [make() for _ in range(count)]


@pytest.mark.parametrize(
    ("make", "pattern"),
    [
        (lambda: f"{CHANCE.choice(LETTERS)}{CHANCE.choice(LETTERS)}{CHANCE.randrange(10**6):06}", r"[A-Z]{2}\d{6}"),
        (lambda: f"{CHANCE.randrange(10**5):05}", r"\d{5}"),
        (lambda: f"INV-2024-{CHANCE.randrange(10**4):04}", r"INV-2024-\d{4}"),
        (lambda: f"{CHANCE.randint(10, 999)}.{CHANCE.randrange(100):02}", r"\d{2,3}\.\d{2}"),
        (lambda: f"{CHANCE.getrandbits(32):08x}-{CHANCE.getrandbits(16):04x}", "[0-9a-f]{8}-[0-9a-f]{4}"),
        (lambda: "".join(CHANCE.choices(LETTERS + "0123456789", k=6)), "[0-9A-Z]{6}"),
        (lambda: "".join(CHANCE.choices(LETTERS + LETTERS.lower(), k=4)), "[A-Za-z]{4}"),
        (lambda: f"+49 ({CHANCE.randrange(100, 999)}) {CHANCE.randrange(10**6, 10**7)}", r"\+49 \(\d{3}\) \d{7}"),
        (lambda: "".join(CHANCE.choices("abcdef", k=CHANCE.randint(3, 9))), None),
        (lambda: " ".join("".join(CHANCE.choices("abc", k=4)) for _ in range(CHANCE.randint(1, 5))), None),
    ],
)
def test_texts_that_are_written_alike_have_a_pattern(make, pattern):
    assert pattern_of(some(make)) == pattern


def test_too_few_values_tell_nothing():
    assert pattern_of([f"A{number}" for number in range(10, 10 + ENOUGH - 1)]) is None
    assert pattern_of(["A1"] * 1000) is None
    assert pattern_of([]) is None


def test_one_value_that_is_written_otherwise_leaves_no_pattern():
    assert pattern_of([*(f"A{number:03}" for number in range(100)), "n/a"]) is None


def test_the_longest_seen_once_is_no_bound():
    assert pattern_of([*(f"A{number}" for number in range(100, 200)), "A12345"]) == r"A\d+"


@given(st.lists(st.from_regex(r"\A[A-Z]{1,3}[-/. ]?[0-9a-z]{2,4}\Z") | st.text(min_size=1, max_size=4), min_size=1, max_size=40))
def test_whatever_the_values_each_matches(values):
    pattern = pattern_of(values, enough=1)
    if pattern is not None:
        assert all(re.fullmatch(pattern, value, re.DOTALL) for value in values)
        assert pl.Series(values).str.contains(f"^(?s:{pattern})$").all()
