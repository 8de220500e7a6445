"""A contract proposed from data: every rule with the evidence for it, and what a person should decide; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from loopline.data.casting import absent
from loopline.data.contract.contract import Terms, check
from loopline.data.proposals.infer import bounded, null_signs, time_of, typed
from loopline.data.proposals.leaks import is_identifier
from loopline.data.proposals.patterns import pattern_of
from loopline.data.proposals.relations import ENOUGH, composite_key, references, relations
from loopline.data.spec import OWN, ColumnSpec, ContractSpec
from loopline.data.spec_contract import ReferenceSpec, RuleSpec

_LOOKED_AT = 100_000
_DIFFERENT_LENGTHS = 5


@dataclass(frozen=True)
class Proposed:
    """A rule over several columns: a row rule, or a reference; not certain ones are for a person to take or leave."""

    spec: RuleSpec | ReferenceSpec
    evidence: str
    certain: bool = True


@dataclass(frozen=True)
class Proposal:
    """A contract and what speaks for it.

    Parameters
    ----------
    rows, refused
        How many rows it was inferred from, and how many of them it would refuse, by reason.
    nulls
        Words that stand for null here, beside those that always do.
    columns, evidence
        Each column's contract, and what it rests on.
    rules
        Row rules and references.
    questions
        What a person should decide, one line each.
    """

    rows: int
    refused: Mapping[str, int]
    key: tuple[str, ...]
    time: str | None
    nulls: tuple[str, ...]
    columns: Mapping[str, ColumnSpec]
    evidence: Mapping[str, str]
    rules: tuple[Proposed, ...]
    questions: tuple[str, ...]

    def contract(self) -> ContractSpec:
        """The contract, without what is not certain."""
        certain = [proposed.spec for proposed in self.rules if proposed.certain]
        return ContractSpec(
            columns=dict(self.columns),
            rules=tuple(spec for spec in certain if isinstance(spec, RuleSpec)),
            references=tuple(spec for spec in certain if isinstance(spec, ReferenceSpec)),
        )


def propose(
    batch: pl.DataFrame,
    *,
    nulls: Sequence[str] = (),
    key: Sequence[str] = (),
    time: str | None = None,
    others: Mapping[str, Mapping[str, pl.Series]] | None = None,
    strict: bool = False,
) -> Proposal:
    """A contract that the rows keep.

    Parameters
    ----------
    batch
        Rows in the source's order: texts as a CSV gives them, or typed values.
    key, time
        The columns that are declared so; looked for where they are not.
    others
        For each other table its columns whose values come once: what may be referred to.
    strict
        Whether a row that breaks a range, a list of values, a pattern or a rule is to be refused; else it only warns.
    """
    names = [name for name in batch.columns if not name.startswith(OWN)]
    questions: list[str] = []
    signs = null_signs(batch, names, nulls)
    words = (*nulls, *signs)
    types = {name: typed(batch[name], words, questions) for name in names}
    rows = batch.select(names)
    sound = check(rows, Terms(types, nulls=words)).accepted
    found_time = time or _time(sound, types, questions)
    found_key = tuple(key) or _key(sound, types, questions)
    columns: dict[str, ColumnSpec] = {}
    evidence: dict[str, str] = {}
    for name in names:
        missing = int(batch.select(absent(name, batch.schema[name], words).sum()).item())
        columns[name], evidence[name] = _column(sound[name], types[name], missing, batch.height, alone=found_key == (name,), strict=strict)
    rules = [*_rules(sound, strict), *_references(sound, others or {}, found_key, strict)]
    for spec in (proposed.spec for proposed in rules if proposed.certain):
        if isinstance(spec, ReferenceSpec):
            # The other table says which values there are; the range of those seen so far says nothing beside it.
            name = spec.columns[0]
            columns[name], evidence[name] = _without_bounds(columns[name]), f"{evidence[name].split(';')[0]}; its values are those of {spec.table}"
    last = check(rows, Terms(columns, key=found_key, time=found_time, nulls=words))
    questions += [f"{count:,} of {batch.height:,} rows would be refused: {reason}" for reason, count in last.reasons.items()]
    return Proposal(batch.height, last.reasons, found_key, found_time, signs, columns, evidence, tuple(rules), tuple(questions))


def _time(frame: pl.DataFrame, types: Mapping[str, ColumnSpec], questions: list[str]) -> str | None:
    said: list[str] = []
    found = time_of(frame, types, said)
    dated = [name for name, spec in types.items() if spec.type in ("date", "datetime") and name != found]
    if found is not None and dated:
        questions.append(f"{found} is taken for the time at which a row happened, not {', '.join(dated)}")
    elif dated:
        questions.append(f"{', '.join(dated)}: if one says when a row happened, name it as the source's time")
    return found


def _key(frame: pl.DataFrame, types: Mapping[str, ColumnSpec], questions: list[str]) -> tuple[str, ...]:
    """One column that names the row, else the fewest that do so together."""
    whole = [name for name in frame.columns if not frame[name].null_count()]
    single = [name for name in whole if types[name].type in ("integer", "text", "category") and _comes_once(frame[name])]
    named = [name for name in single if is_identifier(frame[name])]
    if named:
        return (named[0],)
    if single:
        questions.append(f"{', '.join(single)}: no value comes twice; if one names the row, make it the key")
        return ()
    parts = [name for name in whole if types[name].type not in ("number", "boolean")]
    group = composite_key(frame, parts)
    if group is not None:
        questions.append(f"{' and '.join(group)} together come once; they are taken for the key")
        return group
    if frame.height >= ENOUGH:
        questions.append("no column and no two or three columns name a row; without a key, a row that comes twice is not seen")
    return ()


def _comes_once(values: pl.Series) -> bool:
    return len(values) >= ENOUGH and values.n_unique() == len(values)


def _column(values: pl.Series, spec: ColumnSpec, missing: int, rows: int, *, alone: bool, strict: bool) -> tuple[ColumnSpec, str]:
    """The contract of one column, and what it rests on."""
    known = values.drop_nulls()
    told = [f"{missing:,} of {rows:,} missing" if missing else "never missing"]
    more: dict[str, object] = {}
    unreadable = rows - missing - len(known)
    if unreadable > 0 and spec.type not in ("text", "category"):
        told.append(f"{unreadable:,} rows are left out, most for cells that are no {spec.type}")
    names_row = alone or (spec.type in ("integer", "text", "category") and _comes_once(known) and is_identifier(values))
    if names_row:
        told.append("no value comes twice")
        more["unique"] = not alone
    elif (ranged := bounded(values, spec, {})).min is not None or ranged.values is not None:
        spec = ranged.model_copy(update={"severity": "refuse"})
        told.append(f"{known.n_unique():,} different values" + ("" if ranged.min is None else ", the range is the one seen"))
    if spec.type in ("text", "category") and spec.values is None:
        more |= _written(known, told)
    gentle = spec.values is not None or spec.min is not None or "pattern" in more or "length" in more
    more["required"] = not missing and rows >= ENOUGH
    more["severity"] = "warn" if gentle and not strict else "refuse"
    return spec.model_copy(update=more), "; ".join(told)


def _without_bounds(spec: ColumnSpec) -> ColumnSpec:
    bare = spec.model_copy(update={"min": None, "max": None, "values": None})
    return bare if bare.pattern is not None or bare.length is not None else bare.model_copy(update={"severity": "refuse"})


def _written(known: pl.Series, told: list[str]) -> dict[str, object]:
    """The pattern of texts, or how long they are."""
    distinct = known.unique().head(_LOOKED_AT)
    pattern = pattern_of(distinct.to_list())
    if pattern is not None and known.str.contains(f"^(?:{pattern})$").all():
        told.append(f"all {len(distinct):,} different texts are written so")
        return {"pattern": pattern}
    lengths = known.str.len_chars()
    if len(known) < ENOUGH or not len(distinct) >= ENOUGH:
        return {}
    low, high = int(lengths.min()), int(lengths.max())  # type: ignore[arg-type]
    if low != high and lengths.n_unique() < _DIFFERENT_LENGTHS:
        return {}
    told.append(f"{low} to {high} characters long" if low != high else f"all {low} characters long")
    return {"length": ColumnSpec.model_validate({"length": f"{low}..{high}"}).length}


def _rules(frame: pl.DataFrame, strict: bool) -> list[Proposed]:
    found = []
    for relation in relations(frame.gather_every(1 + frame.height // _LOOKED_AT)):
        said = f"{relation.rows:,} rows, " + (f"{relation.exceptions:,} exceptions: decide whether they are wrong" if relation.exceptions else "no exception")
        found.append(Proposed(RuleSpec(check=relation.check, severity="refuse" if strict else "warn"), said, certain=not relation.exceptions))
    return found


def _references(frame: pl.DataFrame, others: Mapping[str, Mapping[str, pl.Series]], key: Sequence[str], strict: bool) -> list[Proposed]:
    found: dict[str, Proposed] = {}
    for reference in references(frame, others, leave_out=key if len(key) == 1 else ()):
        to = () if reference.to == reference.column else (reference.to,)
        spec = ReferenceSpec(columns=(reference.column,), table=reference.table, to=to, severity="refuse" if strict else "warn")
        said = f"all {reference.rows:,} values are found there"
        certain = reference.likely and not (reference.column in found and found[reference.column].certain)
        if reference.column not in found or certain:
            found[reference.column] = Proposed(spec, said if certain else f"{said}; decide whether it is meant", certain)
    return list(found.values())
