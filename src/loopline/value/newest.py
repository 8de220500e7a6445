"""The newest review, as it is kept: its facts, its windows, when it was made and from what, and what has come since."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from loopline.errors import Mistake
from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.ledger.state import State
from loopline.sheet.document import Document
from loopline.sheet.stored import of_plain
from loopline.value.counted import decided_in_words, known_in_words

_RESTS_ON = ("data", "serve", "watch", "value")


def newest(state: State) -> Mapping[str, Any]:
    """The newest review's facts.

    Raises
    ------
    Mistake
        When there is none, or one of an earlier Loopline.
    """
    facts = state.facts("value", "review")
    if facts is None:
        raise Mistake("there is no review yet", remedy="loopline run")
    if "made_from" not in facts:
        raise Mistake("the newest review was made by an earlier Loopline", remedy="loopline run")
    return facts


def kept(lake: Lake, digest: str) -> str:
    """One of the forms in which a review is kept."""
    return Blobs(lake).get(digest).decode()


def windows_of(lake: Lake, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What each window earned against the target, oldest first."""
    found: list[dict[str, Any]] = json.loads(kept(lake, facts["per_window"]))
    return found


def document_of(lake: Lake, facts: Mapping[str, Any]) -> Document | None:
    """The review as a document; None of one that an earlier Loopline made."""
    return of_plain(json.loads(kept(lake, facts["document"]))) if "document" in facts else None


def made_in_words(made_from: Mapping[str, Any], made: datetime) -> str:
    """When a review was made, and from what."""
    until = "" if made_from["until"] is None else f", up to {made_from['until'][:16].replace('T', ' ')},"
    tables = "".join(f", {name} as of version {version}" for name, version in made_from["tables"].items())
    # A review of an earlier Loopline did not count what was held out.
    decided = decided_in_words(made_from["decisions"], made_from.get("held_out", 0))
    known = known_in_words(made_from["outcomes"], made_from.get("held_out_outcomes", 0))
    return f"made {made:%Y-%m-%d %H:%M} UTC from {decided}{until} and {known}{tables}"


def newer(stages: Iterable[tuple[str, str, str]]) -> list[str]:
    """What has come since the stages that a review rests on were last through.

    Parameters
    ----------
    stages
        Name, state and reason of each.
    """
    return [f"{stage} ({why})" for stage, state, why in stages if stage in _RESTS_ON and state in ("stale", "failed") and not why.startswith("after ")]
