"""Rows that are joined to a table's by the columns in which they are equal; one commit each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.table import TableMerger

from loopline.lake.versions import Commit


def commit_of(batch: str = "", batch_version: int = 1) -> CommitProperties:
    """A commit that names its batch is not rebased by delta-rs, which would not look whether the other commit brought the same batch."""
    if not batch:
        return CommitProperties()
    return CommitProperties(max_commit_retries=0, app_transactions=[Transaction(batch, batch_version)])


def upserted(table: DeltaTable, rows: Any, key: Sequence[str], properties: CommitProperties) -> Commit:
    """Rows of the table changed to those that come, and the others added."""
    metrics = _merger(table, rows, key, properties, merge_schema=True).when_matched_update_all().when_not_matched_insert_all().execute()
    return Commit(table.version(), added=metrics["num_target_rows_inserted"], changed=metrics["num_target_rows_updated"])


def amended(table: DeltaTable, rows: Any, on: Sequence[str], properties: CommitProperties) -> Commit:
    """Rows of the table changed to those that come; nothing is added."""
    metrics = _merger(table, rows, on, properties).when_matched_update_all().execute()
    return Commit(table.version(), changed=metrics["num_target_rows_updated"])


def removed(table: DeltaTable, rows: Any, on: Sequence[str], properties: CommitProperties) -> Commit:
    """Rows of the table removed."""
    metrics = _merger(table, rows, on, properties).when_matched_delete().execute()
    return Commit(table.version(), removed=metrics["num_target_rows_deleted"])


def _merger(table: DeltaTable, rows: Any, on: Sequence[str], properties: CommitProperties, *, merge_schema: bool = False) -> TableMerger:
    equal = " AND ".join(f"target.{_quoted(column)} = source.{_quoted(column)}" for column in on)
    return table.merge(rows, equal, "source", "target", merge_schema=merge_schema, commit_properties=properties)


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'
