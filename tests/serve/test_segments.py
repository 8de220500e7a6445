"""Segments: a reader takes whole lines, and only those."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from loopline.serve.segments import Segment, count_lines, listing, records, slices

RECORDS = st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=20) | st.integers() | st.none(), max_size=3), max_size=8)


def segment_of(folder: Path, data: bytes) -> Segment:
    place = folder / "predictions"
    place.mkdir(exist_ok=True)
    (place / "20240101-aa-000001.jsonl").write_bytes(data)
    return listing(folder, "predictions")[0]


@given(made=RECORDS, data=st.data(), slice_bytes=st.integers(1, 200))
def test_any_truncation_yields_exactly_the_complete_records(tmp_path_factory, made, data, slice_bytes):
    lines = [json.dumps(record).encode() + b"\n" for record in made]
    cut = data.draw(st.integers(0, sum(map(len, lines))))
    segment = segment_of(tmp_path_factory.mktemp("log"), b"".join(lines)[:cut])
    complete = [record for at, record in enumerate(made) if sum(map(len, lines[: at + 1])) <= cut]
    found = list(slices(segment, slice_bytes=slice_bytes))
    assert [json.loads(line) for part in found for line in part.lines] == complete
    # The slices follow one another without a gap, and the last ends where the last whole line does.
    assert [part.start for part in found] == [0, *(part.end for part in found)][: len(found)]
    assert (found[-1].end if found else 0) == sum(map(len, lines[: len(complete)]))


@given(made=RECORDS.filter(bool), data=st.data())
def test_reading_on_from_an_offset_misses_nothing_and_repeats_nothing(tmp_path_factory, made, data):
    folder = tmp_path_factory.mktemp("log")
    lines = [json.dumps(record).encode() + b"\n" for record in made]
    cut = data.draw(st.integers(0, sum(map(len, lines))))
    segment = segment_of(folder, b"".join(lines)[:cut])
    first = list(records(folder, "predictions"))
    segment.path.write_bytes(b"".join(lines))
    second = list(records(folder, "predictions", {segment.name: first[-1].end} if first else {}))
    assert [line + b"\n" for part in first + second for line in part.lines] == lines


def test_what_grew_after_the_listing_is_left_for_the_next_time(tmp_path):
    segment = segment_of(tmp_path, b"1\n")
    with segment.path.open("ab") as file:
        file.write(b"2\n")
    assert [part.lines for part in slices(segment)] == [(b"1",)]
    assert list(slices(segment, after=4)) == []


def test_a_log_that_was_never_written_is_empty(tmp_path):
    assert listing(tmp_path / "log", "outcomes") == []
    assert list(records(tmp_path / "log", "outcomes")) == []


def test_whole_lines_are_counted_of_those_servers_alone(tmp_path):
    (tmp_path / "predictions").mkdir()
    for name, data in [("20240101-aa-000000", b"{}\n{}\n{"), ("20240102-aa-000001", b"{}\n"), ("20240101-bb-000000", b"{}\n"), ("20240101-cc-000000", b"{}\n")]:
        (tmp_path / "predictions" / f"{name}.jsonl").write_bytes(data)
    assert count_lines(tmp_path, "predictions", {"aa", "bb"}) == 4
    assert count_lines(tmp_path, "refused", {"aa"}) == 0
