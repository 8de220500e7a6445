"""A look at the machinery: what its monitors find now, and the alerts that follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from loopline.charter.budget import Bound, month_of, run_bound
from loopline.charter.spec import CharterSpec
from loopline.data.probe import history
from loopline.data.spec_source import ScheduleSpec
from loopline.declaration import parse_duration
from loopline.engine.step import Facts
from loopline.ledger.entry import Entry, now
from loopline.ledger.spend import USAGE, account
from loopline.ledger.store import Ledger
from loopline.watch.machinery.delivered import contract, freshness, outcomes_contradict, quarantined
from loopline.watch.machinery.judged import Judged
from loopline.watch.machinery.pipeline import pipeline_failed, pipeline_late, pipeline_slow
from loopline.watch.machinery.raised import drafts, fine, in_breach
from loopline.watch.machinery.reading import Reading
from loopline.watch.machinery.resources import budget, disk, memory, storage_worse
from loopline.watch.machinery.seen import Monitor, Seen
from loopline.watch.machinery.service import service_errors, service_shed, service_slow
from loopline.watch.monitors.watched import Breach, breach_of
from loopline.watch.spec import BUSINESS
from loopline.watch.spec_machinery import MACHINERY, MachinerySpec
from loopline.watch.turns import KIND as TURN
from loopline.watch.turns import Watcher, watcher
from loopline.workspace import Job

MONITORS: tuple[Monitor, ...] = (
    service_errors,
    pipeline_failed,
    contract,
    pipeline_late,
    freshness,
    disk,
    service_shed,
    service_slow,
    memory,
    budget,
    outcomes_contradict,
    quarantined,
    storage_worse,
    pipeline_slow,
)
BATCHES = 200
"""Of each source, so many of the newest batches are looked at, however old the ledger is."""
MEMORY = timedelta(days=60)
"""How far back the monitors look."""
_OWN = ("watch", "machinery")


def looked(seen: Seen) -> dict[str, list[Breach] | None]:
    """What every monitor found, by the monitor's name; None where it cannot judge."""
    return {monitor.__name__: monitor(seen) for monitor in MONITORS}


def run(job: Job) -> Facts:
    """Look at the machinery, bring its alerts and those of the business up to date, and keep the reading for the looks to come."""
    ledger, moment, judged = job.workspace.ledger, now(), Judged.of_json(job.step.inputs["judged"])
    seen = _seen(job, moment)
    last = _last(seen.steps)
    before: Mapping[str, int] = last.get("fine", {})
    handed = judged.looks(last.get("judged_by")).items()
    looks = {**looked(seen), **{name: None if found is None else [breach_of(one) for one in found] for name, found in handed}}
    recorded = {entry.subject: entry.body for entry in ledger.newest_of_each("alert") if entry.body["monitor"] in (*MACHINERY, *BUSINESS)}
    counts = fine(looks, recorded, before)
    made = drafts(looks, recorded, counts, before, moment)
    ledger.append(*(replace(draft, parents=(job.attempt,)) for draft in made))
    found = in_breach(looks).values()
    able = sum(breaches is not None for breaches in looks.values())
    said = "; ".join(breach.says for breach in found) or "nothing is wrong"
    return {
        "says": f"{able} of {len(looks)} monitors of the machinery could judge: {said}",
        **{name: job.step.inputs[name] for name in ("at", "failed")},
        "judged": judged.names,
        "judged_by": judged.by,
        "breaches": {name: None if breaches is None else len(breaches) for name, breaches in looks.items()},
        "fine": counts,
        "reading": seen.readings[-1].as_json(),
    }


def _seen(job: Job, moment: datetime) -> Seen:
    ledger, reads, inputs, lake = job.workspace.ledger, job.step.reads, job.step.inputs, job.workspace.lake
    # By its place: to ask each of a hundred thousand steps for its time takes a second.
    since = ledger.place(moment - MEMORY, is_before=True)
    worked = ledger.read(kinds=("step",), after=since)
    steps = [entry for entry in worked if entry.body["state"] in ("succeeded", "failed")]
    charter = CharterSpec.model_validate(reads["charter"])
    reading = Reading.now(lake.folder if lake.is_folder else None, moment)
    earlier = [Reading.of_json(entry.body["facts"]["reading"]) for entry in steps if _is_look(entry)]
    return Seen(
        spec=MachinerySpec.model_validate(reads["machinery"]),
        now=moment,
        steps=steps,
        failing=frozenset((stage, name) for stage, name in inputs["failed"]),
        newest={source: datetime.fromisoformat(said) for source, said in inputs["newest"].items() if said is not None and source in reads["sources"]},
        batches={name: ledger.read(kinds=("batch",), subject=name, newest_first=True, limit=BATCHES)[::-1] for name in reads["sources"]},
        usage=ledger.read(kinds=(USAGE,), after=since),
        probes=ledger.read(kinds=(history.KIND,)),
        watcher=_watcher(job, worked),
        readings=[*(one for one in earlier if one.host == reading.host and one.disk_bytes == reading.disk_bytes), reading],
        bound=_bound(charter, ledger, moment) if charter.prices is not None else None,
    )


def _watcher(job: Job, worked: Sequence[Entry]) -> Watcher:
    """Whether this turn was late when it began; what it has worked since is no sign that it was not."""
    began, reads = datetime.fromisoformat(job.step.inputs["at"]), job.step.reads
    last = next(iter(job.workspace.ledger.read(kinds=(TURN,), newest_first=True, limit=1)), None)
    step = next((entry for entry in reversed(worked) if entry.time < began), None)
    late = None if reads["late"] is None else parse_duration(reads["late"])
    return watcher(last, step, late, [ScheduleSpec.model_validate(said) for said in reads["schedules"]], began)


def _is_look(entry: Entry) -> bool:
    return (entry.subject, entry.body["name"]) == _OWN and entry.body["state"] == "succeeded"


def _last(steps: Sequence[Entry]) -> Facts:
    """The facts of the last look; none before the first one."""
    return next((entry.body["facts"] for entry in reversed(steps) if _is_look(entry)), {})


def _bound(charter: CharterSpec, ledger: Ledger, moment: datetime) -> Bound | None:
    """The month's budget; what is spent in other months is not read."""
    begun = ledger.place(moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0), is_before=True)
    decides = next((entry for entry in ledger.read(kinds=("champion",)) if entry.subject), None)
    spans = account(ledger.read(kinds=("step", USAGE), after=begun), decides=decides)
    return run_bound(charter, spans, month_of(moment))
