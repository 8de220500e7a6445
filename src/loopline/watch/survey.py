"""The watch stage's work: every window of what was served, and the alerts that they raise."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from loopline.charter.spec import WorthSpec
from loopline.declaration import counted
from loopline.engine.step import Facts
from loopline.errors import LooplineError
from loopline.lake.blobs import Blobs
from loopline.lake.tables import Tables
from loopline.ledger.entry import Draft, now
from loopline.ledger.store import Ledger
from loopline.model.package import Package, load
from loopline.model.signing import Trust
from loopline.serve.records import SCHEMAS
from loopline.watch import alerts
from loopline.watch.basis import Basis
from loopline.watch.causes import urgency
from loopline.watch.domain import Sample, areas, looked_at
from loopline.watch.elapsed import Elapsed, elapsed, told_after
from loopline.watch.estimated import silences
from loopline.watch.gaps import with_gaps
from loopline.watch.gauge import Gauge, gauge, read_before, read_sample
from loopline.watch.honesty import checked
from loopline.watch.monitors.drifting import drift_limits, score_limit
from loopline.watch.monitors.earning import SEEN_WITHIN, detectable
from loopline.watch.monitors.listed import look
from loopline.watch.monitors.watched import Earlier, Promise, Watched
from loopline.watch.served import decoded, joined, refused_rows, slices
from loopline.watch.spec import WatchSpec
from loopline.watch.windows import SCORE, Window, windows
from loopline.workspace import Job


@dataclass(frozen=True, eq=False)
class Seen:
    """A package's windows, what the monitors found in each, the limits of drift where they were applied, and the smallest loss that is paged soon."""

    gauge: Gauge
    windows: Sequence[Window]
    found: Sequence[alerts.Found]
    limits: Sequence[Mapping[str, float]]
    detectable: float | None = None

    def bodies(self) -> list[dict[str, Any]]:
        """The windows as entries' bodies, with what the monitors found."""
        return [self._body(at) for at in range(len(self.windows))]

    def _body(self, at: int) -> dict[str, Any]:
        breaches = sorted(name for looks in self.found[at].values() for breach in looks or () for name in breach.names)
        limits = self.limits[at]
        own = {name: limit for name, limit in limits.items() if name != SCORE}
        return {**self.windows[at].as_json(), "drift_limits": own, "score_limit": limits.get(SCORE), "breaches": breaches}


def run(job: Job) -> Facts:
    """Compute the windows, enter those that are new or changed, and bring the alerts up to date.

    Everything is computed from the tables at the versions of the step, and compared with what the ledger has: killed anywhere
    and run again, it enters only what is missing.
    """
    spec = WatchSpec.model_validate(job.step.reads["watch"])
    worth = WorthSpec.model_validate(job.step.reads["worth"])
    blobs, ledger, champion = Blobs(job.workspace.lake), job.workspace.ledger, job.step.inputs["champion"]
    served = _Served.at(Tables(job.workspace.lake), job.step.inputs["versions"])
    passed = served.elapsed(spec.window, job.step.inputs["clock"])
    before = _Before.of(blobs, job.step.inputs["before"])
    bodies: list[dict[str, Any]] = []
    judged: _Judged | None = None
    paged: dict[str, Any] | None = None
    trust = Trust.of(ledger)
    known = _newest(ledger, "window")
    unread: list[str] = []
    for package in served.packages(champion):
        own = {start: entry.body for (subject, start), entry in known.items() if subject == package}
        decides = package == champion
        loaded = _load(blobs, package, trust, must=decides)
        if isinstance(loaded, str):
            # What was known of it stays.
            bodies += own.values()
            unread.append(loaded)
            continue
        measured = gauge(loaded, worth, spec.window)
        if decides and before.scattered:
            measured = _with_score_spread(measured, before.scattered)
        told_from = _ToldFrom.of(before.sample, own) if decides and before.sample is not None else None
        basis = Basis(blobs, loaded, measured, job.step.inputs["evidence"] if decides else None, job.step.reads["worth"], own)
        made = _windows(job, served, basis, spec.window, told_from)
        refused = served.refused_by(package, spec.window)
        made = with_gaps(made, refused, package=package, span=spec.window, until=passed.over if decides else None, newest=passed.newest if decides else None)
        whole = checked(made, [one.misses for one in before.earlier] if decides else [])
        seen = _watch(whole, measured, before, spec, worth.currency, champion, passed)
        bodies += seen.bodies()
        if package == champion:
            judged = _Judged(whole, alerts.episodes(whole, seen.found), measured.promise, worth.currency)
            paged = _detectable(seen)
    bodies.sort(key=lambda body: (body["start"], body["package"]))
    parents = (job.attempt,)
    fresh = _changed(known, bodies)
    # Only now: a person may have spoken while the windows were computed, and their word stays.
    ledger.append(*(replace(draft, parents=parents) for draft in [*fresh, *_alerts(ledger, judged, champion)]))
    summary = blobs.put(json.dumps(bodies, sort_keys=True, ensure_ascii=False).encode())
    begun = [body["start"] for body in bodies if passed.has_begun(datetime.fromisoformat(body["start"]))]
    return {**_facts(ledger, bodies, summary, unread), "until": max(begun, default=None), "clock": job.step.inputs["clock"], "detectable": paged}


