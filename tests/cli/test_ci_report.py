"""The report on a change: the verdict comes first, and it never outgrows a comment."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.cli.ci_judgement import moved
from loopline.cli.ci_report import MOST, Step, _effect, report
from loopline.cli.ci_run import judged

STEPS = st.lists(st.builds(Step, st.text(max_size=20), st.sampled_from(["passed", "failed", "skipped"]), st.text(max_size=300)), max_size=6)


@given(STEPS, st.integers(0, 60), st.sampled_from([0, 10, 4_000]))
def test_it_fits_a_comment_and_begins_with_the_verdict(steps: list[Step], count: int, size: int) -> None:
    text = report("shop", "pull-request", steps, None, notes=["x" * size] * count)
    assert len(text) <= MOST
    verdict = "**It does not pass" if any(step.state == "failed" for step in steps) else "**It passes.**"
    assert text.startswith(f"# Loopline: shop, pull request\n\n{verdict}")


def test_a_gate_that_refuses_fails_its_step_though_the_loop_goes_on() -> None:
    steps = [Step("model", "passed", ""), Step("gates", "passed", "")]
    for failed, waived, state in (("latency", None, "failed"), ("latency", {"by": "ann"}, "passed"), ("beats_champion", None, "passed")):
        gates = [{"name": "contract", "passed": True}, {"name": failed, "passed": False, "waived": waived}]
        assert [step.state for step in judged(steps, gates)] == ["passed", state]


def test_what_is_cut_says_so() -> None:
    text = report("shop", "main", [], None, notes=["x" * 4_000] * 20)
    assert text.startswith("# Loopline: shop, main branch\n")
    assert text.endswith("is cut here. The JUnit files beside it have every verdict.\n")


@pytest.mark.parametrize(
    ("now", "before", "effect"),
    [
        ((0.6, True), (0.5, True), "up by 0.1"),
        ((0.4, False), (0.5, True), "down by 0.1: it holds no more"),
        ((0.5, True), (0.4, False), "up by 0.1: it holds now"),
        ((0.5, True), (0.5, True), "as before"),
        ((None, True), (None, False), "it holds now"),
        ((None, False), (0.2, False), "as before"),
        ((0.5, True), (None, None), "-"),
    ],
)
def test_a_criterion_says_what_the_change_does_to_it(now: Any, before: Any, effect: str) -> None:
    said = {"value": now[0], "passed": now[1], "champion_value": before[0], "champion_passed": before[1]}
    assert _effect({**said, "was": None, "change": None}) == effect


@pytest.mark.parametrize(
    ("id", "check", "effect"),
    [
        ("A1", "precision >= 0.5", "-"),
        ("A1", "precision >= 0.4", "asked for `precision >= 0.5` before"),
        ("A1", None, "asked for `precision >= 0.5` before"),
        ("A2", "recall > 0.1", "asked for nothing yet before"),
        ("A3", "recall > 0.1", "the champion was not asked for it"),
    ],
)
def test_a_criterion_says_what_the_change_does_to_what_is_asked_for(id: str, check: str | None, effect: str) -> None:
    before = {"A1": "precision >= 0.5", "A2": ""}
    assert _effect({"champion_passed": None, **moved(id, check, before)}) == effect
    assert _effect({"champion_passed": None, **moved(id, check, None)}) == "-"
