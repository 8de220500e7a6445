"""Deploy targets: what they are handed, what they give back, and where they are found. One's own are found like the built-in ones."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeVar

from loopline.engine.local import resolve
from loopline.errors import LooplineError, Mistake
from loopline.release.deploy.needs import Needs

TARGETS = {
    "process": "loopline.release.deploy.process:target",
    "systemd": "loopline.release.deploy.systemd:target",
    "container": "loopline.release.deploy.container:target",
    "kubernetes": "loopline.release.deploy.kubernetes:target",
}
"""The built-in targets, as ``module:function``."""

GROUP = "loopline.targets"
"""The group of entry points by which a package offers targets."""

_WHERE = "--to"
_REMEDY = "let it take a Serving and return a Plan (docs/deploy.md)"
_Told = TypeVar("_Told")


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What is to be served, and what it needs.

    Parameters
    ----------
    folder
        The project's folder, which holds ``loopline.yaml``.
    package
        The champion's digest.
    host, port
        Where the server listens on a machine of its own; in a container it listens at every address.
    output
        Where the files of the plan will be written.
    rooms
        Folders of this machine that hold the ledger or the lake, which no other machine finds; empty where both are elsewhere.
    image
        The image's name; empty: named after project and package.
    has_tokens
        Whether callers have tokens, so that they are asked for them at addresses that others can reach.
    """

    project: str
    folder: Path
    package: str
    host: str
    port: int
    needs: Needs
    output: Path
    rooms: tuple[Path, ...] = ()
    image: str = ""
    has_tokens: bool = False

    @property
    def name(self) -> str:
        """The project's name as hosts, units and images may be called: at most 40 lower-case letters, digits and hyphens."""
        return "loopline-" + re.sub(r"[^a-z0-9]+", "-", self.project.lower())[:31].strip("-")

    @property
    def image_name(self) -> str:
        """The image's name, with a tag."""
        return self.image or f"{self.name}:{self.package[:12]}"

    @property
    def head(self) -> str:
        """The line that says what a file is, without a comment's mark."""
        return f"Written by loopline release deploy for project {self.project}, package {self.package}."


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a target would do; nothing has been done yet.

    Parameters
    ----------
    files
        From the path of each file below the output folder to what it holds.
    notes
        What a person should know.
    following
        The command that takes it on.
    blocker
        Why it could not serve there as things are, with the remedy; then nothing is written or started. None where nothing speaks against it.
    launch
        Starts what is to run, and gives facts about it; None where writing files is all.
    stop
        Ends what runs, and gives facts about it; None where the target runs nothing.
    """

    files: Mapping[str, str | bytes] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    following: str = ""
    blocker: Mistake | None = None
    launch: Callable[[], Mapping[str, Any]] | None = None
    stop: Callable[[], Mapping[str, Any]] | None = None


Target = Callable[[Serving], Plan]


def offered() -> dict[str, str]:
    """The targets that installed packages offer, by name, each as ``module:function``; a built-in one's name is not given away."""
    return {one.name: one.value for one in sorted(entry_points(group=GROUP), key=lambda one: (one.name, one.value)) if one.name not in TARGETS}


def known(declared: Mapping[str, str]) -> dict[str, str]:
    """Every target by its name; a built-in one's is not given away, and the project's own come before those of installed packages."""
    return {**offered(), **declared, **TARGETS}


def find(name: str, declared: Mapping[str, str], folder: Path) -> Target:
    """The target with a name.

    Parameters
    ----------
    declared
        The project's own, as ``release.targets`` says them.
    folder
        The project's folder, where one's own modules are looked for first.

    Raises
    ------
    Mistake
        When there is none, or its module or function cannot be loaded.
    """
    among = known(declared)
    if name not in among:
        near = get_close_matches(name, among, n=1)
        raise Mistake(f"there is no target {name!r}", where=_WHERE, remedy=f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(sorted(among))}")
    if str(folder) not in sys.path and name not in TARGETS:
        sys.path.insert(0, str(folder))
    try:
        target: Target = resolve(among[name])
    except (ImportError, AttributeError, ValueError) as error:
        said = f"the target {name!r} cannot be loaded: {error}"
        raise Mistake(said, where="release.targets", remedy="write module:function, with the module beside loopline.yaml") from None
    return target


def planned(name: str, target: Target, serving: Serving) -> Plan:
    """What a target would do.

    Raises
    ------
    Mistake
        When one's own target fails, gives no plan, or names a file outside the output folder.
    """
    plan: object = _called(name, lambda: target(serving))
    if not isinstance(plan, Plan):
        raise Mistake(f"the target {name!r} returned {type(plan).__name__}, no Plan", where=_WHERE, remedy=_REMEDY)
    for path in plan.files:
        if Path(path).is_absolute() or ".." in Path(path).parts or not Path(path).name:
            raise Mistake(f"the target {name!r} would write {path!r}, outside the output folder", where=_WHERE, remedy="name files relative to it")
    return plan


def carried_out(name: str, act: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """The facts of what a target started or ended.

    Raises
    ------
    Mistake
        When one's own target fails, or its facts are no plain values.
    """
    facts: object = _called(name, act)
    try:
        json.dumps(facts)
    except (TypeError, ValueError):
        facts = None
    if not isinstance(facts, dict):
        raise Mistake(f"the target {name!r} gave no facts as plain values", where=_WHERE, remedy="let launch and stop return a dict of texts and numbers")
    return facts


def _called(name: str, function: Callable[[], _Told]) -> _Told:
    try:
        return function()
    except LooplineError:
        raise
    except Exception as error:  # a user's function may raise anything
        raise Mistake(f"the target {name!r} failed: {type(error).__name__}: {error}", where=_WHERE, remedy=_REMEDY) from error
