"""When a source is to be asked again: the moments of its schedule, in its own time zone; light and pure.

When clocks are put forward, a moment that falls into the missing hour comes right after it; when they are put back, one that is named by its hour
comes once, and one that comes every hour comes in both. So does Debian's cron.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from loopline.data.spec_source import ScheduleSpec, SourceSpec

ONCE = "once"
"""What `asked` says of a source without a schedule."""
# Going backwards, cronsim differs from going forwards around a change of the clock: it only tells from where to go forwards.
_BACK = timedelta(hours=26)


def due(schedule: ScheduleSpec, last: datetime | None, now: datetime) -> datetime | None:
    """The newest moment of a schedule that has passed and was not done yet, in UTC; None where there is none.

    Parameters
    ----------
    last
        When the source was asked last, or the moment that was done last; None where it never was.

    Examples
    --------
    >>> six = ScheduleSpec.model_validate("0 6 * * * Europe/Berlin")
    >>> due(six, datetime(2024, 7, 1, 3, 59, tzinfo=UTC), datetime(2024, 7, 1, 9, tzinfo=UTC)).isoformat()
    '2024-07-01T04:00:00+00:00'
    """
    newest = passed(schedule, now)
    return newest if newest is not None and (last is None or newest > _utc(last)) else None


def passed(schedule: ScheduleSpec, now: datetime) -> datetime | None:
    """The newest moment of a schedule that is not later than now, in UTC; None where the schedule had none in 50 years."""
    moment = _utc(now)
    before = next(CronSim(schedule.cron, (moment + timedelta(seconds=1)).astimezone(ZoneInfo(schedule.zone)), reverse=True), None)
    while before is not None:
        newest = None
        for found in _after(schedule, before.astimezone(UTC) - _BACK):
            if found > moment:
                break
            newest = found
        if newest is not None:
            return newest
        before = next(CronSim(schedule.cron, (before.astimezone(UTC) - _BACK).astimezone(ZoneInfo(schedule.zone)), reverse=True), None)
    return None


def next_due(schedule: ScheduleSpec, now: datetime) -> datetime | None:
    """The first moment of a schedule after now, in UTC; None where it has none in 50 years."""
    return next(_after(schedule, _utc(now)), None)


def asked(source: SourceSpec, now: datetime) -> str:
    """For which moment a source is asked now: the newest one of its schedule that has passed, or `ONCE`.

    It is what a step's key sees of a source that is no local file: a new moment makes the step stale, and nobody has to ask the source for that.
    """
    if source.schedule is None:
        return ONCE
    newest = passed(source.schedule, now)
    return ONCE if newest is None else newest.isoformat()


def _after(schedule: ScheduleSpec, moment: datetime) -> Iterator[datetime]:
    """The moments later than one, in UTC and in their order."""
    last = moment
    for found in CronSim(schedule.cron, moment.astimezone(ZoneInfo(schedule.zone))):
        # In the hour that comes twice cronsim starts from the first of the two, and could name a moment that has passed.
        if (at := found.astimezone(UTC)) > last:
            last = at
            yield at


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
