import yaml
from hypothesis import given
from hypothesis import strategies as st

from loopline.data.proposals.written import block, column, comment, value, word
from loopline.data.spec import ColumnSpec

TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["yes", "No", "null", "1.5", "0x1f", "2024-01-01", "~", "- a", "a: b", "#", r"[A-Z]{2}\d{6}", "it's \\d", "1e5", ".5", "0o7", "=", "<<"]
)
PLAIN = TEXTS | st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)


@given(TEXTS)
def test_a_word_stays_the_text_it_is(text):
    assert yaml.safe_load(f"{{{word(text)}: [{word(text)}]}}") == {text: [text]}


@given(st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8))
def test_a_value_is_read_back(item):
    assert yaml.safe_load(f"a: {value(item)}") == {"a": item}


def test_a_column_stands_on_one_line():
    spec = ColumnSpec.model_validate({"type": "text", "length": "2..10", "values": ["a", "no"], "required": True, "severity": {"length": "warn"}})
    line = column("state of play", spec)
    assert line == 'state of play: {type: text, required: true, values: [a, "no"], length: 2..10, severity: {length: warn}}'
    assert ColumnSpec.model_validate(yaml.safe_load(line)["state of play"]) == spec


def test_comments_stand_in_one_column_and_hold_one_line():
    lines = block([("a: 1", "one"), ("bcd: 2", ""), ("ef: 3", "three")], indent=2)
    assert lines == ["  a: 1    # one", "  bcd: 2", "  ef: 3   # three"]
    assert comment("a\nb") == "a\\nb"
