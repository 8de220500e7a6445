"""The story: ask each stage for its next step, run what is stale, stop where a person is needed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from loopline.charter import stage as charter_stage
from loopline.charter.prices import of_charter
from loopline.charter.spec import CharterSpec
from loopline.charter.statement import enter
from loopline.data import stage as data_stage
from loopline.data.probe import history as probe_history
from loopline.engine.address import engine_at
from loopline.engine.local import resolve
from loopline.engine.spans import run_spans
from loopline.engine.step import Facts, Halt, Progress, Silence, Step, Steps
from loopline.errors import CheckFailed, Fault, LooplineError, Mistake
from loopline.lake.place import Lake
from loopline.lake.writers import writing
from loopline.ledger.entry import now
from loopline.ledger.following import Following
from loopline.ledger.state import State
from loopline.model import stage as model_stage
from loopline.model.signing import Trust, declare
from loopline.project import FILE, Project, find_folder, line_of, load
from loopline.release import stage as release_stage
from loopline.release.chartered import awaited
from loopline.release.heeded import heeded
from loopline.release.spec import ROLLOUT
from loopline.serve import stage as serve_stage
from loopline.story import Foresight, Look, StageStatus, Turn
from loopline.value import stage as value_stage
from loopline.watch import stage as watch_stage
from loopline.watch.handoff import Handoff, Waits, handoffs
from loopline.watch.roles import Team, lacking
from loopline.watch.standing import unheard
from loopline.workspace import HOME, Ask, Workspace, ledger_of

_SHOWN = "loopline.sheet.notebook:shown"
STAGES = ("charter", "data", "model", "release", "serve", "watch", "value")
RUNNING = STAGES[4:]
"""The stages of a package that decides already; those before them make its successor."""
ALARMED = STAGES[5:]
"""The stages after which the machinery is looked at and people are told, whether they come through or stand still."""


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
    unheard
        Which alerts reached nobody, and why, in words; empty where all that were sent did.
    handoffs
        Whose turn it is at each stage, and with which command.
    """

    project: str
    stages: tuple[StageStatus, ...]
    champion: str | None
    waiting_for: str | None
    next: str
    error: LooplineError | None = None
    besides: tuple[str, ...] = ()
    unheard: str = ""
    handoffs: tuple[Handoff, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 done or waiting for a person, 1 a no-go or a failed gate, 2 a mistake in the input."""
        return 0 if self.error is None else self.error.exit_code

    @property
    def waiting(self) -> str:
        """Whom the loop waits for, in words; empty where it waits for nobody."""
        return f"waiting for {' and '.join((self.waiting_for, *self.besides))}" if self.waiting_for else ""

    def told(self) -> tuple[str, str]:
        """How a turn ended, in a word (``done``, ``waiting``, ``refused`` or ``failed``), and in words what it did and what stopped it."""
        done = [stage for stage in self.stages if stage.state == "done" and not stage.cached]
        others = ", ".join(stage.stage for stage in done if stage.stage != "data")
        did = [*(f"data: {stage.why}" for stage in done if stage.stage == "data"), *([f"{others} done"] if others else [])]
        did += [f"{self.unheard} (loopline alerts list)"] if self.unheard else []
        if self.error is not None:
            return "refused" if isinstance(self.error, CheckFailed) else "failed", "; ".join([*did, str(self.error)])
        did += [f"{self.waiting}: {self.next}"] if self.waiting else []
        return "waiting" if self.waiting else "done", "; ".join(did) or "nothing new"

    def as_json(self) -> dict[str, Any]:
        """The status as plain values; `docs/json.md` has the shape."""
        return {
            "project": self.project,
            "stages": [asdict(stage) for stage in self.stages],
            "champion": self.champion,
            "waiting_for": self.waiting_for,
            "next": self.next,
            "unheard": self.unheard,
        }

    def _repr_html_(self) -> str:
        stages = [asdict(stage) for stage in self.stages]
        shown: str = resolve("loopline.sheet.notebook:of_status")(self.project, stages, champion=self.champion, waiting=self.waiting, next=self.next)
        return shown


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
        self._following = Following(workspace.ledger, project.folder / HOME)
        self._heeded: tuple[State, CharterSpec, State] | None = None

    def __enter__(self) -> Loop:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _repr_html_(self) -> str:
        return self.status()._repr_html_()

    def close(self) -> None:
        """Let go of the ledger."""
        self.workspace.ledger.close()

    def state(self) -> State:
        """What the ledger says now."""
        state, charter, known = self._following.state(), self.project.declaration.charter, self._heeded
        if known is None or known[0] is not state or known[1] is not charter:
            known = self._heeded = state, charter, heeded(state, charter)
        return known[2]

    def status(self) -> LoopStatus:
        """Where the loop stands; nothing is computed."""
        return self._walk(None, Look())

    def asked(self, *, sounding: bool = False) -> dict[tuple[str, str], Step]:
        """From a stage and a step's name to every step that the stages ask for, as if what has been done once came out the same again; nothing is computed.

        Parameters
        ----------
        sounding
            Whether what each way to decide earns is asked for although nothing asks for it.
        """
        look = Foresight()
        self._walk(None, look, sounding=sounding)
        return look.asked

    def run(self, *, until: str | None = None, fresh: str | None = None, progress: Progress | None = None, sounding: bool = False, by: str = "") -> LoopStatus:
        """Take the loop round as far as the evidence allows.

        Parameters
        ----------
        until, fresh
            The last stage to run, and a stage whose steps are computed again although they have succeeded.
        sounding
            Whether what each way to decide earns is told from the data that are there, although nothing asks for it.
        by
            Who asks for it, where that is not the person of this machine: a package that is made then is theirs, too, for `release.four_eyes`.

        Raises
        ------
        Mistake
            When there is no such stage, or another run is at work.
        """
        for name in (until, fresh):
            if name is not None and name not in STAGES:
                raise Mistake(f"there is no stage {name!r}", remedy=f"the stages are: {', '.join(STAGES)}")
        turn, declared = Turn(self.project, self.workspace, self.state, fresh, progress or Silence(), by), self.project.declaration
        with self.workspace.ledger.lease(), writing(self.workspace.lake), run_spans(self.project.name) as turn.spans:
            declare(self.workspace.ledger, declared.keys, where=lambda name: f"{FILE}, line {line_of(self.project.text, f'keys.{name}')}")
            enter(self.workspace.ledger, declared.charter, of_charter(declared.charter, self.project.folder))
            for line in probe_history.worsened(self.workspace.ledger.read(kinds=(probe_history.KIND,))):
                turn.progress.say(f"{line}; see: loopline data probe --history")
            for lack in lacking(Team(declared.charter, declared.release, declared.watch)):
                turn.progress.say(f"{lack}; who holds what: loopline charter people")
            while True:
                if until is None or until in ALARMED:
                    self._tell_first(turn)
                turn.moved = False
                status = self._walk(until, turn, sounding=sounding)
                if not turn.moved:
                    return replace(status, stages=tuple(turn.timed(stage) for stage in status.stages))

    def score(self, frame: Any) -> Any:
        """The champion's scores and decisions for a pandas or Polars frame, as a frame of the same kind; each is logged like a served one.

        Raises
        ------
        Mistake
            When no package has been released yet, or a column that the package needs is missing.
        """
        ledger, lake, spec = self.workspace.ledger, self.workspace.lake, self.project.declaration.value
        apart = resolve("loopline.value.holdout:apart_of")(spec.holdout, self.project.name, ledger)
        return resolve("loopline.serve.frame:score_frame")(lake, self.state().champion, frame, trust=Trust.of(ledger), apart=apart)

    def study(self) -> Any:
        """The newest study of the charter, as a document that a notebook shows.

        Raises
        ------
        Mistake
            When there is none yet.
        """
        charter, folder = self.project.declaration.charter, self.project.folder
        text, has_data = self.project.text, bool(self.project.declaration.data.sources)
        found = resolve("loopline.charter.standing:standing")(charter, self.state(), folder=folder, text=text, today=now().date(), has_data=has_data)
        if found is None:
            raise Mistake("the charter has not been studied yet", remedy="loopline run --until charter")
        return resolve(_SHOWN)(found.document(self.project.name, charter, next=self.status().next))

    def evaluation(self, package: str | None = None) -> Any:
        """How good a package is and where it fails, as a document that a notebook shows; the newest one, or the one whose digest begins so.

        Raises
        ------
        Mistake
            When there is no such package, or it has no evaluation.
        """
        state = self.state()
        said = resolve("loopline.model.described:opened")(self.workspace, state, resolve("loopline.model.packages:named")(state, package))
        return resolve(_SHOWN)(resolve("loopline.model.assessment.told:document")(self.project.name, said))

    def review(self) -> Any:
        """The newest review, as a document that a notebook shows.

        Raises
        ------
        Mistake
            When there is none yet.
        """
        facts = resolve("loopline.value.newest:newest")(self.state())
        return resolve(_SHOWN)(resolve("loopline.value.newest:document_of")(self.workspace.lake, facts))

    def _tell_first(self, teller: Look) -> None:
        """Send what is due before a model is made, which may take hours: a turn that died had not told it, or a channel did not take it."""
        declared, state = self.project.declaration, self.state()
        if state.champion is not None:
            # What goes wrong in it is said by the alarms, which try again.
            teller.tell("watch", watch_stage.overdue(declared.watch, declared.charter, state), state)

    def _walk(self, until: str | None, teller: Look, *, sounding: bool = False) -> LoopStatus:
        """Ask each stage in turn until one halts, fails, is left undone, or has done work.

        A stage that is not done blocks those after it, but not the running of a package that decides already. Work may leave
        facts that an earlier stage reads (the charter judges the outcomes that the data holds): whoever wants to go on asks again
        from the start, where all that is done already costs nothing. Data are read, too, while a charter halts that they or a person's word may turn, and
        always where a package decides, which looks into them and is watched by them.
        """
        facts: dict[str, Facts] = {}
        reached: list[StageStatus] = []
        first: tuple[Halt | None, LooplineError | None] | None = None
        blocked: str | None = None
        waits: dict[str, Halt | None] = {}
        teller.follows = None
        for name in STAGES[: STAGES.index(until) + 1 if until else None]:
            state = self.state()
            if name == RUNNING[0] and state.champion is not None:
                # What decides now is collected, watched and judged, whatever its successor waits for.
                blocked = None
            if name == "release":
                # Whatever its successor waits for, a challenger on trial may wait for a word.
                waits[ROLLOUT] = release_stage.asks(self.project.declaration.release, self.project.declaration.charter, state)
            if name == "model" and first is not None:
                blocked = blocked or STAGES[0]
            if teller.moved:
                reached.append(StageStatus(name, "stale", False, 0.0, f"after {blocked or reached[-1].stage}", None))
                continue
            ask = Ask(project=self.project.name, folder=self.project.folder, state=state, facts=dict(facts))
            if blocked is not None:
                status, halt, error = StageStatus(name, "stale", False, 0.0, f"after {blocked}", None), None, None
            else:
                status, facts[name], halt, error = teller.tell(name, self._steps(name, ask, teller), state)
                if halt is not None or status.state == "done":
                    waits[name] = halt
            if name in ALARMED:
                status, error = self._alarmed(status, error, replace(ask, facts=dict(facts)), waits, teller)
            reached.append(status)
            if name == "data" and status.state == "done" and not teller.moved and (sounding or until not in STAGES[:2]):
                self._sound(replace(ask, facts=dict(facts)), teller, forced=sounding)
            if name == "watch" and status.state == "done" and not teller.moved:
                # After this turn's log has been collected and watched, and before anything new is made: what is on trial is judged, and what is compared.
                declared = self.project.declaration
                teller.tell(name, release_stage.trial(declared.release, declared.charter, replace(ask, state=self.state())), self.state())
                asked = replace(ask, state=self.state())
                teller.tell("value", value_stage.trials(declared.release, declared.charter, asked, at=teller.at or now()), asked.state)
            if status.state != "done":
                # Who is asked to sign the charter has to see what the data hold, and so has who asks for a study: a no-go of the past may turn.
                may_turn = halt is not None and halt.rests_on != "charter"
                is_read_on = name == STAGES[0] and (may_turn or sounding or state.champion is not None)
                blocked, first = blocked or (None if is_read_on else name), first or (halt, error)
        return self._status(reached, tuple(handoffs(waits)), *(first or (None, None)))

    def _sound(self, ask: Ask, teller: Look, *, forced: bool) -> None:
        """Tell what each way to decide earns on a sample, before the search: the charter judges by it. Where it fails, the loop goes on without."""
        said, follows = self.project.declaration, teller.follows
        # New data may turn a no-go, also one that rests on what is stated, or that somebody goes on in spite of.
        anew = (ask.state.facts("charter", "study") or {}).get("verdict") == "no-go"
        teller.tell("model", model_stage.sounding(said.model, said.data, said.charter, ask, forced=forced, anew=anew), ask.state)
        # A search does not follow from it.
        teller.follows = follows

    def _alarmed(self, status: StageStatus, error: LooplineError | None, ask: Ask, waits: Waits, teller: Look) -> tuple[StageStatus, LooplineError | None]:
        """Look at the machinery and tell whom it concerns and whose turn it is, in a turn; a stage that is fine is not where that fails."""
        if teller.at is None:
            return status, error
        said, follows = self.project.declaration, teller.follows
        told = watch_stage.alarms(said.watch, said.data, said.charter, lambda: replace(ask, state=self.state()), at=teller.at, waits=waits)
        seen, _, _, wrong = teller.tell(status.stage, told, self.state())
        # What comes next does not follow from a message.
        teller.follows = follows
        return (seen, wrong) if wrong is not None and error is None else (status, error)

    def _status(self, stages: list[StageStatus], turns: tuple[Handoff, ...], halt: Halt | None, error: LooplineError | None) -> LoopStatus:
        state = self.state()
        if halt is not None:
            following = halt.next
        elif any(stage.state == "stale" for stage in stages) or len(stages) < len(STAGES):
            following = "loopline run"
        else:
            following = serve_stage.following(state, self.workspace.ledger, now())
        waits = halt if halt is not None and halt.state == "waiting" else Halt(state="waiting", why="")
        return LoopStatus(self.project.name, tuple(stages), state.champion, waits.role, following, error, waits.besides, unheard(state, now()), turns)

    def _charter(self, ask: Ask) -> Steps:
        """The charter's steps; its price book is read once they are asked for, so that a wrong one is the stage's failure."""
        said = self.project.declaration
        awaits = awaited(said.charter, ask.state, book=of_charter(said.charter, ask.folder))
        return (yield from charter_stage.steps(said.charter, ask, has_data=bool(said.data.sources), awaits=awaits))

    def _steps(self, stage: str, ask: Ask, teller: Look) -> Steps:
        said = self.project.declaration
        match stage:
            case "charter":
                return self._charter(ask)
            case "data":
                return data_stage.steps(said.data, said.charter, ask)
            case "model":
                return model_stage.steps(said.model, said.data, said.charter, ask, only_when_asked=said.watch.retrain is not None)
            case "release":
                return release_stage.steps(said.release, said.data, said.charter, ask, at=teller.at)
            case "serve":
                return serve_stage.steps(said.serve, ask, log_folder=self.workspace.lake.log, segments=teller.segments)
            case "watch":
                return watch_stage.steps(said.watch, said.charter, ask, at=teller.at)
            case _:
                return value_stage.steps(said.value, said.charter, ask, only_when_asked=said.watch.retrain is not None)


def open_loop(folder: Path | str | None = None) -> Loop:
    """The loop of the project in a folder; of the nearest folder upwards from here where none is named.

    Raises
    ------
    Mistake
        When there is no project, or its declaration is wrong.
    """
    project = load(Path(folder).resolve()) if folder is not None else load(find_folder(Path.cwd()))
    lake = Lake(project.lake_url, spool=project.folder / HOME / "log", project=project.name)
    _make_home(lake)
    return Loop(project, Workspace(ledger_of(project.ledger_url, project.name, lake), lake, engine_at(project.engine_url)))


def _make_home(lake: Lake) -> None:
    """The lake's folder; what it holds is no business of the project's version control."""
    if not lake.is_folder:
        return
    try:
        lake.folder.mkdir(parents=True, exist_ok=True)
        ignore = lake.folder.parent / ".gitignore"
        if lake.folder.parent.name == HOME and not ignore.exists():
            ignore.write_text("*\n")
    except OSError as error:
        raise Fault(f"the workspace cannot be made ({error.strerror})", where=str(lake.folder), remedy="give a folder that can be written to") from None
