"""A candidate of the newest search: what it was made of, what it was worth, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loopline.declaration import figure
from loopline.model.candidates import trial_key
from loopline.model.leaderboard import fate, ranked
from loopline.model.policy import describe
from loopline.plots import Axis, Curve, curves
from loopline.sheet.document import Picture
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.page import Missing, Page
from loopline.web.pages.model.kept import searched

OTHERS = 50
"""So many other candidates may be chosen to be compared with."""
REPORTED = 3
"""So many candidates are told in full in a report."""


@dataclass(frozen=True, kw_only=True)
class CandidatePage:
    """A candidate.

    Parameters
    ----------
    said
        As ``loopline model list --json`` has it.
    trial
        As the ledger has it.
    place, count
        Its place by what it earns, among so many.
    package
        The package that it became; None where it became none.
    of_search
        The package that the search made, of which more is measured; empty where it is not there.
    others
        The keys of other candidates with their names, the best first, to compare it with.
    """

    key: str
    said: Mapping[str, Any]
    trial: Mapping[str, Any]
    place: int
    count: int
    fate: str
    policy: tuple[str, ...]
    package: str | None
    of_search: str
    others: tuple[tuple[str, str], ...]
    currency: str
    picture: Picture | None

    @property
    def title(self) -> str:
        """Its family and its place."""
        return f"{self.said['family']}, candidate {self.place} of {self.count}"

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        told = {"place": self.place, "count": self.count, "fate": self.fate, "policy": list(self.policy), "package": self.package}
        trial = {name: self.trial[name] for name in ("settled", "blocks", "looked", "loss", "worked_s", "scored_us")}
        return {"key": self.key, **self.said, **trial, **told, "currency": self.currency}


def candidate(current: Current, asked: Asked) -> CandidatePage:
    """The candidate with a key.

    Raises
    ------
    Missing
        When the newest search has none.
    """
    key, found = asked.path["key"], searched(current)
    trial = found.trials.get(key)
    if trial is None:
        raise Missing("the newest search has no such candidate", where=key[:12], remedy="the candidates are on the page of the model")
    order = ranked(found.candidates, "worth") if any(one["metrics"] for one in found.candidates) else list(found.candidates)
    place, said = next((at, one) for at, one in enumerate(order, 1) if _same(one, trial))
    facts = current.state.facts("model", "search") or {}
    currency = str(facts.get("currency", ""))
    return CandidatePage(
        key=key,
        said=said,
        trial=trial,
        place=place,
        count=len(order),
        fate=fate(said),
        policy=tuple(describe(trial["policy"])) if trial["policy"] else (),
        package=str(facts["package"]) if said["is_chosen"] else None,
        of_search=_of_search(current, facts),
        others=_others(order, said),
        currency=currency,
        picture=_picture(trial, currency),
    )


def _best(current: Current) -> Sequence[Mapping[str, str]]:
    """Those that earn most, for a report."""
    return [{"key": _key(one)} for one in searched(current).candidates[:REPORTED]]


def _key(one: Mapping[str, Any]) -> str:
    return trial_key(one["family"], one["params"], one["weighting"])


def _of_search(current: Current, facts: Mapping[str, Any]) -> str:
    package = str(facts.get("package", ""))
    return package if package in current.state.packages else ""


def _others(order: Sequence[Mapping[str, Any]], said: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    best = [(at, one) for at, one in enumerate(order, 1) if one is not said][:OTHERS]
    return tuple((_key(one), f"candidate {at}, {one['family']}") for at, one in best)


def _same(one: Mapping[str, Any], trial: Mapping[str, Any]) -> bool:
    return all(one[name] == trial[name] for name in ("family", "params", "weighting"))


def _picture(trial: Mapping[str, Any], currency: str) -> Picture | None:
    """What each block of neighbouring rows was worth."""
    blocks = [float(block) for block in trial["blocks"]]
    if len(blocks) < 2:
        return None
    title = f"From {figure(min(blocks))} to {figure(max(blocks))} {currency} per decision, from block to block"
    curve = Curve(name="this candidate", x=[float(at) for at in range(1, len(blocks) + 1)], y=blocks)
    return Picture(
        "Worth by blocks of neighbouring rows",
        lambda width: curves(
            [curve],
            title=title,
            note="Two candidates are told apart by the differences of their blocks.",
            x=Axis(title="block of neighbouring rows that were judged"),
            y=Axis(title=f"{currency} per decision"),
            levels={"the mean": sum(blocks) / len(blocks)},
            width=width,
        ),
    )


PAGES = (Page("candidate", "/model/candidates/{key}", candidate, "model_candidate.html.j2", reported=_best),)
