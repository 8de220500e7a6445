"""Thousands of broken files through the whole intake: accepted, quarantined and merged records are those that were there, always."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.torture.rooms import Rooms, take

SHORT, LONG = 15, 3000
_CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]

CELL = st.one_of(
    st.sampled_from(
        [
            "",
            "1",
            "2",
            "7",
            "-3",
            "1.5",
            "1e3",
            "x",
            "NA",
            "2024-02-30",
            "2024-01-31",
            "é",
            "日本",
            '"',
            '""',
            '"a"',
            '"a,b"',
            '"a\nb"',
            '"a""b"',
            '"a',
            'a"',
            " 1 ",
        ]
    ),
    st.text(alphabet='a1,;"\t|\n\r\0é \x1a\u2028\ufeff', max_size=6),
)
END = st.sampled_from(["\n", "\n", "\n", "\r\n", "\r", "\n\n"])
SIZE = st.one_of(st.none(), st.integers(1, 200))
RULE = st.sampled_from(["refuse", "first", "latest", "none"])
TYPES = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from([{"type": "integer"}, {"type": "text", "required": True}, {"type": "number"}]),
        "n": st.sampled_from([{"type": "number", "min": 0}, {"type": "date"}, {"type": "boolean"}, {"type": "integer", "clean": "trim"}, {"unique": True}]),
        "t": st.sampled_from([{"type": "category", "values": ["x", "a"]}, {"pattern": "[a-z]+"}, {"type": "datetime"}, {"length": "..2", "required": True}]),
    },
)


@st.composite
def tables(draw):
    """A text of fields with a header that is mostly right, and rows that mostly are not."""
    separator = draw(st.sampled_from([",", ",", ";", "\t", "|"]))
    header = draw(st.one_of(st.just(["id", "n", "t"]), st.just(["id", "n", "t"]), st.lists(CELL, min_size=1, max_size=4)))
    rows = draw(st.lists(st.lists(CELL, min_size=0, max_size=5), max_size=25))
    good = [[str(number), "1", "x"] for number in range(draw(st.integers(0, 4)))]
    titles = draw(st.lists(st.sampled_from(["a title", "", '"quoted"', "one;two"]), max_size=2))
    lines = [*titles, *(separator.join(row) for row in [header, *good, *rows])]
    return "".join(line + draw(END) for line in lines)


@st.composite
def damaged(draw):
    """The bytes of a sound file in some encoding, after something happened to them."""
    count = draw(st.integers(1, 60))
    quoted = draw(st.booleans())
    rows = [f'{number},{number % 7},"{"é" * (number % 3)}w, {number}"' if quoted else f"{number},{number % 7},wé{number}" for number in range(count)]
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    content = bytearray(
        (end.join(["id,n,t", *rows]) + end).encode(draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])))
    )
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(content) - 1)) if content else 0
        match draw(st.sampled_from(["flip", "cut", "insert", "drop", "double"])):
            case "flip" if content:
                content[place] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del content[place:]
            case "insert":
                content[place:place] = draw(st.sampled_from([b'"', b"\0", b"\r", b"\n", b",", b"\xff", b'",', b',"', b"\xe9", b"\0\0"]))
            case "drop":
                del content[place : place + draw(st.integers(1, 9))]
            case "double":
                content[place:place] = content[place : place + 40]
    return bytes(content)


@pytest.fixture
def rooms(tmp_path_factory):
    made = Rooms(tmp_path_factory.mktemp)
    yield made
    made.close()


def enter(rooms, content, **said):
    """Take a delivery in, and note what became of it."""
    taken = take(rooms, content, **said)
    event("not taken" if taken.body is None else "taken, some refused" if taken.body["quarantined"] else "taken")


def _long(short=SHORT, long=LONG):
    return pytest.mark.parametrize("examples", [short, pytest.param(long, marks=[pytest.mark.torture, pytest.mark.timeout(3600)])])


@_long()
def test_broken_tables(rooms, examples):
    @settings(max_examples=examples, suppress_health_check=_CHECKS)
    @given(tables(), TYPES, RULE, SIZE, st.booleans())
    def check(text, contract, rule, size, keyed):
        said = {"key": "id", "duplicates": rule, "separator": ","} if keyed else {}
        enter(rooms, text.encode("utf-8"), name="a.csv", contract=contract, size=size, **said)

    check()


@_long()
def test_damaged_files(rooms, examples):
    @settings(max_examples=examples, suppress_health_check=_CHECKS)
    @given(damaged(), SIZE, st.sampled_from([{}, {"id": {"type": "integer"}, "n": {"max": 5}}]))
    def check(content, size, contract):
        enter(rooms, content, name="a.csv", contract=contract, size=size)

    check()


NAME = 'ab.:"\0\n\ud800 ,;=()/é_'
SCALAR = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.integers(-(2**70), 2**70), st.floats(), st.text(alphabet='a1"\\\n\0é:{}[],\ud800', max_size=6)
)
VALUE = st.recursive(
    SCALAR, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(alphabet='ab.:"', max_size=3), inner, max_size=3)), max_leaves=6
)
RECORD = st.one_of(
    st.fixed_dictionaries({"id": st.integers(0, 9), "n": SCALAR, "t": VALUE}),
    st.fixed_dictionaries({"id": st.integers(0, 9), "n": st.integers(0, 9), "t": st.text(alphabet="abc", max_size=3)}),
    st.dictionaries(st.sampled_from(["id", "n", "t", "u.v", "u", "", "__line"]), VALUE, max_size=4),
    VALUE,
)


@st.composite
def documents(draw):
    """JSON Lines or a document, whole or damaged, and what its name ends with."""
    records = [json.dumps(record, ensure_ascii=draw(st.booleans())) for record in draw(st.lists(RECORD, max_size=12))]
    records = [json.dumps({"id": number, "n": 1, "t": "x"}) for number in range(draw(st.integers(0, 3)))] + records
    kind = draw(st.sampled_from(["jsonl", "array", "features"]))
    if kind == "jsonl":
        text = draw(st.sampled_from(["\n", "\r\n", "\n\n"])).join(records)
    else:
        text = "[" + draw(st.sampled_from([",", ", \n"])).join(records) + "]"
        text = text if kind == "array" else '{"type": "x", "features": ' + text + ', "more": 1}'
    content = bytearray(text.encode("utf-8", errors="surrogatepass"))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(content) - 1)) if content else 0
        match draw(st.sampled_from(["none", "flip", "cut", "insert", "drop"])):
            case "flip" if content:
                content[place] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del content[place:]
            case "insert":
                content[place:place] = draw(st.sampled_from([b'"', b"\0", b"\n", b",", b"\xff", b"{", b"}", b"[", b"]", b":", b"\\", b"1e999", b"NaN"]))
            case "drop":
                del content[place : place + draw(st.integers(1, 9))]
    return bytes(content), "jsonl" if kind == "jsonl" else "json"


@_long()
def test_broken_json(rooms, examples):
    @settings(max_examples=examples, suppress_health_check=_CHECKS)
    @given(documents(), TYPES, RULE, SIZE, st.booleans())
    def check(document, contract, rule, size, keyed):
        content, ending = document
        enter(rooms, content, name=f"a.{ending}", contract=contract, size=size, **({"key": "id", "duplicates": rule} if keyed else {}))

    check()
