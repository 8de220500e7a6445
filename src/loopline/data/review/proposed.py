"""What the answers of a review change in the declaration: the amended text, the difference, and what is left to do by hand."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

from loopline.data.review.amendments import amended
from loopline.data.review.answers import waiting
from loopline.data.spec import DataSpec
from loopline.workspace import Workspace


@dataclass(frozen=True)
class Proposed:
    """A change of the declaration that waits to be written.

    Parameters
    ----------
    after
        The amended text.
    patch
        How it differs from the present one; empty where nothing waits.
    amendments
        How many changes there are.
    by_hand
        What cannot be written into the text.
    answers
        The ids of the answers that it takes in.
    """

    after: str
    patch: str
    amendments: int
    by_hand: tuple[str, ...]
    answers: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The change as plain values, without the whole text."""
        return {"amendments": self.amendments, "patch": self.patch, "by_hand": list(self.by_hand)}


def proposed(workspace: Workspace, data: DataSpec, text: str, *, file: str) -> Proposed:
    """What the answers that wait change in a declaration's text.

    Parameters
    ----------
    data
        What the text declares.
    file
        What the text is called in the difference.
    """
    amendments, answers = waiting(workspace)
    after, left = amended(text, data, amendments)
    patch = "".join(unified_diff(text.splitlines(keepends=True), after.splitlines(keepends=True), file, f"{file} (amended)"))
    return Proposed(after, patch, len(amendments), tuple(left), answers)
