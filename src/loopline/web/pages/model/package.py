"""A package in full: what it earns, where it fails, what it looks at, what it costs, and where it came from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from loopline.charts import Spec
from loopline.model import reported
from loopline.model.assessment.pictures import HEADINGS, PICTURES, groups
from loopline.model.card import verdict
from loopline.model.described import described
from loopline.model.explain_pictures import pictures as explained
from loopline.model.leaderboard import against
from loopline.model.packages import EXPLANATION, facts_of, named
from loopline.model.policy import describe
from loopline.model.predictor import BACKGROUND
from loopline.model.reported import Told
from loopline.release.approvals import settled_today
from loopline.release.judgement import found, outcome
from loopline.release.wording import Wording, worded
from loopline.sheet.document import Picture
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.page import Page
from loopline.web.pages.model.explain import OF_ROWS
from loopline.web.pages.model.kept import package_of, trusted
from loopline.web.pages.model.origin import Origin, origin_of

SLICES = 20
"""Slices and disturbances that the tables show."""

_PICTURES: Mapping[str, tuple[str, ...]] = {
    "Worst slices": ("misjudged", "most_lost"),
    "Calibration": ("reliability",),
    "Stability": ("over_time",),
    "Robustness": ("robustness",),
    "Learning curve": ("learning_curve",),
}
"""The pictures that stand under each part of the evaluation."""


@dataclass(frozen=True)
class Section:
    """A part of the page: what is said, with its table and its pictures."""

    name: str
    told: Told
    pictures: tuple[Picture, ...] = ()

    @property
    def id(self) -> str:
        """Its place on the page."""
        return self.name.lower().replace(" ", "-")

    @property
    def is_square(self) -> bool:
        """Whether its picture is as broad as it is high."""
        return self.name == "Calibration"


@dataclass(frozen=True, kw_only=True)
class PackagePage:
    """A package.

    Parameters
    ----------
    said
        As ``loopline model show --json`` has it, but for its card.
    verdict, tone
        The one line for whoever reads no further, and whether it is good.
    against
        Whom an imported package was held against, and what came of it.
    sections
        The parts of its evaluation, and what it does with its columns.
    gates
        The newest verdict of each gate on it, as it stands with the waivers that count today; none where it has not come as far.
    wordings
        The same in plain words.
    signers
        Whose keys signed it, with the key and whether it is trusted.
    reads_rows, tells_reasons
        Whether the reader may ask for the reasons of single rows, and whether the package tells them.
    """

    said: Mapping[str, Any]
    verdict: str
    tone: str
    against: Mapping[str, Any] | None
    policy: tuple[str, ...]
    worth: Told
    metrics: Told
    cost: Told
    sections: tuple[Section, ...]
    first: Picture | None
    curves: tuple[Picture, ...]
    gates: tuple[Mapping[str, Any], ...]
    wordings: tuple[Wording, ...]
    signers: tuple[Mapping[str, Any], ...]
    origin: Origin
    reads_rows: bool
    explains: bool
    tells_reasons: bool
    is_newest: bool

    @property
    def package(self) -> str:
        """Its digest."""
        return str(self.said["package"])

    @property
    def title(self) -> str:
        """Its family and the beginning of its digest."""
        return f"Package {self.package[:12]}"

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        told = {"verdict": self.verdict, "against": self.against, "gates": [dict(gate) for gate in self.gates], "signers": [dict(one) for one in self.signers]}
        return {**self.said, **told, "origin": self.origin.as_json()}


def package(current: Current, asked: Asked) -> PackagePage:
    """The package whose digest begins as the path says.

    Raises
    ------
    Mistake
        When there is no such package.
    Fault
        When nobody who is trusted signed it.
    """
    state, ledger = current.state, current.workspace.ledger
    entry = named(state, asked.path["digest"])
    kept, trust = package_of(current, entry), trusted(current)
    said = described(kept, entry, state, ledger, trust)
    evaluation = said["evaluation"]
    explanation = kept.parsed(EXPLANATION) if EXPLANATION in kept.contents else None
    gain = said["worth"]["gain"]
    gates = _gates(current, entry.subject)
    return PackagePage(
        said={name: value for name, value in said.items() if name not in ("card", "gates")},
        verdict=verdict(said["worth"], said["currency"] or ""),
        tone="yes" if gain["low"] > 0 else "no" if gain["high"] < 0 else "wait",
        against=against(entry, state),
        policy=tuple(describe(said["policy"])),
        worth=reported.worth(said),
        metrics=reported.metrics(said),
        cost=reported.cost(said),
        sections=(*_looks_at(explanation), *_evaluated(said)),
        first=None if evaluation is None else _picture(evaluation, "worth_curve"),
        curves=() if evaluation is None else _drawn(evaluation, ("roc", "precision_recall")),
        gates=gates,
        wordings=tuple(worded(gate, current.project.declaration.charter) for gate in gates),
        signers=tuple({"name": trust.keys.get(one.key), "key": one.key} for one in trust.signatures.get(entry.subject, ())),
        origin=origin_of(current, entry, kept, facts_of(state, ledger, entry)),
        reads_rows=asked.reader.may(OF_ROWS),
        explains=explanation is not None,
        tells_reasons=BACKGROUND in kept.contents,
        is_newest=named(state, None).subject == entry.subject,
    )


def _gates(current: Current, package: str) -> tuple[Mapping[str, Any], ...]:
    """What became of each gate, and what it found."""
    said, state = current.project.declaration, current.state
    verdicts = [one for one in state.verdicts.values() if one.body["facts"].get("package") == package]
    if not verdicts:
        return ()
    settled = settled_today(said.release, said.charter, state, max(verdicts, key=lambda one: one.seq).body["facts"])
    return tuple({**gate, "outcome": outcome(gate), "found": found(gate)} for gate in settled["gates"])


def drawn(evaluation: Mapping[str, Any]) -> dict[str, Picture]:
    """The pictures of an evaluation, by their names, but for those of groups."""
    return {name: found for name in PICTURES if (found := _picture(evaluation, name)) is not None}


def _evaluated(said: Mapping[str, Any]) -> tuple[Section, ...]:
    evaluation = said["evaluation"]
    if evaluation is None:
        return ()
    made = []
    for name, tell in reported.PARTS.items():
        drawn = _drawn(evaluation, _PICTURES.get(name, ()))
        if name == "Fairness":
            drawn = tuple(_group(evaluation, column) for column in evaluation["fairness"].get("columns", ()))
        made.append(Section(name, tell(said, evaluation, SLICES), drawn))
    return tuple(made)


def _drawn(evaluation: Mapping[str, Any], names: tuple[str, ...]) -> tuple[Picture, ...]:
    return tuple(picture for name in names if (picture := _picture(evaluation, name)) is not None)


def _picture(evaluation: Mapping[str, Any], name: str) -> Picture | None:
    """A picture of the evaluation; None where it measured nothing for it."""
    draw = PICTURES[name]
    if draw(evaluation, 780) is None:
        return None
    return Picture(HEADINGS[name], lambda width: draw(evaluation, width) or {})


def _group(evaluation: Mapping[str, Any], column: str) -> Picture:
    return Picture(f"Fairness: {column}", lambda width: groups(evaluation, column, width))


def _looks_at(explanation: Mapping[str, Any] | None) -> tuple[Section, ...]:
    """What the package does with its columns, in pictures."""
    if explanation is None or not explanation["importance"]:
        return ()

    def one(head: str) -> Callable[[int], Spec]:
        return lambda width: explained(explanation, width=width)[head]

    says = f"What shuffling each column costs, on {explanation['rows']:,} rows of the test part."
    return (Section("What it looks at", Told((says,)), tuple(Picture(head, one(head)) for head in explained(explanation))),)


def reported_of(current: Current) -> tuple[Mapping[str, str], ...]:
    """The package that a report shows: the one that decides, the newest one before any does; none before the first one."""
    state = current.state
    return ({"digest": state.champion or named(state, None).subject},) if state.packages else ()


PAGES = (Page("package", "/model/packages/{digest}", package, "model_package.html.j2", reported=reported_of),)
