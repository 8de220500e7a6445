import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from loopline.data.proposals.amend import drop, extend, has, put, rename
from loopline.errors import Mistake

FILE = """# the shop
project: shop   # its name

data:
  sources:
    visits: {path: "visits*.csv", key: [id, day]}   # two columns

  # what must hold
  contract:
    pages: {type: integer, max: 8}  # not more
    # the state of play
    state:
      type: category
      values:
        - new   # first
        - paid
      severity: warn
    "odd name": {}
    note: {
      type: text,   # free
      length: 2..10
    }
  # at the end
model: {search: {trials: 3}}
"""


def lines_of(one, other):
    """The lines that two texts do not share."""
    before, after = one.splitlines(), other.splitlines()
    return [line for line in before if line not in after], [line for line in after if line not in before]


def contract(*path):
    return ["data", "contract", *path]


@pytest.mark.parametrize(
    ("path", "value", "gone", "come"),
    [
        (contract("pages", "max"), 9, "    pages: {type: integer, max: 8}  # not more", "    pages: {type: integer, max: 9}  # not more"),
        (contract("pages", "min"), 0, "    pages: {type: integer, max: 8}  # not more", "    pages: {type: integer, max: 8, min: 0}  # not more"),
        (contract("odd name", "type"), "text", '    "odd name": {}', '    "odd name": {type: text}'),
        (contract("state", "required"), True, None, "      required: true"),
        (contract("state", "type"), "text", "      type: category", "      type: text"),
        (contract("new"), {"type": "date"}, None, "    new: {type: date}"),
        (["data", "sources", "visits", "separator"], ";", '    visits: {path: "visits*.csv", key: [id, day]}   # two columns', None),
        (["data", "sources", "visits", "key", 1], "date", '    visits: {path: "visits*.csv", key: [id, day]}   # two columns', None),
        (["watch", "window"], "1d", None, 'watch: {window: "1d"}'),
    ],
)
def test_a_field_is_set_and_every_other_line_stays(path, value, gone, come):
    after = put(FILE, path, value)
    less, more = lines_of(FILE, after)
    assert less == ([gone] if gone else [])
    assert come is None or more == [come]
    found = yaml.safe_load(after)
    for step in path:
        found = found[step]
    assert found == value


def test_a_block_gives_way_to_a_value_on_its_line_and_comments_after_it_stay():
    after = put(FILE, contract("state", "values"), ["new"])
    assert lines_of(FILE, after) == (["      values:", "        - new   # first", "        - paid"], ["      values: [new]"])


def test_lists_grow_in_their_own_style():
    assert lines_of(FILE, extend(FILE, contract("state", "values"), ["lost", "no"])) == ([], ["        - lost", '        - "no"'])
    assert "key: [id, day, hour]}   # two" in extend(FILE, ["data", "sources", "visits", "key"], ["hour"])
    assert "max: 8, values: [1, 2]}" in extend(FILE, contract("pages", "values"), [1, 2])


def test_a_field_gets_another_name_in_its_place():
    after = rename(FILE, contract("odd name"), "even name")
    assert lines_of(FILE, after) == (['    "odd name": {}'], ["    even name: {}"])


def test_a_field_goes_and_comments_stay():
    assert lines_of(FILE, drop(FILE, contract("pages"))) == (["    pages: {type: integer, max: 8}  # not more"], [])
    assert "pages: {max: 8}  # not more" in drop(FILE, contract("pages", "type"))
    assert "pages: {type: integer}  # not more" in drop(FILE, contract("pages", "max"))
    less, _ = lines_of(FILE, drop(FILE, contract("state")))
    assert "    # the state of play" not in less
    assert "model: {search: {}}" in drop(FILE, ["model", "search", "trials"])


def test_an_empty_part_and_a_missing_end_of_line_are_no_trouble():
    assert yaml.safe_load(put("data:\n  contract:\nmodel: {}\n", contract("a"), 1)) == {"data": {"contract": {"a": 1}}, "model": {}}
    assert yaml.safe_load(put("data:\n  a: 1", contract("a"), 1)) == {"data": {"a": 1, "contract": {"a": 1}}}
    assert yaml.safe_load(put("data:\n  a: |\n    text\n  # end\nb: 1\n", ["data", "c"], 2)) == {"data": {"a": "text\n", "c": 2}, "b": 1}
    assert extend("a:\n- 1\n- 2", ["a"], [3]) == "a:\n- 1\n- 2\n- 3\n"


def test_what_would_change_more_is_refused():
    shared = "a: &one {x: 1}\nb: *one\n"
    with pytest.raises(Mistake, match="by hand"):
        put(shared, ["b", "x"], 2)
    with pytest.raises(Mistake, match="by hand"):
        rename(FILE, contract("none"), "x")
    with pytest.raises(Mistake, match="by hand"):
        drop(FILE, contract("none"))


def test_what_is_there_can_be_asked():
    assert has(FILE, contract("state", "values", 1))
    assert not has(FILE, contract("state", "min"))


NAMES = st.sampled_from(["a", "b", "c d", "no", "1"])
TREES = st.recursive(st.integers(0, 9) | NAMES, lambda inner: st.dictionaries(NAMES, inner, max_size=3) | st.lists(inner, max_size=3), max_leaves=8)


@given(st.dictionaries(NAMES, TREES, min_size=1, max_size=3), NAMES, NAMES, TREES, st.booleans())
def test_whatever_the_file_what_was_meant_comes_out_or_nothing(tree, one, other, value, flow):
    text = yaml.safe_dump(tree, default_flow_style=flow, sort_keys=False)
    try:
        after = put(text, [one, other], value)
    except Mistake:
        return
    known = tree.get(one)
    assert yaml.safe_load(after) == {**tree, one: {**(known if isinstance(known, dict) else {}), other: value}}