def _load(blobs: Blobs, package: str, trust: Trust, *, must: bool) -> Package | str:
    """The package, or why it is not measured: one that served once may be gone, or its signer trusted no more, and what decides is watched all the same."""
    try:
        return load(blobs, package, trust)
    except LooplineError as error:
        if must:
            raise
        return f"{package[:8]} is not measured: {error.what}"


@dataclass(frozen=True)
class _Before:
    """The windows of the champion's test part, how far the score was from training in each, and the rows that windows are told from."""

    earlier: Sequence[Earlier]
    scattered: tuple[tuple[int, float], ...]
    sample: Sample | None

    @classmethod
    def of(cls, blobs: Blobs, digest: str | None) -> _Before:
        earlier, scattered = read_before(blobs, digest)
        return cls(earlier, tuple(scattered), read_sample(blobs, digest))


def _detectable(seen: Seen) -> dict[str, Any] | None:
    """The smallest loss that is paged soon, beside what was promised; None where it cannot be told yet."""
    if seen.detectable is None:
        return None
    return {"per_decision": seen.detectable, "promised": seen.gauge.promise.per_decision, "windows": SEEN_WITHIN}


@dataclass(frozen=True)
class _Judged:
    """The champion's windows and the episodes in them: what its alerts are held against."""

    windows: Sequence[Window]
    episodes: Mapping[str, Sequence[alerts.Episode]]
    promise: Promise
    currency: str


@dataclass(frozen=True)
class _Served:
    """The log's tables at the versions of the step; None where one does not exist yet."""

    predictions: pl.LazyFrame
    outcomes: pl.LazyFrame | None
    refused: pl.LazyFrame | None

    @classmethod
    def at(cls, tables: Tables, versions: Mapping[str, int]) -> _Served:
        def read(name: str) -> pl.LazyFrame | None:
            return tables.read(name, version=versions[name]) if name in versions else None

        made = read("predictions")
        return cls(pl.LazyFrame(schema=SCHEMAS["predictions"]) if made is None else made, read("outcomes"), read("refused"))

    def packages(self, champion: str | None) -> list[str]:
        """The packages that served, or refused to, sorted; the one that decides, too, once anything has come: of it rows are expected."""
        asked = [self.predictions.select("package")]
        if self.refused is not None:
            asked.append(self.refused.filter((pl.col("kind") == "row") & (pl.col("package") != "")).select("package"))
        found = set(pl.concat(asked).select(pl.col("package").unique()).collect()["package"].to_list())
        return sorted({*found, champion} if found and champion is not None else found)

    def joined(self, package: str) -> pl.LazyFrame:
        """The package's predictions with their outcomes."""
        return joined(self.predictions, self.outcomes, package)

    def refused_by(self, package: str, span: timedelta) -> dict[datetime, int]:
        """Rows that the package refused, by window."""
        return refused_rows(self.refused, self.joined(package), package, span)

    def elapsed(self, span: timedelta, clock: str | None) -> Elapsed:
        """How far time has come."""
        return elapsed(self.predictions, span, None if clock is None else datetime.fromisoformat(clock))


@dataclass(frozen=True)
class _ToldFrom:
    """What a classifier tells the champion's windows from, and what it found before: rows and area by the window's start."""

    sample: Sample
    known: Mapping[datetime, tuple[int, float]]

    @classmethod
    def of(cls, sample: Sample, own: Mapping[str, Mapping[str, Any]]) -> _ToldFrom:
        bodies = [body for body in own.values() if body.get("apart") is not None]
        return cls(sample, {datetime.fromisoformat(body["start"]): (body["rows"], body["apart"]) for body in bodies})


def _windows(job: Job, served: _Served, basis: Basis, span: timedelta, told_from: _ToldFrom | None) -> list[Window]:
    measured = basis.gauge
    looked = looked_at(measured.yardstick.features)
    classes = measured.yardstick.classes if measured.yardstick.task == "multiclass" else ()
    made: list[Window] = []
    done = 0
    for part in slices(served.joined(measured.yardstick.package), span):
        rows = decoded(part, measured.columns, classes)
        apart = {} if told_from is None else areas(rows, told_from.sample, looked, span=span, known=told_from.known)
        waited = told_after(part, span)
        own = [replace(one, apart=apart.get(one.start), told_after_s=waited.get(one.start)) for one in windows(rows, measured.yardstick, span=span)]
        made += basis.estimated(rows, own, span)
        done += part.height
        job.progress.at(done, unit="predictions", note=counted(len(made), "window"))
    return made


