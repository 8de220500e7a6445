"""The words that customers leave on their page: kept where the server keeps those that clients send."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

import msgspec

from loopline.errors import Mistake
from loopline.serve.feedback import general, read_feedback
from loopline.serve.log import Log
from loopline.serve.outcomes import Malformed
from loopline.serve.recall import recall
from loopline.serve.records import day_told
from loopline.serve.scorer import stamp
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.page import Action, Done, Form
from loopline.web.pages.customer.page import EVERYBODY, place_of

LONGEST = 2_000
"""Characters of a text: what is longer belongs into a letter."""
RATINGS = ("1", "2", "3", "4", "5")


class Pace:
    """So many in a span of time for each who speaks, and no more. Threads may share it."""

    def __init__(self, most: int, span_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._span_s, self._clock = most, span_s, clock
        self._lock = threading.Lock()
        self._taken: dict[str, deque[float]] = {}

    def takes(self, who: str) -> bool:
        """Whether one more is taken now; it is counted where it is."""
        at = self._clock()
        with self._lock:
            for name in [name for name, taken in self._taken.items() if at - taken[-1] >= self._span_s]:
                del self._taken[name]
            taken = self._taken.setdefault(who, deque(maxlen=self._most))
            if len(taken) == self._most and at - taken[0] < self._span_s:
                return False
            taken.append(at)
            return True


PACE = Pace(5, 600.0)


def feedback(current: Current, asked: Asked, form: Form) -> Done:
    """Keep what a customer says.

    Raises
    ------
    Missing
        When it comes by a link that leads nowhere.
    Mistake
        When nothing is said, it is too long, or too much came in a short time, or no decision has the number that it is about.
    """
    place = place_of(current, asked)
    text, rating, about = form.get("text", "").strip(), form.get("rating", ""), form.get("about", "").strip()
    if not text and not rating:
        raise Mistake("nothing is said", where="feedback", remedy="choose a rating, or write a few words")
    if len(text) > LONGEST:
        raise Mistake(f"the text has {len(text):,} characters", where="feedback", remedy=f"say it in {LONGEST:,}")
    if rating and rating not in RATINGS:
        raise Mistake(f"{rating[:20]!r} is no rating", where="feedback", remedy=f"choose one from {RATINGS[0]} to {RATINGS[-1]}")
    item = {"id": about or general(current.at), "who": asked.reader.name}
    found = read_feedback({**item, **({"rating": int(rating)} if rating else {}), **({"text": text} if text else {})})
    if isinstance(found, Malformed):
        raise Mistake(found.reason, where="feedback", remedy="leave the number of the decision out, or copy it from where you got it")
    if not PACE.takes(f"{current.project.folder} {asked.reader.name}"):
        raise Mistake("that is much in a short time, and it was not taken", where="feedback", remedy="say it again in ten minutes")
    # After the pace: nobody tries numbers out, and nobody makes the pages read more often than that.
    if about:
        _require_made(current, about)
    with Log(current.workspace.lake.log) as log:
        log.append("feedback", msgspec.json.Encoder().encode_lines([found.as_json(stamp(current.at))])).result(timeout=10)
    return Done("Thank you: your words are kept, and are read with the next review.", place)


def _require_made(current: Current, id: str) -> None:
    """A decision has this number, as far as it is known here; what an id's day does not tell is not looked for in all days.

    Raises
    ------
    Mistake
        When none has.
    """
    try:
        if day_told(id) is not None:
            recall(current.workspace.lake, id)
            return
    except Mistake:
        pass
    remedy = "copy it from where you got it, or leave it out; of a decision made just now say it again later"
    raise Mistake("no decision with this number is known here", where="feedback", remedy=remedy)


ACTIONS = (Action("/customer/feedback", feedback, EVERYBODY), Action("/c/{link}/feedback", feedback, EVERYBODY, by_link=True))
