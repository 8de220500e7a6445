import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.data.contract.contract import Terms, check
from loopline.data.spec import LINE, ColumnSpec
from loopline.data.spec_contract import ReferenceSpec, RuleSpec
from loopline.data.testing.cases import SHOWN, try_rows

ROWS = pl.DataFrame(
    {
        "id": ["1", "2", "2", "x", "5", ""],
        "state": ["new", "paid", "lost", "new", "new", "new"],
        "code": ["AB1", "AB2", "ab3", "AB4", "AB55", "AB6"],
        "start": ["1", "2", "9", "4", "5", "6"],
        "end": ["2", "2", "3", "", "5", "7"],
        LINE: [2, 3, 4, 5, 6, 7],
    }
)


def terms(columns=None, **more):
    return Terms({name: ColumnSpec.model_validate(spec) for name, spec in (columns or {}).items()}, nulls=[""], **more)


def told(columns=None, *, rows=ROWS, apart=(), merged=False, **more):
    return {verdict.name: verdict for verdict in try_rows(rows, terms(columns, **more), apart=apart, merged=merged).verdicts}


def test_every_rule_of_a_column_is_a_case_of_its_own():
    found = told(
        {
            "id": {"type": "integer", "required": True, "min": 2, "max": 4, "unique": True},
            "state": {"values": ["new", "paid"], "severity": "warn"},
            "code": {"pattern": "[A-Z]{2}[0-9]", "length": 3, "severity": {"length": "stop"}},
        }
    )
    assert {name: (verdict.outcome, verdict.severity, verdict.broken) for name, verdict in found.items()} == {
        "rows: not empty": ("pass", "refuse", 0),
        "id: integer": ("fail", "refuse", 1),
        "id: required": ("fail", "refuse", 1),
        "id: min 2": ("fail", "refuse", 1),
        "id: max 4": ("fail", "refuse", 1),
        "id: unique": ("fail", "refuse", 1),
        "state: values": ("warn", "warn", 1),
        "code: pattern [A-Z]{2}[0-9]": ("fail", "refuse", 2),
        "code: length 3..3": ("fail", "stop", 1),
    }
    assert found["state: values"].samples == ({"file": None, "line": 4, "values": {"state": "lost"}},)
    assert found["id: integer"].samples[0]["values"] == {"id": "x"}


def test_rules_over_a_row_references_and_keys_are_cases_too():
    allowed = pl.DataFrame({"name": ["new", "paid", None]})
    found = told(
        {"start": {"type": "integer"}, "end": {"type": "integer"}},
        rules=[RuleSpec(check="end >= start", severity="warn"), RuleSpec(check="end + 1 > 0", name="ends")],
        references=[(ReferenceSpec(columns=("state",), table="states", to=("name",)), allowed)],
        key=["code"],
        together=[("state", "start")],
    )
    assert (found["end >= start"].outcome, found["end >= start"].samples[0]["values"]) == ("warn", {"start": "9", "end": "3"})
    assert found["ends"].outcome == "pass"
    assert (found["state in states(name)"].broken, found["state in states(name)"].samples[0]["line"]) == (1, 4)
    assert found["key code"].outcome == "pass"
    assert found["unique state, start"].outcome == "pass"


def test_a_column_that_is_not_there_fails_and_the_others_are_looked_at_all_the_same():
    found = told({"ids": {"type": "integer"}, "state": {"values": ["new"]}}, key=["when"], rules=[RuleSpec(check="ids > 1")])
    assert (found["ids: is there"].outcome, found["when: is there"].outcome, found["state: values"].broken) == ("fail", "fail", 2)
    assert "did you mean 'id'?" in found["ids: is there"].why


def test_a_rule_that_makes_no_sense_is_an_error_of_that_case_only():
    found = told(
        {"state": {"min": 3, "required": True}, "code": {"pattern": "(?=A)"}},
        rules=[RuleSpec(check="state > 3"), RuleSpec(check="start + 1")],
    )
    assert [(verdict.name, bool(verdict.why)) for verdict in found.values() if verdict.outcome == "error"] == [
        ("state: min 3", True),
        ("code: pattern (?=A)", True),
        ("state > 3", True),
        ("start + 1", True),
    ]
    assert found["state: required"].outcome == "pass"


def test_only_the_first_rows_that_break_a_rule_are_shown_and_long_cells_are_cut():
    rows = pl.DataFrame({"a": ["y" * 500] * 20})
    verdict = told({"a": {"values": ["x"]}}, rows=rows)["a: values"]
    assert (verdict.broken, len(verdict.samples), len(verdict.samples[0]["values"]["a"])) == (20, SHOWN, 200)


def test_keys_come_once_within_a_file_where_files_take_each_others_place_and_are_no_fault_where_rows_merge():
    rows = pl.DataFrame({"id": ["1", "2", "1", "1"], "__file": ["a", "a", "b", "b"]})
    assert told(rows=rows, key=["id"])["key id"].broken == 2
    assert told(rows=rows, key=["id"], apart=["__file"])["key id"].broken == 1
    assert "key id" not in told(rows=rows, key=["id"], merged=True)


def test_no_rows_break_nothing():
    found = told({"id": {"type": "integer", "required": True}}, rows=ROWS.clear(), key=["id"])
    assert {verdict.outcome for verdict in found.values()} == {"pass"}


CELLS = st.sampled_from(["", "1", "2", "3", "x", "2.5", "-1", "yes"])


@settings(max_examples=60)
@given(
    st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=12),
    st.sampled_from([{}, {"type": "integer"}, {"type": "number", "min": 0, "severity": "warn"}, {"required": True, "values": ["1", "2"]}, {"unique": True}]),
    st.sampled_from([(), ("b",), ("a", "b")]),
)
def test_the_verdicts_count_what_the_contract_counts(rows, spec, key):
    frame = pl.DataFrame({"a": [row[0] for row in rows], "b": [row[1] for row in rows]})
    asked = terms({"a": {"type": "text", **spec}, "b": {"type": "text"}}, key=key)
    trial, done = try_rows(frame, asked), check(frame, asked)
    assert trial.accepted.equals(done.accepted)
    assert sum(verdict.broken for verdict in trial.verdicts if verdict.severity != "warn") == sum(done.reasons.values())


@pytest.mark.parametrize("column", ["columns", "a b", "__x"])
def test_odd_names_are_no_trouble(column):
    assert told({column: {"type": "integer"}}, rows=pl.DataFrame({column: ["1"]}))[f"{column}: integer"].outcome == "pass"
