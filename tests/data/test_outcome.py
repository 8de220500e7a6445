import numpy as np
import polars as pl
import pytest

from loopline.charter.spec import CharterSpec
from loopline.data.outcome import outcome_array, outcome_facts, positive_class, target_of
from loopline.errors import Mistake


def frame(values, **more):
    rows = len(values)
    return pl.DataFrame({"y": values, "x": range(rows), **more})


def charter(**said):
    return CharterSpec.model_validate({"predict": "y", **said})


@pytest.mark.parametrize(
    ("values", "task", "classes", "positive"),
    [
        (["yes"] * 30 + ["no"] * 70, "binary", ("no", "yes"), "yes"),
        (["yes"] * 70 + ["no"] * 30, "binary", ("no", "yes"), "yes"),
        ([True] * 70 + [False] * 30, "binary", ("false", "true"), "true"),
        ([1] * 70 + [2] * 30, "binary", ("1", "2"), "2"),
        ([0.0] * 30 + [1.0] * 70, "binary", ("0", "1"), "1"),
        (["a", "b", "c"] * 30, "multiclass", ("a", "b", "c"), None),
        ([3, 1, 2] * 30, "multiclass", ("1", "2", "3"), None),
        (list(range(60)), "regression", (), None),
        ([0.5, 1.5, 2.5] * 30, "regression", (), None),
    ],
)
def test_the_values_tell_the_task_its_classes_and_what_is_positive(values, task, classes, positive):
    told = target_of(frame(values), charter())
    assert (told.task, told.classes, told.positive) == (task, classes, positive)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"no": 1, "yes": 9}, "yes"),
        ({"True": 9, "False": 1}, "True"),
        ({"good": 7, "bad": 3}, "bad"),
        ({"a": 5, "b": 5}, "b"),
        ({"yes": 9, "maybe": 1}, "maybe"),
    ],
)
def test_the_positive_class_says_yes_or_is_the_rarer_one(counts, expected):
    assert positive_class(counts) == expected


def test_the_charter_overrides_what_the_values_tell():
    assert target_of(frame([1] * 70 + [2] * 30), charter(positive=1)).classes == ("2", "1")
    assert target_of(frame([1, 2, 3] * 30), charter(task="regression")).task == "regression"
    assert target_of(frame([1, 2] * 30), charter(task="multiclass")).classes == ("1", "2")


@pytest.mark.parametrize(
    ("values", "said", "says"),
    [
        ([0, 1] * 30, {"predict": "z"}, "no column 'z'"),
        ([0, 1] * 30, {"predict": "Y"}, "did you mean 'y'"),
        ([None] * 60, {}, "empty"),
        ([1] * 60, {}, "one value only"),
        ([0, 1] * 20 + [None] * 60, {}, "known in 40 rows; at least 50"),
        ([0, 1] * 30, {"positive": "yes"}, "the classes are: 0, 1"),
        ([0, 1, 2] * 30, {"task": "binary"}, "binary wants two"),
        (["a", "b"] * 30, {"task": "regression"}, "regression predicts numbers"),
        ([f"t{number}" for number in range(60)], {}, "too many to be classes"),
        ([0, 1] * 30, {"worth": {"right": 1, "wrong": 0}}, "the worth is said for multiclass"),
    ],
)
def test_a_target_that_cannot_be_predicted_is_told_with_a_remedy(values, said, says):
    with pytest.raises(Mistake) as caught:
        target_of(frame(values), charter(**said))
    assert says in str(caught.value)
    assert caught.value.remedy


def facts(values, said, **more):
    told = frame(values, **more)
    return outcome_facts(told, charter(**said), target_of(told, charter(**said)))


def test_what_is_at_stake_is_counted_in_the_rows_whose_outcome_is_known():
    told = facts(["yes"] * 30 + ["no"] * 70 + [None] * 5, {"worth": {"act_right": "10 * price", "act_wrong": -4, "miss": -1}}, price=[2.0] * 15 + [None] * 90)
    assert (told["rows"], told["known"], told["share"], told["break_even"]) == (105, 100, 0.3, None)
    assert told["do_nothing"] == pytest.approx(-0.3)
    assert told["perfect"] == pytest.approx(15 * 20 / 100)


def test_each_task_says_its_shape():
    told = facts(["a", "b", "c", "c"] * 20, {})
    assert (told["classes"], told["do_nothing"], told["perfect"]) == ({"a": 0.25, "b": 0.25, "c": 0.5}, 0.0, 1.0)
    told = facts([float(number) for number in range(101)], {})
    assert (told["mean"], told["spread"], told["do_nothing"], told["perfect"]) == (50.0, pytest.approx(25.247, abs=0.01), pytest.approx(-25.247, abs=0.01), 0.0)


def test_a_worth_that_names_a_missing_column_is_told():
    with pytest.raises(Mistake, match="did you mean 'price'") as caught:
        facts(["yes", "no"] * 30, {"worth": {"act_right": "pirce * 2"}}, price=[1.0] * 60)
    assert caught.value.where == "charter.worth.act_right"


@pytest.mark.parametrize(
    "said",
    ["city * 2", "2 * city", "10 if city > 3 else 0", "x if city in (1, 2) else 0", "min(x, city)", "-city", "city", "x and 1 < x", "1 if city < 'm' else 0"],
)
def test_a_worth_that_cannot_be_computed_names_the_expression_and_the_column(said):
    with pytest.raises(Mistake) as caught:
        facts(["yes", "no"] * 30, {"worth": {"act_right": said}}, city=["12", None] * 30)
    assert repr(said) in str(caught.value)
    assert ("city" if "city" in said else "x") in str(caught.value)
    assert caught.value.where == "charter.worth.act_right"
    assert caught.value.remedy


def test_a_worth_may_ask_for_texts():
    told = facts(["yes", "no"] * 30, {"worth": {"act_right": "6 if city == 'a' and length(lower(city)) == 1 else 0"}}, city=["a", "a", "b", "b"] * 15)
    assert told["perfect"] == pytest.approx(1.5)


def test_outcomes_become_what_the_worth_wants():
    told = frame([1] * 70 + [2] * 30)
    assert outcome_array(told["y"], target_of(told, charter())).sum() == 30
    assert outcome_array(pl.Series("y", ["b", "a"]), target_of(frame(["a", "b", "c"] * 30), charter())).tolist() == ["b", "a"]
    assert outcome_array(pl.Series("y", [1, 2]), target_of(frame(list(range(60))), charter())).dtype == np.float64
