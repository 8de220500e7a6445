"""Load on a server: a closed loop of connections in a process of its own, each of which asks again as soon as it is answered.

python -m bench.load URL BODY --connections 16 --seconds 5
python -m bench.load URL BODY --count 100000 --ids answered.txt
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO, cast
from urllib.parse import urlsplit

import uvloop

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_ID = re.compile(rb'"id":"([^"]+)"')


class Loop:
    """What all connections share: how much is still to be asked, and what came of it."""

    def __init__(self, request: bytes, *, until: float, count: int, ids: TextIO | None) -> None:
        self.request = request
        self.until = until
        self.left = count
        self.ids = ids
        self.times: list[float] = []
        self.statuses: dict[str, int] = {}
        self.broken = 0

    def next(self) -> bool:
        """Whether one more request is due."""
        self.left -= 1
        return self.left >= 0 and time.perf_counter() < self.until


class Connection(asyncio.Protocol):
    """One connection: a request, its answer, and the next request."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._got = b""
        self._since = 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._got += data
        head = self._got.find(b"\r\n\r\n")
        if head < 0:
            return
        length = _LENGTH.search(self._got, 0, head)
        end = head + 4 + int(length[1] if length else 0)
        if len(self._got) < end:
            return
        shared, body = self._loop, self._got[head + 4 : end]
        shared.times.append(time.perf_counter() - self._since)
        status = self._got[9:12].decode()
        shared.statuses[status] = shared.statuses.get(status, 0) + 1
        if shared.ids is not None and (found := _ID.search(body)):
            shared.ids.write(found[1].decode() + "\n")
        self._got = self._got[end:]
        self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self._loop.broken += 1
            self.ended.set_result(None)

    def _ask(self) -> None:
        if self._loop.next():
            self._since = time.perf_counter()
            self._transport.write(self._loop.request)
        else:
            self.ended.set_result(None)
            self._transport.close()


async def _run(shared: Loop, host: str, port: int, connections: int) -> None:
    running = asyncio.get_running_loop()
    made = [(await running.create_connection(lambda: Connection(shared), host, port))[1] for _ in range(connections)]
    await asyncio.gather(*(one.ended for one in made))


def main(words: Sequence[str]) -> None:
    """Put load on a server, and print what came of it as JSON: requests, seconds, milliseconds, statuses, broken connections."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("body", type=Path)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--count", type=int, default=sys.maxsize)
    parser.add_argument("--ids", type=Path)
    asked = parser.parse_args(words)
    url, body = urlsplit(asked.url), asked.body.read_bytes()
    head = f"POST {url.path} HTTP/1.1\r\nhost: {url.netloc}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    # Line by line, so that a reader sees every id as soon as its answer has come.
    ids = asked.ids.open("w", buffering=1) if asked.ids else None
    since = time.perf_counter()
    shared = Loop(head.encode() + body, until=since + asked.seconds, count=asked.count, ids=ids)
    assert url.hostname and url.port
    uvloop.run(_run(shared, url.hostname, url.port, asked.connections))
    seconds = time.perf_counter() - since
    times = sorted(shared.times) or [float("nan")]
    print(
        json.dumps(
            {
                "requests": len(shared.times),
                "seconds": seconds,
                "p50_ms": 1000 * times[len(times) // 2],
                "p99_ms": 1000 * times[int(len(times) * 0.99)],
                "statuses": shared.statuses,
                "broken": shared.broken,
            }
        )
    )
    if ids is not None:
        ids.close()


if __name__ == "__main__":
    main(sys.argv[1:])
