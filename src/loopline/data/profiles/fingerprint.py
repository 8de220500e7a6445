"""Fingerprints: 64 bits for a number or a text, the same in every process, on every machine and with every version of what we build on."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import polars as pl
from numpy.typing import NDArray

Prints = NDArray[np.uint64]

LONG_BYTES = 512
"""Texts of more bytes are hashed one by one: there, the loop over words would cost more than the loop over texts."""

_SEED, _LARGE = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03)
_BLOCK = 32_768
_EXACT = 2**53


def of_numbers(values: NDArray[np.float64]) -> Prints:
    """A fingerprint for each number, shape (n,); that of -0.0 is that of 0.0.

    References
    ----------
    G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014: the mixing function.
    """
    bits = (values.astype(np.float64) + 0.0).view(np.uint64)
    bits ^= _SEED
    return _mixed(bits)


def of_integers(values: NDArray[np.int64]) -> Prints:
    """A fingerprint for each whole number, shape (n,): that of the float where one is equal to it, so that ``5`` and ``5.0`` are one value."""
    prints = of_numbers(values.astype(np.float64))
    if len(values) and (int(values.max()) > _EXACT or int(values.min()) < -_EXACT):
        rounded = values.astype(np.float64)
        # The float next to the greatest integer is beyond it: it is no integer's equal.
        fits = rounded < 2.0**63
        beyond = ~fits | (np.where(fits, rounded, 0.0).astype(np.int64) != values)
        prints[beyond] = _mixed(values[beyond].view(np.uint64) ^ _LARGE)
    return prints


def of_texts(texts: pl.Series) -> Prints:
    """A fingerprint for each text, shape (n,); none may be null.

    The bytes are taken eight at a time, of all texts at once.
    """
    lengths = texts.str.len_bytes().to_numpy().astype(np.int64)
    data = texts.str.join("").item().encode("utf-8") if len(texts) else b""
    ends = np.cumsum(lengths)
    prints = np.empty(len(lengths), dtype=np.uint64)
    long = np.flatnonzero(lengths > LONG_BYTES)
    for place in long.tolist():
        own = data[ends[place] - lengths[place] : ends[place]]
        prints[place] = int.from_bytes(blake2b(own, digest_size=8).digest(), "little")
    # Words begin at any byte: a view that moves by one byte and reads eight.
    words: Prints = np.ndarray(shape=(len(data) + 1,), dtype="<u8", buffer=data + b"\0" * 8, strides=(1,))
    for start in range(0, len(lengths), _BLOCK):
        part = slice(start, start + _BLOCK)
        _fill(prints[part], words, ends[part] - lengths[part], lengths[part])
    return prints


def _fill(prints: Prints, words: Prints, at: NDArray[np.int64], lengths: NDArray[np.int64]) -> None:
    """The fingerprints of the texts that are not long; those of the others stay as they are."""
    places = np.flatnonzero(lengths <= LONG_BYTES)
    states = _mixed(lengths[places].astype(np.uint64) ^ _SEED)
    at, left = at[places], lengths[places]
    word = 0
    while len(places):
        going = left > 8 * word
        if not going.all():
            prints[places[~going]] = states[~going]
            places, states, at, left = places[going], states[going], at[going], left[going]
        if not len(places):
            break
        # What stands behind a text's end belongs to the next one: it is shifted out of the word.
        beyond = np.clip(8 * (word + 1) - left, 0, 7).astype(np.uint64) << np.uint64(3)
        taken = words[at + 8 * word] << beyond
        taken ^= states
        states = _mixed(taken)
        word += 1


def _mixed(state: Prints) -> Prints:
    """Each state mixed so that every bit depends on every bit; the array itself is changed."""
    for start in range(0, len(state), _BLOCK):
        part = state[start : start + _BLOCK]
        part ^= part >> np.uint64(30)
        part *= np.uint64(0xBF58476D1CE4E5B9)
        part ^= part >> np.uint64(27)
        part *= np.uint64(0x94D049BB133111EB)
        part ^= part >> np.uint64(31)
    return state
