import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.data.formats.records import AFTER_QUOTE, UNCLOSED, canonical, sniff, split, walk

CELL = st.text(st.sampled_from('ab1 ,;"\n\r\té'), max_size=6)
ROWS = st.lists(st.lists(CELL, min_size=2, max_size=4), min_size=1, max_size=12)


def written(rows, newline="\n"):
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator=newline, quoting=csv.QUOTE_ALL).writerows(rows)
    return file.getvalue().encode()


def texts(data, records):
    return [data[start:end].decode() for start, end in zip(records.start, records.end, strict=True)]


def fields(data, records):
    lines = (canonical(data, records, [place]).decode() for place in range(len(records)))
    return [next(csv.reader(io.StringIO(line, newline=""))) for line in lines]


@given(ROWS, st.sampled_from(["\n", "\r\n", "\r"]))
def test_what_a_csv_writer_wrote_is_cut_into_the_same_records_on_the_same_lines(rows, newline):
    data = written(rows, newline)
    records = split(data, ",")
    assert records.regular
    assert fields(data, records) == rows
    assert records.width.tolist() == [len(row) for row in rows]
    line, expected = 1, []
    for text in texts(data, records):
        expected.append(line)
        line += 1 + len(text.replace("\r\n", "\n").replace("\r", "\n").split("\n")) - 1
    assert records.line.tolist() == expected


@given(ROWS)
def test_record_by_record_finds_what_all_at_once_finds(rows):
    data = written(rows)
    at_once, singly = split(data, ","), walk(data, ",", width=0)
    # A record over several lines whose width is not the expected one ends with its line: here none is expected.
    if not at_once.spans.any():
        assert texts(data, singly) == texts(data, at_once)
        assert singly.line.tolist() == at_once.line.tolist()
        assert singly.width.tolist() == at_once.width.tolist()


@given(st.binary(max_size=200).map(lambda data: bytes(b'ab,"\n\r'[byte % 6] for byte in data)))
def test_no_byte_that_means_something_is_lost_whatever_the_quotes(data):
    for records in (split(data, ","), walk(data, ",", 2)):
        kept = b"".join(data[start:end] for start, end in zip(records.start, records.end, strict=True))
        assert kept.replace(b"\n", b"").replace(b"\r", b"") == data.replace(b"\n", b"").replace(b"\r", b"")
        assert records.line.tolist() == sorted(records.line.tolist())


def test_one_stray_quote_costs_its_own_line_only():
    data = b'a,b\n1,"open\n2,x\n3,"y" z\n4,5" pipe\n5,"two\nlines"\n6,"not\n7,two"\n'
    records = walk(data, ",", 2)
    assert texts(data, records) == ["a,b", '1,"open', "2,x", '3,"y" z', '4,5" pipe', '5,"two\nlines"', '6,"not\n7,two"']
    assert records.line.tolist() == [1, 2, 3, 4, 5, 6, 8]
    assert records.problem == {1: AFTER_QUOTE, 3: AFTER_QUOTE}
    assert fields(data, records)[4] == ["4", '5" pipe']
    last = walk(b'a,b\n1,2\n3,"open\n4,5\n', ",", 2)
    assert last.problem == {2: UNCLOSED}
    assert last.line.tolist() == [1, 2, 3, 4]


def test_blank_lines_are_no_records_but_count_as_lines():
    records = split(b"a,b\n\n1,2\r\n\r\n3,4", ",")
    assert records.line.tolist() == [1, 3, 5]


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("a,b,c\n1,2,3\n", ","),
        ("a;b\n1,5;2\n3,5;4\n", ";"),
        ("a\tb\n1\t2, 3\n", "\t"),
        ("a|b|c\n1|2|3\n", "|"),
        ('name;note\nx;"a, b, c"\ny;"d, e"\n', ";"),
        ("one\n1\n2\n", ","),
        ("A title, with a comma\n\na;b;c\n1;2;3\n4;5;6\n", ";"),
    ],
)
def test_the_separator_that_cuts_lines_alike_is_found(text, separator):
    assert sniff(text.encode()) == separator
