"""A stage's story: told from what has been done, or by doing what has not."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from loopline.charter.budget import Budget
from loopline.engine.memory import Peak
from loopline.engine.spans import StepSpans
from loopline.engine.step import Facts, Halt, Progress, Step, Steps
from loopline.engine.waiting import Moment, say_waiting, spent, waits_more_than_it_computes
from loopline.errors import CheckFailed, LooplineError
from loopline.lake.unexpected import in_words
from loopline.ledger.entry import Draft, Entry, now
from loopline.ledger.state import State
from loopline.project import FILE, Project
from loopline.serve import stage as serve_stage
from loopline.workspace import Job, Workspace

Condition = Literal["done", "stale", "waiting", "failed"]


@dataclass(frozen=True)
class StageStatus:
    """Where one stage stands.

    Parameters
    ----------
    cached
        Whether nothing had to be computed.
    why
        The number that matters when it is done; the reason when it is not.
    entry
        Id of the ledger's entry that shows it.
    """

    stage: str
    state: Condition
    cached: bool
    seconds: float
    why: str
    entry: str | None


class Look:
    """Tells a stage's story from what has been done; a step that has not is left undone."""

    moved = False
    segments: serve_stage.Listed | None = None
    at: datetime | None = None
    follows: str | None = None

    def tell(self, stage: str, steps: Steps, state: State) -> tuple[StageStatus, Facts, Halt | None, LooplineError | None]:
        """Drive a stage's generator to its end, to a halt, to an error or to the first step left undone."""
        entry: str | None = None
        try:
            asked = next(steps)
            while True:
                if isinstance(asked, Halt):
                    error = CheckFailed(asked.why, where=stage, remedy=asked.next) if asked.state == "failed" else None
                    return StageStatus(stage, asked.state, True, 0.0, asked.why, entry), {}, asked, error
                done = self.perform(asked, state)
                if done is None:
                    return _undone(asked, state), {}, None, None
                entry = self.follows = done.id
                asked = steps.send(done.body["facts"])
        except StopIteration as end:
            return StageStatus(stage, "done", True, 0.0, str(end.value["says"]), entry), end.value, None, None
        except Exception as error:  # a stage's door: what breaks in one stands still, those that can go on do, and people are told
            if os.environ.get("LOOPLINE_DEBUG") and not isinstance(error, LooplineError):
                raise
            told = in_words(error)
            return StageStatus(stage, "failed", False, 0.0, str(told), entry), {}, None, told

    def perform(self, step: Step, state: State) -> Entry | None:
        """The entry of the step's success, or None."""
        return state.succeeded.get(step.key)


class Foresight(Look):
    """Tells a stage's story as if every step that has been done before were done again with the same result, and keeps what is asked for.

    Attributes
    ----------
    asked
        From a stage and a step's name to the step.
    """

    def __init__(self) -> None:
        self.asked: dict[tuple[str, str], Step] = {}

    def tell(self, stage: str, steps: Steps, state: State) -> tuple[StageStatus, Facts, Halt | None, LooplineError | None]:
        """Drive a stage's generator as `Look` does, but past what a person still has to say of the charter."""
        return super().tell(stage, _past_halts(steps) if stage == "charter" else steps, state)

    def perform(self, step: Step, state: State) -> Entry | None:
        """The entry of the step's success, else of its newest one."""
        self.asked[step.stage, step.name] = step
        return super().perform(step, state) or state.latest.get((step.stage, step.name))


def _past_halts(steps: Steps) -> Steps:
    try:
        asked = next(steps)
        while True:
            asked = next(steps) if isinstance(asked, Halt) else steps.send((yield asked))
    except StopIteration as end:
        facts: Facts = end.value
        return facts


