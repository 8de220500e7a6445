import pytest

from loopline.data.ingest import ingest_file
from loopline.data.quarantine.discards import discard
from loopline.data.quarantine.mending import Tried, find_all, mend, tried
from loopline.data.quarantine.quarantine import Filter, one
from loopline.data.quarantine.replay import replay
from loopline.errors import Mistake
from tests.data.conftest import visits

BAD = {4: "4,99,no", 7: "7,two,no", 9: "9,1"}


@pytest.fixture
def batch(room):
    return ingest_file(room.workspace, room.data, room.write("visits.csv", visits(1, 20, BAD)))["batch"]


def say(room, batch, line, **cells):
    return mend(room.workspace, room.data, {("visits", batch, line): cells}, by="ann", why="")


def test_only_cells_that_change_count(room, batch):
    done = say(room, batch, 5, id="4", pages="99", bought="no")
    assert (done.rows, done.cells) == (0, 0)
    assert say(room, batch, 5, id="4", pages="8", bought="no").cells == 1
    assert say(room, batch, 5, pages="8.0").rows == 0
    assert say(room, batch, 5, pages="08").cells == 1
    assert say(room, batch, 10).rows == say(room, batch, 10, id="").rows == 0


def test_it_is_said_what_the_contract_says_now(room, batch):
    done = mend(room.workspace, room.data, {("visits", batch, 5): {"pages": "1"}, ("visits", batch, 8): {"pages": "9"}}, by="ann")
    assert (done.rows, done.would_enter, done.reasons, done.refused) == (2, 1, {"pages is above 8": 1}, {f"{batch[:8]}:8": ["pages is above 8"]})
    assert say(room, batch, 10, id="9").reasons == {}


def test_an_unknown_column_is_told_and_nothing_is_kept(room, batch):
    with pytest.raises(Mistake, match="did you mean 'pages'"):
        mend(room.workspace, room.data, {("visits", batch, 8): {"pages": "1"}, ("visits", batch, 5): {"page": "1"}}, by="ann")
    assert not room.tables.exists("mends")


def test_a_discarded_row_is_not_mended(room, batch):
    discard(room.workspace, room.data, Filter(ids=(f"{batch[:8]}:5",)), by="bob", why="a test")
    with pytest.raises(Mistake, match="discarded by bob; take it up again first: loopline data quarantine replay --state discarded"):
        say(room, batch, 5, pages="1")


def test_a_row_of_the_table_is_changed_there(room, batch):
    done = say(room, batch, 2, bought="yes")
    assert (done.rows, done.cells, done.relabelled, done.would_enter) == (1, 1, 1, 0)
    assert room.rows().filter(id=1)["bought"].item() == "yes"
    assert say(room, batch, 2, bought="yes").rows == 0


def test_a_replayed_row_is_changed_in_its_table(room, batch):
    say(room, batch, 5, pages="1")
    replay(room.workspace, room.data, Filter(), by="ann")
    assert say(room, batch, 5, pages="2").relabelled == 1
    assert room.rows().filter(id=4)["pages"].item() == 2


def test_rows_are_found_in_quarantine_and_in_the_table(room, batch):
    assert find_all(room.workspace, room.data, [(None, f"{batch[:8]}:5"), ("visits", f"{batch[:6]}:2")]) == [("visits", batch, 5), ("visits", batch, 2)]
    with pytest.raises(Mistake, match="no row has the id"):
        find_all(room.workspace, room.data, [(None, f"{batch[:8]}:99")])
    with pytest.raises(Mistake, match="no row has the id"):
        find_all(room.workspace, room.data, [("orders", f"{batch[:8]}:5")])


def test_what_is_tried_says_what_the_contract_would_say_and_is_not_kept(room, batch):
    row = one(room.tables, room.data, f"{batch}:5")
    assert tried(room.workspace, room.data, row, {"pages": "8", "id": "4"}) == Tried({"pages": "8"}, ())
    assert tried(room.workspace, room.data, row, {"pages": "88"}).reasons == ("pages is above 8",)
    uncut = one(room.tables, room.data, f"{batch}:10")
    assert tried(room.workspace, room.data, uncut, {"id": "9", "pages": "1", "bought": "no"}).reasons == ()
    assert tried(room.workspace, room.data, uncut, {}).changed == {}
    with pytest.raises(Mistake, match="did you mean 'pages'"):
        tried(room.workspace, room.data, row, {"page": "1"})
    assert not room.tables.exists("mends")
