"""The chain of hashes, without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from loopline.ledger import chain
from loopline.ledger.chain import Head, Row, Verdict
from loopline.ledger.entry import GENESIS, Draft

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
bodies = st.dictionaries(texts, st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts | st.lists(texts), max_size=3)
drafts = st.builds(Draft, kind=texts, subject=texts, key=texts, body=bodies, parents=st.lists(texts, max_size=2).map(tuple), actor=texts)


def sealed(some: list[Draft], time: datetime = NOON, head: Head = Head()) -> list[Row]:  # noqa: B008
    return [Row(*stored) for stored in chain.seal(map(chain.write, some), head=head, project="p", time=time)[0]]


def head_of(rows: list[Row]) -> Head:
    return Head(rows[-1].seq, rows[-1].hash) if rows else Head()


@given(st.lists(drafts, max_size=5))
def test_what_is_sealed_is_intact_and_reads_back(some: list[Draft]) -> None:
    stored, entries = chain.seal(map(chain.write, some), head=Head(), project="p", time=NOON)
    rows = [Row(*one) for one in stored]
    assert [chain.read(row) for row in rows] == entries
    assert chain.inspect(rows, head_of(rows)) == Verdict(len(rows), True, head=head_of(rows).hash)
    for row, draft in zip(rows, some, strict=True):
        entry = chain.read(row)
        assert (entry.kind, entry.subject, entry.key, entry.body, entry.parents, entry.actor) == (
            draft.kind,
            draft.subject,
            draft.key,
            draft.body,
            draft.parents,
            draft.actor,
        )


@given(st.lists(drafts, min_size=1, max_size=4), st.lists(drafts, min_size=1, max_size=3))
def test_a_chain_goes_on_where_it_ended(first: list[Draft], second: list[Draft]) -> None:
    begun = sealed(first)
    rows = begun + sealed(second, head=head_of(begun))
    assert chain.inspect(rows, head_of(rows)).intact


@given(st.lists(drafts, min_size=1, max_size=4), st.data())
def test_any_change_of_any_stored_field_is_found(some: list[Draft], data: st.DataObject) -> None:
    rows = sealed(some)
    head = head_of(rows)
    place = data.draw(st.integers(0, len(rows) - 1))
    field = data.draw(st.sampled_from(Row._fields))
    before = getattr(rows[place], field)
    value: Any = data.draw((st.integers(-3, 9) | texts) if field == "seq" else (texts | st.binary(max_size=3) | st.none() | st.floats()))
    assume(value != before)
    rows[place] = rows[place]._replace(**{field: value})
    verdict = chain.inspect(rows, head)
    assert not verdict.intact and verdict.why
    assert verdict.first_bad == place + 1


@given(st.lists(drafts, min_size=2, max_size=5), st.data())
def test_any_other_order_is_found(some: list[Draft], data: st.DataObject) -> None:
    rows = sealed(some)
    order = data.draw(st.permutations(range(len(rows))))
    assume(list(order) != sorted(order))
    moved = [rows[index]._replace(seq=place) for place, index in enumerate(order, 1)]
    verdict = chain.inspect(moved, head_of(rows))
    assert verdict.first_bad == next(place for place, index in enumerate(order, 1) if index != place - 1)


@given(st.lists(drafts, min_size=1, max_size=5), st.data())
def test_any_missing_entry_is_found(some: list[Draft], data: st.DataObject) -> None:
    rows = sealed(some)
    gone = data.draw(st.sets(st.integers(0, len(rows) - 1), min_size=1))
    verdict = chain.inspect([row for index, row in enumerate(rows) if index not in gone], head_of(rows))
    assert not verdict.intact
    assert verdict.first_bad == min(gone) + 1 and "missing" in verdict.why


@given(st.lists(drafts, min_size=1, max_size=5), drafts, st.data())
def test_an_entry_replaced_with_its_hash_is_named(some: list[Draft], forged: Draft, data: st.DataObject) -> None:
    rows = sealed(some)
    head = head_of(rows)
    place = data.draw(st.integers(0, len(rows) - 1))
    (row,) = sealed([forged], head=Head(place, rows[place].prev_hash), time=NOON + timedelta(seconds=1))
    rows[place] = row
    assert chain.inspect(rows, head).first_bad == place + 1


def test_a_ledger_that_lost_its_beginning_is_told() -> None:
    rows = sealed([Draft(kind="a"), Draft(kind="b")], head=Head(0, "f" * 64))
    assert chain.inspect(rows, head_of(rows)).why == "it was not the first entry of its ledger"


def test_times_are_stored_in_utc_with_microseconds_so_that_texts_compare_as_moments() -> None:
    (row,) = sealed([Draft(kind="a")], time=datetime(2026, 1, 2, 14, tzinfo=timezone(timedelta(hours=2))))
    assert row.time == "2026-01-02T12:00:00.000000+00:00"
    assert row.prev_hash == GENESIS


@pytest.mark.parametrize("name", ["kind", "subject", "key", "actor"])
def test_a_nul_in_a_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="NUL"):
        chain.write(Draft(**{"kind": "a", name: "\0"}))
