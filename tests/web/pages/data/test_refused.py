"""One refused row: tried, mended, replayed, discarded and taken up again through its page."""

from __future__ import annotations

import pytest

from loopline.lake.tables import Tables
from loopline.loop import open_loop
from loopline.web.asked import Reader
from tests.web.pages.data.conftest import SCRIPT
from tests.web.world import client, hidden

EVE, DAN = Reader("eve@example.com"), Reader("dan@example.com")


def addresses(browser):
    """The pages of the refused rows, by their lines."""
    refused = browser.get("/odd/data/quarantine?as=json").json()["refused"]
    return {one["line"]: f"/odd/data/quarantine/visits/{one['batch'][:16]}:{one['line']}" for one in refused}


def fields(browser, address, act="mend"):
    """What the form of a row carries."""
    return hidden(browser.get(address).text, f"/{act}")


def test_a_row_that_is_mended_enters_its_table_once(odd):
    with client(odd, EVE) as browser:
        address = addresses(browser)[3]
        form = fields(browser, address)
        done = browser.post(f"{address}/mend", data={**form, "cell.pages": "8", "cell.id": "61", "why": "the log says so", "replay": "yes"})
        assert done.status_code == 200 and "the row is in its table" in done.text
        again = browser.post(f"{address}/mend", data={**form, "cell.pages": "7", "replay": "yes"})
        assert again.status_code == 409 and "mend" in again.text and "eve@example.com" in again.text
        said = browser.get(f"{address}?as=json").json()
        assert said["state"] == "replayed" and "mended pages" in [one["what"] for one in said["history"]]
    with open_loop(odd) as loop:
        rows = Tables(loop.workspace.lake).read("visits").collect()
        assert rows.filter(id=61)["pages"].to_list() == [8]
        assert [entry.actor for entry in loop.workspace.ledger.read(kinds=("mend", "replay"))] == ["eve@example.com"] * 2


def test_what_is_typed_is_tried_and_nothing_is_kept(odd):
    with client(odd, EVE) as browser:
        address = addresses(browser)[4]
        tried = browser.post(f"{address}/check", data={**fields(browser, address), "cell.pages": "5", "cell.id": "62"})
        assert "The contract would accept it so" in tried.text and 'value="5"' in tried.text
        beside = {"why": "a slip", "replay": "yes"}
        kept = browser.post(f"{address}/check", data={**fields(browser, address), "cell.pages": "5", **beside}).text
        assert 'value="a slip"' in kept and 'name="replay" value="yes" checked' in kept and 'value="yes" checked' not in tried.text
        for cells, says in (({"cell.note": "y" * 7000}, "mend the row: it is checked then"), ({}, "No cell says something else")):
            refused = browser.post(f"{address}/check", data={**fields(browser, address), **cells, **beside})
            assert refused.status_code == 400 and says.lower() in refused.text.lower() and 'value="a slip"' in refused.text, "what was typed stays"
            assert all(typed in refused.text for typed in cells.values())
        tried = browser.post(f"{address}/check", data={**fields(browser, address), "cell.pages": "50", "cell.id": "60"})
        assert "pages is above 8" in tried.text and "id is in the table already" in tried.text
        assert browser.get(f"{address}?as=json").json()["cells"][1]["is_mended"] is False
    with open_loop(odd) as loop:
        assert not loop.workspace.ledger.read(kinds=("mend",))


def test_a_record_that_could_not_be_cut_is_typed_whole(odd):
    with client(odd, EVE) as browser:
        address = addresses(browser)[8]
        cells = {"cell.id": "66", "cell.pages": "1", f"cell.kind{SCRIPT}": "a", "cell.note": "", "cell.bought": "no"}
        assert "would accept it so" in browser.post(f"{address}/check", data={**fields(browser, address), **cells}).text
        done = browser.post(f"{address}/mend", data={**fields(browser, address), **cells})
        assert "A replay takes it in" in done.text
        assert "1 mended row waits" in browser.get("/odd/data/quarantine").text
        done = browser.post("/odd/data/quarantine/replay", data={**hidden(browser.get("/odd/data/quarantine").text, "/replay"), "which": "mended"})
        assert "1 of 1 row accepted" in done.text


def test_cells_that_a_browser_sends_otherwise_than_it_was_given_them_are_no_change(odd):
    with client(odd, EVE) as browser:
        address = addresses(browser)[5]
        same = {"cell.note": "\x07", "cell.id": "63", f"cell.kind{SCRIPT}": f"z{SCRIPT}", "cell.pages": "3"}
        assert "No cell has changed" in browser.post(f"{address}/mend", data={**fields(browser, address), **same}).text


def test_a_row_is_given_up_with_a_reason_and_taken_up_again(odd):
    with client(odd, DAN) as browser:
        address = addresses(browser)[4]
        assert browser.post(f"{address}/discard", data={**fields(browser, address, "discard"), "why": " "}).status_code == 400
        done = browser.post(f"{address}/discard", data={**fields(browser, address, "discard"), "why": "a test"})
        assert "It was given up" in done.text and "a test" in done.text and "/mend" not in done.text
        taken = browser.post(f"{address}/replay", data=fields(browser, address, "replay"))
        assert "It waits, and is refused: pages is not a whole number" in taken.text and "/mend" in taken.text


@pytest.mark.parametrize("act", ["mend", "replay", "discard", "check"])
def test_who_holds_no_role_for_rows_does_nothing(odd, act):
    with client(odd, DAN) as browser:
        address = addresses(browser)[3]
    with client(odd, Reader("bea@example.com")) as browser:
        token = hidden(browser.get("/odd/data/contract").text, "/none")
        answer = browser.post(f"{address}/{act}", data={**token, "cell.pages": "8", "why": "x"})
    assert answer.status_code == 403
