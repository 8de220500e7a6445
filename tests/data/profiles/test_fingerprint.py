"""Fingerprints: the same everywhere, and different for different values."""

import subprocess
import sys

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from loopline.data.profiles.fingerprint import LONG_BYTES, of_integers, of_numbers, of_texts

TEXTS = st.lists(st.text(max_size=40) | st.text(min_size=500, max_size=530), max_size=30)


@given(TEXTS)
def test_a_text_has_one_fingerprint_wherever_it_stands(texts):
    together = of_texts(pl.Series("t", texts, dtype=pl.String)).tolist()
    alone = [of_texts(pl.Series("t", [text])).item() for text in texts]
    assert together == alone
    assert len(set(together)) == len(set(texts))


def test_texts_of_every_length_differ_from_their_neighbours():
    texts = ["a" * length for length in range(LONG_BYTES + 20)] + ["a" * length + "\0" for length in range(50)]
    assert len(np.unique(of_texts(pl.Series(texts)))) == len(texts)


def plainly(text):
    """The same, one text at a time, as anybody could write it again in another language."""
    data, mask = text.encode(), 2**64 - 1

    def mixed(state):
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & mask
        state = (state ^ state >> 27) * 0x94D049BB133111EB & mask
        return state ^ state >> 31

    state = mixed(len(data) ^ 0x9E3779B97F4A7C15)
    for start in range(0, len(data), 8):
        word = data[start : start + 8]
        state = mixed(int.from_bytes(word, "little") << 8 * (8 - len(word)) ^ state)
    return state


@given(st.lists(st.text(max_size=60), min_size=1, max_size=10))
def test_they_depend_on_nothing_but_the_bytes(texts):
    assert of_texts(pl.Series(texts)).tolist() == [plainly(text) for text in texts]


def test_they_are_the_same_in_every_process_and_with_every_version():
    assert of_numbers(np.array([0.0, 1.5])).tolist() == [16294208416658607535, 9832619553069098951]
    assert of_texts(pl.Series(["flight 1545", "é" * 300])).tolist() == [1995383955405546720, 12930372396014057731]
    code = "import polars as pl; from loopline.data.profiles.fingerprint import of_texts; print(of_texts(pl.Series(['flight 1545'])).item())"
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7", "PYTHONPATH": ":".join(sys.path)}
    )
    assert int(said.stdout) == of_texts(pl.Series(["flight 1545"])).item()


def test_equal_numbers_have_one_fingerprint_however_they_are_kept():
    whole = [0, 1, -5, 2**53, 2**53 + 2, 2**60, -(2**63)]
    assert of_integers(np.array(whole)).tolist() == of_numbers(np.array(whole, dtype=np.float64)).tolist()
    assert of_numbers(np.array([-0.0])) == of_numbers(np.array([0.0]))


def test_large_whole_numbers_that_no_float_tells_apart_differ():
    near = np.arange(2**60, 2**60 + 1000)
    assert len(np.unique(of_integers(near))) == 1000
    assert len(np.unique(of_integers(np.array([2**63 - 1, 2**63 - 2, 2**62])))) == 3
