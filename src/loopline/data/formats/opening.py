"""Opens a delivery, whatever it is written in: by what is declared, else by its content, and only then by its name's ending."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from loopline.data.formats.columnar import arrow, delta, parquet
from loopline.data.formats.delimited import Delimited
from loopline.data.formats.json_reading import json_document, json_lines
from loopline.data.formats.packed import is_packed, magic, unpacked
from loopline.data.formats.reading import Chunk, Reading, whole
from loopline.data.formats.spreadsheet import Spreadsheet
from loopline.data.spec import ColumnType, SourceSpec
from loopline.data.spec_source import Format
from loopline.errors import Mistake

ENDINGS: Mapping[str, Format] = {
    **dict.fromkeys((".csv", ".tsv", ".txt", ".psv", ".tab"), "csv"),
    **dict.fromkeys((".json", ".geojson"), "json"),
    **dict.fromkeys((".jsonl", ".ndjson", ".jsonlines"), "jsonl"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".arrow", ".arrows", ".ipc", ".feather"), "arrow"),
    **dict.fromkeys((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"), "excel"),
}
"""Which format a name's ending tells, after that of a packing is taken away."""
_SIGNS: Sequence[tuple[bytes, Format]] = (
    (b"PAR1", "parquet"),
    (b"ARROW1", "arrow"),
    (b"\xff\xff\xff\xff", "arrow"),
    (b"PK\x03\x04", "excel"),
    (b"\xd0\xcf\x11\xe0", "excel"),
)
_OTHERS = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"7z\xbc\xaf": "7-Zip", b"Rar!": "RAR", b"%PDF": "PDF", b"SQLite format 3": "an SQLite database"}
_JSON = re.compile(r"\s*(?:\{\s*(?:[\"}]|$)|\[\s*(?:[\[{\"\]\-0-9]|true|false|null|$))")
_HEAD = 1 << 20


def open_reading(path: Path, source: SourceSpec, *, where: str) -> Reading:
    """An opened delivery: a file, packed or not, or the folder of a Delta table.

    Parameters
    ----------
    source
        What is declared of it; what is not, is found out.
    where
        Its name, for what is said of it.

    Raises
    ------
    Mistake
        When it is empty, damaged, or nothing that can be read here.
    """
    if path.is_dir():
        if source.format not in (None, "delta") or not (path / "_delta_log").is_dir():
            raise Mistake("this is a folder, not a file", where=where, remedy="name a file in it; of a Delta table, the folder that holds _delta_log")
        return delta(str(path), where=where)
    with ExitStack() as stack:
        packed = is_packed(magic(path))
        plain = stack.enter_context(unpacked(path, where=where)) if packed else path
        if not plain.stat().st_size:
            raise Mistake("the file is empty", where=where, remedy="give a file with a header and rows, or take it away")
        reading = _OPENERS[source.format or format_of(plain, where=where)](plain, source, where)
        return _Held(reading, stack.pop_all()) if packed else reading


def read_bytes(content: bytes, source: SourceSpec, *, where: str) -> tuple[Chunk, Mapping[str, Any]]:
    """All records of a delivery whose bytes are at hand, and how it is written.

    Raises
    ------
    Mistake
        As `open_reading` does.
    """
    with tempfile.TemporaryDirectory(prefix="loopline-") as folder:
        path = Path(folder) / (Path(where).name or "delivery")
        path.write_bytes(content)
        reading = open_reading(path, source, where=where)
        try:
            return whole(reading), reading.about
        finally:
            reading.close()


def format_of(path: Path, *, where: str) -> Format:
    """How a file is written.

    Raises
    ------
    Mistake
        When it is of a kind that is not read here.
    """
    head = magic(path)
    ending = ENDINGS.get(path.suffix.lower())
    for sign, told in _SIGNS:
        if head.startswith(sign):
            return told
    for sign, other in _OTHERS.items():
        if head.startswith(sign):
            remedy = "read it by its address, sqlite:///FILE" if "SQLite" in other else "unpack it, or save it as CSV, JSON or Parquet"
            raise Mistake(f"this is {other}, which is not read as a file of rows", where=where, remedy=remedy)
    with path.open("rb") as file:
        text = _text(file.read(_HEAD))
    if _JSON.match(text):
        return ending if ending in ("json", "jsonl") else _json_kind(text)
    return "jsonl" if ending == "jsonl" else "json" if ending == "json" else "csv"


def _text(head: bytes) -> str:
    """The beginning of a text, well enough to tell JSON from CSV."""
    zeros = head[:64].count(0)
    encoding = ("utf-16-be" if head[:1] == b"\0" or head.startswith(b"\xfe\xff") else "utf-16-le") if zeros > len(head[:64]) // 4 else "utf-8"
    return head.decode(encoding, errors="replace").lstrip("\ufeff")


def _json_kind(text: str) -> Format:
    """Lines where the first one is an object by itself and another one follows; else one document."""
    first, _, rest = text.lstrip().partition("\n")
    try:
        alone = isinstance(msgspec.json.decode(first.encode("utf-8")), dict)
    except (msgspec.DecodeError, UnicodeError):
        alone = False
    return "jsonl" if alone and rest.strip() else "json"


class _Held:
    """A reading of a file that is taken away when it is closed."""

    def __init__(self, reading: Reading, stack: ExitStack) -> None:
        self._reading = reading
        self._stack = stack

    @property
    def columns(self) -> Mapping[str, pl.DataType]:
        """The columns of the reading."""
        return self._reading.columns

    @property
    def about(self) -> Mapping[str, Any]:
        """How it is written."""
        return {**self._reading.about, "packed": True}

    def chunks(self, *, typed: Mapping[str, ColumnType] | None = None, only: Sequence[str] | None = None) -> Iterator[Chunk]:
        """The records of the reading."""
        return self._reading.chunks(typed=typed, only=only)

    def close(self) -> None:
        """Close it, and take the file away."""
        try:
            self._reading.close()
        finally:
            self._stack.close()


def _excel(path: Path, source: SourceSpec, where: str) -> Reading:

    return Spreadsheet(path, source, where=where)


def _no_table(path: Path, source: SourceSpec, where: str) -> Reading:
    raise Mistake("this is a file, and a Delta table is a folder", where=where, remedy="name the folder that holds _delta_log")


_OPENERS: Mapping[Format, Callable[[Path, SourceSpec, str], Reading]] = {
    "csv": lambda path, source, where: Delimited(path, source, where=where),
    "json": lambda path, source, where: json_document(path, source, where=where),
    "jsonl": lambda path, source, where: json_lines(path, source, where=where),
    "parquet": lambda path, source, where: parquet(path, where=where),
    "arrow": lambda path, source, where: arrow(path, where=where),
    "excel": _excel,
    "delta": _no_table,
}