class Turn(Look):
    """Tells a stage's story and does what has not been done."""

    def __init__(self, project: Project, workspace: Workspace, state: Callable[[], State], fresh: str | None, progress: Progress, by: str = "") -> None:
        self._by = by
        self._project = project
        self._workspace = workspace
        self._state = state
        self._budget = Budget(project.declaration.charter, project.folder)
        self._fresh = fresh
        self.progress = progress
        self._seconds: dict[str, float] = {}
        self._refreshed: set[str] = set()
        self._failed: dict[str, Exception] = {}
        self.segments = serve_stage.listed(workspace.lake.log)
        self.at = now()
        self.spans = StepSpans()
        self.moved = False

    def timed(self, status: StageStatus) -> StageStatus:
        """The stage's status with the seconds that this turn spent on it."""
        spent = self._seconds.get(status.stage)
        return status if spent is None else replace(status, cached=False, seconds=round(spent, 3))

    def perform(self, step: Step, state: State) -> Entry:
        """The entry of the step's success, which is computed where there is none."""
        done = super().perform(step, state)
        again = step.stage == self._fresh and step.key not in self._refreshed
        if again:
            step = replace(step, stands="")
        if done is not None and not again:
            with self.spans.around(step, cached=True):
                return self._recalled(step, done, state)
        if step.key in self._failed:
            raise self._failed[step.key]
        self._budget.require(step.stage, self._state(), now())
        self._refreshed.add(step.key)
        self.progress.say(f"{step.stage}: {step.name}")
        since = time.monotonic()
        try:
            with self.spans.around(step):
                return self._attempt(step, since)
        except Exception as error:
            self._failed[step.key] = error
            raise
        finally:
            self.moved = True
            self._seconds[step.stage] = self._seconds.get(step.stage, 0.0) + time.monotonic() - since

    def _recalled(self, step: Step, done: Entry, state: State) -> Entry:
        """The success, entered again where another one has held since: the newest success of a step is the one that holds."""
        if state.latest[step.stage, step.name].id == done.id:
            return done
        # Earlier stages may read these facts, as the charter reads what was measured: they are news to whoever was asked before.
        self.moved = True
        recalled = Draft(kind="step", subject=step.stage, key=step.key, body={**done.body, "recalled": True}, parents=(done.id,))
        return self._workspace.ledger.append(recalled)[0]

    def _attempt(self, step: Step, since: float) -> Entry:
        ledger = self._workspace.ledger
        parents = (self.follows,) if self.follows else ()
        (started,) = ledger.append(Draft(kind="step", subject=step.stage, key=step.key, body={"state": "started", "name": step.name}, parents=parents))
        job = Job(
            project=self._project.name,
            folder=self._project.folder,
            step=step,
            attempt=started.id,
            workspace=self._workspace,
            progress=self.progress,
            by=self._by,
        )

        def ended(state: str, **more: Any) -> Entry:
            seconds = round(time.monotonic() - since, 3)
            io = spent(before, Moment.now(), is_remote=not self._workspace.lake.is_folder).as_json()
            took = {"seconds": seconds, "io": io, "peak_bytes": None if self._workspace.engine.is_remote else peak.bytes, **self._budget.cost(seconds)}
            body = {"state": state, "name": step.name, **took, **more}
            return ledger.append(Draft(kind="step", subject=step.stage, key=step.key, body=body, parents=(started.id,)))[0]

        before = Moment.now()
        with Peak() as peak:
            try:
                facts = self._workspace.engine.run(step.function, job)
            except Exception as error:
                why = str(error) if isinstance(error, LooplineError) else type(error).__name__
                ended("failed", why=why, check=isinstance(error, CheckFailed))
                raise
        done = ended("succeeded", facts=facts, made_from=step.made_from)
        if waits_more_than_it_computes(io := done.body["io"]):
            self.progress.say(f"{step.stage}, {step.name}: {say_waiting(io)}; see how quick the storage is: loopline data probe")
        return done


_INPUTS = {
    "segments": "what the server has logged",
    "knows_the_data": "whether there is new data to learn from",
    "retrained": "whether a model was trained anew",
    "only_when_asked": "whether trainings wait to be asked for",
    "has_earlier": "whether there is an earlier model",
    "summary": "what the watch has measured",
    "until": "how far the watch has measured",
    "versions": "the tables of what was served",
    "tables": "the tables",
    "table": "the main table",
    "champion": "the model that decides",
    "challenger": "the model on trial",
    "proof": "what the model was tested on",
    "evidence": "what the model was tested on",
    "files": "the delivered files",
    "delivered": "the newest deliveries",
    "alerts": "the alerts",
    "roles": "who holds which role",
    "happened": "what was trained, released or said",
    "lift": "what the model has added",
    "clock": "the time",
    "own": "your own code",
}
"""What a step works on, as people say it; what is not here is told by its name."""


def _changed(old: Mapping[str, Mapping[str, str]], new: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What a step was made from and is no more, in words."""
    found = {part: sorted(name for name in {*old[part], *new[part]} if old[part].get(name) != new[part].get(name)) for part in ("reads", "inputs", "code")}
    said = [f"{name} in {FILE}" for name in found["reads"]] + sorted({_INPUTS.get(name, name.replace("_", " ")) for name in found["inputs"]})
    if not found["code"]:
        return said
    first, *others = found["code"]
    return [*said, f"Loopline's own code ({first}{f' and {len(others)} more' if others else ''})"]


def _undone(step: Step, state: State) -> StageStatus:
    """Why a step is to be done: it failed, it never ran, or something it was made from has changed."""
    failed, before = (known.get((step.stage, step.name)) for known in (state.failed, state.latest))
    if failed is not None and failed.key == step.key:
        return StageStatus(step.stage, "failed", False, 0.0, str(failed.body["why"]), failed.id)
    if before is None:
        return StageStatus(step.stage, "stale", False, 0.0, "it has not run yet", None)
    changed = _changed(before.body["made_from"], step.made_from)
    return StageStatus(step.stage, "stale", False, 0.0, f"changed: {', '.join(changed)}", before.id)
