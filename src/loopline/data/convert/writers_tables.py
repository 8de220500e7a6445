"""Frames written as tables: of SQLite and PostgreSQL, in one transaction each, and Delta tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
from arro3.core import RecordBatchReader
from deltalake import DeltaTable, write_deltalake

from loopline.data.sources.querying import parts
from loopline.errors import Fault, LooplineError, Mistake
from loopline.lake.columns import storable
from loopline.lake.faults import explain

Frames = Callable[[], Iterator[pl.DataFrame]]
_FILE_BYTES = 64 << 20


def sqlite(frames: Frames, schema: Mapping[str, pl.DataType], path: Path, table: str, *, force: bool, where: str) -> None:
    """Write a table of an SQLite database, which is made where it is not there; its other tables stay as they are.

    Raises
    ------
    Mistake
        When the table is there and is not to be replaced, or the file is no database.
    """
    name = _quoted(table)
    columns = ", ".join(f"{_quoted(column)} {_sqlite_type(dtype)}" for column, dtype in schema.items())
    try:
        # Polars may ask for the rows from another thread.
        connection = sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)
        try:
            connection.execute("BEGIN IMMEDIATE")
            there = connection.execute("SELECT 1 FROM sqlite_master WHERE type IN ('table', 'view') AND lower(name) = lower(?)", (table,)).fetchone()
            if there and not force:
                raise Mistake(f"there is a table {table!r} already", where=where, remedy="overwrite it with --force, or name another with --into")
            connection.execute(f"DROP TABLE IF EXISTS {name}")
            connection.execute(f"CREATE TABLE {name} ({columns})")
            holes = ", ".join("?" * len(schema))
            for frame in frames():
                connection.executemany(f"INSERT INTO {name} VALUES ({holes})", _sqlite_rows(frame))
            connection.execute("COMMIT")
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise _sqlite_explained(error, where) from None


def _sqlite_explained(error: sqlite3.DatabaseError, where: str) -> LooplineError:
    said = str(error)
    if "not a database" in said or "malformed" in said:
        return Mistake("this is no SQLite database", where=where, remedy="name another file")
    if "too many" in said or "duplicate column" in said:
        return Mistake(f"SQLite does not take the columns: {said}", where=where, remedy="rename them, or write Parquet")
    if "locked" in said:
        return Fault("another process writes to the database", where=where, remedy="run the command again", retry=True)
    return Fault(f"the database cannot be written ({said})", where=where, remedy="check the free space and the permissions")


def _sqlite_rows(frame: pl.DataFrame) -> Iterator[tuple[Any, ...]]:
    wide = any(dtype in (pl.UInt64(), pl.Int128(), pl.UInt128()) for dtype in frame.dtypes)
    rows = frame.iter_rows()
    return (tuple(str(cell) if type(cell) is int and not -(2**63) <= cell < 2**63 else cell for cell in row) for row in rows) if wide else rows


def _sqlite_type(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.Datetime):
        return "TIMESTAMPTZ" if dtype.time_zone else "DATETIME"
    if dtype in (pl.UInt64(), pl.Int128(), pl.UInt128()):
        # A declared number would make fractions of the greatest ones.
        return "BLOB"
    if dtype.is_integer():
        return "INTEGER"
    return "REAL" if dtype.is_float() else {pl.Boolean(): "BOOLEAN", pl.Date(): "DATE"}.get(dtype, "TEXT")


def postgres(frames: Frames, schema: Mapping[str, pl.DataType], url: str, table: str, *, force: bool, where: str) -> None:
    """Write a table of a PostgreSQL database, in one transaction.

    Raises
    ------
    Mistake
        When the table is there and is not to be replaced, or the credentials are wrong.
    """
    try:
        import psycopg  # noqa: PLC0415
        from psycopg import sql  # noqa: PLC0415
    except ModuleNotFoundError:
        raise Mistake("PostgreSQL needs an extra", where=where, remedy="pip install 'loopline[postgres]'") from None
    name = sql.Identifier(*parts(table))
    new = sql.Identifier(*parts(table)[:-1], f"{parts(table)[-1][:50]}_loopline")
    try:
        with psycopg.connect(url, connect_timeout=20, application_name="loopline") as connection:
            there = connection.execute("SELECT to_regclass(%s)", (name.as_string(connection),)).fetchone()
            if there and there[0] and not force:
                raise Mistake(f"there is a table {table!r} already", where=where, remedy="overwrite it with --force, or name another with --into")
            columns = [sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(_postgres_type(dtype))) for column, dtype in schema.items()]
            connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(new))
            connection.execute(sql.SQL("CREATE TABLE {} ({})").format(new, sql.SQL(", ").join(columns)))
            with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN (FORMAT csv)").format(new)) as copying:
                for frame in frames():
                    # In a single column a null would be an empty line, which is one all the same.
                    copying.write(frame.write_csv(include_header=False).encode("utf-8"))
            connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(name))
            connection.execute(sql.SQL("ALTER TABLE {} RENAME TO {}").format(new, sql.Identifier(parts(table)[-1])))
    except psycopg.Error as error:
        raise _postgres_explained(error, where) from None


def _postgres_explained(error: Any, where: str) -> LooplineError:
    said = " ".join(str(error.diag.message_primary or error).split())
    if "authentication failed" in said or "no password" in said:
        return Mistake("the database refused the user or the password", where=where, remedy="check both; a password is given as ${NAME}")
    if error.sqlstate is None or error.sqlstate.startswith(("08", "57")):
        what = "there is no such database" if "does not exist" in said else "the database went away, or does not answer"
        return Fault(what, where=where, remedy="nothing was written; check the address and that it runs", retry=True)
    return Mistake(f"the table cannot be written: {said}", where=where, remedy="check the table's name and the user's rights")


def _postgres_type(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.Datetime):
        return "timestamptz" if dtype.time_zone else "timestamp"
    if dtype.is_decimal():
        return f"numeric({dtype.precision}, {dtype.scale})"  # type: ignore[attr-defined]
    return _POSTGRES.get(dtype, "text")


_POSTGRES: Mapping[pl.DataType, str] = {
    pl.Boolean(): "boolean",
    **dict.fromkeys((pl.Int8(), pl.Int16(), pl.UInt8()), "smallint"),
    **dict.fromkeys((pl.Int32(), pl.UInt16()), "integer"),
    **dict.fromkeys((pl.Int64(), pl.UInt32()), "bigint"),
    **dict.fromkeys((pl.UInt64(), pl.Int128(), pl.UInt128()), "numeric"),
    pl.Float32(): "real",
    pl.Float64(): "double precision",
    pl.Date(): "date",
    pl.Time(): "time",
    pl.Binary(): "bytea",
}


def delta(frames: Frames, schema: Mapping[str, pl.DataType], place: str, *, force: bool, where: str) -> None:
    """Write a Delta table; one that is there gets a new version where it may be replaced.

    Raises
    ------
    Mistake
        When there is a table already and it is not to be replaced.
    """
    there = DeltaTable.is_deltatable(place)
    if there and not force:
        raise Mistake("there is a Delta table already", where=where, remedy="write a new version of it with --force")
    empty = storable(pl.DataFrame(schema=dict(schema)), where=where)
    caught: list[BaseException] = []

    def batches() -> Iterator[Any]:
        try:
            for frame in frames():
                yield from RecordBatchReader.from_arrow(storable(frame, where=where))
        except BaseException as error:
            caught.append(error)
            raise

    rows = RecordBatchReader.from_batches(RecordBatchReader.from_arrow(empty).schema, batches())
    try:
        write_deltalake(place, rows, mode="overwrite" if there else "error", schema_mode="overwrite" if there else None, target_file_size=_FILE_BYTES)
    # delta-rs raises bare exceptions of many kinds, and its text can print rows.
    except Exception as error:
        raise caught[0] if caught else explain(error, where) from None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
