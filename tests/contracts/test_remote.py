"""Files behind URLs come whole, or not at all, wherever they lie: an object store, or a web server that breaks off."""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
import pytest

from loopline.data.convert.convert import convert, outlet, source_of
from loopline.data.sources import remote
from loopline.data.sources.remote import RemoteFile, fetch, listed
from loopline.engine.step import Silence
from loopline.errors import Fault, Mistake
from loopline.lake import objects
from loopline.lake.place import Lake

BODY = b"a,b\n" + b"".join(b"%d,%d\n" % (number, number * 2) for number in range(200_000))


@dataclass
class Server:
    """What a web server does, and what it was asked."""

    url: str = ""
    body: bytes = BODY
    tag: str | None = '"one"'
    breaks_after: list[int] = field(default_factory=list)
    ranges: bool = True
    length: bool = True
    status: int = 200
    token: str = ""
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            """Nothing."""

        def do_HEAD(self) -> None:
            self._answer(head=True)

        def do_GET(self) -> None:
            self._answer(head=False)

        def _answer(self, *, head: bool) -> None:
            told.asked.append(self.headers.get("Range", ""))
            refused = told.token and self.headers.get("Authorization") != told.token
            if refused or told.status != 200:
                self.send_response(401 if refused else told.status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-")) if "Range" in self.headers and told.ranges else 0
            start = start if self.headers.get("If-Range") == told.tag else 0
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(told.body) - 1}/{len(told.body)}")
            if told.tag:
                self.send_header("ETag", told.tag)
            if told.length:
                self.send_header("Content-Length", str(len(told.body) - start))
            self.send_header("Connection", "close")
            self.end_headers()
            if not head:
                stop = start + told.breaks_after.pop(0) if told.breaks_after else len(told.body)
                self.wfile.write(told.body[start:stop])
                self.wfile.flush()
            self.close_connection = True

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{web.server_port}/data/a.csv"
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield told
    web.shutdown()
    web.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "WAIT_S", 0.001)


def test_a_file_comes_from_the_web_with_its_size_tag_and_digest(server: Server, tmp_path: Path) -> None:
    assert listed(server.url) == [RemoteFile(server.url, len(BODY), '"one"')]
    done = fetch(server.url, folder=tmp_path, progress=Silence())
    assert done.path.read_bytes() == BODY
    assert done.path.name.endswith("a.csv")
    assert done.digest == hashlib.sha256(BODY).hexdigest()
    assert done.file == RemoteFile(server.url, len(BODY), '"one"')
    assert list(tmp_path.iterdir()) == [done.path]


def test_a_download_that_breaks_off_goes_on_from_there(server: Server, tmp_path: Path) -> None:
    server.breaks_after = [100_000, 1, 500_000]
    assert fetch(server.url, folder=tmp_path, progress=Silence()).path.read_bytes() == BODY
    assert server.asked == ["", "bytes=100000-", "bytes=100001-", "bytes=600001-"]


def test_another_process_goes_on_too(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "TRIES", 1)
    server.breaks_after = [100_000, 0]
    with pytest.raises(Fault) as told:
        fetch(server.url, folder=tmp_path, progress=Silence())
    assert told.value.retry
    server.asked.clear()
    assert fetch(server.url, folder=tmp_path, progress=Silence()).path.read_bytes() == BODY
    assert server.asked == ["bytes=100000-"]


def test_a_file_that_changed_meanwhile_is_begun_anew(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "TRIES", 1)
    server.breaks_after = [100_000, 0]
    with pytest.raises(Fault):
        fetch(server.url, folder=tmp_path, progress=Silence())
    server.body, server.tag = BODY[::-1], '"two"'
    assert fetch(server.url, folder=tmp_path, progress=Silence()).path.read_bytes() == BODY[::-1]


@pytest.mark.parametrize(("ranges", "tag"), [(False, '"one"'), (True, None), (True, 'W/"weak"')])
def test_a_server_that_cannot_go_on_begins_anew(server: Server, tmp_path: Path, ranges: bool, tag: str | None) -> None:
    server.breaks_after, server.ranges, server.tag = [100_000, 200_000], ranges, tag
    assert fetch(server.url, folder=tmp_path, progress=Silence()).path.read_bytes() == BODY


def test_a_server_that_never_goes_on_is_given_up(server: Server, tmp_path: Path) -> None:
    server.breaks_after = [0] * 20
    with pytest.raises(Fault, match="broke off after 0 of") as told:
        fetch(server.url, folder=tmp_path, progress=Silence())
    assert told.value.retry


@pytest.mark.parametrize(("status", "kind"), [(404, Mistake), (403, Mistake), (400, Mistake), (503, Fault), (429, Fault)])
def test_what_a_server_refuses_is_one_line(server: Server, tmp_path: Path, status: int, kind: type[Exception]) -> None:
    server.status = status
    with pytest.raises(kind) as told:
        fetch(server.url, folder=tmp_path, progress=Silence())
    assert str(status) in str(told.value)
    assert not [path for path in tmp_path.iterdir() if path.stat().st_size]


