"""A word is said by who may say it, on what waits for it, and is signed with their key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from loopline.access.people import Person
from loopline.charter.spec import CharterSpec
from loopline.errors import Mistake
from loopline.ledger.entry import Draft, Entry
from loopline.ledger.state import FOLDED, State, fold
from loopline.ledger.store import Ledger
from loopline.model.signing import SIGNATURE, Signature, Trust, enter, give_trust, withdraw_trust
from loopline.release.approvals import Word, authors, judged, named, tally_of, word
from loopline.release.spec import ReleaseSpec
from loopline.release.words import say
from tests.signing import key_of


def entry(seq: int, **more: Any) -> Entry:
    return Entry(
        **more,
        seq=seq,
        id=f"e{seq}",
        project="x",
        time=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=seq),
        prev_hash="",
        hash="",
    )


A, B = "aa" * 32, "ab" * 32
SPEC = ReleaseSpec.model_validate({"approvals": {"business": 1, "devops": 1, "data": 0}})
CHARTER = CharterSpec.model_validate({"predict": "y", "stakeholders": {"business": ["ann"]}})
ANN = Person("ann", "--by")


def gates(seq: int, package: str, failed: str = "") -> Entry:
    listed = [{"name": name, "passed": name != failed} for name in ("contract", "latency")]
    facts = {"package": package, "passed": not failed, "gates": listed}
    return entry(seq, kind="step", subject="release", key=f"k{seq}", body={"state": "succeeded", "name": "gates", "facts": facts})


def about_to_say(state: State, **more: Any) -> Word:
    return word(state, SPEC, CHARTER, **{"role": "business", "who": ANN, "verdict": "yes", "why": " it earns ", **more})


def test_a_word_is_about_the_newest_package_that_passed_its_gates() -> None:
    state = fold([gates(1, A), gates(2, B)])
    draft = about_to_say(state).draft
    assert (draft.kind, draft.subject, draft.actor, draft.parents) == ("approval", B, "ann", ("e2",))
    assert draft.body == {"move": "promotion", "role": "business", "verdict": "yes", "why": "it earns", "about": "e2"}
    assert about_to_say(state, package="AA").draft.subject == A


def test_the_newest_verdict_on_a_package_counts() -> None:
    assert [one.id for one in judged(fold([gates(1, A, "latency"), gates(2, B), gates(3, A)]))] == ["e2", "e3"]
    assert about_to_say(fold([gates(1, A, "latency"), gates(2, A)])).draft.subject == A


def test_a_role_that_nobody_holds_may_be_taken_and_that_is_noted() -> None:
    assert "nobody is listed for devops" in about_to_say(fold([gates(1, A)]), role="devops").note
    assert about_to_say(fold([gates(1, A)])).note == ""


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"role": "busines"}, "did you mean 'business'"),
        ({"role": "ml"}, "no word of ml is asked for; release.approvals asks for: business, devops"),
        ({"role": "data"}, "no word of data is asked for"),
        ({"who": Person("eve", "git")}, "eve .told by git. does not hold the role business; ann does"),
        ({"package": "a"}, "'a' begins more than one package"),
        ({"package": "ff"}, "no package that went through the gates begins with 'ff'; there are: abababababab, aaaaaaaaaaaa"),
        ({"why": "  "}, "the reason is empty"),
        ({"package": B}, "abababab did not pass latency, so it waits for nobody"),
    ],
)
def test_a_word_out_of_place_is_refused(more: dict[str, Any], says: str) -> None:
    with pytest.raises(Mistake, match=says):
        about_to_say(fold([gates(1, A), gates(2, B, "latency"), gates(3, A)]), **more)


def test_before_the_gates_and_after_the_promotion_nobody_is_asked() -> None:
    with pytest.raises(Mistake, match="no package has been through the gates yet; loopline run"):
        named(fold([]), None)
    with pytest.raises(Mistake, match="aaaaaaaa was promoted already; to take it back: loopline release rollback"):
        about_to_say(fold([gates(1, A), entry(2, kind="champion", subject=A, body={"how": "promoted", "why": "w"})]))
    with pytest.raises(Mistake, match="release.approvals asks nobody"):
        word(fold([gates(1, A)]), ReleaseSpec(), CHARTER, role="business", who=ANN, verdict="yes", why="w")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", "x") as opened:
        for name in ("ann", "ben", "cat"):
            give_trust(opened, key_of(name, tmp_path).public, name, by="ann")
        yield opened


HELD = CharterSpec.model_validate({"predict": "y", "stakeholders": {"business": ["ann", "ben"], "devops": ["ann", "cat"]}})


def spoken(ledger: Ledger, folder: Path, who: str, role: str, verdict: str = "yes", spec: ReleaseSpec = SPEC, **more: Any) -> Entry:
    state = fold(ledger.read(kinds=FOLDED))
    draft = word(state, spec, HELD, role=role, who=Person(who, "--by"), verdict=verdict, why="w", **more).draft
    return say(ledger, draft, key_of(who, folder))


def passed(ledger: Ledger, package: str) -> None:
    draft = gates(1, package)
    ledger.append(Draft(kind="step", subject="release", key=f"k {package}", body=draft.body))


def met(ledger: Ledger, spec: ReleaseSpec = SPEC, move: str = "promotion", package: str = A) -> list[bool]:
    return [one.is_met for one in tally_of(spec, HELD, fold(ledger.read(kinds=FOLDED)), package, move).roles]


def test_what_was_said_and_signed_counts_until_the_key_is_withdrawn(ledger: Ledger, tmp_path: Path) -> None:
    passed(ledger, A)
    said = spoken(ledger, tmp_path, "ann", "business")
    spoken(ledger, tmp_path, "cat", "devops")
    assert met(ledger) == [True, True]
    assert set(said.body) == {"move", "role", "verdict", "why", "about", "at", "key", "signature"}
    assert ledger.verify().intact
    withdraw_trust(ledger, key_of("ann", tmp_path).public, by="cat")
    assert met(ledger) == [False, True]


def test_a_word_from_another_ledger_does_not_count_in_this_one(ledger: Ledger, tmp_path: Path) -> None:
    with Ledger.open(f"sqlite:///{tmp_path}/staging.db", "x") as staging:
        give_trust(staging, key_of("ann", tmp_path).public, "ann", by="ann")
        passed(staging, B)
        passed(staging, A)
        said = spoken(staging, tmp_path, "ann", "business")
    passed(ledger, A)
    ledger.append(Draft(kind="approval", subject=A, body=said.body, actor="ann"))
    assert met(ledger) == [False, False]


def test_a_yes_is_taken_back_by_who_said_it_also_after_the_promotion(ledger: Ledger, tmp_path: Path) -> None:
    passed(ledger, A)
    spoken(ledger, tmp_path, "ann", "business")
    with pytest.raises(Mistake, match="there is no yes of ben as business on aaaaaaaa to take back"):
        spoken(ledger, tmp_path, "ben", "business", "withdrawn")
    spoken(ledger, tmp_path, "ann", "business", "withdrawn")
    assert met(ledger) == [False, False]
    with pytest.raises(Mistake, match="there is no yes of ann"):
        spoken(ledger, tmp_path, "ann", "business", "withdrawn")
    spoken(ledger, tmp_path, "ann", "business")
    ledger.append(Draft(kind="champion", subject=A, body={"how": "promoted", "why": "w"}))
    assert spoken(ledger, tmp_path, "ann", "business", "withdrawn").body["verdict"] == "withdrawn"


def test_who_signed_the_package_is_its_author_under_every_name_that_their_key_had(ledger: Ledger, tmp_path: Path) -> None:
    key = key_of("ben", tmp_path)
    enter(ledger, A, Signature(key.public, key.sign(b"manifest")))
    withdraw_trust(ledger, key.public, by="ann")
    give_trust(ledger, key.public, "Benjamin", by="ann")
    passed(ledger, A)
    assert authors(fold(ledger.read(kinds=FOLDED)), A) == {"ben", "benjamin"}
    four = ReleaseSpec.model_validate({"approvals": {"business": 1, "devops": 1}, "four_eyes": True})
    with pytest.raises(Mistake, match="ben made the package"):
        spoken(ledger, tmp_path, "ben", "business", spec=four)
    spoken(ledger, tmp_path, "ann", "business", spec=four)
    with pytest.raises(Mistake, match="ann has said yes as business already.*ask another person who holds the role devops"):
        spoken(ledger, tmp_path, "ann", "devops", spec=four)
    assert met(ledger, four) == [True, False]


def test_for_whom_a_package_was_made_is_its_author_too_whoever_signed_it(ledger: Ledger, tmp_path: Path) -> None:
    key = key_of("ben", tmp_path)
    signature = Signature(key.public, key.sign(b"manifest"))
    for name in ("", "Dan@example.com", "Dan@example.com", "max"):
        enter(ledger, A, signature, made_for=name)
    passed(ledger, A)
    state = fold(ledger.read(kinds=FOLDED))
    assert authors(state, A) == {"ben", "dan@example.com", "max"}
    assert len([entry for entry in state.vouched if entry.kind == SIGNATURE]) == 3
    assert Trust.of(ledger).signatures[A] == (signature,)


def test_a_rollback_asks_for_words_of_its_own_on_this_very_reign(ledger: Ledger, tmp_path: Path) -> None:
    spec = ReleaseSpec.model_validate({"approvals": {"promotion": {"business": 1}, "rollback": {"devops": 1}}})
    for package in (A, B):
        passed(ledger, package)
        ledger.append(Draft(kind="champion", subject=package, body={"how": "promoted", "why": "w"}))
    with pytest.raises(Mistake, match="no word of business is asked for; release.approvals asks for: devops"):
        spoken(ledger, tmp_path, "ann", "business", spec=spec, move="rollback")
    said = spoken(ledger, tmp_path, "cat", "devops", spec=spec, move="rollback")
    assert said.subject == A
    assert met(ledger, spec, "rollback") == [True]
    ledger.append(Draft(kind="champion", subject=A, body={"how": "rolled back", "why": "w"}))
    ledger.append(Draft(kind="champion", subject=B, body={"how": "rolled back", "why": "w"}))
    assert met(ledger, spec, "rollback") == [False]
    with pytest.raises(Mistake, match="asks nobody; loopline release rollback needs none"):
        spoken(ledger, tmp_path, "cat", "devops", move="rollback")


@pytest.mark.parametrize(
    ("said", "promotion", "rollback"),
    [
        ({}, {}, {}),
        ({"business": 1, "data": 0}, {"business": 1}, {}),
        ({"promotion": {"business": 1}}, {"business": 1}, {}),
        ({"rollback": {"devops": 2}}, {}, {"devops": 2}),
    ],
)
def test_approvals_are_declared_for_the_promotion_or_for_each_move(said: dict[str, Any], promotion: dict[str, int], rollback: dict[str, int]) -> None:
    spec = ReleaseSpec.model_validate({"approvals": said})
    assert (spec.asked("promotion"), spec.asked("rollback")) == (promotion, rollback)
    assert ReleaseSpec.model_validate(spec.model_dump(mode="json")) == spec
