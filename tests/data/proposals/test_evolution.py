import random
from datetime import date, timedelta

import polars as pl
import pytest

from loopline.data.proposals.evolution import evolution
from loopline.data.spec import ContractSpec, SourceSpec

CONTRACT = {
    "carrier": {"type": "category", "values": ["AA", "UA", "DL"]},
    "distance": {"type": "integer", "min": 100, "max": 900, "severity": "warn"},
    "day": {"type": "date", "format": "%Y-%m-%d"},
    "code": {"type": "text", "pattern": r"AB\d{4}", "required": True},
}


def flights(count=300, first=0, seed=0, **changed):
    chance = random.Random(seed)
    for number in range(first, first + count):
        row = {
            "id": f"v{number}",
            "carrier": chance.choice(["AA", "UA", "DL"]),
            "distance": chance.randint(100, 900),
            "day": date(2024, 1, 1) + timedelta(days=chance.randrange(300)),
            "code": f"AB{number % 10_000:04}",
            "wind": round(chance.gauss(10, 3), 1),
        }
        yield {**row, **{name: make(number, chance) for name, make in changed.items()}}


BEFORE = pl.DataFrame(list(flights())).with_columns(pl.lit("b").alias("__batch"))


def texts(rows, names=None):
    frame = pl.DataFrame([{name: str(value) for name, value in row.items()} for row in rows])
    return frame.rename(names or {})


def changes(now, before=BEFORE, contract=CONTRACT, **source):
    found = evolution(now, before, SourceSpec.model_validate({"path": "x.csv", "key": "id", **source}), ContractSpec.model_validate(contract))
    return found, {(change.kind, change.column): change for change in found.changes}


def edits(change):
    return [(edit.action, edit.part, edit.path, edit.value) for edit in change.edits]


def test_a_delivery_like_those_before_changes_nothing():
    found, told = changes(texts(flights(first=300, seed=1)))
    assert (told, found.refused, found.stops) == ({}, 0, False)


def test_new_and_missing_columns():
    rows = texts(flights(gate=lambda number, chance: chance.randint(1, 40))).drop("wind", "distance")
    found, told = changes(rows)
    assert set(told) == {("new", "gate"), ("missing", "wind"), ("missing", "distance")}
    assert edits(told["new", "gate"]) == [("put", "column", ("gate",), {"type": "integer"})]
    assert (told["missing", "wind"].effect, told["missing", "wind"].edits) == ("wind is empty in the new rows", ())
    assert edits(told["missing", "distance"]) == [("drop", "column", ("distance",), None)]
    assert found.stops
    assert "the run stops" in told["missing", "distance"].effect


def test_a_renamed_column_is_known_by_its_values_and_its_name_and_looked_at_all_the_same():
    rows = texts(flights(seed=2, carrier=lambda _, chance: chance.choice(["AA", "UA", "DL", "B6"])), {"carrier": "airline", "wind": "wind_speed"})
    _, told = changes(rows)
    assert edits(told["renamed", "carrier"]) == [("rename", "column", ("carrier",), "airline")]
    assert told["renamed", "wind"].edits == ()
    assert edits(told["values", "carrier"]) == [("extend", "column", ("carrier", "values"), ["B6"])]
    assert not [kind for kind, _ in told if kind in ("new", "missing")]


def test_a_renamed_key_is_renamed_in_the_source_too():
    _, told = changes(texts(flights(), {"id": "flight_id"}))
    assert edits(told["renamed", "id"]) == [("put", "source", ("key",), ["flight_id"])]


def test_what_names_a_renamed_column_besides_names_it_anew():
    contract = {
        **CONTRACT,
        "unique": [["code", "distance"]],
        "rules": [{"check": "distance > 5"}, {"check": "wind < 90"}, {"check": "carrier != 'distance' or `distance` > 2"}],
        "references": [{"columns": ["distance", "code"], "table": "others"}, {"columns": "carrier", "table": "others"}],
    }
    _, told = changes(texts(flights(), {"distance": "distance km"}), contract=contract)
    assert edits(told["renamed", "distance"]) == [
        ("rename", "column", ("distance",), "distance km"),
        ("put", "contract", ("unique", 0), ["code", "distance km"]),
        ("put", "contract", ("references", 0, "columns"), ["distance km", "code"]),
        ("put", "contract", ("references", 0, "to"), ["distance", "code"]),
        ("put", "contract", ("rules", 0, "check"), "`distance km` > 5"),
        ("put", "contract", ("rules", 2, "check"), "carrier != 'distance' or `distance km` > 2"),
    ]


