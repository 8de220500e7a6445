"""Watching as it is declared: windows, thresholds and who is told."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from loopline.access.secrets import Address
from loopline.charter.spec import Role
from loopline.declaration import Rate, RateText, Span, Spec
from loopline.watch.spec_retrain import RetrainSpec

URGENCY = ("worth_baseline", "worth_promised", "performance", "volume", "refused_share", "score_drift", "drift")
"""The monitors in the order in which their alerts are told: money pages, drift explains."""


class WatchSpec(Spec):
    """The window of event time, how many false alarms are borne, and the channel of each role; when the model is trained anew."""

    window: Span = timedelta(days=1)
    false_alarms: RateText = Rate(amount=1, period="month")
    refused_share: float = Field(default=0.1, ge=0, le=1)
    tell: dict[Role, Address] = {}
    retrain: RetrainSpec | None = None
