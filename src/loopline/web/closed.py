"""A project that could not be opened: it is shown with its mistake, and opened once that is mended."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Container
from pathlib import Path

from loopline.errors import Fault, LooplineError
from loopline.project import FILE, values_of
from loopline.web.current import Followed

AGAIN_S = 5.0
"""After so long it is tried again although its declaration has not moved: a database that was away comes back."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Closed:
    """A project that could not be opened.

    Parameters
    ----------
    error
        Why.
    taken
        The names that other projects have here.
    """

    def __init__(self, folder: Path, error: LooplineError, *, taken: Container[str] = ()) -> None:
        self.folder, self.error = folder, error
        said = said_in(folder).get("project")
        self.name = said if isinstance(said, str) and _NAME.fullmatch(said) else folder.name
        while self.name in taken:
            self.name += "-2"
        self._declared, self._tried_s = self._stamp(), time.monotonic()

    @property
    def fault(self) -> Fault:
        """Why it cannot be shown now."""
        return Fault(self.error.what, where=self.error.where, remedy=self.error.remedy, retry=True)

    def opened(self, follow: Callable[[Path], Followed]) -> Followed | None:
        """The project, once it can be opened; None while it cannot, and where it was tried just now."""
        stamp, moment = self._stamp(), time.monotonic()
        if stamp == self._declared and moment - self._tried_s < AGAIN_S:
            return None
        self._declared, self._tried_s = stamp, moment
        try:
            return follow(self.folder)
        except LooplineError as error:
            self.error = error
            return None

    def _stamp(self) -> tuple[int, int]:
        try:
            stat = (self.folder / FILE).stat()
        except OSError:
            return (0, 0)
        return stat.st_mtime_ns, stat.st_size


def said_in(folder: Path) -> dict[str, object]:
    """What the declaration in a folder says, right or wrong; nothing where it cannot be told."""
    try:
        return dict(values_of((folder / FILE).read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, LooplineError):
        return {}
