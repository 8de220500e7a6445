"""A new delivery held against what is declared and what the lake holds, and the declaration's text as it would follow."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from loopline.access.secrets import masked
from loopline.data.listing import File, listing
from loopline.data.proposals.amend import drop, extend, fields, has, put, rename
from loopline.data.proposals.evolution import STRAY, Change, Edit, Evolution, Kind, evolution
from loopline.data.spec import DataSpec, SourceSpec
from loopline.data.spec_contract import PARTS
from loopline.data.testing.sample import FILE, Sample, cleaned, drawn, drawn_from, evenly_from, file_at
from loopline.engine.step import Progress
from loopline.errors import LooplineError, Mistake
from loopline.lake.tables import Tables

_BEFORE_ROWS = 20_000


@dataclass(frozen=True)
class Evolved:
    """What a delivery brings.

    Parameters
    ----------
    file, read, unreadable
        The delivery, how many records it has, and how many of them cannot be read.
    compared
        The version of the table that it was held against; None where there is none yet.
    """

    table: str
    file: str
    read: int
    unreadable: int
    compared: int | None
    evolution: Evolution


def evolve(data: DataSpec, folder: Path, tables: Tables, *, table: str | None, file: Path | None, rows: int | None, progress: Progress) -> Evolved:
    """The changes that a file brings, or the newest file of a source.

    Raises
    ------
    Mistake
        When there is no such source, or the file cannot be read in any way.
    """
    name = table or data.main
    if name not in data.sources:
        raise Mistake(f"there is no source {name!r}", remedy=f"the sources are: {', '.join(data.sources)}")
    source = data.sources[name]
    sample, told, place = _sample(source, folder, file, rows, progress, f"data.sources.{name}")
    progress.say(f"comparing {place} with {name}")
    read_as = source.model_copy(update={str(edit.path[0]): edit.value for change in told for edit in change.edits})
    version = tables.version(name).version if tables.exists(name) else None
    before = evenly_from(tables.read(name), _BEFORE_ROWS) if version is not None else None
    rows_, contract = sample.frame.drop(FILE), data.contract_of(name)
    found = evolution(cleaned(rows_, read_as, contract), before, read_as, contract, came=rows_)
    whole = replace(found, changes=(*told, *found.changes), stops=found.stops or any(change.effect.startswith("the run stops") for change in told))
    return Evolved(name, place, sample.read, sample.refused, version, whole)


def _sample(source: SourceSpec, folder: Path, file: Path | None, rows: int | None, progress: Progress, where: str) -> tuple[Sample, list[Change], str]:
    """The rows of a file, of the source's newest one, or of all that a source holds that is no file on this machine."""
    if file is None and (not source.is_local or source.format == "delta"):
        return drawn(source, folder, rows=rows, where=where, progress=progress), [], masked(source.place)
    chosen = file_at(file) if file is not None else _newest(source, folder, where)
    return *_read(chosen, source, rows), chosen.name


def _newest(source: SourceSpec, folder: Path, where: str) -> File:
    return max(listing(source, folder, where=where), key=lambda file: (file.mtime_ns, file.name))


def _read(file: File, source: SourceSpec, rows: int | None) -> tuple[Sample, list[Change]]:
    """The delivery as it is declared to be written; as it is found to be, where that reads more of it."""
    free = source.model_copy(update={"separator": None, "encoding": None})
    try:
        sample, stopped = drawn_from([file], source, rows=rows), ""
        if free == source or (sample.refused <= STRAY * sample.read and len(sample.columns) > 1):
            return sample, []
    except Mistake as mistake:
        if free == source:
            raise
        sample, stopped = None, mistake.what
    try:
        other = drawn_from([file], free, rows=rows)
    except Mistake:
        if sample is None:
            raise
        return sample, []
    if sample is not None and len(other.columns) <= len(sample.columns) and other.refused >= sample.refused:
        return sample, []
    if sample is None:
        effect = f"the run stops: {stopped}"
    elif len(sample.columns) < len(other.columns):
        effect = f"the run stops: its {len(other.columns)} columns are read as {len(sample.columns)}"
    else:
        effect = f"{sample.refused:,} of {sample.read:,} records cannot be read"
    changes = []
    kinds: tuple[Kind, Kind] = ("separator", "encoding")
    for kind in kinds:
        declared, found = getattr(source, kind), other.about.get(kind)
        if declared is not None and found is not None and declared.casefold() != found.casefold():
            edit = Edit("put", "source", (kind,), found)
            changes.append(Change(kind, None, f"the {kind} is {found!r} now, not {declared!r}", effect, other.read, (edit,)))
    return other, changes


def amended(text: str, data: DataSpec, table: str, changes: Sequence[Change]) -> tuple[str, tuple[str, ...]]:
    """The declaration's text as it would follow the changes, and what is left to do by hand."""
    left: list[str] = []
    renamed = {str(edit.path[0]): edit.value for change in changes for edit in change.edits if edit.action == "rename"}
    edits = [(change, edit) for change in changes for edit in change.edits]
    # What a renamed column's contract needs is changed under its old name, before it gets the new one.
    for change, edit in sorted(edits, key=lambda pair: pair[1].action == "rename"):
        try:
            text = _edited(text, data, table, edit)
        except LooplineError as error:
            left.append(f"{change.says}: {error.what}")
    for old, name in renamed.items():
        lines = [number for number, line in enumerate(text.splitlines(), start=1) if re.search(rf"(?<!\w){re.escape(old)}(?!\w)", line)]
        if lines:
            left.append(f"{old} is still named in line {', '.join(map(str, lines[:10]))}; write {name} where the column is meant")
    return text, tuple(left)


def _edited(text: str, data: DataSpec, table: str, edit: Edit) -> str:
    base: tuple[str | int, ...] = ("data", "sources", table)
    root: tuple[str | int, ...] = ("data", "contract") if table == data.main else (*base, "contract")
    places = {"source": base, "contract": root, "column": _columns(text, root, edit.path[0])}
    path = (*places[edit.part], *edit.path)
    if edit.action == "put":
        # A new column stands after the last column, not after the rules.
        others = [name for name in fields(text, path[:-1]) if name not in PARTS]
        return put(text, path, edit.value, after=others[-1] if others and edit.part == "column" and len(edit.path) == 1 else None)
    if edit.action == "extend":
        return extend(text, path, edit.value)
    if edit.action == "rename":
        return rename(text, path, edit.value)
    return drop(text, path) if has(text, path) else text


def _columns(text: str, root: tuple[str | int, ...], name: str | int) -> tuple[str | int, ...]:
    """Where a column's contract stands, or would stand: beside the parts, or under the word for columns."""
    nested = (*root, "columns")
    return nested if has(text, (*nested, name)) or name in PARTS or (has(text, nested) and not has(text, (*root, name))) else root
