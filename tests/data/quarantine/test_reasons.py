import polars as pl
import pytest

from loopline.data.contract.contract import Terms, check
from loopline.data.quarantine.reasons import broken, wants
from loopline.data.spec import ColumnSpec, DataSpec

DATA = DataSpec.model_validate(
    {
        "sources": {
            "orders": {"path": "o.csv", "key": ["id", "line and more"], "time": "at"},
            "lines": {"path": "l.csv", "contract": {"price": {"type": "number", "max": 9.5}}},
        },
        "contract": {
            "unique": [["a", "b"]],
            "rules": [{"check": "b >= a", "name": "order of a and b"}, {"check": "a > 0"}],
            "references": [{"columns": ["a", "b"], "table": "lines"}],
            "a": {"type": "integer", "min": 1, "required": True, "unique": True},
            "b": {"values": ["x", "y"], "pattern": "[a-z]", "length": "2..3"},
            "a is": {"type": "date"},
        },
    }
)
COLUMNS = ["id", "line and more", "at", "a", "b", "a is", "c"]


@pytest.mark.parametrize(
    ("reason", "rule", "columns", "where"),
    [
        ("a is not a whole number", "type", ("a",), "data.contract.a.type"),
        ("c is not a number", "type", ("c",), ""),
        ("a is is not a date (%d.%m.%Y)", "type", ("a is",), "data.contract.a is.type"),
        ("a is missing", "required", ("a",), "data.contract.a.required"),
        ("at is missing", "required", ("at",), "data.sources.orders.time"),
        ("id is missing", "required", ("id",), "data.sources.orders.key"),
        ("a is below 1", "min", ("a",), "data.contract.a.min"),
        ("b is not one of the values", "values", ("b",), "data.contract.b.values"),
        ("b does not match [a-z]", "pattern", ("b",), "data.contract.b.pattern"),
        ("b has fewer than 2 characters", "length", ("b",), "data.contract.b.length"),
        ("id and line and more repeats an earlier row", "unique", ("id", "line and more"), "data.sources.orders.key"),
        ("a is in the table already", "unique", ("a",), "data.contract.a.unique"),
        ("a and b repeats an earlier row", "unique", ("a", "b"), "data.contract.unique"),
        ("a and b is not in table lines", "references", ("a", "b"), "data.contract.references"),
        ("it breaks the rule order of a and b", "rules", (), "data.contract.rules.0"),
        ("it breaks the rule a > 0", "rules", (), "data.contract.rules.1"),
        ("too few fields for the header", "reading", (), ""),
        ("unknown is missing", "reading", (), ""),
    ],
)
def test_a_reason_leads_back_to_its_rule(reason, rule, columns, where):
    found = broken(reason, DATA, "orders", COLUMNS)
    assert (found.rule, found.columns, found.where) == (rule, columns, where)
    assert found.says


def test_the_contract_of_another_table_stands_in_its_source():
    found = broken("price is above 9.5", DATA, "lines", ["price"])
    assert (found.where, found.says, found.column) == ("data.sources.lines.contract.price.max", "max: 9.5", "price")


def test_every_reason_that_the_contract_gives_is_known():
    """So that a reworded reason does not lose its rule unseen."""
    said = {
        "n": {"type": "integer", "min": 1, "max": 8, "required": True},
        "d": {"type": "date", "format": "%Y-%m-%d"},
        "t": {"values": ["yes", "no"], "pattern": "[a-z]+", "length": "2..3"},
        "rules": [{"check": "n != 5"}],
        "references": [{"columns": "t", "table": "t"}],
    }
    data = DataSpec.model_validate({"sources": {"t": {"path": "t.csv", "key": "id"}}, "contract": said})
    rows = ["1,x,,no", "2,0,,no", "3,9,,no", "4,,x,no", "5,1,,maybe", "6,1,,Q", "7,5,,no", "8,1,,no", "8,1,,no", "9,1,,abcd", ",1,,no", "0,1,,no"]
    frame = pl.DataFrame([dict(zip(["id", "n", "d", "t"], row.split(","), strict=True)) for row in rows])
    contract = data.contract
    references = [(contract.references[0], pl.DataFrame({"t": ["yes", "no"]}))]
    taken = pl.DataFrame({"id": [0]})
    checked = check(frame, Terms(contract.columns, ["id"], None, [""], taken, rules=contract.rules, references=references))
    reasons = checked.refused["reasons"].explode().unique().to_list()
    rules = {broken(reason, data, "t", frame.columns).rule for reason in reasons}
    assert rules == {"type", "min", "max", "required", "values", "pattern", "length", "rules", "unique", "references"}
    assert len(reasons) == 14


def test_what_a_contract_wants_is_said_in_words():
    assert wants(None) == wants(ColumnSpec()) == ""
    spec = ColumnSpec.model_validate({"type": "integer", "min": 1, "max": 8, "required": True, "unique": True})
    assert wants(spec) == "integer, never missing, comes once, from 1 to 8"
    assert wants(ColumnSpec(values=tuple("abcdefghij"))) == "one of a, b, c, d, e, f, g, h and 2 more"
    assert wants(ColumnSpec.model_validate({"max": 2, "pattern": "x+", "length": "..3", "format": "%Y"})) == "as %Y, at most 2, matches x+, ..3 characters"
