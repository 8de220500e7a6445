"""The expert's hand: what is refused reaches the next search, with its author, and what cannot be held is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from loopline.errors import Mistake
from loopline.ledger.entry import Draft
from loopline.model.boosted import Boosted, Trees
from loopline.model.constraints import Constraint, check_held, declared, excluded, monotone_of, refusal, standing, withdrawal
from loopline.model.families import Params, Problem
from loopline.model.plan import DatePart, Plan
from tests.model.studies import Study, table

TYPES = {"size": "number", "kind": "category", "at": "datetime", "flag": "boolean", "y": "category"}
PLAN = Plan(("size", "flag"), (DatePart("at", "hour"),), (("kind", ("a", "b")),))
RISE, GONE = Constraint("size", "rise", "ops@example.com", "bigger is likelier"), Constraint("at", "exclude", "ops@example.com", "the hour cannot matter")
SEEN: list[tuple[int, ...]] = []


class Watched(Boosted):
    """The boosted trees; what they are held to is noted."""

    def fit(self, problem: Problem, params: Params) -> Trees:
        SEEN.append(tuple(problem.monotone))
        return super().fit(problem, params)


def family() -> Watched:
    """The family, as a declaration names it."""
    return Watched()


def test_a_direction_is_held_by_the_feature_that_is_the_number_itself() -> None:
    assert PLAN.features == (("size", "size"), ("flag", "flag"), ("at", "at.hour"), ("kind", "kind = a"), ("kind", "kind = b"))
    assert monotone_of(PLAN, [RISE]) == (1, 0, 0, 0, 0)
    assert monotone_of(PLAN, [replace(RISE, hold="fall"), Constraint("flag", "rise", "x", "y")]) == (-1, 1, 0, 0, 0)
    assert monotone_of(PLAN, [GONE]) == ()
    assert monotone_of(PLAN, [Constraint("elsewhere", "rise", "x", "y")]) == ()


@pytest.mark.parametrize("column", ["kind", "at"])
def test_a_category_or_a_date_has_no_direction(column: str) -> None:
    with pytest.raises(Mistake, match=f"{column} .*no direction"):
        monotone_of(PLAN, [Constraint(column, "rise", "ops", "because")])
    with pytest.raises(Mistake, match=f"{column} holds .*no direction.*refuse {column} --exclude"):
        refusal(column, hold="rise", by="ops", why="because", types=TYPES, task="binary")
    assert refusal(column, hold="exclude", by="ops", why="because", types=TYPES, task="binary").subject == column


@pytest.mark.parametrize(
    ("column", "why", "said"),
    [
        ("sise", "because", "no effect of a column 'sise'.*size, kind, at, flag"),
        ("y", "because", "no effect of a column 'y'"),
        ("size", "  ", "reason is empty"),
    ],
)
def test_what_cannot_be_refused_is_a_mistake_with_its_remedy(column: str, why: str, said: str) -> None:
    with pytest.raises(Mistake, match=said):
        refusal(column, hold="exclude", by="ops", why=why, types=TYPES, task="binary", kept=("y",))


def test_several_classes_have_no_direction() -> None:
    with pytest.raises(Mistake, match="several classes"):
        refusal("size", hold="rise", by="ops", why="because", types=TYPES, task="multiclass")
    with pytest.raises(Mistake, match="several classes.*model accept size"):
        check_held([RISE], task="multiclass", columns=TYPES)
    check_held([GONE], task="multiclass", columns=TYPES)


def test_a_declared_direction_of_an_unknown_column_is_a_mistake() -> None:
    with pytest.raises(Mistake, match="model.monotone.weight: the column 'weight' is not in the table; there are: size"):
        check_held(declared({"weight": "fall"}), task="binary", columns=TYPES)


def test_a_withdrawn_refusal_stands_no_more(tmp_path: Path) -> None:
    study = Study(tmp_path, table("binary", 50), "binary")
    with study.workspace.ledger as ledger:
        (first,) = ledger.append(refusal("size", hold="rise", by="ops", why="because", types=TYPES, task="binary"))
        assert standing([first]) == (Constraint("size", "rise", "ops", "because"),)
        (second,) = ledger.append(withdrawal("size", by="ops", why="it may", newest={"size": first}))
    assert standing([second]) == ()
    assert second.parents == (first.id,)
    with pytest.raises(Mistake, match="no refusal of 'size' stands"):
        withdrawal("size", by="ops", why="it may", newest={"size": second})


def test_an_excluded_column_says_who_refused_it_and_why() -> None:
    assert excluded([RISE, GONE]) == {"at": "refused by ops@example.com: the hour cannot matter"}


def test_what_is_refused_reaches_the_next_search(tmp_path: Path) -> None:
    own = f"{__name__}:family"
    study = Study(tmp_path, table("binary", 300), "binary", model={"families": [own], "search": {"trials": 1}})
    before = study.run()
    assert set(SEEN) == {()}
    with study.workspace.ledger as ledger:
        ledger.append(*(Draft(kind="constraint", subject=one.column, body={"hold": one.hold, "why": one.why}, actor=one.by) for one in (RISE, GONE)))
    SEEN.clear()
    after = study.run()
    package = study.package(after)
    assert "at" in before["features"]
    assert "at" not in after["features"]
    assert after["left_out"]["at"] == "refused by ops@example.com: the hour cannot matter"
    assert "refused by ops@example.com: the hour cannot matter" in package.text("card.md")
    assert after["study"] != before["study"]
    first = after["features"].index("size")
    assert {signs[first] for signs in SEEN} == {1}
    assert all(sum(map(abs, signs)) == 1 for signs in SEEN)


def test_a_declared_direction_reaches_the_search_and_the_expert_has_the_last_word(tmp_path: Path) -> None:
    own = f"{__name__}:family"
    declared_ = {"families": [own], "search": {"trials": 1}, "monotone": {"size": "fall"}}
    study = Study(tmp_path, table("binary", 300), "binary", model=declared_)
    SEEN.clear()
    first = study.run()["features"].index("size")
    assert {signs[first] for signs in SEEN} == {-1}
    with study.workspace.ledger as ledger:
        ledger.append(Draft(kind="constraint", subject="size", body={"hold": "rise", "why": "no"}, actor="ops"))
    SEEN.clear()
    study.run()
    assert {signs[first] for signs in SEEN} == {1}


def test_a_search_is_stale_while_a_refusal_stands_and_only_then(tmp_path: Path) -> None:
    study = Study(tmp_path, table("binary", 50), "binary")
    with study.workspace.ledger as ledger:
        workspace = study.workspace
        before = study.step(workspace)
        (word,) = ledger.append(refusal("size", hold="rise", by="ops", why="because", types=TYPES, task="binary"))
        held = study.step(workspace)
        ledger.append(withdrawal("size", by="ops", why="it may", newest={"size": word}))
        after = study.step(workspace)
    assert held.inputs["constraints"] == [{"column": "size", "hold": "rise", "by": "ops", "why": "because"}]
    assert "constraints" not in before.inputs
    assert (held.key != before.key, after.key == before.key) == (True, True)
