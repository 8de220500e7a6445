"""Admission: after whatever happened to requests, nothing is held and every place is free again."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from loopline.serve.admission import Admission
from loopline.serve.answers import Refusal
from loopline.serve.spec import Limits


def request_of(parts):
    left = [{"type": "http.request", "body": part, "more_body": True} for part in parts] + [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive():
        await asyncio.sleep(0)
        return left.pop(0)

    return Request({"type": "http", "headers": []}, receive)


@given(bodies=st.lists(st.lists(st.binary(max_size=30), max_size=4), max_size=8), failing=st.booleans())
def test_all_that_is_taken_is_given_back(bodies, failing):
    admission = Admission(Limits(body_mb=60e-6, memory_mb=100e-6, queue=3))

    async def one(parts):
        try:
            async with admission.taken(request_of(parts)) as body:
                assert body == b"".join(parts)
                await asyncio.sleep(0)
                if failing:
                    raise KeyError
        except Refusal as error:
            return error.status
        except KeyError:
            return 0
        return 200

    async def all():
        return await asyncio.gather(*(one(parts) for parts in bodies))

    statuses = asyncio.run(all())
    assert set(statuses) <= {200, 413, 429, 0}
    assert [status == 413 for status in statuses] == [sum(map(len, parts)) > 60 for parts in bodies] or 429 in statuses
    assert (admission._inside, admission._held_bytes) == (0, 0)


def test_a_timeout_that_is_not_ours_is_not_said_to_be():
    admission = Admission(Limits(answer_within=timedelta(seconds=10)))

    async def fails():
        async with admission.taken(request_of([])):
            raise TimeoutError("another")

    with pytest.raises(TimeoutError, match="another"):
        asyncio.run(fails())
