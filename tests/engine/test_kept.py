"""Processes that are kept: real ones, of which some do not want to end."""

from __future__ import annotations

import os
import signal
import threading
import time
from functools import partial
from multiprocessing.connection import Connection

import psutil
import pytest

from loopline.engine import kept
from loopline.engine.kept import Kept, end, failed, keep, ready, spawned, stopping


def patient(parent: Connection) -> None:
    """Work that ends when it is told to."""
    ready(parent, os.getpid())
    time.sleep(60)


def stubborn(parent: Connection) -> None:
    """Work that is never told."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    parent.send(("ready", os.getpid()))
    time.sleep(60)


def hopeless(parent: Connection) -> None:
    """Work that cannot begin."""
    failed(parent, "the port is taken")


def began(work: object) -> Kept:
    part = Kept("part", partial(spawned, work))  # type: ignore[arg-type]
    assert part.pipe.poll(60) and part.pipe.recv() == ("ready", part.pid)
    return part


def test_what_dies_is_started_anew_until_all_end() -> None:
    part, stop, died = began(patient), threading.Event(), []
    first = part.pid

    def told(one: Kept, pid: int, code: int | None) -> None:
        died.append((one.name, pid, code))

    keeping = threading.Thread(target=keep, args=([part], stop, told))
    keeping.start()
    os.kill(first, signal.SIGKILL)
    until = time.monotonic() + 60
    while part.pid == first or part.is_due:
        assert time.monotonic() < until
        time.sleep(0.01)
    stop.set()
    keeping.join(30)
    assert died == [("part", first, -signal.SIGKILL)]
    second = part.pid
    end([part])
    assert not psutil.pid_exists(second)


def test_what_does_not_end_in_time_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "END_S", 0.2)
    monkeypatch.setattr(kept, "_INSIST_S", 0.1)
    part = began(stubborn)
    since = time.monotonic()
    end([part])
    assert part.process.exitcode == -signal.SIGKILL and time.monotonic() - since < 20


def test_a_second_signal_gives_up_waiting() -> None:
    part = began(stubborn)
    with stopping() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(10)
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            end([part])
    assert part.process.exitcode == -signal.SIGKILL


def test_why_a_process_cannot_begin_is_told_when_it_has_died() -> None:
    part, said = Kept("part", partial(spawned, hopeless)), list[str]()
    part.process.join(60)
    part.look(lambda kept, pid, code: said.append(kept.why))
    end([part], at_once=True)
    assert said == ["the port is taken"]