def test_a_token_is_a_reference_and_stays_hidden(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.token = "Bearer s3cret"
    with pytest.raises(Mistake, match="401"):
        fetch(server.url, folder=tmp_path, progress=Silence())
    monkeypatch.setenv("TOKEN", "s3cret")
    done = fetch(server.url, {"authorization": "Bearer ${TOKEN}"}, folder=tmp_path, progress=Silence())
    assert done.path.read_bytes() == BODY
    monkeypatch.setenv("TOKEN", "wrong")
    with pytest.raises(Mistake) as told:
        fetch(f"{server.url}?token=${{TOKEN}}", folder=tmp_path, progress=Silence())
    assert "wrong" not in str(told.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/a.csv", "ftp://h/a.csv", "http:///a.csv"])
def test_an_address_that_leads_nowhere_is_told(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "TRIES", 1)
    with pytest.raises((Fault, Mistake)):
        fetch(url, folder=tmp_path, progress=Silence())
    with pytest.raises((Fault, Mistake)):
        listed(url)


def test_the_web_has_no_patterns() -> None:
    with pytest.raises(Mistake, match="no patterns"):
        listed("https://example.com/*.csv")


@dataclass
class Bucket:
    """Objects in a store, below a prefix of their own."""

    url: str
    options: dict[str, str]
    store: Any
    prefix: str

    def put(self, name: str, data: bytes = b"a\n1\n") -> None:
        self.store.put(f"{self.prefix}/{name}", data)

    def names(self, pattern: str) -> list[str]:
        return [file.url.removeprefix(f"{self.url}/") for file in listed(f"{self.url}/{pattern}", self.options)]


@pytest.fixture
def bucket(object_store: dict[str, str]) -> Bucket:
    prefix = uuid4().hex
    return Bucket(f"s3://lake/{prefix}", object_store, objects.store(Lake("s3://lake", object_store)), prefix)


def test_files_of_a_bucket_are_listed(bucket: Bucket) -> None:
    for name in ("b.csv", "a.csv.gz", "day=1/c.csv", "day=2/x/d.jsonl", "_tmp.csv", "note.md", "t/_delta_log/0.json"):
        bucket.put(name)
    assert bucket.names("b.csv") == ["b.csv"]
    assert bucket.names("*.csv*") == ["_tmp.csv", "a.csv.gz", "b.csv"]
    assert bucket.names("day=*/*.csv") == ["day=1/c.csv"]
    assert bucket.names("**/*.csv") == ["_tmp.csv", "b.csv", "day=1/c.csv"]
    assert bucket.names("day=[23]/**") == ["day=2/x/d.jsonl"]
    assert bucket.names("") == ["a.csv.gz", "b.csv", "day=1/c.csv", "day=2/x/d.jsonl"]
    assert bucket.names("day=2") == ["day=2/x/d.jsonl"]
    (file,) = listed(f"{bucket.url}/b.csv", bucket.options)
    assert (file.size, bool(file.tag)) == (4, True)


def test_a_file_comes_from_a_bucket_and_goes_on_where_it_was(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("a.csv", BODY)
    done = fetch(f"{bucket.url}/a.csv", bucket.options, folder=tmp_path, progress=Silence())
    assert (done.path.read_bytes(), done.digest) == (BODY, hashlib.sha256(BODY).hexdigest())
    part = tmp_path / f"{hashlib.sha256(done.file.url.encode()).hexdigest()[:16]}-a.csv.part"
    part.write_bytes(BODY[:1000])
    part.with_name(f"{part.name}.json").write_text(json.dumps({"tag": done.file.tag}))
    assert fetch(done.file, bucket.options, folder=tmp_path, progress=Silence()).path.read_bytes() == BODY
    part.write_bytes(b"other" * 100)
    part.with_name(f"{part.name}.json").write_text('{"tag": "another"}')
    assert fetch(done.file, bucket.options, folder=tmp_path, progress=Silence()).path.read_bytes() == BODY


@pytest.mark.parametrize(("path", "what"), [("none.csv", "no file"), ("*.csv", "no file matches")])
def test_what_is_not_in_a_bucket_is_a_mistake(bucket: Bucket, tmp_path: Path, path: str, what: str) -> None:
    with pytest.raises(Mistake, match=what):
        listed(f"{bucket.url}/{path}", bucket.options)
    with pytest.raises(Mistake, match="no such"):
        fetch(f"{bucket.url}/{path}", bucket.options, folder=tmp_path, progress=Silence())


def test_no_bucket_and_no_store_are_told(object_store: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="no such bucket"):
        listed("s3://nowhere/a.csv", object_store)
    with pytest.raises(Mistake):
        listed("s3:///a.csv", object_store)
    away = {**object_store, "aws_endpoint_url": "http://127.0.0.1:1", "timeout": "1s", "aws_max_retries": "0"}
    with pytest.raises((Fault, Mistake)) as told:
        fetch("s3://lake/a.csv", {**away, "aws_secret_access_key": "hunter2"}, folder=tmp_path, progress=Silence())
    assert "hunter2" not in str(told.value)


def test_a_url_is_converted_like_a_file(server: Server, bucket: Bucket, tmp_path: Path) -> None:
    server.body = gzip.compress(BODY)
    done = convert(source_of(server.url), outlet(str(tmp_path / "a.parquet"), source=server.url), progress=Silence())
    assert (done.read, done.columns) == (200_000, {"a": "Int64", "b": "Int64"})
    bucket.put("x.jsonl", b'{"a": 1}\n')
    url = f"{bucket.url}/*.jsonl"
    convert(source_of(url, options=bucket.options), outlet(str(tmp_path / "b.parquet"), source=url), progress=Silence())
    assert pl.read_parquet(tmp_path / "b.parquet").rows() == [(1,)]
