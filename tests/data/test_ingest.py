import json

import pytest

from loopline.charter.spec import CharterSpec
from loopline.data.profiles.profile import Profile
from loopline.errors import Mistake
from loopline.lake.blobs import Blobs
from tests.data.conftest import visits


def test_the_facts_tell_the_later_stages_what_they_need(room):
    room.sources["visits"] |= {"ordered": True}
    room.sources["weather"] = {"path": "weather.csv"}
    room.contract = {"pages": {"type": "number", "use": False, "why": "known afterwards"}}
    room.write("visits-1.csv", visits(1, 60, {7: "7,x,no"}))
    room.write("visits-2.csv", visits(61, 90))
    room.write("weather.csv", "hour,rain\n1,0.5\n2,0\n")
    facts = room.run()
    json.dumps(facts, allow_nan=False)
    assert facts["main"] == "visits"
    assert {name: at["rows"] for name, at in facts["tables"].items()} == {"visits": 89, "weather": 2}
    assert (facts["read"], facts["accepted"], facts["quarantined"], facts["reasons"]) == (92, 91, 1, {"pages is not a number": 1})
    assert facts["columns"] == [
        {"name": "id", "type": "integer", "use": True},
        {"name": "pages", "type": "number", "use": False},
        {"name": "bought", "type": "category", "use": True},
    ]
    assert (facts["task"], facts["positive"], facts["classes"]) == ("binary", "yes", ["no", "yes"])
    assert (facts["time"], facts["order"], facts["key"]) == (None, "rows", ["id"])
    assert facts["outcome"]["known"] == 89
    assert facts["says"] == "91 of 92 rows accepted, 1 in quarantine; bought is yes in 33.7% of rows"
    summary = Profile.from_json(json.loads(Blobs(room.workspace.lake).get(facts["profile"])))
    assert summary.rows == 89
    assert summary.columns["bought"].values() == {"no": 59, "yes": 30}


def test_the_batch_entry_says_what_became_of_its_records(room):
    room.write("visits.csv", visits(1, 60, {7: "7,x,no"}))
    room.contract = {"pages": {"type": "integer", "max": 6, "severity": "warn"}}
    room.run()
    (entry,) = room.workspace.ledger.read(kinds=("batch",))
    told = {name: entry.body[name] for name in ("table", "source", "file", "read", "accepted", "quarantined", "reasons", "warnings")}
    assert told == {
        "table": "visits", "source": "visits", "file": "visits.csv", "read": 60, "accepted": 59, "quarantined": 1,
        "reasons": {"pages is not a whole number": 1}, "warnings": {"pages is above 6": 11}}  # fmt: skip
    assert entry.body["version"] == room.tables.version("visits").version
    assert (entry.subject, entry.key) == ("visits", room.rows()["__batch"][0])


def test_a_time_makes_the_order_and_is_never_null(room):
    room.sources["visits"] |= {"time": "at"}
    room.write(
        "visits.csv",
        "id,at,pages,bought\n" + "".join(f"{number},2024-01-{1 + number % 28:02},1,{'yes' if number % 3 else 'no'}\n" for number in range(60)) + "99,,1,no\n",
    )
    facts = room.run()
    assert (facts["time"], facts["order"], facts["reasons"]) == ("at", "time", {"at is missing": 1})
    assert facts["newest"] == {"visits": "2024-01-28T00:00:00+00:00"}


@pytest.mark.parametrize(
    ("charter", "says"),
    [({"predict": "bougth"}, "did you mean 'bought'"), ({"predict": "bought", "worth": {"act_right": "pgaes"}}, "did you mean 'pages'")],
)
def test_a_charter_that_does_not_suit_the_table_stops_and_once_mended_goes_on(room, charter, says):
    room.write("visits.csv", visits(1, 60))
    room.charter = CharterSpec.model_validate(charter)
    with pytest.raises(Mistake, match=says):
        room.run()
    room.charter = CharterSpec(predict="bought")
    assert room.run()["accepted"] == 60
