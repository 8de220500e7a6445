"""A step of a stage, its key, and what runs it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from loopline.ledger.entry import digest

Facts = Mapping[str, Any]
_PACKAGE = Path(__file__).parents[1]
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A piece of work that a stage asks for; its key says whether it has been done already.

    Parameters
    ----------
    stage, name
        The stage that asks, and what the step does there.
    function
        ``module:function``, imported only when the step runs; it takes a `loopline.workspace.Job` and returns facts.
    reads
        Just the fields of the declaration that the work depends on, as plain JSON values.
    inputs
        What it works on: named facts of earlier stages, versions of tables, digests of files.
    rooms
        Folders or modules of `loopline` whose source the result depends on, such as ``("data", "declaration.py")``.
    stands
        The key of an earlier success that holds in place of this step, as long as nobody asks for it anew; empty where there is none.
    """

    stage: str
    name: str
    function: str
    reads: Facts
    inputs: Facts
    rooms: tuple[str, ...]
    stands: str = ""

    @property
    def made_from(self) -> dict[str, dict[str, str]]:
        """A digest of each thing that is read, worked on, or works: what the key is made of, and what says later why it changed."""
        return {
            "reads": {name: brief_digest(value) for name, value in self.reads.items()},
            "inputs": {name: brief_digest(value) for name, value in self.inputs.items()},
            "code": {room: source_digest(room)[:16] for room in self.rooms},
        }

    @property
    def key(self) -> str:
        """The digest of what is read, what is worked on, and the code that works; that of the success that stands in its place, where one does."""
        if self.stands:
            return self.stands
        code = [source_digest(room) for room in self.rooms]
        return digest({"stage": self.stage, "name": self.name, "reads": self.reads, "inputs": self.inputs, "code": code})


def brief_digest(value: object) -> str:
    """The beginning of a plain value's digest, enough to tell whether it has changed."""
    return digest(value)[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """Why the loop cannot go on here: it waits for a person, or a check said no.

    Parameters
    ----------
    state
        ``waiting`` (exit code 0) or ``failed`` (exit code 1).
    why
        The reason, in one line.
    role
        The role that is waited for.
    besides
        Other roles that are waited for as well.
    next
        The exact command that lets the loop go on.
    commands
        Of those besides, the command of each whose own is another one.
    about
        What waits, by which it is known again though the reason reads otherwise; the reason where nothing is said.
    rests_on
        What turns it: a person's ``word``, other ``data``, or nothing but another ``charter``.
    """

    state: Literal["waiting", "failed"]
    why: str
    role: str | None = None
    next: str = ""
    besides: tuple[str, ...] = ()
    commands: Mapping[str, str] = field(default_factory=dict)
    about: str = ""
    rests_on: Literal["word", "data", "charter"] = "word"


Steps = Generator[Step | Halt, Facts, Facts]
"""A stage's story: it yields steps, is sent the facts of each, and returns the stage's facts.

The facts a stage returns have ``says``: one line with the number that matters.
"""


class Progress(Protocol):
    """Told how far long work has come."""

    def say(self, text: str) -> None:
        """One line about what happens now."""

    def at(self, done: float, total: float | None = None, *, unit: str = "", note: str = "") -> None:
        """So much of the total is done."""


class Silence:
    """Progress that nobody watches."""

    def say(self, text: str) -> None:
        """Nothing."""

    def at(self, done: float, total: float | None = None, *, unit: str = "", note: str = "") -> None:
        """Nothing."""


class Engine(Protocol):
    """Where work runs.

    Parameters
    ----------
    workers
        How many pieces of work it does at once.
    is_remote
        Whether it works on machines whose memory and counters this one does not see.
    """

    workers: int
    is_remote: bool

    def run(self, function: str, job: Any) -> Facts:
        """The facts that ``module:function`` returns for the job."""

    def map(self, function: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
        """The results of a picklable function over items, in their order."""

    def pool(self, workers: int) -> AbstractContextManager[Executor]:
        """Workers that take picklable work one by one, as it comes; when it is left, work that has not ended is given up."""


@cache
def source_digest(room: str) -> str:
    """The digest of a room's source: of one module, or of every module and template in a folder."""
    place = _PACKAGE / room
    files = sorted([*place.rglob("*.py"), *place.rglob("*.j2")]) if place.is_dir() else [place]
    parts = [(file.relative_to(_PACKAGE).as_posix(), hashlib.sha256(file.read_bytes()).hexdigest()) for file in files]
    return digest(parts)
