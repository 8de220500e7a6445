"""What customers said: each person's last word counts, texts are cut, and nobody is named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from loopline.lake.place import Lake
from loopline.lake.tables import Tables
from loopline.serve.collect import Collected, feedback, recount
from loopline.value.heard import LONGEST, NEWEST, heard

T0 = datetime(2024, 1, 1, tzinfo=UTC)


def tables(folder: Path, rows: list[dict[str, Any]]) -> tuple[Tables, dict[str, int], dict[str, Any]]:
    """The log's tables with feedback, their versions, and the figures of what was collected."""
    made = Tables(Lake(str(folder / "lake")))
    schema = {"prediction_id": pl.String, "rating": pl.Float64, "text": pl.String, "who": pl.String, "time": pl.Datetime("us", "UTC"), "day": pl.Date}
    said = [{"rating": None, "text": None, "who": "", "time": T0 + timedelta(minutes=at), "day": T0.date(), **row} for at, row in enumerate(rows)]
    made.append("feedback", pl.DataFrame(said, schema=schema))
    state = Collected()
    recount(made, state, None)
    return made, {"feedback": made.version("feedback").version}, feedback(state)


def test_the_last_word_of_each_person_on_a_decision_counts(tmp_path: Path) -> None:
    rows = [
        {"prediction_id": "a", "who": "ann", "rating": 1.0},
        {"prediction_id": "a", "who": "bob", "rating": 3.0},
        {"prediction_id": "a", "who": "ann", "rating": 5.0},
    ]
    told = heard(*tables(tmp_path, rows))
    assert told is not None
    assert (told.count, told.rated, told.mean, told.low, told.high, told.newest) == (2, 2, 4.0, 3.0, 5.0, ())


def test_the_newest_words_come_first_cut_and_without_a_name(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"prediction_id": f"p{at}", "who": "ann", "text": f"word {at}"} for at in range(8)]
    rows += [{"prediction_id": "long", "who": "ann", "text": "x  " * 400}, {"prediction_id": "blank", "who": "ann", "text": "  ", "rating": 2.0}]
    told = heard(*tables(tmp_path, rows))
    assert told is not None
    assert (told.count, told.rated, len(told.newest)) == (10, 1, NEWEST)
    assert len(told.newest[0].text) == LONGEST and told.newest[0].text.endswith("…")
    assert [one.text for one in told.newest[1:]] == ["word 7", "word 6", "word 5", "word 4"]
    assert "ann" not in str(told)
    assert set(told.as_json()) == {"count", "rated", "mean", "low", "high"}


def test_words_that_their_author_took_back_give_way_to_older_ones(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"prediction_id": f"p{at}", "who": "ann", "text": f"word {at}"} for at in range(40)]
    rows += [{"prediction_id": f"p{at}", "who": "ann", "rating": 1.0} for at in range(6, 40)]
    told = heard(*tables(tmp_path, rows))
    assert told is not None and [one.text for one in told.newest] == ["word 5", "word 4", "word 3", "word 2", "word 1"]


def test_where_nobody_spoke_there_is_nothing(tmp_path: Path) -> None:
    assert heard(Tables(Lake(str(tmp_path / "lake"))), {}, {}) is None
