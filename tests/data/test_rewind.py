"""Which entries count after restores: those of the state that was restored, whatever came in between."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.data.edits.edited import standing
from loopline.data.rewind import EDIT, course, whole_version
from loopline.errors import Mistake
from loopline.ledger.entry import Entry, now


def entry(seq, kind, key="", **body):
    return Entry(kind=kind, subject="t", key=key, body=body, seq=seq, id=f"{seq}-x", project="p", time=now(), prev_hash="", hash="")


def batch(seq, key, version, **more):
    return entry(seq, "batch", key, **{"version": version, "mode": "append", "supersedes": None, "file": "f", "how": "source", **more})


def edit(seq, version, verb="update", **more):
    return entry(seq, EDIT, f"e{seq}", state="done", verb=verb, version=version, **more)


def test_a_restore_takes_back_what_came_later_and_can_be_taken_back_itself():
    entries = [batch(1, "a", 1), edit(2, 2), batch(3, "b", 4), edit(4, 5, "restore", to=2), batch(5, "c", 6), edit(6, 7, "restore", to=4)]
    found = course(entries[:4])
    assert ([one.key for one in found.entries], found.aside) == (["a", "e2", "e4"], {"b": 4})
    found = course(entries[:5])
    assert ([one.key for one in found.entries], found.aside) == (["a", "e2", "e4", "c"], {"b": 4})
    found = course(entries)
    assert ([one.key for one in found.entries], found.aside) == (["a", "e2", "b", "e6"], {"c": 6})
    assert found.versions == (1, 2, 4, 5, 6, 7)
    assert [one.key for one in found.at(6)] == ["a", "e2", "e4", "c"]


def test_an_edit_is_begun_until_it_is_done():
    begun = entry(2, EDIT, "e", state="begun", verb="update")
    assert course([batch(1, "a", 1), begun]).begun == begun
    assert course([batch(1, "a", 1), begun, entry(3, EDIT, "e", state="done", verb="update", version=2)]).begun is None


def test_versions_in_the_midst_of_a_batch_are_not_whole():
    found = course([batch(1, "a", 2), batch(2, "b", 5)])
    assert whole_version(found, 2, nearest=False, where="x") == 2
    assert whole_version(found, 4, nearest=True, where="x") == 2
    for version, what in ((3, "restore version 2 or 5"), (9, "restore version 5$"), (1, "older than the first delivery; restore version 2")):
        with pytest.raises(Mistake, match=what):
            whole_version(found, version, nearest=False, where="x")


@given(st.lists(st.one_of(st.none(), st.integers(1, 30)), min_size=1, max_size=30))
def test_the_entries_that_count_are_those_of_the_restored_version_again(steps):
    """Against a plain account: from each version to the batches that were in then."""
    entries, held, then = [batch(1, "0", 1)], ["0"], {1: ["0"]}
    for number, to in enumerate(steps, start=2):
        if to is None or to >= number:
            entries.append(batch(number, str(number), number))
            held = [*held, str(number)]
        else:
            entries.append(edit(number, number, "restore", to=to))
            held = then[to]
        then[number] = held
        found = course(entries)
        assert [one.key for one in found.entries if one.kind == "batch"] == held
        assert not set(found.aside) & set(held)


def test_edits_are_due_when_the_table_is_made_anew_and_end_when_it_is_replaced():
    contract = entry(3, "contract", "k", table="t", owed=1)
    entries = [batch(1, "a", 1), edit(2, 2), contract, batch(4, "a", 3)]
    assert (len(standing(entries[:2]).holds), standing(entries[:2]).due) == (1, {})
    assert standing(entries).due == {"2-x": 4}
    assert standing([*entries, edit(5, 4, "reapply", edits=["2-x"])]).due == {}
    replaced = standing([batch(1, "a", 1, mode="replace"), edit(2, 2), batch(3, "b", 3, mode="replace")])
    assert (replaced.holds, replaced.due) == ((), {})


def test_a_row_lives_on_in_the_batch_that_took_the_place_of_its_own():
    entries = [batch(1, "a", 1), edit(2, 2), batch(3, "b", 3, supersedes="a"), edit(4, 4, "reapply", edits=["2-x"]), batch(5, "a", 5, supersedes="b")]
    found = standing(entries)
    assert (found.became("a", 2), found.became("a", 5), found.due) == ("a", "a", {"2-x": 5})
    assert standing(entries[:4]).became("a", 2) == "b"
    undone = entry(3, "undone", "b", file="f", mode="append", supersedes="a")
    assert standing([*entries[:2], undone, batch(4, "c", 4)]).became("a", 2) == "c"
