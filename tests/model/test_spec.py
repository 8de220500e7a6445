"""The model as it is declared."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from loopline.errors import Mistake
from loopline.model import spec
from loopline.model.spec import ModelSpec


def test_everything_has_a_default() -> None:
    spec = ModelSpec()
    assert spec.families == ("linear", "lightgbm", "extra_trees", "random_forest")
    assert spec.search.trials == 40


def test_a_mistyped_family_is_told_the_nearest_right_word() -> None:
    with pytest.raises(ValidationError, match="no family 'ligthgbm'; did you mean lightgbm"):
        ModelSpec.model_validate({"families": ["ligthgbm"]})


def test_ones_own_family_is_named_by_module_and_function() -> None:
    assert ModelSpec.model_validate({"families": ["trees.mine:family"]}).families == ("trees.mine:family",)


def test_a_family_is_named_once() -> None:
    with pytest.raises(ValidationError, match="names linear twice"):
        ModelSpec.model_validate({"families": ["linear", "linear"]})


def test_no_family_is_a_mistake() -> None:
    with pytest.raises(ValidationError):
        ModelSpec.model_validate({"families": []})


def test_columns_whose_groups_must_be_served_alike_are_declared() -> None:
    assert ModelSpec.model_validate({"fairness": ["sex", "age"]}).fairness == ("sex", "age")
    assert ModelSpec().fairness == ()


def test_a_family_whose_extra_is_absent_is_told_before_anything_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spec, "find_spec", lambda name: None)
    assert not spec.installed("xgboost")
    assert spec.installed("linear")
    spec.require_installed(["linear", "lightgbm"])
    with pytest.raises(Mistake, match=r"'xgboost' needs the extra.*pip install 'loopline\[xgboost\]'"):
        spec.require_installed(["linear", "xgboost"])


def test_the_families_that_are_tried_unasked_need_no_extra() -> None:
    assert not set(ModelSpec().families) & set(spec.EXTRAS)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (["distance >"], "is not an expression"),
        (["distance"], "'distance' is no condition; write what holds"),
        (["distance * 2 + 1"], "is no condition"),
        (["1 < 2"], "reads no column"),
        (["distance > 3", "distance > 3"], "rules says 'distance > 3' twice"),
        ([f"distance > {number}" for number in range(201)], "at most 200"),
    ],
)
def test_a_rule_is_a_condition_that_reads_a_column(rules: list[str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ModelSpec.model_validate({"rules": rules})


def test_the_family_of_rules_needs_rules() -> None:
    with pytest.raises(ValidationError, match=r"families names rules, and there are none; say them, as in rules: \['dep_delay > 60'\]"):
        ModelSpec.model_validate({"families": ["rules", "linear"]})
    assert ModelSpec.model_validate({"families": ["rules"], "rules": ["dep_delay > 60"]}).rules == ("dep_delay > 60",)
