"""Each criterion traced: whether it holds, what tells so, what it lacks, and how that came."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from loopline.charter.spec import CharterSpec
from loopline.sheet.html import html
from loopline.sheet.plain import markdown
from loopline.value.requirements.report import report
from loopline.value.requirements.requirements import Known, Requirement, requirements, summary
from tests.value.cases import EVIL, PACKAGE, window

T0 = datetime(2026, 3, 1, tzinfo=UTC)
OTHER = "b" * 64
SAYS = "When we staff a desk, it was needed"


def charter(*criteria: dict[str, Any], **more: Any) -> CharterSpec:
    said = criteria or ({"id": "A1", "says": SAYS, "check": "precision >= 0.5"},)
    return CharterSpec.model_validate({"predict": "late", "decision": "Staff the desk?", "acceptance": said, **more})


def judged(day: int, package: str, value: float, *, asked: str = "precision >= 0.5", waived: Any = None) -> tuple[datetime, dict[str, Any]]:
    limit = float(asked.rpartition(" ")[2])
    says = f"{SAYS}: precision is {value}; asked for {asked}"
    gate = {"name": "acceptance A1", "passed": value >= limit, "asked": asked, "value": value, "threshold": limit, "says": says, "waived": waived}
    return T0 + timedelta(days=day), {"package": package, "gates": [gate]}


def reviewed(day: int, value: float | None, *, check: str = "precision >= 0.5") -> tuple[datetime, dict[str, Any]]:
    passed = None if value is None else value >= 0.5
    says = "10 outcomes are too few; 30 are needed" if value is None else f"precision is {value}; asked for {check}"
    kept = {"id": "A1", "words": SAYS, "check": check, "passed": passed, "value": value, "threshold": 0.5, "says": says, "windows": 10, "windows_held": 7}
    return T0 + timedelta(days=day), {"criteria": [kept]}


def only(known: Known, said: CharterSpec | None = None) -> Requirement:
    (one,) = requirements(said or charter(), known)
    return one


@pytest.mark.parametrize(
    ("known", "standing", "by"),
    [
        ({}, "not known yet", ""),
        ({"judged": [judged(0, OTHER, 0.6)]}, "holds", "the newest package"),
        ({"judged": [judged(0, PACKAGE, 0.6), judged(1, OTHER, 0.4)]}, "holds", "the package that decides"),
        ({"judged": [judged(0, PACKAGE, 0.6)], "reviews": [reviewed(2, 0.4)]}, "does not hold", "in service"),
        ({"judged": [judged(0, PACKAGE, 0.6)], "reviews": [reviewed(2, None)]}, "holds", "the package that decides"),
        # What was found of another check tells nothing of this one.
        ({"judged": [judged(0, PACKAGE, 0.4, asked="precision >= 0.3")]}, "not known yet", ""),
        ({"reviews": [reviewed(2, 0.6, check="precision >= 0.4")]}, "not known yet", ""),
    ],
)
def test_what_really_happened_speaks_before_what_was_tested(known: dict[str, Any], standing: str, by: str) -> None:
    one = only(Known(champion=PACKAGE, **known))
    assert (one.standing, one.by) == (standing, by)


def test_money_that_was_found_at_other_prices_tells_nothing_of_these() -> None:
    check = "worth >= 1"
    said = charter({"id": "A1", "says": SAYS, "check": check})
    found = {"judged": [judged(0, PACKAGE, 2.0, asked=check)], "reviews": [reviewed(2, 2.0, check=check)]}
    since = [None, T0 + timedelta(days=1), T0 + timedelta(days=3)]
    assert [only(Known(champion=PACKAGE, priced_since=one, **found), said).by for one in since] == ["in service", "in service", ""]
    share = only(Known(champion=PACKAGE, priced_since=since[2], judged=[judged(0, PACKAGE, 0.6)]))
    assert share.standing == "holds", "a share is the same at any price"


def test_what_nothing_checks_is_reported_with_what_to_write() -> None:
    one = only(Known(task="regression"), charter({"id": "A3", "says": "Nobody waits"}))
    assert one.standing == "nothing checks it"
    assert one.write == "add to A3 in charter.acceptance what shows it, such as check: mae <= 3"


def test_the_summary_says_how_many_hold_which_do_not_and_which_nobody_checks() -> None:
    criteria = [{"id": f"A{place}", "says": "x", "check": "precision >= 0.5"} for place in (1, 2)] + [{"id": f"A{place}", "says": "x"} for place in (3, 4, 5)]
    found = requirements(charter(*criteria), Known(champion=PACKAGE, reviews=[reviewed(0, 0.4)]))
    assert summary(found) == "0 of 5 hold; A1 does not hold; of A2 it is not known yet; nothing checks A3, A4 and A5"
    assert summary([]) == "the charter has no acceptance criteria"


def test_the_history_has_every_package_the_reviews_in_which_it_turned_and_the_charters_that_moved_it() -> None:
    charters = [
        (T0 + timedelta(days=day), [{"id": "A1", "check": check}]) for day, check in ((0, "precision >= 0.4"), (3, "precision >= 0.5"), (9, "precision >= 0.5"))
    ]
    waived = {"by": "ann", "role": "business", "why": "spring is short"}
    known = Known(
        judged=[judged(1, PACKAGE, 0.45, asked="precision >= 0.4"), judged(4, OTHER, 0.45, waived=waived)],
        reviews=[reviewed(2, None), reviewed(5, 0.6), reviewed(6, 0.7), reviewed(7, 0.4), reviewed(8, 0.3)],
        charters=charters,
    )
    events = only(known).history
    assert [(event.kind, event.at.day - 1, event.passed) for event in events] == [
        ("package", 1, True),
        ("charter", 3, None),
        ("package", 4, False),
        ("review", 5, True),
        ("review", 7, False),
    ]
    assert events[1].says == "precision >= 0.5 is asked for, precision >= 0.4 was before"
    assert events[2].waived == "ann: spring is short"


def test_a_criterion_that_a_charter_dropped_and_took_up_again_says_so() -> None:
    charters = [
        (T0 + timedelta(days=day), criteria) for day, criteria in enumerate(([{"id": "A1", "check": None}], [], [{"id": "A1", "check": "precision >= 0.5"}]))
    ]
    assert [event.says for event in only(Known(charters=charters)).history] == ["it is asked for no more", "precision >= 0.5 is asked for"]


@pytest.mark.parametrize(
    ("check", "more", "columns", "lack"),
    [
        ("worst_slice(orign).precision >= 0.5", {}, {"origin"}, "the data have no column “orign”"),
        ("recall >= 0.5", {"outcome_seen": "when_acted"}, None, "does not tell the recall"),
        ("precision >= 0.5", {"outcome_seen": "when_acted"}, None, ""),
        ("precision >= 0.5", {}, None, ""),
    ],
)
def test_what_is_missing_to_tell_is_said(check: str, more: dict[str, Any], columns: set[str] | None, lack: str) -> None:
    one = only(Known(columns=None if columns is None else frozenset(columns)), charter({"id": "A1", "check": check}, **more))
    assert one.needs is not None
    assert lack in " ".join(one.needs.lacks) and bool(one.needs.lacks) is bool(lack)


def test_windows_with_outcomes_enough_tell_how_it_went() -> None:
    windows = [window(day, metrics={"precision": 0.4 + day / 10}) for day in range(4)] + [window(4, outcomes=3, metrics={"precision": 0.0})]
    known = Known(champion=PACKAGE, windows=[*windows, window(5, package=OTHER, metrics={"precision": 0.0})], reviews=[reviewed(9, 0.6)])
    one = only(known)
    assert [value for _, value in one.over_time] == [0.4, 0.5, 0.6000000000000001, 0.7]
    assert one.needs is not None and one.needs.there == 403
    sliced = only(known, charter({"id": "A1", "check": "worst_slice(place).precision >= 0.5"}))
    assert not sliced.over_time


def test_the_page_is_read_without_knowing_the_craft_and_escapes_what_it_is_given() -> None:
    windows = [window(day, metrics={"precision": 0.4 + day / 10}) for day in range(4)]
    alert = {"id": "abc", "state": "open", "since": "2026-03-09T00:00:00+00:00", "says": "x"}
    said = charter({"id": "A1", "says": SAYS, "check": "precision >= 0.5"}, {"id": "A3", "says": EVIL}, stakeholders={"business": ["ann@example.com"]})
    known = Known(champion=PACKAGE, judged=[judged(1, PACKAGE, 0.6)], reviews=[reviewed(9, 0.4)], windows=windows, alerts={"A1": alert})
    document = report("flights", said, requirements(said, known), made="2026-03-10", window=timedelta(days=1), next="loopline run")
    text, page = markdown(document), html(document)
    assert document.tone == "no"
    assert EVIL not in page and "<script" not in page
    for part in (
        "0 of 2 hold",
        "A1 does not hold; nothing checks A3",
        "Does not hold in use: 40%, where at least 50% is asked for; of 10 days by themselves, it held in 7.",
        "Where the answer to “Staff the desk?” is yes, “late” comes true in at least 50% of cases.",
        "the package that decides (aaaaaaaa, 2026-03-02) held: 60%",
        "Business (ann@example.com) is told once it does not hold in use: an alert is open since 2026-03-09 (loopline alerts show abc)",
        "add to A3 in charter.acceptance what shows it, such as check: precision >= 0.5",
    ):
        assert part in text
    assert "A1 held in 3 of 4 days" in page


def test_a_charter_without_criteria_and_a_check_of_several_numbers_are_told_too() -> None:
    empty = charter()
    empty = empty.model_copy(update={"acceptance": ()})
    assert "Say in charter.acceptance" in markdown(report("p", empty, [], made="2026-03-10", window=timedelta(days=1), next="x"))
    several = charter({"id": "A1", "check": "precision >= 0.5 and recall >= 0.5"})
    gate = {
        "name": "acceptance A1",
        "passed": False,
        "asked": "precision >= 0.5 and recall >= 0.5",
        "value": None,
        "threshold": 0.5,
        "says": "precision is 0.4",
    }
    found = requirements(several, Known(judged=[(T0, {"package": PACKAGE, "gates": [gate]})]))
    text = html(report("p", several, found, made="2026-03-10", window=timedelta(hours=6), next="x"))
    assert "Does not hold on the test of the newest package: precision is 0.4; asked for is precision &gt;= 0.5 and recall &gt;= 0.5" in text
