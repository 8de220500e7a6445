"""The command called in this process, as a shell would call it in one of its own: there each call pays a second for what it imports."""

from __future__ import annotations

import contextlib
import io
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from loopline.cli import main as door

# What stays behind as a process must not be a child of the tests, and what is sent to the background must be a process.
_FUNCTION = """
loopline() {
    case " $* " in
    " serve "* | " up "* | " pages "* | *" deploy "* | *" --keep "*)
        # In the background it is what $! names.
        if test "$BASHPID" != "$$"; then exec loopline "$@"; fi
        command loopline "$@"
        return ;;
    esac
    local asked code
    asked=$(mktemp -d "$CALLS/XXXXXX")
    printf '%s\\0' "$@" > "$asked/words"
    env -0 > "$asked/environment"
    pwd > "$asked/folder"
    mkfifo "$asked/done"
    echo "$asked" > "$CALLS/queue"
    read -r code < "$asked/done"
    cat "$asked/out"
    cat "$asked/err" >&2
    return "$code"
}
"""
_LOOK_S = 0.05


@dataclass(frozen=True)
class Ended:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


def call(words: Sequence[str], *, folder: Path, environment: Mapping[str, str]) -> Ended:
    """What ``loopline WORDS`` does in a folder, with no terminal and nothing to read."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
    with (
        contextlib.chdir(folder),
        mock.patch.dict(os.environ, environment, clear=True),
        mock.patch.object(sys, "argv", ["loopline", *words]),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO())),
        # The tests' own process must not keep what it freed for ever.
        mock.patch.object(door, "keep_freed"),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            door.main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Ended(code, _text(out), _text(err))


def _text(written: io.TextIOWrapper) -> str:
    written.flush()
    assert isinstance(written.buffer, io.BytesIO)
    return written.buffer.getvalue().decode()


class Bash:
    """Runs scripts in which ``loopline`` is a function that has this process do what is asked.

    Parameters
    ----------
    folder
        Where the scripts run.
    calls
        An empty folder for what the function and this process tell each other.
    """

    def __init__(self, folder: Path, calls: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._calls = calls
        self._environment = {**environment, "CALLS": str(calls)}
        os.mkfifo(calls / "queue")

    def run(self, script: str, *, timeout_s: float) -> Ended:
        """Run a script; the first command that fails ends it."""
        out, err = self._calls / "out", self._calls / "err"
        until = time.monotonic() + timeout_s
        words = ["bash", "-euo", "pipefail", "-c", _FUNCTION + script]
        with (
            self._queue() as queue,
            out.open("wb") as to,
            err.open("wb") as wrong,
            subprocess.Popen(words, cwd=self._folder, env=self._environment, stdin=subprocess.DEVNULL, stdout=to, stderr=wrong) as bash,
        ):
            try:
                while bash.poll() is None:
                    assert time.monotonic() < until, f"it did not end in {timeout_s:.0f} s"
                    for asked in self._asked(queue):
                        self._answer(asked)
            finally:
                bash.kill()
        return Ended(bash.returncode, out.read_text(), err.read_text())

    @contextlib.contextmanager
    def _queue(self) -> Iterator[int]:
        # Open for writing as well, lest it end with each one that has asked.
        queue = os.open(self._calls / "queue", os.O_RDWR | os.O_NONBLOCK)
        try:
            yield queue
        finally:
            os.close(queue)

    def _asked(self, queue: int) -> list[Path]:
        if not select.select([queue], [], [], _LOOK_S)[0]:
            return []
        # A line is far shorter than what is written to a pipe at once.
        return [Path(line) for line in os.read(queue, 65_536).decode().splitlines()]

    def _answer(self, asked: Path) -> None:
        words, environment = ((asked / name).read_bytes().decode().split("\0")[:-1] for name in ("words", "environment"))
        folder = (asked / "folder").read_text().removesuffix("\n")
        ended = call(words, folder=Path(folder), environment=dict(pair.split("=", 1) for pair in environment))
        (asked / "out").write_text(ended.out)
        (asked / "err").write_text(ended.err)
        (asked / "done").write_text(f"{ended.code}\n")
