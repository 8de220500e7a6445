import random

import polars as pl
import pytest

from loopline.data.contract.contract import Terms, check
from loopline.data.proposals.proposal import propose
from loopline.data.spec import SourceSpec
from loopline.data.spec_contract import ReferenceSpec, RuleSpec

NULLS = SourceSpec(path="x").nulls


def orders(count=500, **changed):
    chance = random.Random(0)
    for number in range(count):
        net, tax = round(chance.uniform(5, 90), 2), round(chance.uniform(1, 9), 2)
        row = {
            "id": f"AB{number:06}",
            "customer_id": chance.randint(1, 40),
            "net": net,
            "tax": tax,
            "total": round(net + tax, 2),
            "state": chance.choice(["new", "paid", "sent"]),
            "note": "".join(chance.choices("abcd ef", k=chance.randint(0, 30))),
            "at": f"2024-01-{1 + number // 20:02}",
        }
        yield {**row, **{name: make(number) for name, make in changed.items()}}


def proposed(rows, **more):
    return propose(pl.DataFrame([{name: str(value) for name, value in row.items()} for row in rows]), nulls=NULLS, **more)


def test_each_rule_comes_with_the_evidence_for_it():
    told = proposed(orders())
    assert (told.key, told.time, told.rows, told.refused) == (("id",), "at", 500, {})
    ident, state, net, note = (told.columns[name] for name in ("id", "state", "net", "note"))
    assert (ident.pattern, ident.required, ident.severity) == (r"AB\d{6}", True, "warn")
    assert (state.type, state.values) == ("category", ("new", "paid", "sent"))
    assert (net.type, net.min is not None, net.required) == ("number", True, True)
    assert (note.required, str(note.length)) == (False, "1..30")
    assert "all 500 different texts are written so" in told.evidence["id"]
    assert "missing" in told.evidence["note"]
    assert ("abs(total - (net + tax)) < 0.01", "500 rows, no exception", True) in [(one.spec.check, one.evidence, one.certain) for one in told.rules]


def test_the_proposed_contract_accepts_the_rows_it_was_made_from():
    rows = pl.DataFrame([{name: str(value) for name, value in row.items()} for row in orders()])
    told = propose(rows, nulls=NULLS, strict=True)
    contract = told.contract()
    done = check(rows, Terms(contract.columns, key=told.key, time=told.time, nulls=NULLS, rules=contract.rules))
    assert (done.accepted.height, done.reasons, done.warnings) == (500, {}, {})


def test_a_rule_with_exceptions_is_for_a_person_to_decide():
    told = proposed(list(orders())[:-2] + [{**row, "total": 999.99} for row in list(orders())[-2:]])
    rule = next(one for one in told.rules if "net + tax" in one.spec.check)
    assert (rule.certain, rule.evidence) == (False, "500 rows, 2 exceptions: decide whether they are wrong")
    assert rule.spec not in told.contract().rules


def test_strict_refuses_where_it_would_warn():
    told = proposed(orders(), strict=True)
    assert {spec.severity for spec in told.columns.values()} == {"refuse"}
    assert {one.spec.severity for one in told.rules} == {"refuse"}


def test_a_few_stray_cells_are_counted_and_not_made_a_type():
    told = proposed(orders(net=lambda number: "about 30" if number == 7 else number / 4))
    assert told.columns["net"].type == "number"
    assert told.refused == {"net is not a number": 1}
    assert any("1 of 500 rows would be refused: net is not a number" in question for question in told.questions)


def test_a_column_of_another_tables_key_refers_to_it():
    told = proposed(orders(), others={"customers": {"id": pl.Series(range(1, 60))}})
    reference = next(one.spec for one in told.rules if isinstance(one.spec, ReferenceSpec))
    assert (reference.columns, reference.table, reference.to) == (("customer_id",), "customers", ("id",))
    assert told.columns["customer_id"].min is None


def test_without_a_column_that_names_the_row_several_do_or_a_person_is_asked():
    told = proposed([{"station": f"s{station}", "hour": hour, "temp": 10} for station in range(12) for hour in range(60)])
    assert told.key == ("station", "hour")
    assert any("together come once" in question for question in told.questions)
    told = proposed([{"a": number % 3, "b": number % 2} for number in range(200)])
    assert told.key == ()
    assert any("no two or three columns name a row" in question for question in told.questions)


def test_few_rows_ask_for_little():
    told = proposed(list(orders(8)))
    assert not any(spec.required or spec.pattern for spec in told.columns.values())
    assert [one for one in told.rules if isinstance(one.spec, RuleSpec)] == []


@pytest.mark.parametrize("rows", [[{"a": ""}], [{"a": "x"}], [{"a": "1", "b": ""}] * 60])
def test_odd_tables_are_no_trouble(rows):
    assert set(proposed(rows).columns) == set(rows[0])
