"""``loopline ci run``: what every pipeline calls, and anybody may call at home."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.ci.scratch import TRIALS, Shared, trial
from loopline.cli.ci_judgement import Judgement, judgement, unjudged
from loopline.cli.ci_report import Step, money, report
from loopline.cli.output import LiveProgress, emit, folder_option, hint, json_option, table, write_whole
from loopline.declaration import figure
from loopline.errors import LooplineError
from loopline.loop import Loop, LoopStatus, open_loop
from loopline.project import FILE, Declaration, Project, find_folder, load

if TYPE_CHECKING:
    from loopline.lake.place import Lake

REPORT, DATA_XML, GATES_XML, PACKAGE = "report.md", "data.xml", "gates.xml", "package.zip"
_STATES = {"done": "passed", "waiting": "passed", "failed": "failed", "stale": "skipped"}


@dataclass
class Run:
    """A run as it comes about.

    Parameters
    ----------
    to
        The folder of its files.
    criteria
        What the change does to the acceptance criteria, whether or not they were judged.
    error
        What stopped the loop.
    """

    on: str
    to: Path
    link: str
    project: str = ""
    steps: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    found: Judgement | None = None
    criteria: Sequence[Mapping[str, Any]] = ()
    error: LooplineError | None = None
    files: list[str] = field(default_factory=list)
    champion: str | None = None
    next: str = ""

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """A step that fails by the error that leaves it."""
        try:
            yield
        except LooplineError as error:
            self.steps.append(Step(name, "failed", str(error)))
            raise

    def write(self, name: str, text: str) -> None:
        """Write a file of the run."""
        write_whole(self.to / name, text, remedy="name another folder with --output")
        self.files.append(name)

    @property
    def exit_code(self) -> int:
        """0 passed, 1 a check said no, 2 a mistake in the input."""
        return self.error.exit_code if self.error is not None else int(any(step.state == "failed" for step in self.steps))


@click.command()
@click.option("--on", type=click.Choice(["pull-request", "main"]), default="pull-request", show_default=True, help="What is judged.")
@click.option("--sample", "rows", default=10_000, show_default=True, type=click.IntRange(min=1), help="Rows of each table that the data's tests look at.")
@click.option("--minutes", default=3.0, show_default=True, type=click.FloatRange(min=0, min_open=True), help="Of a pull request's search, at most.")
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), help="The folder of the report and its files; .loopline/ci in the project's.")
@click.option("--link", default="", metavar="URL", help="Where the files will be found; the report links there instead of beside it.")
@folder_option
@json_option
@click.pass_context
def command(ctx: click.Context, on: str, rows: int, minutes: float, output: Path | None, link: str, folder: Path | None, as_json: bool) -> None:
    """Judge a change: lint the declaration, test the data, train shortly, pass the gates, and report; exit code 1 when a check says no.

    A pull request is judged in a temporary workspace; the project's own is read, for the champion and for what people have said, and never written to.
    On main the loop is taken round in the project's own workspace, and the package is written beside the report.
    """
    place = folder.resolve() if folder is not None else find_folder(Path.cwd())
    run = Run(on, output.resolve() if output is not None else place / ".loopline" / "ci", link, project=place.name)
    for name in (REPORT, DATA_XML, GATES_XML, PACKAGE):
        (run.to / name).unlink(missing_ok=True)
    try:
        with LiveProgress(quiet=as_json) as progress:
            with run.step("declaration"):
                project = load(place)
            run.project = project.name
            run.steps.append(Step("declaration", "passed", f"{FILE} is sound"))
            if on == "main":
                _main(run, project, progress)
            else:
                _pull_request(run, project, progress, rows=rows, minutes=minutes)
    finally:
        # Whatever happened, whoever reads the pull request is told.
        run.write(REPORT, report(run.project, on, run.steps, run.found, criteria=run.criteria, notes=run.notes, link=link))
    emit(_plain(run), lambda: _text(run), as_json)
    if run.error is not None:
        click.echo(f"loopline: {run.error}", err=True)
    ctx.exit(run.exit_code)


def _pull_request(run: Run, project: Project, progress: LiveProgress, *, rows: int, minutes: float) -> None:
    with ExitStack() as stack:
        with run.step("workspace"):
            tried = stack.enter_context(trial(project, minutes=minutes))
        run.champion = tried.shared.champion
        with run.step("data tests"):
            run.steps.append(_data_tests(run, project, tried.loop.workspace.lake, rows, progress))
        with run.step("loop"):
            status = tried.loop.run(until="release", progress=progress)
        _tell(run, status, is_trial=True)
        _judge(run, tried.loop, tried.shared, status, project.declaration)
    run.notes.append(f"The search was short: {TRIALS} candidates and {minutes:g} minutes at most. A full run on the main branch may find a better package.")
    run.notes.append("It learned from what the sources hold; corrections and deliveries by hand, which the workspace has, are not in it.")
    if tried.shared.lack:
        run.notes.append(f"No champion was compared with: {tried.shared.lack}. Pipelines share a workspace by LOOPLINE_LEDGER and LOOPLINE_LAKE.")
    run.next = run.next or "loopline ci run --on main"


def _main(run: Run, project: Project, progress: LiveProgress) -> None:
    from loopline.cli.model_package import exported

    with run.step("workspace"):
        loop = open_loop(project.folder)
    with loop:
        before = loop.state()
        run.champion = before.champion
        with run.step("loop"):
            status = loop.run(progress=progress)
        _tell(run, status)
        shared = Shared(before, "" if before.champion else "no package decided before this run")
        _judge(run, loop, shared, status, project.declaration)
        if run.found is not None:
            exported(loop, run.found.package["package"], run.to / PACKAGE)
            run.files.append(PACKAGE)
    run.next = run.next or status.next


def _data_tests(run: Run, project: Project, lake: Lake, rows: int, progress: LiveProgress) -> Step:
    from loopline.data.testing.junit import junit
    from loopline.data.testing.testing import run_tests
    from loopline.lake.tables import Tables

    reports = list(run_tests(project.declaration.data, project.folder, Tables(lake), rows=rows, progress=progress))
    run.write(DATA_XML, junit(project.name, reports))
    failed = [f"{one.table}: {verdict.name}" for one in reports for verdict in one.stopping]
    count = sum(len(one.verdicts) for one in reports)
    let = sum(one.count("fail", "error") for one in reports) - len(failed)
    says = f"{len(failed)} of {count} tests failed: {', '.join(failed)}" if failed else f"{count} tests, none failed"
    usual = f"; {let} refuse no more rows than contract.batch.refused lets pass" if let else ""
    return Step("data tests", "failed" if failed else "passed", says + usual)


def _tell(run: Run, status: LoopStatus, *, is_trial: bool = False) -> None:
    """The loop's stages as steps; what came to decide in a trial decides nowhere."""
    for stage in status.stages:
        is_gates = stage.stage == "release"
        why = "the package passed its gates: on the main branch it would be released" if is_trial and is_gates and stage.state == "done" else stage.why
        run.steps.append(Step("gates" if is_gates else stage.stage, _STATES[stage.state], why))
    run.error = status.error


