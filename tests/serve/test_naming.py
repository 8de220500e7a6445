"""Ids by place: the same for the same run and place, and never twice."""

from __future__ import annotations

import re

import numpy as np

from loopline.serve.naming import ids_at

PLACES = np.arange(1, 100_001)


def test_a_place_keeps_its_id_whatever_is_asked_with_it():
    whole = ids_at("20240501-0a1b2c3d-", b"0123456789abcdef", PLACES)
    assert whole.n_unique() == len(PLACES)
    assert re.fullmatch("20240501-0a1b2c3d-[a-z2-7]{16}", whole[7])
    assert whole[500:700].equals(ids_at("20240501-0a1b2c3d-", b"0123456789abcdef", PLACES[500:700]))


def test_other_runs_give_other_ids():
    one, other = ids_at("", b"0123456789abcdef", PLACES), ids_at("", b"0123456789abcdeg", PLACES)
    assert not set(one) & set(other)


def test_letters_come_equally_often():
    letters = np.frombuffer("".join(ids_at("", b"0123456789abcdef", PLACES)).encode(), dtype=np.uint8)
    _, counts = np.unique(letters, return_counts=True)
    assert len(counts) == 32
    assert abs(counts / 50_000 - 1).max() < 0.03


def test_nobody_gets_no_id():
    assert ids_at("x", b"0123456789abcdef", PLACES[:0]).to_list() == []
