"""What has come: settled files and passed moments, with looks and clocks that tests make."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from loopline.data.arrivals import PATIENCE_LOOKS, Arrivals, Inbox, is_unfinished, look, next_moment
from loopline.data.spec_source import SourceSpec

NOON = datetime(2024, 7, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("name", [".a.csv", "_a.csv", "~$a.xlsx", "a.csv.part", "a.CSV.PART", "a.csv.crdownload", "a.csv~", "a.tmp", ".hidden"])
def test_names_of_unfinished_files(name: str) -> None:
    assert is_unfinished(name)


@pytest.mark.parametrize("name", ["a.csv", "part.csv", "a.tmp.csv", "a_b.parquet", "a"])
def test_names_of_finished_files(name: str) -> None:
    assert not is_unfinished(name)


def test_a_file_counts_at_the_second_equal_look_and_once() -> None:
    inbox = Inbox()
    assert inbox.settled({"a": (5, 1)}) == 0
    assert inbox.settled({"a": (5, 1)}) == 1
    inbox.take()
    assert inbox.settled({"a": (5, 1)}) == 0
    assert inbox.settled({"a": (5, 2)}) == 0
    assert inbox.settled({"a": (5, 2)}) == 1


def test_a_growing_file_holds_the_others_back_for_a_while_only() -> None:
    inbox = Inbox()
    found = [inbox.settled({"done": (5, 1), "grows": (size, size)}) for size in range(1, PATIENCE_LOOKS + 3)]
    assert found == [0] * PATIENCE_LOOKS + [1, 1]


def test_an_empty_file_has_only_just_been_begun() -> None:
    inbox = Inbox()
    assert [inbox.settled({"a": (0, 1)}) for _ in range(3)] == [0, 0, 0]
    inbox.settled({"a": (9, 2)})
    assert inbox.settled({"a": (9, 2)}) == 1


def test_files_that_go_away_bring_nothing() -> None:
    inbox = Inbox()
    inbox.settled({"a": (5, 1)})
    inbox.settled({"a": (5, 1)})
    inbox.take()
    assert [inbox.settled({}) for _ in range(3)] == [0, 0, 0]


def test_a_look_sees_files_in_folders_and_no_unfinished_ones(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv.part", ".c.csv", "day/d.csv", ".git/e.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere")
    assert sorted(look(tmp_path)) == ["a.csv", os.path.join("day", "d.csv")]
    assert look(tmp_path / "none") == {}


def test_due_schedules_and_settled_files_are_reasons_for_one_turn(tmp_path: Path) -> None:
    sources = {
        "orders": SourceSpec.model_validate({"url": "sqlite:///a.db", "table": "orders", "schedule": "30 12 * * *"}),
        "files": SourceSpec.model_validate({"watch": "inbox"}),
        "still": SourceSpec.model_validate({"path": "a.csv"}),
    }
    arrivals = Arrivals(NOON)
    assert arrivals.come(sources, tmp_path, NOON + timedelta(minutes=29)) == []
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "a.csv").write_text("a")
    assert arrivals.come(sources, tmp_path, NOON + timedelta(minutes=29)) == []
    assert arrivals.come(sources, tmp_path, NOON + timedelta(minutes=29)) == ["1 new file for files in inbox"]
    later = NOON + timedelta(minutes=31)
    assert arrivals.come(sources, tmp_path, later) == ["orders is due since 2024-07-01 12:30 UTC", "1 new file for files in inbox"]
    arrivals.take(later)
    assert arrivals.come(sources, tmp_path, later + timedelta(hours=1)) == []
    assert next_moment(sources, later) == NOON + timedelta(days=1, minutes=30)
    assert next_moment({"still": sources["still"]}, later) is None
