"""Watching as it is declared: windows, thresholds and who is told."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, field_validator

from loopline.access.secrets import Address
from loopline.charter.spec import Role
from loopline.data.spec_source import ScheduleSpec
from loopline.declaration import Rate, RateText, Span, Spec
from loopline.watch.spec_duty import Channels, DailyText, EscalateSpec, HoursTexts
from loopline.watch.spec_machinery import MACHINERY, MachinerySpec
from loopline.watch.spec_retrain import RetrainSpec

EXPERIMENT = "experiment"
"""What tells the business role that an experiment has ended: news, and no breach."""
WAITING = "waiting"
"""What tells a role that the loop waits for it: a hand-off, and no breach."""
BUSINESS = ("worth_target", "criterion", "volume_chartered")
"""The monitors of what the charter says, which the value stage judges, the most urgent first."""

URGENCY = (
    "worth_baseline",
    "worth_promised",
    "worth_estimated",
    *BUSINESS,
    "performance",
    "performance_estimated",
    "volume",
    "refused_share",
    "outcomes_late",
    "nulls",
    "new_categories",
    "unseen_ranges",
    "score_drift",
    "drift",
    "multivariate",
    *MACHINERY,
    EXPERIMENT,
    WAITING,
)
"""The monitors in the order in which their alerts are told: money pages, drift explains."""

OF_WORTH = frozenset({"worth_promised", "worth_baseline"})
"""The monitors of what decisions earned."""
OF_MONEY = OF_WORTH | {"performance"}
"""The monitors that judge by outcomes that have come."""
OF_ESTIMATES = frozenset({"worth_estimated", "performance_estimated"})
"""Those that judge before outcomes come."""
OF_DRIFT = frozenset({"drift", "score_drift", "multivariate"})
"""Those that explain: by themselves they say nothing of a loss."""
OF_COMING = frozenset({"volume", "refused_share", "outcomes_late"})
"""The monitors of what comes: nobody knows what would have been earned on what did not."""
OF_THE_MODEL = OF_MONEY | OF_ESTIMATES | OF_DRIFT
"""The monitors whose breaches a new training may mend; too few requests, or refused ones, are not the model's fault."""

LEAST_LATE = timedelta(hours=2)
"""A turn that does nothing is entered once an hour: whether one is late cannot be told sooner."""


class WatchSpec(Spec):
    """The window of event time, how many false alarms are borne, who is told when, and when the model is trained anew.

    Parameters
    ----------
    tell
        The channels of each role, one or a list; a role without one is told through the first that is declared.
    hours
        When each role is on duty; always, where it is not said. Outside them only pages go out.
    digest
        When those alerts are told that page nobody, such as drift alone.
    heartbeat
        The address that is asked for after each turn that went well.
    late
        How long after the last turn `loopline status` says that nobody watches.
    """

    window: Span = timedelta(days=1)
    false_alarms: RateText = Rate(amount=1, period="month")
    refused_share: float = Field(default=0.1, ge=0, le=1)
    tell: dict[Role, Channels] = {}
    hours: dict[Role, HoursTexts] = {}
    digest: DailyText = ScheduleSpec(cron="0 8 * * *")
    escalate: EscalateSpec | None = None
    retrain: RetrainSpec | None = None
    machinery: MachinerySpec = MachinerySpec()
    heartbeat: Address | None = None
    late: Span | None = Field(default=None, ge=LEAST_LATE)

    @field_validator("heartbeat")
    @classmethod
    def _on_the_web(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://", "${", "env:")):
            raise ValueError(f"{value!r} is no address on the web; write https://..., or ${{NAME}} of the environment")
        return value
