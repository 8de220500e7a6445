"""The frozen trio that every stage is handed, and the two forms in which it gets them: asked for a step, and given a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from loopline.engine.step import Engine, Facts, Progress, Step
from loopline.lake.place import Lake
from loopline.ledger.database import gone, parse
from loopline.ledger.state import State
from loopline.ledger.store import Ledger

HOME = ".loopline"
"""Where a project's own files lie, unless the declaration says otherwise; a snapshot of the state is kept there."""


@dataclass(frozen=True)
class Workspace:
    """Ledger, lake and engine of one project."""

    ledger: Ledger
    lake: Lake
    engine: Engine


def ledger_of(url: str, project: str, lake: Lake) -> Ledger:
    """A project's ledger, made where there is none yet; never beside a lake whose tables another one tells of, which was there.

    One that is declared elsewhere is begun anew on purpose.

    Raises
    ------
    Fault
        Where the lake beside it has tables of the project, and the ledger's file is gone.
    """
    address = parse(url)
    if address.drivername == "sqlite" and lake.has_tables:
        file = Path(str(address.database))
        if file.parent == lake.folder.parent and not file.exists():
            raise gone(file)
    return Ledger.open(url, project)


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What a stage sees when it is asked for its next step: what holds now, and no more.

    Parameters
    ----------
    project
        The project's name.
    folder
        The folder of the declaration; paths in it are relative to here.
    state
        What the ledger says now.
    facts
        The facts of the earlier stages, by stage.
    """

    project: str
    folder: Path
    state: State
    facts: Mapping[str, Facts]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a step's function is handed.

    Parameters
    ----------
    step
        The step, with what it reads and its inputs.
    attempt
        Id of the entry that says this attempt has started: the parent of what the function appends.
    by
        Who had the loop go round, where that is another person than the one of this machine: who signed in to its pages.
    """

    project: str
    folder: Path
    step: Step
    attempt: str
    workspace: Workspace
    progress: Progress
    by: str = ""
