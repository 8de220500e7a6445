"""The watch stage's work: every window of what was served, and the alerts that they raise."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any

from loopline.charter.spec import WorthSpec
from loopline.declaration import counted
from loopline.engine.step import Facts, brief_digest, source_digest
from loopline.errors import LooplineError
from loopline.lake.blobs import Blobs
from loopline.lake.tables import Tables
from loopline.ledger.entry import Draft, Entry, now
from loopline.ledger.store import Ledger
from loopline.model.package import Package, load
from loopline.model.signing import Trust
from loopline.watch import alerts
from loopline.watch.arrivals import arrivals, newest, together, written
from loopline.watch.basis import Basis
from loopline.watch.chapters import Chapters, Held
from loopline.watch.domain import Sample
from loopline.watch.elapsed import Elapsed
from loopline.watch.estimated import silences
from loopline.watch.gaps import with_gaps
from loopline.watch.gauge import Gauge, gauge, read_before, read_sample
from loopline.watch.measuring import ToldFrom, measure, with_score_spread
from loopline.watch.monitors.earning import SEEN_WITHIN, detectable
from loopline.watch.monitors.watched import Earlier
from loopline.watch.reckoning import Judge, Lately, Touched, put_together, turned_away
from loopline.watch.served import Days, Log, joined, refused_rows
from loopline.watch.spec import WAITING, WatchSpec
from loopline.watch.windows import LOOKBACK, Window
from loopline.workspace import Job

_PAGE = 100
_EVER = datetime.min.replace(tzinfo=UTC)


def run(job: Job) -> Facts:
    """Compute the windows about which something has come, enter those that changed, and bring the alerts up to date.

    It begins where the newest success ended: with its windows, and what has come to the tables since. Where that does not hold any more, all
    windows are computed from the tables; either way they are the same. What the ledger has is not entered again: killed anywhere and run
    again, it enters only what is missing.
    """
    desk = _Desk.of(job)
    ledger, champion, kept = job.workspace.ledger, desk.champion, desk.kept
    chapters = dict(kept.chapters)
    fresh: list[Draft] = []
    seen: _Seen | None = None
    unread: list[str] = []
    begun: list[datetime] = []
    for package in desk.packages():
        was, stays = kept.chapters.get(package), desk.stays(package)
        touched = desk.touched[package] if stays else None
        if stays and package != champion and touched is not None and touched.first() is None:
            continue
        loaded = _load(desk.blobs, package, desk.trust, must=package == champion)
        if isinstance(loaded, str):
            chapters[package] = desk.as_known(package)
            unread.append(loaded)
            continue
        made = desk.reckoned(loaded, was if stays else None, touched)
        chapters[package] = made.chapters
        begun += [one.window.start for one in made.held]
        fresh += _changed(desk.entered(package, made.was, whole=not stays), made.held)
        seen = made if package == champion else seen
    fresh.sort(key=lambda draft: (draft.key, draft.subject))
    # Only now: a person may have spoken while the windows were computed, and their word stays.
    ledger.append(*(replace(draft, parents=(job.attempt,)) for draft in [*fresh, *_alerts(ledger, seen, champion)]))
    begun += [chapter.until for one in chapters.values() for chapter in one.chapters]
    until = max((start.isoformat() for start in begun if desk.passed.has_begun(start)), default=None)
    facts = _facts(ledger, chapters, [] if seen is None else seen.held, unread)
    more = {"until": until, "clock": job.step.inputs["clock"], "detectable": None if seen is None else seen.detectable}
    return {**facts, **more, "summary": desk.summary(chapters)}


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


@dataclass(frozen=True)
class _Seen:
    """A package's newest windows: as they were, as they are, and what is to be kept of all."""

    was: Sequence[Held]
    held: Sequence[Held]
    chapters: Chapters
    gauge: Gauge
    currency: str
    detectable: dict[str, Any] | None = None


