"""What customers say of a prediction, as clients tell it: a rating, a text, and who says so."""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loopline.serve.outcomes import LONGEST, Malformed, read_id
from loopline.serve.signature import describe, is_text

LONGEST_TEXT = 10_000
_FIELDS = frozenset({"id", "rating", "text", "who"})


@dataclass(frozen=True, slots=True)
class Feedback:
    """Well-formed feedback; a later word of the same person on the same prediction replaces it when it is collected.

    Parameters
    ----------
    rating
        A number on whatever scale the project uses.
    who
        Who says so; empty where nobody is named.
    """

    prediction_id: str
    rating: float | None
    text: str | None
    who: str

    def as_json(self, time: str) -> dict[str, Any]:
        """Its record in the log."""
        return {"id": self.prediction_id, "rating": self.rating, "text": self.text, "who": self.who, "time": time}


def general(at: datetime) -> str:
    """The id of a word that is about no single prediction, by which it is of its day."""
    return f"{at:%Y%m%d}-page-{secrets.token_hex(8)}"


def read_feedback(item: object) -> Feedback | Malformed:
    """The feedback in one item of a request's ``feedback``, or why there is none."""
    if type(item) is not dict:
        return Malformed(f"the item is {describe(item)}; expected an object with id and a rating or a text")
    unknown = sorted(name[:80] for name in item if name not in _FIELDS)
    if unknown:
        return Malformed(f"{ascii(unknown[0])[1:-1]}: there is no such field; expected one of: id, rating, text, who")
    key, rating, text, who = read_id(item.get("id")), item.get("rating"), item.get("text"), item.get("who")
    if isinstance(key, Malformed):
        return key
    if rating is not None and (type(rating) not in (int, float) or not abs(rating) < 1e300 or not math.isfinite(rating)):
        return Malformed(f"rating: it is {describe(rating)}; expected a number")
    if text is not None and (not is_text(text) or len(text) > LONGEST_TEXT):
        return Malformed(f"text: it is {describe(text)}; expected text of up to {LONGEST_TEXT:,} characters")
    if who is not None and (not is_text(who) or len(who) > LONGEST):
        return Malformed(f"who: it is {describe(who)}; expected text of up to {LONGEST} characters")
    if rating is None and not text:
        return Malformed("rating and text: both are missing; expected one of the two")
    return Feedback(key, None if rating is None else float(rating), text, who or "")
