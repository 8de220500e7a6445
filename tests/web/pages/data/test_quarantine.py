"""The list of refused rows, and what is done to many of them."""

import contextlib
import shutil
import time

from loopline.data.ingest import ingest_file
from loopline.data.quarantine.mending import mend
from loopline.errors import CheckFailed
from loopline.loop import open_loop
from loopline.web.asked import Asked, Reader
from loopline.web.current import Followed
from loopline.web.pages.data import quarantine
from loopline.web.work import Work
from tests.web.pages.data.conftest import HEAD, line
from tests.web.world import client, hidden

DAN = Reader("dan@example.com")


def test_rows_are_narrowed_by_table_batch_reason_and_state(odd):
    with client(odd, DAN) as browser:
        every = browser.get("/odd/data/quarantine?as=json").json()
        batch = every["refused"][0]["batch"]
        found = [
            browser.get(f"/odd/data/quarantine?as=json&{asked}").json()["rows"]
            for asked in ("table=visits", f"batch={batch[:6]}", "batch=00ff", "reason=PAGES", "reason=none", "state=discarded", "state=all", "page=2")
        ]
    assert (every["rows"], found) == (4, [4, 4, 0, 2, 0, 0, 4, 4])


def test_many_rows_are_discarded_with_one_reason_once_somebody_says_which(odd):
    with client(odd, DAN) as browser:
        assert "Discard these" not in browser.get("/odd/data/quarantine").text
        form = hidden(browser.get("/odd/data/quarantine?reason=pages").text, "/discard")
        asked = {"reason": "pages", "state": "refused", "table": "", "batch": ""}
        assert browser.post("/odd/data/quarantine/discard", data={**form, "reason": "", "why": "all"}).status_code == 400
        assert "2 rows discarded" in browser.post("/odd/data/quarantine/discard", data={**form, **asked, "why": "a test"}).text
        assert browser.post("/odd/data/quarantine/discard", data={**form, **asked, "why": "again"}).status_code == 409
        assert browser.get("/odd/data/quarantine?as=json&state=discarded").json()["rows"] == 2


def test_many_rows_that_take_long_are_left_to_a_process_of_their_own(odd, monkeypatch):
    monkeypatch.setattr(quarantine, "AT_ONCE", 1)
    followed = Followed(odd)
    work = quarantine.replay_many(followed.current(), Asked(DAN), {"reason": "pages", "state": "refused", "why": "a new rule"})
    followed.close()
    assert isinstance(work, Work) and work.arguments["why"] == "a new rule"
    assert work.arguments["which"] == {"table": None, "batch": None, "reason": "pages", "states": ("refused",)}


def test_a_replay_of_rows_that_nobody_mended_refuses_them_again(odd):
    with client(odd, DAN) as browser:
        form = hidden(browser.get("/odd/data/quarantine?reason=pages").text, "/replay")
        assert (
            "0 of 2 rows accepted, 2 rows still refused"
            in browser.post("/odd/data/quarantine/replay", data={**form, "reason": "pages", "state": "refused"}).text
        )


def waiting(browser):
    said = browser.get("/odd/?as=json").json()["waiting"]
    return {one["kind"]: one["what"] for one in (*said["mine"], *said["others"])}


def test_rows_wait_until_somebody_has_said_something_of_them_and_they_are_settled(odd):
    with client(odd, DAN) as browser:
        assert waiting(browser)["refused rows"].startswith("4 rows are refused")
        row = next(one for one in browser.get("/odd/data/quarantine?as=json").json()["refused"] if "pages" in one["reasons"][0])
        with open_loop(odd) as loop, loop.workspace.ledger.lease():
            mend(loop.workspace, loop.project.declaration.data, {(row["table"], row["batch"], row["line"]): {"pages": "4"}}, by="eve", why="a slip")
        assert waiting(browser)["mended rows"] == "1 row is mended, and not in the table yet"
        assert waiting(browser)["refused rows"].startswith("3 rows are refused")
        form = hidden(browser.get("/odd/data/quarantine").text, "/replay")
        assert "1 of 1 row accepted" in browser.post("/odd/data/quarantine/replay", data={**form, "which": "mended"}).text
        form = hidden(browser.get("/odd/data/quarantine?table=visits").text, "/discard")
        browser.post("/odd/data/quarantine/discard", data={**form, "table": "visits", "state": "refused", "why": "a test"})
        assert not {"refused rows", "mended rows"} & {*waiting(browser)}
        page = browser.get("/odd/data/quarantine").text
    assert "No row waits." in page and "1 replayed" in page and "3 discarded" in page and "The quarantine is empty" not in page


def test_a_quarantine_that_is_not_where_it_was_is_not_called_empty(odd):
    with client(odd, DAN) as browser:
        shutil.move(next(odd.rglob("quarantine")), odd / "away")
        page = browser.get("/odd/data/quarantine").text
    assert "The quarantine is empty" not in page


def test_a_batch_that_is_held_back_waits_and_is_let_in_by_a_form_with_a_reason(odd):
    declaration = odd / "loopline.yaml"
    declaration.write_text(declaration.read_text().replace("  contract:\n", "  contract:\n    batch: {rows: 10..}\n"))
    (odd / "few.csv").write_text(HEAD + line(200))
    with open_loop(odd) as loop, contextlib.suppress(CheckFailed):
        ingest_file(loop.workspace, loop.project.declaration.data, odd / "few.csv")
    with client(odd, DAN) as browser:
        assert waiting(browser)["held batch"] == "few.csv is held back: it has 1 rows, and 10.. are expected"
        (held,) = browser.get("/odd/data?as=json").json()["sources"][0]["held_back"]
        action = f"/odd/data/admit/{held['batch']}"
        form = hidden(browser.get("/odd/data").text, action)
        assert browser.post(action, data={**form, "why": " "}).status_code == 400
        assert "few.csv may enter visits" in browser.post(action, data={**form, "why": "a holiday"}).text
        assert browser.post(action, data={**form, "why": "again"}).status_code == 409
        assert "held batch" not in waiting(browser)


def test_what_the_review_asks_of_accepted_rows_waits_for_the_expert(odd):
    declaration = odd / "loopline.yaml"
    declaration.write_text(declaration.read_text().replace("max: 8}", "max: 8, severity: warn}"))
    with client(odd, DAN) as browser:
        kinds = browser.get("/odd/data/review?as=json").json()["kinds"]
        many = sum(count for kind, count in kinds.items() if kind != "refused")
        found = next((said for _ in range(100) if "review" in (said := waiting(browser)) or time.sleep(0.02)), {})
    assert many > 0 and found["review"].startswith(f"{many} question")
