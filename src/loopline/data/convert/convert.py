"""From any format to any other: streaming, typed, every record accounted for, and what a way back would lose said."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit
from uuid import uuid4

import polars as pl
from pydantic import ValidationError

from loopline.access.secrets import masked, refuse_literal, resolve
from loopline.data.convert import writers, writers_tables
from loopline.data.formats.columnar import delta
from loopline.data.formats.opening import ENDINGS, open_reading
from loopline.data.formats.packed import bare_name
from loopline.data.formats.reading import Chunk, Reading, Refusal
from loopline.data.formats.text_types import TextTypes, typed
from loopline.data.proposals.fitting import Fit, Loss, Tally, Target, fit, text
from loopline.data.sources.databases import pull
from loopline.data.sources.remote import fetch, listed
from loopline.data.spec import LINE, ColumnSpec, SourceSpec
from loopline.data.spec_source import DATABASES, Format
from loopline.engine.step import Progress
from loopline.errors import Fault, Mistake

TARGETS: tuple[str, ...] = (*get_args(Format), "sqlite", "postgresql")
"""What can be written."""
_TABLES: Mapping[str, Target] = {".db": "sqlite", ".sqlite": "sqlite", ".sqlite3": "sqlite", ".delta": "delta"}
_FILES = {
    "csv": writers.csv,
    "json": writers.json_array,
    "jsonl": writers.json_lines,
    "parquet": writers.parquet,
    "arrow": writers.arrow,
    "excel": writers.excel,
}


@dataclass(frozen=True)
class Converted:
    """What a conversion did; `read` is always `written` and `refused` together.

    Parameters
    ----------
    place, format
        Where the rows are, and how they are written.
    source
        How what was read is written, as far as that was found out.
    columns
        The columns with the types in which they were read.
    refused_file
        Where the refused records are, with their lines, texts and reasons; empty where there are none.
    loses
        What comes back otherwise than it was.
    notes
        What a person should know of how it was read.
    """

    place: str
    format: str
    source: Mapping[str, Any]
    columns: Mapping[str, str]
    read: int
    written: int
    refused: int
    refused_file: str
    loses: tuple[Loss, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Outlet:
    """Where the rows go.

    Parameters
    ----------
    place
        A path, or a database's URL.
    target
        The format.
    table
        The table's name, in a database.
    force
        Whether what is there is replaced.
    """

    place: str
    target: Target
    table: str = ""
    force: bool = False

    @property
    def path(self) -> Path | None:
        """The file or folder; None where the rows go to a server."""
        return Path(_sqlite_path(self.place)) if self.target != "postgresql" else None

    @property
    def refused(self) -> Path:
        """The file for the records that are refused."""
        path = self.path
        return Path(f"{self.table}.refused.jsonl") if path is None else path.with_name(f"{path.name}.refused.jsonl")


def outlet(place: str, *, to: str | None = None, into: str | None = None, source: str, force: bool = False) -> Outlet:
    """Where the rows go, from what a person says.

    Raises
    ------
    Mistake
        When the format cannot be told, or something is there already.
    """
    scheme = urlsplit(place).scheme.lower().partition("+")[0] if "://" in place else ""
    if scheme and scheme not in ("sqlite", "postgresql", "postgres"):
        raise Mistake(f"{scheme}:// cannot be written to", where=masked(place), remedy="write to a file, to sqlite:///FILE or to postgresql://...")
    refuse_literal(place, where="OUT")
    ending = Path(bare_name(place)).suffix.lower()
    told = "postgresql" if scheme.startswith("postgres") else scheme or _TABLES.get(ending) or ENDINGS.get(ending)
    if told is None and (Path(place) / "_delta_log").is_dir():
        told = "delta"
    target = to or told
    if target not in TARGETS:
        raise Mistake("the name does not tell the format", where=masked(place), remedy=f"say it with --to: {', '.join(TARGETS)}")
    if scheme and target != told:
        raise Mistake(f"a database's address cannot hold {target}", where=masked(place), remedy="leave --to out, or name a file")
    made = Outlet(place, target, into or _table_name(source), force)  # type: ignore[arg-type]
    path = made.path
    if path is not None and path.is_dir() and target != "delta":
        raise Mistake("this is a folder", where=place, remedy="name a file in it")
    if path is not None and target == "delta" and path.exists() and not (path / "_delta_log").is_dir():
        raise Mistake("there is something that is no Delta table", where=place, remedy="name a new folder")
    for there in () if force else (path if target != "sqlite" else None, made.refused):
        if there is not None and there.exists():
            raise Mistake("it is there already", where=str(there), remedy="overwrite it with --force, or name another")
    return made


def _table_name(source: str) -> str:
    name = re.sub(r"[^A-Za-z0-9_]+", "_", bare_name(Path(urlsplit(source).path).name).split(".")[0]).strip("_").lower()
    return name or "rows"


def _sqlite_path(place: str) -> str:
    return re.sub(r"^sqlite(?:\+\w+)?:///?", "", place, flags=re.IGNORECASE).partition("?")[0] if "://" in place else place


def convert(source: SourceSpec, to: Outlet, *, progress: Progress) -> Converted:
    """Write what a source holds in another format.

    The rows go to a new place that takes the old one's at the end, whole or not at all.

    Raises
    ------
    Mistake
        When it cannot be read, or not be written in this format.
    """
    where = masked(source.place)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="loopline-", ignore_cleanup_errors=True)))
        progress.say(f"reading {where}")
        reading, notes = _opened(source, folder, progress, where)
        stack.callback(reading.close)
        run = _Run(reading, source, to, progress, list(notes))
        run.write(folder)
    return run.told(where)


def _opened(source: SourceSpec, folder: Path, progress: Progress, where: str) -> tuple[Reading, list[str]]:
    """The opened source, and what a person should know of it."""
    if source.url is not None:
        pulled = pull(source, folder, progress=progress, where=where)
        notes = [f"{name} is text: it has values that no number or date holds" for name in pulled.as_text]
        return open_reading(pulled.path, SourceSpec(path=source.url, format="parquet"), where=where), notes
    place = source.path or ""
    if "://" not in place:
        return open_reading(Path(place), source, where=where), []
    if source.format == "delta":
        return delta(resolve(place), {name: resolve(value) for name, value in source.options.items()}, where=where), []
    files = listed(place, source.options, where=where)
    if len(files) > 1:
        raise Mistake(f"{len(files)} files are there, and one is converted at a time", where=where, remedy=f"name one, such as {masked(files[0].url)}")
    return open_reading(fetch(files[0], source.options, folder=folder, progress=progress, where=where).path, source, where=where), []


@dataclass
class _Run:
    """One conversion under way."""

    reading: Reading
    source: SourceSpec
    to: Outlet
    progress: Progress
    notes: list[str]
    read: int = 0
    written: int = 0
    refused: int = 0
    _types: dict[str, ColumnSpec] = field(default_factory=dict)
    _losses: list[Loss] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        """Write everything, and put it in its place."""
        if self.reading.about.get("format") == "csv":
            self._find_types()
        self.schema = self._schema()
        if not self.schema:
            raise Mistake(
                "there are no records, and so no columns", where=masked(self.source.place), remedy="name another file, or say where its records stand"
            )
        self._fit = fit(self.schema, self.to.target)
        self._tally = Tally(self._fit.checks)
        self._back = TextTypes(list(self.schema), nulls=self.source.nulls) if self.to.target == "csv" else None
        with (folder / "refused.jsonl").open("w", encoding="utf-8") as self._file:
            self.progress.say(f"writing {masked(self.to.place)}")
            _put(self, self._fit, folder)
        self._losses = [*self._tally.losses(), *self._types_lost(), *self._beside()]
        _keep_refused(folder / "refused.jsonl", self.to, self.refused)

    def told(self, where: str) -> Converted:
        """What was done."""
        return Converted(
            place=masked(self.to.place),
            format=self.to.target,
            source={"place": where, **self.reading.about},
            columns={name: str(dtype) for name, dtype in self.schema.items()},
            read=self.read,
            written=self.written,
            refused=self.refused,
            refused_file=str(self.to.refused) if self.refused else "",
            loses=tuple(self._losses),
            notes=tuple(self.notes),
        )

    def _find_types(self) -> None:
        self.progress.say("looking at the columns")
        found = TextTypes([name for name, dtype in self.reading.columns.items() if dtype == pl.String()], nulls=self.source.nulls)
        rows = 0
        for chunk in self.reading.chunks():
            found.note(chunk.frame)
            rows += chunk.read
            self.progress.at(rows, unit="rows")
        self._types = found.types()
        self.notes += found.notes()

    def _schema(self) -> dict[str, pl.DataType]:
        columns = dict(self.reading.columns)
        return {**columns, **dict(self._typed(pl.DataFrame(schema={name: columns[name] for name in self._types})).schema)}

    def _typed(self, frame: pl.DataFrame) -> pl.DataFrame:
        return typed(frame, self._types, self.source.nulls) if self._types else frame

    def frames(self) -> Iterator[pl.DataFrame]:
        """The rows as they are written; those that cannot be are refused on the way."""
        for chunk in self.reading.chunks():
            self._refuse(chunk.refused)
            frame = self._typed(chunk.frame).select(list(self.schema))
            frame = self._writable(frame, chunk)
            self._tally.note(frame)
            if self._back is not None:
                self._back.note(frame.select(text(name, dtype).fill_null("").alias(name) for name, dtype in self.schema.items()))
            self.read += chunk.read
            self.written += frame.height
            self.progress.at(self.read, unit="rows")
            yield frame.select(self._fit.columns)

    def _writable(self, frame: pl.DataFrame, chunk: Chunk) -> pl.DataFrame:
        """The rows that the format takes; the others are refused."""
        if not self._fit.refuses:
            return frame
        flags = frame.select(holds.fill_null(False).alias(f"{place}") for place, (_, holds) in enumerate(self._fit.refuses))
        bad = flags.select(pl.any_horizontal(pl.all())).to_series()
        places = bad.arg_true().to_list()
        if not places:
            return frame
        raws, lines = chunk.raw(places), chunk.frame[LINE].gather(places).to_list()
        reasons = [tuple(why for (why, _), holds in zip(self._fit.refuses, flags.row(place), strict=True) if holds) for place in places]
        self._refuse([Refusal(line, raw, why) for line, raw, why in zip(lines, raws, reasons, strict=True)])
        return frame.filter(~bad)

    def _refuse(self, refused: Any) -> None:
        for item in refused:
            self._file.write(json.dumps({"line": item.line, "raw": item.raw, "reasons": item.reasons}, ensure_ascii=False) + "\n")
            self.refused += 1

    def _types_lost(self) -> Iterator[Loss]:
        """The columns of a CSV file that are read again as something else: found by reading their texts as a CSV is read."""
        if self._back is None:
            return
        words = self._back.words()
        for name, spec in self._back.types().items():
            dtype = self.schema[name]
            back = {"integer": pl.Int64(), "number": pl.Float64(), "boolean": pl.Boolean(), "date": pl.Date(), "datetime": pl.Datetime("us", "UTC")}
            found = back.get(spec.type or "text", pl.String())
            if found != dtype or (spec.format and spec.format not in ("iso", "%Y-%m-%d")):
                form = f" ({spec.format})" if spec.format and "%" in spec.format else ""
                missing = f", and {words[name]:,} cells such as NA as missing" if words[name] else ""
                yield Loss(name, f"{str(dtype).lower()} comes back as {spec.type}{form}{missing}", self.written)

    def _beside(self) -> Iterator[Loss]:
        """What a JSON document holds beside its records."""
        if others := self.reading.about.get("beside"):
            yield Loss("", f"the document's other members are not written: {', '.join(others[:12])}", len(others))
        if self.to.target in ("json", "jsonl") and not self.written:
            yield Loss("", "without a row no column is kept", len(self.schema))


def _put(run: _Run, made: Fit, folder: Path) -> None:
    """Write the rows to where they go."""
    to, where = run.to, masked(run.to.place)
    path = to.path
    if path is None:
        writers_tables.postgres(run.frames, run.schema, resolve(to.place), to.table, force=to.force, where=where)
        return
    if not path.parent.is_dir():
        raise Mistake("there is no such folder", where=str(path.parent), remedy="make it first")
    if to.target == "sqlite" and path.exists():
        writers_tables.sqlite(run.frames, run.schema, path, to.table, force=to.force, where=where)
        return
    fitted = dict(pl.DataFrame(schema=run.schema).select(made.columns).schema)
    if to.target == "delta" and path.exists():
        writers_tables.delta(run.frames, fitted, str(path), force=to.force, where=where)
        return
    new = path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")
    try:
        if to.target == "delta":
            writers_tables.delta(run.frames, fitted, str(new), force=to.force, where=where)
        elif to.target == "sqlite":
            writers_tables.sqlite(run.frames, run.schema, new, to.table, force=to.force, where=where)
        else:
            _FILES[to.target](run.frames, fitted, new, path.name)
            _flush(new)
        os.replace(new, path)
    except OSError as error:
        raise Fault(f"it cannot be written ({error.strerror})", where=where, remedy="free some space there, or choose another place") from None
    finally:
        if new.is_dir():
            shutil.rmtree(new, ignore_errors=True)
        new.unlink(missing_ok=True) if not new.is_dir() else None


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _keep_refused(spooled: Path, to: Outlet, count: int) -> None:
    """Put the refused records beside what was written; those of an earlier conversion no longer hold."""
    if not count:
        to.refused.unlink(missing_ok=True)
        return
    new = to.refused.with_name(f".{to.refused.name}.{uuid4().hex[:8]}.part")
    shutil.copyfile(spooled, new)
    os.replace(new, to.refused)


def source_of(place: str, **said: Any) -> SourceSpec:
    """The declaration of what a person names: a path, a URL, or a database's URL with its table or query.

    Raises
    ------
    Mistake
        When what is said does not suit it.
    """
    scheme = urlsplit(place).scheme.lower().partition("+")[0] if "://" in place else ""
    given = {name: value for name, value in said.items() if value not in (None, ())}
    try:
        if scheme in (*DATABASES, "postgres"):
            return SourceSpec(url=place.replace("postgres://", "postgresql://", 1), **given)
        return SourceSpec(path=place, **given)
    except ValueError as error:
        what = str(error.errors()[0]["msg"]).removeprefix("Value error, ") if isinstance(error, ValidationError) else str(error)
        what, _, remedy = what.partition("; ")
        asked = remedy.replace("table:", "--table").replace("query:", "--query")
        raise Mistake(what, where=masked(place), remedy=asked or "see loopline data convert --help") from None
