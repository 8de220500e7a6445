import csv
import io
import random

import numpy as np
import polars as pl
import pytest

from loopline.data.formats.opening import open_reading
from loopline.data.formats.reading import whole
from loopline.data.proposals.infer import draft
from loopline.data.spec import SourceSpec
from loopline.errors import Mistake

NULLS = SourceSpec(path="x").nulls


def looked(rows, target="y", **more):
    return draft(pl.DataFrame([{name: str(value) for name, value in row.items()} for row in rows]), target, nulls=NULLS, **more)


def rows(count=300, **columns):
    chance = random.Random(0)
    for number in range(count):
        yield {
            "n": chance.randint(0, 99),
            "word": chance.choice("abc"),
            **{name: value(number, chance) for name, value in columns.items()},
            "y": chance.choice(["yes", "no"]),
        }


def test_types_ranges_and_values_are_taken_from_the_rows_and_what_is_new_only_warns():
    told = looked(rows(size=lambda _, chance: chance.choice([1.5, 2.5, 3.5, 9.5])))
    column = told.columns["n"]
    assert (column.type, column.min, column.max, column.severity) == ("integer", 0, 99, "warn")
    column = told.columns["word"]
    assert (column.type, column.values, column.severity) == ("category", ("a", "b", "c"), "warn")
    assert (told.columns["size"].type, told.columns["size"].max) == ("number", 9.5)
    assert (told.accepted, told.refused, told.left_out, told.target.positive) == (300, {}, (), "yes")


def test_a_date_in_the_order_of_the_rows_is_the_time():
    told = looked(
        rows(born=lambda _, chance: f"19{chance.randint(50, 99)}-01-0{chance.randint(1, 9)}", at=lambda number, _: f"{1 + number // 25}/{1 + number % 25}/2011")
    )
    assert (told.time, told.ordered, told.columns["at"].type, told.columns["at"].format) == ("at", False, "date", "%m/%d/%Y")
    assert told.columns["born"].type == "date"


def test_a_date_that_is_not_in_order_nor_named_so_is_no_time():
    told = looked(rows(born=lambda _, chance: f"19{chance.randint(50, 99)}-01-0{chance.randint(1, 9)}"))
    assert told.time is None
    assert any("--time" in note for note in told.notes)


def test_an_identifier_is_the_key_and_not_learned_from():
    told = looked(rows(visit=lambda number, _: f"v-{number}"))
    assert told.key == ("visit",)
    assert (told.columns["visit"].use, [finding.column for finding in told.left_out]) == (False, ["visit"])


def test_signs_for_null_are_found_where_numbers_are_hidden_behind_them():
    told = looked(rows(age=lambda number, chance: "?" if number % 7 == 0 else chance.randint(1, 90)))
    assert (told.nulls, told.columns["age"].type, told.accepted) == (("?",), "integer", 300)


def test_a_few_stray_values_are_refused_and_counted():
    told = looked(rows(600, age=lambda number, chance: "about 30" if number == 5 else chance.randint(1, 90)))
    assert (told.columns["age"].type, told.refused, told.accepted) == ("integer", {"age is not a whole number": 1}, 599)


def test_one_stray_word_makes_no_category_of_a_few_numbers():
    told = looked(rows(calls=lambda number, chance: "x" if number == 7 else chance.randint(0, 8)))
    assert (told.columns["calls"].type, told.columns["calls"].max) == ("integer", 8)
    assert sum(told.refused.values()) == 1


def test_months_that_go_forward_tell_that_rows_are_in_the_order_of_time():
    names = ["may", "jun", "jul", "oct", "nov", "mar", "apr", "jun", "sep", "dec"]
    assert looked(rows(400, month=lambda number, _: names[number // 40])).ordered
    assert not looked(rows(400, month=lambda _, chance: chance.choice(names))).ordered


def test_several_numbers_that_hardly_move_tell_it_too_unless_rows_are_sorted_by_the_outcome():
    def slow(number, chance, shift):
        return round(np.sin(number / 200 + shift) + chance.gauss(0, 0.01), 4)

    columns = {f"rate{index}": lambda number, chance, index=index: slow(number, chance, index) for index in range(3)}
    told = list(rows(1000, **columns))
    assert looked(told).ordered
    assert not looked(sorted(told, key=lambda row: row["y"])).ordered
    assert not looked(random.Random(1).sample(told, len(told))).ordered


def test_a_leak_is_kept_where_nothing_else_would_be_left():
    told = looked([{"copy": row["y"].upper(), "y": row["y"]} for row in rows(200)])
    assert told.left_out == ()
    assert any("copy looks like a leak" in note for note in told.notes)


@pytest.mark.parametrize(
    ("options", "where", "says"),
    [
        ({"target": "Y"}, "--target", "did you mean 'y'"),
        ({"time": "when"}, "--time", "no column 'when'"),
        ({"time": "n"}, "--time", "not dates or times"),
        ({"key": ("nn",)}, "--key", "did you mean 'n'"),
    ],
)
def test_columns_that_the_user_names_wrongly_are_told(options, where, says):
    with pytest.raises(Mistake) as caught:
        looked(rows(), **options)
    assert (caught.value.where, says in str(caught.value)) == (where, True)


def test_a_third_value_in_a_few_rows_is_asked_about():
    told = looked([{**row, "y": "maybe"} if at in (7, 77) else row for at, row in enumerate(rows(1000))])
    assert (told.target.task, len(told.target.classes)) == ("multiclass", 3)
    assert any(note.startswith("y has more values than 'no' and 'yes': 'maybe' in 2 rows: a slip?") for note in told.notes)
    thirds = looked([{**row, "y": "maybe"} if at % 3 else row for at, row in enumerate(rows(1000))])
    assert not any("slip" in note for note in thirds.notes)


@pytest.mark.parametrize(
    ("name", "target", "task", "time", "key", "ordered", "left_out"),
    [
        ("german_credit.csv", "default", "binary", None, (), False, set()),
        ("dry_bean.csv", "Class", "multiclass", None, ("Bean ID",), False, {"Bean ID"}),
        ("bike_sharing_hour.csv", "cnt", "regression", "dteday", ("instant",), False, {"instant", "casual", "registered"}),
        ("bank_additional_full.csv.gz", "y", "binary", None, (), True, {"duration"}),
        ("car_loan/reference.csv.gz", "repaid", "binary", "timestamp", ("id",), False, {"id", "y_pred_proba", "y_pred"}),
    ],
)
def test_real_data_sets_are_understood_and_their_leaks_left_out(shared_data, name, target, task, time, key, ordered, left_out):
    reading = open_reading(shared_data / name, SourceSpec(path=name), where=name)
    batch = whole(reading)
    reading.close()
    told = draft(batch.frame, target, nulls=NULLS)
    assert (told.target.task, told.time, told.key, told.ordered) == (task, time, key, ordered)
    assert {finding.column for finding in told.left_out} == left_out
    assert told.accepted == told.rows == batch.read


def test_a_table_of_any_size_from_fifty_rows_on_is_understood():
    for count in (50, 51, 60, 99):
        file = io.StringIO()
        told = list(rows(count))
        csv.DictWriter(file, told[0]).writerows(told)
        assert looked(told).rows == count
