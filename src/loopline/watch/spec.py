"""Watching as it is declared: windows, thresholds and who is told."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from loopline.charter.spec import Role
from loopline.data.spec_source import ScheduleSpec
from loopline.declaration import Rate, RateText, Span, Spec
from loopline.watch.spec_duty import Channels, DailyText, EscalateSpec, HoursTexts

URGENCY = (
    "worth_baseline",
    "worth_promised",
    "worth_estimated",
    "performance",
    "performance_estimated",
    "volume",
    "refused_share",
    "nulls",
    "new_categories",
    "unseen_ranges",
    "score_drift",
    "drift",
    "multivariate",
)
"""The monitors in the order in which their alerts are told: money pages, drift explains."""


class WatchSpec(Spec):
    """The window of event time, how many false alarms are borne, and who is told when.

    Parameters
    ----------
    tell
        The channels of each role, one or a list; a role without one is told through the first that is declared.
    hours
        When each role is on duty; always, where it is not said. Outside them only pages go out.
    digest
        When those alerts are told that page nobody, such as drift alone.
    """

    window: Span = timedelta(days=1)
    false_alarms: RateText = Rate(amount=1, period="month")
    refused_share: float = Field(default=0.1, ge=0, le=1)
    tell: dict[Role, Channels] = {}
    hours: dict[Role, HoursTexts] = {}
    digest: DailyText = ScheduleSpec(cron="0 8 * * *")
    escalate: EscalateSpec | None = None
