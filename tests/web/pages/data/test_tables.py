"""A table's versions and rows, what differs between two, and an earlier one restored."""

from __future__ import annotations

import pytest

from loopline.data.edits import edits
from loopline.loop import open_loop
from loopline.web.asked import Asked, Reader
from loopline.web.current import Followed
from loopline.web.pages.data import tables
from loopline.web.work import Work
from tests.web.world import client, hidden

DAN = Reader("dan@example.com")


@pytest.fixture
def edited(odd):
    """The project, after a person changed a row."""
    with open_loop(odd) as loop:
        asked = edits.Asked("dan@example.com", "the log says so")
        edits.update(loop.workspace, loop.project.declaration.data, "visits", where="id = 5", values=["pages=7"], asked=asked)
    return odd


def test_the_versions_say_who_did_what_and_why(edited):
    with client(edited, DAN) as browser:
        said = browser.get("/odd/data/tables/visits?as=json").json()
        page = browser.get("/odd/data/tables/visits").text
    newest = said["versions"][0]
    assert (newest["version"], newest["by"], newest["why"], newest["changed"]) == (3, "dan@example.com", "the log says so", 1)
    assert "/restore?to=1" in page and "/diff?from=2&amp;to=3" in page


def test_only_who_holds_data_restores(edited):
    with client(edited, Reader("eve@example.com")) as browser:
        assert "/restore?to=1" not in browser.get("/odd/data/tables/visits").text
        assert browser.get("/odd/data/tables/visits/restore?to=1").status_code == 403


def test_a_restore_is_shown_before_it_is_asked_for(edited):
    with client(edited, DAN) as browser:
        page = browser.get("/odd/data/tables/visits/restore?to=1")
        form = hidden(page.text, "/restore")
        assert "60 rows instead of 63" in page.text and "more.csv" in page.text and "the log says so" in page.text
        assert browser.post("/odd/data/tables/visits/restore", data={**form, "why": " "}).status_code == 400
        assert browser.post("/odd/data/tables/visits/restore", data={**form, "seen": "x", "why": "y"}).status_code == 409


def test_a_restore_is_long_work_by_the_reader_for_their_reason(edited):
    followed = Followed(edited)
    work = tables.restore(followed.current(), Asked(DAN, path={"table": "visits"}), {"to": "1", "why": " a mistake "})
    followed.close()
    assert isinstance(work, Work) and work.function == "loopline.web.doing:restore"
    assert work.arguments == {"table": "visits", "why": "a mistake", "version": 1, "at": None}


def test_rows_come_page_by_page_in_the_order_that_is_asked_for(odd):
    with client(odd, DAN) as browser:
        first, second = (browser.get(f"/odd/data/tables/visits/rows?as=json&page={page}").json() for page in (1, 2))
        down = browser.get("/odd/data/tables/visits/rows?as=json&sort=id&order=down").json()
        before = browser.get("/odd/data/tables/visits/rows?as=json&version=1").json()
    ids = [row["id"] for row in first["rows"] + second["rows"]]
    assert (first["total"], before["total"], len(first["rows"])) == (63, 60, 50)
    assert ids == [*range(61), 64, 65] and [row["id"] for row in down["rows"]] == sorted(ids, reverse=True)[:50]


def test_what_differs_is_told_cell_by_cell(edited):
    with client(edited, DAN) as browser:
        said = browser.get("/odd/data/tables/visits/diff?as=json&from=1&to=3").json()
        page = browser.get("/odd/data/tables/visits/diff?from=1&to=3").text
        newest = browser.get("/odd/data/tables/visits/diff?as=json").json()
    assert (said["added"], said["changed"], said["samples"]["changed"][0]["cells"]) == (3, 1, {"pages": [3, 7]})
    assert "Rows that came" in page and (newest["from"], newest["to"]) == (2, 3)


def test_of_too_many_rows_the_command_is_named(edited, monkeypatch):
    monkeypatch.setattr("loopline.web.pages.data.differences.MOST_ROWS", 2)
    with client(edited, DAN) as browser:
        assert "loopline data diff visits 0 3" in browser.get("/odd/data/tables/visits/diff?from=0&to=3").text