def _with_score_spread(measured: Gauge, scattered: tuple[tuple[int, float], ...]) -> Gauge:
    """The gauge with the score's natural variation, as the windows of the test part show it."""
    features = tuple(replace(bins, spread=scattered) if bins.name == SCORE else bins for bins in measured.yardstick.features)
    return replace(measured, yardstick=replace(measured.yardstick, features=features))


def _watch(whole: Sequence[Window], measured: Gauge, before: _Before, spec: WatchSpec, currency: str, champion: str | None, passed: Elapsed) -> Seen:
    """What the monitors find in a package's windows; only the champion's are judged."""
    if measured.yardstick.package != champion:
        return Seen(measured, whole, [{} for _ in whole], [{} for _ in whole])
    found, limits = [], []
    watched: Watched | None = None
    outages: frozenset[datetime] = frozenset()
    for at, window in enumerate(whole):
        watched = Watched(
            windows=whole,
            at=at,
            is_closed=passed.is_over(window.end),
            has_begun=passed.has_begun(window.start),
            came=passed.came,
            today=passed.begun,
            outages=outages,
            yardstick=measured.yardstick,
            promise=measured.promise,
            before=before.earlier,
            spec=spec,
            currency=currency,
            apart_before=() if before.sample is None else before.sample.spans,
        )
        looks = look(watched)
        found.append(looks)
        outages |= {window.start for breach in looks["volume"] or () if not breach.value}
        score = score_limit(watched)
        limits.append({} if looks["drift"] is None else {**drift_limits(watched), **({} if score is None else {SCORE: score})})
    return Seen(measured, whole, found, limits, None if watched is None else detectable(watched))


def _alerts(ledger: Ledger, judged: _Judged | None, champion: str | None) -> list[Draft]:
    """The entries that bring the alerts, as the ledger has them now, up to what the windows show."""
    recorded = {entry.subject: entry.body for entry in _newest(ledger, "alert").values()}
    gone = alerts.superseded(recorded, champion)
    if judged is None:
        return gone
    own = {id: body for id, body in recorded.items() if body["package"] == champion}
    return [*alerts.drafts(judged.episodes, own, judged.windows, judged.promise, currency=judged.currency, now=now()), *gone]


def _newest(ledger: Ledger, kind: str) -> dict[tuple[str, str], Any]:
    """The newest entry of a kind for each subject (alerts), or for each subject and key (windows)."""
    entries = ledger.read(kinds=(kind,))
    return {(entry.subject, entry.key if kind == "window" else ""): entry for entry in entries}


def _changed(known: Mapping[tuple[str, str], Any], bodies: Sequence[Mapping[str, Any]]) -> list[Draft]:
    """The windows that the ledger does not have as they are now."""
    fresh = []
    for body in bodies:
        entry = known.get((body["package"], body["start"]))
        if entry is None or json.dumps(entry.body, sort_keys=True) != json.dumps(body, sort_keys=True):
            fresh.append(Draft(kind="window", subject=body["package"], key=body["start"], body=body))
    return fresh


def _facts(ledger: Ledger, bodies: Sequence[Mapping[str, Any]], summary: str, unread: Sequence[str]) -> Facts:
    entries = ledger.read(kinds=("alert",))
    opened = {(entry.subject, entry.key) for entry in entries}
    resolved = {(entry.subject, entry.key) for entry in entries if entry.body["state"] == "resolved"}
    lasting = [entry.body for entry in {entry.subject: entry for entry in entries}.values() if entry.body["state"] != "resolved"]
    rows, outcomes = sum(body["rows"] for body in bodies), sum(body["outcomes"] for body in bodies)
    says = ", ".join((counted(len(bodies), "window"), counted(rows, "prediction"), counted(outcomes, "outcome"))) if bodies else "nothing served yet"
    says = "; ".join([says, *unread])
    newest = next((body["estimated"] for body in reversed(bodies) if body["estimated"] is not None), None)
    silent = "" if newest is None else silences(newest)
    if silent:
        says += f"; {silent}"
    if lasting:
        first = min(lasting, key=urgency)
        says += f"; {counted(len(lasting), 'alert is', 'alerts are')} open: {first['says']}"
    return {
        "says": says,
        "windows": len(bodies),
        "rows": rows,
        "outcomes": outcomes,
        "alerts": {"opened": len(opened), "resolved": len(resolved), "open": len(lasting)},
        "summary": summary,
    }
