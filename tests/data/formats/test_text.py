import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.data.formats.text import TextFile
from loopline.errors import Fault, Mistake


class Found:
    def __init__(self, data, encoding, broken):
        self.data, self.encoding, self.broken = data, encoding, broken


def as_utf8(data, *, encoding=None, where="f.csv"):
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        with TextFile(Path(file.name), encoding=encoding, where=where) as text:
            return Found(b"".join(piece for _, piece in text.pieces()), text.encoding, tuple(text.broken.tolist()))


TEXT = "name,city\nJosé,São Paulo\nAnn,Köln\n"


@pytest.mark.parametrize("written", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"])
def test_the_encoding_is_found_out(written):
    assert as_utf8(TEXT.encode(written)).data.decode() == TEXT


@pytest.mark.parametrize("written", ["cp437", "utf-16-be", "utf-8-sig"])
def test_a_declared_encoding_is_believed(written):
    assert as_utf8(TEXT.encode(written, errors="replace"), encoding=written).data.decode() == TEXT.encode(written, errors="replace").decode(written)


def test_a_damaged_byte_in_utf8_is_pointed_out_instead_of_reading_all_otherwise():
    data = TEXT.encode()
    damaged = data[:30] + b"\xff" + data[30:]
    found = as_utf8(damaged)
    assert (found.encoding, found.broken, found.data) == ("utf-8", (30,), damaged)


@pytest.mark.parametrize(
    ("data", "encoding"),
    [(b"\x00\x01\x02\x89PNG" * 50, None), (bytes(range(1, 32)) * 40, None), (b"\xff\xfe\x41", None), (b"abc", "utf-7000"), (b"\xff\xff", "ascii")],
)
def test_what_is_no_text_is_a_mistake_with_a_remedy(data, encoding):
    with pytest.raises(Mistake) as caught:
        as_utf8(data, encoding=encoding, where="f.csv")
    assert caught.value.remedy
    assert caught.value.where == "f.csv"


@given(st.binary(max_size=400))
def test_any_bytes_are_text_or_a_mistake(data):
    try:
        found = as_utf8(data)
    except Mistake:
        return
    if not found.broken:
        found.data.decode("utf-8")


def test_a_file_that_becomes_shorter_while_it_is_read_is_told_in_a_line(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"id,n\n" + b"1,2\n" * 10_000)
    with TextFile(path) as text:
        os.truncate(path, 10)
        assert text[0:10] == b"id,n\n1,2\n1"
        with pytest.raises(Fault, match="has become shorter while it was read") as told:
            text[5_000:6_000]
        assert told.value.retry
