"""The machine on which figures were taken, in one line."""

from __future__ import annotations

import os
import platform
import resource
from importlib.metadata import version
from pathlib import Path


def machine() -> str:
    """Processor, cores, memory, system, Python and the version of Loopline."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"{platform.system()} {platform.release().partition('-')[0]}"
    return f"{_processor()}, {cores} cores, {memory_gib:.0f} GiB, {system}, Python {platform.python_version()}, Loopline {version('loopline')}"


def peak_bytes() -> int:
    """The most memory that this process has held so far, in bytes."""
    # The resource module also counts what the parent held when it started us.
    told = Path("/proc/self/status")
    lines = told.read_text().splitlines() if told.exists() else []
    kib = next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), None)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 if kib is None else kib * 1024


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor() or platform.machine())
