"""Which package decides, since when, why, and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.access.keys import own_key
from loopline.engine.local import LocalEngine
from loopline.engine.step import Silence, Step
from loopline.errors import Mistake
from loopline.lake.place import Lake
from loopline.ledger.entry import Draft, Entry
from loopline.ledger.store import Ledger
from loopline.release.champion import history, on, promote, promotion, rollback, standing
from loopline.workspace import Job, Workspace

A, B, C = "aa11" * 16, "bb22" * 16, "ab33" * 16
YES = {"role": "business", "by": "ann", "why": "it earns", "entry": "e1"}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", "p") as opened:
        yield opened


def entry(seq: int, package: str, how: str = "promoted", previous: str | None = None) -> Entry:
    return Entry(
        kind="champion",
        subject=package,
        body={"how": how, "why": f"why {seq}", "previous": previous, "approvals": [YES] if how == "promoted" else []},
        seq=seq,
        id=f"e{seq}",
        project="p",
        time=datetime(2026, 3, seq, 12, tzinfo=UTC),
        prev_hash="",
        hash="",
    )


def promoted(ledger: Ledger, tmp_path: Path, package: str) -> dict[str, object]:
    step = Step(stage="release", name="promote", function="", reads={}, inputs={"package": package, "approvals": [YES]}, rooms=())
    (started,) = ledger.append(Draft(kind="step", subject="release", key=step.key, body={"state": "started", "name": "promote"}))
    workspace = Workspace(ledger, Lake(str(tmp_path / "lake")), LocalEngine(1))
    return dict(promote(Job(project="p", folder=tmp_path, step=step, attempt=started.id, workspace=workspace, progress=Silence())))


def champions(ledger: Ledger) -> list[Entry]:
    return ledger.read(kinds=["champion"])


def test_a_promotion_says_why_what_came_before_and_who_approved(ledger: Ledger, tmp_path: Path) -> None:
    promoted(ledger, tmp_path, A)
    assert promoted(ledger, tmp_path, B) == {"says": f"{B[:8]} decides", "champion": B}
    first, second = champions(ledger)
    assert (first.subject, first.body["previous"]) == (A, None)
    assert (second.subject, second.body["previous"]) == (B, A)
    assert second.body["approvals"] == [YES]
    assert "ann (business) approved" in second.body["why"]


def test_a_promotion_that_is_done_again_adds_nothing(ledger: Ledger, tmp_path: Path) -> None:
    facts = [promoted(ledger, tmp_path, A) for _ in range(2)]
    assert facts[0] == facts[1]
    assert len(champions(ledger)) == 1


def test_what_was_rolled_back_is_not_promoted_again(ledger: Ledger, tmp_path: Path) -> None:
    promoted(ledger, tmp_path, A)
    promoted(ledger, tmp_path, B)
    rollback(ledger, champions(ledger), actor="ann", signed_with=own_key(), why="it errs")
    promoted(ledger, tmp_path, B)
    assert [one.subject for one in champions(ledger)] == [A, B, A]


def test_a_rollback_goes_to_the_champion_before_and_says_who_and_why(ledger: Ledger, tmp_path: Path) -> None:
    for package in (A, B, C):
        promoted(ledger, tmp_path, package)
    back = rollback(ledger, champions(ledger), actor="ann", signed_with=own_key(), why="it errs")
    assert (back.subject, back.actor, back.body["why"], back.body["previous"]) == (B, "ann", "it errs", C)
    # A second one goes on backwards; it does not return to what was taken back.
    assert rollback(ledger, champions(ledger), actor="ann", signed_with=own_key(), why="so does this").subject == A
    with pytest.raises(Mistake, match=f"{A[:8]} was the first to decide; {B[:8]} was taken back; bring it back with --to {B[:8]}$"):
        rollback(ledger, champions(ledger), actor="ann", signed_with=own_key(), why="all err")
    assert rollback(ledger, champions(ledger), actor="ann", signed_with=own_key(), why="mended", to=C[:4]).subject == C


def test_without_a_way_back_a_rollback_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="no package decides"):
        rollback(ledger, champions(ledger), actor="ann", signed_with=own_key(), why="x")
    promoted(ledger, tmp_path, A)
    with pytest.raises(Mistake, match="there is no earlier package to go back to; make another one, .*: loopline run --fresh model"):
        rollback(ledger, champions(ledger), actor="ann", signed_with=own_key(), why="x")
    assert len(champions(ledger)) == 1


def test_a_rollback_to_an_unclear_digest_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    for package in (A, C, B):
        promoted(ledger, tmp_path, package)
    with pytest.raises(Mistake, match="'a' begins more than one of the earlier champions"):
        rollback(ledger, champions(ledger), actor="ann", signed_with=own_key(), why="x", to="a")
    with pytest.raises(Mistake, match=f"no earlier champion begins with 'ff'; there are: {A[:12]}, {C[:12]}"):
        rollback(ledger, champions(ledger), actor="ann", signed_with=own_key(), why="x", to="ff")
    with pytest.raises(Mistake, match="decides already"):
        rollback(ledger, champions(ledger), actor="ann", signed_with=own_key(), why="x", to=B[:6])


def test_the_history_tells_what_decided_when() -> None:
    reigns = history([entry(1, A), entry(5, B, previous=A), entry(9, A, "rolled back", B)])
    assert [(reign.package, reign.how, reign.until) for reign in reigns] == [
        (A, "promoted", datetime(2026, 3, 5, 12, tzinfo=UTC)),
        (B, "promoted", datetime(2026, 3, 9, 12, tzinfo=UTC)),
        (A, "rolled back", None),
    ]
    assert history([]) == ()
    assert reigns[1].approvals == (YES,)
    assert reigns[1].as_json()["since"] == "2026-03-05T12:00:00+00:00"


def test_a_day_may_have_seen_two_packages_and_a_moment_one() -> None:
    reigns = history([entry(1, A), entry(5, B), entry(9, C)])
    assert [reign.package for reign in on(reigns, date(2026, 3, 5))] == [A, B]
    assert [reign.package for reign in on(reigns, datetime(2026, 3, 5, 11))] == [A]
    assert [reign.package for reign in on(reigns, datetime(2026, 3, 5, 12, tzinfo=UTC))] == [B]
    assert [reign.package for reign in on(reigns, date(2026, 2, 28))] == []
    assert [reign.package for reign in on(reigns, date(2027, 1, 1))] == [C]


@given(st.lists(st.sampled_from([A, B, C]), min_size=1, max_size=8))
def test_whatever_the_pointer_did_the_last_word_holds_and_each_moment_has_one_champion(order: list[str]) -> None:
    seen: set[str] = set()
    entries = []
    for seq, package in enumerate(order, 1):
        entries.append(entry(seq, package, "rolled back" if package in seen else "promoted"))
        seen.add(package)
    stack = standing(entries)
    assert stack[-1] == order[-1]
    assert len(set(stack)) == len(stack)
    assert all(promotion(entries, package) is not None for package in seen)
    reigns = history(entries)
    for seq in range(1, len(order) + 1):
        (at,) = on(reigns, datetime(2026, 3, seq, 12, tzinfo=UTC) + timedelta(hours=1))
        assert at.package == order[seq - 1]