@dataclass(frozen=True)
class _Kept:
    """What the newest success left: each package's windows, at which versions of the tables, when their rows arrived, and its place in the ledger."""

    chapters: Mapping[str, Chapters]
    versions: Mapping[str, int] | None = None
    arrived: Mapping[str, str] = field(default_factory=dict)
    over: datetime | None = None
    seq: int = 0

    @classmethod
    def of(cls, ledger: Ledger) -> _Kept:
        for limit in (_PAGE, None):
            entries = ledger.read(kinds=("step",), subject="watch", newest_first=True, limit=limit)
            for entry in entries:
                if entry.body["name"] == "windows" and entry.body["state"] == "succeeded":
                    said = entry.body["facts"]["summary"]
                    if isinstance(said, str):
                        # A ledger that is older than chapters: all is computed once.
                        return cls({})
                    chapters = {name: Chapters.of_json(one) for name, one in said["packages"].items()}
                    over = None if said["over"] is None else datetime.fromisoformat(said["over"])
                    return cls(chapters, said["versions"], said["arrived"], over, entry.seq)
            if len(entries) < _PAGE:
                break
        return cls({})


@dataclass(frozen=True)
class _Desk:
    """What windows are computed with.

    Parameters
    ----------
    log, came
        The log's tables, and what has come to them since the newest success; None where that cannot be told.
    touched
        What that is about, by package.
    clock
        The start of the window in which the turn began; None where nobody knows.
    """

    job: Job
    blobs: Blobs
    spec: WatchSpec
    worth: WorthSpec
    before: _Before
    trust: Trust
    kept: _Kept
    log: Log
    came: Log | None
    touched: Mapping[str, Touched]
    clock: datetime | None

    @classmethod
    def of(cls, job: Job) -> _Desk:
        tables, kept, versions = Tables(job.workspace.lake), _Kept.of(job.workspace.ledger), job.step.inputs["versions"]
        log = Log.at(tables, versions)
        came = None if kept.versions is None else Log.beyond(tables, kept.versions, versions)
        spec, clock = WatchSpec.model_validate(job.step.reads["watch"]), job.step.inputs["clock"]
        about = () if came is None else {*kept.chapters, *came.packages()}
        return cls(
            job=job,
            blobs=Blobs(job.workspace.lake),
            spec=spec,
            worth=WorthSpec.model_validate(job.step.reads["worth"]),
            before=_Before.of(Blobs(job.workspace.lake), job.step.inputs["before"]),
            trust=Trust.of(job.workspace.ledger),
            kept=kept,
            log=log,
            came=came,
            touched={} if came is None else {package: Touched.by(came, log, package, spec.window) for package in about},
            clock=None if clock is None else datetime.fromisoformat(clock),
        )

    def packages(self) -> list[str]:
        """The packages that served, or refused to; the one that decides, too, once anything has come: of it rows are expected."""
        found = {*self.kept.chapters, *self.touched} if self.came is not None else {*self.kept.chapters, *self.log.packages()}
        return sorted({*found, self.champion} if found and self.champion is not None else found)

    def stays(self, package: str) -> bool:
        """Whether what is known of a package's windows holds, but for what has come."""
        was = self.kept.chapters.get(package)
        return was is not None and self.came is not None and was.name == self.name(package)

    @cached_property
    def lately(self) -> Lately:
        """How far time has come, and since when windows are looked at."""
        span, came = self.spec.window, self.came
        if came is None or self.champion is None or not self.stays(self.champion):
            return Lately.of(arrivals(self.log.predictions, span), None, span, self.clock)
        own, more = self.kept.chapters[self.champion], arrivals(came.predictions, span)
        moments = [self.touched[self.champion].first(), more["start"].min(), None if self.kept.over is None else self.kept.over - span]
        since = min((moment for moment in moments if isinstance(moment, datetime)), default=_EVER)

        def known(since: datetime) -> Lately:
            before = newest(self.blobs, self.kept.arrived, max(since, _EVER + LOOKBACK * span) - LOOKBACK * span)
            return Lately.of(together(before, more), before, span, self.clock, since)

        found = known(since)
        overdue = [chapter.start for chapter in own.chapters if chapter.due is not None and found.passed.is_due(chapter.due)]
        earlier = min([since, *overdue, *([] if found.passed.over is None else [found.passed.over - span])])
        return known(earlier) if earlier < since else found

    @property
    def passed(self) -> Elapsed:
        """How far time has come."""
        return self.lately.passed

    def summary(self, chapters: Mapping[str, Chapters]) -> dict[str, Any]:
        """What the next turn begins with."""
        arrived = written(self.blobs, self.kept.arrived if self.lately.since is not None else {}, self.lately.arrived, self.spec.window)
        packages = {name: one.as_json() for name, one in sorted(chapters.items())}
        over = None if self.passed.over is None else self.passed.over.isoformat()
        return {"versions": dict(self.job.step.inputs["versions"]), "arrived": arrived, "over": over, "packages": packages}

    def as_known(self, package: str) -> Chapters:
        """The windows of a package that cannot be read, as the ledger has them; it is asked for anew in each turn."""
        entered = sorted(self.entered(package, (), whole=True).items())
        held = [Held.of_json({"body": body, "counts": {}, "outside": {}, "loss": (0, 0.0, 0.0), "found": {}, "days": (), "due": None}) for _, body in entered]
        return Chapters("", None, Chapters("", None).with_newest(self.blobs, held, self.spec.window))

    @property
    def champion(self) -> str | None:
        """The package that decides."""
        champion: str | None = self.job.step.inputs["champion"]
        return champion

    def name(self, package: str) -> str:
        """Names all that the package's windows are measured and judged with, beside the log."""
        step = self.job.step
        own = [step.inputs["before"], step.inputs["evidence"]] if package == self.champion else None
        return brief_digest([package, own, step.reads, [source_digest(room) for room in step.rooms]])

    def entered(self, package: str, was: Sequence[Held], *, whole: bool) -> dict[str, Any]:
        """The bodies of the package's windows that the ledger has, by their starts: of all, or of some as they were and those entered after them."""
        known = {} if whole else {one.window.start.isoformat(): one.body() for one in was}
        entries = self.job.workspace.ledger.read(kinds=("window",), subject=package, after=0 if whole else self.kept.seq)
        return known | {entry.key: entry.body for entry in entries}

    def reckoned(self, loaded: Package, was: Chapters | None, touched: Touched | None) -> _Seen:
        """A package's windows as they are now."""
        blobs, span, package = self.blobs, self.spec.window, loaded.digest
        decides = package == self.champion
        when_acted = self.job.step.reads["outcome_seen"] == "when_acted"
        measured = gauge(loaded, self.worth, span, when_acted=when_acted, before=self.before.earlier if decides else ())
        if decides and self.before.scattered:
            measured = with_score_spread(measured, self.before.scattered)
        held, lead = ([], 0) if was is None else was.newest(blobs, self._since(package, touched))
        known = {one.window.start: one for one in held}
        only = None if touched is None else touched.rows
        days = Days() if only is None else Days().union(*only.values(), *(known[start].days for start in only if start in known))
        sizes = self.log.sizes(package, span) if only is None else self.log.on(days).sizes(package, span, only)
        own = self.entered(package, (), whole=True) if was is None else {start.isoformat(): known[start].body() for start in only or () if start in known}
        basis = Basis(blobs, loaded, measured, self.job.step.inputs["evidence"] if decides else None, self.job.step.reads["worth"], own)
        told_from = ToldFrom.of(self.before.sample, own) if decides and self.before.sample is not None else None
        made = measure(self.job, self.log, sizes, basis, span, told_from)
        if touched is None:
            refused = refused_rows(self.log.refused, joined(self.log.predictions, None, package), package, span)
        else:
            refused = turned_away(self.log, package, span, touched.refused, known)
        over, last = (self.passed.over, self.passed.newest) if decides else (None, None)
        filled = partial(with_gaps, package=package, span=span, until=over, newest=last)
        arrived = {start: Days(days) for start, _, days in sizes.iter_rows()}
        whole = put_together(held, made, lead=lead, days=arrived, refused=refused, filled=filled)
        closed = None if was is None else was.closed
        judge = Judge(
            measured=measured,
            before=self.before.earlier if decides else (),
            apart_before=() if self.before.sample is None else self.before.sample.spans,
            spec=self.spec,
            currency=self.worth.currency,
            passed=self.passed,
            closed=closed,
            moved=self.lately.moved,
        )
        whole = judge.judged(whole) if decides else [one if one.found is not None else replace(one, found={}) for one in whole]
        chapters = Chapters(self.name(package), self.passed.over, (was or Chapters("", None)).with_newest(blobs, whole, span))
        found = _detectable(judge, [one.window for one in whole]) if decides and whole else None
        return _Seen(held, whole, chapters, measured, self.worth.currency, found)

    def _since(self, package: str, touched: Touched | None) -> datetime:
        """From when on windows are looked at: what is touched; of the one that decides also what was not over, what is due, and since when alerts last."""
        moments = [None if touched is None else touched.first()]
        if package == self.champion:
            since = self.lately.since or _EVER
            alerts_since = (
                datetime.fromisoformat(entry.body["since"])
                for entry in _newest_alerts(self.job.workspace.ledger).values()
                if entry.body["package"] == package and (entry.body["state"] != "resolved" or entry.body["last"] >= since.isoformat())
            )
            moments += [since, *alerts_since]
        return min((moment for moment in moments if moment is not None), default=_EVER)


