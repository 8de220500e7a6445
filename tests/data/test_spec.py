import pytest
from pydantic import ValidationError

from loopline.data.spec import DataSpec
from loopline.errors import Mistake


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"sources": {"quarantine": {"path": "x"}}}, "Loopline's own"),
        ({"sources": {"a b": {"path": "x"}}}, "cannot be a table's name"),
        ({"sources": {"a": {"path": "x", "mode": "upsert"}}}, "say key"),
        ({"sources": {"a": {"path": "x"}}, "contract": {"c": {"min": 3, "max": 1}}}, "swap them"),
        ({"sources": {"a": {"path": "x"}}, "contract": {"c": {"pattern": "("}}}, "not a regular expression"),
    ],
)
def test_a_declaration_that_cannot_hold_is_refused(data, says):
    with pytest.raises(ValidationError, match=says):
        DataSpec.model_validate(data)


def test_the_first_source_is_the_table_that_is_learned_from():
    assert DataSpec.model_validate({"sources": {"b": {"path": "x", "key": "id"}, "a": {"path": "y"}}}).main == "b"


def test_there_may_be_no_source_yet_and_what_needs_one_says_what_to_add():
    data = DataSpec.model_validate({"sources": {}, "contract": {"age": {"min": 18}}})
    assert (data.made_in_order(), data.made_early()) == ((), {})
    with pytest.raises(Mistake, match="there are no data yet.*sources: {customers: {path: customers.csv}}"):
        _ = data.main
