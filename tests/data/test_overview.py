import pytest

from loopline.data.overview import overview, refused_rows
from loopline.errors import Mistake
from tests.data.conftest import visits


def test_tables_are_shown_with_their_rows_and_what_they_refused(room):
    empty = {"version": None, "rows": 0, "batches": 0, "read": 0, "accepted": 0, "quarantined": 0}
    assert overview(room.workspace, room.data) == [{"table": "visits", "kind": "source", **empty, "made_from": []}]
    room.write("visits-1.csv", visits(1, 60, {7: "7,x,no"}))
    room.write("visits-2.csv", visits(61, 62))
    room.run()
    (shown,) = overview(room.workspace, room.data)
    assert shown == {
        "table": "visits",
        "kind": "source",
        "made_from": [],
        "version": room.tables.version("visits").version,
        "rows": 61,
        "batches": 2,
        "read": 62,
        "accepted": 61,
        "quarantined": 1,
    }


def test_refused_rows_are_listed_in_the_order_of_their_files(room):
    assert refused_rows(room.workspace, room.data) == (0, {}, [])
    room.write("visits-1.csv", visits(1, 60, {7: "7,x,no", 9: "9,99", 3: "3,y,no"}))
    room.run()
    total, reasons, rows = refused_rows(room.workspace, room.data, table="visits", limit=2)
    assert (total, reasons) == (3, {"pages is not a whole number": 2, "too few fields for the header": 1})
    assert [(row["source"], row["line"], row["raw"]) for row in rows] == [("visits-1.csv", 4, "3,y,no"), ("visits-1.csv", 8, "7,x,no")]
    with pytest.raises(Mistake, match="the sources are: visits"):
        refused_rows(room.workspace, room.data, table="vists")
