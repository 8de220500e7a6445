"""How a contract was kept: each of its rules, with how many of the delivered rows broke it; read off the ledger and the quarantine, never off rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import polars as pl

from loopline.data.batches import KINDS, Holding, holding
from loopline.data.quarantine.quarantine import rows
from loopline.data.quarantine.reasons import broken, home_of
from loopline.data.spec import ColumnSpec, DataSpec
from loopline.data.spec_contract import RULES, Severity
from loopline.declaration import say_duration
from loopline.lake.tables import Tables
from loopline.workspace import Workspace

_OVER_BATCHES = {
    "rows": re.compile(r"it has [\d,]+ rows, and .* are expected"),
    "fresh": re.compile(r"its newest row is .* old, .*|no row says when it happened, .*"),
    "refused": re.compile(r"[\d.]+% of its rows are refused, .*"),
    "shift": re.compile(r".* is distributed otherwise than in the \d+ batches before: .*", re.DOTALL),
}
_TEST = re.compile(r"the test (.*) finds rows", re.DOTALL)
Key = tuple[str, tuple[str, ...]]
"""Where a rule is declared, and the columns that it is about: what tells it from every other rule of a table."""


@dataclass(frozen=True)
class Rule:
    """A rule of a contract, and how it was kept.

    Parameters
    ----------
    rule, columns, says
        Which kind of rule it is, what it is about, and what it wants, in words.
    where
        Its field in the declaration; empty where no field says it.
    broke
        How many delivered rows broke it, or how many batches where it is over a whole batch.
    waits
        How many of these rows wait in the quarantine.
    stopped
        How many batches it holds back now.
    """

    table: str
    rule: str
    columns: tuple[str, ...]
    says: str
    severity: Severity
    where: str
    broke: int = 0
    waits: int = 0
    stopped: int = 0

    @property
    def key(self) -> Key:
        """What tells it from every other rule of its table."""
        return self.where, self.columns

    @property
    def is_kept(self) -> bool:
        """Whether everything that was delivered keeps it."""
        return not (self.broke or self.waits or self.stopped)

    def as_json(self) -> dict[str, Any]:
        """The rule as plain values."""
        return {**asdict(self), "columns": list(self.columns), "kept": self.is_kept}


def rules_kept(workspace: Workspace, data: DataSpec, table: str) -> list[Rule]:
    """The rules of a source's table in the order of the declaration, with how often what the table holds broke each.

    What no field of the declaration says, such as that every record can be read, comes last, where it was broken.
    """
    held = holding(workspace.ledger.read(kinds=KINDS, subject=table))
    told = {rule.key: rule for rule in _declared(data, table)}
    names, keys = _columns(data, table, held), dict[str, Key]()

    def count(reason: str, **more: int) -> None:
        if reason not in keys:
            keys[reason] = _key(told, reason, data, table, names)
        rule = told[keys[reason]]
        told[rule.key] = replace(rule, **{name: getattr(rule, name) + each for name, each in more.items()})

    for reason, each in _delivered(held):
        count(reason, broke=each)
    for reason, each in _waiting(workspace, table):
        count(reason, waits=each)
    for entry in held.stopped.values():
        for broke in entry.body["broken"]:
            count(broke["says"], stopped=1)
    return list(told.values())


def _columns(data: DataSpec, table: str, held: Holding) -> list[str]:
    """Every name that a reason may begin with."""
    delivered = [name for entry in (*held.owed.values(), *held.held.values()) for name in entry.body.get("columns") or ()]
    return list(dict.fromkeys((*delivered, *data.contract_of(table).columns, *data.sources[table].key)))


def _delivered(held: Holding) -> Iterator[tuple[str, int]]:
    for entry in held.held.values():
        yield from entry.body["reasons"].items()
        yield from (entry.body.get("warnings") or {}).items()


def _waiting(workspace: Workspace, table: str) -> Iterator[tuple[str, int]]:
    mine = rows(Tables(workspace.lake)).filter((pl.col("table") == table) & (pl.col("state") == "refused"))
    counts = mine.select(pl.col("reasons").explode().alias("reason")).drop_nulls().group_by("reason").len().sort("reason").collect()
    yield from counts.iter_rows()


def _key(told: dict[Key, Rule], reason: str, data: DataSpec, table: str, names: Iterable[str]) -> Key:
    """The rule that gave a reason; one that is not declared joins the others."""
    if (key := _over_batch(reason, data, table)) is not None:
        return key if key in told else _told(told, Rule(table, "batch", (), reason, "warn", key[0]))
    found = broken(reason, data, table, names)
    key = found.where, found.columns
    return key if key in told else _told(told, Rule(table, found.rule, found.columns, found.says, "refuse", found.where))


def _told(told: dict[Key, Rule], rule: Rule) -> Key:
    told[rule.key] = rule
    return rule.key


def _over_batch(reason: str, data: DataSpec, table: str) -> Key | None:
    """The rule over a whole batch, or the test, that gave a reason."""
    home = home_of(data, table)
    for index, test in enumerate(data.contract_of(table).tests):
        if (match := _TEST.fullmatch(reason)) and match[1] == repr(test.name):
            return f"{home}.tests.{index}", ()
    return next(((f"{home}.batch.{name}", ()) for name, phrase in _OVER_BATCHES.items() if phrase.fullmatch(reason)), None)


def _declared(data: DataSpec, table: str) -> Iterator[Rule]:
    """The rules that the declaration says."""
    contract, source, home = data.contract_of(table), data.sources[table], home_of(data, table)
    if source.key:
        yield Rule(table, "unique", tuple(source.key), f"{' and '.join(source.key)} names one row", "refuse", f"data.sources.{table}.key")
    if source.time is not None and not contract.columns.get(source.time, ColumnSpec()).required:
        yield Rule(table, "required", (source.time,), f"{source.time} is the time, which is never missing", "refuse", f"data.sources.{table}.time")
    for name, spec in contract.columns.items():
        yield from _of_column(table, name, spec, f"{home}.{name}")
    for group in contract.unique:
        yield Rule(table, "unique", tuple(group), f"{' and '.join(group)} comes once", "refuse", f"{home}.unique")
    for index, rule in enumerate(contract.rules):
        yield Rule(table, "rules", (), rule.check, rule.severity, f"{home}.rules.{index}")
    for reference in contract.references:
        columns = tuple(reference.columns)
        yield Rule(table, "references", columns, f"{' and '.join(columns)} is found in table {reference.table}", reference.severity, f"{home}.references")
    for index, test in enumerate(contract.tests):
        yield Rule(table, "test", (), f"{test.name}: {test.sql}", test.severity, f"{home}.tests.{index}")
    yield from _of_batches(data, table)


def _of_column(table: str, name: str, spec: ColumnSpec, home: str) -> Iterator[Rule]:
    for rule in RULES:
        value = getattr(spec, rule)
        if value is not None and value is not False:
            yield Rule(table, rule, (name,), f"{rule}: {_said(value)}", spec.severity_of(rule), f"{home}.{rule}")


def _said(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "yes" if value is True else f"{value:.10g}" if isinstance(value, float) else str(value)


def _of_batches(data: DataSpec, table: str) -> Iterator[Rule]:
    spec, home = data.contract_of(table).batch, f"{home_of(data, table)}.batch"
    wants: Mapping[str, str | None] = {
        "rows": None if spec.rows is None else f"a batch has {spec.rows} rows",
        "fresh": None if spec.fresh is None else f"the newest row of a batch is at most {say_duration(spec.fresh)} old",
        "refused": None if spec.refused is None else f"at most {spec.refused:.1%} of a batch are refused",
        "shift": None if spec.shift is None else f"no column moves by more than {spec.shift:.2f} from the {spec.against} batches before",
    }
    yield from (Rule(table, "batch", (), says, spec.severity, f"{home}.{name}") for name, says in wants.items() if says is not None)
