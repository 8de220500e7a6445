"""Waivers: who may say them, for what, and until when they count."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.access.people import Person
from loopline.errors import Mistake
from loopline.ledger.entry import Draft, Entry
from loopline.ledger.state import fold
from loopline.ledger.store import Ledger
from loopline.model.signing import give_trust, trust, withdraw_trust
from loopline.release.spec import ReleaseSpec
from loopline.release.waivers import Waiver, failing, may_waive, settled, standing, waive, withdraw
from loopline.release.words import say
from tests.signing import key_of

A, B = "aa" * 32, "bb" * 32
TODAY = date(2026, 3, 1)
SPEC = ReleaseSpec.model_validate({"waive": {"latency": ["devops", "ml"], "acceptance": ["business"], "acceptance A2": ["customer"]}})
PEOPLE = {"devops": ("ann",), "business": ("bob",)}


class Said:
    """A ledger in which gates judged packages and people waive."""

    def __init__(self, ledger: Ledger, folder: Path) -> None:
        self.ledger = ledger
        self.keys = {name: key_of(name, folder) for name in ("ann", "bob", "eve")}
        for name, key in self.keys.items():
            give_trust(ledger, key.public, name, by="ann")

    def judged(self, package: str = A, **passed: bool) -> Entry:
        gates = [{"name": name, "passed": good} for name, good in {"latency": False, "acceptance A1": False, "memory": True, **passed}.items()]
        return self.ledger.append(
            Draft(kind="step", subject="release", body={"state": "succeeded", "name": "gates", "facts": {"package": package, "gates": gates}})
        )[0]

    def waive(
        self, gate: str = "latency", *, package: str = A, role: str = "devops", by: str = "ann", why: str = "w", until: date | None = None, key: str = ""
    ) -> Entry:
        let = waive(self.judged(package), gate, SPEC, PEOPLE, role=role, who=Person(by, "--by"), why=why, until=until, today=TODAY)
        return [say(self.ledger, draft, self.keys[key or by]) for draft in let.drafts][-1]

    def withdraw(self, *, package: str = A) -> None:
        newest = fold(self.ledger.read()).waivers.values()
        self.ledger.append(*withdraw(self.judged(package), "latency", newest, SPEC, PEOPLE, role="devops", who=Person("ann", "--by"), why="w").drafts)

    def standing(self, package: str = A, *, today: date = TODAY, spec: ReleaseSpec = SPEC, people: dict[str, tuple[str, ...]] = PEOPLE) -> dict[str, Waiver]:
        state = fold(self.ledger.read())
        return standing(state.waivers.values(), spec, people, package, keys=trust(state.vouched).keys, today=today)


@pytest.fixture
def said(tmp_path: Path) -> Iterator[Said]:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", "p") as ledger:
        yield Said(ledger, tmp_path)


def test_without_an_end_a_waiver_is_for_one_package_alone(said: Said) -> None:
    said.waive(why="measured on a busy machine")
    assert str(said.standing()["latency"]) == "waived by ann as devops: measured on a busy machine"
    assert said.standing(today=TODAY + timedelta(days=999))
    assert not said.standing(B)


def test_it_counts_only_while_its_signature_verifies_as_the_person_s_own(said: Said) -> None:
    said.waive(key="eve")
    assert not said.standing()
    signed = said.waive()
    assert said.standing()
    forged = Draft(kind="waiver", subject="latency", body={**signed.body, "why": "another reason"}, actor="ann")
    said.ledger.append(forged)
    assert said.standing()["latency"].why == "w"
    said.withdraw()
    # What was taken back does not come again by a copy.
    said.ledger.append(Draft(kind="waiver", subject="latency", body=signed.body, actor="ann"), forged)
    assert not said.standing()
    said.waive(why="again")
    withdraw_trust(said.ledger, said.keys["ann"].public, by="bob")
    assert not said.standing()


def test_with_an_end_it_is_for_every_package_until_the_end_of_that_day(said: Said) -> None:
    said.waive(until=TODAY + timedelta(days=2))
    assert said.standing(B, today=TODAY + timedelta(days=2))["latency"].until == date(2026, 3, 3)
    assert not said.standing(B, today=TODAY + timedelta(days=3))


def test_a_package_s_own_waiver_comes_before_one_for_all(said: Said) -> None:
    said.waive(why="this one")
    said.waive(why="all", until=TODAY)
    assert said.standing()["latency"].why == "this one"
    assert said.standing(B)["latency"].why == "all"


def test_a_withdrawal_ends_every_waiver_that_stands_for_the_package(said: Said) -> None:
    said.waive()
    said.waive(until=TODAY)
    said.withdraw()
    assert not said.standing()
    with pytest.raises(Mistake, match="no waiver of latency stands"):
        said.withdraw()
    said.waive(why="again")
    assert said.standing()["latency"].why == "again"


def test_it_counts_only_while_the_release_lets_the_role_and_the_person_holds_it(said: Said) -> None:
    said.waive()
    assert not said.standing(spec=ReleaseSpec())
    assert not said.standing(people={"devops": ("ben",)})


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"role": "business", "by": "bob"}, "--as: business may not waive latency; devops or ml may"),
        ({"by": "eve"}, "eve .told by --by. does not hold the role devops; ann does"),
        ({"role": "devop"}, "did you mean 'devops'"),
        ({"gate": "latncy"}, "GATE: there is no gate 'latncy'; did you mean 'latency'"),
        ({"gate": "memory"}, "nobody may; to let a role, say release.waive: {memory: .devops.}"),
        ({"why": " "}, "the reason is empty"),
        ({"until": TODAY - timedelta(days=1)}, "--until: 2026-02-28 has passed"),
        ({"gate": "acceptance A1"}, "devops may not waive acceptance A1; business may"),
    ],
)
def test_what_may_not_be_waived_is_refused_with_what_may(said: Said, more: dict[str, Any], says: str) -> None:
    with pytest.raises(Mistake, match=says):
        said.waive(**more)
    assert not said.ledger.read(kinds=["waiver"])


def test_a_gate_that_passed_needs_no_waiver(said: Said) -> None:
    spec = ReleaseSpec.model_validate({"waive": {"memory": ["devops"]}})
    with pytest.raises(Mistake, match="memory passed, so there is nothing to waive"):
        waive(said.judged(), "memory", spec, PEOPLE, role="devops", who=Person("ann", "--by"), why="w", until=None, today=TODAY)


def test_a_criterion_s_own_roles_come_before_those_of_all_criteria() -> None:
    assert may_waive(SPEC, "acceptance A1") == ("business",)
    assert may_waive(SPEC, "acceptance A2") == ("customer",)
    assert may_waive(SPEC, "parity") == ()


def test_a_gate_that_does_not_exist_cannot_be_declared_waivable() -> None:
    with pytest.raises(ValueError, match="there is no gate 'latncy'; did you mean 'latency'"):
        ReleaseSpec.model_validate({"waive": {"latncy": ["devops"]}})


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), st.booleans()), st.sets(st.sampled_from(["a", "b", "c"])))
def test_a_package_passes_just_when_each_gate_passed_or_is_waived(passed: dict[str, bool], waived: set[str]) -> None:
    facts = {"package": A, "passed": all(passed.values()), "gates": [{"name": name, "passed": good} for name, good in passed.items()]}
    waivers = {name: Waiver(name, "ml", "ann", "w", None, A, "1") for name in waived}
    found = settled(facts, waivers)
    assert found["passed"] == all(good or name in waived for name, good in passed.items())
    assert [gate["name"] for gate in failing(found["gates"])] == [name for name, good in passed.items() if not good and name not in waived]
    # What passed is never shown as waived.
    assert all(gate["waived"] is None for gate in found["gates"] if gate["passed"])
