"""Taking batches into one table: what is known is passed over, what is new is checked, and every record goes somewhere.

A batch enters in three commits, announced in the ledger: its accepted rows, its refused rows, its entry in the ledger. What a process that was
killed between two of them left behind is settled first by the next one, whatever has become of the file: appended rows are taken out again;
where rows were written over, the batch is finished from its bytes in the lake, and the tables remember its digest, so that only what is still
missing is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from loopline.data.batches import KINDS, Holding, holding, terms_digest
from loopline.data.casting import inferred
from loopline.data.contract import Checked, Terms, check
from loopline.data.discards import set_aside, states_to_keep
from loopline.data.listing import File
from loopline.data.mends import corrections, taken_up
from loopline.data.quarantine import QUARANTINE, SCHEMA, rows_of
from loopline.data.reading import Chunk
from loopline.data.settling import settle
from loopline.data.sources import Batch, identity, load, read
from loopline.data.spec import BATCH, HIDDEN, LINE, ROW, ColumnSpec, DataSpec, SourceSpec
from loopline.engine.step import Progress
from loopline.errors import Mistake
from loopline.lake.blobs import Blobs
from loopline.lake.tables import Commit, Tables
from loopline.ledger.entry import Draft, Entry, now
from loopline.workspace import Workspace


@dataclass(frozen=True)
class _Delivery:
    """A file's bytes on their way in."""

    file: str
    how: str
    data: bytes
    raw: str | None = None

    @property
    def batch(self) -> str:
        return identity(self.data)


