"""Packages, scorers and searches that were looked at lately. They never change, so that one that is kept is as good as one that is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from loopline.charts import WIDE, Spec
from loopline.lake.blobs import Blobs
from loopline.ledger.entry import Entry
from loopline.ledger.store import Ledger
from loopline.model.leaderboard import Candidate, candidates_of, trials_of
from loopline.model.package import Package, load, written
from loopline.model.predictor import Predictor
from loopline.model.signing import Trust, trust
from loopline.model.trial_pictures import pictures
from loopline.serve.scorer import Scorer
from loopline.web.current import Current
from loopline.web.kept import Kept


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


# Two workspaces that have a digest have the same bytes.
_PACKAGES: Kept[Package] = Kept(6)
_SCORERS: Kept[Scorer] = Kept(4)
_SEARCHES: Kept[Searched] = Kept(4)


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
    package = _PACKAGES.of(entry.subject, lambda: load(Blobs(current.workspace.lake), entry.subject, now))
    # It is kept for longer than a key may be trusted.
    now.require(package.digest, written(package.manifest))
    return package


def scorer_of(current: Current, entry: Entry) -> Scorer:
    """A package at work."""
    package = package_of(current, entry)
    return _SCORERS.of(entry.subject, lambda: Scorer(Predictor(package)))


def searched(current: Current) -> Searched:
    """The newest search that came to its end; empty where there was none."""
    entry = current.state.latest.get(("model", "search"))
    if entry is None:
        return Searched({}, ())
    ledger = current.workspace.ledger
    return _SEARCHES.of((ledger.url, ledger.project, entry.id), lambda: _searched(ledger, entry))


def _searched(ledger: Ledger, entry: Entry) -> Searched:
    facts = entry.body["facts"]
    trials = trials_of(facts, ledger)
    candidates, currency = tuple(candidates_of(trials, facts)), str(facts["currency"])
    return Searched(trials, candidates, currency, pictures(candidates, currency))
