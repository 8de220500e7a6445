"""The customers' page: plain words, nothing of the insides, and words that they leave, kept where the server keeps them."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.access.people import Person
from loopline.access.spec import PagesSpec
from loopline.charter.spec import CharterSpec
from loopline.declaration import parse_moment
from loopline.ledger.entry import Draft, now
from loopline.loop import open_loop
from loopline.model.evaluate import SUPPORT
from loopline.watch.earned import Earned, Sums
from loopline.web import links
from loopline.web.pages.customer import feedback
from loopline.web.pages.customer.feedback import Pace
from loopline.web.pages.customer.told import quality, when_wrong
from tests.web.releasing import PACKAGE, pages_key
from tests.web.world import PEOPLE, client, hidden, reader

HOSTILE = "<script>alert(1)</script>"
CHARTER = CharterSpec(predict="late", positive="yes", decision="Staff the desk?")


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(feedback, "PACE", Pace(5, 600.0))


def test_a_customer_reads_what_was_asked_for_and_nothing_of_the_insides(folder):
    with client(folder, reader("customer")) as browser:
        page, plain = browser.get("/shop/customer"), browser.get("/shop/customer?as=json").json()
        assert browser.get("/shop/charter").status_code == 403
    with open_loop(folder) as loop:
        state = loop.state()
        insides = [state.champion[:8], *(entry.id[:12] for entry in state.charters)]
    assert [(one["asked"], one["standing"]) for one in plain["criteria"]] == [("Mostly right", "holds"), ("Nobody waits", "nothing checks it")]
    assert plain["quality"]["says"][0] == "Of 100 times that the answer to “Call the buyer before this order is sent?” was yes, 95 were right: “y” came true."
    for text in (page.text, json.dumps(plain)):
        assert "EUR" not in text and not any(one in text for one in insides)
    # Another role sees it, too.
    with client(folder, reader("business")) as browser:
        assert browser.get("/shop/customer").status_code == 200


def test_until_enough_is_known_of_a_new_model_customers_read_of_the_one_before_it(folder):
    with client(folder, reader("customer")) as browser:
        before = browser.get("/shop/customer?as=json").json()["quality"]
    with open_loop(folder) as loop:
        state = loop.state()
        loop.workspace.ledger.append(Draft(kind="champion", subject=PACKAGE, body={**state.champions[-1].body, "previous": state.champion}))
    with client(folder, reader("customer")) as browser:
        page, plain = browser.get("/shop/customer").text, browser.get("/shop/customer?as=json").json()
    assert not before["is_earlier"] and plain["quality"] == {**before, "is_earlier": True}
    assert "Too few cases are known yet of the model that decides now. Of the one before it:" in page


def test_a_customer_signs_on_their_page_in_plain_words_and_nobody_by_a_link(folder, monkeypatch):
    declaration = folder / "loopline.yaml"
    text = declaration.read_text().replace("  budget:", "  approvals: {customer: 1}\n  budget:")
    declaration.write_text(text)
    with client(folder, reader("customer")) as browser:
        early = browser.get("/shop/customer").text
        assert "ask who sent you here" in early and "loopline.yaml" not in early and "/charter/sign" not in early
        assert early.count("Mostly right") == 2 and early.count("precision") <= 1
    pages_key(folder, monkeypatch)
    with client(folder, reader("customer")) as browser:
        page = browser.get("/shop/customer").text
        assert "version 1, in force since" in page and "What changed" not in page
        said = {**hidden(page, "/charter/sign"), "verdict": "yes", "why": "as agreed"}
        done = browser.post("/shop/charter/sign", data=said)
        assert done.url.path == "/shop/customer" and "You have signed the charter as customer" in done.text and "this version" in done.text
        declaration.write_text(text.replace("precision >= 0.2", "precision >= 0.3").replace("act_right: 10", "act_right: 12"))
        told = browser.get("/shop/customer?as=json").json()["signing"]
        assert (told["version"], told["since"], told["last"]["this_version"]) == (2, None, False)
        assert told["changes"][0].startswith("Was: Mostly right (") and "at least 30" in told["changes"][0] and "prices" in told["changes"][1]
        assert "EUR" not in browser.get("/shop/customer").text
        assert browser.post("/shop/charter/sign", data=said).status_code == 409
        with open_loop(folder) as loop:
            link, _ = links.create(loop.workspace.ledger, "a club", timedelta(days=1), Person("bea@example.com", "a test"), now())
        by_link = browser.get(f"/shop/c/{link}").text
        assert "Your signature" not in by_link and "/charter/sign" not in by_link
    with client(folder, reader("business")) as browser:
        assert "Your signature" not in browser.get("/shop/customer").text


def test_words_are_kept_with_the_servers_and_quoted_as_text(folder):
    with client(folder, reader("customer")) as browser:
        fields = hidden(browser.get("/shop/customer").text, "/customer/feedback")
        answer = browser.post("/shop/customer/feedback", data={**fields, "rating": "4", "text": HOSTILE, "about": ""})
        assert answer.status_code == 200 and "your words are kept" in answer.text
    with open_loop(folder) as loop:
        files = sorted((loop.workspace.lake.log / "feedback").iterdir())
        (kept,) = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    assert (kept["rating"], kept["text"], kept["who"]) == (4, HOSTILE, PEOPLE["customer"])


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "nothing is said"),
        ({"rating": "9"}, "no rating"),
        ({"text": "x" * 2001}, "2,001 characters"),
        ({"text": "x", "about": "a\nb"}, "expected the id of a prediction"),
        ({"text": "x", "about": "20260101-nonsense"}, "no decision with this number is known"),
        ({"text": "x", "about": "nonsense"}, "no decision with this number is known"),
    ],
)
def test_words_that_cannot_be_kept_are_refused(folder, said, words):
    with client(folder, reader("customer")) as browser:
        fields = hidden(browser.get("/shop/customer").text, "/customer/feedback")
        answer = browser.post("/shop/customer/feedback", data={**fields, **said})
    assert answer.status_code == 400 and words in answer.text.lower()
    with open_loop(folder) as loop:
        assert not list((loop.workspace.lake.log / "feedback").glob("*"))


def test_so_much_is_taken_in_a_time_and_no_more():
    clock = [0.0]
    pace = Pace(2, 10.0, lambda: clock[0])
    assert [pace.takes("a"), pace.takes("a"), pace.takes("a"), pace.takes("b")] == [True, True, False, True]
    clock[0] = 10.0
    assert pace.takes("a")


@given(st.lists(st.floats(0, 30), min_size=1, max_size=60))
def test_no_span_of_time_ever_holds_more_than_the_pace(steps):
    clock, taken = [0.0], []
    pace = Pace(3, 10.0, lambda: clock[0])
    for step in steps:
        clock[0] += step
        if pace.takes("a"):
            taken.append(clock[0])
    assert all(taken[at + 3] - taken[at] >= 10.0 for at in range(len(taken) - 3))


def window(outcomes: int, **metrics: float | None) -> dict:
    """A day of which ten more were held out by an experiment."""
    split, sums = {"held": 12, "tried": 0}, Earned(Sums(outcomes, 0.0, 0.0), Sums(outcomes, 0.0, 0.0), 0.0).as_json()
    return {"start": "2026-03-02T00:00:00+00:00", "rows": outcomes + 12, "outcomes": outcomes + 10, "metrics": metrics, "split": split, "sums": sums}


@given(st.lists(st.tuples(*[st.integers(0, 40)] * 4).filter(lambda counts: sum(counts) > 0), min_size=1, max_size=5))
def test_quality_is_what_counting_the_cases_gives(counted):
    """Each window by its counts: acted and right, acted and wrong, missed, rightly rested."""
    windows = []
    for hit, false, missed, rested in counted:
        cases, acted = hit + false + missed + rested, hit + false
        windows.append(window(cases, act_share=acted / cases, precision=hit / acted if acted else None, accuracy=(hit + rested) / cases))
    hits, acted, happened = (sum(part) for part in zip(*((one[0], one[0] + one[1], one[0] + one[2]) for one in counted), strict=True))
    found = quality(windows, CHARTER, "binary")
    if sum(map(sum, counted)) < SUPPORT:
        assert found is None
        return
    assert (found.cases, found.held_out) == (sum(map(sum, counted)), 10 * len(counted))
    said = list(found.says)
    for part, whole in ((hits, acted), (hits, happened)):
        share = 100 * part / whole if whole else None
        if share is not None and 1 <= share <= 99:
            assert f"{round(share)} " in said.pop(0)
        elif said:
            said.pop(0)


def test_other_tasks_are_told_in_their_own_words():
    charter = CharterSpec(predict="wait")
    assert quality([window(30, accuracy=0.5)], charter, "multiclass").says == ("Of 100 answers, 50 were right.",)
    assert quality([window(30, mae=2.0)], charter, "regression").says == ("What is told of “wait” is off by 2 on average.",)
    assert quality([window(3, mae=2.0)], charter, "regression") is None


def test_a_link_shows_the_page_to_who_has_it_until_it_is_revoked(folder):
    with open_loop(folder) as loop:
        text, made = links.create(loop.workspace.ledger, "the buyers' club", timedelta(days=1), Person("bea", "--by"), now())
    with client(folder, reader("customer")) as browser:
        page = browser.get(f"/shop/c/{text}")
        assert page.status_code == 200 and "What you asked for" in page.text and "/shop/charter" not in page.text
        fields = hidden(page.text, f"/c/{text}/feedback")
        assert "your words are kept" in browser.post(f"/shop/c/{text}/feedback", data={**fields, "text": "good"}).text
        assert browser.get(f"/shop/c/{text[:-1]}{'b' if text[-1] == 'a' else 'a'}").status_code == 404
        with open_loop(folder) as loop:
            links.revoke(loop.workspace.ledger, made.id, Person("bea", "--by"))
        gone = browser.get(f"/shop/c/{text}")
        assert gone.status_code == 404 and "What you asked for" not in gone.text
        late = browser.post(f"/shop/c/{text}/feedback", data={**fields, "text": "what I wrote"})
        assert late.status_code == 404 and "What you wrote, which was not kept" in late.text and "what I wrote" in late.text
        assert "what I wrote" not in browser.get(f"/shop/c/{text}").text


def test_a_link_begins_as_the_pages_are_reached(folder):
    with client(folder, reader("business")) as browser:
        fields = hidden(browser.get("/shop/charter/customers").text, "/charter/customers/create")
        # The declaration says another port than the one that the pages happen to have.
        sent = browser.post(
            "http://127.0.0.1:9001/shop/charter/customers/create", data={**fields, "holder": "the club"}, headers={"accept": "application/json"}
        )
    assert sent.json()["url"].startswith("http://127.0.0.1:9001/shop/c/")


def test_where_no_public_url_is_declared_a_link_is_one_that_can_be_called():
    assert links.declared_origin(PagesSpec(host="0.0.0.0", port=9000)) == "http://127.0.0.1:9000"
    assert links.declared_origin(PagesSpec(public_url="https://loop.example.com")) == "https://loop.example.com"


@pytest.mark.parametrize(
    ("known", "words"),
    [("1d after sched_dep", "1 day after “sched dep”"), ("90min before at", "90 minutes before “at”"), ("0s after at", "at the time of “at”")],
)
def test_when_something_is_known_is_told_without_the_syntax_of_the_declaration(known, words):
    charter = CHARTER.model_copy(update={"outcome_known": parse_moment(known)})
    assert f"That is known {words}." in next(when_wrong(charter, broken=(), has_earlier=False))
