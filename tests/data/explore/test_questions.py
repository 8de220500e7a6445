"""What an expert is asked: each rule asks where it should, and keeps silent where it should."""

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from loopline.charter.spec import CharterSpec
from loopline.data.explore.explore import explore
from loopline.data.explore.survey import survey
from loopline.data.outcome import target_of

NOW = datetime(2026, 1, 1)
ROWS = 1000


def rng():
    return np.random.default_rng(11)


def asked(columns, *, target=None, key=()):
    frame = pl.DataFrame(columns)
    found = survey([frame], key=key)
    goal = target_of(frame, CharterSpec(predict=target)) if target else None
    return {question.kind: question for question in explore(found, name="t", target=goal, now=NOW).questions}


def with_few(usual, odd, count):
    values = list(usual)
    values[50 : 50 + count] = [odd] * count
    return values


AGES = [int(age) for age in rng().integers(18, 90, ROWS)]
WORDS = [f"{word}" for word in rng().choice(["north", "south", "east"], ROWS)]


@pytest.mark.parametrize(
    ("kind", "column", "says"),
    [
        ("sentinel", with_few(AGES, 999, 20), "999"),
        ("sentinel", with_few(AGES, -1, 20), "-1"),
        ("far_out", with_few(AGES, 5000, 1), "5,000"),
        ("negative", with_few(AGES, -44, 3), "below nought"),
        ("mixed_units", with_few(rng().lognormal(0, 0.3, ROWS), 1, 0)[:700] + [1000 * float(v) for v in rng().lognormal(0, 0.3, 300)], "two units"),
        ("capped", [min(v, 80) for v in rng().integers(0, 160, ROWS).tolist()], "cut at 80"),
        ("word_for_nothing", with_few(WORDS, "unknown", 30), "unknown"),
        ("almost_numbers", with_few([str(age) for age in AGES], "see note", 5), "see note"),
        ("units", [f"{age} kg" if age % 3 else f"{age} lb" for age in AGES], "same unit"),
        ("spellings", with_few(WORDS, "North ", 9), "North"),
        ("spellings", with_few(WORDS, "nirth", 3), "nirth"),
        ("broken_letters", with_few(WORDS, "MÃ¼nchen", 3), "encoding"),
        ("blanks", with_few(WORDS, " north", 3), "blanks"),
        ("one_value", ["x"] * ROWS, "ever anything else"),
        ("mostly_missing", with_few([None] * ROWS, 5, 9), "empty"),
        ("mostly_missing", [None] * ROWS, "ever be filled"),
        ("future", with_few([date(2024, 1, 1) + timedelta(days=n % 300) for n in range(ROWS)], date(2031, 5, 5), 4), "future"),
        ("very_old", with_few([date(2024, 1, 1) + timedelta(days=n % 300) for n in range(ROWS)], date(1024, 5, 5), 4), "1900"),
        ("no_date", with_few([date(2024, 1, 1) + timedelta(days=n % 300) for n in range(ROWS)], date(1970, 1, 1), 40), "1970-01-01"),
        ("gap", [date(2024, 1, 1) + timedelta(days=n % 300 + (60 if n % 300 > 100 else 0)) for n in range(ROWS)], "not delivered"),
    ],
)
def test_a_rule_asks_where_it_should(kind, column, says):
    found = asked({"id": range(ROWS), "value": column, "x": rng().normal(size=ROWS)})
    assert kind in found, list(found)
    assert says in f"{found[kind].ask} {found[kind].because}"
    assert found[kind].columns == ("value",)


def test_columns_that_nothing_is_odd_about_raise_no_question():
    made = rng()
    table = {
        "id": range(ROWS),
        "age": AGES,
        "word": WORDS,
        "amount": made.lognormal(3, 0.7, ROWS),
        "share": made.random(ROWS),
        "temperature": made.normal(0, 10, ROWS),
        "count": made.poisson(3, ROWS),
        "day": [date(2024, 1, 1) + timedelta(days=n % 300) for n in range(ROWS)],
    }
    assert asked(table) == {}


def test_names_decide_where_only_they_can():
    made = rng()
    mixed = [float(v) for v in made.random(300)] + [float(v) for v in made.uniform(10, 99, 700)]
    assert "share_or_percent" in asked({"rate": mixed})
    assert "share_or_percent" not in asked({"weight": mixed})
    assert "code" in asked({"zip_code": made.integers(0, 30, ROWS)})
    moments = 1_700_000_000_000 + made.integers(0, 10**10, ROWS)
    assert "milliseconds" in asked({"updated": moments})["epoch"].ask
    assert "epoch" not in asked({"amount": moments})


def test_repeats_leaks_and_equal_columns_are_asked_of():
    made = rng()
    x = made.normal(size=ROWS)
    late = np.where(x + made.normal(size=ROWS) > 0, "yes", "no")
    table = pl.DataFrame({"id": [*range(ROWS - 5), *range(5)], "x": x, "y": x, "fee": np.where(late == "yes", 5.0, 0.0) + made.random(ROWS), "late": late})
    found = asked(pl.concat([table, table.head(3)]), target="late", key=["id"])
    assert "comes twice" in found["key_repeats"].ask
    assert found["repeats"].because.startswith("3 of 1,003 rows")
    assert found["leak"].columns == ("fee",)
    assert set(found["same_columns"].columns) == {"x", "y"}


def test_what_goes_missing_on_a_day_is_asked_of_and_what_is_missing_together():
    day = [date(2024, 1, 1) + timedelta(days=n // 20) for n in range(3000)]
    gone = [None if d >= date(2024, 4, 1) else 1.5 + n % 7 for n, d in enumerate(day)]
    one = [None if n % 10 == 0 else n % 5 for n in range(3000)]
    found = asked({"day": day, "gone": gone, "one": one, "other": one})
    assert found["onset"].examples == ("2024-04-01",)
    assert found["missing_together"].columns == ("one", "other")


def test_much_hangs_on_what_is_asked_first():
    frame = pl.DataFrame({"age": with_few(AGES, 999, 20), "word": with_few(WORDS, " north", 3), "only": ["x"] * ROWS})
    weights = [question.weight for question in explore(survey([frame]), name="t", now=NOW).questions]
    assert weights == sorted(weights, reverse=True)
