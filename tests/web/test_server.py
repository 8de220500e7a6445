"""The pages as they are served: readers are told of each move and let go in order; long work is begun, seen and stopped by forms."""

from __future__ import annotations

import gc
import http.client
import json
import logging
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from loopline.errors import Mistake
from loopline.ledger.entry import Draft
from loopline.loop import open_loop
from loopline.project import load
from loopline.web import warming
from loopline.web.app import build
from loopline.web.asked import Reader
from loopline.web.pages import work
from loopline.web.register import SECTIONS
from loopline.web.server import opened, prepare
from loopline.web.work import Work
from tests.web.browser.serving import served
from tests.web.signing import DECLARATION
from tests.web.test_work import HERE
from tests.web.world import Stated, client, hidden, reader


def test_a_reader_hears_of_a_move_and_is_let_go_when_the_server_ends(folder: Path) -> None:
    with served(folder) as url:
        at = urlsplit(url)
        connection = http.client.HTTPConnection(at.netloc, timeout=10)
        connection.request("GET", f"{at.path}/events")
        stream = connection.getresponse()
        assert stream.headers["content-type"].startswith("text/event-stream")

        def moved() -> int:
            while not (line := stream.readline()).startswith(b"data: "):
                assert line
            return int(json.loads(line.removeprefix(b"data: "))["seq"])

        first = moved()
        with open_loop(folder) as loop:
            loop.workspace.ledger.append(Draft(kind="note", subject="a test"))
        assert moved() == first + 1
        since = time.monotonic()
    assert time.monotonic() - since < 5
    while stream.readline():
        pass
    connection.close()


def test_every_part_is_opened_once_before_anybody_asks(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    site = opened([folder])
    try:
        with caplog.at_level(logging.DEBUG, "loopline"):
            warming.warm(site, warming.OPENED)
    finally:
        site.close()
    assert {page.section for page in warming.OPENED} == {path for _, path in SECTIONS}
    assert not [one for one in caplog.records if "warmed" in one.message]


def test_what_the_first_reader_would_wait_for_is_done_before_but_not_without_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = opened([folder])
    try:
        before = gc.get_freeze_count()
        prepare(site)
        assert gc.get_freeze_count() > before
        monkeypatch.setattr("loopline.web.server._READY_S", 0.05)
        monkeypatch.setattr(site.projects["shop"], "current", lambda: time.sleep(0.3))
        since = time.monotonic()
        prepare(site)
        assert time.monotonic() - since < 0.3
    finally:
        gc.unfreeze()
        site.close()


def test_headers_have_an_end_before_anybody_has_signed_in(tmp_path: Path) -> None:
    (tmp_path / "loopline.yaml").write_text(DECLARATION)
    with served(tmp_path) as url:
        at = urlsplit(url)
        with socket.create_connection((at.hostname, at.port), timeout=10) as asks:
            asks.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Much: " + b"x" * 70_000)
            assert asks.recv(100).startswith(b"HTTP/1.1 4")


def test_who_may_see_nothing_hears_of_no_move(folder: Path) -> None:
    with client(folder, reader("customer")) as browser:
        assert browser.get("/shop/events").status_code == 403


def test_long_work_is_begun_seen_and_stopped_by_forms(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    wait = work.Offer("Wait", "It waits.", lambda: Work("wait <b>long</b>", f"{HERE}:wait_long"))
    monkeypatch.setattr(work, "OFFERS", {"wait": wait, "train": work.OFFERS["train"]})
    with client(folder, reader("business")) as browser:
        page = browser.get("/shop/work").text
        assert "/work/start/train" not in page
        fields = hidden(page, "/work/start/wait")
        assert browser.post("/shop/work/start/train", data=fields).status_code == 403
        assert browser.post("/shop/work/start/paint", data=fields).status_code == 404
        begun = browser.post("/shop/work/start/wait", data=fields)
        assert str(begun.url).endswith("/shop/work") and "wait &lt;b&gt;long" in begun.text and "<b>long" not in begun.text
        assert 'id="said"' not in begun.text
        again = browser.post("/shop/work/start/wait", data=fields)
        assert again.status_code == 409 and "wait for its end, or stop it first" in again.text.lower()
        stopped = browser.post("/shop/work/stop", data=hidden(begun.text, "/work/stop"))
        assert "asked to stop" in stopped.text
        # The work has been asked to stop since this form was made.
        assert browser.post("/shop/work/stop", data=hidden(begun.text, "/work/stop")).status_code == 409
        until = time.monotonic() + 90
        while (seen := browser.get("/shop/work?as=json").json())["work"]["ended"] is None and time.monotonic() < until:
            time.sleep(0.05)
        assert (seen["work"]["state"], seen["work"]["stopped_by"]) == ("stopped", "bea@example.com")
        assert [(word["by"], word["state"]) for word in reversed(seen["words"])] == [("bea@example.com", state) for state in ("started", "stopping", "stopped")]


def test_an_address_that_others_reach_and_two_projects_of_one_name_are_refused(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOPLINE_ACCOUNTS", str(tmp_path / "accounts.db"))
    with pytest.raises(Mistake, match="nobody has an account to sign in with"):
        opened([folder], "0.0.0.0")
    with pytest.raises(Mistake, match="two projects are named 'shop'"):
        opened([folder, folder])


def test_a_project_that_is_wrong_at_the_start_is_shown_with_its_mistake_and_opened_once_it_is_right(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    right = (folder / "loopline.yaml").read_text()
    (other / "loopline.yaml").write_text(right.replace("project: shop", "project: other").replace("positive:", "pozitive:"))
    site = opened([other, folder])
    with TestClient(build(site), base_url="http://127.0.0.1:8379") as browser:
        shown = {one["project"]: one["trouble"] for one in browser.get("/?as=json").json()["loops"]}
        assert "did you mean 'positive'?" in shown["other"] and not shown["shop"]
        page = browser.get("/other/")
        assert page.status_code == 503 and "Did you mean" in page.text and 'data-events="/events?since=' in page.text
        before = site.seen(Reader("me", is_local=True))
        (other / "loopline.yaml").write_text(right.replace("project: shop", "project: other"))
        assert browser.get("/other/").status_code == 200 and not site.closed and list(site.projects) == ["shop", "other"]
        assert site.seen(Reader("me", is_local=True)) != before or site.projects["other"].seen().seq == 0
    site.close()


def test_who_is_let_in_is_never_guessed(folder: Path, tmp_path: Path) -> None:
    declaration = folder / "loopline.yaml"
    spec = load(folder).declaration.pages
    declaration.write_text("project: [shop")
    with pytest.raises(Mistake, match="this is not YAML"):
        opened([folder])
    site = opened([folder], spec=spec)
    with TestClient(build(site), base_url="http://127.0.0.1:8379") as browser:
        # Of a single project its own page is the first one.
        assert "this is not yaml" in browser.get("/").text.lower()
    site.close()
    with pytest.raises(Mistake, match="there is no loopline.yaml"):
        opened([tmp_path / "nowhere"])


def test_who_signed_in_reads_nothing_of_a_project_that_cannot_be_opened(folder: Path) -> None:
    spec = load(folder).declaration.pages
    (folder / "loopline.yaml").write_text("project: [shop")
    site = opened([folder], spec=spec)
    site.door = Stated(reader("business"))
    with TestClient(build(site), base_url="http://127.0.0.1:8379") as browser:
        for path in ("/", "/shop/"):
            answer = browser.get(path)
            assert answer.status_code == 503 and "YAML" not in answer.text and str(folder) not in answer.text
    site.close()
