"""The release stage's story: gates, approvals, promotion; told as the loop tells it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.access.keys import fingerprint
from loopline.charter.spec import CharterSpec
from loopline.data.spec import DataSpec
from loopline.engine.local import LocalEngine, resolve
from loopline.engine.step import Facts, Halt, Silence, Step, Steps
from loopline.lake.place import Lake
from loopline.ledger.entry import Draft, now
from loopline.ledger.state import FOLDED, State, fold
from loopline.ledger.store import Ledger
from loopline.model.signing import give_trust, withdraw_trust
from loopline.release.champion import rollback
from loopline.release.spec import ReleaseSpec
from loopline.release.stage import steps
from loopline.release.words import say
from loopline.workspace import Ask, Job, Workspace
from tests.signing import key_of

A, B, C = "aa" * 32, "bb" * 32, "cc" * 32
CHARTER = CharterSpec.model_validate({"predict": "y", "stakeholders": {"business": ["ann"], "devops": ["ann", "ben"]}})
DATA = DataSpec.model_validate({"sources": {"t": {"path": "t.csv"}}})
SPEC = ReleaseSpec.model_validate({"approvals": {"business": 1, "devops": 1}})
GOOD = {"contract": True, "beats_baseline": True}


class Told:
    """Tells the stage's story over a real ledger; the gates' facts are given, the promotion is really done."""

    def __init__(self, ledger: Ledger, folder: Path) -> None:
        self.ledger = ledger
        self.folder = folder
        self.computed: list[str] = []
        for name in ("ann", "ben"):
            give_trust(ledger, key_of(name, folder).public, name, by="ann")

    def turn(self, package: str, verdicts: Mapping[str, bool] = GOOD, spec: ReleaseSpec = SPEC, at: datetime | None = None) -> Halt | Facts:
        state = fold(self.ledger.read(kinds=FOLDED))
        facts = {"model": {"package": package, "evidence": "e"}, "data": {"read": 10, "quarantined": 0}}
        return self.tell(steps(spec, DATA, CHARTER, Ask(project="p", folder=self.folder, state=state, facts=facts), at=at), state, verdicts)

    def tell(self, story: Steps, state: State, verdicts: Mapping[str, bool] = GOOD) -> Halt | Facts:
        try:
            asked = next(story)
            while isinstance(asked, Step):
                done = state.succeeded.get(asked.key)
                asked = story.send(done.body["facts"] if done else self._perform(asked, verdicts))
            return asked
        except StopIteration as end:
            told: Facts = end.value
            return told

    def _perform(self, step: Step, verdicts: Mapping[str, bool]) -> Facts:
        self.computed.append(step.name)
        (started,) = self.ledger.append(Draft(kind="step", subject="release", key=step.key, body={"state": "started", "name": step.name}))
        if step.name in ("promote", "rollout"):
            workspace = Workspace(self.ledger, Lake(str(self.folder)), LocalEngine(1))
            facts = resolve(step.function)(Job(project="p", folder=self.folder, step=step, attempt=started.id, workspace=workspace, progress=Silence()))
        else:
            names = dict(verdicts) if step.inputs["champion"] else {name: good for name, good in verdicts.items() if name != "beats_champion"}
            listed = [{"name": name, "passed": good, "value": 0.1, "threshold": 1.0, "says": f"{name} said so"} for name, good in names.items()]
            facts = {"says": "", "package": step.inputs["package"], "passed": all(names.values()), "gates": listed, "against": step.inputs["champion"]}
        self.ledger.append(Draft(kind="step", subject="release", key=step.key, body={"state": "succeeded", "name": step.name, "facts": facts}))
        return facts

    def word(self, package: str, role: str, by: str, verdict: str = "yes", why: str = "because") -> None:
        verdicts = fold(self.ledger.read(kinds=FOLDED)).verdicts.values()
        about = next(entry.id for entry in verdicts if entry.body["facts"]["package"] == package)
        body = {"move": "promotion", "role": role, "verdict": verdict, "why": why, "about": about}
        say(self.ledger, Draft(kind="approval", subject=package, body=body, actor=by), key_of(by, self.folder))

    def promoted(self, package: str, verdicts: Mapping[str, bool] = GOOD) -> Facts:
        self.turn(package, verdicts)
        self.word(package, "business", "ann")
        self.word(package, "devops", "ben")
        facts = self.turn(package, verdicts)
        assert not isinstance(facts, Halt)
        return facts

    @property
    def champions(self) -> list[str]:
        return [entry.subject for entry in self.ledger.read(kinds=["champion"])]

    def take_back(self) -> None:
        rollback(self.ledger, self.ledger.read(kinds=["champion"]), actor="ann", why="it errs", signed_with=key_of("ann", self.folder))


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", "p") as ledger:
        yield Told(ledger, tmp_path)


def test_a_gate_that_fails_halts_with_its_name_and_reason(told: Told) -> None:
    halt = told.turn(A, {"contract": True, "latency": False, "memory": False})
    assert halt == Halt(state="failed", why="aaaaaaaa does not pass: latency (latency said so); memory (memory said so)", next="loopline release check")
    assert told.champions == []


def test_a_package_that_passed_waits_for_the_first_missing_role_with_the_exact_command(told: Told) -> None:
    halt = told.turn(A)
    assert isinstance(halt, Halt)
    assert (halt.state, halt.why) == ("waiting", "aaaaaaaa passed its gates and waits for the approval of business and devops")
    assert (halt.role, halt.next, halt.besides) == ("business", "loopline release approve --as business --why '...'", ("devops",))
    assert halt.commands["devops"] == "loopline release approve --as devops --why '...'"
    told.word(A, "business", "ann")
    later = told.turn(A)
    assert isinstance(later, Halt)
    assert (later.role, later.next) == ("devops", halt.commands["devops"])
    assert later.about == halt.about, "for devops the same thing waits"


def test_when_every_role_has_approved_the_package_decides(told: Told) -> None:
    facts = told.promoted(A)
    assert (facts["champion"], facts["package"]) == (A, A)
    assert facts["says"] == "aaaaaaaa decides: it passed 2 gates; approved by ann (business) and ben (devops)"
    assert told.champions == [A]


def test_one_person_may_speak_for_two_roles_but_not_twice_for_one(told: Told) -> None:
    two = ReleaseSpec.model_validate({"approvals": {"business": 1, "devops": 2}})
    told.turn(A, spec=two)
    for role in ("business", "devops", "devops"):
        told.word(A, role, "ann")
    halt = told.turn(A, spec=two)
    assert isinstance(halt, Halt)
    assert "devops (1 of 2)" in halt.why
    told.word(A, "devops", "ben")
    assert not isinstance(told.turn(A, spec=two), Halt)


def test_a_refusal_stops_the_release_until_the_role_says_yes(told: Told) -> None:
    told.turn(A)
    told.word(A, "business", "ann")
    told.word(A, "devops", "ben", "no", "not before the holidays")
    halt = told.turn(A)
    assert isinstance(halt, Halt)
    assert (halt.state, halt.why) == ("failed", "aaaaaaaa is refused by ben as devops: not before the holidays")
    told.word(A, "devops", "ben")
    assert not isinstance(told.turn(A), Halt)


def test_a_yes_that_is_taken_back_or_whose_key_is_withdrawn_blocks_what_is_not_promoted_yet(told: Told) -> None:
    told.turn(A)
    told.word(A, "business", "ann")
    told.word(A, "devops", "ben")
    told.word(A, "devops", "ben", "withdrawn", "the test was a fluke")
    halt = told.turn(A)
    assert isinstance(halt, Halt)
    assert (halt.role, halt.why) == ("devops", "aaaaaaaa passed its gates and waits for the approval of devops")
    told.word(A, "devops", "ben")
    withdraw_trust(told.ledger, key_of("ann", told.folder).public, by="ben")
    halt = told.turn(A)
    assert isinstance(halt, Halt)
    assert (halt.role, told.champions) == ("business", [])
    assert halt.why.endswith(f"the yes of ann as business does not count: its key {fingerprint(key_of('ann', told.folder).public)} is not trusted here")


def test_what_the_people_who_are_listed_cannot_do_is_said_with_what_to_change(told: Told) -> None:
    halt = told.turn(A, spec=ReleaseSpec.model_validate({"approvals": {"business": 2}}))
    assert isinstance(halt, Halt)
    assert halt.why.endswith("waits for the approval of business (0 of 2); 2 must say yes as business, and the charter lists only ann")
    assert halt.next == "change charter.stakeholders or release.approvals; then: loopline run"


def test_without_approvals_declared_the_gates_alone_decide(told: Told) -> None:
    facts = told.turn(A, spec=ReleaseSpec())
    assert not isinstance(facts, Halt)
    assert facts["champion"] == A


def test_a_challenger_that_earns_less_leaves_the_champion_and_does_not_halt(told: Told) -> None:
    told.promoted(A)
    facts = told.turn(B, {**GOOD, "beats_champion": False})
    assert facts == {"says": "beats_champion said so: the champion stays", "champion": A, "package": B}
    assert told.champions == [A]


def test_a_challenger_that_another_gate_refuses_halts_the_turn_that_judged_it_and_no_later_one(told: Told) -> None:
    told.promoted(A)
    began = now()
    # The loop asks again within a turn once a step was done.
    for _ in range(2):
        halt = told.turn(B, {"contract": False, "beats_champion": False}, at=began)
        assert isinstance(halt, Halt)
        assert (halt.state, halt.why) == ("failed", "bbbbbbbb does not pass: contract (contract said so); beats_champion (beats_champion said so)")
    says = "bbbbbbbb was refused (contract, beats_champion); aaaaaaaa decides on; why: loopline release check"
    assert told.turn(B) == told.turn(B, at=now()) == {"says": says, "champion": A, "package": B}
    assert told.champions == [A]


def test_without_a_champion_a_failed_gate_halts_every_turn(told: Told) -> None:
    for _ in range(2):
        assert isinstance(told.turn(A, {"contract": False}, at=now()), Halt)


def test_a_promotion_is_not_computed_again_and_its_gates_are_not_asked_again(told: Told) -> None:
    told.promoted(A)
    told.promoted(B, {**GOOD, "beats_champion": True})
    told.computed.clear()
    facts = told.turn(B)
    assert not isinstance(facts, Halt)
    assert facts["champion"] == B
    assert "decides since" in facts["says"]
    assert told.computed == []


def test_more_words_after_the_promotion_change_nothing(told: Told) -> None:
    told.promoted(A)
    told.word(A, "devops", "ann")
    told.word(A, "business", "ann", "no")
    told.computed.clear()
    assert not isinstance(told.turn(A), Halt)
    assert (told.computed, told.champions) == ([], [A])


def test_after_a_rollback_a_run_does_not_promote_the_same_package_again(told: Told) -> None:
    told.promoted(A)
    told.promoted(B)
    told.take_back()
    told.word(B, "devops", "ann")
    facts = told.turn(B)
    assert not isinstance(facts, Halt)
    assert facts["champion"] == A
    assert "aaaaaaaa decides (it errs); to bring bbbbbbbb back: loopline release rollback --to bbbbbbbb" in facts["says"]
    assert told.champions == [A, B, A]


def test_after_a_rollback_a_new_package_is_judged_against_what_decides_now(told: Told) -> None:
    told.promoted(A)
    told.promoted(B)
    told.take_back()
    told.promoted(C)
    newest = told.ledger.read(kinds=["champion"], newest_first=True, limit=1)[0]
    assert (newest.subject, newest.body["previous"]) == (C, A)


def test_a_run_that_died_after_the_promotion_ends_in_the_same_state(told: Told) -> None:
    told.promoted(A)
    entries = [entry for entry in told.ledger.read(kinds=FOLDED) if entry.body.get("name") != "promote"]
    done = {entry.key: entry for entry in told.ledger.read(kinds=["step"]) if entry.body["name"] == "promote"}
    ask = Ask(
        project="p",
        folder=told.folder,
        state=fold(entries),
        facts={"model": {"package": A, "evidence": "e"}, "data": {"read": 10, "quarantined": 0}},
    )
    story = steps(SPEC, DATA, CHARTER, ask)
    gates = next(story)
    assert isinstance(gates, Step)
    again = story.send(ask.state.succeeded[gates.key].body["facts"])
    assert isinstance(again, Step)
    assert again.key in done


@given(latency=st.floats(0.1, 1e3), approvals=st.dictionaries(st.sampled_from(["business", "ml"]), st.integers(0, 3)))
def test_the_gates_key_follows_the_limits_and_not_the_approvals(latency: float, approvals: dict[str, int]) -> None:
    def key(spec: ReleaseSpec) -> str:
        facts: dict[str, Any] = {"model": {"package": A, "evidence": "e"}, "data": {"read": 10, "quarantined": 0}}
        asked = next(steps(spec, DATA, CHARTER, Ask(project="p", folder=Path(), state=fold([]), facts=facts)))
        assert isinstance(asked, Step)
        return asked.key

    said = ReleaseSpec.model_validate({"latency_ms": latency, "approvals": approvals})
    assert key(said) == key(ReleaseSpec(latency_ms=latency))
    assert key(said) != key(ReleaseSpec(latency_ms=latency + 1))


def test_the_tests_of_the_data_that_only_warn_are_handed_to_the_gates_with_their_tables(told: Told) -> None:
    tables = DataSpec.model_validate({"sources": {"t": {"path": "t.csv"}}, "tables": {"daily": {"sql": "select * from t"}}})
    made = {"rows": 30, "warnings": {"no gap": 3}}
    told.ledger.append(Draft(kind="step", subject="data", key="k", body={"state": "succeeded", "name": "table daily", "facts": made}))
    facts = {"model": {"package": A, "evidence": "e"}, "data": {"read": 10, "quarantined": 0, "warnings": {"odd sizes": 2}}}
    asked = next(steps(SPEC, tables, CHARTER, Ask(project="p", folder=told.folder, state=fold(told.ledger.read()), facts=facts)))
    assert isinstance(asked, Step)
    assert asked.inputs["tests"] == {"odd sizes": [2, 10], "daily, no gap": [3, 30]}
