import numpy as np
import polars as pl
import pytest

from loopline.charter.spec import CharterSpec
from loopline.data.outcome import target_of
from loopline.data.proposals.leaks import find, is_identifier

ROWS = 3000


def drawn(seed=0):
    """Five columns that tell something, and what the outcome hangs on."""
    rng = np.random.default_rng(seed)
    columns = {f"x{index}": rng.normal(size=ROWS) for index in range(5)}
    return rng, columns, sum(columns.values()) + rng.normal(size=ROWS) * 2


def found(columns, outcome, **more):
    frame = pl.DataFrame({**columns, "y": outcome})
    return {finding.column: finding.kind for finding in find(frame, target_of(frame, CharterSpec(predict="y")), **more)}


def tasks(drive):
    yield np.where(drive > 2, "yes", "no")
    yield np.digitize(drive, [-2, 2]).astype(str)
    yield drive * 3 + 7


@pytest.mark.parametrize("task", [0, 1, 2], ids=["binary", "multiclass", "regression"])
def test_honest_columns_are_left_in(task):
    rng, columns, drive = drawn()
    columns |= {"kind": rng.choice(["a", "b", "c"], ROWS), "day": pl.Series(rng.integers(0, 900, ROWS)).cast(pl.Date)}
    assert found(columns, list(tasks(drive))[task]) == {}


@pytest.mark.parametrize("task", [0, 1, 2], ids=["binary", "multiclass", "regression"])
def test_a_copy_of_the_outcome_in_other_words_is_a_leak(task):
    _, columns, drive = drawn()
    outcome = list(tasks(drive))[task]
    copies = {0: np.where(outcome == "yes", 17, 4), 1: np.char.add("class ", outcome.astype(str)), 2: drive * 1.8 + 32}
    assert found(columns | {"copy": copies[task]}, outcome) == {"copy": "leak"}


def test_what_is_known_only_afterwards_stands_out_from_what_is_known_before():
    rng, columns, drive = drawn()
    outcome = np.where(drive > 2, "yes", "no")
    after = np.where(outcome == "yes", rng.exponential(9, ROWS), rng.exponential(1.5, ROWS))
    assert found(columns | {"minutes_after": after}, outcome) == {"minutes_after": "leak"}


def test_one_strong_column_among_columns_of_noise_is_no_leak():
    rng = np.random.default_rng(3)
    signal = rng.normal(size=ROWS)
    noise = {f"n{index}": rng.normal(size=ROWS) for index in range(6)}
    assert found(noise | {"signal": signal}, np.where(signal + rng.normal(size=ROWS) * 0.7 > 0, "yes", "no")) == {}


def test_a_trend_with_time_is_no_leak_where_rows_come_in_its_order():
    rng, columns, drive = drawn()
    trend = np.linspace(-12, 12, ROWS)
    outcome = np.where(drive + trend > 2, "yes", "no")
    assert found(columns | {"rate": trend + rng.normal(size=ROWS) * 0.1}, outcome) == {}


def test_the_parts_of_a_sum_that_is_the_outcome_are_leaks():
    rng, columns, drive = drawn()
    parts = {"first": rng.poisson(30, ROWS), "second": rng.poisson(20 + np.abs(drive) * 4), "third": rng.poisson(9, ROWS)}
    assert found(columns | parts, sum(parts.values())) == dict.fromkeys(parts, "leak")


def test_identifiers_and_constants_are_left_out():
    rng, columns, drive = drawn()
    names = {
        "number": np.arange(ROWS) + 5,
        "code": [f"c{index:05}" for index in rng.permutation(ROWS)],
        "customer_id": rng.permutation(ROWS) * 7,
        "same": ["a"] * ROWS,
    }
    told = found(columns | names, np.where(drive > 2, "yes", "no"))
    assert told == {"number": "identifier", "code": "identifier", "customer_id": "identifier", "same": "constant"}


def test_the_time_is_not_judged():
    _, columns, drive = drawn()
    columns |= {"at": pl.Series(np.arange(ROWS)).cast(pl.Date)}
    assert found(columns, np.where(drive > 2, "yes", "no"), time="at") == {}


def test_a_model_s_earlier_prediction_is_a_leak():
    rng, columns, drive = drawn()
    assert found(columns | {"y_pred": (drive + rng.normal(size=ROWS) * 2 > 2).astype(int)}, np.where(drive > 2, "yes", "no")) == {"y_pred": "leak"}


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("amount", [17, 3, 250, 99] * 20, False),
        ("amount", list(np.random.default_rng(0).permutation(10_000)[:100]), False),
        ("order id", list(np.random.default_rng(0).permutation(10_000)[:100]), True),
        ("instant", list(range(100)), True),
        ("price", [float(number) for number in range(100)], False),
        ("word", [f"w{number % 40}" for number in range(100)], False),
    ],
)
def test_an_identifier_has_a_value_for_each_row_and_looks_like_one(name, values, expected):
    assert is_identifier(pl.Series(name, values)) is expected
