"""Alerts of the machinery over many looks: one for each cause, and no flapping."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from loopline.watch.machinery.raised import FINE_NEEDED, Looks, drafts, fine
from loopline.watch.monitors.watched import Breach
from tests.watch.machinery.facts import HOUR, NOW


def breach(monitor: str = "disk", feature: str = "") -> Breach:
    return Breach(monitor=monitor, feature=feature, role="devops", says=f"{monitor} is bad", value=1, limit=0)


class Story:
    """Looks one after the other, and the alerts that they leave."""

    def __init__(self) -> None:
        self.recorded: dict[str, dict[str, Any]] = {}
        self.counts: dict[str, int] = {}
        self.now = NOW

    def look(self, looks: Looks) -> list[str]:
        """The states of what was entered."""
        self.now += HOUR
        counts = fine(looks, self.recorded, self.counts)
        made = drafts(looks, self.recorded, counts, self.counts, self.now)
        self.recorded |= {draft.subject: dict(draft.body) for draft in made}
        self.counts = counts
        return [str(draft.body["state"]) for draft in made]


def test_a_cause_that_lasts_is_one_alert() -> None:
    story = Story()
    assert [story.look({"disk": [breach()]}) for _ in range(5)] == [["open"], [], [], [], []]
    (body,) = story.recorded.values()
    assert (body["package"], body["role"], body["since"]) == ("", "devops", (NOW + HOUR).isoformat())


def test_it_is_resolved_after_several_fine_looks_in_a_row_and_those_that_cannot_judge_do_not_count() -> None:
    story = Story()
    story.look({"disk": [breach()]})
    assert [story.look(looks) for looks in ({"disk": []}, {"disk": []}, {"disk": [breach()]}, {"disk": []}, {"disk": None}, {"disk": []})] == [[]] * 6
    assert story.look({"disk": []}) == ["resolved"]
    assert story.look({"disk": []}) == []
    assert story.look({"disk": [breach()]}) == ["open"]


def test_two_steps_that_fail_are_two_causes() -> None:
    story = Story()
    assert story.look({"pipeline_failed": [breach("pipeline_failed", "data ingest"), breach("pipeline_failed", "model search")]}) == ["open", "open"]


def test_what_a_person_resolved_stays_so_until_it_was_fine_once() -> None:
    story = Story()
    story.look({"disk": [breach()]})
    (body,) = story.recorded.values()
    body |= {"state": "resolved", "by": "ann"}
    assert story.look({"disk": [breach()]}) == []
    assert story.look({"disk": []}) == []
    assert story.look({"disk": [breach()]}) == ["open"]


@given(st.lists(st.sampled_from(["bad", "fine", "unknown"]), max_size=60))
def test_an_alert_is_open_from_its_breach_until_enough_fine_looks(looks: list[str]) -> None:
    story, run, is_open = Story(), 0, False
    for one in looks:
        story.look({"disk": {"bad": [breach()], "fine": [], "unknown": None}[one]})
        run = 0 if one == "bad" else run + (one == "fine")
        is_open = one == "bad" or (is_open and run < FINE_NEEDED)
        assert any(body["state"] == "open" for body in story.recorded.values()) == is_open
