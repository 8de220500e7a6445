"""The report: one page to decide from, whatever stands in names, with nothing from elsewhere."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.charts import WIDE
from loopline.model.estimates import Estimate
from loopline.sheet import html as pages
from loopline.sheet import plain
from loopline.sheet.plain import _md
from loopline.value.case import Case
from loopline.value.criteria import Kept
from loopline.value.hindsight import Better
from loopline.value.realised import Amount
from loopline.value.report.answers import answers, deciders
from loopline.value.report.parts import ROWS_SHOWN, parts
from loopline.value.report.pictures import worth
from loopline.value.report.report import report
from loopline.value.rules import judge
from tests.value.cases import EVIL, alert, case, rich, window

SURE = Estimate(1.0, 0.5, 1.5)
SERVED = [window(day, breaches=["worth_promised", "drift:x"] if day == 5 else []) for day in range(8)]
CASES: dict[str, Case] = {
    "served": case(SERVED, charter={"volume": "1000 per day", "target": "100000 per year"}, alerts=[alert("drift")]),
    "expected": case([]),
    "nothing": case([], champion=None, promise=None),
    "waiting": case([window(0, outcomes=0)]),
    "points": case(SERVED, charter={"worth": {}}),
    "one outcome": case([window(0, rows=1)]),
    "rich": rich(),
    "target of zero": case(SERVED, charter={"volume": "1000 per day", "target": "0 per year"}),
    "few rows": case([window(0, rows=3), window(1, rows=0), window(2, rows=2, outcomes=1)]),
    "evil": case(SERVED, project=EVIL, charter={"decision": EVIL}, alerts=[alert("drift", f"{EVIL} has drifted")]),
}
VOID = {"meta", "br", "link", "img", "hr", "input"}


def html(case, review):
    return pages.html(report(case, review))


def markdown(case, review):
    return plain.markdown(report(case, review))


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


@cache
def drawn(name: str) -> str:
    """The page of a case: drawing its charts takes most of a test's time."""
    return html(CASES[name], judge(CASES[name]))


def page(name: str) -> Page:
    read = Page()
    read.feed(drawn(name))
    assert not read.stack
    return read


@pytest.mark.parametrize("name", CASES)
def test_a_page_needs_nothing_from_elsewhere_and_runs_nothing(name: str) -> None:
    read = page(name)
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in read.tags}
    for _, attributes in read.tags:
        assert not [key for key in attributes if key.startswith("on") or key in ("href", "src", "xlink:href")]
    assert not re.search(r"url\((?!#)|@import", drawn(name))
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in read.tags


@pytest.mark.parametrize("name", CASES)
def test_both_forms_say_what_is_recommended_and_why(name: str) -> None:
    review = judge(CASES[name])
    text, plain = markdown(CASES[name], review), " ".join("".join(page(name).text).split())
    assert review.reasons[0].says in plain
    advice = {"keep": "Keep it", "retrain": "Retrain it", "change_policy": "Change the policy", "retire": "Retire it"}[review.recommendation]
    assert advice in plain and advice.lower() in text.splitlines()[0]
    assert "None" not in plain and "nan" not in plain.lower().split()


@pytest.mark.parametrize("name", ["evil", "rich"])
def test_names_and_words_that_are_markup_are_shown_as_text(name: str) -> None:
    read = page(name)
    assert EVIL in "".join(read.text)
    text = markdown(CASES[name], judge(CASES[name]))
    assert "<script" not in re.sub(r"\\.", "", text)


@given(st.text(alphabet="ab _>#<&*|x.=0 ", max_size=12))
def test_only_what_would_be_read_as_a_mark_is_escaped(word: str) -> None:
    plain = " ".join(word.split())
    text = _md(word)
    assert re.sub(r"\\(.)", r"\1", text) == plain
    assert not re.search(r"(?<!\\)[*|]|(?<!\\)<\S", text)
    assert _md(f"lead_days >= 1 {plain}").startswith("lead_days >= 1")


def test_names_of_columns_and_checks_are_read_as_they_are() -> None:
    text = markdown(CASES["rich"], judge(CASES["rich"]))
    assert "| worst_slice(origin).precision >= 0.45 | it is 0.4 (origin EWR) |" in text
    assert "| what | how much | range | held against |" in text


def test_it_says_of_which_day_it_is() -> None:
    assert "Value review of 2024-03-01." in markdown(CASES["served"], judge(CASES["served"])).splitlines()
    assert "value review of 2024-03-01" in " ".join("".join(page("served").text).split())


