"""What went wrong, as a page tells it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from loopline.errors import CheckFailed, Fault, LooplineError, Mistake
from loopline.lake.unexpected import defect, in_words
from loopline.web.page import Forbidden, Missing, Stale
from loopline.web.signed_in import safe_next

STATUS: Mapping[type[LooplineError], int] = {Missing: 404, Forbidden: 403, Stale: 409, Mistake: 400, CheckFailed: 409, Fault: 503}
_said = logging.getLogger("loopline")
_Answer = TypeVar("_Answer")


class Trouble:
    """What went wrong, as a view.

    Parameters
    ----------
    back
        The page from which its reader came, as their browser says.
    host
        The host that it asked for.
    """

    def __init__(self, error: LooplineError, title: str, back: str, host: str) -> None:
        self.title, self.changed = title, changed_of(error)
        self.what, self.where, self.remedy = error.what, error.where, error.remedy
        came = urlsplit(back)
        self.back = safe_next(came.path) if came.netloc == host else ""

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {"what": self.what, "where": self.where, "remedy": self.remedy, "changed": list(self.changed)}


def changed_of(error: LooplineError) -> tuple[str, ...]:
    """What has changed since a form was made, where that is what went wrong."""
    return error.changed if isinstance(error, Stale) else ()


def status_of(error: LooplineError) -> int:
    """The status with which what went wrong is answered."""
    # What is refused now and may go well later is in another one's way.
    return 409 if isinstance(error, Mistake) and error.retry else next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)


def settled(answer: Callable[[], _Answer], path: str) -> _Answer | LooplineError:
    """The answer, or what went wrong in words; a defect of ours is logged whole, and told without its text, which may hold anything."""
    try:
        return answer()
    except LooplineError as error:
        return error
    except Exception as error:  # the door of the pages
        _said.exception("the page %s failed", path)
        told = in_words(error)
        return Fault(told.what, remedy=told.remedy) if isinstance(told, Fault) else defect(error)
