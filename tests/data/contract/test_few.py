"""Columns of few texts, judged text by text: the same verdict as row by row."""

from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.data.contract import few
from loopline.data.contract.contract import Terms, check_rows, settle
from loopline.data.contract.few import different, one_of
from loopline.data.spec import ColumnSpec
from loopline.data.spec_contract import RuleSpec

TEXTS = st.one_of(st.none(), st.sampled_from(["", " ", "NA", "  NA ", "a", "A", "bb", "ccc", "é", "b b"]))
SPECS = st.builds(
    ColumnSpec,
    type=st.sampled_from(["text", "category"]),
    required=st.booleans(),
    values=st.one_of(st.none(), st.just(("a", "bb"))),
    pattern=st.one_of(st.none(), st.just("[a-c]+")),
    length=st.one_of(st.none(), st.just("2.."), st.just("..2")),
    severity=st.sampled_from(["refuse", "warn"]),
)


@given(st.lists(TEXTS, min_size=1, max_size=30), SPECS, st.booleans())
def test_the_verdict_is_that_of_every_row_by_itself(texts, spec, keyed):
    frame = pl.DataFrame({"t": pl.Series(texts, dtype=pl.String), "n": range(len(texts))})
    terms = Terms({"t": spec}, key=("t",) if keyed else (), nulls=("", "NA"), rules=(RuleSpec(name="short", check="t != 'ccc'"),))
    terms = settle(frame, terms)
    with patch.object(few, "_PROBE", 0):
        by_text = check_rows(frame, terms)
    by_row = check_rows(frame, terms)
    assert by_text.accepted.equals(by_row.accepted)
    assert by_text.refused.equals(by_row.refused)
    assert (by_text.reasons, by_text.warnings) == (by_row.reasons, by_row.warnings)


@pytest.mark.parametrize(("texts", "told"), [([], False), (["a"], True), ([None], False), (list("bcdefgh"), False), (list("abcdefgh"), True)])
def test_one_of_some_texts(texts, told):
    frame = pl.DataFrame({"t": ["a", None]})
    assert frame.with_columns(found=one_of("t", texts))["found"].to_list() == [told, None in texts]


def test_many_different_texts_are_not_judged_one_by_one():
    assert different(pl.Series("t", [f"{number}" for number in range(10_000)])) is None
    assert different(pl.Series("t", ["a", "b"])) is None
    found = different(pl.Series("t", ["a", "b", None] * 10_000))
    assert found is not None
    assert sorted(found.drop_nulls()) == ["a", "b"] and found.null_count() == 1
    assert different(pl.Series("t", ["a"] * 9000 + [f"{number}" for number in range(10_000)])) is None
