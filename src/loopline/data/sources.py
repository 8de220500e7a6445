"""From a file to a batch: bytes to columns, and every record accounted for."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tempfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from loopline.data.delimited import Delimited
from loopline.data.reading import Refusal, require_names, whole
from loopline.data.spec import LINE, SourceSpec
from loopline.errors import Fault, Mistake

_GZIP, _ZSTD, _PARQUET, _ZIP, _OLD_EXCEL = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True)
class Batch:
    """One delivery: the content of a file.

    Parameters
    ----------
    digest
        The SHA-256 of the file's bytes, in hexadecimal: the batch's identity.
    frame
        The records that have the right number of fields: texts of a CSV, typed values of a Parquet file, and their line.
    refused
        The other records.
    raw
        From places in `frame` to the records' own texts.
    separator, encoding
        How a CSV is written.
    """

    digest: str
    frame: pl.DataFrame
    refused: tuple[Refusal, ...]
    raw: Callable[[Sequence[int]], list[str]]
    separator: str | None = None
    encoding: str | None = None

    @property
    def read(self) -> int:
        """How many records the file has."""
        return self.frame.height + len(self.refused)


def load(path: Path, *, where: str = "") -> bytes:
    """The bytes of a file.

    Raises
    ------
    Mistake
        When there is no such file, it is a folder, or it is empty.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise Mistake("there is no such file", where=where or str(path), remedy="check the path") from None
    except IsADirectoryError:
        raise Mistake("this is a folder, not a file", where=where or str(path), remedy="name a file in it") from None
    except OSError as error:
        raise Fault(f"the file cannot be read ({error.strerror})", where=where or str(path), remedy="check its permissions") from None
    if not data:
        raise Mistake("the file is empty", where=where or str(path), remedy="give a file with a header and rows, or take it away")
    return data


def identity(data: bytes) -> str:
    """The digest that names a batch."""
    return hashlib.sha256(data).hexdigest()


def read(data: bytes, source: SourceSpec, *, where: str) -> Batch:
    """The batch in a file's bytes.

    Parameters
    ----------
    source
        What is declared of the file: its format, separator and encoding; what is not, is found out.
    where
        The file's name, for what is said of it.

    Raises
    ------
    Mistake
        When it is not a CSV or Parquet file, has no header or no rows, or names a column twice.
    """
    digest = identity(data)
    if source.format == "parquet" or (source.format is None and data.startswith(_PARQUET)):
        return _parquet(data, digest, where)
    return _csv(_unpacked(data, where), source, digest, where)


def _unpacked(data: bytes, where: str) -> bytes:
    if data.startswith((_ZIP, _OLD_EXCEL)):
        raise Mistake("this is a spreadsheet or an archive", where=where, remedy="save the sheet as CSV, or unpack the archive")
    try:
        if data.startswith(_GZIP):
            data = gzip.decompress(data)
        elif data.startswith(_ZSTD):
            data = "\n".join(pl.read_lines(io.BytesIO(data))["line"]).encode("utf-8")
    except (OSError, EOFError, zlib.error, pl.exceptions.PolarsError):
        raise Mistake("the file is damaged: it cannot be unpacked", where=where, remedy="deliver it again") from None
    if not data:
        raise Mistake("the file is empty", where=where, remedy="give a file with a header and rows")
    return data


def _csv(data: bytes, source: SourceSpec, digest: str, where: str) -> Batch:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        reading = Delimited(Path(file.name), source, where=where)
        chunk = whole(reading)
        reading.close()
    return Batch(digest, chunk.frame, chunk.refused, chunk.raw, reading.about["separator"], reading.about["encoding"])


def _parquet(data: bytes, digest: str, where: str) -> Batch:
    try:
        frame = pl.read_parquet(io.BytesIO(data))
    except (pl.exceptions.PolarsError, OSError):
        raise Mistake("the Parquet file is damaged", where=where, remedy="deliver it again") from None
    if not frame.width or not frame.height:
        raise Mistake("the file has no rows", where=where, remedy="give a file with rows, or take it away")
    require_names(frame.columns, where)
    frame = frame.with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(LINE))

    def raw(places: Sequence[int]) -> list[str]:
        rows = frame.drop(LINE)[list(places)].iter_rows(named=True)
        return [json.dumps(row, ensure_ascii=False, default=str) for row in rows]

    return Batch(digest, frame, (), raw)
