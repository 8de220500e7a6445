"""What can go wrong, said so that a person can act on it."""

from __future__ import annotations


class LooplineError(Exception):
    """One line that says what was wrong, where, and what to do about it.

    Parameters
    ----------
    what
        What was wrong, as a short sentence without a full stop.
    where
        File, line, column or field; empty when there is no such place.
    remedy
        What the reader can do; a command where there is one.
    retry
        Whether the same call may succeed later without any change by the user.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", remedy: str = "", retry: bool = False) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy
        self.retry = retry

    def __str__(self) -> str:
        line = f"{self.where}: {self.what}" if self.where else self.what
        return f"{line}; {self.remedy}" if self.remedy else line


class Mistake(LooplineError):
    """The input is wrong: the user mends it and tries again (exit code 2)."""

    exit_code = 2


class CheckFailed(LooplineError):
    """The input is well-formed, but a check of it said no (exit code 1)."""

    exit_code = 1


class Fault(LooplineError):
    """The machine or a service did not do its part: a full disk, a port in use, a database that is away (exit code 2)."""

    exit_code = 2
