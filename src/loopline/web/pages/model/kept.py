"""Packages, scorers and searches that were looked at lately. They never change, so that one that is kept is as good as one that is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from loopline.charts import WIDE, Spec
from loopline.lake.blobs import Blobs
from loopline.ledger.entry import Entry
from loopline.model.leaderboard import Candidate, candidates_of, trials_of
from loopline.model.package import Package, load, written
from loopline.model.predictor import Predictor
from loopline.model.signing import Trust, trust
from loopline.model.trial_pictures import pictures
from loopline.serve.scorer import Scorer
from loopline.web.current import Current
from loopline.workspace import Workspace


@dataclass(frozen=True)
class _Wanted:
    """A package by its digest, and where it is read; two workspaces that have the digest have the same bytes."""

    digest: str
    workspace: Workspace = field(compare=False)
    trusted: Trust = field(compare=False)


@dataclass(frozen=True)
class _Made:
    """A search that came to its end, by its entry, and where its trials are read."""

    ledger: str
    id: str
    workspace: Workspace = field(compare=False)
    entry: Entry = field(compare=False)


@dataclass(frozen=True, eq=False)
class Searched:
    """The trials of a search by their keys, the candidates, those that earn most first, and the pictures of their families for a desk."""

    trials: Mapping[str, Mapping[str, Any]]
    candidates: tuple[Candidate, ...]
    currency: str = ""
    pictures: Mapping[str, Spec] = field(default_factory=dict)

    def picture(self, family: str, width: int) -> Spec:
        """The picture of a family at a width."""
        return self.pictures[family] if width == WIDE else pictures(self.candidates, self.currency, width=width)[family]


def trusted(current: Current) -> Trust:
    """Whose packages are trusted now."""
    return trust(current.state.vouched)


def package_of(current: Current, entry: Entry) -> Package:
    """A package with its files.

    Raises
    ------
    Fault
        When it was changed after it was made, or nobody who is trusted now signed it.
    """
    now = trusted(current)
    package = _package(_Wanted(entry.subject, current.workspace, now))
    # It is kept for longer than a key may be trusted.
    now.require(package.digest, written(package.manifest))
    return package


def scorer_of(current: Current, entry: Entry) -> Scorer:
    """A package at work."""
    package_of(current, entry)
    return _scorer(_Wanted(entry.subject, current.workspace, trusted(current)))


def searched(current: Current) -> Searched:
    """The newest search that came to its end; empty where there was none."""
    entry = current.state.latest.get(("model", "search"))
    if entry is None:
        return Searched({}, ())
    ledger = current.workspace.ledger
    return _searched(_Made(f"{ledger.url} {ledger.project}", entry.id, current.workspace, entry))


@lru_cache(maxsize=6)
def _package(wanted: _Wanted) -> Package:
    return load(Blobs(wanted.workspace.lake), wanted.digest, wanted.trusted)


@lru_cache(maxsize=4)
def _scorer(wanted: _Wanted) -> Scorer:
    return Scorer(Predictor(_package(wanted)))


@lru_cache(maxsize=4)
def _searched(made: _Made) -> Searched:
    facts = made.entry.body["facts"]
    trials = trials_of(facts, made.workspace.ledger)
    candidates, currency = tuple(candidates_of(trials, facts)), str(facts["currency"])
    return Searched(trials, candidates, currency, pictures(candidates, currency))
