"""What a person says of an alert: they take it on, close it, or have nobody told of it for a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from loopline.access.people import Person, reason, require_listed
from loopline.charter.spec import CharterSpec
from loopline.data.spec import DataSpec
from loopline.declaration import parse_duration
from loopline.errors import Mistake
from loopline.lake.blobs import Blobs
from loopline.ledger.entry import Entry
from loopline.ledger.entry import now as moment_now
from loopline.ledger.state import State
from loopline.ledger.store import Ledger
from loopline.model.package import load
from loopline.model.signing import Trust
from loopline.release.approvals import stakeholders
from loopline.watch import alerts, silences
from loopline.watch.causes import causes
from loopline.watch.spec import EXPERIMENT, URGENCY
from loopline.workspace import Workspace

ACKNOWLEDGED, RESOLVED = "acknowledged", "resolved"


def speak(ledger: Ledger, charter: CharterSpec, state: State, id: str, verb: str, *, who: Person, why: str) -> Entry:
    """The entry by which a person takes an alert on, or closes it; where the charter lists people, they must be one of them.

    Who takes an alert on takes on what explains it: once it is over, one of these stands for the same cause.

    Parameters
    ----------
    id
        Of the alert, or its beginning.
    verb
        `ACKNOWLEDGED` or `RESOLVED`.

    Raises
    ------
    Mistake
        When there is no such alert, the person is not listed, or it is taken on or closed already.
    """
    entry = alerts.find(state.alerts, id)
    require_listed(who, stakeholders(charter))
    until = (state.facts("watch", "windows") or {}).get("until")
    if verb != ACKNOWLEDGED:
        return ledger.append(alerts.resolve(entry, by=who.name, why=why, until=until))[0]
    known = causes(state.alerts.values(), lambda one: silences.covering(one.subject, one.body, state.silences, moment_now()) is not None)
    others = next((cause.others for cause in known if cause.head.subject == entry.subject), ())
    taken = [alerts.acknowledge(one, by=who.name, why=why) for one in (entry, *(other for other in others if other.body["state"] == "open"))]
    return ledger.append(*taken)[0]


def silence(ledger: Ledger, charter: CharterSpec, subject: str, *, until: datetime, now: datetime, who: Person, why: str) -> Entry:
    """The entry by which nobody is told of a subject until a moment; where the charter lists people, the person must be one of them.

    Raises
    ------
    Mistake
        When the person is not listed, the reason is empty, or the moment has passed.
    """
    require_listed(who, stakeholders(charter))
    return ledger.append(silences.silence(subject, until=until, now=now, by=who.name, why=reason(why)))[0]


def unsilence(ledger: Ledger, charter: CharterSpec, state: State, subject: str, *, now: datetime, who: Person, why: str) -> Entry:
    """The entry that ends a silence at once; where the charter lists people, the person must be one of them.

    Raises
    ------
    Mistake
        When the person is not listed, or nothing is silent there.
    """
    require_listed(who, stakeholders(charter))
    return ledger.append(silences.ended(state.silences, subject, now=now, by=who.name, why=why))[0]


def subject_of(workspace: Workspace, data: DataSpec, charter: CharterSpec, state: State, *, id: str | None, monitor: str | None, feature: str) -> str:
    """What a silence is about: an alert, or what a monitor finds, in all or in one feature.

    Raises
    ------
    Mistake
        When it is said in no way or in two, or there is no such alert or monitor, or the monitor looks at no such feature.
    """
    if (id is None) == (monitor is None):
        raise Mistake("say what is to be silent, in one way", where="loopline alerts silence", remedy="give an alert's ID, or --monitor NAME")
    if id is not None:
        if feature:
            raise Mistake("an alert is about one feature already", where="--feature", remedy="leave it out, or give --monitor in place of the ID")
        return alerts.find(state.alerts, id).subject
    if monitor not in URGENCY:
        raise Mistake(f"there is no monitor {monitor!r}", where="--monitor", remedy=f"the monitors are: {', '.join(URGENCY)}")
    subject = silences.monitored(str(monitor), feature)
    # What is silent already may be about what is gone: it can be ended.
    if not feature or subject in state.silences:
        return subject
    return silences.require_known(str(monitor), feature, _looked_at(workspace, data, charter, state, str(monitor)))


def _looked_at(workspace: Workspace, data: DataSpec, charter: CharterSpec, state: State, monitor: str) -> set[str]:
    """The names of what a monitor looks at, and of what it has found something in."""
    found = {name for entry in state.alerts.values() if entry.body["monitor"] == monitor for name in (entry.body["feature"], *entry.body.get("features", ()))}
    if monitor in silences.OF_COLUMNS and state.champion is not None:
        package = load(Blobs(workspace.lake), state.champion, Trust.of(workspace.ledger))
        found |= set(package.parsed("reference.json")["features"])
    found |= set(data.sources) if monitor in silences.OF_SOURCES else set()
    found |= {f"{stage} {name}" for stage, name in (*state.latest, *state.failed)} if monitor in silences.OF_STEPS else set()
    found |= {criterion.id for criterion in charter.acceptance} if monitor == "criterion" else set()
    found |= {entry.subject for entry in state.experiments} if monitor == EXPERIMENT else set()
    return found - {""}


def until_of(span: str | None, until: str | None, moment: datetime) -> datetime:
    """The end of a silence that is said by how long it lasts, or by its moment.

    Raises
    ------
    Mistake
        When it cannot be read, or is no time at all.
    """
    try:
        if span is not None:
            lasting = parse_duration(span)
            if lasting <= timedelta():
                raise Mistake(f"{span} is no time at all", where="--for", remedy="write a number and a unit, such as 12h or 3d")
            return moment + lasting
        day = datetime.fromisoformat(str(until).strip())
        return day.replace(tzinfo=UTC) if day.tzinfo is None else day.astimezone(UTC)
    except (ValueError, OverflowError):
        where, said, remedy = ("--for", span, "12h or 3d") if span is not None else ("--until", until, "2026-12-01 or 2026-12-01T08:00+01:00")
        raise Mistake(f"{said!r} cannot be read as a time", where=where, remedy=f"write it as {remedy}") from None
