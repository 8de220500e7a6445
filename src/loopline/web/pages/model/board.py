"""The leaderboard: the packages that were made, what waits to be judged, and the candidates of the newest search, the best first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from loopline.model.candidates import trial_key
from loopline.model.leaderboard import fate, made_of, measure_of, metrics_of, packages_of, ranked
from loopline.model.origin import waiting
from loopline.sheet.document import Picture
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.page import Page
from loopline.web.pages.model.kept import Searched, searched

EACH = 50
"""Packages or candidates that one page shows."""


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A page of a list: its number from 1 on, how many there are, and how many rows the list has."""

    rows: tuple[Mapping[str, Any], ...]
    page: int
    pages: int
    count: int

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]], asked: str | None) -> Slice:
        """The page that is asked for; the first or the last where there is no such page."""
        pages = max(1, -(-len(rows) // EACH))
        page = min(max(int(asked), 1), pages) if asked is not None and asked.isdecimal() and len(asked) < 9 else 1
        return cls(rows=tuple(rows[(page - 1) * EACH : page * EACH]), page=page, pages=pages, count=len(rows))

    def as_json(self) -> dict[str, Any]:
        """The page as plain values."""
        return {"rows": list(self.rows), "page": self.page, "pages": self.pages, "count": self.count}


@dataclass(frozen=True, kw_only=True)
class Board:
    """The leaderboard.

    Parameters
    ----------
    packages
        As ``loopline model list --json`` has them, the newest first.
    candidates
        The same, the best first, each with its ``key``, its ``place`` and its ``fate``.
    worth
        Of the search's package: what it earns, and what every other way to decide does.
    search
        How the search ended, and what it took.
    waiting
        What was imported and waits to be judged.
    family, families, by, metrics, measure
        The family that is shown, those that there are, what ranks, what may rank, and the metric beside the worth.
    """

    packages: Slice
    candidates: Slice
    worth: Mapping[str, Any] | None
    search: Mapping[str, Any] | None
    waiting: Mapping[str, Any] | None
    currency: str
    family: str
    families: tuple[str, ...]
    by: str
    metrics: tuple[str, ...]
    measure: str
    pictures: tuple[Picture, ...]
    title: str = "Model"

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        told = {"worth": self.worth, "search": self.search, "waiting": self.waiting, "currency": self.currency}
        asked = {"family": self.family, "families": list(self.families), "by": self.by, "metrics": list(self.metrics)}
        return {"packages": self.packages.as_json(), "candidates": self.candidates.as_json(), **told, **asked}


def board(current: Current, asked: Asked) -> Board:
    """The leaderboard as it is asked for: ``by`` a metric, of a ``family``, a ``page`` of the candidates, and one of the ``packages``.

    Raises
    ------
    Mistake
        When the candidates have no such metric.
    """
    state, by = current.state, asked.query.get("by", "worth")
    found = searched(current)
    every = found.candidates
    families = tuple(dict.fromkeys(one["family"] for one in every))
    family = asked.query.get("family", "")
    placed = [{**one, "place": at} for at, one in enumerate(ranked(every, by, where="by"), 1)]
    rows = Slice.of([one for one in placed if family in ("", one["family"])], asked.query.get("page"))
    facts, waits = state.facts("model", "search") or {}, waiting(state)
    return Board(
        packages=Slice.of(packages_of(state, current.workspace.ledger), asked.query.get("packages")),
        candidates=replace(rows, rows=tuple(map(_candidate, rows.rows))),
        worth=facts.get("worth"),
        search={**{name: facts["search"][name] for name in ("ended", "seconds", "workers")}, "trials": facts["trials"]} if "search" in facts else None,
        waiting=None if waits is None else waits.as_json(),
        currency=found.currency,
        family=family,
        families=families,
        by=by,
        metrics=metrics_of(every),
        measure=measure_of(every, by),
        pictures=tuple(_picture(found, name) for name in found.pictures if family in ("", name)),
    )


def _candidate(one: Mapping[str, Any]) -> dict[str, Any]:
    said = dict(one)
    return {**said, "key": trial_key(said["family"], said["params"], said["weighting"]), "fate": fate(said), "made_of": made_of(said)}


def _picture(found: Searched, family: str) -> Picture:
    return Picture(f"{family}: its candidates", lambda width: found.picture(family, width))


PAGES = (Page("model", "/model", board, "model.html.j2"),)
