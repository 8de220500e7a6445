"""Feedback: checked on arrival, kept in the log as its own kind, and collected so that the latest word of a person holds."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.serve.feedback import Feedback, general, read_feedback
from loopline.serve.outcomes import Malformed
from loopline.serve.segments import records
from tests.serve.packages import ROW, make_package
from tests.serve.running import Served
from tests.serve.test_collect import Bench

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=2))


@given(item=JSON | st.dictionaries(st.sampled_from(["id", "rating", "text", "who", "more"]), JSON))
def test_whatever_comes_is_feedback_or_says_in_a_line_why_not(item):
    match read_feedback(item):
        case Malformed(reason):
            assert reason and "\n" not in reason
        case made:
            assert json.loads(json.dumps(made.as_json("now"), allow_nan=False))["id"] == item["id"]


@pytest.mark.parametrize(
    ("item", "names"),
    [
        ({"rating": 1}, "id"),
        ({"id": "a"}, "rating and text"),
        ({"id": "a", "rating": "five"}, "rating"),
        ({"id": "a", "rating": True}, "rating"),
        ({"id": "a", "text": "x" * 10_001}, "text"),
        ({"id": "a", "text": "good", "who": 7}, "who"),
        ({"id": "a", "ratng": 7}, "ratng"),
    ],
)
def test_what_is_wrong_is_named(item, names):
    assert read_feedback(item).reason.startswith(f"{names}: ")


def test_a_rating_or_a_text_will_do():
    assert read_feedback({"id": "a", "rating": 4}) == Feedback("a", 4.0, None, "")
    assert read_feedback({"id": "a", "text": "good", "who": "ann"}) == Feedback("a", None, "good", "ann")


def test_feedback_is_taken_over_http_and_is_in_the_log(tmp_path):
    served = Served(tmp_path)
    try:
        package = make_package(served.lake)
        served.promote(package)
        served.start().wait_for(package)
        (answer,) = served.ask("POST", "/v1/predict", {"rows": [ROW]})[1]["predictions"]
        items = [{"id": answer["id"], "rating": 5, "text": "right", "who": "ann"}, {"id": 7}]
        problem = {"item": 1, "what": "id: it is the number 7; expected the id of a prediction, as text"}
        assert served.ask("POST", "/v1/feedback", {"feedback": items}) == (200, {"received": 1, "malformed": 1, "problems": [problem]})
        (line,) = [line for part in records(served.lake.log, "feedback") for line in part.lines]
        assert {**json.loads(line), "time": ""} == {**items[0], "rating": 5.0, "time": ""}
        assert "loopline_feedback_total 1.0" in served.ask("GET", "/metrics")[1]
    finally:
        served.close()


def test_the_latest_word_of_a_person_holds_whenever_it_came(tmp_path):
    bench = Bench(tmp_path)
    try:
        word = {"id": "20240501-f-a", "rating": 2.0, "text": None, "who": "ann"}
        bench.write("feedback", [word | {"rating": 5.0, "time": "2024-05-03T00:00:00Z"}, word | {"time": "2024-05-02T00:00:00Z"}])
        bench.write("feedback", [word | {"id": general(datetime(2024, 5, 1)), "rating": None, "text": "slow", "time": "2024-05-02T00:00:00Z"}])
        bench.write("feedback", [word | {"who": "bob", "time": "2024-05-02T00:00:00Z"}, word | {"id": "20240501-f-zz", "time": "2024-05-02T00:00:00Z"}])
        bench.predict("20240501-f-a")
        bench.write("refused", [{"time": "2024-05-01T00:00:00Z", "kind": "feedback", "package": "", "reasons": ["why"], "raw": "{}"}])
        facts = bench.collect()
        counts = {"received": 5, "matched": 2, "general": 1, "early": 1, "repeated": 1, "malformed": 1}
        assert facts["feedback"] == {**counts, "rated": 3, "mean": 3.0, "low": 2.0, "high": 5.0}
        said = "5 items of feedback: 2 for known predictions, 1 about all decisions, 1 for predictions not known (yet), 1 repeated, 1 malformed"
        assert facts["says"] == f"1 prediction, 0 outcomes matched; {said}"
        assert bench.collect() == facts
    finally:
        bench.log.close()
        bench.workspace.ledger.close()


def test_feedback_of_days_that_nothing_new_is_about_is_not_read_again(tmp_path):
    bench = Bench(tmp_path)
    try:
        word = {"rating": 4.0, "text": "good", "who": "ann", "time": "2024-05-02T00:00:00Z"}
        bench.predict("20240501-f-a")
        bench.write("feedback", [word | {"id": "20240501-f-a"}])
        assert bench.collect()["feedback"]["matched"] == 1
        (earlier,) = (tmp_path / "lake").rglob("feedback/*.parquet")
        earlier.rename(tmp_path / "elsewhere")
        bench.write("feedback", [word | {"id": "20240601-f-b", "rating": 1.0}])
        first = bench.collect()["feedback"]
        assert (first["received"], first["matched"], first["early"], first["mean"]) == (2, 1, 1, 2.5)
        (tmp_path / "elsewhere").rename(earlier)
        bench.predict("20240601-f-b")
        assert bench.collect()["feedback"] == {**first, "matched": 2, "early": 0}
        # Without what was counted before, all is counted anew and comes to the same.
        (bench.lake.log / "collected.json").write_text("{}")
        assert bench.collect()["feedback"] == {**first, "matched": 2, "early": 0}
    finally:
        bench.log.close()
        bench.workspace.ledger.close()
