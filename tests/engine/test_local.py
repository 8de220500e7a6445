import pytest

from loopline.engine.local import LocalEngine, resolve
from loopline.engine.step import Step, source_digest


def double(number):
    return 2 * number


def step(**changed):
    said = {"stage": "data", "name": "ingest", "function": "m:f", "reads": {"a": 1}, "inputs": {"b": [1]}, "rooms": ("data",), **changed}
    return Step(**said)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_map_keeps_the_order(workers):
    assert list(LocalEngine(workers).map(abs, [-3, 1, -2])) == [3, 1, 2]


def test_a_function_is_found_by_name():
    assert resolve("loopline.engine.local:resolve") is resolve


@pytest.mark.parametrize("changed", [{"reads": {"a": 2}}, {"inputs": {"b": [2]}}, {"name": "other"}, {"stage": "model"}, {"rooms": ("model",)}])
def test_whatever_a_step_is_made_from_is_in_its_key(changed):
    assert step().key == step().key
    assert step(**changed).key != step().key


def test_the_order_of_fields_is_not_in_the_key():
    assert step(reads={"a": 1, "c": 2}).key == step(reads={"c": 2, "a": 1}).key


def test_a_room_is_a_folder_or_a_module():
    assert source_digest("declaration.py") != source_digest("expression")
