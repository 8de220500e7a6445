"""What is declared of features beside the columns themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from loopline.errors import Mistake
from loopline.model.declared import require_sound
from loopline.model.encode import encode
from loopline.model.features import Column, Planned, make_plan
from loopline.model.spec import FeatureSpec
from loopline.model.spec_features import names_in
from tests.model.studies import column_type

ROWS = 200
RNG = np.random.default_rng(0)
FRAME = pl.DataFrame(
    {
        "distance": RNG.integers(100, 900, ROWS),
        "air_time": RNG.normal(100, 10, ROWS),
        "nothing": [0.0] * ROWS,
        "at": pl.datetime_range(pl.datetime(2026, 1, 1), pl.datetime(2026, 1, 1, ROWS // 10), "6m", eager=True)[:ROWS],
        "kind": RNG.choice(["a", "b"], ROWS),
        "colour": RNG.choice(["red", "blue"], ROWS),
        "late": RNG.random(ROWS) < 0.5,
    }
)
COLUMNS = [Column(name, column_type(kind)) for name, kind in FRAME.schema.items()]  # type: ignore[arg-type]


def planned(said: dict[str, Any], **options: Any) -> Planned:
    return make_plan(FRAME, COLUMNS, **{"leave_out": ("late",), "spec": FeatureSpec.model_validate(said), **options})


def names(made: Planned) -> set[str]:
    return {name for _, name in made.plan.features}


def test_an_expression_is_a_feature_of_the_first_column_that_it_names() -> None:
    plan = planned({"expressions": {"speed": "distance / air_time"}}).plan
    assert ("distance", "speed") in plan.features
    assert names_in("air_time > 3 and distance < 5") == ("air_time", "distance")


@pytest.mark.parametrize(
    ("pair", "made"),
    [
        (("distance", "air_time"), {"distance × air_time", "distance / air_time"}),
        (("kind", "colour"), {"kind × colour = a × red", "kind × colour = b × blue"}),
        (("distance", "kind"), {"distance - its mean by kind"}),
        (("kind", "distance"), {"distance - its mean by kind"}),
    ],
)
def test_an_interaction_is_what_two_columns_make_by_what_they_hold(pair: tuple[str, str], made: set[str]) -> None:
    assert made <= names(planned({"interactions": [pair]}))


def test_a_rule_is_a_feature_that_says_whether_it_holds() -> None:
    plan = planned({"expressions": {"speed": "distance / air_time"}}, rules=("distance > 500", "kind == 'a' and air_time < 100")).plan
    assert [formula.name for formula in plan.formulas] == ["speed", "rule: distance > 500", "rule: kind == 'a' and air_time < 100"]
    encoded = encode(plan, {"distance": [600, 400, None], "kind": ["a", "a", None], "air_time": [90.0, None, 90.0]})
    places = [[name for _, name in plan.features].index(f"rule: {text}") for text in ("distance > 500", "kind == 'a' and air_time < 100")]
    assert encoded.numbers[:, places].tolist() == [[1, 1], [0, 0], [0, 0]], "a comparison with a null does not hold"


def test_a_number_is_compared_with_its_group() -> None:
    made = planned({"groups": [{"of": "distance", "by": "kind"}, {"of": "distance", "by": "kind", "how": "ratio"}, {"of": "air_time", "by": "distance"}]})
    assert {"distance - its mean by kind", "distance / its mean by kind"} <= names(made)
    assert made.left_out["air_time by distance"] == "no value is shared by enough rows"


@pytest.mark.parametrize(
    ("said", "what", "where"),
    [
        ({"expressions": {"speed": "distance / airtime"}}, "'airtime' is not in the table", "model.features.expressions.speed"),
        ({"expressions": {"speed": "lower(kind)"}}, "gives a text", "model.features.expressions.speed"),
        ({"expressions": {"speed": "kind * 2"}}, "'kind' is text", "model.features.expressions.speed"),
        ({"interactions": [["distance", "at"]]}, "at holds dates", "model.features.interactions[0]"),
        ({"interactions": [["distance", "size"]]}, "'size' is not in the table", "model.features.interactions[0]"),
        ({"groups": [{"of": "kind", "by": "colour"}]}, "kind holds no numbers", "model.features.groups[0]"),
        ({"groups": [{"of": "distance", "by": "air_time"}]}, "air_time names no group", "model.features.groups[0]"),
    ],
)
def test_what_cannot_be_made_is_a_mistake_that_says_where(said: dict[str, Any], what: str, where: str) -> None:
    with pytest.raises(Mistake) as caught:
        planned(said)
    assert what in caught.value.what and caught.value.where == where and caught.value.remedy


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ("distance > airtime", "'airtime' is not in the table"),
        ("kind > 2", "'kind' is text"),
    ],
)
def test_a_rule_that_cannot_be_made_is_a_mistake_that_says_which(rule: str, what: str) -> None:
    with pytest.raises(Mistake) as caught:
        planned({}, rules=("distance > 500", rule))
    assert what in caught.value.what and caught.value.where == "model.rules[1]" and caught.value.remedy


def test_a_rule_that_tells_nothing_is_left_out_and_the_others_stay() -> None:
    made = planned({}, rules=("distance > 9000", "distance > 500", "air_time > 0 or distance > 0", "late == 1"))
    assert [formula.name for formula in made.plan.formulas] == ["rule: distance > 500"]
    assert made.left_out["rule: distance > 9000"] == "it holds in no training row"
    assert made.left_out["rule: air_time > 0 or distance > 0"] == "it holds in every training row"
    assert made.left_out["rule: late == 1"] == "it reads late, which is left out"


@pytest.mark.parametrize(
    ("said", "name", "why"),
    [
        ({"expressions": {"none": "distance / nothing"}}, "none", "distance / nothing gives a number in no row"),
        ({"expressions": {"same": "distance > 0"}}, "same", "every value is the same"),
        ({"expressions": {"told": "late * 2"}}, "told", "it reads late, which is left out"),
        ({"groups": [{"of": "nothing", "by": "kind"}]}, "nothing by kind", "nothing is not learned from"),
    ],
)
def test_what_tells_nothing_is_left_out_with_its_reason(said: dict[str, Any], name: str, why: str) -> None:
    assert planned(said).left_out[name] == why


def test_nothing_is_made_of_a_column_that_is_held_to_a_direction() -> None:
    said = {"expressions": {"speed": "distance / air_time"}, "groups": [{"of": "air_time", "by": "kind"}]}
    made = planned(said, held=("air_time",))
    assert made.left_out["speed"] == "it reads air_time, with which the score may only rise or only fall"
    assert {"air_time"} == {name for column, name in made.plan.features if column == "air_time"}


def test_a_dropped_column_is_no_feature_and_may_still_be_read() -> None:
    said = {"expressions": {"speed": "distance / air_time", "slowness": "air_time / distance"}}
    made = planned(said, dropped=("air_time",))
    assert "speed" in names(made) and "air_time" not in names(made)
    assert made.left_out["slowness"] == "air_time, of which it is made, is not learned from"


def test_what_reads_the_outcome_is_refused_before_anything_is_computed() -> None:
    with pytest.raises(Mistake, match="the outcome"):
        require_sound(FeatureSpec(expressions={"told": "late * 2"}), target="late", columns=FRAME.columns)
    with pytest.raises(Mistake, match="'size' is not in the table"):
        require_sound(FeatureSpec(interactions=(("size", "kind"),)), target="late", columns=FRAME.columns)
    with pytest.raises(Mistake, match="has a column 'kind' already"):
        require_sound(FeatureSpec(expressions={"kind": "distance * 2"}), target="late", columns=FRAME.columns)
    for rule, said in (("late == 1", "the outcome"), ("size > 3", "'size' is not in the table")):
        with pytest.raises(Mistake, match=said) as caught:
            require_sound(FeatureSpec(), ("distance > 3", rule), target="late", columns=FRAME.columns)
        assert caught.value.where == "model.rules[1]"


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ({"expressions": {"x": "distance +"}}, "is not an expression"),
        ({"expressions": {"x": "1 + 2"}}, "reads no column"),
        ({"expressions": {"__x": "distance * 2"}}, "is no name"),
        ({"expressions": {"rule: x": "distance * 2"}}, "is no name"),
        ({"interactions": [["a", "a"]]}, "a stands twice"),
        ({"interactions": [["a", "b"], ["b", "a"]]}, "interactions says the same twice"),
        ({"groups": [{"of": "a", "by": "b"}, {"of": "a", "by": "b"}]}, "groups says the same twice"),
        ({"groups": [{"of": "a", "by": "b", "how": "sum"}]}, "difference"),
    ],
)
def test_a_declaration_that_says_nothing_is_refused(said: dict[str, Any], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        FeatureSpec.model_validate(said)
