"""Requests that come at the same time: each gets its own answer, as if it had come alone."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.lake.place import Lake
from loopline.serve.app import Service, build
from loopline.serve.champion import Champion
from loopline.serve.log import Log
from loopline.serve.quick import plain_rows
from loopline.serve.segments import records
from loopline.serve.spec import ServeSpec
from tests.serve.packages import ROW, make_package, scorer_of

GOOD = st.fixed_dictionaries({"age": st.integers(0, 90), "income": st.none() | st.floats(0, 1e6), "city": st.sampled_from(["Bern", "Oslo", "Rome"])})
WRONG = st.sampled_from([{}, {"age": "old", "income": 1.0, "city": "Bern"}, ROW | {"town": "Bern"}, 7])
BODIES = st.lists(st.lists(st.one_of(GOOD, GOOD, GOOD, WRONG), min_size=0, max_size=3), min_size=1, max_size=30)


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    lake = Lake(str(tmp_path_factory.mktemp("quick")))
    scorer = scorer_of(lake, make_package(lake))
    champion = Champion(lambda: scorer.package, lambda package: scorer)
    champion.look()
    with Log(lake.log) as log:
        yield build(Service("p", ServeSpec(), log, champion)), scorer, lake


async def asked(app, bodies, query=b""):
    """The status and the JSON that each of some bodies gets, which all come in one turn of the event loop."""
    scope = {"type": "http", "path": "/v1/predict", "method": "POST", "query_string": query, "headers": [], "http_version": "1.1", "scheme": "http"}

    async def ask(rows):
        sent = []

        async def receive():
            return {"type": "http.request", "body": json.dumps({"rows": rows}).encode(), "more_body": False}

        async def send(message):
            sent.append(message)

        await app({**scope}, receive, send)
        return sent[0]["status"], json.loads(sent[1]["body"])

    return await asyncio.gather(*(ask(rows) for rows in bodies))


def without_ids(answer):
    status, said = answer
    return status, [{**one, "id": ""} for one in said["predictions"]] if status == 200 else said


@settings(max_examples=15, deadline=None)
@given(bodies=BODIES)
def test_requests_at_once_are_answered_as_those_that_come_alone(room, bodies):
    app, _, lake = room
    together = asyncio.run(asked(app, bodies))
    alone = asyncio.run(asked(app, bodies, b"reasons=0"))
    assert [without_ids(one) for one in together] == [without_ids(one) for one in alone]
    logged = {json.loads(line)["id"]: json.loads(line) for part in records(lake.log, "predictions") for line in part.lines}
    for rows, (status, said) in zip(bodies, together, strict=True):
        if status == 200:
            assert [logged[one["id"]]["row"] for one in said["predictions"]] == rows


def test_what_came_at_once_is_scored_by_one_run(room, monkeypatch):
    app, scorer, _ = room
    counts = []
    score = scorer.score
    monkeypatch.setattr(scorer, "score", lambda rows, moment: (counts.append(len(rows)), score(rows, moment))[1])
    assert {status for status, _ in asyncio.run(asked(app, [[ROW]] * 10))} == {200}
    assert counts == [10]


@pytest.mark.parametrize(
    ("message", "is_plain"),
    [
        ({"body": b'{"rows": [{}]}'}, True),
        ({"body": b'{"rows": [{}]}', "more_body": True}, False),
        ({"body": b'{"rows": []}'}, False),
        ({"body": b'{"rows": [{"a": NaN}]}'}, False),
        ({"body": b'{"rows": [{}], "more": 1}'}, False),
        ({"body": b'{"rows": [' + b",".join([b"{}"] * 17) + b"]}"}, False),
        ({"body": b'{"rows": ["' + b"x" * 70_000 + b'"]}'}, False),
        ({"body": b"[" * 2_000}, False),
        ({"type": "http.disconnect"}, False),
    ],
)
def test_only_a_small_whole_request_is_plain(message, is_plain):
    assert (plain_rows({"type": "http.request", **message}) is not None) is is_plain
