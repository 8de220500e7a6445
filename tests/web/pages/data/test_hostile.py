"""Whatever data holds is text on every data page, can be seen, and is not endless."""

from __future__ import annotations

import re

import pytest

from loopline.web.asked import Reader
from tests.web.pages.data.conftest import LONG, SCRIPT
from tests.web.walk import Seen
from tests.web.world import client

DAN = Reader("dan@example.com")
PATHS = (
    "",
    "/ready",
    "/contract",
    "/tables/visits",
    "/tables/visits/rows",
    "/tables/visits/rows/1",
    "/tables/visits/diff?from=1&to=2",
    "/tables/visits/restore?to=1",
    "/quarantine?state=all",
    "/quarantine?reason=%3Cscript%3E",
    "/review",
    "/columns",
    "/lineage",
    "/storage",
)


def test_a_script_is_text_everywhere(odd):
    with client(odd, DAN) as browser:
        refused = [f"/quarantine/visits/{one['batch'][:16]}:{one['line']}" for one in browser.get("/odd/data/quarantine?as=json").json()["refused"]]
        for path in (*PATHS, *refused):
            answer = browser.get(f"/odd/data{path}")
            seen = Seen()
            seen.feed(answer.text)
            assert answer.status_code == 200, (path, answer.text)
            assert SCRIPT not in answer.text and not seen.bad, (path, seen.bad)


def test_letters_that_cannot_be_seen_are_told_by_their_numbers(odd):
    with client(odd, DAN) as browser:
        rows, quarantine = browser.get("/odd/data/tables/visits/rows").text, browser.get("/odd/data/quarantine").text
    assert "a\\tb\\u202ec" in rows and "\u202e" not in rows
    assert "\\x07" in quarantine and "\x07" not in quarantine


def test_a_long_cell_is_cut_in_a_list_and_whole_by_itself(odd):
    with client(odd, DAN) as browser:
        rows, one = browser.get("/odd/data/tables/visits/rows"), browser.get("/odd/data/tables/visits/rows/3")
        plain = browser.get("/odd/data/tables/visits/rows?as=json")
    assert LONG[:161] not in rows.text and "29,840 more" in rows.text
    assert LONG[:20_000] in one.text and LONG[:20_001] not in one.text and "10,000 more" in one.text
    assert LONG[:161] not in plain.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/tables/none", 404),
        ("/tables/..%2F..%2Fetc/rows", 404),
        ("/tables/visits/rows?version=99", 400),
        ("/tables/visits/rows?sort=none", 400),
        ("/tables/visits/rows?page=999999", 200),
        ("/tables/visits/rows?page=-3&columns=x", 200),
        ("/tables/visits/rows/x", 404),
        ("/tables/visits/rows/999999", 404),
        ("/tables/visits/diff?from=0&to=77", 400),
        ("/tables/visits/restore", 400),
        ("/quarantine?state=gone", 400),
        ("/quarantine?table=none", 400),
        ("/quarantine/visits/abcd:1", 404),
        ("/quarantine/visits/nonsense", 404),
        ("/contract?table=none", 404),
    ],
)
def test_bad_addresses_end_in_words(odd, path, status):
    with client(odd, DAN) as browser:
        answer = browser.get(f"/odd/data{path}")
    assert answer.status_code == status and "Traceback" not in answer.text
    remedies = r"choose|did you mean|(tables|sources|versions|columns) are|quarantine|leads to all others"
    assert status == 200 or re.search(remedies, answer.text, re.IGNORECASE)