def test_what_was_asked_stands_once_beside_what_happened() -> None:
    kept = Kept(id="A1", words="w", check="precision >= 0.5", passed=True, value=0.6, threshold=0.5, says="precision is 0.6; asked for precision >= 0.5")
    made = case(SERVED, criteria=[kept])
    (row,) = next(part.table.rows for part in parts(made) if part.name == "Acceptance criteria" and part.table is not None)
    assert row == ("A1", "w", "precision >= 0.5", "precision is 0.6", "yes", "-")


def test_everything_that_a_manager_asks_is_answered_before_the_detail() -> None:
    text = markdown(CASES["rich"], judge(CASES["rich"]))
    first = text.partition("\n## ")[0]
    for asked in ("What was promised", "What came", "Why", "What it cost", "What changed", "Who decides what"):
        assert f"**{asked}.**" in first
    for part in (
        "Acceptance criteria",
        "Worth by segment",
        "What customers said",
        "Open alerts, and what explains them",
        "What changed upstream",
        "Packages that decided",
        "What the model causes",
        "Experiments",
        "Cost",
        "Windows",
    ):
        assert f"\n## {part}" in text


def test_what_nothing_is_known_of_is_left_out_of_the_detail() -> None:
    text = markdown(CASES["expected"], judge(CASES["expected"]))
    assert re.findall(r"^## (.*)$", text, flags=re.MULTILINE) == ["Every reason that a rule gave", "How it was computed"]
    assert "Not told yet: loopline value cost" in text


@pytest.mark.parametrize(
    ("made", "roles"),
    [
        (CASES["rich"], ["ml", "business", "customer", "expert"]),
        (CASES["served"], ["ml", "business"]),
        (case(SERVED), ["business"]),
        (CASES["points"], ["business", "business"]),
        (case(SERVED, better=Better(threshold=0.3, gain=SURE, added=SURE, rows=800, acted=0.6, acted_now=0.2, breaks_limit=False)), ["business", "expert"]),
        (case([window(day, worth=0.0) for day in range(8)]), ["business"]),
    ],
)
def test_who_decides_is_told_by_what_there_is_to_decide(made: Case, roles: list[str]) -> None:
    assert [role for role, _ in deciders(made, judge(made))] == roles


def test_roles_without_a_person_are_told() -> None:
    (last,) = [answer.says[-1] for answer in answers(CASES["rich"], judge(CASES["rich"])) if answer.asked == "Who decides what"]
    assert last == "Nobody is named for customer, expert yet: charter.stakeholders."


def test_a_charter_without_prices_says_so_and_one_with_prices_does_not() -> None:
    for name, expected in (("points", True), ("served", False)):
        assert ("no prices yet" in markdown(CASES[name], judge(CASES[name]))) is expected
        assert ("no prices yet" in drawn(name)) is expected


def test_before_anything_is_served_it_tells_what_is_expected_and_that_nothing_is_realised() -> None:
    text = markdown(CASES["expected"], judge(CASES["expected"]))
    assert "Nothing is realised yet" in text
    assert "11 USD" in text and "4,000 rows of the test part" in text


def test_the_figures_to_decide_from_are_all_there() -> None:
    text = markdown(CASES["served"], judge(CASES["served"]))
    assert "7,200 USD" in text  # 800 decisions add 9 each
    assert "target for the same decisions, above no model: 219 USD" in text
    assert "promised on the test part: 11 USD" in text
    assert "39%" in text  # 9 of the 23 that a perfect model would add


def test_pictures_are_drawn_for_a_desk_and_for_a_telephone() -> None:
    read = page("served")
    assert sum(tag == "svg" for tag, _ in read.tags) == 2 * sum(tag == "figure" for tag, _ in read.tags) == 6
    assert sum(tag == "svg" for tag, _ in page("nothing").tags) == 0


def test_an_interval_that_ends_at_nought_may_reach_a_target_below_it() -> None:
    made = case(SERVED, charter={"volume": "1000 per day", "target": "0 per year"})
    assert made.whole is not None
    # Without a model -3 a decision are earned, which is the target: with -10 to 0 it may well be reached.
    made.__dict__["whole"] = replace(made.whole, earned=Amount(mean=-5.0, low=-10.0, high=0.0), baseline=-3.0)
    drawn = worth(made)
    assert drawn is not None
    (realised,) = (bar for bar in drawn.draw(WIDE)["data"]["values"] if bar["name"] == "realised")
    assert not realised["marked"]


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
    assert html(CASES["served"], judge(CASES["served"])) == drawn("served")
