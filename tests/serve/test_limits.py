"""Limits over raw sockets: what is too much or too slow is refused in words that name the limit, and the server lives on."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
import threading
import time
from contextlib import ExitStack

import pytest

from loopline.serve.segments import records
from tests.serve.packages import ROW, make_package
from tests.serve.running import Served

BODY = json.dumps({"rows": [ROW]}).encode()
HEAD = b"POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"


@pytest.fixture
def serve(tmp_path):
    with ExitStack() as stack:

        def started(**limits):
            made = Served(tmp_path, **limits)
            stack.callback(made.close)
            package = make_package(made.lake)
            made.promote(package)
            made.start().wait_for(package)
            return made

        yield started


def connected(served):
    return socket.create_connection(("127.0.0.1", served.port), timeout=10)


def answer_on(connection):
    """Status, headers and JSON of one response."""
    file = connection.makefile("rb")
    line = file.readline()
    headers = {}
    while (header := file.readline().strip()) != b"":
        name, _, value = header.decode().partition(":")
        headers[name.lower()] = value.strip()
    return int(line.split()[1]), headers, json.loads(file.read(int(headers["content-length"])))


def lives(served):
    assert served.ask("POST", "/v1/predict", {"rows": [ROW]})[0] == 200


def test_a_head_that_dribbles_in_is_cut_off(serve):
    served = serve(header_within="0.3s")
    with connected(served) as silent, connected(served) as slow:
        slow.sendall(b"POST /v1/predict HTTP/1.1\r\nHo")
        for one in (silent, slow):
            status, headers, said = answer_on(one)
            assert (status, headers["connection"]) == (408, "close")
            assert "within 0.3s" in said["error"]["what"]
            assert "serve.limits.header_within" in said["error"]["remedy"]
            assert one.recv(1) == b""
    lives(served)


def test_a_connection_that_waits_between_requests_is_watched_too(serve):
    served = serve(header_within="0.3s")
    with connected(served) as connection:
        connection.sendall(HEAD % len(BODY) + BODY)
        assert answer_on(connection)[0] == 200
        connection.sendall(b"GET /heal")
        assert answer_on(connection)[0] == 408


def test_a_body_that_dribbles_in_is_cut_off(serve):
    served = serve(body_within="0.3s")
    with connected(served) as connection:
        connection.sendall(HEAD % len(BODY) + BODY[:5])
        status, _, said = answer_on(connection)
        assert status == 408
        assert "serve.limits.body_within" in said["error"]["remedy"]
    lives(served)


def test_endless_headers_are_cut_off(serve):
    served = serve()
    with connected(served) as connection, pytest.raises(OSError):
        connection.sendall(b"GET / HTTP/1.1\r\nX: ")
        while True:
            connection.sendall(b"x" * 10_000)
            time.sleep(0.001)
    lives(served)


def test_what_is_no_http_is_refused_in_json(serve):
    served = serve()
    with connected(served) as connection:
        connection.sendall(bytes(range(256)))
        assert answer_on(connection)[0] == 400
    lives(served)


def test_more_connections_than_are_held_are_refused(serve):
    served = serve(connections=5)
    with ExitStack() as stack:
        held = [stack.enter_context(connected(served)) for _ in range(8)]
        time.sleep(0.2)
        held[-1].settimeout(5)
        status, headers, said = answer_on(held[-1])
        assert (status, headers["retry-after"]) == (503, "5")
        assert "serve.limits.connections" in said["error"]["remedy"]
        held[0].sendall(HEAD % len(BODY) + BODY)
        assert answer_on(held[0])[0] == 200


def test_bodies_that_fill_the_memory_are_refused(serve):
    served = serve(memory_mb=0.1, body_mb=0.09)
    with connected(served) as first, connected(served) as second:
        first.sendall(HEAD % 80_000 + b" " * 70_000)
        time.sleep(0.2)
        second.sendall(HEAD % 80_000 + b" " * 70_000)
        status, headers, said = answer_on(second)
        assert (status, headers["retry-after"]) == (429, "1")
        assert "serve.limits.memory_mb" in said["error"]["remedy"]
        first.sendall(b" " * 10_000)
        assert answer_on(first)[0] == 400
    lives(served)


def heavy(served, rows=400):
    return served.ask("POST", "/v1/predict?reasons=3", {"rows": [ROW | {"age": age % 90, "income": 1.0 * age} for age in range(rows)]})


def together(served, count, rows=400):
    """What several heavy requests at once are answered."""
    found = []
    threads = [threading.Thread(target=lambda: found.append(heavy(served, rows))) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_more_requests_than_the_queue_holds_are_refused(serve):
    served = serve(queue=2, reason_rows=1000)
    found = together(served, 10)
    statuses = {status for status, _ in found}
    assert statuses == {200, 429}
    (said, *_) = [said for status, said in found if status == 429]
    assert "serve.limits.queue" in said["error"]["remedy"]
    lives(served)


def test_an_answer_that_takes_too_long_is_given_up(serve):
    served = serve(answer_within="0.05s", reason_rows=5000, rows=5000)
    status, said = heavy(served, 5000)
    assert status == 503
    assert "serve.limits.answer_within" in said["error"]["remedy"]


def test_an_answer_that_nobody_takes_is_thrown_away(serve):
    served = serve(answer_within="1s", connections=1)
    csv = b"age,income,city\n" + b"1,2,Bern\n" * 10_000
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        deaf.connect(("127.0.0.1", served.port))
        for _ in range(4):
            # More than the system itself would hold for it.
            deaf.sendall((HEAD % len(csv)).replace(b"Host", b"Content-Type: text/csv\r\nHost") + csv)
        until = time.monotonic() + 20
        while served.ask("GET", "/healthz")[0] != 200:
            assert time.monotonic() < until
            time.sleep(0.1)
    lives(served)


def test_rows_of_every_format_are_counted(serve):
    served = serve(rows=10)
    connection = served.connection()
    for media, body in (("application/x-ndjson", b"{}\n" * 11), ("text/csv", b"age\n" + b"1\n" * 11), ("application/json", b"[" + b"1," * 10 + b"1]")):
        connection.request("POST", "/v1/predict", body, {"content-type": media})
        answer = connection.getresponse()
        assert "serve.limits.rows" in json.loads(answer.read())["error"]["remedy"]
        assert answer.status == 413
    connection.close()


def test_a_full_disk_sheds_tables_and_other_protocols_too(serve):
    served = serve()
    lives(served)
    resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (400, resource.RLIM_INFINITY))
    connection = served.connection()
    csv = b"age,income,city\n1,2,Bern\n2,3,Oslo\n3,4,Oslo\n"
    for path, media, body in (
        ("/v1/predict", "text/csv", csv),
        ("/invocations", "text/csv", csv),
        ("/invocations", "application/json", json.dumps({"instances": [ROW] * 3}).encode()),
    ):
        connection.request("POST", path, body, {"content-type": media})
        answer = connection.getresponse()
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        assert b"cannot be written" in answer.read()
    connection.close()
    resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    lives(served)
    assert len([line for part in records(served.lake.log, "predictions") for line in part.lines]) == 2


def test_told_to_stop_it_answers_what_it_has_taken(serve):
    served = serve(reason_rows=5000, rows=5000)
    found = []
    thread = threading.Thread(target=lambda: found.append(heavy(served, 2000)))
    thread.start()
    time.sleep(0.3)
    os.kill(served.process.pid, signal.SIGTERM)
    thread.join()
    assert served.process.wait(20) == 0
    ((status, said),) = found
    assert status == 200
    kept = {json.loads(line)["id"] for part in records(served.lake.log, "predictions") for line in part.lines}
    assert {one["id"] for one in said["predictions"]} == kept


def test_no_limit_is_left_untold(serve):
    served = serve(rows=10, body_mb=0.001)
    status, said = served.ask("POST", "/v1/predict", raw=b" " * 2000)
    assert status == 413
    assert re.fullmatch(r"[^\n]+serve\.limits\.body_mb is the limit", said["error"]["remedy"])
