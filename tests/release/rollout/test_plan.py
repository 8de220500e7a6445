"""The plan as people write it, and what they are told when it leads nowhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from loopline.release.rollout.plan import Plan
from loopline.release.spec import ReleaseSpec

WORDS = "shadow 1h -> canary 5% 1h -> canary 25% 2h -> full"


@pytest.mark.parametrize("said", [WORDS, ["shadow 1h", "canary 5% 1h", "canary 25% 2h", "full"], {"steps": WORDS}])
def test_it_is_one_text_a_list_or_steps_beside_settings(said):
    plan = ReleaseSpec.model_validate({"rollout": said}).rollout
    assert str(plan) == WORDS
    assert [(leg.kind, leg.share) for leg in plan.steps] == [("shadow", 1.0), ("canary", 0.05), ("canary", 0.25), ("full", 1.0)]
    assert [plan.at_stake(leg) for leg in range(4)] == [0.0, 0.05, 0.25, 1.0]


def test_nothing_declared_is_no_rollout():
    assert not ReleaseSpec().rollout.is_declared
    assert not Plan.model_validate({"steps": "full"}).is_declared


shares = st.lists(st.integers(1, 99), unique=True, max_size=4).map(sorted)


@given(shares, st.integers(0, 3), st.sampled_from(["15min", "2h", "1d", "1w"]))
def test_what_is_declared_comes_back_as_it_was_written(parts, shadows, span):
    words = " -> ".join([*(f"shadow {span}" for _ in range(shadows)), *(f"canary {part}% {span}" for part in parts), "full"])
    plan = Plan.model_validate({"steps": words})
    assert str(plan) == words
    assert Plan.of_json(plan.as_json()) == plan


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("canary 5% 1h", "the last step is full; write for instance: canary 5% 1h -> full"),
        ("full -> full", "full stands once"),
        ("canary 25% 1h -> canary 5% 1h -> full", "shares grow"),
        ("canary 5% 1h -> shadow 1h -> full", "shadows come first"),
        ("canary 0% 1h -> full", "lies above 0 % and below 100 %"),
        ("canary 150% 1h -> full", "lies above 0 % and below 100 %"),
        ("canary 100% 1h -> full", "lies above 0 % and below 100 %"),
        ("canary 1h -> full", "a canary answers a share"),
        ("canary 5% -> full", "does not say how long it lasts at least; write for instance canary 5% 1h"),
        ("canary 5% an hour -> full", "is not a span of time"),
        ("canary 5% -1h -> full", "is not a span of time"),
        ("cannary 5% 1h -> full", "did you mean 'canary'?"),
        ("shadow 1h -> full 100%", "write full alone"),
        ("-> full", "is no leg of a rollout"),
        ({"steps": WORDS, "margin": 0}, "greater than 0"),
        ({"steps": WORDS, "fals_alarm": 0.1}, "fals_alarm"),
    ],
)
def test_what_leads_nowhere_is_said_with_the_remedy(said, told):
    with pytest.raises(ValidationError) as caught:
        ReleaseSpec.model_validate({"rollout": said})
    assert told in str(caught.value)
