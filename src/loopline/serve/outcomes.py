"""What really happened, as clients tell it: checked on arrival, joined to its prediction later."""

from __future__ import annotations

import math
from dataclasses import dataclass

from loopline.charter.spec import Task
from loopline.charter.worth import as_text
from loopline.serve.signature import describe, is_text

LONGEST = 200
_EXPECTED = {"multiclass": "a class", "regression": "a number"}


@dataclass(frozen=True, slots=True)
class Truth:
    """What an outcome of a package may be.

    Parameters
    ----------
    classes
        Binary: the negative and the positive class. Multiclass: those known in training; others are taken too, for the world may bring new ones.
    """

    task: Task
    classes: tuple[str, ...] = ()

    @property
    def expected(self) -> str:
        """A right outcome, in words."""
        return _EXPECTED.get(self.task) or f"one of: {', '.join(self.classes)}, true, false"

    def read(self, value: object) -> str | None:
        """An outcome as text, or None where it is not of the task's type.

        Binary: either class, or ``true`` and ``false`` for the positive and the negative one.
        """
        if type(value) not in (bool, int, float, str):
            return None
        if isinstance(value, float) and not math.isfinite(value):
            return None
        if self.task == "regression":
            return repr(float(value)) if type(value) in (int, float) and abs(value) < 1e300 else None  # type: ignore[arg-type]
        text = as_text(value)
        if self.task == "binary" and text not in self.classes:
            return self.classes[int(value)] if type(value) is bool else None
        return text if 0 < len(text) <= LONGEST and is_text(text) else None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A well-formed outcome: whether its prediction is known is sorted out by `collect`."""

    prediction_id: str
    value: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """An item that is no outcome, and why."""

    reason: str


def read_id(key: object) -> str | Malformed:
    """The id of a prediction, or why it is none."""
    if type(key) is str and 0 < len(key) <= LONGEST and key.isprintable():
        return key
    return Malformed(f"id: it is {describe(key) if key is not None else 'missing'}; expected the id of a prediction, as text")


def read_outcome(item: object, truth: Truth) -> Outcome | Malformed:
    """The outcome in one item of a request's ``outcomes``, or why there is none."""
    if type(item) is not dict:
        return Malformed(f"the item is {describe(item)}; expected an object with id and outcome")
    key, value = read_id(item.get("id")), item.get("outcome")
    if isinstance(key, Malformed):
        return key
    if value is None:
        return Malformed(f"outcome: it is {'null' if 'outcome' in item else 'missing'}; expected {truth.expected}")
    text = truth.read(value)
    return Malformed(f"outcome: it is {describe(value)}; expected {truth.expected}") if text is None else Outcome(key, text)
