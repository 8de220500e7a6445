"""What the machinery is held to, as it is declared."""

from __future__ import annotations

from datetime import timedelta

import pytest

from loopline.errors import Mistake
from loopline.project import parse

BASE = "project: p\ncharter: {predict: y}\ndata: {sources: {t: {path: t.csv}, u: {path: u.csv, time: at}}}\nwatch:\n  machinery: "


def test_how_old_rows_may_be_is_said_by_source() -> None:
    assert parse(f"{BASE}{{fresh: {{u: 2d}}}}\n").watch.machinery.fresh == {"u": timedelta(days=2)}


@pytest.mark.parametrize(
    ("fresh", "says"), [("{other: 2d}", "there is no source 'other'"), ("{t: 2d}", "no column of t says when"), ("{u: 0d}", "write more than nought")]
)
def test_of_a_source_that_is_there_and_says_when(fresh: str, says: str) -> None:
    with pytest.raises(Mistake, match=says) as caught:
        parse(f"{BASE}{{fresh: {fresh}}}\n")
    assert "line 5" in str(caught.value)