def _detectable(judge: Judge, windows: Sequence[Window]) -> dict[str, Any] | None:
    """The smallest loss that is paged soon, beside what was promised; None where it cannot be told yet."""
    found = detectable(judge.watched(windows, len(windows) - 1))
    return None if found is None else {"per_decision": found, "promised": judge.measured.promise.per_decision, "windows": SEEN_WITHIN}


def _alerts(ledger: Ledger, seen: _Seen | None, champion: str | None) -> list[Draft]:
    """The entries that bring the alerts, as the ledger has them now, up to what the windows show."""
    recorded = {id: entry.body for id, entry in _newest_alerts(ledger).items()}
    gone = alerts.superseded(recorded, champion)
    if seen is None:
        return gone
    own = {id: body for id, body in recorded.items() if body["package"] == champion}
    whole = [one.window for one in seen.held]
    told = alerts.episodes(whole, [one.found or {} for one in seen.held])
    return [*alerts.drafts(told, own, whole, seen.gauge.promise, currency=seen.currency, now=now()), *gone]


def _newest_alerts(ledger: Ledger) -> dict[str, Entry]:
    """The newest entry of each alert."""
    return {entry.subject: entry for entry in ledger.newest_of_each("alert")}


def _changed(entered: Mapping[str, Any], held: Sequence[Held]) -> list[Draft]:
    """The windows that the ledger does not have as they are now."""
    fresh = []
    for one in held:
        body = one.body()
        was = entered.get(body["start"])
        if was is None or json.dumps(was, sort_keys=True) != json.dumps(body, sort_keys=True):
            fresh.append(Draft(kind="window", subject=body["package"], key=body["start"], body=body))
    return fresh


