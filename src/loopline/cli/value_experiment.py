"""``loopline value experiment``: packages, policies or features compared by chance, planned before and read at any time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.access.people import person, reason, require_listed
from loopline.cli.options import by_option, why_option
from loopline.cli.output import emit, folder_option, hint, json_option, table
from loopline.declaration import figure
from loopline.errors import Mistake
from loopline.loop import open_loop
from loopline.release.approvals import stakeholders
from loopline.release.rollout.course import newest

if TYPE_CHECKING:
    from loopline.ledger.state import State
    from loopline.serve.experiments import Experiment


@click.group("experiment")
def command() -> None:
    """Packages, policies or features compared by chance: planned before they begin, read at any time, ended with a winner."""


def _asked(run: Callable[..., None]) -> Callable[..., None]:
    """The options that say what is compared, and what is to be seen."""
    options = (
        click.option("--policy", "variants", multiple=True, metavar="TEXT", help="Compare the champion's policy with threshold=0.3, or capacity=50 per day."),
        click.option("--package", metavar="DIGEST", help="Compare the champion with another package that passed its gates."),
        click.option("--arms", metavar="NAMES", help="Compare a feature of the product: the arms' names with commas, the control first."),
        click.option("--effect", type=click.FloatRange(min=0, min_open=True), required=True, help="The smallest difference per unit that is worth finding."),
        click.option("--share", metavar="SHARE", default="100%", show_default=True, help="The share of the units that takes part, evenly over the arms."),
        click.option("--confidence", type=float, default=0.95, show_default=True, help="How surely no arm is taken for better that is not."),
        click.option("--power", type=float, default=0.8, show_default=True, help="How surely a difference of --effect is found."),
        click.option("--metric", default=None, help="Of a feature: what clients measure; outcome by default."),
        click.option("--guard", "guards", multiple=True, metavar="TEXT", help="What must not become worse: ms <= +5, acted <= +0.02, rating >= -0.1."),
        click.option("--covariate", type=click.Choice(["expected", "prior", "none"]), help="What is known before, to take chance out (CUPED)."),
        click.option(
            "--unmeasured",
            type=click.Choice(["left_out", "zero"]),
            default="left_out",
            show_default=True,
            help="Of a feature: units that were not measured.",
        ),
        click.option("--sd", type=click.FloatRange(min=0), help="The standard deviation of a unit's metric, where it is not measured yet."),
        click.option("--per-day", type=click.FloatRange(min=0, min_open=True), help="Units that come in a day, where that is not measured yet."),
        folder_option,
        json_option,
    )
    for option in reversed(options):
        run = option(run)
    return run


@command.command()
@_asked
def plan(folder: Path | None, as_json: bool, **said: Any) -> None:
    """Tell how many units and days an experiment needs, before it begins; nothing is begun.

    The mean and variance of worth are measured on what was served, and what a variant of the policy would have earned there.
    """
    from loopline.cli.value_experiment_asked import Asked

    with open_loop(folder) as loop:
        asked = Asked.of(loop, said)
        planned, unit, logged = asked.need(), asked.unit, asked.expected()
    following = "loopline value experiment start NAME ... --why '...'"
    data = {**planned.as_json(), "arms": asked.shares, "expected": {arm: one.as_json() for arm, one in logged.items()}, "next": following}
    lines = planned.lines(unit)
    for arm, one in logged.items():
        lines += [one.says(f"{arm} on what was served, above the policy as it is", unit), *(f"  if: {assumed}" for assumed in one.assumptions)]
    emit(data, "\n".join(lines) + hint(following), as_json)


@command.command()
@click.argument("name", metavar="NAME")
@_asked
@click.option(
    "--until", type=click.DateTime(["%Y-%m-%d"]), metavar="DAY", help="Its last day, as 2024-06-30, UTC; by default twice as many days as were planned, or 90."
)
@by_option
@why_option
def start(name: str, until: datetime | None, by: str | None, why: str, folder: Path | None, as_json: bool, **said: Any) -> None:
    """Begin an experiment: a server that runs follows it within a second.

    The loop ends it by itself: once the evidence tells, an arm surely loses, the planned units have come, or its last day is over.
    """
    from loopline.cli.value_experiment_asked import Asked
    from loopline.value.experiment.conduct import begin

    with open_loop(folder) as loop:
        who, state = person(by, folder=loop.project.folder), loop.state()
        require_listed(who, stakeholders(loop.project.declaration.charter))
        asked = Asked.of(loop, said)
        planned = asked.need() if asked.is_measured else None
        course = newest(state.rollouts)
        is_tried = course is not None and course.traffic is not None
        draft = begin(
            state.experiments,
            name,
            asked.sort,
            asked.arms,
            asked.plan(planned, until=None if until is None else until.date(), today=datetime.now(UTC).date()),
            package=state.champion or "",
            is_tried=is_tried,
            why=reason(why),
            who=who.name,
        )
        (entry,) = loop.workspace.ledger.append(draft)
    following = f"loopline value experiment status {name}"
    data = {"name": name, "arms": asked.shares, "plan": entry.body["plan"], "by": who.name, "why": entry.body["why"], "entry": entry.id, "next": following}
    shares = ", ".join(f"{arm} {share:.4g}" for arm, share in asked.shares.items())
    lines = [f"{name} runs: {shares} of the units, until {entry.body['plan']['until']} at the latest"]
    lines += planned.lines(asked.unit) if planned is not None else []
    emit(data, "\n".join(lines) + hint(following), as_json)


@command.command()
@click.argument("name", metavar="NAME")
@folder_option
@json_option
def status(name: str, folder: Path | None, as_json: bool) -> None:
    """Show what an experiment has found so far; looking does no harm, however often.

    It counts what the last turn of the loop has collected.
    """
    from loopline.value.experiment.conduct import named
    from loopline.value.experiment.stopping import looked

    with open_loop(folder) as loop:
        state = loop.state()
        experiment = named(state.experiments, name)
        seen = looked(loop.workspace, state, loop.project.declaration.charter, experiment) if experiment.is_running else None
    _show(experiment, state, experiment.entries[-1].body["found"] if seen is None else seen.found, "" if seen is None else seen.trouble, as_json)


def _show(experiment: Experiment, state: State, found: Mapping[str, Any] | None, trouble: str, as_json: bool) -> None:
    from loopline.value.experiment.conduct import following, told

    said = told(experiment, datetime.now(UTC))
    after = following(experiment, found, promoted={entry.subject for entry in state.champions})
    emit({**said, "found": found, "trouble": trouble or None, "next": after}, lambda: "\n".join(_lines(said, found, trouble)) + hint(after), as_json)


@command.command()
@click.argument("name", metavar="NAME")
@click.option("--winner", metavar="ARM", help="The arm that you name, whatever the evidence tells.")
@by_option
@why_option
@folder_option
@json_option
def stop(name: str, winner: str | None, by: str | None, why: str, folder: Path | None, as_json: bool) -> None:
    """End an experiment and name its winner: the arm that the evidence tells, or the one that you name.

    It ends by itself once that is told; whatever it has found, and also where nothing can be told, it ends by this.
    """
    from loopline.value.experiment.conduct import named
    from loopline.value.experiment.stopping import stop as end

    with open_loop(folder) as loop:
        charter = loop.project.declaration.charter
        seen = end(loop.workspace, loop.state(), charter, name, winner=winner, who=person(by, folder=loop.project.folder), why=why)
        state = loop.state()
    _show(named(state.experiments, name), state, seen.found, seen.trouble, as_json)


@command.command("list")
@folder_option
@json_option
def list_all(folder: Path | None, as_json: bool) -> None:
    """Show every experiment: what it compares, since when, and who won."""
    from loopline.serve.experiments import folded
    from loopline.value.experiment.conduct import told

    with open_loop(folder) as loop:
        known = [told(one, datetime.now(UTC)) for one in folded(loop.state().experiments)]
    after = f"loopline value experiment status {known[-1]['name']}" if known else "loopline value experiment plan --help"
    rows = [(one["name"], one["sort"], one["state"], ", ".join(one["arms"]), one["began"][:10], one["winner"]) for one in known]
    head = ("experiment", "compares", "state", "arms", "began", "winner")
    emit({"experiments": known, "next": after}, lambda: (table(head, rows) if rows else "there is no experiment yet") + hint(after), as_json)


@command.command()
@click.argument("name", metavar="NAME")
@click.argument("units", metavar="UNIT...", nargs=-1, required=True)
@folder_option
@json_option
def assign(name: str, units: tuple[str, ...], folder: Path | None, as_json: bool) -> None:
    """Tell the arm of units in an experiment on a feature, and keep who was told, as POST /v1/assign does."""
    from loopline.serve.assign import Assigned
    from loopline.serve.log import Log
    from loopline.serve.scorer import stamp
    from loopline.value.experiment.conduct import named

    with open_loop(folder) as loop:
        experiment = named(loop.state().experiments, name)
        if experiment.sort != "feature":
            raise Mistake(f"{name!r} compares what decides: the server assigns its rows by their key", remedy="ask for a decision: POST /v1/predict")
        assigned = [Assigned.of(experiment, unit) for unit in units]
        records = [record for one in assigned if (record := one.record(stamp(datetime.now(UTC)))) is not None]
        if records:
            import msgspec

            with Log(loop.workspace.lake.log) as log:
                log.append("assignments", msgspec.json.Encoder().encode_lines(records)).result()
    answers = [one.answer() for one in assigned]
    head = ("unit", "arm", "id")
    emit({"assigned": answers}, lambda: table(head, [(one["unit"], one["arm"], one["id"]) for one in answers]), as_json)


def _lines(said: Mapping[str, Any], found: Mapping[str, Any] | None, trouble: str) -> list[str]:
    """An experiment for a person."""
    ended = [f"it ended with {said['winner'] or 'no winner'}: {said['why']} ({said['by']})"] if said["state"] == "ended" else []
    if found is None:
        return [f"{said['name']}: {said['state']}, {figure(said['days'])} days", *([f"nothing can be told: {trouble}"] if trouble else []), *ended]
    planned = said["plan"]["units"]
    counted = sum(found["units"].values())
    of = f", {planned:,} were planned" if planned else ""
    of += f"; its last day is {said['plan']['until']}" if said["state"] == "running" and said["plan"].get("until") else ""
    what = {"policy": "policies", "package": "packages", "feature": "a feature"}[said["sort"]]
    shown = [f"{said['name']} compares {what}: {said['state']}, {figure(said['days'])} days, {counted:,} units measured{of}"]
    head = ("arm", "units", said["plan"]["metric"], "more than control", "from", "to", "chance taken out", "")
    control = next(iter(said["arms"]))
    means: Sequence[float | None] = found["arms"][0]["means"] if found["arms"] else (None, None)
    rows: list[tuple[Any, ...]] = [(control, found["units"][control], means[1], None, None, None, None, "control")]
    for arm in found["arms"]:
        saved = f"{arm['saved']:.0%}" if arm["saved"] else None
        rows.append((arm["arm"], arm["units"][0], arm["means"][0], arm["value"], arm["low"], arm["high"], saved, arm["judgement"]))
    shown.append(table(head, rows, right=(1, 2, 3, 4, 5, 6)))
    for arm in found["arms"]:
        shown += [f"{arm['arm']}, {one['guard']}: {_guarded(one)}" for one in arm["guards"]]
    if found["mismatch"]:
        shown.append(f"nothing can be told: {found['mismatch']}")
    elif found["winner"] and not ended:
        shown.append(f"the evidence tells: {found['winner']}; the next turn of the loop ends it")
    return [*shown, *ended]


def _guarded(one: Mapping[str, Any]) -> str:
    if one["low"] is None:
        return f"not yet told ({min(one['units']):,} units in the smaller arm, {one['needed']:,} are needed)"
    return "surely harmed" if one["is_harmed"] else "not surely harmed"
