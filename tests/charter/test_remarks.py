import pytest

from loopline.charter.remarks import remarks
from loopline.charter.spec import CharterSpec
from loopline.charter.worth import Worth

PRICED = {"currency": "USD", "act_right": 140, "act_wrong": -60}
STATED = {"happens": "20%..30%", "expects": {"precision": "40%..60%", "recall": 0.3}}


def said(worth=PRICED, study=STATED, acceptance=()):
    charter = CharterSpec.model_validate({"predict": "late", "worth": worth, "study": study, "acceptance": acceptance})
    return remarks(charter, Worth.of(charter.worth, "binary"))


def test_nothing_stands_out_where_all_is_as_it_should_be():
    assert said(acceptance=[{"id": "A1", "check": "precision >= 0.5"}]) == []
    assert said(worth={}) == []


@pytest.mark.parametrize(
    ("charter", "words"),
    [
        ({"worth": {**PRICED, "act_wrong": 60}}, "is a minus missing in charter.worth.act_wrong"),
        ({"worth": {"currency": "USD", "act_right": 140}}, "counts as nothing: say charter.worth.act_wrong"),
        ({"worth": {**PRICED, "miss": 50}}, "is a minus missing in charter.worth.miss"),
        ({"study": {**STATED, "expects": {"precision": "5%..10%", "recall": 0.3}}}, "worse than chance"),
        ({"acceptance": [{"id": "A1", "check": "precision >= 0.9"}]}, "A1 asks for precision >= 0.9, and the model is expected to reach 0.6 at most"),
    ],
)
def test_what_may_not_be_meant_is_said_with_its_field(charter, words):
    assert any(words in remark for remark in said(**charter))
