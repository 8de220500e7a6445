"""A charter is signed as it stands: by whom it asks, with their keys, and anew when what it says changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loopline.access.people import Person
from loopline.charter.prices import Prices
from loopline.charter.spec import CharterSpec
from loopline.charter.statement import enter, signed_digest, stated
from loopline.errors import Mistake
from loopline.ledger.entry import Draft
from loopline.ledger.state import FOLDED, State, fold
from loopline.ledger.store import Ledger
from loopline.model.signing import give_trust
from loopline.release.chartered import awaited, right, signed, tally_of, word
from loopline.release.words import NO, YES, say
from tests.signing import key_of

CHARTER = CharterSpec.model_validate(
    {
        "predict": "y",
        "worth": {"currency": "EUR", "act_right": 10, "act_wrong": -6},
        "stakeholders": {"business": ["ann"], "customer": ["cem"]},
        "approvals": {"business": 1, "customer": 1},
    }
)
DEARER = CHARTER.model_copy(update={"worth": CHARTER.worth.model_copy(update={"act_wrong": -8.0})})
ANN, CEM = Person("ann", "--by"), Person("cem", "--by")


class Room:
    """A ledger in which people sign charters."""

    def __init__(self, ledger: Ledger, folder: Path) -> None:
        self.ledger, self.folder = ledger, folder
        for who in (ANN, CEM):
            give_trust(ledger, key_of(who.name, folder).public, who.name, by="ann")

    def sign(self, charter: CharterSpec, who: Person, role: str, verdict: str = YES) -> None:
        draft = word(charter, self.state, role=role, who=who, verdict=verdict, why="because")
        say(self.ledger, draft, key_of(who.name, self.folder))

    @property
    def state(self) -> State:
        return fold(self.ledger.read(kinds=FOLDED))


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", "p") as ledger:
        yield Room(ledger, tmp_path)


def test_it_waits_for_each_role_until_all_have_signed(room: Room) -> None:
    enter(room.ledger, CHARTER)
    first = awaited(CHARTER, room.state)
    assert first is not None
    assert (first.state, first.role, first.besides) == ("waiting", "business", ("customer",))
    assert first.next == "loopline charter sign --as business --why '...'"
    room.sign(CHARTER, ANN, "business")
    second = awaited(CHARTER, room.state)
    assert second is not None
    assert second.why == "the charter waits for the approval of customer"
    assert signed(room.state) is None
    room.sign(CHARTER, CEM, "customer")
    assert awaited(CHARTER, room.state) is None
    assert signed(room.state) is not None


def test_a_changed_charter_waits_anew_and_the_way_back_to_the_old_one_does_too(room: Room) -> None:
    enter(room.ledger, CHARTER)
    for who, role in ((ANN, "business"), (CEM, "customer")):
        room.sign(CHARTER, who, role)
    known = signed(room.state)
    # Before it is entered, and after.
    assert awaited(DEARER, room.state) is not None
    enter(room.ledger, DEARER)
    assert awaited(DEARER, room.state) is not None
    assert signed(room.state) == known
    enter(room.ledger, CHARTER)
    back = tally_of(CHARTER, room.state)
    assert back.yes == {}
    assert "is about something else than what is decided here" in str(back)


def test_a_charter_signed_beside_the_one_in_force_voids_nothing_and_counts_once_a_run_is_under_it(room: Room) -> None:
    enter(room.ledger, CHARTER)
    for charter in (CHARTER, DEARER):
        for who, role in ((ANN, "business"), (CEM, "customer")):
            room.sign(charter, who, role)
    assert (awaited(CHARTER, room.state), awaited(DEARER, room.state)) == (None, None)
    assert [entry.subject for entry in room.state.charters] == [signed_digest(stated(CHARTER))]
    newest = enter(room.ledger, DEARER)
    assert awaited(DEARER, room.state) is None
    assert signed(room.state) == newest
    # The words on the old one were said before a run under another.
    assert awaited(CHARTER, room.state) is not None


def test_other_prices_ask_for_another_signature_and_another_name_of_their_file_does_not(room: Room) -> None:
    priced, book = CHARTER.model_copy(update={"prices": "prices.yaml", "template": "churn"}), Prices.model_validate({"people": "60 per hour"})
    for who, role in ((ANN, "business"), (CEM, "customer")):
        say(room.ledger, word(priced, room.state, role=role, who=who, verdict=YES, why="because", book=book), key_of(who.name, room.folder))
    first = enter(room.ledger, priced, book)
    moved = priced.model_copy(update={"prices": "2027.yaml", "template": None})
    assert awaited(moved, room.state, book=book) is None
    dearer = Prices.model_validate({"people": "70 per hour"})
    assert awaited(priced, room.state, book=dearer) is not None
    second = enter(room.ledger, priced, dearer)
    assert (first.body["prices"], second.body["changed"]) == ({"people": "60 per hour"}, ["prices.people"])


def test_a_malformed_word_does_not_count(room: Room) -> None:
    room.sign(CHARTER, ANN, "business")
    body = {**room.state.approvals[signed_digest(stated(CHARTER))][0].body, "role": ["business"]}
    room.ledger.append(
        Draft(kind="approval", subject=signed_digest(stated(CHARTER)), body=body, actor="ann"),
        Draft(kind="approval", subject=signed_digest(stated(CHARTER)), body={**body, "role": "business", "about": ["it"]}, actor="ann"),
    )
    assert tally_of(CHARTER, room.state).yes == {"business": ["ann"]}


def test_another_address_asks_for_no_new_signature_but_a_name_that_is_struck_out_counts_no_more(room: Room) -> None:
    enter(room.ledger, CHARTER)
    for who, role in ((ANN, "business"), (CEM, "customer")):
        room.sign(CHARTER, who, role)
    more = CHARTER.model_copy(update={"stakeholders": {"business": ("ann", "eve"), "customer": ("cem",)}})
    enter(room.ledger, more)
    assert awaited(more, room.state) is None
    gone = CHARTER.model_copy(update={"stakeholders": {"business": ("eve",), "customer": ("cem",)}})
    halt = awaited(gone, room.state)
    assert halt is not None
    assert "ann does not hold the role business" in halt.why


def test_a_refusal_stops_the_loop_and_says_why(room: Room) -> None:
    room.sign(CHARTER, ANN, "business")
    room.sign(CHARTER, CEM, "customer", NO)
    halt = awaited(CHARTER, room.state)
    assert halt is not None
    assert (halt.state, halt.why, halt.next) == ("failed", "the charter is refused by cem as customer: because", "loopline charter revise")


def test_nobody_is_waited_for_where_nobody_is_asked(room: Room) -> None:
    assert awaited(CharterSpec(predict="y"), room.state) is None


@pytest.mark.parametrize(
    ("charter", "role", "who", "why"),
    [
        (CHARTER, "busines", ANN, "did you mean 'business'"),
        (CHARTER, "expert", ANN, "charter.approvals asks for: business, customer"),
        (CharterSpec(predict="y"), "business", ANN, r"to ask: charter.approvals: {business: 1}"),
        (CHARTER, "business", CEM, "does not hold the role business; ann does"),
    ],
)
def test_only_who_is_asked_may_sign(charter: CharterSpec, role: str, who: Person, why: str) -> None:
    with pytest.raises(Mistake, match=why):
        right(charter, role=role, who=who)