def judged(steps: Sequence[Step], gates: Sequence[Mapping[str, Any]]) -> list[Step]:
    """The steps, of which that of the gates has failed where one of them refuses the package: the loop goes on with the champion, the change does not pass."""
    from loopline.release.stage import refusing
    from loopline.release.waivers import failing

    is_refused = bool(refusing(failing(gates)))
    return [replace(step, state="failed") if is_refused and step.name == "gates" else step for step in steps]


def _judge(run: Run, loop: Loop, shared: Shared, status: LoopStatus, declared: Declaration) -> None:
    """What was found, with its JUnit file and its pictures, and whether the champion is better beyond chance."""
    from loopline.charts import png
    from loopline.cli.release_check import as_junit

    # Of a change that came to no package the newest one of the workspace says nothing.
    is_made = any((stage.stage, stage.state) == ("model", "done") for stage in status.stages)
    run.found = found = judgement(loop, shared, declared) if is_made else None
    if found is None:
        run.criteria, run.next = unjudged(loop, shared), status.next
        run.steps.append(Step("champion", "skipped", "no package was judged"))
        return
    run.criteria = found.criteria
    run.steps = judged(run.steps, found.gates["gates"])
    run.write(GATES_XML, as_junit(run.project, found.entry, found.gates))
    for name, (_, picture) in found.pictures.items():
        (run.to / name).write_bytes(png(picture))
        run.files.append(name)
    run.next = found.following
    says = found.lack if found.compared is None else str(found.compared["says"])
    if found.champion_worth is not None and not found.is_fair:
        worth = found.champion_worth
        spent = f"{figure(worth['per_decision'])} per decision ({figure(worth['low'])} to {figure(worth['high'])})"
        run.notes.append(f"The champion was compared without columns that it reads, which favours the change. When it was made, it earned {spent}.")
    run.steps.append(Step("champion", "failed" if found.is_worse else "passed" if found.is_fair else "skipped", says))


def _plain(run: Run) -> dict[str, Any]:
    found = run.found
    return {
        "on": run.on,
        "project": run.project,
        "passed": run.exit_code == 0,
        "steps": [{"name": step.name, "state": step.state, "says": step.says} for step in run.steps],
        "package": None if found is None else found.package["package"],
        "champion": run.champion,
        "lack": "" if found is None else found.lack,
        "worth": None if found is None else money(found),
        "metrics": None if found is None else found.package["metrics"]["test"],
        "criteria": list(run.criteria),
        "gates": [] if found is None else found.gates["gates"],
        "differences": None if found is None or found.compared is None else found.compared["differences"],
        "changed": None if found is None else found.changed,
        "output": str(run.to),
        "files": sorted(run.files),
        "next": run.next,
    }


def _text(run: Run) -> str:
    colours = {"passed": "green", "failed": "red", "skipped": "bright_black"}
    rows = [(step.name, click.style(step.state, fg=colours[step.state]), step.says) for step in run.steps]
    return f"{table(('step', '', 'says'), rows)}\nreport: {run.to / REPORT}" + hint(run.next)
