"""The report: one page to decide from, whatever stands in names, with nothing from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from loopline.value.case import Case
from loopline.value.report.page import html
from loopline.value.report.parts import ROWS_SHOWN
from loopline.value.report.plain import markdown
from loopline.value.rules import judge
from tests.value.cases import EVIL, alert, case, window

SERVED = [window(day, breaches=["worth_promised", "drift:x"] if day == 5 else []) for day in range(8)]
CASES: dict[str, Case] = {
    "served": case(SERVED, charter={"volume": "1000 per day", "target": "100000 per year"}, alerts=[alert("drift")]),
    "expected": case([]),
    "nothing": case([], champion=None, promise=None),
    "waiting": case([window(0, outcomes=0)]),
    "points": case(SERVED, charter={"worth": {}}),
    "one outcome": case([window(0, rows=1)]),
    "evil": case(SERVED, project=EVIL, charter={"decision": EVIL}, alerts=[alert("drift", f"{EVIL} has drifted")]),
}
VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """What a browser sees: tags, and whether they are well nested."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self.stack: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.stack and self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def page(made: Case) -> Page:
    read = Page()
    read.feed(html(made, judge(made)))
    assert not read.stack
    return read


@pytest.mark.parametrize("name", CASES)
def test_a_page_needs_nothing_from_elsewhere_and_runs_nothing(name: str) -> None:
    read = page(CASES[name])
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in read.tags}
    for _, attributes in read.tags:
        assert not [key for key in attributes if key.startswith("on") or key in ("href", "src", "xlink:href")]
    assert not re.search(r"url\((?!#)|@import", html(CASES[name], judge(CASES[name])))
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in read.tags


@pytest.mark.parametrize("name", CASES)
def test_both_forms_say_what_is_recommended_and_why(name: str) -> None:
    review = judge(CASES[name])
    text, plain = markdown(CASES[name], review), " ".join("".join(page(CASES[name]).text).split())
    assert review.reasons[0].says in plain
    advice = {"keep": "Keep it", "retrain": "Retrain it", "retire": "Retire it"}[review.recommendation]
    assert advice in plain and advice.lower() in text.splitlines()[0]
    assert "None" not in plain and "nan" not in plain.lower().split()


def test_names_that_are_markup_are_shown_as_text() -> None:
    read = page(CASES["evil"])
    assert EVIL in "".join(read.text)
    text = markdown(CASES["evil"], judge(CASES["evil"]))
    assert "<script" not in re.sub(r"\\.", "", text)


def test_a_charter_without_prices_says_so_and_one_with_prices_does_not() -> None:
    for made, expected in ((CASES["points"], True), (CASES["served"], False)):
        assert ("no prices yet" in markdown(made, judge(made))) is expected
        assert ("no prices yet" in html(made, judge(made))) is expected


def test_before_anything_is_served_it_tells_what_is_expected_and_that_nothing_is_realised() -> None:
    text = markdown(CASES["expected"], judge(CASES["expected"]))
    assert "Nothing is realised yet" in text
    assert "11 USD" in text and "4,000 rows of the test part" in text


def test_the_figures_to_decide_from_are_all_there() -> None:
    text = markdown(CASES["served"], judge(CASES["served"]))
    assert "7,200 USD" in text  # 800 decisions add 9 each
    assert "target for the same decisions: 219 USD" in text
    assert "promised on the test part: 11 USD" in text
    assert "39%" in text  # 9 of the 23 that a perfect model would add


def test_pictures_are_drawn_for_a_desk_and_for_a_telephone() -> None:
    read = page(CASES["served"])
    assert sum(tag == "svg" for tag, _ in read.tags) == 2 * sum(tag == "figure" for tag, _ in read.tags) == 6
    assert sum(tag == "svg" for tag, _ in page(CASES["nothing"]).tags) == 0


def test_a_long_history_is_cut_to_the_newest_windows_and_says_so() -> None:
    long = case([window(day) for day in range(ROWS_SHOWN + 20)])
    assert f"the newest {ROWS_SHOWN} of 80" in markdown(long, judge(long)).replace("\\", "")


def test_outcomes_seen_only_where_somebody_acted_are_warned_of() -> None:
    made = case(SERVED, charter={"outcome_seen": "when_acted"})
    assert "leave out the decisions to rest" in markdown(made, judge(made))


def test_figures_of_packages_before_the_champion_are_said_to_be_theirs() -> None:
    made = case(SERVED, champion="b" * 64)
    assert "those of the packages before it" in markdown(made, judge(made))


def test_the_same_case_gives_the_same_bytes() -> None:
    made = CASES["served"]
    assert html(made, judge(made)) == html(made, judge(made))
