import gzip
import hashlib
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.data.formats.opening import open_reading
from loopline.data.formats.reading import whole
from loopline.data.sources.delivery import identity
from loopline.data.spec import SourceSpec
from loopline.errors import Mistake

SOURCE = SourceSpec(path="f.csv")
# Zstandard's frame of the text "a,b\n1,2\n", which nothing that is installed writes.
ZSTD = bytes.fromhex("28b52ffd2008410000612c620a312c320a")


def batch(data, **declared):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f.csv"
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return read(path, SourceSpec(path="f.csv", **declared), where="f.csv")


def read(path, source=SOURCE, *, where):
    reading = open_reading(path, source, where=where)
    try:
        return whole(reading)
    finally:
        reading.close()


def rows(found):
    return [row[:-1] for row in found.frame.iter_rows()]


@pytest.mark.parametrize(
    "data",
    [
        "a,b\n1,2\n",
        "a;b\r\n1;2\r\n",
        "\ufeffa\tb\n1\t2",
        '"a","b"\n"1","2"\n',
        "a,b\r1,2\r",
        "\n\na,b\n\n1,2\n\n",
        gzip.compress(b"a,b\n1,2\n", mtime=0),
        ZSTD,
        "a|b\n1|2\n".encode("utf-16"),
    ],
)
def test_a_file_is_read_however_it_is_written(data):
    found = batch(data)
    assert (found.frame.columns, rows(found), found.read) == (["a", "b", "__line"], [("1", "2")], 1)


def test_a_batch_is_named_by_the_digest_of_its_bytes(tmp_path):
    (tmp_path / "f.csv").write_bytes(b"a,b\n1,2\n")
    assert identity(tmp_path / "f.csv") == hashlib.sha256(b"a,b\n1,2\n").hexdigest()


def test_refused_records_carry_line_raw_text_and_reason_and_all_are_counted():
    found = batch('report of May\n\na,b,c\n1,"two\nlines",3\n4,5\n6,7,8,9\n10,"x" y,12\n13,14,15\n16,"open,18\n')
    assert rows(found) == [("1", "two\nlines", "3"), ("13", "14", "15")]
    assert found.frame["__line"].to_list() == [4, 9]
    assert [(refusal.line, refusal.raw, refusal.reasons) for refusal in found.refused] == [
        (1, "report of May", ("it stands above the header",)),
        (6, "4,5", ("too few fields for the header",)),
        (7, "6,7,8,9", ("too many fields for the header",)),
        (8, '10,"x" y,12', ("text stands after a closing quote",)),
        (10, '16,"open,18', ("a quote is opened and never closed",)),
    ]
    assert found.read == 7
    assert found.raw([0]) == ['1,"two\nlines",3']


def test_damaged_bytes_refuse_their_own_row():
    found = batch("a,b\né,1\nü,2\n".encode() + b"x\xff\xfe,3\n" + "ö,4\n".encode())
    assert [row[1] for row in rows(found)] == ["1", "2", "4"]
    assert [(refusal.line, refusal.reasons) for refusal in found.refused] == [(4, ("some bytes are not UTF-8",))]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("a,b\n", "no rows"),
        ("\n \n".replace(" ", ""), "blank lines"),
        ("a,b,a\n1,2,3\n", "names 'a' 2 times"),
        ("1,2\n3,4\n", "put a line with the names"),
        ("a,b,__row\n1,2,3\n", "begins like Loopline"),
        ("a,b,c\n" + "1,2,3,4,5\n" * 3, "the rows have 5 fields"),
        (b"PK\x03\x04" + b"\0" * 50, "damaged"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "binary"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0)[:-6], "unpacked"),
        (gzip.compress(b"", mtime=0), "empty"),
        (b"PAR1 not really", "damaged"),
    ],
)
def test_what_is_no_table_is_one_line_with_a_remedy(data, says):
    with pytest.raises(Mistake) as caught:
        batch(data)
    assert says in str(caught.value)
    assert caught.value.remedy
    assert caught.value.where == "f.csv"


def test_a_missing_an_empty_and_a_folder_instead_of_a_file_are_named(tmp_path):
    (tmp_path / "empty.csv").touch()
    for name, says in (("none.csv", "no such file"), ("empty.csv", "empty"), (".", "folder")):
        with pytest.raises(Mistake, match=says):
            identity(tmp_path / name) if name != "empty.csv" else read(tmp_path / name, where=name)


def test_parquet_rows_keep_their_types_and_their_place(tmp_path):
    frame = pl.DataFrame({"x": [1.5, None], "word": ["a", "b"]})
    frame.write_parquet(tmp_path / "f.parquet")
    found = read(tmp_path / "f.parquet", where="f.parquet")
    assert found.frame.drop("__line").equals(frame)
    assert found.frame["__line"].to_list() == [1, 2]
    assert found.raw([1]) == ['{"x": null, "word": "b"}']


@given(st.lists(st.text(st.sampled_from('ab1,;"\n\r é'), max_size=8), min_size=2, max_size=30))
def test_any_text_is_accounted_for_line_by_line(lines):
    text = "h,i\n" + "\n".join(lines)
    try:
        found = batch(text)
    except Mistake:
        return
    told = sorted([*found.frame["__line"].to_list(), *(refusal.line for refusal in found.refused)])
    assert len(told) == len(set(told)) == found.read
    if found.frame.columns != ["h", "i", "__line"]:
        return
    kept = "".join([*found.raw(range(found.frame.height)), *(refusal.raw for refusal in found.refused)])
    assert sorted(kept.replace("\n", "").replace("\r", "")) == sorted(text.removeprefix("h,i").replace("\n", "").replace("\r", ""))


def test_three_hundred_thousand_rows_are_read_in_seconds(tmp_path):
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {f"n{index}": rng.normal(size=300_000).round(4) for index in range(6)} | {"word": rng.choice(["plain", 'with "quotes"', "a, b"], 300_000)}
    )
    frame.write_csv(tmp_path / "f.csv")
    since = time.perf_counter()
    found = read(tmp_path / "f.csv", where="f.csv")
    assert found.frame.height == 300_000
    assert found.frame["__line"][-1] == 300_001
    assert time.perf_counter() - since < 15


@pytest.mark.parametrize(
    ("name", "read_rows"),
    [
        ("utf-16le_encoded.csv", 327),
        ("spanish_chars.csv", 116),
        ("example.tsv", 140),
        ("excel_pasting.csv", 20),
        ("mixedGLB.csv", 136),
        ("long.csv", 3999),
        ("complex.csv", 3),
        ("weird_head_padding.csv", 85),
    ],
)
def test_real_files_that_break_parsers_are_read_and_every_record_is_counted(shared_data, name, read_rows):
    found = read(shared_data / "dirty" / "encodings" / name, where=name)
    assert found.read == read_rows == found.frame.height + len(found.refused)
