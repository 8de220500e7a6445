from loopline.charter.differing import differing
from loopline.charter.spec import CharterSpec

SAID = {"predict": "late", "volume": "900 per day", "worth": {"currency": "USD", "act_right": 140}, "acceptance": [{"id": "A1", "check": "precision >= 0.5"}]}


def differs(**said):
    found = differing(CharterSpec.model_validate(SAID), CharterSpec.model_validate({**SAID, **said}))
    return {one["field"]: (one["one"], one["other"]) for one in found}


def test_a_charter_says_nothing_otherwise_than_itself():
    assert differs() == {}


def test_a_range_differs_from_its_middle():
    assert differs(volume="700..1100 per day")["volume"] == ("900 per day", "700..1100 per day")
    assert differs(worth={"currency": "USD", "act_right": "130..145..150"}) == {"worth.act_right": ("140", "130..145..150")}


def test_each_field_goes_by_its_own_name():
    assert differs(study={"years": 5, "effort": {"build": "200..400 hours"}, "ready": "13w"}) == {
        "study.effort.build": (None, "200..400"),
        "study.ready": (None, "13w"),
        "study.years": (None, "5"),
    }
    assert differs(acceptance=[{"id": "A1", "check": "precision >= 0.6"}, {"id": "A2", "says": "Most", "check": "recall >= 0.5"}]) == {
        "acceptance.A1": ("precision >= 0.5", "precision >= 0.6"),
        "acceptance.A2": (None, "recall >= 0.5 (Most)"),
    }
    assert differs(stakeholders={"business": ["ann", "bob"]}, decided="2h before dep") == {
        "decided": (None, "2h before dep"),
        "stakeholders.business": (None, "ann, bob"),
    }
