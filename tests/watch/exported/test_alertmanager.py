"""Alerts as Alertmanager takes them: known by labels that stay, and over by themselves when nobody tells of them any more."""

from __future__ import annotations

from datetime import datetime

import pytest

from loopline.watch.exported.alertmanager import body, place
from loopline.watch.told import LASTING, RENEWED
from tests.watch.world import DAY, World


@pytest.mark.parametrize("channel", ["alertmanager+http://host:9093", "alertmanager+http://host:9093/"])
def test_alerts_are_posted_to_the_second_version_of_its_api(channel: str) -> None:
    assert place(channel) == "http://host:9093/api/v2/alerts"
    assert place("alertmanager+https://u:${PASSWORD}@host/am") == "https://u:${PASSWORD}@host/am/api/v2/alerts"


@pytest.mark.parametrize(("monitor", "severity"), [("worth_promised", "critical"), ("refused_share", "warning"), ("drift", "info")])
def test_how_loud_an_alert_is_is_its_severity(monitor: str, severity: str) -> None:
    world = World.of()
    made = body("shop", world.alerts[world.open(monitor)], [], now=world.now, is_over=False, look="look")
    assert made["labels"]["severity"] == severity
    assert all(isinstance(value, str) and value for value in (*made["labels"].values(), *made["annotations"].values()))


def test_an_alert_keeps_its_labels_from_its_first_breach_to_its_end() -> None:
    world = World.of()
    id = world.open("drift", "x")
    begun = body("shop", world.alerts[id], [], now=world.now, is_over=False, look="look")
    world.now += DAY
    world.say(id, "resolved")
    over = body("shop", world.alerts[id], [], now=world.now, is_over=True, look="look")
    assert (begun["labels"], begun["startsAt"]) == (over["labels"], over["startsAt"])
    assert datetime.fromisoformat(over["endsAt"]) == world.now
    assert datetime.fromisoformat(begun["endsAt"]) == world.now - DAY + LASTING


def test_one_that_lasts_is_told_again_before_it_ends_by_itself() -> None:
    assert RENEWED < LASTING
