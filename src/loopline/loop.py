"""The story: ask each stage for its next step, run what is stale, stop where a person is needed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from html import escape
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from loopline.charter import stage as charter_stage
from loopline.charter.budget import Budget
from loopline.data import stage as data_stage
from loopline.data.probe import history as probe_history
from loopline.engine.address import engine_at
from loopline.engine.local import resolve
from loopline.engine.memory import Peak
from loopline.engine.spans import StepSpans, run_spans
from loopline.engine.step import Facts, Halt, Progress, Silence, Step, Steps
from loopline.engine.waiting import Moment, say_waiting, spent, waits_more_than_it_computes
from loopline.errors import CheckFailed, Fault, LooplineError, Mistake
from loopline.lake.place import Lake
from loopline.lake.writers import writing
from loopline.ledger.entry import Draft, Entry, now
from loopline.ledger.state import FOLDED, State, fold
from loopline.ledger.store import Ledger
from loopline.model import stage as model_stage
from loopline.model.signing import Trust, declare
from loopline.project import FILE, Project, find_folder, load
from loopline.release import stage as release_stage
from loopline.serve import stage as serve_stage
from loopline.value import stage as value_stage
from loopline.watch import stage as watch_stage
from loopline.workspace import Ask, Job, Workspace

STAGES = ("charter", "data", "model", "release", "serve", "watch", "value")
RUNNING = STAGES[4:]
"""The stages of a package that decides already; those before them make its successor."""
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


@dataclass(frozen=True)
class LoopStatus:
    """Where the loop stands, stage by stage.

    Parameters
    ----------
    waiting_for, besides
        The role that the loop waits for, and others that it waits for at the same place.
    next
        The exact command that takes it on.
    error
        What stopped it, where that was not a person's turn.
    """

    project: str
    stages: tuple[StageStatus, ...]
    champion: str | None
    waiting_for: str | None
    next: str
    error: LooplineError | None = None
    besides: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 done or waiting for a person, 1 a no-go or a failed gate, 2 a mistake in the input."""
        return 0 if self.error is None else self.error.exit_code

    def as_json(self) -> dict[str, Any]:
        """The status as plain values; `docs/json.md` has the shape."""
        return {
            "project": self.project,
            "stages": [asdict(stage) for stage in self.stages],
            "champion": self.champion,
            "waiting_for": self.waiting_for,
            "next": self.next,
        }

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{stage.stage}</th><td>{stage.state}</td><td>{stage.seconds:.1f} s</td><td>{escape(stage.why)}</td></tr>" for stage in self.stages
        )
        return f"<table><caption>{escape(self.project)}</caption>{rows}</table><p>next: <code>{escape(self.next)}</code></p>"


