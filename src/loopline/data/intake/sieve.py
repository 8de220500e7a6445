"""A batch through its contract, chunk by chunk: what is accepted, refused and cleaned is staged, and nothing is visible until all of it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import TracebackType
from typing import Any

import polars as pl

from loopline.data.casting import TIME
from loopline.data.cleaning.cleaned import CLEANED
from loopline.data.cleaning.cleaned import rows as cleaned_rows
from loopline.data.cleaning.cleaning import Cleaned, Done, Plan, merged
from loopline.data.contract.contract import Checked, Terms, check_rows
from loopline.data.forget.forgotten import Forgotten
from loopline.data.formats.ahead import Behind, mapped
from loopline.data.formats.reading import Chunk, Reading
from loopline.data.intake.rivals import Spool, losers
from loopline.data.intake.survey import Suspects, typed_ahead
from loopline.data.profiles.profile import Profile, ProfileBuilder
from loopline.data.quarantine.discards import set_aside
from loopline.data.quarantine.mends import taken_up
from loopline.data.quarantine.quarantine import QUARANTINE, SCHEMA, as_delivered, rows_of
from loopline.data.spec import BATCH, HIDDEN, LINE, ROW
from loopline.data.spec_source import Duplicates
from loopline.engine.step import Progress
from loopline.errors import Mistake
from loopline.lake.staging import Staging
from loopline.lake.tables import Tables

_RAW, _CELLS = "__raw_text", "__cells"
_SAID = {"line": pl.Int64(), "reasons": pl.List(pl.String())}


@dataclass(frozen=True)
class Order:
    """What a batch is sifted by.

    Parameters
    ----------
    table, batch, source
        Where its rows go, its digest, and the name of its file.
    terms, suspects
        What a first look told; see `survey`.
    plan
        How cells are cleaned.
    replaces
        Whether its rows take the place of all that the table holds.
    first_row
        The place of its first row in the order of delivery.
    duplicates, latest
        What becomes of rows with one key, and the column by which one is the latest, where that is asked; the order of delivery where None.
    taken
        The table's rows whose keys are not free.
    corrections, discarded
        What people said of its records.
    forgotten
        Whether a record is a forgotten person's; None where nobody is.
    """

    table: str
    batch: str
    source: str
    time: datetime
    terms: Terms
    suspects: Suspects
    plan: Plan
    replaces: bool = False
    first_row: int = 0
    duplicates: Duplicates = "refuse"
    latest: str | None = None
    taken: pl.LazyFrame | None = None
    corrections: pl.DataFrame | None = None
    discarded: pl.DataFrame | None = None
    forgotten: Forgotten | None = None


@dataclass
class Counts:
    """How many records went where; the first is the sum of the five after it."""

    read: int = 0
    accepted: int = 0
    refused: int = 0
    merged: int = 0
    discarded: int = 0
    forgotten: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    stops: set[str] = field(default_factory=set)


@dataclass(frozen=True, eq=False)
class _Sifted:
    """A chunk, and what the contract says of it.

    Parameters
    ----------
    read, forgotten
        How many records were delivered, and how many of them are of people who were forgotten.
    came, chunk
        The other records, as they came and as people mended them.
    aside
        Records that somebody discarded, as rows of the quarantine.
    refused
        The refused records as they came, before anybody mended them, as rows of the quarantine; nothing where they are only counted.
    looks
        What the keys of the accepted rows tell by themselves.
    """

    read: int
    forgotten: int
    came: Chunk
    chunk: Chunk
    aside: pl.DataFrame
    cleaned: Cleaned
    checked: Checked
    refused: pl.DataFrame | None
    looks: Any


class Sieve:
    """What becomes of a batch's records; the three tables' rows are staged, for the caller to commit or to discard.

    Parameters
    ----------
    tables
        The lake's tables.
    rehearses
        Whether records are only counted, and nothing is staged or profiled.
    """

    def __init__(self, tables: Tables, order: Order, *, rehearses: bool = False) -> None:
        self.order = order
        self._rehearses = rehearses
        self.counts = Counts()
        self.cleaning: tuple[Done, ...] = ()
        self.newest: datetime | None = None
        self._rows = 0
        self._stack = ExitStack()
        self.accepted = self._stack.enter_context(tables.stage(order.table, replaces=order.replaces))
        self.refused = self._stack.enter_context(tables.stage(QUARANTINE))
        self.cleaned = self._stack.enter_context(tables.stage(CLEANED))
        self._rivals = self._stack.enter_context(Spool())
        # What rivals are compared with: the keys of the rows that entered before them, which take no memory of their own while the rows are there.
        self._entered = self._stack.enter_context(Spool(times=4))
        self._builder = ProfileBuilder()
        # Each of these takes about as long as all else: they are done beside it.
        self._profiling, self._writing, self._holding = (self._stack.enter_context(Behind()) for _ in range(3))

    def __enter__(self) -> Sieve:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, trace)

    @property
    def staged(self) -> tuple[Staging, Staging, Staging]:
        """The rows for the table, for the quarantine and for the raw values of cleaned cells."""
        return self.accepted, self.refused, self.cleaned

    def discard(self) -> None:
        """Remove what was staged."""
        for staging in self.staged:
            staging.discard()

    def sift(self, reading: Reading, progress: Progress) -> None:
        """Take all records of a delivery through the contract."""
        done: list[Sequence[Done]] = []
        for sifted in mapped(self._sifted, reading.chunks(typed=typed_ahead(reading, self.order.terms, self.order.plan))):
            done.append(self._take(sifted))
            progress.at(self.counts.read, unit="rows", note=self.order.source)
        self._holding.finish()
        self._sort_out()
        self._writing.finish()
        self.cleaning = merged(done)
        for staging in self.staged:
            staging.flush()

    def profile(self) -> Profile:
        """The profile of the accepted rows."""
        self._profiling.finish()
        return self._builder.profile()

    def _sifted(self, delivered: Chunk) -> _Sifted:
        """A chunk held against the contract; several are at once, and nothing is counted or staged here."""
        order = self.order
        known, forgotten = self._remembered(delivered)
        came, aside = set_aside(known, order.discarded, **self._origin)
        chunk = taken_up(came, order.corrections)
        cleaned = order.plan.clean(chunk.frame)
        numbered = cleaned.frame.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias(ROW))
        # Of rows that are only counted, nothing but what tells repeats is wanted.
        checked = check_rows(numbered, order.terms, only=self._comparable or [ROW, LINE] if self._rehearses else None)
        refused = None if self._rehearses else self._refused(came, chunk, checked)
        return _Sifted(delivered.read, forgotten, came, chunk, aside, cleaned, checked, refused, order.suspects.look(checked.accepted))

    def _refused(self, came: Chunk, chunk: Chunk, checked: Checked) -> pl.DataFrame | None:
        """The refused records of a chunk as rows of the quarantine."""
        lines = chunk.frame[LINE].gather(checked.refused["place"])
        said = pl.DataFrame({"line": lines, "reasons": checked.refused["reasons"]}, schema=_SAID)
        uncut = pl.DataFrame([(one.line, list(one.reasons)) for one in chunk.refused], schema=_SAID, orient="row")
        return rows_of(came, pl.concat([said, uncut]), **self._origin) if said.height + uncut.height else None

    def _take(self, sifted: _Sifted) -> Sequence[Done]:
        """Count and stage what became of a chunk."""
        counts = self.counts
        counts.read += sifted.read
        counts.forgotten += sifted.forgotten
        counts.discarded += sifted.aside.height
        self._refuse(sifted)
        if not self._rehearses:
            self._keep_cells(sifted.cleaned)
        self._accept(sifted, self.order.first_row + self._rows)
        self._rows += sifted.cleaned.frame.height
        counts.warnings.update(sifted.checked.warnings)
        counts.stops |= sifted.checked.stops
        return sifted.cleaned.steps

    @property
    def _origin(self) -> dict[str, Any]:
        return {"table": self.order.table, "batch": self.order.batch, "source": self.order.source, "time": self.order.time}

    def _remembered(self, chunk: Chunk) -> tuple[Chunk, int]:
        """The chunk without the records of people who are forgotten, and how many these are: nothing of them is kept."""
        forgotten = self.order.forgotten
        if forgotten is None:
            return chunk, 0
        gone = forgotten(chunk.frame)
        kept = tuple(one for one in chunk.refused if not forgotten.in_text(one.raw))
        count = int(gone.sum()) + len(chunk.refused) - len(kept)
        places = (~gone).arg_true()
        raw = chunk.raw
        return replace(chunk, frame=chunk.frame.filter(~gone), refused=kept, raw=lambda wanted: raw(places.gather(list(wanted)).to_list())), count

    def _refuse(self, sifted: _Sifted) -> None:
        """Count and stage the refused records."""
        chunk, checked = sifted.chunk, sifted.checked
        self.counts.refused += checked.refused.height + len(chunk.refused)
        self.counts.reasons.update(checked.reasons)
        self.counts.reasons.update(reason for one in chunk.refused for reason in one.reasons)
        for rows in (sifted.refused, sifted.aside):
            if rows is not None and rows.height and not self._rehearses:
                self.refused.add(rows)

    def _keep_cells(self, cleaned: Cleaned) -> None:
        if cleaned.cells.height:
            self.cleaned.add(cleaned_rows(self.order.table, self.order.batch, cleaned.cells))

    def _accept(self, sifted: _Sifted, first: int) -> None:
        rows, worth = sifted.checked.accepted.with_columns(pl.col(ROW) + first), self.order.suspects.marked(sifted.looks)
        if worth is not None and worth.any():
            suspects, came = rows[worth.nonzero()[0]], sifted.came
            self._holding.do(lambda: self._rivals.add(self._with_origin(suspects, came)))
            rows = rows.filter(~worth)
        if self._comparable and not self.order.suspects.is_whole:
            self._entered.add(rows.select(self._comparable))
        self._enter(rows)

    def _with_origin(self, suspects: pl.DataFrame, came: Chunk) -> pl.DataFrame:
        """The rows with their raw texts, in case they lose; the texts are left out where nothing is kept."""
        if self._rehearses:
            return suspects.with_columns(pl.lit(None, pl.String).alias(name) for name in (_RAW, _CELLS))
        own = as_delivered(came, suspects[LINE]).select(pl.col("line").alias(LINE), pl.col("raw").alias(_RAW), pl.col("cells").alias(_CELLS))
        return suspects.join(own, on=LINE, how="left", maintain_order="left")

    @property
    def _comparable(self) -> list[str]:
        """The columns by which rows are compared that share a key, perhaps; none where no key has to come once."""
        order = self.order
        named = [name for group in order.suspects.groups for name in group]
        return list(dict.fromkeys([*named, ROW, LINE, *([order.latest] if order.latest else [])])) if named else []

    def _enter(self, rows: pl.DataFrame) -> None:
        self.counts.accepted += rows.height
        if self._rehearses:
            return
        shown = rows.drop(*HIDDEN, strict=False)
        self._profiling.do(lambda: self._builder.add(shown))
        if self.order.terms.time is not None and rows.height:
            newest = _newest(rows[self.order.terms.time], self.order.table)
            self.newest = max(newest, self.newest or newest) if newest is not None else self.newest
        whole = rows.select(pl.exclude(*HIDDEN), pl.lit(self.order.batch).alias(BATCH), pl.col(LINE), pl.col(ROW))
        self._writing.do(lambda: self.accepted.add(whole))

    def _sort_out(self) -> None:
        """Let those enter that share no key with another row, or are the one that stays."""
        order = self.order
        if not self._rivals.rows:
            return
        groups = order.suspects.groups
        rivals = self._rivals.columns(self._comparable)
        known = pl.concat([rivals, *self._entered.like(rivals, groups)])
        lost = losers(known, groups, key=order.terms.key, rule=order.duplicates, order=order.latest, taken=order.taken)
        stops = {" and ".join(group) for group in groups if len(group) == 1 and order.terms.columns[group[0]].severity_of("unique") == "stop"}
        for part in self._rivals.parts():
            beaten = part.join(lost, on=ROW, how="inner", maintain_order="left")
            self._enter(part.join(lost, on=ROW, how="anti", maintain_order="left").drop(_RAW, _CELLS))
            for is_merged, state in ((False, "refused"), (True, "merged")):
                mine = beaten.filter(pl.col("merged") == is_merged)
                if not mine.height:
                    continue
                if not self._rehearses:
                    self.refused.add(self._beaten(mine, state))
                if is_merged:
                    self.counts.merged += mine.height
                else:
                    self.counts.refused += mine.height
                    told = Counter(mine["reasons"].explode().to_list())
                    self.counts.reasons.update(told)
                    self.counts.stops |= {reason for reason in told if any(reason.startswith(f"{name} ") for name in stops)}

    def _beaten(self, rows: pl.DataFrame, state: str) -> pl.DataFrame:
        """Rows that lost to another one, as rows of the quarantine."""
        fixed = {**self._origin, "state": state}
        own = rows.select(pl.col(LINE).alias("line"), pl.col(_RAW).alias("raw"), pl.col(_CELLS).alias("cells"), "reasons")
        known = own.with_columns(pl.lit(value).alias(name) for name, value in fixed.items())
        return known.select((pl.col(name) if name in known.columns else pl.lit(None)).cast(dtype).alias(name) for name, dtype in SCHEMA.items())


def _newest(times: pl.Series, table: str) -> datetime | None:
    """The latest of some times.

    Raises
    ------
    Mistake
        When they are none.
    """
    if times.dtype in (pl.String, pl.Boolean):
        kind = "text" if times.dtype == pl.String else "true or false"
        remedy = f"name another column, or say its type and format under contract.{times.name}: rows without a time are refused then"
        raise Mistake(f"column {times.name!r}, which says when, is read as {kind}", where=f"data.sources.{table}.time", remedy=remedy)
    newest: datetime | None = times.cast(TIME, strict=False).max()  # type: ignore[assignment]
    return newest
