"""The plan of a rollout as it is declared."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import TypeAdapter, ValidationError

from loopline.release.rollout.plan import Leg, Plan, PlanText, parse_leg
from loopline.release.spec import ReleaseSpec

TEXT = "shadow 1h -> canary 5% 1h -> canary 25% 2h -> full"


def plan(declared: object) -> Plan:
    return ReleaseSpec.model_validate({"rollout": declared}).rollout


def test_a_list_a_text_and_a_mapping_say_the_same() -> None:
    listed = plan(["shadow 1h", "canary 5% 1h", "canary 25% 2h", "full"])
    assert listed == plan(TEXT) == plan({"plan": TEXT}) == plan({"plan": TEXT.split(" -> ")})
    assert listed.legs[2] == Leg(kind="canary", share=0.25, hours=2.0)
    assert str(listed) == TEXT


def test_without_a_plan_a_package_decides_at_once() -> None:
    assert str(ReleaseSpec().rollout) == "full"


def test_settings_stand_beside_the_legs() -> None:
    asked = plan({"plan": TEXT, "non_inferiority": 0.5, "without_outcomes": "approve", "patience": "3d"})
    assert (asked.non_inferiority, asked.without_outcomes, asked.approver, asked.patience) == (0.5, "approve", "business", timedelta(days=3))


def test_a_plan_comes_back_from_its_json() -> None:
    asked = plan({"plan": TEXT, "alpha": 0.01, "patience": "3d"})
    assert plan(asked.model_dump(mode="json", by_alias=True)) == asked


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ("canary 25% 1h -> canary 5% 1h -> full", "canary 5% 1h comes after canary 25% 1h; let the share rise from leg to leg"),
        ("canary 25% 1h -> shadow 1h -> full", "shadow 1h comes after canary 25% 1h; let the share rise"),
        ("full -> full", "full comes after full"),
        ("shadow 1h -> canary 5% 1h", "the plan does not end with full; add full as its last leg"),
        ([], "the plan does not end with full"),
        ("", "there is no leg ''; write shadow 1h, canary 5% 1h, full"),
        ("canary 0% 1h -> full", "0% is not a canary's share; write one above 0% and below 100%"),
        ("canary 150% 1h -> full", "150% is not a canary's share"),
        ("canary -5% 1h -> full", "-5% is not a canary's share"),
        ("canry 5% 1h -> full", "there is no leg 'canry'; did you mean 'canary'?"),
        ("canary 5% -> full", "'canary 5%' is not a leg; write it as 'canary 5% 1h'"),
        ("canary 0.05 1h -> full", "'canary 0.05 1h' is not a leg; write it as 'canary 5% 1h'"),
        ("canary 1h -> full", "'canary 1h' is not a leg"),
        ("shadow 5% 1h -> full", "'shadow 5% 1h' is not a leg; write it as 'shadow 1h'"),
        ("shadow -> full", "'shadow' is not a leg; write it as 'shadow 1h'"),
        ("shadow -1h -> full", "'-1h' is not a span of time; write a number and a unit"),
        ("shadow 0h -> full", "'shadow 0h' lasts no time"),
        ("full 1h", "'full 1h' is not a leg; write it as 'full'"),
        ([None, "full"], "there is no leg 'None'"),
        ({"plan": "full", "alpha": 0}, "greater than 0"),
        ({"plan": "full", "without_outcomes": "promote"}, "'hold' or 'approve'"),
        ({"plan": "full", "non_inferiority": float("inf")}, "finite number"),
        (7, "7 is no plan; write its legs, such as shadow 1h -> canary 5% 1h -> full"),
        (None, "None is no plan; write its legs"),
        ({"plan": {"shadow": "1h"}}, "is no plan; write its legs"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_its_remedy(declared: object, says: str) -> None:
    with pytest.raises(ValidationError) as told:
        TypeAdapter(PlanText).validate_python(declared)
    first = told.value.errors(include_url=False)[0]["msg"]
    assert says in first and "\n" not in first


def test_both_are_compared_on_halves_in_a_shadow() -> None:
    assert (parse_leg("shadow 1h").split, parse_leg("canary 5% 1h").split) == (0.5, 0.05)
    assert plan({"plan": TEXT, "withdraw_within": 1000}).tightest == pytest.approx(47.5)
