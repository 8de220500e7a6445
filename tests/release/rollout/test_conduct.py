"""A rollout as the release stage conducts it: it begins after the approvals, goes on by evidence, and undoes itself."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loopline.access.people import Person
from loopline.charter.binding import binds, read
from loopline.charter.statement import enter
from loopline.engine.step import Facts, Halt, Step
from loopline.ledger.entry import Draft
from loopline.ledger.state import FOLDED, State, fold
from loopline.ledger.store import Ledger
from loopline.release.chartered import word
from loopline.release.rollout.course import Course, courses, move, newest
from loopline.release.rollout.evidence import Arm, Evidence, Moments
from loopline.release.spec import ReleaseSpec
from loopline.release.stage import asks, ruling_now
from loopline.release.stage import trial as trial_of
from loopline.release.words import NO, say
from loopline.workspace import Ask
from tests.release.test_stage import CHARTER, A, B, C, Told
from tests.signing import key_of

SPEC = ReleaseSpec.model_validate(
    {"approvals": {"business": 1, "devops": 1}, "rollout": {"plan": "shadow 0.01s -> canary 5% 0.01s -> canary 25% 0.01s -> full", "non_inferiority": 1}}
)


def seen(worth: float) -> Evidence:
    """Both answered as many requests as quickly; what the challenger earned per decision beside 10."""

    def arm(mean: float) -> Arm:
        return Arm(requests=20_000, latency=Moments(n=20_000, mean=1.0, m2=200.0), worth=Moments(n=20_000, mean=mean, m2=80_000.0))

    return Evidence(champion=arm(10.0), challenger=arm(worth))


GOOD, BAD = seen(10.0), seen(8.0)
UNKNOWN = Evidence(champion=replace(GOOD.champion, worth=Moments()), challenger=replace(GOOD.challenger, worth=Moments()))
"""Both answered as well, and no outcome has come."""


class Trial(Told):
    """Tells the release stage's story with evidence as the watch stage would leave it."""

    def on_trial(self, package: str = B, spec: ReleaseSpec = SPEC) -> Halt | Facts:
        self.promoted(A)
        self.turn(package, spec=spec)
        self.word(package, "business", "ann")
        self.word(package, "devops", "ben")
        return self.turn(package, spec=spec)

    @property
    def course(self) -> Course:
        found = newest(self.ledger.read(kinds=["rollout"]))
        assert found is not None
        return found

    def saw(self, evidence: Evidence) -> None:
        facts = {"leg": self.course.leg_entry, "package": self.course.package, "evidence": [evidence.as_json()] * (self.course.leg + 1)}
        self.ledger.append(
            Draft(kind="step", subject="watch", key=f"k{len(self.course.entries)}", body={"state": "succeeded", "name": "trial", "facts": facts})
        )

    def go(self, evidence: Evidence | None = None, package: str = B) -> str:
        if evidence is not None:
            self.saw(evidence)
        time.sleep(0.02)
        self.turn(package, spec=SPEC)
        self.judge()
        facts = self.turn(package, spec=SPEC)
        return facts.why if isinstance(facts, Halt) else str(facts["says"])

    def judge(self) -> None:
        """As the loop does once the turn has watched."""
        state = fold(self.ledger.read(kinds=FOLDED))
        self.tell(trial_of(SPEC, CHARTER, Ask(project="p", folder=self.folder, state=state, facts={})), state)

    @property
    def state(self) -> State:
        return fold(self.ledger.read(kinds=FOLDED))

    def asks(self, spec: ReleaseSpec) -> Halt | None:
        return asks(spec, CHARTER, self.state)

    def by_hand(self, action: str) -> None:
        self.ledger.append(move(self.course, action, why="a person says so", traffic=self.course.traffic, actor="ann"))


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", "p") as ledger:
        yield Trial(ledger, tmp_path)


def given(course: Course) -> Any:
    return None if course.traffic is None else (course.traffic["kind"], course.traffic["share"])


def test_the_first_champion_needs_no_trial_for_there_is_nothing_to_compare_it_with(trial: Trial) -> None:
    trial.turn(A, spec=SPEC)
    trial.word(A, "business", "ann")
    trial.word(A, "devops", "ben")
    trial.turn(A, spec=SPEC)
    assert trial.champions == [A]


