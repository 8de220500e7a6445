"""What takes long to make is made once for all workers of the tests, and copied for each who asks."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def copied(factory: pytest.TempPathFactory, make: Callable[..., object], to: Path, *said: str) -> Path:
    """A copy, in a folder, of what a function makes in an empty one.

    Parameters
    ----------
    make
        A function of a module, which is called with the folder. Its name says whether one of the workers has made it already.
    said
        What else it is called with.
    """
    base = factory.getbasetemp()
    # Workers of one run have a folder each below a common one.
    kept = (base.parent if base.name.startswith("popen") else base) / "kept" / ".".join((make.__module__, make.__qualname__, *said))
    kept.mkdir(parents=True, exist_ok=True)
    with (kept / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (kept / "made").exists():
            shutil.rmtree(kept / "whole", ignore_errors=True)
            (kept / "whole").mkdir()
            make(kept / "whole", *said)
            (kept / "made").touch()
    return Path(shutil.copytree(kept / "whole", to, dirs_exist_ok=True))
