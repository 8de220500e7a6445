"""Versioned tables on Delta Lake: append, upsert, delete, update, read at a version or a time, history, restore."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import polars as pl
from arro3.core import RecordBatchReader
from deltalake import CommitProperties, DeltaTable, Schema, write_deltalake

from loopline.errors import LooplineError, Mistake
from loopline.lake import objects
from loopline.lake.columns import storable
from loopline.lake.faults import explain, lost_race
from loopline.lake.files import settle
from loopline.lake.merging import amended, commit_of, removed, upserted
from loopline.lake.place import Lake
from loopline.lake.staging import Staging
from loopline.lake.versions import Change, Commit, TableVersion

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127}")
PATIENCE_S = 120.0
"""How long a write that loses races is tried again."""

_FIRST_WAIT_S = 0.02
_KEEP = {"delta.enableExpiredLogCleanup": "false"}
"""Old versions are what lineage and audits point to: the log is never shortened."""


class Tables:
    """The tables of a lake.

    Every write is one commit: all of it or nothing. A write that loses a race against another is tried again where that is safe. A write
    that names its `batch` is done once, however often it is asked for: the name is kept in the table's own log.
    """

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self._options = dict(lake.options)

    def names(self) -> list[str]:
        """The names of the tables, sorted."""
        with objects.told(self.lake):
            names = objects.folders(self.lake, self.lake.tables)
        return [name for name in names if _NAME.fullmatch(name) and self.exists(name)]

    def exists(self, name: str) -> bool:
        """Whether there is such a table."""
        return bool(self._told(name, lambda: DeltaTable.is_deltatable(self._uri(name), self._options)))

    def version(self, name: str) -> TableVersion:
        """The table's newest version.

        Raises
        ------
        Mistake
            Where there is no such table.
        """
        table = self._open(name)
        return TableVersion(name, str(table.metadata().id), table.version(), self._told(name, table.count))

    def read(self, name: str, *, version: int | None = None, at: datetime | None = None) -> pl.LazyFrame:
        """The rows of the newest version, of a given one, or of the one that held at a moment; the frame stays with that version.

        Rows come in no order: an upsert writes them anew from several threads.

        Raises
        ------
        Mistake
            Where there is no such table or version.
        """
        return pl.scan_delta(self._open(name, version=version, at=at))

    def in_order(self, name: str, version: int) -> pl.LazyFrame:
        """The rows of a version in an order that each reading has again.

        Raises
        ------
        Mistake
            Where there is no such table or version.
        """
        table = self._open(name, version=version)
        return self._scan(table, sorted(self._told(name, table.file_uris)))

    def only_grew(self, name: str, since: int, version: int) -> bool:
        """Whether each row of an earlier version is in a later one as it was: every file of the one is a file of the other, and files never change."""
        earlier, later = (self._open(name, version=at) for at in (since, version))
        return bool(self._told(name, lambda: set(earlier.file_uris()) <= set(later.file_uris())))

    def batch_version(self, name: str, batch: str) -> int | None:
        """The greatest version of the batch that is in the table, or None."""
        return self._told(name, lambda: self._open(name).transaction_version(batch)) if self.exists(name) else None

    def append(self, name: str, frame: pl.DataFrame, *, batch: str = "", batch_version: int = 1, merge_schema: bool = True) -> Commit:
        """Adds the rows; makes the table where there is none.

        Parameters
        ----------
        batch, batch_version
            What is delivered, and how far: nothing is added where the table has this batch at this version or a later one.
        merge_schema
            Whether columns that the table does not have are added to it; those that only the table has are null in the new rows.

        Raises
        ------
        Mistake
            Where a column does not fit the table's.
        """

        def once(table: DeltaTable) -> Commit:
            known = _schema(table)
            rows = storable(frame, known, where=f"table {name!r}")
            if not merge_schema:
                _require_known(name, rows.columns, known)
            merge: Literal["merge"] | None = None if rows.schema == known else "merge"
            write_deltalake(table, rows, mode="append", schema_mode=merge, commit_properties=commit_of(batch, batch_version))
            return Commit(table.version(), added=rows.height)

        return self._commit(name, once, frame, batch, batch_version)

    def replace(self, name: str, frame: pl.DataFrame, *, batch: str = "", batch_version: int = 1) -> Commit:
        """Puts the rows, with their columns, in the place of all that the table holds; makes the table where there is none."""

        def once(table: DeltaTable) -> Commit:
            before = table.count()
            rows = storable(frame, where=f"table {name!r}")
            write_deltalake(table, rows, mode="overwrite", schema_mode="overwrite", commit_properties=commit_of(batch, batch_version))
            return Commit(table.version(), added=rows.height, removed=before)

        return self._commit(name, once, frame, batch, batch_version)

    def stage(self, name: str, *, replaces: bool = False) -> Staging:
        """A place for rows that are written part by part and committed at once by `add_staged`; what replaces all rows need not fit the table's types."""
        return Staging(self.lake, name, None if replaces or not self.exists(name) else _schema(self._open(name)))

    def add_staged(self, name: str, staged: Staging, *, replace: bool = False, batch: str = "", batch_version: int = 1) -> Commit:
        """Adds the staged rows in one commit, or puts them in the place of all that the table holds; makes the table where there is none.

        Where the batch is in the table already, what was staged is discarded.
        """
        if staged.schema is None:
            raise Mistake("no row was staged", where=f"table {name!r}", remedy="stage an empty frame at least")
        done = self.batch_version(name, batch) if batch else None
        if done is not None and done >= batch_version:
            staged.discard()
            return Commit(self._open(name).version(), repeated=True)
        actions = staged.upload()

        def once(table: DeltaTable) -> Commit:
            assert staged.schema is not None
            known, before = _schema(table), table.count() if replace else 0
            new = [column for column in staged.schema if column not in known]
            if new and not replace:
                fields = Schema.from_arrow(_arrow_schema(staged.schema)).fields
                table.alter.add_columns([field for field in fields if field.name in new])
            if actions or replace:
                schema = _arrow_schema(staged.schema if replace else _schema(table))
                mode = "overwrite" if replace else "append"
                table.create_write_transaction(actions, mode, Schema.from_arrow(schema), commit_properties=commit_of(batch, batch_version))
                table.update_incremental()
            return Commit(table.version(), added=staged.rows, removed=before)

        return self._commit(name, once, pl.DataFrame(schema=staged.schema), batch, batch_version)

    def upsert_staged(self, name: str, staged: Staging, *, key: Sequence[str], batch: str = "", batch_version: int = 1) -> Commit:
        """Changes the rows whose key is in the table to the staged ones, and adds the others; each key is staged once, and none is null."""
        staged.flush()
        if staged.schema is None:
            raise Mistake("no row was staged", where=f"table {name!r}", remedy="stage an empty frame at least")

        def once(table: DeltaTable) -> Commit:
            return upserted(table, staged.reader(), key, commit_of(batch, batch_version))

        commit = self._commit(name, once, pl.DataFrame(schema=staged.schema), batch, batch_version)
        staged.discard()
        return commit

    def upsert(self, name: str, frame: pl.DataFrame, *, key: Sequence[str], batch: str = "", batch_version: int = 1) -> Commit:
        """Changes the rows whose key is in the table, and adds the others.

        Raises
        ------
        Mistake
            Where a key is missing, null or comes twice in the frame.
        """
        if not key:
            raise Mistake("rows are joined by a key, and none was given", where=name, remedy="name the key's columns")
        if missing := [column for column in key if column not in frame.columns]:
            raise Mistake(f"the key's column {missing[0]!r} is not in the rows", where=name, remedy=f"the columns are {', '.join(frame.columns)}")
        keys = frame.select(key)
        if keys.null_count().sum_horizontal().sum():
            raise Mistake("a key is empty in some rows", where=name, remedy="leave these rows out, or choose another key")
        if keys.is_duplicated().any():
            raise Mistake("a key comes more than once in the rows", where=name, remedy="keep one row per key, or choose another key")

        def once(table: DeltaTable) -> Commit:
            return upserted(table, storable(frame, _schema(table), where=f"table {name!r}"), key, commit_of(batch, batch_version))

        return self._commit(name, once, frame, batch, batch_version)

    def delete(self, name: str, where: str, *, batch: str = "", batch_version: int = 1) -> Commit:
        """Removes the rows that meet an SQL condition; earlier versions keep them."""

        def once(table: DeltaTable) -> Commit:
            metrics = table.delete(where, commit_properties=commit_of(batch, batch_version))
            return Commit(table.version(), removed=metrics.get("num_deleted_rows") or 0)

        return self._commit(name, once, batch=batch, batch_version=batch_version)

    def update(self, name: str, values: Mapping[str, str], where: str, *, batch: str = "", batch_version: int = 1) -> Commit:
        """Gives columns the values of SQL expressions in the rows that meet an SQL condition."""

        def once(table: DeltaTable) -> Commit:
            metrics = table.update(updates=dict(values), predicate=where, commit_properties=commit_of(batch, batch_version))
            return Commit(table.version(), changed=metrics["num_updated_rows"])

        return self._commit(name, once, batch=batch, batch_version=batch_version)

    def amend(self, name: str, frame: pl.DataFrame, *, on: Sequence[str], batch: str = "", batch_version: int = 1) -> Commit:
        """Gives rows the frame's values where they are equal in the columns `on`; other columns stay, and nothing is added."""

        def once(table: DeltaTable) -> Commit:
            known = _schema(table)
            _require_known(name, frame.columns, known)
            rows = storable(frame, known, where=f"table {name!r}")
            return amended(table, rows, on, commit_of(batch, batch_version))

        return self._commit(name, once, batch=batch, batch_version=batch_version)

    def remove(self, name: str, frame: pl.DataFrame, *, on: Sequence[str], batch: str = "", batch_version: int = 1) -> Commit:
        """Removes the rows that are equal to one of the frame's in the columns `on`; earlier versions keep them."""

        def once(table: DeltaTable) -> Commit:
            rows = storable(frame.select(on).unique(), _schema(table), where=f"table {name!r}")
            return removed(table, rows, on, commit_of(batch, batch_version))

        return self._commit(name, once, batch=batch, batch_version=batch_version)

    def mark(self, name: str, *, batch: str, batch_version: int = 1) -> Commit:
        """A new version with the same rows, by which the table remembers that something was done."""

        def once(table: DeltaTable) -> Commit:
            table.create_write_transaction([], mode="append", schema=table.schema(), commit_properties=commit_of(batch, batch_version))
            table.update_incremental()
            return Commit(table.version())

        return self._commit(name, once, batch=batch, batch_version=batch_version)

    def apart(self, name: str, one: int, other: int) -> tuple[pl.LazyFrame, pl.LazyFrame]:
        """The rows of two versions without those that lie in files of both: what differs is among them.

        Raises
        ------
        Mistake
            Where there is no such table or version.
        """
        tables = [self._open(name, version=version) for version in (one, other)]
        files = [dict.fromkeys(self._told(name, table.file_uris)) for table in tables]
        first, second = ([file for file in held if file not in other] for held, other in (files, files[::-1]))
        return self._scan(tables[0], first), self._scan(tables[1], second)

    def _scan(self, table: DeltaTable, files: list[str]) -> pl.LazyFrame:
        """The rows of some files of a table, with the table's columns."""
        schema = _schema(table)
        if not files:
            return pl.LazyFrame(schema=schema)
        return pl.scan_parquet(files, schema=schema, missing_columns="insert", extra_columns="ignore", storage_options=self._options or None)

    def history(self, name: str, limit: int | None = None) -> list[Change]:
        """What was done to the table, newest first; the newest so many where `limit` says so."""
        table = self._open(name)
        return [
            Change(step["version"], datetime.fromtimestamp(step["timestamp"] / 1000, UTC), step["operation"], step.get("operationMetrics") or {})
            for step in self._told(name, lambda: table.history(limit))
        ]

    def version_at(self, name: str, at: datetime) -> int:
        """The number of the version that held at a moment; a `Mistake` where there was none yet."""
        return self._open(name, at=at).version()

    def restore(self, name: str, *, version: int | None = None, at: datetime | None = None, batch: str = "", batch_version: int = 1) -> Commit:
        """Makes an earlier version the newest one again; nothing in between is lost.

        Raises
        ------
        Mistake
            Where there is no such version, or neither or both of `version` and `at` are given.
        """
        if (version is None) == (at is None):
            raise Mistake("a table is restored to a version or to a moment", where=name, remedy="give one of the two")
        target = self._open(name, version=version, at=at).version()

        def once(table: DeltaTable) -> Commit:
            if target != table.version():
                table.restore(target, commit_properties=commit_of(batch, batch_version))
            return Commit(table.version())

        return self._commit(name, once, batch=batch, batch_version=batch_version)

    def _uri(self, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise Mistake(f"{name!r} cannot be a table's name", remedy="use letters, digits, _ - and .")
        return self.lake.table(name)

    def _open(self, name: str, *, version: int | None = None, at: datetime | None = None) -> DeltaTable:
        """The table, at its newest version unless told otherwise."""
        if not self.exists(name):
            raise Mistake(f"there is no table {name!r}", remedy=f"the tables are {', '.join(self.names()) or 'none yet'}")
        table: DeltaTable = self._told(name, lambda: DeltaTable(self._uri(name), storage_options=self._options))
        newest = table.version()
        if at is not None:
            version = self._version_at(name, at)
        if version is None:
            return table
        if not 0 <= version <= newest:
            raise Mistake(f"table {name!r} has no version {version}", remedy=f"its versions are 0 to {newest}")
        self._told(name, lambda: table.load_as_version(version))
        return table

    def _version_at(self, name: str, at: datetime) -> int:
        """The version that held at a moment, by the commits' own times: delta-rs goes by those of files, which copying changes."""
        moment = at if at.tzinfo else at.replace(tzinfo=UTC)
        history = self.history(name)
        if not (held := [change.version for change in history if change.time <= moment]):
            raise Mistake(f"table {name!r} did not exist at {moment:%Y-%m-%d %H:%M:%S %Z}", remedy=f"it began at {history[-1].time:%Y-%m-%d %H:%M:%S} UTC")
        return max(held)

    def _made(self, name: str, frame: pl.DataFrame) -> DeltaTable:
        """The table; made without rows where there is none.

        A writer that finds its table made by another meanwhile is rebased by delta-rs without a look at the other's batch, keys and
        identity. A table is therefore made by a commit of its own that is never rebased.
        """
        if not self.exists(name):
            if self.lake.is_folder:
                (self.lake.folder / self.lake.tables).mkdir(parents=True, exist_ok=True)
            schema = Schema.from_arrow(RecordBatchReader.from_arrow(storable(frame.clear(), where=f"table {name!r}")).schema)
            alone = CommitProperties(max_commit_retries=0)
            DeltaTable.create(self._uri(name), schema, mode="error", configuration=_KEEP, storage_options=self._options, commit_properties=alone)
            self._settle(name, 0)
        return self._open(name)

    def _commit(self, name: str, once: Callable[[DeltaTable], Commit], frame: pl.DataFrame | None = None, batch: str = "", batch_version: int = 1) -> Commit:
        """Does the write on the newest version until it does not lose a race; a lost one left nothing behind."""
        deadline = time.monotonic() + PATIENCE_S
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                table = self._open(name) if frame is None else self._made(name, frame)
                done = table.transaction_version(batch) if batch else None
                if done is not None and done >= batch_version:
                    return Commit(table.version(), repeated=True)
                commit = once(table)
                self._settle(name, commit.version)
                return commit
            except LooplineError:
                raise
            # delta-rs raises bare exceptions of many kinds, and its text can print rows.
            except Exception as error:
                if not lost_race(error) or time.monotonic() > deadline:
                    raise explain(error, f"table {name!r}") from None
            time.sleep(random.uniform(0.2, 1.0) * wait_s)
            wait_s = min(1.0, 2 * wait_s)

    def _settle(self, name: str, version: int) -> None:
        if self.lake.is_folder:
            settle(Path(self.lake.table(name)), version)

    def _told(self, name: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except LooplineError:
            raise
        # As above.
        except Exception as error:
            raise explain(error, f"table {name!r}") from None


def _arrow_schema(schema: pl.Schema) -> Any:
    return RecordBatchReader.from_arrow(pl.DataFrame(schema=schema)).schema


def _require_known(name: str, columns: Sequence[str], known: pl.Schema) -> None:
    if new := [column for column in columns if column not in known]:
        raise Mistake(f"table {name!r} has no column {new[0]!r}", remedy="leave it out, or append with merge_schema=True")


def _schema(table: DeltaTable) -> pl.Schema:
    return pl.Schema(table.schema())
