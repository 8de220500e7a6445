"""Taking batches into one table: what is known is passed over, what is new is checked, and every record goes somewhere.

A batch enters in three commits, announced in the ledger: its accepted rows, its refused rows, its entry in the ledger. What a process that was
killed between two of them left behind is settled first by the next one, whatever has become of the file: appended rows are taken out again;
where rows were written over, the batch is finished from its bytes in the lake, and the tables remember its digest, so that only what is still
missing is done.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl

from loopline.data.batches import KINDS, Holding, holding, terms_digest
from loopline.data.cleaning import cleaning
from loopline.data.cleaning.cleaned import CLEANED
from loopline.data.edits import edits
from loopline.data.edits.reapply import reapply
from loopline.data.forget.erasing import without
from loopline.data.formats.opening import open_reading
from loopline.data.formats.reading import Reading
from loopline.data.intake.ordering import order_of
from loopline.data.intake.sieve import Counts, Order, Sieve
from loopline.data.intake.verdict import Stopped, after, stopped_by, verdict
from loopline.data.listing import File
from loopline.data.profiles.profile import Profile
from loopline.data.quarantine import settling
from loopline.data.quarantine.quarantine import QUARANTINE
from loopline.data.sources.bringing import brought
from loopline.data.sources.delivery import Delivery, identity
from loopline.data.spec import BATCH, ContractSpec, DataSpec, SourceSpec
from loopline.engine.step import Progress
from loopline.errors import LooplineError, Mistake
from loopline.lake.blobs import Blobs, file_digest
from loopline.lake.objects import storage_fault
from loopline.lake.staging import Staging
from loopline.lake.tables import Tables
from loopline.lake.versions import Commit
from loopline.lake.writers import writing
from loopline.ledger.entry import Draft, Entry, canonical
from loopline.workspace import Workspace


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
        self.contract: ContractSpec = data.contract_of(table)
        self._data = data
        self._workspace = workspace
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

    def take_all(self, files: Iterable[File], *, folder: Path | None = None) -> None:
        """Take in what the source has that the table does not hold yet: its files, or what is brought from elsewhere.

        Parameters
        ----------
        folder
            Where relative paths begin: of a source that is no file on this machine.

        Raises
        ------
        Mistake
            When a file cannot be read, or one that is owed to a changed contract is gone.
        CheckFailed
            When a rule holds a batch back; the others are in by then.
        """
        listed = {file.name: file for file in files}
        stopped: list[Stopped] = []
        with self._settled():
            self._again(listed, stopped)
            for done, file in enumerate(listed.values()):
                self._progress.at(done, len(listed), unit="files", note=file.name)
                batch = file_digest(file.path)
                if not self._holding.knows(file.name, batch, replaces=self.source.mode == "replace"):
                    self._try(self._delivery(file, batch), stopped)
            self._progress.at(len(listed), len(listed), unit="files")
            if folder is not None and not self.source.is_local:
                where = f"data.sources.{self.table}"
                for delivery in brought(self.source, self._holding, self._blobs, folder=folder, progress=self._progress, where=where):
                    if not self._holding.knows(delivery.file, delivery.batch, replaces=self.source.mode == "replace"):
                        self._try(delivery, stopped)
        if stopped:
            raise stopped[0]

    def take(self, path: Path) -> Entry:
        """Take in one file that a person delivers; the entry of its batch, also where the table held it already.

        Its bytes are kept in the lake: unlike a source's file, nobody promises that it stays where it is.

        Raises
        ------
        Mistake
            When the file cannot be read.
        CheckFailed
            When a rule holds the batch back.
        """
        with self._settled():
            batch = identity(path)
            known = self._holding.held.get(batch)
            return known or self._take(Delivery(path.name, "hand", path, batch, self._blobs.put_file(path)))

    def rehearse(self, path: Path) -> Counts:
        """What would become of a file's records, were it taken in now; nothing is written.

        Raises
        ------
        Mistake
            When the file cannot be read.
        """
        # A table that holds nothing does not hold this batch either: its digest need not be known.
        delivery = Delivery(path.name, "hand", path, identity(path) if self._tables.exists(self.table) else "")
        with self._opened(delivery) as reading, Sieve(self._tables, self._order(reading, delivery, None), rehearses=True) as sieve:
            sieve.sift(reading, self._progress)
            return sieve.counts

    @contextmanager
    def _settled(self) -> Iterator[None]:
        """A time to write, with nothing open from before: no files, batches or edits of a process that died; then lost edits are brought again."""
        with writing(self._workspace.lake):
            edits.settle(self._workspace, self._data, self.table)
            self._holding = self._fold()
            self._settle()
            self._mend()
            settling.settle(self._workspace, self._data, self.table)
            self._holding = self._fold()
            try:
                yield
                self._edited_again()
            except pl.exceptions.PolarsError as error:
                # What does not fit into memory is spilled beside, where the disk may be full too.
                if (fault := storage_fault(str(error), f"table {self.table!r}")) is None:
                    raise
                raise fault from None

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
            with self._blobs.file(body["raw"]) as path:
                self._take(Delivery(body["file"], body["how"], path, begun.key, body["raw"]), judged=False)
            return
        gone = ", ".join(f"'{name}'" for name in (begun.key, body["supersedes"]) if name)
        for table, where in ((self.table, f"{BATCH} IN ({gone})"), *((name, f"{self._mine} AND batch IN ({gone})") for name in (QUARANTINE, CLEANED))):
            if self._tables.exists(table):
                self._tables.delete(table, where)
        self._ledger.append(Draft(kind="undone", subject=self.table, key=begun.key, body=body, parents=(*self._parents, begun.id)))
        self._holding = self._fold()

    def _edited_again(self, before: int | None = None) -> None:
        """Bring the edits back that the table lost when its batches were checked again; those that came before an entry where one is named."""
        if self._tables.exists(self.table) and reapply(self._workspace, self._data, self.table, before=before, parents=self._parents) is not None:
            self._holding = self._fold()

    def _again(self, listed: Mapping[str, File], stopped: list[Stopped]) -> None:
        """Check the batches again that a changed contract wants to, in the order in which they came."""
        for batch, entry in list(self._holding.owed.items()):
            self._edited_again(before=entry.seq)
            name = entry.body["file"]
            if entry.body["raw"] is not None:
                with self._blobs.file(entry.body["raw"]) as path:
                    self._try(Delivery(name, entry.body["how"], path, batch, entry.body["raw"]), stopped)
                continue
            file = listed.get(name) or self._moved(listed, batch)
            delivery = self._delivery(file, file_digest(file.path))
            if delivery.batch == batch:
                self._try(delivery, stopped)

    def _moved(self, listed: Mapping[str, File], batch: str) -> File:
        """The file that holds a batch under another name: a source that has another place brings what it brought before."""
        for file in listed.values():
            if file_digest(file.path) == batch:
                return file
        name = self._holding.owed[batch].body["file"]
        what = f"the file {name} is gone, whose batch is in table {self.table!r}, and no other file of the source has its content"
        remedy = "put it back for this run, under any name: the contract has changed, and its rows must be checked again"
        raise Mistake(what, where=f"data.sources.{self.table}", remedy=remedy)

    def _delivery(self, file: File, batch: str) -> Delivery:
        # A batch that writes over rows can be brought again, or finished after a death, from its own bytes only: the file may be another by then.
        raw = self._blobs.put_file(file.path) if self.source.mode != "append" else None
        return Delivery(file.name, "source", file.path, raw or batch, raw)

    def _try(self, delivery: Delivery, stopped: list[Stopped]) -> None:
        """Take a batch in unless a rule holds it back; those that are held back already are not read again."""
        known = self._holding.stopped.get(delivery.batch)
        if known is not None and delivery.batch not in self._holding.admitted:
            stopped.append(stopped_by(known))
            return
        try:
            self._take(delivery)
        except Stopped as error:
            stopped.append(error)

    def _take(self, delivery: Delivery, *, judged: bool = True) -> Entry:
        self._progress.say(f"reading {delivery.file} into {self.table}")
        old = self._holding.superseded_by(delivery.file, delivery.batch) if delivery.how == "source" and self.source.mode == "append" else None
        with self._opened(delivery) as reading, Sieve(self._tables, self._order(reading, delivery, old)) as sieve:
            sieve.sift(reading, self._progress)
            self._keep_out(delivery, sieve)
            if not sieve.counts.read and delivery.batch not in self._holding.owed and judged:
                raise Mistake("the file has no rows", where=delivery.file, remedy="give a file with rows, or take it away")
            if judged:
                self._judge(delivery, sieve, old)
            version = self._holding.version(delivery.batch)
            self._begin(delivery, old)
            try:
                commit = self._accept(delivery.batch, sieve.accepted, old, version)
            except Mistake:
                self._refrain(delivery.batch, version)
                raise
            for table, staged in ((QUARANTINE, sieve.refused), (CLEANED, sieve.cleaned)):
                self._put_beside(table, staged, delivery.batch, old, version)
            entry = self._ledger.append(*self._drafts(delivery, reading, sieve, old, commit))[0]
        self._holding = self._fold()
        return entry

    def _keep_out(self, delivery: Delivery, sieve: Sieve) -> None:
        """Rid the kept bytes of the records of people who were forgotten."""
        gone = sieve.order.forgotten
        if gone is not None and sieve.counts.forgotten and delivery.raw is not None:
            kept, _ = without(delivery.path.read_bytes(), self.source, gone, file=delivery.file)
            self._blobs.erase(delivery.raw, kept)

    @contextmanager
    def _opened(self, delivery: Delivery) -> Iterator[Reading]:
        reading = open_reading(delivery.path, self.source.as_file, where=delivery.file)
        try:
            yield reading
        except LooplineError as error:
            # Of many files, a person wants to know which one it is.
            if delivery.file not in error.where:
                error.where = f"{delivery.file}: {error.where}" if error.where else delivery.file
            raise
        finally:
            reading.close()

    def _order(self, reading: Reading, delivery: Delivery, old: str | None) -> Order:
        """What the batch is sifted by."""
        present = None if self._starts else self._tables.read(self.table)
        return order_of(self._workspace, self._data, self.table, reading, delivery, present=present, replaces=self._replaces, old=old)

    @property
    def _starts(self) -> bool:
        """Whether the next batch is the first one: of the table, or under its present contract."""
        return not self._holding.held or not self._tables.exists(self.table)

    @property
    def _replaces(self) -> bool:
        return self._starts or self.source.mode == "replace"

    def _judge(self, delivery: Delivery, sieve: Sieve, old: str | None) -> None:
        """Hold the batch to the rules over it as a whole; those that only warn are counted.

        Raises
        ------
        CheckFailed
            When one holds it back; nothing of it is visible then.
        """
        before = [entry.body["profile"] for entry in reversed(self.batches) if entry.body.get("profile")]
        tables = after(self._tables, self._data, self.table, sieve.accepted, replaces=self._replaces, old=old) if self.contract.tests else {}
        judged = verdict(self._data, self.table, sieve, before=self._profiles(before), tables=tables)
        sieve.counts.warnings.update(broken.says for broken in judged.warned)
        if not judged.stopped or delivery.batch in self._holding.admitted:
            return
        counts = sieve.counts
        body = {"file": delivery.file, "how": delivery.how, "raw": delivery.raw, "tag": delivery.tag, "read": counts.read, "refused": counts.refused}
        said = [{"rule": broken.rule, "says": broken.says} for broken in judged.stopped]
        draft = Draft(kind="held", subject=self.table, key=delivery.batch, body={**body, "table": self.table, "broken": said}, parents=self._parents)
        entry = self._ledger.append(draft)[0]
        sieve.discard()
        self._holding = self._fold()
        raise stopped_by(entry)

    def _profiles(self, digests: Iterable[str]) -> Iterator[Profile]:
        """The profiles in some blobs; those of an earlier format do not go with others."""
        for digest in digests:
            with suppress(ValueError):
                yield Profile.from_json(json.loads(self._blobs.get(digest)))

    def _begin(self, delivery: Delivery, old: str | None) -> None:
        """Announce a batch, so that its rows are found again should the process end before the batch's entry."""
        if self._holding.begun is None:
            body = {"table": self.table, "file": delivery.file, "how": delivery.how, "raw": delivery.raw, "mode": self.source.mode, "supersedes": old}
            self._ledger.append(Draft(kind="begun", subject=self.table, key=delivery.batch, body=body, parents=self._parents))

    def _refrain(self, batch: str, version: int) -> None:
        """Note that a batch which the table does not take left nothing there, lest every later run try to finish it."""
        done = self._tables.batch_version(self.table, batch)
        if self.source.mode != "append" and (done is None or done < version):
            self._ledger.append(Draft(kind="undone", subject=self.table, key=batch, body={"mode": self.source.mode, "supersedes": None}, parents=self._parents))

    def _accept(self, batch: str, staged: Staging, old: str | None, version: int) -> Commit:
        """Commit the accepted rows, in the source's order and with their origin."""
        if self._replaces:
            return self._tables.add_staged(self.table, staged, replace=True, batch=batch, batch_version=version)
        if self.source.mode == "upsert":
            return self._tables.upsert_staged(self.table, staged, key=self.source.key, batch=batch, batch_version=version)
        if old is not None:
            self._tables.delete(self.table, f"{BATCH} = '{old}'")
        return self._tables.add_staged(self.table, staged, batch=batch, batch_version=version)

    def _put_beside(self, table: str, staged: Staging, batch: str, old: str | None, version: int) -> None:
        """Commit the refused rows, or the raw values of cleaned cells; what no longer holds of earlier checks goes."""
        name = f"{self.table}:{batch}"
        done = self._tables.batch_version(table, name)
        if done is not None and done >= version:
            staged.discard()
            return
        outdated = self._outdated(batch, old)
        if outdated and self._tables.exists(table):
            self._tables.delete(table, outdated)
        if staged.rows:
            self._tables.add_staged(table, staged, batch=name, batch_version=version)

    @property
    def _mine(self) -> str:
        """The condition for this table's rows in the quarantine."""
        return f""""table" = '{self.table}'"""

    def _outdated(self, batch: str, old: str | None) -> str:
        """The rows beside the table that no longer hold once the batch is in: of its earlier check, and of what it takes the place of."""
        if self.source.mode == "replace" or not self._holding.held:
            return self._mine
        checked_before = batch in self._holding.owed or batch in self._holding.left
        gone = [f"'{name}'" for name in (batch if checked_before else None, old) if name]
        return f"{self._mine} AND batch IN ({', '.join(gone)})" if gone else ""

    def _drafts(self, delivery: Delivery, reading: Reading, sieve: Sieve, old: str | None, commit: Commit) -> list[Draft]:
        counts = sieve.counts
        body: dict[str, Any] = {
            "table": self.table,
            "source": self.table,
            "file": delivery.file,
            "how": delivery.how,
            "raw": delivery.raw,
            "mode": self.source.mode,
            "supersedes": old,
            "tag": delivery.tag,
            "mark": delivery.mark,
            "about": dict(reading.about),
            "columns": list(reading.columns),
            "formats": {name: spec.format for name, spec in sieve.order.terms.columns.items() if spec.format},
            "read": counts.read,
            "accepted": counts.accepted,
            "quarantined": counts.refused + counts.discarded,
            "merged": counts.merged,
            "forgotten": counts.forgotten,
            "reasons": dict(counts.reasons),
            "warnings": dict(counts.warnings),
            "cleaned": cleaning.counts(sieve.cleaning),
            "newest": None if sieve.newest is None else sieve.newest.isoformat(),
            "profile": self._blobs.put(canonical(sieve.profile().to_json()).encode("utf-8")),
            "version": commit.version,
        }
        drafts = [Draft(kind="batch", subject=self.table, key=delivery.batch, body=body, parents=self._parents)]
        if delivery.how == "hand":
            drafts.append(Draft(kind="delivery", subject=self.table, key=delivery.batch, body={"file": delivery.file}, parents=self._parents))
        return drafts
