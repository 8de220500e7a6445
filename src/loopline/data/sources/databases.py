"""Databases by URL: what is new in a table or a query comes into a Parquet file, whole or not at all."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote
from uuid import uuid4

import polars as pl

from loopline.access.secrets import masked, resolve
from loopline.data.formats.reading import require_names
from loopline.data.formats.sinking import sink
from loopline.data.sources.mysql import Mysql
from loopline.data.sources.postgres import Postgres
from loopline.data.sources.querying import Question, Scalar, Session, Unfit
from loopline.data.sources.sqlite import Sqlite
from loopline.data.spec import SourceSpec
from loopline.engine.step import Progress
from loopline.errors import Mistake


@dataclass(frozen=True)
class Mark:
    """How far a database was read.

    Parameters
    ----------
    greatest
        The greatest value of the cursor that was seen.
    ties
        The digests of the rows that had it, and of those that had none. More such rows may come, and these are then passed over.
    """

    greatest: Scalar
    ties: tuple[str, ...] = ()

    def dump(self) -> bytes:
        """The mark as bytes, to be kept."""
        return json.dumps({"greatest": self.greatest, "ties": self.ties}, ensure_ascii=False).encode("utf-8")

    @classmethod
    def load(cls, data: bytes) -> Mark:
        """The mark in bytes that were kept."""
        kept = json.loads(data)
        return cls(kept["greatest"], tuple(kept["ties"]))


@dataclass(frozen=True)
class Pulled:
    """What a database gave.

    Parameters
    ----------
    path
        A Parquet file with the rows; it has columns also where there are none.
    rows
        How many they are.
    mark
        Where the next pull begins; None where the source has no cursor, or no row had one yet.
    digest
        The digest of the rows in their order, whatever file they stand in: the batch's identity.
    as_text
        Columns that are text because a value fits no other type: decimals with more digits than a number holds, dates before the year 1 or at infinity.
    """

    path: Path
    rows: int
    mark: Mark | None
    digest: str
    as_text: tuple[str, ...] = ()


def pull(source: SourceSpec, folder: Path, *, since: Mark | None = None, base: Path | None = None, progress: Progress, where: str) -> Pulled:
    """The rows of a database that are new, in a file in `folder`.

    All of them are of one moment. With a cursor, they are those beyond `since`: the database is asked for rows whose cursor is at least as great, or
    null, and those that were seen are passed over by their digests, so that a row which came late with the same value is not lost. Rows that
    come with a smaller value than was seen are not found: the cursor must grow with the time at which rows become visible.

    Parameters
    ----------
    since
        Where to begin: the mark of the last pull.
    base
        The folder where a relative path of an SQLite database begins.

    Raises
    ------
    Mistake
        When the table, a column, the query or the credentials are wrong.
    Fault
        When the database goes away; nothing is taken, and the next pull begins where this one did.
    """
    question = Question(source.table, source.query, source.cursor, source.key, since.greatest if since and source.cursor else None)
    session = opened(source.url or "", question, base=base, where=where)
    path = folder / f"{uuid4().hex}.parquet"
    try:
        require_names(list(session.schema(frozenset())), where)
        return _spooled(session, source.cursor, since, path, progress)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        session.close()


def opened(url: str, question: Question, *, base: Path | None = None, where: str) -> Session:
    """A database that was asked, its address with the secrets filled in.

    Raises
    ------
    Mistake
        When it cannot be asked.
    """
    plain = resolve(url, where=where)
    scheme, _, rest = plain.partition("://")
    kind, place = scheme.partition("+")[0].lower(), where or masked(url)
    if kind == "sqlite":
        return Sqlite((base or Path()) / unquote(rest.partition("?")[0]).removeprefix("/"), question, where=place)
    if kind in ("postgresql", "postgres"):
        return Postgres(f"postgresql://{rest}", question, where=place)
    if kind in ("mysql", "mariadb"):
        return Mysql(f"mysql://{rest}", question, where=place)
    raise Mistake(f"{kind} is no database that is read here", where=place, remedy="use sqlite://, postgresql://, mysql:// or mariadb://")


def _spooled(session: Session, cursor: str | None, since: Mark | None, path: Path, progress: Progress) -> Pulled:
    """The rows in a file; asked again with a column as text as long as one has a value that its type does not hold."""
    texts: frozenset[str] = frozenset()
    while True:
        try:
            return _attempt(session, _Flow(cursor, since if cursor else None, progress), texts, path)
        except Unfit as unfit:
            texts |= {unfit.column}


def _attempt(session: Session, flow: _Flow, texts: frozenset[str], path: Path) -> Pulled:
    schema = session.schema(texts)
    sink(lambda: flow.through(session.frames(texts)), schema, path)
    mark = flow.mark(session.greatest)
    digest = hashlib.sha256(json.dumps({name: str(dtype) for name, dtype in schema.items()}).encode() + flow.content.digest()).hexdigest()
    return Pulled(path, flow.rows, mark, digest, tuple(sorted(texts - {""})))


class _Flow:
    """What is found out of rows as they pass: how many are new, their digest, and which stand at the boundary of the next pull."""

    def __init__(self, cursor: str | None, since: Mark | None, progress: Progress) -> None:
        self.rows = 0
        self.content = hashlib.sha256()
        self._cursor = cursor
        self._since = since
        self._seen = Counter(since.ties if since else ())
        self._progress = progress
        self._first: object = None
        self._last: object = None
        self._tied: list[str] = []
        self._unknown: list[str] = []

    def mark(self, greatest: Scalar | None) -> Mark | None:
        """Where the next pull begins: with the digests of the rows that have the greatest value, or none."""
        if self._cursor is None or greatest is None:
            return self._since
        return Mark(greatest, tuple(sorted([*self._tied, *self._unknown])))

    def through(self, frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """The new rows among those that pass."""
        for frame in frames:
            fresh = frame if self._cursor is None else self._new(frame, frame[self._cursor])
            if fresh.height:
                self.content.update(fresh.write_csv(include_header=False, null_value="\\N", quote_style="non_numeric").encode("utf-8"))
                self.rows += fresh.height
                self._progress.at(self.rows, unit="rows")
                yield fresh

    def _new(self, frame: pl.DataFrame, values: pl.Series) -> pl.DataFrame:
        known = values.drop_nulls()
        if self._first is None and len(known):
            self._first = known[0]
        early = values.is_null() if self._first is None else values.is_null() | (values == self._first).fill_null(False)
        repeated = []
        for place, digest in zip(early.arg_true().to_list(), _digests(frame.filter(early)) if self._seen else [], strict=False):
            if self._seen[digest] > 0:
                self._seen[digest] -= 1
                repeated.append(place)
        self._unknown += _digests(frame.filter(values.is_null()))
        if len(known):
            last = known[-1]
            self._tied = [*(self._tied if last == self._last else []), *_digests(frame.filter((values == last).fill_null(False)))]
            self._last = last
        if not repeated:
            return frame
        keep = pl.Series([True]).new_from_index(0, frame.height).scatter(repeated, False)
        return frame.filter(keep)


def _digests(rows: pl.DataFrame) -> list[str]:
    """The digest of each row, by its values and not by the types in which they come, which may differ from pull to pull."""
    return [hashlib.sha256(json.dumps(list(map(_plain, row)), ensure_ascii=False).encode("utf-8")).hexdigest()[:16] for row in rows.iter_rows()]


def _plain(value: object) -> str | None:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return None if value is None else str(value)
