"""What is kept of a request for its trace: what took how long and why it was refused, and nothing that its rows hold."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.lake.place import Lake
from loopline.serve.app import Service, build
from loopline.serve.champion import Champion
from loopline.serve.log import Log
from loopline.serve.spec import ServeSpec
from loopline.serve.timeline import TIMELINE, Timeline
from tests.serve.packages import ROW, make_package, scorer_of

SECRET = "Samarkand"
SECRETS = st.sampled_from([SECRET, [SECRET], {"a": SECRET}, f"{SECRET}'\"", f"2020-{SECRET}"])
ROWS = st.fixed_dictionaries({"age": SECRETS | st.just(30), "income": SECRETS | st.just(1.0), "city": SECRETS | st.just("Bern")}) | SECRETS


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    lake = Lake(str(tmp_path_factory.mktemp("timeline")))
    scorer = scorer_of(lake, make_package(lake))
    champion = Champion(lambda: scorer.package, lambda package: scorer)
    champion.look()
    with Log(lake.log) as log:
        yield build(Service("p", ServeSpec(), log, champion)), scorer.package


def kept(app, path, body, media="application/json"):
    """The status of a request, and what was kept of it."""

    async def ask():
        timeline = Timeline()
        TIMELINE.set(timeline)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://p") as client:
            answer = await client.post(path, content=body, headers={"content-type": media})
        return answer.status_code, timeline

    return asyncio.run(ask())


@settings(max_examples=15, deadline=None)
@given(rows=st.lists(ROWS, min_size=1, max_size=3), cut=st.booleans())
def test_whatever_the_rows_hold_nothing_of_it_is_kept(app, rows, cut):
    shaped = [one if isinstance(one, dict) else {"age": one, "income": one, "city": one} for one in rows]
    tensors = [{"name": name, "shape": [len(rows)], "datatype": "BYTES", "data": [one.get(name) for one in shaped]} for name in ROW]
    table = "\n".join([",".join(ROW), *(",".join(json.dumps(one.get(name)) for name in ROW) for one in shaped)])
    bodies = {
        "/v1/predict": json.dumps({"rows": rows}),
        "/invocations": json.dumps({"dataframe_records": rows}),
        "/v2/models/p/infer": json.dumps({"inputs": tensors}),
        "/v1/outcomes": json.dumps({"outcomes": rows}),
    }
    asked = [(path, body, "application/json") for path, body in bodies.items()]
    asked += [("/v1/predict", table, "text/csv"), ("/v1/predict", table.split("\n", 1)[1], "text/csv")]
    for path, body, media in asked:
        status, timeline = kept(app[0], path, body[: len(body) - 2 * cut], media)
        assert (timeline.refused is None) == (status == 200)
        assert SECRET not in repr((timeline.package, timeline.rows, timeline.refused, timeline.parts))


@pytest.mark.parametrize("path", ["/v1/predict", "/v1/predict?reasons=0"])
def test_a_plain_request_and_one_that_the_app_answers_keep_the_same(app, path):
    status, timeline = kept(app[0], path, json.dumps({"rows": [ROW, ROW]}))
    assert (status, timeline.package, timeline.rows, timeline.refused) == (200, app[1], 2, None)
    (score, begun, scored), (log, handed, durable) = timeline.parts
    assert (score, log) == ("score", "log") and begun <= scored <= handed <= durable


def test_requests_at_once_keep_what_is_their_own(app):
    async def ask(count):
        timeline = Timeline()
        TIMELINE.set(timeline)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app[0]), base_url="http://p") as client:
            await client.post("/v1/predict", json={"rows": [ROW] * count})
        return timeline.rows, [part for part, *_ in timeline.parts]

    async def all_of_them():
        return await asyncio.gather(*(asyncio.create_task(ask(count)) for count in range(1, 9)))

    assert asyncio.run(all_of_them()) == [(count, ["score", "log"]) for count in range(1, 9)]
