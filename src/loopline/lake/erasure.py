"""Rows are erased from every version of a table: each data file that holds them is written anew under its own name and at its own size.

A Delta table's log names data files with their sizes, and says what is in them. A file of the same name and size can take the place of another
at any moment: every version that holds it can be read before and after. So a process may be killed anywhere, and does the rest when it is called
again. What the log says of the contents (counts, smallest and greatest values, conditions) is written anew afterwards.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable

from loopline.errors import Fault, Mistake
from loopline.lake.inventory import Inventory
from loopline.lake.place import Lake

Change = Callable[[pl.DataFrame], tuple[pl.DataFrame, int]]
"""From the rows of a data file to those that stay, and how many were erased or changed."""

_LEVELS = (3, 12, 22)
_TAIL_BYTES = 8


@dataclass(frozen=True)
class Erased:
    """What was done to a table.

    Parameters
    ----------
    rows
        How many rows were erased, in all data files; a row that several versions wrote counts once for each.
    files, scanned
        How many data files were written anew, and how many were looked through.
    """

    rows: int = 0
    files: int = 0
    scanned: int = 0


@dataclass(frozen=True)
class _Facts:
    """What a data file is now."""

    size: int
    rows: int
    is_new: bool


def erase(
    lake: Lake,
    name: str,
    change: Change,
    *,
    scrub: Callable[[str], str] = str,
    columns: Callable[[pl.Schema], bool] | None = None,
    bare: bool = False,
    rehearses: bool = False,
) -> Erased:
    """Applies a change to every data file of a table, whichever version holds it or none, and to what the log says of them.

    Call it while nobody else writes to the table. It may be killed, and called again.

    Parameters
    ----------
    scrub
        Takes what must not stay out of a text; for the conditions in the log.
    columns
        Whether a file with these columns is to be looked through; all are by default.
    bare
        Whether the log keeps no smallest and greatest values at all: of a table whose rows stay with other texts in them.
    rehearses
        Whether to count only, and write nothing.

    Raises
    ------
    Mistake
        When the table's log is not whole, so that old versions cannot be told.
    Fault
        When a data file of the table is damaged.
    """
    inventory = Inventory(lake)
    root = f"{lake.tables}/{name}"
    paths = inventory.paths(root)
    logs = [path for path in paths if path.startswith(f"{root}/_delta_log/") and path.endswith(".json")]
    if not logs or int(logs[0].rsplit("/", 1)[1][:20]) != 0:
        raise Mistake(
            "the table's log was shortened by another tool, so that its history cannot be rewritten", where=f"table {name!r}", remedy="copy it to a new table"
        )
    held = {path for log in logs for path in _named(inventory, log)}
    facts: dict[str, _Facts] = {}
    rows = 0
    for path in paths:
        inner = path[len(root) + 1 :]
        if inner.startswith("_delta_log/"):
            continue
        if path.endswith(".parquet"):
            count, fact = _rewrite(inventory, path, change, columns, is_held=inner in held, rehearses=rehearses)
            rows += count
            if fact is not None:
                facts[inner] = fact
        elif not rehearses and (path.endswith(".staged") or path.rpartition("#")[2].isdecimal()):
            # A killed writer left it, and no version holds it.
            inventory.remove(path)
    if not rehearses:
        _clean_log(lake, inventory, name, logs, facts, scrub, bare)
    return Erased(rows, sum(fact.is_new for fact in facts.values()), len(facts))


def padded(data: bytes, size: int) -> bytes:
    """A Parquet file that is as long as another: the space stands between its pages and its footer, where no offset points."""
    length = int.from_bytes(data[-_TAIL_BYTES:-4], "little")
    cut = len(data) - _TAIL_BYTES - length
    return data[:cut] + bytes(size - len(data)) + data[cut:]


def _rewrite(
    inventory: Inventory, path: str, change: Change, columns: Callable[[pl.Schema], bool] | None, *, is_held: bool, rehearses: bool
) -> tuple[int, _Facts | None]:
    data = inventory.read(path)
    if data is None:
        return 0, None
    try:
        if columns is not None and not columns(pl.Schema(pl.read_parquet_schema(io.BytesIO(data)))):
            return 0, _Facts(len(data), pl.scan_parquet(io.BytesIO(data)).select(pl.len()).collect().item(), False)
        frame = pl.read_parquet(io.BytesIO(data))
    except (pl.exceptions.PolarsError, OSError):
        if is_held:
            raise Fault("a data file is damaged", where=path, remedy="restore it from a backup, and run this again") from None
        if not rehearses:
            inventory.remove(path)
        return 0, None
    kept, count = change(frame)
    if not count:
        return 0, _Facts(len(data), frame.height, False)
    if rehearses:
        return count, _Facts(len(data), frame.height, True)
    written = _as_long_as(kept, len(data))
    inventory.replace(path, written)
    return count, _Facts(len(written), kept.height, True)


def _as_long_as(frame: pl.DataFrame, size: int) -> bytes:
    """The rows as a Parquet file of that size; longer only where no compression makes it short enough."""
    written = b""
    for level in _LEVELS:
        buffer = io.BytesIO()
        frame.write_parquet(buffer, compression="zstd", compression_level=level, statistics=False)
        written = buffer.getvalue()
        if len(written) <= size:
            return padded(written, size)
    return written


def _named(inventory: Inventory, log: str) -> list[str]:
    return [unquote(action["add"]["path"]) for action in _actions(inventory.read(log) or b"") if "add" in action]


def _actions(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines() if line.strip()]


def _clean_log(lake: Lake, inventory: Inventory, name: str, logs: list[str], facts: Mapping[str, _Facts], scrub: Callable[[str], str], bare: bool) -> None:
    """Let the log say of files that were written anew only their size and number of rows, and nothing of what was erased."""
    # Checkpoints repeat what the log says; without them all of it is read.
    shortcuts = [path for path in inventory.paths(f"{lake.tables}/{name}/_delta_log") if not path.endswith(".json")]
    for path in sorted(shortcuts, key=lambda path: not path.endswith("_last_checkpoint")):
        inventory.remove(path)
    for log in logs:
        data = inventory.read(log) or b""
        cleaned = b"".join(_line(line, facts, scrub, bare) for line in data.splitlines(keepends=True))
        if cleaned != data:
            inventory.replace(log, cleaned)
    if any(path.endswith(".parquet") for path in shortcuts):
        DeltaTable(lake.table(name), storage_options=dict(lake.options)).create_checkpoint()


def _line(line: bytes, facts: Mapping[str, _Facts], scrub: Callable[[str], str], bare: bool) -> bytes:
    """An action of the log without what must not stay in it; one that may stay is the same to the byte."""
    action: dict[str, Any] = json.loads(line) if line.strip() else {}
    if "add" in action:
        added = action["add"]
        fact = facts.get(unquote(added["path"]))
        told = json.loads(added.get("stats") or "{}")
        # One that an earlier, killed call wrote anew is told by its number of rows.
        if fact is None or not (bare or fact.is_new or told.get("numRecords") != fact.rows or added["size"] != fact.size):
            return line
        action = {"add": {**added, "size": fact.size, "stats": json.dumps({"numRecords": fact.rows})}}
    elif "commitInfo" in action:
        told = action["commitInfo"].get("operationParameters") or {}
        said = {key: scrub(value) if isinstance(value, str) else value for key, value in told.items()}
        if said == told:
            return line
        action = {"commitInfo": {**action["commitInfo"], "operationParameters": said}}
    else:
        return line
    return json.dumps(action, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
