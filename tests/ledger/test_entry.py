"""Canonical texts, digests and hashes."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loopline.ledger.entry import Draft, canonical, digest, hash_fields, id_of, listed, parse, plain

texts = st.text(st.characters(exclude_categories=["Cs"]))
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(texts, inner), max_leaves=15)


@given(values)
@example(1e-5)
@example([9.9e-5, -0.0, 1e16, 1e22, 123456789012345678.0, 5e-324])
@example({"b": 2**70, "a": "é\x7f\x00\u2028</script>", "": "3e5, [1e5]"})
def test_the_canonical_text_is_that_of_the_standard_library(value: Any) -> None:
    text, back = plain(value)
    assert text == canonical(value) == json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    assert back == json.loads(text) == parse(text)
    assert type(back) is type(json.loads(text))


@given(st.dictionaries(texts, values))
def test_the_order_of_keys_does_not_matter(value: dict[str, Any]) -> None:
    assert digest(value) == digest(dict(reversed(value.items())))


@pytest.mark.parametrize("value", [float("nan"), {"a": float("inf")}, {1, 2}, b"x", datetime.now(UTC), {"a": object()}, {(1,): 2}])
def test_what_is_not_plain_json_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        canonical(value)


@given(st.lists(texts))
def test_a_list_of_texts_has_its_canonical_text(some: list[str]) -> None:
    assert listed(tuple(some)) == canonical(some)


@given(st.integers(1, 2**62), st.lists(texts, min_size=9, max_size=9))
def test_the_hash_is_that_of_the_json_array(seq: int, some: list[str]) -> None:
    assert hash_fields([seq, *some]) == hashlib.sha256(json.dumps([seq, *some], ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


@given(st.lists(texts, min_size=9, max_size=9), st.lists(texts, min_size=9, max_size=9))
@example(["ab", "", *[""] * 7], ["a", "b", *[""] * 7])
@example(['a","b', "", *[""] * 7], ["a", "b", *[""] * 7])
def test_different_fields_have_different_hashes(one: list[str], other: list[str]) -> None:
    assert (hash_fields([1, *one]) == hash_fields([1, *other])) == (one == other)


def test_an_id_says_where_the_entry_is_and_vouches_for_it() -> None:
    assert id_of(1842, "3fa94c1d0b2e" + "0" * 52) == "1842-3fa94c1d0b2e"


def test_drafts_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Draft(kind="step").kind = "other"  # type: ignore[misc]
