"""Every JSON record is read with all its digits and fields, or refused with its line and reason."""

from __future__ import annotations

import json
import math
import string
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.data.formats import json_document as documents
from loopline.data.formats import json_reading
from loopline.data.formats.json_document import Document, segments
from loopline.data.formats.json_reading import json_document, json_lines
from loopline.data.formats.reading import Refusal
from loopline.data.spec import LINE, SourceSpec
from loopline.errors import Mistake


def read(text: str | bytes, kind: str = "jsonl", **said: Any) -> tuple[pl.DataFrame, list[Refusal]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
        reading = (json_lines if kind == "jsonl" else json_document)(path, SourceSpec(path="x", **said), where="x")
        try:
            chunks = list(reading.chunks())
            again = list(reading.chunks())
            assert all(one.frame.equals(other.frame, null_equal=True) and one.refused == other.refused for one, other in zip(chunks, again, strict=True))
            frames = [chunk.frame for chunk in chunks]
            for chunk in chunks:
                assert len(chunk.raw(range(chunk.frame.height))) == chunk.frame.height
                assert dict(chunk.frame.drop(LINE).schema) == dict(reading.columns)
            return pl.concat(frames) if frames else pl.DataFrame(), [item for chunk in chunks for item in chunk.refused]
        finally:
            reading.close()


def test_nested_fields_become_columns_and_late_ones_are_not_lost() -> None:
    frame, refused = read(
        '{"id": 1, "p": {"mag": 1.5, "at": {"x": "a"}}, "c": [1, 2.5]}\n\n{"id": 2, "p": null, "c": null, "late": true}\n{"id": 3, "p": {}}\n'
    )
    assert not refused
    assert frame.rows(named=True) == [
        {"id": 1, "p.mag": 1.5, "p.at.x": "a", "c.0": 1.0, "c.1": 2.5, "p": None, "late": None, LINE: 1},
        {"id": 2, "p.mag": None, "p.at.x": None, "c.0": None, "c.1": None, "p": None, "late": True, LINE: 3},
        {"id": 3, "p.mag": None, "p.at.x": None, "c.0": None, "c.1": None, "p": "{}", "late": None, LINE: 4},
    ]


def test_lists_that_differ_stay_json() -> None:
    frame, _ = read('{"a": [1], "b": [1, "x"], "c": [1, 2]}\n{"a": [1, 2], "b": [1, "y"], "c": [{"k": 1.50}, 2]}')
    assert frame.drop(LINE).rows() == [("[1]", '[1,"x"]', "[1,2]"), ("[1,2]", '[1,"y"]', '[{"k":1.5},2]')]


def test_mixed_values_become_texts_as_they_were_written() -> None:
    values = ["1", "1.50", '"x"', "true", "1e5", "123456789012345678901234567890", "0.12345678901234567890", "null", "[1]", "NaN", "-0.0", "1e400"]
    frame, refused = read("\n".join(f'{{"a": {value}}}' for value in values))
    assert not refused
    assert frame["a"].to_list() == [None if value == "null" else value.strip('"') for value in values]


@pytest.mark.parametrize("value", ["9223372036854775808", "-9223372036854775809", "123456789012345678901234567890", "0.1234567890123456789", "1e999", "1e-999"])
def test_numbers_that_no_type_holds_keep_their_digits(value: str) -> None:
    frame, _ = read(f'{{"a": {value}}}\n{{"a": 1}}\n')
    assert frame["a"].to_list() == [value, "1"]


def test_great_integers_beside_fractions_are_not_rounded() -> None:
    assert read('{"a": 9007199254740993}\n{"a": 0.5}')[0]["a"].to_list() == ["9007199254740993", "0.5"]
    assert read('{"a": 9007199254740992}\n{"a": 0.5}')[0]["a"].to_list() == [9007199254740992.0, 0.5]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"a": ', "broken JSON"),
        ('{"a": 1,}', "broken JSON"),
        ("{'a': 1}", "broken JSON"),
        ('{"a": 1} x', "broken JSON"),
        ('{"a": 01}', "broken JSON"),
        ("nonsense", "broken JSON"),
        ('{"a": 1, "a": 2}', "names 'a' 2 times"),
        ('{"a": {"b": 1, "b": 1}}', "names 'b' 2 times"),
        ('{"a": [{"b": 1, "b": 1}]}', "names 'b' 2 times"),
        ('{"a" : 1, "a" : 2, "b\\":": 1}', "names 'a' 2 times"),
        ('{"a.b": 1, "a": {"b": 2}}', "both be the column 'a.b'"),
        ('{"": 1}', "no name"),
        ("[1]", "a list, not an object"),
        ("null", "null, not an object"),
        ("5", "a number, not an object"),
        ('"x"', "a text, not an object"),
        ('{"a": "\\ud800"}', "surrogate"),
        ('{"a": ' + "[" * 9_000 + "]" * 9_000 + "}", "nested too deeply"),
    ],
    ids=lambda value: value[:20],
)
def test_a_broken_line_is_refused_alone(line: str, why: str) -> None:
    frame, refused = read(f'{{"ok": 1}}\n{line}\n{{"ok": 2}}\n')
    assert frame["ok"].to_list() == [1, 2]
    (item,) = refused
    assert (item.line, item.raw) == (2, line.strip())
    assert why in item.reasons[0]


