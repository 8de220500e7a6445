"""The newest windows of what was served, read by chapters: a chapter never changes, so that one that was read lately is not read again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.ledger.state import State
from loopline.value.month import month_of
from loopline.value.pace import MOST, WEEK
from loopline.watch.summary import chapters
from loopline.web.kept import Kept

Body = Mapping[str, Any]
_CHAPTERS: Kept[tuple[Body, ...]] = Kept(32)
_FIELDS = ("package", "start", "end", "rows", "refused", "outcomes", "hidden", "acted", "sums", "split", "drift", "drift_limits")
"""What is kept of a window: with all its metrics one takes ten times as much memory."""


def lately(lake: Lake, state: State) -> list[Body]:
    """The windows of the newest month that has any and, where windows are a day or longer, of the quarter before it; in the order of time.

    Shorter ones are so many that reading a quarter of them takes longer than a page may.
    """
    facts = state.facts("watch", "windows")
    if facts is None or facts["until"] is None or isinstance(facts["summary"], str):
        return []
    start, _ = month_of(datetime.fromisoformat(facts["until"]))
    found = _since(lake, facts["summary"], start)
    if found and _length(found[0]) >= timedelta(days=1):
        found = _since(lake, facts["summary"], start - MOST * WEEK)
    return found


def _read(lake: Lake, digest: str) -> tuple[Body, ...]:
    return _CHAPTERS.of((lake.url, digest), lambda: tuple(_brief(one["body"]) for one in json.loads(Blobs(lake).get(digest))))


def _since(lake: Lake, summary: Mapping[str, Any], since: datetime) -> list[Body]:
    told = [body for chapter in chapters(summary, since=since) for body in _read(lake, chapter.blob)]
    return sorted((body for body in told if datetime.fromisoformat(body["start"]) >= since), key=lambda body: (body["start"], body["package"]))


def _length(window: Body) -> timedelta:
    return datetime.fromisoformat(window["end"]) - datetime.fromisoformat(window["start"])


def _brief(body: Body) -> Body:
    said = body.get("estimated")
    estimated = None if said is None else {name: said[name] for name in ("method", "worth")}
    return {**{name: body[name] for name in _FIELDS if name in body}, "estimated": estimated}