class Loop:
    """A project's loop over its workspace.

    Parameters
    ----------
    project
        The declaration and its folder.
    workspace
        Ledger, lake and engine.
    """

    def __init__(self, project: Project, workspace: Workspace) -> None:
        self.project = project
        self.workspace = workspace
        self._entries: list[Entry] = []

    def __enter__(self) -> Loop:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the ledger."""
        self.workspace.ledger.close()

    def state(self) -> State:
        """What the ledger says now."""
        after = self._entries[-1].seq if self._entries else 0
        self._entries += self.workspace.ledger.read(kinds=FOLDED, after=after)
        return fold(self._entries)

    def status(self) -> LoopStatus:
        """Where the loop stands; nothing is computed."""
        return self._walk(None, _Look())

    def run(self, *, until: str | None = None, fresh: str | None = None, progress: Progress | None = None) -> LoopStatus:
        """Take the loop round as far as the evidence allows.

        Parameters
        ----------
        until
            The last stage to run.
        fresh
            A stage whose steps are computed again although they have succeeded.
        progress
            Told what happens and how long it takes.

        Raises
        ------
        Mistake
            When there is no such stage, or another run is at work.
        """
        for name in (until, fresh):
            if name is not None and name not in STAGES:
                raise Mistake(f"there is no stage {name!r}", remedy=f"the stages are: {', '.join(STAGES)}")
        turn = _Turn(self.project, self.workspace, self.state, fresh, progress or Silence())
        with self.workspace.ledger.lease(), writing(self.workspace.lake), run_spans(self.project.name) as turn.spans:
            declare(self.workspace.ledger, self.project.declaration.keys)
            for line in probe_history.worsened(self.workspace.ledger.read(kinds=(probe_history.KIND,))):
                turn.progress.say(f"{line}; see: loopline data probe --history")
            while True:
                turn.moved = False
                status = self._walk(until, turn)
                if not turn.moved:
                    return replace(status, stages=tuple(turn.timed(stage) for stage in status.stages))

    def score(self, frame: Any) -> Any:
        """The champion's scores and decisions for a pandas or Polars frame, as a frame of the same kind; each is logged like a served one.

        Raises
        ------
        Mistake
            When no package has been released yet, or a column that the package needs is missing.
        """
        return resolve("loopline.serve.frame:score_frame")(self.workspace.lake, self.state().champion, frame, trust=Trust.of(self.workspace.ledger))

    def _walk(self, until: str | None, teller: _Look) -> LoopStatus:
        """Ask each stage in turn until one halts, fails, is left undone, or has done work.

        A stage that is not done blocks those after it, but not the running of a package that decides already. Work may leave
        facts that an earlier stage reads (the charter judges the outcomes that the data holds): whoever wants to go on asks again
        from the start, where all that is done already costs nothing.
        """
        facts: dict[str, Facts] = {}
        reached: list[StageStatus] = []
        first: tuple[Halt | None, LooplineError | None] | None = None
        blocked: str | None = None
        teller.follows = None
        for name in STAGES[: STAGES.index(until) + 1 if until else None]:
            state = self.state()
            if name == RUNNING[0] and state.champion is not None:
                # What decides now is collected, watched and judged, whatever its successor waits for.
                blocked = None
            if blocked is not None or teller.moved:
                reached.append(StageStatus(name, "stale", False, 0.0, f"after {blocked or reached[-1].stage}", None))
                continue
            ask = Ask(project=self.project.name, folder=self.project.folder, state=state, facts=dict(facts))
            status, facts[name], halt, error = teller.tell(name, self._steps(name, ask, teller), state)
            reached.append(status)
            if name == "watch" and status.state == "done" and not teller.moved:
                # After this turn's log has been collected and watched, and before anything new is made: what is on trial is judged.
                declared = self.project.declaration
                teller.tell(name, release_stage.trial(declared.release, declared.charter, replace(ask, state=self.state())), self.state())
            if status.state != "done":
                blocked, first = name, first or (halt, error)
        return self._status(reached, *(first or (None, None)))

    def _status(self, stages: list[StageStatus], halt: Halt | None, error: LooplineError | None) -> LoopStatus:
        state = self.state()
        if halt is not None:
            following = halt.next
        elif any(stage.state == "stale" for stage in stages) or len(stages) < len(STAGES):
            following = "loopline run"
        elif not (state.facts("serve", "collect") or {}).get("predictions", {}).get("rows"):
            following = "loopline serve"
        else:
            following = "loopline value review"
        waits = halt if halt is not None and halt.state == "waiting" else Halt(state="waiting", why="")
        return LoopStatus(self.project.name, tuple(stages), state.champion, waits.role, following, error, waits.besides)

    def _steps(self, stage: str, ask: Ask, teller: _Look) -> Steps:
        said = self.project.declaration
        match stage:
            case "charter":
                return charter_stage.steps(said.charter, ask)
            case "data":
                return data_stage.steps(said.data, said.charter, ask)
            case "model":
                return model_stage.steps(said.model, said.data, said.charter, ask)
            case "release":
                return release_stage.steps(said.release, said.data, said.charter, ask)
            case "serve":
                return serve_stage.steps(said.serve, ask, log_folder=self.workspace.lake.log, segments=teller.segments)
            case "watch":
                return watch_stage.steps(said.watch, said.data, said.charter, ask)
            case _:
                return value_stage.steps(said.value, said.charter, ask)


class _Look:
    """Tells a stage's story from what has been done; a step that has not is left undone."""

    moved = False
    segments: serve_stage.Listed | None = None
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
        except LooplineError as error:
            return StageStatus(stage, "failed", False, 0.0, str(error), entry), {}, None, error

    def perform(self, step: Step, state: State) -> Entry | None:
        """The entry of the step's success, or None."""
        return state.succeeded.get(step.key)


