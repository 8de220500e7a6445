"""What becomes of a column of texts."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from loopline.model.categories import KEPT_AT_MOST, sort_out
from loopline.model.plan import MISSING, SHARED_BY


def test_few_values_have_a_feature_each_and_no_statistics() -> None:
    found = sort_out({"kind": Counter({"a": 60, "b": 30, MISSING: 10})}, 100)
    assert found.kept == {"kind": ("a", "b", MISSING)}
    assert not found.tabled and not found.left_out


def test_many_values_have_statistics_and_the_frequent_ones_a_feature_too() -> None:
    many = Counter({f"v{at}": 10 for at in range(1000)})
    some = Counter({"often": 9_000, **{f"v{at}": 10 for at in range(100)}})
    found = sort_out({"many": many, "some": some}, 10_000)
    assert set(found.tabled) == {"many", "some"}
    assert len(found.tabled["many"]) == 1000
    assert list(found.kept) == ["some"] and len(found.kept["some"]) == KEPT_AT_MOST


def test_without_an_outcome_many_values_are_left_out() -> None:
    found = sort_out({"many": Counter({f"v{at}": 10 for at in range(1000)})}, 10_000, tables=False)
    assert found.left_out == {"many": "too many values (1,000 in 10,000 rows)"}


def test_what_names_the_row_is_left_out() -> None:
    found = sort_out({"id": Counter({f"row {at}": 1 for at in range(500)})}, 500)
    assert found.left_out == {"id": "too many values (500 in 500 rows)"}


def test_of_a_name_with_nulls_the_nulls_count() -> None:
    found = sort_out({"cabin": Counter({**{f"C{at}": 1 for at in range(100)}, MISSING: 400})}, 500)
    assert found.missing == ("cabin",)
    assert sort_out({"cabin": Counter({**{f"C{at}": 1 for at in range(100)}, MISSING: 1})}, 101).missing == ()


def test_texts_of_several_words_are_read_word_by_word() -> None:
    texts = Counter({f"the bag {at} came late": 1 for at in range(200)})
    assert sort_out({"note": texts}, 200, free=frozenset({"note"})).words == ("note",)
    assert sort_out({"note": texts}, 200).words == ("note",)
    names = Counter({f"Ada Byron {at}": 1 for at in range(200)})
    assert sort_out({"name": names}, 200, free=frozenset({"name"})).words == ("name",)
    assert sort_out({"name": names}, 200).words == ()


@given(st.dictionaries(st.text(max_size=5), st.integers(1, 50), min_size=1, max_size=80), st.booleans())
def test_each_column_has_a_place_and_what_few_rows_share_stands_in_no_table(counts: dict[str, int], free: bool) -> None:
    found = sort_out({"x": Counter(counts)}, sum(counts.values()), free=frozenset({"x"} if free else ()))
    assert ("x" in found.left_out) == (not ("x" in found.kept or "x" in found.tabled or "x" in found.words or "x" in found.missing))
    assert all(counts[value] >= SHARED_BY for values in found.tabled.values() for value in values)
