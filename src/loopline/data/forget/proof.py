"""The proof that somebody is forgotten: every file of the lake is looked through for their keys, whoever wrote it and whichever version holds it."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from loopline.data.forget.scrubbing import Traces, blank_segments
from loopline.data.forget.sought import ERASED
from loopline.engine.step import Progress
from loopline.lake.inventory import Inventory
from loopline.lake.place import Lake

_GZIP = b"\x1f\x8b"
Look = Callable[[pl.DataFrame], bool]
"""Whether somebody's rows are in a data file."""


@dataclass
class Proof:
    """What was looked through, and what was found.

    Parameters
    ----------
    data_files, logs, blobs, segments
        How many files of each kind were looked through: data files of tables, commits of their logs, blobs, segments of the prediction log.
    packages
        The blobs of packages that tell somebody: they are signed, and stay until the package goes.
    left
        Any other file that holds somebody's rows still.
    elsewhere
        Where a text that tells somebody stands besides, in rows that are not reached: a table and a column, with how many rows.
    """

    data_files: int = 0
    logs: int = 0
    blobs: int = 0
    segments: int = 0
    packages: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    elsewhere: dict[str, int] = field(default_factory=dict)


def prove(lake: Lake, traces: Traces, looks: Mapping[str, Look], kept: frozenset[str], progress: Progress) -> Proof:
    """Looks through every file of the lake.

    Parameters
    ----------
    looks
        From a table to what tells somebody's rows in a data file of it; of other tables only texts that tell them are looked for.
    kept
        The digests of blobs that are no business of this project.
    """
    inventory, proof = Inventory(lake), Proof()
    paths = [*inventory.paths(lake.tables), *inventory.paths("blobs")]
    for done, path in enumerate(paths):
        progress.at(done, len(paths), unit="files", note="looking for what is left")
        if path.startswith("blobs/"):
            _blob(inventory, path, traces, kept, proof)
        else:
            _file(inventory, lake, path, traces, looks, proof)
    lines, proof.segments, _ = blank_segments(traces, Path(lake.log), rehearses=True)
    if lines:
        proof.left.append(f"{lines} lines of the prediction log")
    return proof


def _file(inventory: Inventory, lake: Lake, path: str, traces: Traces, looks: Mapping[str, Look], proof: Proof) -> None:
    table = path[len(lake.tables) + 1 :].partition("/")[0]
    data = inventory.read(path)
    if data is None:
        return
    if "/_delta_log/" in path:
        proof.logs += 1
        # What the log of another table tells is that of its rows, which are told by themselves.
        if table in looks and _tells(traces.telling, data.decode("utf-8", errors="replace")):
            proof.left.append(path)
        return
    proof.data_files += 1
    try:
        frame = pl.read_parquet(io.BytesIO(data))
    except (pl.exceptions.PolarsError, OSError):
        proof.left.append(f"{path} (it cannot be read)")
        return
    if table in looks and looks[table](frame):
        proof.left.append(path)
        return
    for column, count in told_in(frame, traces.telling).items():
        place = f"{table}.{column}"
        proof.elsewhere[place] = max(count, proof.elsewhere.get(place, 0))


def told_in(frame: pl.DataFrame, telling: Sequence[str]) -> dict[str, int]:
    """From a column of texts to how many of its cells have a text that tells somebody."""
    if not telling:
        return {}
    names = [name for name, kind in frame.schema.items() if kind == pl.String]
    counts = frame.select(pl.col(name).str.contains_any(list(telling)).sum() for name in names)
    return {name: int(counts[name].item() or 0) for name in names if counts[name].item()}


def _blob(inventory: Inventory, path: str, traces: Traces, kept: frozenset[str], proof: Proof) -> None:
    digest = path.rsplit("/", 1)[1]
    if digest in kept or digest.endswith((".gone", ".staged")):
        return
    data = inventory.read(path)
    if data is None:
        return
    proof.blobs += 1
    if in_blob(data, traces):
        proof.left.append(f"blob {digest[:12]}")


def in_blob(data: bytes, traces: Traces) -> bool:
    """Whether a blob tells somebody: by a text, or by rows of theirs in a table."""
    if data.startswith(_GZIP):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError):
            return False
    if data.startswith(b"PAR1"):
        try:
            frame = pl.read_parquet(io.BytesIO(data))
        except (pl.exceptions.PolarsError, OSError):
            return False
        return any(one.keys.rows(frame).any() for one in traces.reaches) or bool(told_in(frame, traces.telling))
    return _tells(traces.telling, data.decode("utf-8", errors="replace").replace(ERASED, ""))


def _tells(telling: Sequence[str], text: str) -> bool:
    return any(value in text or json.dumps(value)[1:-1] in text for value in telling)