def test_a_challenger_is_tried_once_it_is_approved_and_not_before(trial: Trial) -> None:
    trial.promoted(A)
    assert isinstance(trial.turn(B, spec=SPEC), Halt)
    assert not courses(trial.ledger.read(kinds=["rollout"]))
    trial.word(B, "business", "ann")
    trial.word(B, "devops", "ben")
    facts = trial.turn(B, spec=SPEC)
    assert not isinstance(facts, Halt)
    assert facts["champion"] == A
    assert given(trial.course) == ("shadow", 1.0)
    assert trial.champions == [A]


def test_each_leg_ends_by_evidence_of_its_own_and_the_last_one_promotes(trial: Trial) -> None:
    trial.on_trial()
    assert "hold" in trial.go()
    assert given(trial.course) == ("shadow", 1.0)
    seen = []
    for _ in range(3):
        trial.go(GOOD)
        seen.append(given(trial.course))
        # What the leg before has shown says nothing about this one.
        trial.go()
        assert given(trial.course) == seen[-1]
    assert seen == [("canary", 0.05), ("canary", 0.25), None]
    assert trial.champions == [A, B]
    body = trial.ledger.read(kinds=["champion"])[-1].body
    assert [one["role"] for one in body["approvals"]] == ["business", "devops"]
    assert "its rollout: worth differs by 0 per decision" in body["why"]
    assert trial.course.end == "promoted"


def test_where_no_outcome_tells_the_worth_the_approver_is_asked_with_the_exact_command(trial: Trial) -> None:
    rollout = {"plan": "canary 25% 0.01s -> full", "without_outcomes": "approve", "approver": "expert"}
    spec = ReleaseSpec.model_validate({"approvals": {"business": 1, "devops": 1}, "rollout": rollout})
    trial.on_trial(spec=spec)
    assert trial.asks(spec) is None
    trial.saw(UNKNOWN)
    time.sleep(0.02)
    halt = trial.asks(spec)
    assert halt is not None
    assert (halt.state, halt.role, halt.next) == ("waiting", "expert", "loopline release approve --as expert --for rollout --why '...'")
    assert halt.why == "the rollout of bbbbbbbb waits for the approval of expert"
    body = {"move": "rollout", "role": "expert", "verdict": "yes", "why": "it is harmless", "about": trial.course.entries[0].id}
    say(trial.ledger, Draft(kind="approval", subject=B, body=body, actor="ann"), key_of("ann", trial.folder))
    assert trial.asks(spec) is None


def test_a_worse_one_is_withdrawn_and_never_tried_again(trial: Trial) -> None:
    trial.on_trial()
    trial.go(GOOD)
    trial.go(BAD)
    assert (trial.course.end, given(trial.course)) == ("withdrawn", None)
    assert "worth differs by -2 per decision" in trial.course.why
    assert trial.champions == [A]
    before = len(trial.ledger.read(kinds=["rollout"]))
    assert "was withdrawn from its rollout" in trial.go()
    assert len(trial.ledger.read(kinds=["rollout"])) == before


def test_a_paused_one_stays_where_it_is_but_is_withdrawn_when_it_is_surely_worse(trial: Trial) -> None:
    trial.on_trial()
    trial.by_hand("paused")
    trial.go(GOOD)
    assert given(trial.course) == ("shadow", 1.0)
    trial.by_hand("resumed")
    trial.go()
    assert given(trial.course) == ("canary", 0.05)
    trial.by_hand("paused")
    trial.go(BAD)
    assert trial.course.end == "withdrawn"


def test_while_the_charter_says_no_it_goes_no_further_and_is_withdrawn_when_it_is_surely_worse(trial: Trial) -> None:
    trial.on_trial()
    facts = {"verdict": "no-go", "reasons": ["it cannot pay"], "rests_on": "data", "binds": binds(read(CHARTER), None)}
    trial.ledger.append(Draft(kind="step", subject="charter", key="study", body={"state": "succeeded", "name": "study", "facts": facts}))
    assert "hold: it goes no further while the charter stops the loop: no-go: it cannot pay" in trial.go(GOOD)
    assert given(trial.course) == ("shadow", 1.0)
    said = trial.ledger.append(Draft(kind="override", subject="charter", key=facts["binds"], body={"why": "a pilot"}, actor="ann"))
    trial.go()
    assert given(trial.course) == ("canary", 0.05)
    trial.ledger.append(Draft(kind="override", subject="charter", key=facts["binds"], body={**said[0].body, "until": "2020-01-01"}, actor="ann"))
    trial.go(BAD)
    assert trial.course.end == "withdrawn"


