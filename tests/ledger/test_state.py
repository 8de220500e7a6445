from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from loopline.ledger.entry import Entry
from loopline.ledger.state import FOLDED, fold


def entry(seq, kind, subject="", key="", actor="ann", **body):
    return Entry(seq=seq, id=str(seq), project="p", kind=kind, subject=subject, key=key, body=body, actor=actor, time=datetime.now(UTC), prev_hash="", hash="")


def step(seq, key, state):
    return entry(seq, "step", "data", key, state=state, name="ingest", facts={"n": seq})


def test_only_a_success_satisfies_a_key():
    state = fold([step(1, "a", "started"), step(2, "a", "failed")])
    assert state.succeeded == {}
    assert state.failed["data", "ingest"].seq == 2


def test_a_later_success_clears_a_failure():
    state = fold([step(1, "a", "failed"), step(2, "a", "succeeded")])
    assert state.failed == {}
    assert state.facts("data", "ingest") == {"n": 2}


def test_a_success_whose_results_were_freed_is_no_longer_one_until_it_succeeds_again():
    freed = [step(1, "a", "succeeded"), step(2, "b", "succeeded"), entry(3, "gc", state="begun", steps=["a", "never"])]
    assert set(fold(freed).succeeded) == {"b"}
    assert set(fold([*freed, step(4, "a", "succeeded")]).succeeded) == {"a", "b"}


def test_the_newest_word_on_a_column_holds():
    words = [entry(1, "constraint", "age", hold="rise"), entry(2, "constraint", "size", hold="exclude"), entry(3, "constraint", "age", hold=None)]
    assert {column: word.seq for column, word in fold(words).constraints.items()} == {"age": 3, "size": 2}


def test_the_newest_word_on_a_silence_holds_and_every_message_is_kept():
    said = [
        entry(1, "silence", "drift", until="a"),
        entry(2, "message", "m", done=False),
        entry(3, "silence", "drift", until="b"),
        entry(4, "message", "m", done=True),
    ]
    state = fold(said)
    assert {subject: word.seq for subject, word in state.silences.items()} == {"drift": 3}
    assert [message.seq for message in state.messages] == [2, 4]
    assert set(FOLDED) >= {"silence", "message"}


def test_the_last_champion_holds_and_none_may_hold():
    moves = [entry(1, "champion", "aaa"), entry(2, "champion", "bbb")]
    assert fold(moves).champion == "bbb"
    assert fold([]).champion is None
    assert fold([*moves, entry(3, "champion", "")]).champion is None


def test_every_request_to_retrain_is_kept_in_order():
    assert [one.seq for one in fold([entry(1, "retrain", "aaa"), step(2, "a", "succeeded"), entry(3, "retrain", "aaa")]).retrains] == [1, 3]


def test_every_word_on_a_package_is_kept_in_order():
    words = [entry(1, "approval", "pkg", role="business", verdict="yes"), entry(2, "approval", "pkg", role="business", verdict="no")]
    assert [word.seq for word in fold([*words, entry(3, "approval", "other", role="business")]).approvals["pkg"]] == [1, 2]


def test_who_is_trusted_and_what_the_gates_said_is_kept():
    gates = entry(2, "step", "release", "k", state="succeeded", name="gates", facts={"package": "pkg"})
    state = fold([entry(1, "key", "ed25519:x", state="trusted"), gates, entry(3, "signature", "pkg"), step(4, "k", "succeeded")])
    assert [one.seq for one in state.vouched] == [1, 3]
    assert list(state.verdicts) == ["2"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["started", "succeeded", "failed"])), max_size=30), st.integers(0, 30))
def test_a_success_once_folded_is_never_lost(steps, cut):
    entries = [step(seq, key, state) for seq, (key, state) in enumerate(steps, 1)]
    assert fold(entries[:cut]).succeeded.keys() <= fold(entries).succeeded.keys()


def test_resolved_alerts_are_not_open():
    state = fold([entry(1, "alert", "drift", state="open"), entry(2, "alert", "volume", state="open"), entry(3, "alert", "drift", state="resolved")])
    assert [alert.subject for alert in state.open_alerts()] == ["volume"]


def test_an_answer_says_in_brief_to_which_question_it_is():
    assert entry(1, "answer", "orders", asked="value", column="status", answer="refuse").brief == "value of status: refuse"
