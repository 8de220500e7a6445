"""A trial of a change: a workspace of its own that takes over the champion and what people have said, and gives nothing back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loopline.access.keys import own_key
from loopline.engine.local import LocalEngine
from loopline.errors import Mistake
from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.ledger.entry import Draft, Entry
from loopline.ledger.state import FOLDED, State, fold
from loopline.ledger.store import Ledger
from loopline.loop import Loop
from loopline.model.package import load_manifest
from loopline.model.signing import KEY, SIGNATURE, give_trust
from loopline.model.spec import AssessSpec
from loopline.project import Declaration, Project
from loopline.workspace import Workspace

TRIALS = 8
"""Candidates at most in a trial's search."""

_SAID = ("override", "waiver", "constraint", KEY)
"""The kinds of entries in which people say what holds for any package."""


@dataclass(frozen=True)
class Shared:
    """What is known of the project's own workspace.

    Parameters
    ----------
    state
        What its ledger says; nothing where there is none.
    lack
        Why there is no champion to compare with; empty where there is one.
    """

    state: State
    lack: str = ""

    @property
    def champion(self) -> str | None:
        """The package that decides there."""
        return self.state.champion


@dataclass(frozen=True)
class Trial:
    """A loop that may be run without a trace, and what is known of the workspace that it does not touch."""

    loop: Loop
    shared: Shared


@contextmanager
def trial(project: Project, *, minutes: float) -> Iterator[Trial]:
    """A loop over the project's sources in a temporary workspace, with a short search; the project's own workspace is only read.

    Corrections and deliveries by hand, which only the own workspace has, are not in it.

    Parameters
    ----------
    minutes
        Of the search at most; it stops after `TRIALS` candidates in any case.

    Raises
    ------
    Mistake
        When another Loopline wrote the own ledger.
    Fault
        When the own workspace is away, or the champion's files are.
    """
    with tempfile.TemporaryDirectory(prefix="loopline-ci-") as name:
        folder = Path(name)
        lake = Lake(str(folder / "lake"), project=project.name)
        lake.folder.mkdir()
        with Ledger.open(f"sqlite:///{folder / 'ledger.db'}", project.name) as ledger:
            # What this machine makes is tried here, whoever is trusted where it is released.
            give_trust(ledger, own_key().public, "ci", by="loopline")
            shared = _taken_over(project, ledger, lake)
            yield Trial(
                Loop(Project(project.folder, shortened(project.declaration, minutes), text=project.text), Workspace(ledger, lake, LocalEngine())), shared
            )


def shortened(declared: Declaration, minutes: float) -> Declaration:
    """The declaration with a search that ends soon, without the fits that only tell how stable a candidate is, and with a charter that nobody has to sign:
    a change is judged before people are asked.
    """
    search = declared.model.search
    short = search.model_copy(update={"trials": min(search.trials, TRIALS), "minutes": min(search.minutes, minutes)})
    model = declared.model.model_copy(update={"search": short, "assess": AssessSpec(refits=False)})
    return declared.model_copy(update={"model": model, "charter": declared.charter.model_copy(update={"approvals": {}})})


def _taken_over(project: Project, ledger: Ledger, lake: Lake) -> Shared:
    """What the own workspace says, once the champion and the people's words are in the trial's."""
    try:
        found, blobs = Ledger.find(project.ledger_url, project.name), Blobs(Lake(project.lake_url, project=project.name))
    except Mistake as error:
        # A pipeline for a stranger's change is given no secrets, and has the addresses of nothing.
        return Shared(State(), str(error))
    if found is None:
        return Shared(State(), "there is no ledger yet where the declaration or LOOPLINE_LEDGER says")
    with found:
        state = fold(found.read(kinds=FOLDED))
        ledger.append(*_drafts(found.read(kinds=_SAID)))
        if state.champion is None:
            return Shared(state, "no package decides yet")
        for digest in (state.champion, *load_manifest(blobs, state.champion)["files"].values()):
            Blobs(lake).put(blobs.get(digest))
        ledger.append(*_drafts([*found.read(kinds=(SIGNATURE,), subject=state.champion), state.packages[state.champion]]))
        # Which package it took over from is no matter here, and is not there.
        ledger.append(Draft(kind="champion", subject=state.champion, body={**state.champions[-1].body, "previous": None}))
    return Shared(state)


def _drafts(entries: Iterable[Entry]) -> list[Draft]:
    return [Draft(kind=entry.kind, subject=entry.subject, key=entry.key, body=entry.body, actor=entry.actor) for entry in entries]
