"""The leaderboard: who is before whom."""

from __future__ import annotations

import pytest

from loopline.errors import Mistake
from loopline.model.leaderboard import measure_of, ranked


def test_the_best_come_first_and_what_was_not_tried_in_full_or_failed_last() -> None:
    made = [
        {"metrics": {"worth": worth, "log_loss": loss}, "effort": effort, "worth": worth}
        for worth, loss, effort in [(1.0, 0.3, 1.0), (3.0, 0.2, 0.5), (2.0, 0.4, 1.0)]
    ]
    failed = {"metrics": {}, "effort": 1.0, "worth": None}
    assert [one["worth"] for one in ranked([failed, *made], "worth")] == [2.0, 1.0, 3.0, None]
    assert [one["worth"] for one in ranked([failed, *made], "log_loss")] == [1.0, 2.0, 3.0, None]
    with pytest.raises(Mistake, match="no metric 'mae'.*log_loss, worth"):
        ranked(made, "mae")
    assert measure_of(made, "worth") == "worth" and measure_of(made, "log_loss") == "log_loss"