class Intake:
    """The way into one table.

    Parameters
    ----------
    data, table
        The declaration, and the name of the source whose table it is.
    parents
        Ids of the entries that what is appended follows from.
    """

    def __init__(self, workspace: Workspace, data: DataSpec, table: str, progress: Progress, parents: tuple[str, ...] = ()) -> None:
        self.table = table
        self.source: SourceSpec = data.sources[table]
        self.contract: Mapping[str, ColumnSpec] = data.contract_of(table).columns
        self._workspace = workspace
        self._data = data
        self._ledger = workspace.ledger
        self._tables = Tables(workspace.lake)
        self._blobs = Blobs(workspace.lake)
        self._progress = progress
        self._parents = parents
        self._holding = self._fold()

    @property
    def batches(self) -> list[Entry]:
        """The entries of the batches that the table holds, in the order of delivery."""
        return list(self._holding.held.values())

    def _fold(self) -> Holding:
        return holding(self._ledger.read(kinds=KINDS, subject=self.table))

    def take_all(self, files: Iterable[File]) -> None:
        """Take in the source's files that the table does not hold yet.

        Raises
        ------
        Mistake
            When a file cannot be read, or one that is owed to a changed contract is gone.
        """
        listed = {file.name: file for file in files}
        self._settle()
        self._mend()
        settle(self._workspace, self._data, self.table)
        for delivery in self._owed(listed):
            self._take(delivery)
        for done, file in enumerate(listed.values()):
            self._progress.at(done, len(listed), unit="files", note=file.name)
            delivery = self._delivery(file)
            if not self._holding.knows(file.name, delivery.batch, replaces=self.source.mode == "replace"):
                self._take(delivery)
        self._progress.at(len(listed), len(listed), unit="files")

    def take(self, path: Path) -> Entry:
        """Take in one file that a person delivers; the entry of its batch, also where the table held it already.

        Its bytes are kept in the lake: unlike a source's file, nobody promises that it stays where it is.
        """
        self._settle()
        self._mend()
        settle(self._workspace, self._data, self.table)
        data = load(path)
        known = self._holding.held.get(identity(data))
        if known is not None:
            return known
        return self._take(_Delivery(path.name, "hand", data, self._blobs.put(data)))

    def _settle(self) -> None:
        """Note a contract that differs from the one the rows were checked against: then every batch is owed again."""
        terms = terms_digest(self.source, self.contract)
        if terms != self._holding.terms:
            body = {"table": self.table, "owed": len(self._holding.held) + len(self._holding.owed)}
            self._ledger.append(Draft(kind="contract", subject=self.table, key=terms, body=body, parents=self._parents))
            self._holding = self._fold()

    def _mend(self) -> None:
        """Take out, or finish, the batch that was begun and has no entry."""
        begun = self._holding.begun
        if begun is None:
            return
        body = begun.body
        if body["mode"] != "append":
            self._take(_Delivery(body["file"], body["how"], self._blobs.get(body["raw"]), body["raw"]))
            return
        gone = ", ".join(f"'{name}'" for name in (begun.key, body["supersedes"]) if name)
        for table, where in ((self.table, f"{BATCH} IN ({gone})"), (QUARANTINE, f"{self._mine} AND batch IN ({gone})")):
            if self._tables.exists(table):
                self._tables.delete(table, where)
        self._ledger.append(Draft(kind="undone", subject=self.table, key=begun.key, body=body, parents=(*self._parents, begun.id)))
        self._holding = self._fold()

    def _owed(self, listed: Mapping[str, File]) -> Iterator[_Delivery]:
        """The batches that a changed contract wants checked again, in the order in which they came."""
        for batch, entry in list(self._holding.owed.items()):
            name = entry.body["file"]
            if entry.body["raw"] is not None:
                yield _Delivery(name, entry.body["how"], self._blobs.get(entry.body["raw"]), entry.body["raw"])
                continue
            if name not in listed:
                remedy = "put it back for this run: the contract has changed, and its rows must be checked again"
                raise Mistake(f"the file {name} is gone, whose batch is in table {self.table!r}", where=f"data.sources.{self.table}", remedy=remedy)
            delivery = self._delivery(listed[name])
            if delivery.batch == batch:
                yield delivery

    def _delivery(self, file: File) -> _Delivery:
        data = load(file.path, where=file.name)
        # A batch that writes over rows can be brought again, or finished after a death, from its own bytes only: the file may be another by then.
        raw = self._blobs.put(data) if self.source.mode != "append" else None
        return _Delivery(file.name, "source", data, raw)

    def _take(self, delivery: _Delivery) -> Entry:
        self._progress.say(f"reading {delivery.file} into {self.table}")
        batch = read(delivery.data, self.source, where=delivery.file)
        old = self._holding.superseded_by(delivery.file, batch.digest) if delivery.how == "source" and self.source.mode == "append" else None
        delivered = Chunk(batch.frame, batch.refused, batch.raw)
        discarded = states_to_keep(self._workspace, self.table, batch.digest)
        delivered, aside = set_aside(delivered, discarded, table=self.table, batch=batch.digest, source=delivery.file, time=now())
        chunk = taken_up(delivered, corrections(self._workspace, self.table, batch.digest))
        checked = check(chunk.frame, self._terms(chunk, batch.digest, old))
        refused = self._refused(delivered, chunk, checked, aside, batch.digest, delivery.file)
        version = self._holding.version(batch.digest)
        self._begin(delivery, batch.digest, old)
        try:
            commit = self._accept(batch, checked, old, version)
        except Mistake:
            self._refrain(batch.digest, version)
            raise
        self._refuse(refused, batch.digest, old, version)
        reasons: dict[str, int] = dict(checked.reasons)
        for refusal in chunk.refused:
            for reason in refusal.reasons:
                reasons[reason] = reasons.get(reason, 0) + 1
        body: dict[str, Any] = {
            "table": self.table,
            "source": self.table,
            "file": delivery.file,
            "how": delivery.how,
            "raw": delivery.raw,
            "mode": self.source.mode,
            "supersedes": old,
            "read": batch.read,
            "accepted": checked.accepted.height,
            "quarantined": refused.height,
            "reasons": reasons,
            "warnings": dict(checked.warnings),
            "version": commit.version,
            "columns": [name for name in batch.frame.columns if name not in HIDDEN],
            "about": {"separator": batch.separator},
        }
        drafts = [Draft(kind="batch", subject=self.table, key=batch.digest, body=body, parents=self._parents)]
        if delivery.how == "hand":
            drafts.append(Draft(kind="delivery", subject=self.table, key=batch.digest, body={"file": delivery.file}, parents=self._parents))
        entry = self._ledger.append(*drafts)[0]
        self._holding = self._fold()
        return entry

    def _begin(self, delivery: _Delivery, batch: str, old: str | None) -> None:
        """Announce a batch, so that its rows are found again should the process end before the batch's entry."""
        if self._holding.begun is None:
            body = {"table": self.table, "file": delivery.file, "how": delivery.how, "raw": delivery.raw, "mode": self.source.mode, "supersedes": old}
            self._ledger.append(Draft(kind="begun", subject=self.table, key=batch, body=body, parents=self._parents))

    def _refrain(self, batch: str, version: int) -> None:
        """Note that a batch which the table does not take left nothing there, lest every later run try to finish it."""
        done = self._tables.batch_version(self.table, batch)
        if self.source.mode != "append" and (done is None or done < version):
            self._ledger.append(Draft(kind="undone", subject=self.table, key=batch, body={"mode": self.source.mode, "supersedes": None}, parents=self._parents))

    def _terms(self, batch: Chunk, digest: str, old: str | None) -> Terms:
        """The contract for this batch: what the table holds already binds types and keys."""
        names = [name for name in batch.frame.columns if name not in HIDDEN]
        specs = {name: spec for name, spec in self.contract.items()}
        present = None if self._starts else self._tables.read(self.table)
        if present is not None and self.source.mode != "replace":
            schema = present.collect_schema()
            for name in names:
                if name in schema and specs.get(name, ColumnSpec()).type is None:
                    kind, _ = inferred(pl.Series([], dtype=schema[name]))
                    specs[name] = specs.get(name, ColumnSpec()).model_copy(update={"type": kind})
        terms = Terms(specs, self.source.key, self.source.time, self.source.nulls)
        groups = sorted({name for group in terms.unique() for name in group})
        if present is None or self.source.mode != "append" or not groups or not set(groups) <= set(present.collect_schema()):
            return terms
        gone = [digest, old] if old else [digest]
        return Terms(specs, self.source.key, self.source.time, self.source.nulls, present.filter(~pl.col(BATCH).is_in(gone)).select(groups).collect())

    @property
    def _starts(self) -> bool:
        """Whether the next batch is the first one: of the table, or under its present contract."""
        return not self._holding.held or not self._tables.exists(self.table)

    def _accept(self, batch: Batch, checked: Checked, old: str | None, version: int) -> Commit:
        """Commit the accepted rows, in the source's order and with their origin."""
        replaces = self._starts or self.source.mode == "replace"
        first = 0
        if not replaces:
            others = self._tables.read(self.table).filter(pl.col(BATCH) != batch.digest)
            first = others.select((pl.col(ROW).max() + 1).fill_null(0)).collect().item()
        origin = (pl.lit(batch.digest).alias(BATCH), pl.col(LINE), (pl.int_range(pl.len(), dtype=pl.Int64) + first).alias(ROW))
        rows = checked.accepted.select(pl.exclude(*HIDDEN), *origin)
        if replaces:
            return self._tables.replace(self.table, rows, batch=batch.digest, batch_version=version)
        if self.source.mode == "upsert":
            return self._tables.upsert(self.table, rows, key=self.source.key, batch=batch.digest, batch_version=version)
        if old is not None:
            self._tables.delete(self.table, f"{BATCH} = '{old}'")
        return self._tables.append(self.table, rows, batch=batch.digest, batch_version=version)

    def _refused(self, delivered: Chunk, chunk: Chunk, checked: Checked, aside: pl.DataFrame, batch: str, file: str) -> pl.DataFrame:
        """All that goes to the quarantine: what the contract refuses, what could not be cut, and what was discarded."""
        lines = chunk.frame[LINE].gather(checked.refused["place"]).to_list()
        said = [*zip(lines, checked.refused["reasons"].to_list(), strict=True), *((item.line, list(item.reasons)) for item in chunk.refused)]
        reasons = pl.DataFrame(said, schema={name: SCHEMA[name] for name in ("line", "reasons")}, orient="row")
        rows = rows_of(delivered, reasons, table=self.table, batch=batch, source=file, time=now())
        return pl.concat([rows, aside]).sort("line")

    def _refuse(self, rows: pl.DataFrame, batch: str, old: str | None, version: int) -> None:
        """Commit rows to the quarantine."""
        name = f"{self.table}:{batch}"
        done = self._tables.batch_version(QUARANTINE, name)
        if done is not None and done >= version:
            return
        outdated = self._outdated(batch, old)
        if outdated and self._tables.exists(QUARANTINE):
            self._tables.delete(QUARANTINE, outdated)
        if rows.height:
            self._tables.append(QUARANTINE, rows, batch=name, batch_version=version)

    @property
    def _mine(self) -> str:
        """The condition for this table's rows in the quarantine."""
        return f""""table" = '{self.table}'"""

    def _outdated(self, batch: str, old: str | None) -> str:
        """The quarantine's rows that no longer hold once the batch is in: of its earlier check, and of what it takes the place of."""
        if self.source.mode == "replace" or not self._holding.held:
            return self._mine
        checked_before = batch in self._holding.owed or batch in self._holding.left
        gone = [f"'{name}'" for name in (batch if checked_before else None, old) if name]
        return f"{self._mine} AND batch IN ({', '.join(gone)})" if gone else ""