def _facts(ledger: Ledger, chapters: Mapping[str, Chapters], held: Sequence[Held], unread: Sequence[str]) -> Facts:
    # Whose turn it is says nothing of what was served.
    entries = [entry for entry in ledger.read(kinds=("alert",)) if entry.body["monitor"] != WAITING]
    opened = {(entry.subject, entry.key) for entry in entries}
    resolved = {(entry.subject, entry.key) for entry in entries if entry.body["state"] == "resolved"}
    lasting = sum(entry.body["state"] != "resolved" for entry in {entry.subject: entry for entry in entries}.values())
    parts = [chapter for one in chapters.values() for chapter in one.chapters]
    many, rows, outcomes = (sum(getattr(part, name) for part in parts) for name in ("windows", "rows", "outcomes"))
    says = ", ".join((counted(many, "window"), counted(rows, "prediction"), counted(outcomes, "outcome"))) if parts else "nothing served yet"
    says = "; ".join([says, *unread])
    estimated = next((one.window.estimated for one in reversed(held) if one.window.estimated is not None), None)
    silent = "" if estimated is None else silences(estimated.as_json())
    if silent:
        says += f"; {silent}"
    return {
        "says": says,
        "windows": many,
        "rows": rows,
        "outcomes": outcomes,
        "alerts": {"opened": len(opened), "resolved": len(resolved), "open": lasting},
    }
