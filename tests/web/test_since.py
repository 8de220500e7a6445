"""What is said to have changed since a form was made."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from loopline.ledger.entry import Entry
from loopline.web.since import line


@pytest.mark.parametrize(
    ("kind", "body", "says"),
    [
        ("approval", {"verdict": "no", "why": "too dear"}, "refused by olga: too dear"),
        ("approval", {"verdict": "yes", "why": "it pays"}, "approved by olga: it pays"),
        ("approval", {"verdict": "withdrawn", "why": "a slip"}, "yes taken back by olga: a slip"),
        ("step", {"state": "succeeded"}, "step succeeded by olga"),
        ("champion", {}, "champion by olga"),
    ],
)
def test_a_word_is_told_as_what_it_was(kind: str, body: dict[str, Any], says: str) -> None:
    time = datetime(2026, 3, 2, tzinfo=UTC)
    assert line(Entry(kind=kind, body=body, actor="olga", seq=1, id="e", project="x", time=time, prev_hash="", hash="")) == f"2026-03-02 00:00:00: {says}"
