"""Many rows at once, over real sockets: every format gets the same checks and scores, and each prediction is in the log."""

from __future__ import annotations

import io
import json

import httpx
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loopline.serve.media import ARROW, CSV, JSON, LINES
from tests.serve.packages import LOOKUP, ROW, make_package
from tests.serve.running import Served
from tests.serve.speaking import ROWS, logged, native, understood, written


@pytest.mark.parametrize("media", [JSON, LINES, CSV, ARROW])
@pytest.mark.parametrize("accept", [None, JSON, LINES, CSV, ARROW])
def test_many_rows_are_answered_in_the_format_that_is_asked_for(served, client, media, accept):
    headers = {"content-type": media, "accept": accept or "*/*"}
    answer = client.post("/v1/predict", content=written(ROWS, media), headers=headers)
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, accept or media)
    said, alone = understood(answer), native(client, ROWS)
    assert [one["score"] for one in said] == pytest.approx([one["score"] for one in alone], rel=1e-6)
    assert [one["decision"] for one in said] == [one["decision"] for one in alone]
    kept = logged(served)
    for one, row in zip(said, ROWS, strict=True):
        assert one["package"] == served.package
        assert kept[one["id"]]["row"] == row
        assert kept[one["id"]]["score"] == one["score"]


@pytest.mark.parametrize("media", [JSON, LINES, CSV, ARROW])
def test_reasons_come_with_many_rows_too(client, media):
    said = understood(client.post("/v1/predict?reasons=2", content=written(ROWS, media), headers={"content-type": media}))
    for one in said:
        texts = [reason["says"] for reason in one["reasons"]] if media in (JSON, LINES) else [one["reason_1"], one["reason_2"]]
        assert len(texts) == 2
        assert all(texts)


@pytest.mark.parametrize("media", [CSV, ARROW])
def test_the_same_is_asked_of_tables_as_of_rows(served, client, media):
    def refused(frame):
        out = io.BytesIO()
        if media == CSV:
            frame.write_csv(out)
        else:
            frame.write_ipc_stream(out, compat_level=pl.CompatLevel.oldest())
        before = len(logged(served))
        answer = client.post("/v1/predict", content=out.getvalue(), headers={"content-type": media})
        assert answer.status_code == 422
        assert len(logged(served)) == before
        return [(one["row"], one["field"], one["what"]) for one in answer.json()["error"]["problems"]]

    assert refused(pl.DataFrame([ROW | {"town": "Bern"}])) == [(0, "town", "there is no such field")]
    assert refused(pl.DataFrame([{"age": 1, "income": 1.0}] * 2)) == [(0, "city", "it is missing"), (1, "city", "it is missing")]
    assert refused(pl.DataFrame([ROW, ROW | {"age": None}])) == [(1, "age", "it is null")]
    assert refused(pl.DataFrame({"age": ["30", "old"], "income": [1.0, 2.0], "city": "Bern"})) == [(1, "age", "it is the text 'old'")]
    (last,) = list(logged(served, "refused").values())[-1:]
    assert last["reasons"] == ["age: it is the text 'old'; expected a whole number"]
    assert json.loads(last["raw"])["age"] == "old"


def test_what_is_looked_up_for_rows_is_looked_up_for_tables(tmp_path):
    served = Served(tmp_path)
    try:
        package = make_package(served.lake, lookup=LOOKUP | {"required": True})
        served.promote(package)
        served.start().wait_for(None)
        for media in (JSON, CSV):
            # Nothing has been published for it yet, and the server says so in every format.
            answer = httpx.post(f"http://127.0.0.1:{served.port}/v1/predict", content=written([ROW], media), headers={"content-type": media})
            assert answer.status_code == 503
    finally:
        served.close()


@pytest.mark.parametrize(
    ("media", "body", "status", "says"),
    [
        (LINES, b'{"age": 1}\n{', 400, "line 2"),
        (LINES, b"[" * 50_000, 400, "line 1"),
        (LINES, b'{"age": NaN, "income": 1, "city": "x"}\n', 422, "rows[0].age"),
        (CSV, b"age,income,city\n1,2\n1,2,3,4\n", 400, "body"),
        (CSV, b"\xff\xfe\x00", 422, "body"),
        (CSV, b"age,town\n", 422, "body"),
        (ARROW, b"nothing of the kind", 400, "body"),
        (ARROW, written(ROWS, ARROW)[:-60], 400, "body"),
        ("application/xml", b"<rows/>", 415, "content-type"),
        (JSON, b"[1, 2]", 422, "rows[0]"),
        (JSON, b"3", 400, "body"),
    ],
)
def test_a_body_that_is_not_what_it_says_is_refused_with_its_place(client, media, body, status, says):
    answer = client.post("/v1/predict", content=body, headers={"content-type": media})
    assert answer.status_code == status
    assert says in answer.json()["error"]["where"]
    assert answer.json()["error"]["remedy"]


def test_an_arrow_stream_that_is_packed_or_says_too_many_rows_is_refused_unread(client):
    table = pa.table({"age": [1] * 300, "income": [1.0] * 300, "city": ["Bern"] * 300})
    for codec, status in (("zstd", 415), ("lz4", 415), (None, 413)):
        out = io.BytesIO()
        with pa.ipc.new_stream(out, table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
            writer.write_table(table)
        assert client.post("/v1/predict", content=out.getvalue(), headers={"content-type": ARROW}).status_code == status


@given(data=st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_broken_table_makes_the_server_fail(client, data):
    whole = bytearray(written(ROWS, data.draw(st.sampled_from([ARROW, CSV]), label="media")))
    media = ARROW if whole.startswith(b"\xff") else CSV
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), min_size=1, max_size=6)):
        whole[place] = value
    assert client.post("/v1/predict", content=bytes(whole), headers={"content-type": media}).status_code < 500
