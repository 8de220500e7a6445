"""What the package that decides has done on decisions whose outcome is known: read once, kept for the next move of a slider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loopline.charter.metrics import slice_columns
from loopline.engine.step import brief_digest
from loopline.value.trying import SERVED, TEST
from loopline.watch.inquiry import Evidence, gather
from loopline.watch.proof import evidence_of
from loopline.web.current import Current
from loopline.web.kept import Kept

MANY = 20_000
"""Predictions beyond which the served decisions are read only where they are asked for: reading them takes longer than a page may."""
_kept = Kept[Evidence](4)


def source_of(current: Current, asked: str | None) -> str:
    """Whose decisions are looked at: those that are asked for, else the served ones where they are enough and not too many, else the test part's."""
    if asked in (SERVED, TEST):
        return asked
    collected = current.state.facts("serve", "collect") or {}
    outcomes = collected.get("outcomes", {}).get("matched", 0)
    is_enough = outcomes >= current.project.declaration.value.outcomes_needed
    return SERVED if is_enough and collected["predictions"]["rows"] <= MANY else TEST


def evidence(current: Current, package: str, source: str) -> Evidence:
    """What is known of a package. It rests on nothing but what never changes: blobs, and versions of tables."""
    charter, state = current.project.declaration.charter, current.state
    collected, watched = state.facts("serve", "collect") or {}, state.facts("watch", "windows") or {}
    versions = collected.get("versions", {}) if source == SERVED else {}
    parts = [charter.fields("worth", "acceptance", "outcome_seen"), versions, watched.get("summary"), evidence_of(state, package)]
    # A package whose signature has lost its trust since is checked again.
    key = (str(current.project.folder), package, source, len(state.vouched), brief_digest(parts))
    return _kept.of(key, lambda: _gathered(current, package, versions, watched.get("summary")))


def _gathered(current: Current, package: str, versions: Mapping[str, int], summary: Mapping[str, Any] | None) -> Evidence:
    charter = current.project.declaration.charter
    return gather(
        current.workspace,
        package,
        charter.worth,
        happened=lambda package, good, bad: (),
        versions=versions,
        summary=summary,
        proof=evidence_of(current.state, package),
        columns=slice_columns(charter.acceptance),
        with_open=charter.outcome_seen == "when_acted",
    )
