"""A ledger is kept up with: what is new is taken in, and what was taken in before comes from a snapshot, or from the ledger where none fits."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.ledger import chain, following
from loopline.ledger.chain import Head
from loopline.ledger.entry import Draft, Entry, now
from loopline.ledger.following import Following
from loopline.ledger.snapshot import Snapshot, load, save
from loopline.ledger.state import FOLDED, Folding, Parts, State, fold
from loopline.ledger.store import Ledger

STEPS = st.builds(
    lambda stage, name, key, state, facts: Draft(
        kind="step", subject=stage, key=key, body={"state": state, "name": name, "seconds": 1.5, "cost": 0.1, "currency": "EUR", "facts": facts}
    ),
    st.sampled_from(["data", "model", "release"]),
    st.sampled_from(["search", "gates", "ingest"]),
    st.sampled_from("abcde"),
    st.sampled_from(["started", "succeeded", "failed"]),
    st.sampled_from([{"package": "p1"}, {"package": "p2", "outcome": {"known": 3}}, {"outcome": {"known": 7}}]),
)
OTHERS = st.builds(
    lambda kind, subject, more: Draft(kind=kind, subject=subject, body={"state": "open", "package": "p1", **more}),
    st.sampled_from(sorted({*FOLDED} - {"step", "gc", "message"}) + ["trial", "window"]),
    st.sampled_from(["", "a", "b"]),
    st.sampled_from([{}, {"signature": "x"}, {"state": "withdrawn"}]),
)
MESSAGES = st.builds(
    lambda alerts, done: Draft(kind="message", subject="m", body={"done": done, "at": "t", "items": [{"alert": one, "since": "s"} for one in alerts]}),
    st.lists(st.sampled_from("ab"), max_size=2),
    st.booleans(),
)
FREED = st.builds(lambda keys: Draft(kind="gc", body={"state": "begun", "steps": keys}), st.lists(st.sampled_from("abcde"), max_size=2))
HISTORIES = st.lists(st.one_of(STEPS, OTHERS, MESSAGES, FREED), max_size=40)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def taken(folding: Folding, entries: list[Entry]) -> State:
    for entry in entries:
        if entry.kind in FOLDED:
            folding.take(entry)
    return folding.state()


@settings(max_examples=60, deadline=None)
@given(HISTORIES, st.integers(0, 40), st.integers(0, 40))
def test_a_snapshot_and_the_rest_give_what_the_whole_history_gives(folder: Path, drafts: list[Draft], cut: int, look: int) -> None:
    _, entries = chain.seal(map(chain.write, drafts), head=Head(), project="p", time=now())
    kept = [entry for entry in entries if entry.kind in FOLDED]

    def find(seq: int) -> Entry:
        return entries[seq - 1]

    first = Folding(find)
    taken(first, entries[: min(cut, look)])
    seen = taken(first, entries[min(cut, look) : cut])
    then = fold(entry for entry in kept if entry.seq <= cut)
    assert seen == then
    save(Snapshot("p", Head(cut, "h"), first.settle()), folder / "s")
    known = load(folder / "s")
    assert known is not None
    assert taken(Folding(find, known.parts), entries[cut:]) == taken(first, entries[cut:]) == fold(kept)
    # What was handed out stays as it was.
    assert seen == then


def step(number: int) -> Draft:
    return Draft(kind="step", subject="data", key=f"k{number}", body={"state": "succeeded", "name": "ingest", "facts": {"n": number}})


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    monkeypatch.setattr(following, "_FEW", 4)
    monkeypatch.setattr(following, "_PAGE", 3)
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", "p") as opened:
        opened.append(*map(step, range(10)))
        yield opened


def snapshot_of(folder: Path) -> Path:
    (file,) = folder.glob("state-*.snapshot")
    return file


def test_the_state_is_the_same_one_until_something_comes(ledger: Ledger) -> None:
    followed = Following(ledger)
    state = followed.state()
    assert followed.state() is state
    ledger.append(step(10))
    assert followed.state().facts("data", "ingest") == {"n": 10} and len(state.succeeded) == 10
    assert followed.state() == fold(ledger.read(kinds=FOLDED))
    assert followed.state().succeeded["k3"].body["facts"] == {"n": 3}


def test_a_fresh_process_begins_with_the_snapshot(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Following(ledger, tmp_path).state()
    ledger.append(step(10))
    read: list[int] = []
    ask = Ledger.read
    monkeypatch.setattr(Ledger, "read", lambda self, **how: read.append(how["after"]) or ask(self, **how))
    assert Following(ledger, tmp_path).state().facts("data", "ingest") == {"n": 10}
    assert read == [10]


@pytest.mark.parametrize("harm", ["torn", "changed", "older", "foreign", "ahead", "no file"])
def test_a_snapshot_that_does_not_fit_is_made_anew(ledger: Ledger, tmp_path: Path, harm: str) -> None:
    Following(ledger, tmp_path).state()
    file = snapshot_of(tmp_path)
    whole, known = file.read_bytes(), load(file)
    assert known is not None
    match harm:
        case "torn":
            file.write_bytes(whole[:-7])
        case "changed":
            file.write_bytes(whole.replace(b"ingest", b"invest"))
        case "older":
            file.write_bytes(whole.replace(b'"fold":"', b'"fold":"0'))
        case "foreign":
            save(Snapshot("p", Head(known.head.seq, "0" * 64), Parts()), file)
        case "ahead":
            save(Snapshot("p", Head(99, known.head.hash), Parts()), file)
        case _:
            file.unlink()
            file.mkdir()
    assert Following(ledger, tmp_path).state() == fold(ledger.read(kinds=FOLDED))
    if harm != "no file":
        assert load(file) == known


def test_a_ledger_that_was_set_back_is_read_again(ledger: Ledger, tmp_path: Path) -> None:
    followed = Following(ledger, tmp_path)
    followed.state()
    with Ledger.open(f"sqlite:///{tmp_path}/other.db", "p") as other:
        other.append(step(77))
        followed._ledger = other
        assert followed.state() == fold(other.read(kinds=FOLDED))


def test_where_nothing_can_be_kept_it_is_done_without(ledger: Ledger, tmp_path: Path) -> None:
    assert Following(ledger, tmp_path / "missing").state() == fold(ledger.read(kinds=FOLDED))
    ledger.append(*(Draft(kind="charter", body={"many": 1 << 70}) for _ in range(9)))
    assert Following(ledger, tmp_path).state() == fold(ledger.read(kinds=FOLDED))
