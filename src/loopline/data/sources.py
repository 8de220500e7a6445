"""From a file to a batch: bytes to columns, and every record accounted for."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from loopline.data.encoding import as_utf8
from loopline.data.records import Ints, Records, canonical, sniff, split, walk
from loopline.data.spec import LINE, OWN, SourceSpec
from loopline.errors import Fault, Mistake

_GZIP, _ZSTD, _PARQUET, _ZIP, _OLD_EXCEL = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_HEAD_RECORDS = 1000


@dataclass(frozen=True)
class Refusal:
    """A record that could not be cut into columns."""

    line: int
    raw: str
    reasons: tuple[str, ...]


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
    text = as_utf8(data, encoding=source.encoding, where=where)
    separator = source.separator or sniff(text.data)
    records = split(text.data, separator)
    if not len(records):
        raise Mistake("the file holds nothing but blank lines", where=where, remedy="give a file with a header and rows")
    head = _head(records)
    if not records.regular or (records.spans & (records.width != records.width[head])).any():
        records = walk(text.data, separator, _usual_width(records))
        head = _head(records)
    names = _names(text.data, records, head, separator, where)
    if len(records) == head + 1:
        raise Mistake("the file has a header and no rows", where=where, remedy="give a file with rows, or take it away")
    reasons = _reasons(records, head, len(names), text.broken)
    good = np.ones(len(records), dtype=bool)
    good[[head, *reasons]] = False
    chosen = np.flatnonzero(good)
    if not len(chosen):
        raise _unlike(len(names), _usual_width(records), where)
    frame = _tokens(text.data, records, chosen, names, separator)

    def raw(places: Sequence[int] | Ints) -> list[str]:
        return [text.data[records.start[place] : records.end[place]].decode("utf-8", errors="replace") for place in places]

    refused = tuple(Refusal(int(records.line[place]), said, tuple(why)) for (place, why), said in zip(reasons.items(), raw(list(reasons)), strict=True))
    numbered = frame.with_columns(pl.Series(LINE, records.line[chosen]))
    return Batch(digest, numbered, refused, lambda places: raw(chosen[list(places)]), separator, text.encoding)


def _usual_width(records: Records) -> int:
    counts: Counter[int] = Counter(records.width[:_HEAD_RECORDS].tolist())
    return max(counts, key=lambda width: (counts[width], width))


def _head(records: Records) -> int:
    """The index of the header: titles above it, which have fewer fields than the rows, are passed over.

    One field less is let pass, for files that give their first column no name.
    """
    usual = _usual_width(records)
    return int(np.flatnonzero((records.width >= usual - 1) & (records.width > min(1, usual - 1)))[0])


def _names(data: bytes, records: Records, head: int, separator: str, where: str) -> list[str]:
    line = canonical(data, records, [head]).decode("utf-8", errors="replace")
    names = [" ".join(name.split()) for name in next(csv.reader(io.StringIO(line, newline=""), delimiter=separator))]
    names = [name or f"column_{index}" for index, name in enumerate(names, start=1)]
    if all(_is_number(name) for name in names) and head:
        raise _unlike(int(records.width[0]), len(names), where)
    if all(_is_number(name) for name in names) and len(records) > 1:
        raise Mistake("the first line holds numbers, not the columns' names", where=where, remedy="put a line with the names above the rows")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise Mistake(f"the header names {twice[0]!r} {names.count(twice[0])} times", where=where, remedy="give each column a name of its own")
    _refuse_own(names, where)
    return names


def _refuse_own(names: Sequence[str], where: str) -> None:
    for name in names:
        if name.startswith(OWN):
            raise Mistake(f"the column name {name!r} begins like Loopline's own columns", where=where, remedy=f"take the {OWN} away from its beginning")


def _unlike(names: int, fields: int, where: str) -> Mistake:
    return Mistake(f"the header has {names} names, and the rows have {fields} fields", where=where, remedy="mend the header, or say the separator")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _reasons(records: Records, head: int, width: int, broken: Sequence[int]) -> dict[int, list[str]]:
    """Why records cannot be cut into columns, by their index in ascending order."""
    found: dict[int, list[str]] = {place: ["it stands above the header"] for place in range(head)}
    for place in np.flatnonzero(records.width != width).tolist():
        if place > head and place not in records.problem:
            found.setdefault(place, []).append(f"{'too many' if records.width[place] > width else 'too few'} fields for the header")
    for place, problem in records.problem.items():
        found.setdefault(place, []).append(problem)
    for position in broken:
        place = int(np.searchsorted(records.start, position, side="right")) - 1
        why = found.setdefault(place, [])
        if "some bytes are not UTF-8" not in why:
            why.append("some bytes are not UTF-8")
    found.pop(head, None)
    return dict(sorted(found.items()))


def _tokens(data: bytes, records: Records, chosen: Ints, names: Sequence[str], separator: str) -> pl.DataFrame:
    """The chosen records as columns of texts.

    Polars cuts them, many at once; where it finds another number of records than we do (its rules differ from ours in odd
    corners), each record is cut on its own.
    """
    text = canonical(data, records, chosen.tolist())
    try:
        frame = pl.read_csv(text, has_header=False, new_columns=list(names), separator=separator, infer_schema=False)
    except pl.exceptions.PolarsError:
        frame = pl.DataFrame()
    if frame.shape == (len(chosen), len(names)):
        return frame
    rows = [next(csv.reader(io.StringIO(canonical(data, records, [place]).decode("utf-8"), newline=""), delimiter=separator)) for place in chosen]
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


def _parquet(data: bytes, digest: str, where: str) -> Batch:
    try:
        frame = pl.read_parquet(io.BytesIO(data))
    except (pl.exceptions.PolarsError, OSError):
        raise Mistake("the Parquet file is damaged", where=where, remedy="deliver it again") from None
    if not frame.width or not frame.height:
        raise Mistake("the file has no rows", where=where, remedy="give a file with rows, or take it away")
    _refuse_own(frame.columns, where)
    frame = frame.with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(LINE))

    def raw(places: Sequence[int]) -> list[str]:
        rows = frame.drop(LINE)[list(places)].iter_rows(named=True)
        return [json.dumps(row, ensure_ascii=False, default=str) for row in rows]

    return Batch(digest, frame, (), raw)
