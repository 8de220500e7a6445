"""Experiments: which run, what they have found, how they ended; and their end by a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loopline.access.people import Person
from loopline.serve.experiments import KIND, Experiment, folded
from loopline.value.experiment.conduct import following, named, told
from loopline.value.experiment.spec import LOOK
from loopline.value.experiment.stopping import stop
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.forms import seen_of
from loopline.web.hand import may_act
from loopline.web.page import About, Action, Done, Form, Page


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One experiment.

    Parameters
    ----------
    told
        What it compares, since when, and how it was planned.
    found
        What it has found; None where nothing can be told yet.
    says
        The same in words.
    """

    told: Mapping[str, Any]
    found: Mapping[str, Any] | None
    says: str
    next: str

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.told["name"])

    @property
    def is_running(self) -> bool:
        """Whether it runs."""
        return bool(self.told["state"] == "running")

    @property
    def arms(self) -> tuple[Mapping[str, Any], ...]:
        """What each arm earns above the control."""
        return () if self.found is None else tuple(self.found["arms"])

    @property
    def measured(self) -> int:
        """How many units were measured."""
        return 0 if self.found is None else sum(self.found["units"].values())

    @property
    def seen(self) -> str:
        """What its end is decided on."""
        return seen_of(self.told["entry"])

    def as_json(self) -> dict[str, Any]:
        """The experiment as plain values."""
        return {**self.told, "found": self.found, "says": self.says, "next": self.next}


@dataclass(frozen=True, kw_only=True)
class Experiments:
    """All experiments, the newest first.

    Parameters
    ----------
    may_end
        Whether the reader may end one.
    """

    title: str
    experiments: tuple[Compared, ...]
    may_end: bool

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {"title": self.title, "experiments": [one.as_json() for one in self.experiments]}


def experiments(current: Current, asked: Asked) -> Experiments:
    """All experiments."""
    return Experiments(title="Experiments", experiments=compared(current), may_end=may_act(current, asked))


def compared(current: Current) -> tuple[Compared, ...]:
    """Each experiment with what the last turn of the loop found of it, the newest first."""
    return tuple(_compared(current, one) for one in reversed(folded(current.state.experiments)))


def _compared(current: Current, experiment: Experiment) -> Compared:
    said = told(experiment, current.at)
    looked = current.state.facts("value", LOOK.format(name=experiment.name)) or {}
    found = looked.get("found") if experiment.is_running else experiment.entries[-1].body["found"]
    words = str(looked.get("says", "it has not been looked at yet")) if experiment.is_running else f"{said['winner'] or 'no winner'}: {said['why']}"
    promoted = {entry.subject for entry in current.state.champions}
    return Compared(told=said, found=found, says=words, next=following(experiment, found, promoted=promoted))


def end(current: Current, asked: Asked, form: Form) -> Done:
    """End an experiment, and name its winner: the arm that the evidence tells, or the one that is chosen.

    Raises
    ------
    Mistake
        When the reader holds no role, it has ended, there is no such arm, or no reason is given.
    """
    who, winner = Person(asked.reader.name, "the pages"), form.get("winner", "") or None
    name = asked.path["name"]
    stop(current.workspace, current.state, current.project.declaration.charter, name, winner=winner, who=who, why=form.get("why", ""))
    return Done(f"The experiment {name} is ended.", "/value/experiments")


def as_it_is(current: Current, asked: Asked, form: Form) -> str:
    """How the experiment stands now."""
    return seen_of(named(current.state.experiments, asked.path["name"]).entries[-1].id)


def about(current: Current, asked: Asked, form: Form) -> tuple[About, ...]:
    """The words on the experiment."""
    return (About((KIND,), asked.path["name"]),)


PAGES = (Page("experiments", "/value/experiments", experiments, "value_experiments.html.j2"),)
ACTIONS = (Action("/value/experiments/{name}/end", end, None, as_it_is, about),)