def test_a_refused_charter_holds_what_is_on_trial_and_one_that_is_not_signed_yet_does_not(trial: Trial) -> None:
    trial.on_trial()
    trial.saw(GOOD)
    time.sleep(0.02)
    asked = CHARTER.model_copy(update={"approvals": {"business": 1}})
    enter(trial.ledger, asked)
    assert ruling_now(SPEC, asked, trial.state, trial.course).action == "advance"
    say(trial.ledger, word(asked, trial.state, role="business", who=Person("ann", "--by"), verdict=NO, why="not this year"), key_of("ann", trial.folder))
    ruling = ruling_now(SPEC, asked, trial.state, trial.course)
    assert (ruling.action, ruling.why.endswith("the charter is refused by ann as business: not this year")) == ("hold", True)


def test_the_next_package_waits_until_the_trial_ends_and_is_tried_then(trial: Trial) -> None:
    trial.on_trial()
    trial.turn(C, spec=SPEC)
    trial.word(C, "business", "ann")
    trial.word(C, "devops", "ben")
    assert "cccccccc passed its gates and waits for its end" in trial.go(package=C)
    assert trial.course.package == B
    trial.go(BAD, package=C)
    assert (trial.course.package, trial.course.is_live) == (C, True)


def test_a_yes_that_is_taken_back_ends_the_trial(trial: Trial) -> None:
    trial.on_trial()
    trial.word(B, "devops", "ben", verdict="withdrawn", why="the pager went")
    trial.go()
    assert trial.course.end == "withdrawn"
    assert "waits for the approval of devops" in trial.course.why
    trial.word(B, "devops", "ben", why="it works again")
    trial.word(B, "business", "ann", why="it does")
    trial.go()
    assert (trial.course.package, trial.course.is_live, trial.course.leg) == (B, True, 0)


def test_a_gate_that_no_longer_passes_ends_the_trial(trial: Trial) -> None:
    trial.on_trial()
    state = fold(trial.ledger.read(kinds=FOLDED))
    judged = next(entry for entry in state.verdicts.values() if entry.body["facts"]["package"] == B)
    gates = [{**gate, "passed": False} for gate in judged.body["facts"]["gates"]]
    facts = {**judged.body["facts"], "passed": False, "gates": gates}
    trial.ledger.append(Draft(kind="step", subject="release", key="again", body={**judged.body, "facts": facts}))
    trial.judge()
    assert trial.course.end == "withdrawn"
    assert "it no longer passes: contract" in trial.course.why


def test_a_plan_that_is_taken_out_of_the_declaration_promotes_nobody(trial: Trial) -> None:
    trial.on_trial()
    plain = ReleaseSpec.model_validate({"approvals": {"business": 1, "devops": 1}})
    trial.turn(B, spec=plain)
    assert trial.champions == [A]
    trial.go(BAD)
    trial.turn(B, spec=plain)
    assert trial.champions == [A]


def test_a_package_is_tried_again_after_another_one(trial: Trial) -> None:
    trial.on_trial()
    trial.go(BAD)
    for package in (C, B):
        trial.turn(package, spec=SPEC)
        trial.word(package, "business", "ann")
        trial.word(package, "devops", "ben")
        trial.turn(package, spec=SPEC)
        assert (trial.course.package, trial.course.is_live) == (package, True)
        trial.go(BAD, package=package)
        assert trial.course.end == "withdrawn"


def test_when_another_package_decides_the_trial_ends(trial: Trial) -> None:
    trial.promoted(C)
    trial.on_trial()
    trial.take_back()
    trial.go()
    assert trial.course.end == "withdrawn"
    assert "decides no more" in trial.course.why
    assert fold(trial.ledger.read(kinds=FOLDED)).champion == C


def test_killed_between_the_promotion_and_the_end_of_the_rollout_it_ends_once(trial: Trial) -> None:
    trial.on_trial()
    trial.ledger.append(Draft(kind="champion", subject=B, body={"how": "promoted", "why": "w", "previous": A, "approvals": []}))
    trial.go()
    assert trial.course.end == "promoted"
    assert trial.champions == [A, B]


def test_a_person_s_word_that_comes_between_the_ruling_and_its_move_holds(trial: Trial) -> None:
    trial.on_trial()
    trial.saw(GOOD)
    time.sleep(0.02)
    perform = trial._perform

    def paused_first(step: Step, verdicts: Mapping[str, bool]) -> Facts:
        if step.name == "rollout":
            trial.by_hand("paused")
        return perform(step, verdicts)

    trial._perform = paused_first  # type: ignore[method-assign]
    trial.judge()
    assert (trial.course.paused, given(trial.course)) == (True, ("shadow", 1.0))
