from loopline.data.overview import overview
from tests.data.conftest import visits


def test_tables_are_shown_with_their_rows_and_what_they_refused(room):
    empty = {"version": None, "rows": 0, "batches": 0, "read": 0, "accepted": 0, "quarantined": 0, "merged": 0}
    assert overview(room.workspace, room.data) == [{"table": "visits", "kind": "source", **empty, "held_back": [], "made_from": []}]
    room.write("visits-1.csv", visits(1, 60, {7: "7,x,no"}))
    room.write("visits-2.csv", visits(61, 62))
    room.run()
    (shown,) = overview(room.workspace, room.data)
    assert shown == {
        "table": "visits",
        "kind": "source",
        "held_back": [],
        "made_from": [],
        "version": room.tables.version("visits").version,
        "rows": 61,
        "batches": 2,
        "read": 62,
        "accepted": 61,
        "quarantined": 1,
        "merged": 0,
    }
