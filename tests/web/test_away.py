"""What the pages say where a part of the workspace, or the declaration, is not there any more."""

from __future__ import annotations

from pathlib import Path

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


def test_a_table_that_was_never_delivered_is_no_table_that_is_lost(folder: Path) -> None:
    declaration = folder / "loopline.yaml"
    declaration.write_text(declaration.read_text().replace("    t: {path: t.csv, time: at}", "    t: {path: t.csv, time: at}\n    more: {path: more.csv}"))
    with client(folder, reader("data")) as browser:
        assert browser.get("/shop/data/tables/more").status_code == 200
