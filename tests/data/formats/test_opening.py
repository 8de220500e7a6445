"""A delivery is opened by what is declared, by its content, and only then by its name; typed columns come in chunks."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from backports import zstd

from loopline.data.formats import arrow_stream, columnar
from loopline.data.formats.columnar import arrow, parquet
from loopline.data.formats.opening import format_of, open_reading
from loopline.data.formats.reading import Reading
from loopline.data.spec import LINE, SourceSpec
from loopline.errors import Mistake

FRAME = pl.DataFrame({"id": range(1000), "s": [f"é{number % 7}" for number in range(1000)]})
ANY = SourceSpec(path="x")


def rows(reading: Reading) -> pl.DataFrame:
    try:
        return pl.concat([chunk.frame for chunk in reading.chunks()])
    finally:
        reading.close()


def stream(frame: pl.DataFrame, path: Path) -> None:
    table = frame.with_columns(pl.col("s").cast(pl.Categorical)).to_arrow()
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table, max_chunksize=64)


WRITE: dict[str, Callable[[pl.DataFrame, Path], object]] = {
    "csv": lambda frame, path: frame.write_csv(path),
    "jsonl": lambda frame, path: frame.write_ndjson(path),
    "json": lambda frame, path: path.write_text(f"[{','.join(frame.write_ndjson().splitlines())}]"),
    "parquet": lambda frame, path: frame.write_parquet(path),
    "arrow": lambda frame, path: frame.write_ipc(path),
    "stream": stream,
    "excel": lambda frame, path: frame.write_excel(path),
}


@pytest.mark.parametrize("kind", WRITE)
@pytest.mark.parametrize("pack", [None, gzip.compress, zstd.compress], ids=["plain", "gzip", "zstd"])
def test_the_content_tells_whatever_the_name(tmp_path: Path, kind: str, pack: Callable[[bytes], bytes] | None) -> None:
    plain, path = tmp_path / "plain.xlsx", tmp_path / "x.data"
    WRITE[kind](FRAME, plain)
    path.write_bytes(pack(plain.read_bytes()) if pack else plain.read_bytes())
    reading = open_reading(path, ANY, where="x")
    assert reading.about["format"] == ("arrow" if kind == "stream" else kind)
    frame = rows(reading)
    assert frame["id"].cast(pl.Int64).to_list() == FRAME["id"].to_list()
    assert frame["s"].cast(pl.String).to_list() == FRAME["s"].to_list()
    assert frame[LINE].is_sorted()
    assert frame[LINE].n_unique() == frame.height


def test_the_temporary_file_goes_when_it_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "x.jsonl.gz").write_bytes(gzip.compress(b'{"a": 1}\n'))
    reading = open_reading(tmp_path / "x.jsonl.gz", ANY, where="x")
    assert list((tmp_path / "tmp").rglob("*.jsonl"))
    reading.close()
    assert not list((tmp_path / "tmp").iterdir())
    (tmp_path / "y.gz").write_bytes(gzip.compress(b'{"__a": 1}\n'))
    with pytest.raises(Mistake):
        open_reading(tmp_path / "y.gz", ANY, where="x")
    assert not list((tmp_path / "tmp").iterdir())


@pytest.mark.parametrize(
    ("text", "name", "kind"),
    [
        ('{"a": 1}\n{"a": 2}\n', "x", "jsonl"),
        ('{"a": 1}', "x", "json"),
        ('{"a": 1}', "x.jsonl", "jsonl"),
        ('{"a":\n1}', "x", "json"),
        ('[{"a": 1}]', "x.csv", "json"),
        ("[id],name\n1,2\n", "x.csv", "csv"),
        ("{id},name\n1,2\n", "x", "csv"),
        ("a,b\n1,2\n", "x", "csv"),
        ("broken\n", "x.jsonl", "jsonl"),
        ("broken", "x.json", "json"),
        ("\ufeff  \n [ ]", "x", "json"),
    ],
)
def test_json_is_told_from_csv(tmp_path: Path, text: str, name: str, kind: str) -> None:
    for encoding in ("utf-8", "utf-16"):
        (tmp_path / name).write_bytes(text.encode(encoding))
        assert format_of(tmp_path / name, where="x") == kind


def test_what_is_declared_goes_first(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_text("[1],b\n2,3\n")
    reading = open_reading(tmp_path / "x.parquet", SourceSpec(path="x", format="csv"), where="x")
    assert list(reading.columns) == ["[1]", "b"]
    reading.close()
    with pytest.raises(Mistake, match="damaged"):
        open_reading(tmp_path / "x.parquet", SourceSpec(path="x", format="parquet"), where="x")


@pytest.mark.parametrize("sign", [b"BZh9", b"\xfd7zXZ\0", b"%PDF-1.7", b"SQLite format 3\0", b"Rar!"])
def test_other_kinds_are_named(tmp_path: Path, sign: bytes) -> None:
    (tmp_path / "x").write_bytes(sign + b"x" * 50)
    with pytest.raises(Mistake, match="this is "):
        open_reading(tmp_path / "x", ANY, where="x")


def test_nothing_and_nowhere_are_mistakes(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    for path, what in ((tmp_path / "x", "empty"), (tmp_path / "none", "no such file"), (tmp_path, "a folder")):
        with pytest.raises(Mistake, match=what):
            open_reading(path, ANY, where="x")


def test_a_delta_table_is_a_folder(tmp_path: Path) -> None:
    FRAME.write_delta(str(tmp_path / "t"))
    FRAME.write_delta(str(tmp_path / "t"), mode="append")
    reading = open_reading(tmp_path / "t", ANY, where="x")
    assert reading.about == {"format": "delta", "version": 1}
    assert rows(reading).height == 2000
    with pytest.raises(Mistake, match="no Delta table"):
        columnar.delta(str(tmp_path / "none"), where="x")


def test_typed_columns_come_in_chunks_with_their_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columnar, "CHUNK_ROWS", 300)
    FRAME.write_parquet(tmp_path / "x")
    reading = parquet(tmp_path / "x", where="x")
    chunks = list(reading.chunks(only=["s"]))
    assert [chunk.read for chunk in chunks] == [300, 300, 300, 100]
    assert chunks[1].frame.row(0) == ("é6", 301)
    assert list(reading.chunks())[1].raw([0, 1]) == ['{"id": 300, "s": "é6"}', '{"id": 301, "s": "é0"}']


@pytest.mark.parametrize("share", [0.05, 0.5, 0.97])
@pytest.mark.parametrize("kind", ["parquet", "arrow", "stream"])
def test_a_file_that_was_cut_is_damaged(tmp_path: Path, kind: str, share: float) -> None:
    WRITE[kind](FRAME, tmp_path / "x")
    data = (tmp_path / "x").read_bytes()
    (tmp_path / "x").write_bytes(data[: int(len(data) * share)])
    with pytest.raises(Mistake, match="damaged"):
        list((parquet if kind == "parquet" else arrow)(tmp_path / "x", where="x").chunks())


def test_a_stream_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow_stream, "_PART", 1)
    stream(FRAME, tmp_path / "x")
    assert len(list(arrow_stream.stream_frames(tmp_path / "x"))) == 16
    assert rows(arrow(tmp_path / "x", where="x"))["s"].cast(pl.String).to_list() == FRAME["s"].to_list()


@pytest.mark.parametrize("name", ["__a", " "])
def test_names_that_cannot_be_columns_are_mistakes(tmp_path: Path, name: str) -> None:
    pl.DataFrame({name: [1]}).write_parquet(tmp_path / "x")
    with pytest.raises(Mistake):
        parquet(tmp_path / "x", where="x")


def test_raw_text_of_any_type_is_json(tmp_path: Path) -> None:
    pl.DataFrame(
        {
            "b": [b"\xff"],
            "l": [[1, None]],
        },
        strict=False,
    ).with_columns(t=pl.date(2020, 1, 2)).write_parquet(tmp_path / "x")
    (chunk,) = parquet(tmp_path / "x", where="x").chunks()
    assert chunk.raw([0]) == ['{"b": "ff", "l": [1, null], "t": "2020-01-02"}']