def test_bytes_that_are_no_text_are_refused() -> None:
    frame, refused = read(b'{"a": "\xff"}\n{"a": "b"}\r\n')
    assert frame["a"].to_list() == ["b"]
    assert refused[0].reasons == ("some bytes are not UTF-8",)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
@pytest.mark.parametrize("kind", ["jsonl", "json"])
def test_encodings_are_found(encoding: str, kind: str) -> None:
    assert read('{"a":"é🙂"}\n'.encode(encoding), kind)[0]["a"].to_list() == ["é🙂"]


def test_a_declared_encoding_is_believed_until_it_fails() -> None:
    assert read('{"a":"é"}'.encode("latin-1"), encoding="latin-1")[0]["a"].to_list() == ["é"]
    with pytest.raises(Mistake, match="no encoding"):
        read("{}", encoding="klingon")
    with pytest.raises(Mistake, match="not utf-16"):
        read(b"\xff\xfe{\0}\0x", "json")


@pytest.mark.parametrize(
    ("text", "records", "values"),
    [
        ('[{"a": 1}, {"a": 2}]', None, [1, 2]),
        (' [ {"a":1}\n,{"a":2} ] ', None, [1, 2]),
        ('{"a": 1}', None, [1]),
        ('{"a": 1}\n{"a":\n2}', None, [1, 2]),
        ('{"type": "F", "features": [{"a": 1}, {"a": 2}], "n": [5]}', None, [1, 2]),
        ('{"x": [{"a": 9}], "data": {"x": [{"a": 8}], "items": [{"a": 1, "items": [{"a": 7}]}]}}', "data.items[*]", [1]),
        ('{"g": [{"i": [{"a": 1}]}, {"j": 1}, {"i": [{"a": 2}]}]}', "g[*].i[*]", [1, 2]),
        ('[[{"a": 1}], [{"a": 2}]]', "[*][*]", [1, 2]),
        ('{"one": {"a": 1}, "two": {"a": 2}}', "two", [2]),
        ('{"ke\\u0079": [{"a": 1}]}', "key[*]", [1]),
        ('[{"a": 1, "s": "\\\\\\"]}{["}, {"a": 2, "s": "\\\\"}]', None, [1, 2]),
    ],
)
def test_records_are_found_where_they_stand(text: str, records: str | None, values: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    for block in (1, 2, 3, 1 << 20):
        monkeypatch.setattr(documents, "BLOCK", block)
        frame, refused = read(text, "json", records=records)
        assert frame["a"].to_list() == values
        assert frame[LINE].to_list() == list(range(1, len(values) + 1))
        assert not refused


@pytest.mark.parametrize(
    ("text", "values", "why"),
    [
        ('[{"a": 1}, {"a": 2', [1], "ends before"),
        ('[{"a": 1},', [1], "ends before"),
        ('[{"a": 1}', [1], "ends before"),
        ('[{"a": 1}, {"a": "x}]', [1], "ends before"),
        ('[{"a": 1}}, {"a": 2}]', [1], "closes nothing"),
        ('[{"a": 1}] x', [1], "after the document"),
        ('[{"a": 1} x, {"a": 2}]', [1, 2], "between the records"),
        ('[{"a": 1}, tru, {"a": 2}]', [1, 2], "broken JSON"),
        ('[{"a": 1}, 5, {"a": 2}]', [1, 2], "a number, not an object"),
        ('[{"a": 1}, {"a" 5}, {"a": 2}]', [1, 2], "broken JSON"),
        ('{"f": [{"a": 1}], "x": ', [1], "ends before"),
    ],
)
def test_of_a_broken_document_what_is_whole_is_read(text: str, values: list[int], why: str) -> None:
    frame, refused = read(text, "json", records="f[*]" if text.startswith("{") else None)
    assert frame["a"].to_list() == values
    assert len(refused) == 1
    assert why in refused[0].reasons[0]


def test_a_long_rest_is_cut_where_it_is_kept() -> None:
    _, refused = read('[{"a": 1}, {"a": "' + "x" * (2 << 20), "json")
    assert refused[0].raw.endswith("more bytes)")
    assert len(refused[0].raw) < (1 << 20) + 100


@pytest.mark.parametrize(
    ("text", "kind", "said", "what"),
    [
        ("nonsense\n", "jsonl", {}, "not one record can be read; line 1"),
        ("123", "json", {}, "not one record can be read"),
        ('{"__a": 1}', "jsonl", {}, "begins like"),
        ('{"x": 1}', "json", {"records": "data[*]"}, "the document has x"),
        ('{"x": {"y": 1}}', "json", {"records": "x[*]"}, "no records at"),
        ("{}", "json", {"records": "a[0]"}, "no path"),
        ("{}", "json", {"records": "a..b"}, "no path"),
        ("\n".join(json.dumps({f"k{n}": 1}) for n in range(10_001)), "jsonl", {}, "10,000 different fields"),
    ],
)
def test_what_cannot_be_read_at_all_is_a_mistake(text: str, kind: str, said: dict[str, Any], what: str) -> None:
    with pytest.raises(Mistake) as told:
        read(text, kind, **said)
    assert what in str(told.value)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(string.ascii_lowercase, min_size=1, max_size=2), inner, max_size=3),
    max_leaves=6,
)
RECORDS = st.lists(
    st.dictionaries(st.text(string.ascii_letters + 'é_" ', min_size=1, max_size=3).filter(lambda name: name[:2] != "__" and name.strip()), VALUES, max_size=4),
    max_size=6,
)


