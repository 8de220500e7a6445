import json
from datetime import UTC, datetime

import pytest

from loopline.errors import Mistake
from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.watch.summary import bodies, chapters


@pytest.fixture
def blobs(tmp_path):
    return Blobs(Lake(str(tmp_path)))


def chaptered(blobs, package, *starts):
    blob = blobs.put(json.dumps([{"body": {"start": start, "package": package}} for start in starts]).encode())
    return {"chapters": [[starts[0], starts[-1], None, len(starts), 0, 0, blob]]}


def test_windows_come_in_the_order_of_time_of_one_package_or_of_all(blobs):
    early, middle, late = (f"2024-01-0{day}T00:00:00+00:00" for day in (1, 2, 3))
    summary = {"packages": {"one": chaptered(blobs, "one", early, late), "other": chaptered(blobs, "other", middle)}}
    assert [body["start"] for body in bodies(blobs, summary)] == [early, middle, late]
    assert [body["start"] for body in bodies(blobs, summary, package="one")] == [early, late]
    assert bodies(blobs, summary, package="none") == []


def test_what_an_earlier_loopline_made_is_told(blobs):
    with pytest.raises(Mistake, match="made by an earlier Loopline; loopline run"):
        bodies(blobs, "digest")


def test_chapters_that_ended_before_a_moment_are_left_out(blobs):
    early, middle, late = (f"2024-01-0{day}T00:00:00+00:00" for day in (1, 2, 3))
    summary = {"packages": {"one": chaptered(blobs, "one", early, middle), "other": chaptered(blobs, "other", late)}}
    assert [chapter.until.day for chapter in chapters(summary, since=datetime(2024, 1, 2, tzinfo=UTC))] == [2, 3]
    assert [chapter.until.day for chapter in chapters(summary, since=datetime(2024, 1, 3, tzinfo=UTC))] == [3]
