"""Watching as it is declared: windows, thresholds and who is told."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, field_validator

from loopline.access.secrets import Address
from loopline.charter.spec import Role
from loopline.declaration import Rate, RateText, Span, Spec
from loopline.watch.spec_machinery import MACHINERY, MachinerySpec
from loopline.watch.spec_retrain import RetrainSpec

URGENCY = ("worth_baseline", "worth_promised", "performance", "volume", "refused_share", "score_drift", "drift", *MACHINERY)
"""The monitors in the order in which their alerts are told: money pages, drift explains."""

LEAST_LATE = timedelta(hours=2)
"""A turn that does nothing is entered once an hour: whether one is late cannot be told sooner."""


class WatchSpec(Spec):
    """The window of event time, how many false alarms are borne, and the channel of each role; when the model is trained anew.

    `heartbeat` is asked for after each turn that went well. `late` is how long after the last turn `loopline status` says that nobody watches.
    """

    window: Span = timedelta(days=1)
    false_alarms: RateText = Rate(amount=1, period="month")
    refused_share: float = Field(default=0.1, ge=0, le=1)
    tell: dict[Role, Address] = {}
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
