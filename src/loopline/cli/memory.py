"""How the process deals with memory that was freed: it is kept for a while, because what works block by block needs as much again at once."""

from __future__ import annotations

import ctypes
import gc
import os

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_KEPT_BYTES = 512 << 20
_DECAY_MS = 10_000


def keep_freed() -> None:
    """Keep what was freed instead of giving it back and asking for it again, page by page; call it before Polars is loaded.

    A tenth of an intake's time went into fresh pages. What the user says in the environment stands.
    """
    # Objects that hold each other are few here; to look for them took more time than they take memory.
    gc.set_threshold(100_000, 20, 50)
    # Polars allocates by jemalloc, which looks here once.
    os.environ.setdefault("_RJEM_MALLOC_CONF", f"narenas:{os.cpu_count() or 1},dirty_decay_ms:{_DECAY_MS},muzzy_decay_ms:{_DECAY_MS}")
    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    if tune is None or "GLIBC_TUNABLES" in os.environ:
        return
    for option, said, value in (
        (_M_ARENA_MAX, "MALLOC_ARENA_MAX", 1),
        (_M_MMAP_THRESHOLD, "MALLOC_MMAP_THRESHOLD_", _KEPT_BYTES),
        (_M_TRIM_THRESHOLD, "MALLOC_TRIM_THRESHOLD_", _KEPT_BYTES),
    ):
        if said not in os.environ:
            tune(option, value)
