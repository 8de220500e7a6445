"""What the pages say where a part of the workspace, or the declaration, is not there any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopline.errors import Fault
from loopline.loop import open_loop
from tests.web.world import client, reader

OTHERS = ("/charter", "/live", "/live/drift", "/value")
OF_DATA = ("", "/ready", "/quarantine", "/columns", "/tables/t", "/tables/t/rows")
PLAIN = {"accept": "application/json"}


def test_where_the_lake_is_away_the_first_page_stays_and_the_others_say_so(folder: Path) -> None:
    lake = folder / ".loopline" / "lake"
    lake.rename(folder / "elsewhere")
    with client(folder, reader("data")) as browser:
        first = browser.get("/shop/")
        assert first.status_code == 200 and "The month cannot be read: there is no blob" in first.text and "Open alerts" in first.text
        assert "nothing is earned" not in first.text and str(folder) not in first.text
        # A folder that was made anew has as little in it.
        lake.mkdir(exist_ok=True)
        for path in (*OTHERS, *(f"/data{part}" for part in OF_DATA)):
            answer = browser.get(f"/shop{path}", headers=PLAIN)
            said = answer.json()
            assert answer.status_code == 503 and str(lake) in said["error"]["where"] and "check the lake's address" in said["error"]["remedy"], (path, said)
    with client(folder, reader("customer")) as browser:
        answer = browser.get("/shop/customer")
        assert answer.status_code == 503 and str(folder) not in answer.text and "blob" not in answer.text
    with client(folder) as browser:
        assert browser.get("/?as=json").json()["loops"][0]["says"].startswith("the month cannot be read")


def test_while_the_ledger_is_away_every_page_says_so_and_none_is_made_anew(folder: Path) -> None:
    ledger = folder / ".loopline" / "ledger.db"
    with client(folder, reader("data")) as browser:
        assert browser.get("/shop/").status_code == 200
        ledger.rename(folder / "kept.db")
        for path in ("/shop/", "/shop/value", "/shop/live/alerts"):
            answer = browser.get(path, headers=PLAIN)
            assert answer.status_code == 503 and "the ledger is gone from where it was" in answer.json()["error"]["what"], path
        assert "the ledger is gone from where it was" in browser.get("/?as=json").json()["loops"][0]["trouble"]
        with pytest.raises(Fault, match="is gone"):
            open_loop(folder)
        (folder / ".loopline" / "ledger.db.queue").unlink()
        with pytest.raises(Fault, match="is gone"):
            open_loop(folder)
        assert not ledger.exists()
        (folder / "kept.db").rename(ledger)
        assert browser.get("/shop/").status_code == 200


def test_a_table_that_was_never_delivered_is_no_table_that_is_lost(folder: Path) -> None:
    declaration = folder / "loopline.yaml"
    declaration.write_text(declaration.read_text().replace("    t: {path: t.csv, time: at}", "    t: {path: t.csv, time: at}\n    more: {path: more.csv}"))
    with client(folder, reader("data")) as browser:
        assert browser.get("/shop/data/tables/more").status_code == 200
