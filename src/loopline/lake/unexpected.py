"""What nobody foresaw, as one line that a person can act on."""

from __future__ import annotations

import errno

from loopline.errors import Fault, LooplineError
from loopline.lake.objects import storage_fault

_REMEDIES = {
    errno.ENOSPC: "the disk is full: free some space and run it again",
    errno.EDQUOT: "the quota is used up: free some space and run it again",
    errno.EACCES: "give yourself the permission, or choose another folder with --folder",
    errno.EPERM: "give yourself the permission, or choose another folder with --folder",
    errno.EROFS: "the folder is read-only: choose another one with --folder",
    errno.ENOENT: "check the name",
}


def in_words(error: Exception) -> LooplineError:
    """The error itself where it says what to do; else what the machine refused, or that this is a defect."""
    if isinstance(error, LooplineError):
        return error
    if isinstance(error, OSError):
        return Fault(
            error.strerror or str(error) or type(error).__name__, where=str(error.filename or ""), remedy=_REMEDIES.get(error.errno or 0, "run it again")
        )
    # Polars and others tell of a full disk in exceptions of their own.
    if (fault := storage_fault(str(error), "")) is not None:
        return fault
    said = " ".join(str(error).split())[:300]
    return LooplineError(f"unexpected {type(error).__name__}: {said}", remedy="this is a defect of Loopline; LOOPLINE_DEBUG=1 shows where")


def defect(error: Exception) -> LooplineError:
    """That something is a defect of ours, without its text, which may hold rows: for whoever may not see everything."""
    return LooplineError(f"unexpected {type(error).__name__}", remedy="this is a defect of Loopline; the log on the machine of the pages says where")
