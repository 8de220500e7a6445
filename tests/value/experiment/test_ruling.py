"""When an experiment ends by itself: by the first rule that speaks, and always in the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.value.experiment.ruling import RULES, Seen, ruled

TODAY = date(2024, 3, 5)
OTHER = "b" * 64


def arm(name: str = "new", judgement: str = "undecided", **more: Any) -> dict[str, Any]:
    return {"arm": name, "judgement": judgement, "harm": None, "metric": "worth", "value": 0.1, "low": -0.2, "high": 0.4, "guards": [], **more}


def found(*arms: dict[str, Any], state: str = "running", winner: str | None = None, units: int = 300, mismatch: str | None = None) -> dict[str, Any]:
    says = f"{winner} it is" if winner else "the evidence does not tell yet"
    return {"state": state, "winner": winner, "mismatch": mismatch, "says": says, "units": {"old": units, "new": units}, "arms": list(arms or [arm()])}


OPEN = Seen(arms={"old": "", "new": ""}, package="a", champion="a", units=1000, until=TODAY, today=TODAY, found=found())
PACKAGES = replace(OPEN, arms={"old": "a", "new": OTHER})


def test_an_open_experiment_goes_on_through_its_last_day() -> None:
    assert ruled(OPEN) is None
    ending = ruled(replace(OPEN, today=TODAY + timedelta(days=1)))
    assert ending is not None and (ending.rule, ending.winner) == ("last_day", "")
    assert "600 units of 1,000" in ending.why and "-0.2 to 0.4" in ending.why


@pytest.mark.parametrize(
    ("seen", "rule", "winner", "why"),
    [
        (replace(OPEN, found=found(state="winner", winner="new")), "decided", "new", "new it is"),
        (replace(OPEN, found=found(state="control", winner="old")), "decided", "old", "old it is"),
        (replace(OPEN, found=found(units=500)), "as_planned", "", "1,000 that were planned"),
        (replace(OPEN, found=found(state="invalid", mismatch="old has 9 of 600 units")), "invalid", "", "old has 9"),
        (replace(OPEN, found=found(arm(), arm("worse", "worse", harm="worse surely loses 2"))), "harmed", "", "worse surely loses 2"),
        (replace(OPEN, champion="c" * 64), "replaced", "", "cccccccc decides now"),
        (replace(OPEN, champion=None), "replaced", "", "no package decides"),
        (replace(PACKAGES, champion=OTHER), "replaced", "new", "decides already"),
        (replace(PACKAGES, withdrawn="bbbbbbbb is refused"), "withdrawn", "", "is refused"),
        (replace(OPEN, found=None, trouble="it was erased"), "unreadable", "", "erased"),
    ],
)
def test_it_ends_with_the_reason_of_the_first_rule_that_speaks(seen: Seen, rule: str, winner: str, why: str) -> None:
    ending = ruled(seen)
    assert ending is not None
    assert (ending.rule, ending.winner) == (rule, winner)
    assert why in ending.why


def test_a_feature_does_not_care_which_package_decides() -> None:
    assert ruled(replace(OPEN, package="", champion="c")) is None


def test_an_experiment_of_a_package_that_was_withdrawn_has_no_winner_whatever_it_shows() -> None:
    ending = ruled(replace(PACKAGES, withdrawn="it is refused", found=found(state="winner", winner="new")))
    assert ending is not None and ending.winner == ""


@given(
    state=st.sampled_from(["running", "winner", "control", "invalid"]),
    judgements=st.lists(st.sampled_from(["better", "worse", "no worthwhile difference", "undecided", "too early"]), min_size=1, max_size=4),
    units=st.integers(0, 2000),
    planned=st.none() | st.integers(1, 2000),
    champion=st.sampled_from([None, "a", OTHER]),
    lost=st.booleans(),
)
def test_whatever_it_shows_it_does_not_outlive_its_last_day(
    state: str, judgements: list[str], units: int, planned: int | None, champion: str | None, lost: bool
) -> None:
    arms = [arm(f"a{at}", judgement, low=None if judgement == "too early" else -1.0) for at, judgement in enumerate(judgements)]
    shows = None if lost else found(*arms, state=state, winner="old" if state in ("winner", "control") else None, units=units, mismatch="no")
    ending = ruled(replace(OPEN, found=shows, trouble="it was erased", units=planned, champion=champion, today=TODAY + timedelta(days=1)))
    assert ending is not None and ending.why and ending.rule in {rule.__name__ for rule in RULES}
