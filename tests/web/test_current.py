"""What holds now, as the pages are told it, while the declaration changes under them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from loopline.errors import Fault
from loopline.ledger.entry import Draft
from loopline.ledger.store import Ledger
from loopline.loop import LoopStatus
from loopline.web.current import Followed
from tests.web.world import client, reader


def test_a_declaration_that_is_gone_is_said_and_the_last_one_is_shown(folder: Path) -> None:
    with client(folder, reader("business")) as browser:
        before = browser.get("/shop/charter/study?as=json").json()
        (folder / "loopline.yaml").unlink()
        for path in ("/", "/charter", "/charter/study", "/charter/criteria", "/data/contract"):
            answer = browser.get(f"/shop{path}")
            assert answer.status_code == 200 and "there is no loopline.yaml" in answer.text, path
        assert browser.get("/shop/charter/study?as=json").json() == before


def test_a_project_that_is_renamed_is_served_under_its_old_name_until_the_pages_start_anew(folder: Path) -> None:
    declaration = folder / "loopline.yaml"
    right = declaration.read_text()
    with client(folder, reader("business")) as browser:
        declaration.write_text(right.replace("project: shop", "project: store"))
        page = browser.get("/shop/")
        assert page.status_code == 200 and "name changed from &#39;shop&#39; to &#39;store&#39;" in page.text and "Start the pages anew" in page.text
        assert browser.get("/store/").status_code == 403
        declaration.write_text(right)
        assert "name changed" not in browser.get("/shop/").text


def test_a_ledger_that_is_declared_elsewhere_takes_the_old_one_from_no_request(folder: Path) -> None:
    declaration = folder / "loopline.yaml"
    with client(folder, reader("business")) as browser:
        followed = browser.app.state.site.projects["shop"]  # type: ignore[attr-defined]
        before = followed.current()
        declaration.write_text(declaration.read_text() + "workspace: {ledger: 'sqlite:///other.db'}\n")
        assert browser.get("/shop/").status_code == 200
        assert before.workspace.ledger.seq() == before.seq > followed.current().seq


def test_who_asks_while_others_look_is_told_what_they_found_and_never_what_was_before(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    followed = Followed(folder)
    try:
        loop, looks = followed._loop, []
        status = loop.status

        def slowly() -> LoopStatus:
            looks.append(1)
            time.sleep(0.1)
            return status()

        monkeypatch.setattr(loop, "status", slowly)

        def moved(number: int) -> bool:
            (entry,) = loop.workspace.ledger.append(Draft(kind="note", subject=str(number)))
            return followed.current().seq >= entry.seq

        with ThreadPoolExecutor(10) as readers:
            assert all(readers.map(moved, range(10)))
        assert len(looks) < 6
    finally:
        followed.close()


def test_a_look_that_fails_tells_whoever_waited_for_it_nothing_of_before(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    followed = Followed(folder)
    try:
        followed.current()
        (entry,) = followed.ledger.append(Draft(kind="note", subject="x"))
        seq, begun, fails = type(followed.ledger).seq, Event(), Event()

        def failing(ledger: Ledger) -> int:
            if fails.is_set():
                return seq(ledger)
            begun.set()
            fails.wait(5)
            raise Fault("the database is away")

        monkeypatch.setattr(type(followed.ledger), "seq", failing)
        followed._lock.acquire()
        with ThreadPoolExecutor(2) as readers:
            asked = [readers.submit(followed.current) for _ in range(2)]
            time.sleep(0.05)
            followed._lock.release()
            begun.wait(5)
            fails.set()
            found = [one.exception() or one.result().seq for one in asked]
        assert sorted(map(str, found)) == sorted(["the database is away", str(entry.seq)])
    finally:
        followed.close()
