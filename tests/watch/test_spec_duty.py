"""Hours, digest, channels and escalation as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from loopline.watch.spec import WatchSpec
from loopline.watch.spec_duty import Hours, parse_hours


def hours(text: str) -> Hours:
    (one,) = WatchSpec.model_validate({"hours": {"devops": text}}).hours["devops"]
    return one


@pytest.mark.parametrize(
    ("text", "days", "minutes", "zone"),
    [
        ("Mon-Fri 08:00-18:00 Europe/Zurich", (0, 1, 2, 3, 4), (480, 1080), "Europe/Zurich"),
        ("Sat,Sun 9:30-12:00", (5, 6), (570, 720), "UTC"),
        ("fri-mon 22:00-06:00 America/New_York", (0, 4, 5, 6), (1320, 360), "America/New_York"),
        ("monday,Wednesday-Thursday 00:00-24:00", (0, 2, 3), (0, 1440), "UTC"),
        ("00:00-24:00", (0, 1, 2, 3, 4, 5, 6), (0, 1440), "UTC"),
    ],
)
def test_hours_are_read_as_they_are_written(text: str, days: tuple[int, ...], minutes: tuple[int, int], zone: str) -> None:
    one = hours(text)
    assert (one.days, (one.begins, one.ends), one.zone) == (days, minutes, zone)


@given(st.sets(st.integers(0, 6), min_size=1), st.integers(0, 1439), st.integers(0, 1440), st.sampled_from(["UTC", "Europe/Zurich"]))
def test_hours_are_the_same_when_their_words_are_read_again(days: set[int], begins: int, ends: int, zone: str) -> None:
    if begins != ends:
        one = Hours(days=tuple(sorted(days)), begins=begins, ends=ends, zone=zone)
        assert parse_hours(str(one)) == one


@pytest.mark.parametrize(
    ("watch", "says"),
    [
        ({"hours": {"devops": "Mon-Fri"}}, "are no hours"),
        ({"hours": {"devops": "Mon-Fry 08:00-18:00"}}, "names no days"),
        ({"hours": {"devops": "Mon 08:00-25:00"}}, "no time of the day"),
        ({"hours": {"devops": "Mon 08:61-09:00"}}, "no time of the day"),
        ({"hours": {"devops": "Mon 08:00-08:00"}}, "end when they begin"),
        ({"hours": {"devops": "Mon 08:00-18:00 Europe/Nowhere"}}, "no time zone"),
        ({"hours": {"devops": "Mon 08:00-18:00 ../../etc"}}, "no time zone"),
        ({"hours": {"pilot": "08:00-18:00"}}, "pilot"),
        ({"digest": "25:00"}, "no time of the day"),
        ({"digest": "08:00 Europe/Nowhere"}, "no time zone"),
        ({"digest": "at eight"}, "schedule"),
        ({"tell": {"business": []}}, "at least 1"),
        ({"tell": {"business": "mailto://me:hunter2@example.com"}}, "password"),
        ({"escalate": {"after": "0h", "to": ["business"]}}, "greater than 0"),
        ({"escalate": {"to": []}}, "at least 1"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(watch: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says) as refused:
        WatchSpec.model_validate(watch)
    assert "hunter2" not in refused.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    ("said", "cron"), [("08:00", "0 8 * * *"), ("10:30", "30 10 * * *"), ("18:05 Europe/Zurich", "5 18 * * *"), ("0 7 * * MON-FRI", "0 7 * * MON-FRI")]
)
def test_the_digest_is_a_time_of_the_day_or_a_schedule_however_yaml_reads_it(said: str, cron: str) -> None:
    assert WatchSpec.model_validate(yaml.safe_load(f"digest: {said}")).digest.cron == cron


def test_a_role_has_one_channel_or_several() -> None:
    spec = WatchSpec.model_validate({"tell": {"business": "mailto://a@b", "devops": ["mailto://a@b", "json://c"]}, "escalate": {"to": ["business"]}})
    assert spec.tell == {"business": ("mailto://a@b",), "devops": ("mailto://a@b", "json://c")}
    assert spec.escalate is not None and spec.escalate.after == timedelta(hours=4)
    assert WatchSpec.model_validate(spec.model_dump(mode="json")) == spec
