"""Whether a batch may enter its table: what the contract says of all of it together, and what is said when it may not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

import polars as pl

from loopline.data.contract.batch_rules import Broken, Whole, judge
from loopline.data.contract.sql import query, rows
from loopline.data.contract.terms import place_of
from loopline.data.intake.sieve import Sieve
from loopline.data.profiles.profile import Profile
from loopline.data.spec import BATCH, ContractSpec, DataSpec, SourceSpec
from loopline.errors import CheckFailed
from loopline.lake.staging import Staging
from loopline.lake.tables import Tables
from loopline.ledger.entry import Entry


@dataclass(frozen=True)
class Verdict:
    """The rules over the whole batch that it breaks: those that hold it back, and those that only warn."""

    stopped: tuple[Broken, ...]
    warned: tuple[Broken, ...]


class Stopped(CheckFailed):
    """A rule over the whole batch holds it back."""


def verdict(data: DataSpec, table: str, sieve: Sieve, *, before: Iterable[Profile], tables: Mapping[str, pl.LazyFrame]) -> Verdict:
    """What the contract says of a batch that went through the sieve.

    Parameters
    ----------
    before
        The profiles of the batches before it, the newest first; only as many are asked for as are compared.
    tables
        The tables that the contract's queries see, with the batch in its own.
    """
    contract, counts = data.contract_of(table), sieve.counts
    spec = contract.batch
    profiles = [*islice(before, spec.against)] if spec.shift is not None else []
    whole = Whole(counts.read, counts.refused, sieve.newest, sieve.profile(), profiles, sieve.order.time, moving_columns(data.sources[table], contract))
    found: list[tuple[Broken, str]] = [(broken, spec.severity) for broken in judge(spec, whole)]
    found += [(Broken("contract", f"{counts.reasons[reason]:,} rows: {reason}"), "stop") for reason in sorted(counts.stops)]
    for index, test in enumerate(contract.tests):
        place = f"{place_of(data, table)}.tests.{index}"
        if rows(query(test.sql, tables, where=place), where=place, limit=1).height:
            found.append((Broken(test.name, f"the test {test.name!r} finds rows"), test.severity))
    stopped, warned = (tuple(broken for broken, severity in found if severity == kind) for kind in ("stop", "warn"))
    return Verdict(stopped, warned)


def after(tables: Tables, data: DataSpec, table: str, staged: Staging, *, replaces: bool, old: str | None) -> dict[str, pl.LazyFrame]:
    """All tables as they will be once a batch is in.

    Parameters
    ----------
    replaces
        Whether the batch takes the place of all rows.
    old
        The batch that it takes the place of.
    """
    there = {name: tables.read(name) for name in (*data.sources, *data.tables) if tables.exists(name)}
    source, batch = data.sources[table], staged.scan()
    if replaces:
        return {**there, table: batch}
    present = there[table] if old is None else there[table].filter(pl.col(BATCH) != old)
    if source.mode == "upsert":
        present = present.join(batch.select(source.key), on=list(source.key), how="anti")
    return {**there, table: pl.concat([present, batch], how="diagonal_relaxed")}


def stopped_by(entry: Entry) -> Stopped:
    """What is said of a batch that an entry holds back."""
    said = "; ".join(broken["says"] for broken in entry.body["broken"])
    remedy = f"mend the file or the contract, or let it in: loopline data admit {entry.key[:8]} --by YOU --why '...'"
    return Stopped(f"the batch {entry.key[:8]} is held back: {said}", where=entry.body["file"], remedy=remedy)


def moving_columns(source: SourceSpec, contract: ContractSpec) -> frozenset[str]:
    """The columns in which every batch differs from those before."""
    unique = (name for name, spec in contract.columns.items() if spec.unique)
    return frozenset(name for name in (*source.key, source.time, source.cursor, *unique) if name)
