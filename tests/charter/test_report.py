from html.parser import HTMLParser

import pytest

from loopline.charter.report.report import report
from loopline.charter.spec import CharterSpec
from loopline.charter.study import studied
from loopline.sheet.html import html
from loopline.sheet.plain import markdown
from tests.charter.test_prospect import sounding
from tests.charter.test_study import BOOK, STATED

EVIL = "<script>alert('x')</script> & | `\""
OUTCOME = {"do_nothing": 0.0, "perfect": 33.5, "break_even": 0.31}


def document(*, outcome=None, measured=None, book=BOOK, **said):
    charter = CharterSpec.model_validate({**STATED, **said})
    facts = studied(charter, task="binary", outcome=outcome, sounding=measured, book=book)
    return report("rebooking", charter, facts, made="2026-11-26", next="loopline run")


class Words(HTMLParser):
    """What a page says, without its style."""

    def __init__(self):
        super().__init__()
        self.said, self.styled = [], False

    def handle_starttag(self, tag, attrs):
        self.styled = tag == "style"

    def handle_data(self, data):
        self.said += [] if self.styled else [data]


def everything(made):
    words = Words()
    words.feed(html(made))
    return " ".join("".join(words.said).split())


CASES = {
    "go": {"outcome": OUTCOME, "measured": sounding(), "volume": "700..1100 per day"},
    "stated": {},
    "stated no-go": {"study": {**STATED["study"], "expects": {"precision": "10%..20%", "recall": "10%..20%"}}},
    "no-go": {"outcome": {**OUTCOME, "perfect": 0.0}, "measured": sounding()},
    "without a volume": {"volume": None},
    "without anything": {"volume": None, "study": {}, "book": None, "prices": None, "worth": {}},
}
VERDICTS = {
    "go": "Do it",
    "stated": "Go on to the data",
    "stated no-go": "As far as is stated, do not do it",
    "no-go": "Do not do it",
    "without a volume": "Go on to the data",
    "without anything": "Go on to the data",
}


@pytest.mark.parametrize("name", CASES)
def test_each_study_has_its_verdict_in_every_form(name):
    made = document(**CASES[name])
    assert made.verdict == VERDICTS[name]
    assert VERDICTS[name] in everything(made) and VERDICTS[name].lower() in markdown(made)


def test_what_somebody_wrote_is_text():
    made = document(
        problem=EVIL,
        decision=EVIL,
        outcome=OUTCOME,
        measured={**sounding(), "alternatives": [{"name": "nothing", "says": EVIL}] + sounding()["alternatives"][1:]},
    )
    assert "<script" not in html(made)
    assert "<script" not in markdown(made).replace("\\<", "")
    assert EVIL in everything(made)


def test_a_study_of_data_says_that_it_was_measured_and_one_of_ranges_that_it_was_not():
    assert "No data have been looked at" not in everything(document(**CASES["go"]))
    assert "No data have been looked at" in everything(document(**CASES["stated"]))


def test_what_would_flip_it_is_said_with_the_value_and_the_better_choice():
    answers = {one.asked: " ".join(one.says) for one in document(**CASES["stated"]).answers}
    assert "how often the model is right when it acts: at" in answers["What would flip it"].lower()
    assert "the better choice would be: do nothing" in answers["What would flip it"]
    assert "to know it exactly is worth up to" in answers["Find out first"]


def test_what_is_not_known_is_asked_for():
    said = everything(document(**CASES["without anything"]))
    assert "say charter.worth, with its currency" in said and "say charter.volume" in said and "charter.study.expects" in said


def test_a_no_go_says_which_rule_does_not_hold():
    made = document(**CASES["no-go"])
    assert made.tone == "no" and "a perfect model would earn" in made.says.lower()
    rules = next(part.table for part in made.parts if part.name == "The rules of go and no-go")
    assert {"NO"} <= {row[1] for row in rules.rows}
