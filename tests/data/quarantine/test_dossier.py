import pytest

from loopline.data.ingest import ingest_file
from loopline.data.quarantine.discards import discard
from loopline.data.quarantine.dossier import dossier
from loopline.data.quarantine.mending import mend
from loopline.data.quarantine.quarantine import Filter, one
from loopline.data.quarantine.replay import replay
from tests.data.conftest import visits

BAD = {4: "4,99,no", 9: "9,1"}


def test_all_that_is_known_of_a_row_is_told(room):
    batch = ingest_file(room.workspace, room.data, room.write("visits.csv", visits(1, 20, BAD)))["batch"]

    def told(line):
        return dossier(room.workspace, room.data, one(room.tables, room.data, f"{batch[:8]}:{line}"))

    said = told(5)
    assert (said["source"], said["line"], said["raw"], said["state"], said["reasons_now"]) == ("visits.csv", 5, "4,99,no", "refused", ["pages is above 8"])
    assert said["rules"] == [{"reason": "pages is above 8", "rule": "max", "columns": ["pages"], "where": "data.contract.pages.max", "says": "max: 8"}]
    assert said["cells"][1] == {"column": "pages", "cell": "99", "mended": None, "is_mended": False, "wants": "integer, at most 8", "wrong": True}
    assert not said["cells"][0]["wrong"]
    assert [one["what"] for one in said["history"]] == ["refused by the contract"]
    mend(room.workspace, room.data, {("visits", batch, 5): {"pages": "12"}}, by="ann", why="a guess")
    replay(room.workspace, room.data, Filter(), by="ann")
    mend(room.workspace, room.data, {("visits", batch, 5): {"pages": "8"}}, by="ann", why="looked it up")
    said = told(5)
    assert (said["reasons_now"], said["cells"][1]["cell"], said["cells"][1]["mended"]) == ([], "99", "8")
    replay(room.workspace, room.data, Filter(), by="ann")
    said = told(5)
    assert (said["state"], said["reasons_now"]) == ("replayed", None)
    assert [(one["what"], one["by"], one["why"]) for one in said["history"]] == [
        ("refused by the contract", "loopline", ""),
        ("mended pages", "ann", "a guess"),
        ("replayed: refused again", "ann", ""),
        ("mended pages", "ann", "looked it up"),
        ("replayed: accepted", "ann", ""),
    ]
    uncut = told(10)
    assert (uncut["fields"], [cell["cell"] for cell in uncut["cells"]]) == (["9", "1"], [None, None, None])
    discard(room.workspace, room.data, Filter(reason="few"), by="bob", why="a torn line")
    assert told(10)["history"][-1]["what"] == "discarded"


_WRITTEN = [(None, "2026-05-13T10:00:00"), ("%d.%m.%Y %H:%M", "13.05.2026 10:00"), ("%m/%d/%Y %H:%M:%S%.f", "05/13/2026 10:00:00")]


@pytest.mark.parametrize(("form", "sent"), _WRITTEN)
def test_what_is_wanted_of_a_time_is_shown_by_one_that_the_contract_takes(room, form, sent):
    room.contract = {"when": {"type": "datetime", **({"format": form} if form else {})}, "day": {"type": "date"}}
    text = f"id,when,day\n1,{sent},2026-05-13\n2,soon,2026-05-14\n"
    batch = ingest_file(room.workspace, room.data, room.write("visits.csv", text))["batch"]
    row = one(room.tables, room.data, f"{batch[:8]}:3")
    wanted = {cell["column"]: cell["wants"] for cell in dossier(room.workspace, room.data, row)["cells"]}
    assert wanted["when"].endswith(f"written as {sent}") and wanted["day"].endswith("written as 2026-05-13") and "written" not in wanted["id"]
    told = wanted["when"].rpartition("written as ")[2]
    assert mend(room.workspace, room.data, {("visits", batch, 3): {"when": told}}, by="ann").would_enter == 1