def test_without_a_table_a_name_that_is_nearly_the_same_tells():
    _, told = changes(texts(flights(), {"distance": "Distance"}), before=None)
    assert ("renamed", "distance") in told


def test_another_column_in_the_place_of_one_is_not_its_new_name():
    rows = texts(flights(remark=lambda number, _: f"text {number}")).drop("distance")
    _, told = changes(rows)
    assert {("new", "remark"), ("missing", "distance")} == set(told)


def test_another_type():
    found, told = changes(texts(flights(distance=lambda number, _: f"{number} km")))
    change = told["retyped", "distance"]
    assert edits(change) == [("put", "column", ("distance", "type"), "text")]
    assert (change.rows, "300 of 300 rows are refused" in change.effect, found.refused) == (300, True, 300)


def test_a_few_bad_cells_are_dirt_and_change_nothing():
    found, told = changes(texts(flights(distance=lambda number, _: "unknown" if number == 7 else 500)))
    change = told["retyped", "distance"]
    assert (change.rows, change.edits, found.refused) == (1, (), 1)
    assert "'unknown'" in change.says


def test_another_format_of_dates_is_read_beside_the_old_one():
    rows = texts(flights(day=lambda number, _: f"{1 + number % 28:02}.{1 + number % 12:02}.2024"))
    _, told = changes(rows)
    assert edits(told["format", "day"]) == [
        ("put", "column", ("day", "clean"), [{"dates": ["%Y-%m-%d", "%d.%m.%Y"]}]),
        ("drop", "column", ("day", "format"), None),
    ]


def test_new_values_and_ranges_are_told_with_what_they_do():
    def carrier(number, chance):
        return "XX" if number == 5 else "B6" if number % 10 == 0 else chance.choice(["AA", "UA"])

    _, told = changes(texts(flights(carrier=carrier, distance=lambda number, _: 2500 if number % 50 == 0 else 300)))
    values = told["values", "carrier"]
    assert values.says == "carrier has 2 new values: B6 (30), XX (1)"
    assert values.effect == "31 of 300 rows are refused"
    assert edits(values) == [("extend", "column", ("carrier", "values"), ["B6"])]
    assert edits(told["range", "distance"]) == [("put", "column", ("distance", "max"), 2500)]
    assert told["range", "distance"].effect == "6 of 300 rows are accepted with a warning"


def test_what_is_empty_now_and_what_is_written_otherwise():
    _, told = changes(texts(flights(code=lambda number, _: "" if number % 3 == 0 else f"ABC{number:04}")))
    assert edits(told["required", "code"]) == [("put", "column", ("code", "required"), False)]
    assert edits(told["pattern", "code"]) == [("put", "column", ("code", "pattern"), r"[A-Z]{2,3}\d{4}")]


def test_a_distribution_that_moved_is_told_and_left_alone():
    _, told = changes(texts(flights(wind=lambda _, chance: round(chance.gauss(30, 3), 1))))
    assert (told["moved", "wind"].edits, told["moved", "wind"].effect.startswith("none")) == ((), True)


def test_rules_over_several_columns_are_for_a_person_to_decide():
    contract = {**CONTRACT, "rules": [{"check": "distance < 500"}]}
    _, told = changes(texts(flights()), contract=contract)
    assert told["rule", None].edits == ()


@pytest.mark.parametrize("before", [None, BEFORE])
def test_nothing_is_declared_and_it_still_tells(before):
    found, told = changes(texts(flights(extra=lambda number, _: number)), before=before, contract={})
    assert ("new", "extra") in told if before is not None else told == {}
    assert found.refused == 0