def flattened(record: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, dict) and value:
            flat |= flattened(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def agree(cell: Any, value: Any) -> bool:
    if isinstance(cell, str) and not isinstance(value, str):
        return bool(json.loads(cell) == value)
    return bool(cell == value or (isinstance(value, float) and math.isclose(cell, value, rel_tol=0)))


@settings(max_examples=50, deadline=None)
@given(records=RECORDS, spaced=st.booleans(), kind=st.sampled_from(["jsonl", "json"]), block=st.integers(1, 200))
def test_any_records_come_back(records: list[dict[str, Any]], spaced: bool, kind: str, block: int) -> None:
    separators = (" ,", " : ") if spaced else (",", ":")
    texts = [json.dumps(record, separators=separators, ensure_ascii=spaced) for record in records]
    text = "\n".join(texts) if kind == "jsonl" else f"[{','.join(texts)}]"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_reading, "BLOCK", block)
        patch.setattr(documents, "BLOCK", block)
        try:
            frame, refused = read(text, kind)
        except Mistake:
            assert not any(map(any, records)) or kind == "json"
            return
    assert not refused
    assert frame.height == len(records)
    for row, record in zip(frame.rows(named=True), records, strict=True):
        for name, value in flattened(record).items():
            if isinstance(value, list) and f"{name}.0" in row and name not in row:
                assert [row[f"{name}.{place}"] for place in range(len(value))] == value
            elif value is None:
                assert row.get(name) is None
            else:
                assert agree(row[name], value), (name, row, record)


@settings(max_examples=150, deadline=None)
@given(
    pieces=st.lists(
        st.sampled_from(
            ['{"a": 1}', "{", "}", "[", "]", ",", '"', "\\", ":", "\n", " ", '{"a": "x"}', "null", '{"b": [1, {"c": 2}]}', '"a"', "tru", "\x01", "é"]
        ),
        max_size=14,
    ),
    kind=st.sampled_from(["jsonl", "json"]),
)
def test_any_broken_text_is_accounted_for(pieces: list[str], kind: str) -> None:
    """Accepted and refused records are all that is there: of lines, each that is not blank; of a document, each byte that is no sign between records."""
    text = "".join(pieces)
    if not text:
        return
    try:
        frame, refused = read(text, kind)
    except Mistake as error:
        assert "\n" not in str(error)
        return
    if kind == "jsonl":
        lines = [number for number, line in enumerate(text.split("\n"), start=1) if line.encode() and not line.encode().isspace()]
        assert sorted([*frame[LINE].to_list(), *(item.line for item in refused)]) == lines
    else:
        places = sorted([*(frame[LINE].to_list() if frame.width else []), *(item.line for item in refused)])
        assert places == list(range(1, len(places) + 1))


def test_spans_cover_each_record_of_a_document_once() -> None:
    text = json.dumps({"features": [{"a": number, "s": "]}" * (number % 3)} for number in range(500)]}).encode()
    spans = list(Document(text, 0, segments("features[*]", where="")).spans())
    assert [json.loads(text[span.start : span.end])["a"] for span in spans] == list(range(500))


def test_only_some_columns_are_made_where_only_those_are_wanted(tmp_path: Path) -> None:
    (tmp_path / "x").write_text('{"a": 1, "b": 2}\n{"a": 3, "b": "x"}\n5\n')
    reading = json_lines(tmp_path / "x", SourceSpec(path="x"), where="x")
    (chunk,) = reading.chunks(only=["b"])
    assert chunk.frame.rows() == [("2", 1), ("x", 2)]
    assert len(chunk.refused) == 1


def test_plain_records_are_read_at_once_and_alike(tmp_path: Path) -> None:
    records = [{"i": number - 2**62, "f": number / 7, "b": number % 2 == 0, "s": f'"é\\{number}\u2028'} for number in range(1000)]
    (tmp_path / "x").write_text("\n".join(map(json.dumps, records)))
    reading = json_lines(tmp_path / "x", SourceSpec(path="x"), where="x")
    (chunk,) = reading.chunks()
    assert reading._columns.plain
    assert chunk.frame.drop(LINE).rows(named=True) == records


@pytest.mark.parametrize(("text", "what"), [("{}\n{}\n", "no record has a field"), ('{"a\\u0000b": 1}\n', r"the column name 'a\\x00b' has a NUL character")])
def test_records_that_make_no_columns_are_a_mistake(text: str, what: str) -> None:
    with pytest.raises(Mistake, match=what):
        read(text)
