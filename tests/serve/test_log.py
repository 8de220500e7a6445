"""The log's writer: durable before it says so, rolled by day and size, and honest when the disk is full."""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Event, Thread

import pytest

from loopline.errors import Fault
from loopline.serve import log as log_module
from loopline.serve.log import Log
from loopline.serve.segments import KINDS, listing, records


def line(number: int) -> bytes:
    return json.dumps({"n": number}).encode() + b"\n"


def numbers(folder: Path, kind: str = "predictions") -> list[int]:
    return [json.loads(text)["n"] for part in records(folder, kind) for text in part.lines]


def test_a_record_is_on_the_disk_when_its_future_is_done(tmp_path):
    with Log(tmp_path, server="aa") as log:
        log.append("predictions", line(1)).result(timeout=5)
        assert numbers(tmp_path) == [1]
        (segment,) = listing(tmp_path, "predictions")
        assert segment.name == f"{datetime.now(UTC):%Y%m%d}-aa-000001.jsonl"


def test_each_kind_has_its_folder(tmp_path):
    with Log(tmp_path) as log:
        for number, kind in enumerate(KINDS):
            log.append(kind, line(number)).result(timeout=5)
        assert [numbers(tmp_path, kind) for kind in KINDS] == [[number] for number in range(len(KINDS))]


def test_concurrent_records_share_syncs_and_all_are_kept(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(log_module, "_sync", lambda descriptor: (synced.append(descriptor), os.fsync(descriptor)))
    barrier = Barrier(16)

    def client(first: int) -> None:
        barrier.wait()
        for future in [log.append("predictions", line(first + step)) for step in range(50)]:
            future.result(timeout=10)

    with Log(tmp_path) as log:
        threads = [Thread(target=client, args=(100 * index,)) for index in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(numbers(tmp_path)) == sorted(100 * index + step for index in range(16) for step in range(50))
    assert len(synced) < 400


def test_segments_roll_by_size_and_by_day(tmp_path):
    today = datetime(2024, 5, 1, tzinfo=UTC)
    moments = iter([today, today, today + timedelta(days=1), today + timedelta(days=1)])
    with Log(tmp_path, server="aa", roll_bytes=10, clock=lambda: next(moments)) as log:
        for number in range(4):
            log.append("predictions", line(number) if number else b'{"n": 0, "long": true}\n').result(timeout=5)
    assert [segment.name for segment in listing(tmp_path, "predictions")] == [
        "20240501-aa-000001.jsonl",
        "20240501-aa-000002.jsonl",
        "20240502-aa-000003.jsonl",
    ]
    assert numbers(tmp_path) == [0, 1, 2, 3]


def test_closing_writes_all_that_was_handed_over_and_takes_no_more(tmp_path):
    log = Log(tmp_path)
    futures = [log.append("outcomes", line(number)) for number in range(200)]
    log.close()
    log.close()
    assert all(future.result(timeout=0) is None for future in futures)
    assert numbers(tmp_path, "outcomes") == list(range(200))
    with pytest.raises(Fault, match="closed") as caught:
        log.append("outcomes", line(0)).result(timeout=5)
    assert caught.value.retry


def test_a_record_that_nobody_waits_for_any_more_harms_nobody(tmp_path):
    with Log(tmp_path) as log:
        gone: Future[None] = log.append("predictions", line(1))
        gone.cancel()
        log.append("predictions", line(2)).result(timeout=5)
    assert 2 in numbers(tmp_path)


@contextmanager
def files_at_most(size_bytes: int) -> Iterator[None]:
    """The kernel refuses to let any file grow past the size: what a full disk or quota does, with the real system call."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_fails_the_record_and_leaves_whole_lines_only(tmp_path):
    with Log(tmp_path) as log:
        log.append("predictions", line(1)).result(timeout=5)
        with files_at_most(20), pytest.raises(Fault, match="cannot be written") as caught:
            log.append("predictions", b'{"n": 2, "long": "' + b"x" * 50 + b'"}\n').result(timeout=5)
        assert caught.value.retry
        log.append("predictions", line(3)).result(timeout=5)
    assert numbers(tmp_path) == [1, 3]
    assert all(segment.path.read_bytes().endswith(b"\n") for segment in listing(tmp_path, "predictions") if segment.size_bytes)


def test_a_failed_sync_is_a_failure_and_that_segment_is_left(tmp_path, monkeypatch):
    def broken(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with Log(tmp_path) as log:
        log.append("predictions", line(1)).result(timeout=5)
        monkeypatch.setattr(log_module, "_sync", broken)
        with pytest.raises(Fault, match="Input/output error"):
            log.append("predictions", line(2)).result(timeout=5)
        monkeypatch.undo()
        log.append("predictions", line(3)).result(timeout=5)
    assert numbers(tmp_path) == [1, 3]
    assert len(listing(tmp_path, "predictions")) == 2


def test_a_place_that_cannot_be_written_is_said_at_once(tmp_path):
    (tmp_path / "log").write_text("a file where the folder should be")
    with pytest.raises(Fault, match="cannot be written") as caught:
        Log(tmp_path / "log")
    assert "\n" not in str(caught.value)


def test_an_async_record_is_answered_before_it_is_durable_and_is_written_all_the_same(tmp_path, monkeypatch):
    gate = Event()
    monkeypatch.setattr(log_module, "_sync", lambda descriptor: gate.wait(5))
    with Log(tmp_path, mode="async") as log:
        futures = [log.append("predictions", line(number)) for number in range(log_module.MOST_RECORDS)]
        assert all(future.done() for future in futures)
        beyond = log.append("predictions", line(log_module.MOST_RECORDS))
        assert not beyond.done()
        gate.set()
        beyond.result(timeout=5)
    assert sorted(numbers(tmp_path)) == list(range(log_module.MOST_RECORDS + 1))


def test_async_records_wait_once_the_oldest_has_waited_long(tmp_path, monkeypatch):
    gate = Event()
    monkeypatch.setattr(log_module, "_sync", lambda descriptor: gate.wait(5))
    monkeypatch.setattr(log_module, "MOST_MS", 20)
    with Log(tmp_path, mode="async") as log:
        assert log.append("predictions", line(0)).done()
        time.sleep(0.05)
        late = log.append("predictions", line(1))
        assert not late.done()
        gate.set()
        late.result(timeout=5)


def test_async_on_a_full_disk_takes_nothing_more_until_what_was_answered_is_written(tmp_path):
    with Log(tmp_path, mode="async") as log:
        with files_at_most(3):
            assert log.append("predictions", line(1)).done()
            until = time.monotonic() + 5
            shed = None
            while shed is None and time.monotonic() < until:
                time.sleep(0.02)
                shed = log.append("outcomes", b"").exception(timeout=5)
            assert isinstance(shed, Fault) and shed.retry
        until = time.monotonic() + 5
        while log.append("predictions", line(2)).exception(timeout=5) is not None:
            assert time.monotonic() < until
            time.sleep(0.02)
    assert numbers(tmp_path) == [1, 2]


def test_what_async_answered_is_told_when_it_cannot_be_written_before_the_end(tmp_path, caplog):
    with files_at_most(3):
        log = Log(tmp_path, mode="async")
        log.append("predictions", line(1) + line(2))
        log.close()
    assert "2 answered records could not be written" in caplog.text