class _Turn(_Look):
    """Tells a stage's story and does what has not been done."""

    def __init__(self, project: Project, workspace: Workspace, state: Callable[[], State], fresh: str | None, progress: Progress) -> None:
        self._project = project
        self._workspace = workspace
        self._state = state
        self._budget = Budget(project.declaration.charter, project.folder)
        self._fresh = fresh
        self.progress = progress
        self._seconds: dict[str, float] = {}
        self._refreshed: set[str] = set()
        self._failed: dict[str, LooplineError] = {}
        self.segments = serve_stage.listed(workspace.lake.log)
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
        if done is not None and not again:
            with self.spans.around(step, cached=True):
                return self._recalled(step, done, state)
        if step.key in self._failed:
            raise self._failed[step.key]
        self._budget.require(step.stage, self._state(), self._workspace.ledger, now())
        self._refreshed.add(step.key)
        self.progress.say(f"{step.stage}: {step.name}")
        since = time.monotonic()
        try:
            with self.spans.around(step):
                return self._attempt(step, since)
        except LooplineError as error:
            self._failed[step.key] = error
            raise
        finally:
            self.moved = True
            self._seconds[step.stage] = self._seconds.get(step.stage, 0.0) + time.monotonic() - since

    def _recalled(self, step: Step, done: Entry, state: State) -> Entry:
        """The success, entered again where another one has held since: the newest success of a step is the one that holds."""
        if state.latest[step.stage, step.name].id == done.id:
            return done
        recalled = Draft(kind="step", subject=step.stage, key=step.key, body={**done.body, "recalled": True}, parents=(done.id,))
        return self._workspace.ledger.append(recalled)[0]

    def _attempt(self, step: Step, since: float) -> Entry:
        ledger = self._workspace.ledger
        parents = (self.follows,) if self.follows else ()
        (started,) = ledger.append(Draft(kind="step", subject=step.stage, key=step.key, body={"state": "started", "name": step.name}, parents=parents))
        job = Job(project=self._project.name, folder=self._project.folder, step=step, attempt=started.id, workspace=self._workspace, progress=self.progress)

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
                ended("failed", why=str(error) if isinstance(error, LooplineError) else type(error).__name__)
                raise
        done = ended("succeeded", facts=facts, made_from=step.made_from)
        if waits_more_than_it_computes(io := done.body["io"]):
            self.progress.say(f"{step.stage}, {step.name}: {say_waiting(io)}; see how quick the storage is: loopline data probe")
        return done


def _changed(old: Mapping[str, Mapping[str, str]], new: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The names of what a step was made from and is no more."""
    said = {"reads": f"{{}} in {FILE}", "inputs": "{}", "code": "the code of {}"}
    return sorted(said[part].format(name) for part in said for name in {*old[part], *new[part]} if old[part].get(name) != new[part].get(name))


def _undone(step: Step, state: State) -> StageStatus:
    """Why a step is to be done: it failed, it never ran, or something it was made from has changed."""
    failed, before = state.failed.get(step.stage), state.latest.get((step.stage, step.name))
    if failed is not None and failed.key == step.key:
        return StageStatus(step.stage, "failed", False, 0.0, str(failed.body["why"]), failed.id)
    if before is None:
        return StageStatus(step.stage, "stale", False, 0.0, "it has not run yet", None)
    changed = _changed(before.body["made_from"], step.made_from)
    return StageStatus(step.stage, "stale", False, 0.0, f"changed: {', '.join(changed)}", before.id)


def open_loop(folder: Path | str | None = None) -> Loop:
    """The loop of the project in a folder; of the nearest folder upwards from here where none is named.

    Raises
    ------
    Mistake
        When there is no project, or its declaration is wrong.
    """
    project = load(Path(folder).resolve()) if folder is not None else load(find_folder(Path.cwd()))
    lake = Lake(project.lake_url, spool=project.folder / ".loopline" / "log", project=project.name)
    _make_home(lake)
    return Loop(project, Workspace(Ledger.open(project.ledger_url, project.name), lake, engine_at(project.engine_url)))


def _make_home(lake: Lake) -> None:
    """The lake's folder; what it holds is no business of the project's version control."""
    if not lake.is_folder:
        return
    try:
        lake.folder.mkdir(parents=True, exist_ok=True)
        ignore = lake.folder.parent / ".gitignore"
        if lake.folder.parent.name == ".loopline" and not ignore.exists():
            ignore.write_text("*\n")
    except OSError as error:
        raise Fault(f"the workspace cannot be made ({error.strerror})", where=str(lake.folder), remedy="give a folder that can be written to") from None
