"""The exploration as a whole, and its page: of real tables, of odd ones, and of hostile ones."""

import json
import re
from datetime import date, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.charter.spec import CharterSpec
from loopline.data.explore.explore import explore
from loopline.data.explore.page import html
from loopline.data.explore.rows import rows_of_file
from loopline.data.explore.survey import survey
from loopline.data.outcome import target_of
from loopline.errors import Mistake

NOW = datetime(2026, 1, 1)
CELLS = st.fixed_dictionaries(
    {
        "n": st.none() | st.integers(-(2**63), 2**63 - 1),
        "f": st.none() | st.floats(),
        "w": st.none() | st.text(max_size=12),
        "b": st.none() | st.booleans(),
        "d": st.none() | st.dates(),
        "t": st.none() | st.datetimes(datetime(1, 1, 1), datetime(9999, 1, 1)),
    }
)
SCHEMA = {"n": pl.Int64, "f": pl.Float64, "w": pl.String, "b": pl.Boolean, "d": pl.Date, "t": pl.Datetime("us")}


@settings(max_examples=60)
@given(st.lists(CELLS, min_size=1, max_size=40), st.sampled_from([1, 30]))
def test_any_table_gets_its_page(rows, times):
    found = explore(survey([pl.DataFrame(rows * times, schema=SCHEMA)], key=["n"]), name="t", now=NOW)
    json.dumps(found.to_json(), allow_nan=False)
    assert "</html>" in html(found)


def test_names_and_values_cannot_change_the_page():
    bad = "<script>alert(1)</script>\"'&{{ 7*7 }}"
    table = pl.DataFrame({bad: [bad, "a", bad, "a", None] * 20, "x": range(100), "late": ["yes", "no"] * 50})
    found = explore(survey([table]), name=bad, source=bad, notes=[bad], target=target_of(table, CharterSpec(predict="late")), now=NOW)
    page = html(found)
    assert "<script" not in page
    assert "{{ 7*7 }}" in page


def test_the_page_needs_nothing_from_elsewhere():
    table = pl.DataFrame({"day": [date(2024, 1, 1 + number % 28) for number in range(200)], "x": range(200), "w": ["a", None] * 100})
    page = html(explore(survey([table]), name="t", now=NOW))
    assert not re.findall(r"(?i)(?:src|href)\s*=\s*[\"'](?!#)", page)
    assert not re.findall(r"(?i)https?://|@import|url\(", page)


def test_real_calls_of_a_bank_are_seen_as_their_makers_describe_them(shared_data):
    rows = rows_of_file(shared_data / "bank_additional_full.csv.gz")
    surveyed = survey(rows.chunks, total=rows.total)
    found = explore(surveyed, name=rows.name, source=rows.source, target=target_of(surveyed.sample, CharterSpec(predict="y")), now=NOW)
    assert (surveyed.rows, surveyed.repeats.rows) == (41_188, 12)
    assert [leak.column for leak in found.leaks] == ["duration"]
    asked = {(question.kind, question.columns[:1]) for question in found.questions}
    assert {("sentinel", ("pdays",)), ("leak", ("duration",)), ("repeats", ())} <= asked
    assert found.associations.value("euribor3m", "emp.var.rate") > 0.9
    assert len(html(found)) < 400_000


def test_a_sample_is_said_to_be_one():
    table = pl.DataFrame({"x": range(5000), "w": [f"w{number % 7}" for number in range(5000)]})
    found = explore(survey([table], sample_rows=500), name="t", now=NOW)
    assert found.to_json()["sample"] == {"rows": 500, "whole": False}
    assert found.to_json()["columns"][0]["max"] == 4999, "extremes are of all rows"
    assert "500 drawn by chance" in html(found)
    assert "drawn by chance" not in html(explore(survey([table]), name="t", now=NOW))


def test_records_that_are_no_rows_are_counted_and_left_out(tmp_path):
    (tmp_path / "a.csv").write_text("id,x\n1,2\n2\n3,4\n")
    rows = rows_of_file(tmp_path / "a.csv")
    assert (survey(rows.chunks).rows, rows.notes) == (2, ("1 of 3 records could not be read as rows and are left out.",))


@pytest.mark.parametrize(("content", "says"), [(None, "no such file"), ("", "empty"), ("a,b\n", "no rows"), ("a,b\n,\n,\n", "no record")])
def test_a_file_without_rows_is_refused_in_words(tmp_path, content, says):
    file = tmp_path / "a.csv"
    if content is not None:
        file.write_text(content)
    with pytest.raises(Mistake, match=says):
        survey(rows_of_file(file).chunks)


def test_lists_and_records_are_looked_at_as_they_are_written(tmp_path):
    pl.DataFrame({"id": [1, 2], "tags": [["a", "b"], None], "at": [{"x": 1}, {"x": 2}]}).write_parquet(tmp_path / "a.parquet")
    found = survey(rows_of_file(tmp_path / "a.parquet").chunks)
    assert found.sample["tags"].to_list() == ["a; b", None]
    assert found.sample["at"].to_list() == ["{'x': 1}", "{'x': 2}"]
