"""The list of refused rows, and what is done to many of them."""

from loopline.web.asked import Asked, Reader
from loopline.web.current import Followed
from loopline.web.pages.data import quarantine
from loopline.web.work import Work
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
