"""Who writes into a lake at this moment: a mark that its writer's death leaves behind, so that the next one knows that there is something to sweep. Light."""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from loopline.errors import CheckFailed, Mistake
from loopline.lake import objects
from loopline.lake.files import sweep
from loopline.lake.place import Lake

_OF = "project "


@contextmanager
def writing(lake: Lake) -> Iterator[None]:
    """Marks the lake as written to by this process; what a dead writer of the project left half-written is swept before.

    Call it under the project's lease, so that nobody else writes its tables. Blobs are shared with other projects: of them, what may be a living
    writer's stays. A sweep looks at every version of every table, so there is none where nobody died. An object store has nothing half-written.
    """
    if not lake.is_folder:
        yield
        return
    with objects.told(lake):
        folder = lake.folder / "writers"
        folder.mkdir(parents=True, exist_ok=True)
        _sweep_after_the_dead(lake, folder)
        mark = folder / f"{os.getpid()}-{secrets.token_hex(8)}"
        handle = os.open(mark, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        fcntl.flock(handle, fcntl.LOCK_EX)
        os.write(handle, f"{_OF}{lake.project}".encode())
    try:
        yield
    except (Mistake, CheckFailed):
        mark.unlink(missing_ok=True)
        raise
    # After any other end, too, something may be left half-written: the mark stays.
    else:
        mark.unlink(missing_ok=True)
    finally:
        os.close(handle)


def _sweep_after_the_dead(lake: Lake, folder: Path) -> None:
    dead: list[Path] = []
    since = time.time()
    for mark in folder.iterdir():
        with suppress(FileNotFoundError):
            if (project := _project_of_dead(mark)) is None:
                since = min(since, mark.stat().st_mtime)
            elif project == lake.project:
                dead.append(mark)
    if not dead:
        return
    sweep(lake, older_than=timedelta(0), blobs_older_than=timedelta(seconds=max(0.0, time.time() - since)))
    for mark in dead:
        mark.unlink(missing_ok=True)


def _project_of_dead(mark: Path) -> str | None:
    """The project of a writer that is dead; None where it lives, or is about to write down whose it is."""
    handle = os.open(mark, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        said = os.pread(handle, 4096, 0).decode(errors="replace")
        return said.removeprefix(_OF) if said else None
    except BlockingIOError:
        return None
    finally:
        os.close(handle)
