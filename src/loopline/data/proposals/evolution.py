"""What changed upstream: a new delivery against the contract and the table, what that does to the next run, and how the contract would follow; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

import polars as pl

from loopline.data.casting import absent, formats, inferred, parsed
from loopline.data.contract.batch_rules import distance
from loopline.data.contract.contract import Terms
from loopline.data.profiles.profile import profile
from loopline.data.proposals.patterns import pattern_of
from loopline.data.proposals.relations import name_of
from loopline.data.spec import OWN, ColumnSpec, ColumnType, ContractSpec, SourceSpec
from loopline.data.testing.cases import Trial, Verdict, try_rows
from loopline.expression.language import parse

STRAY = 0.02
"""The share of cells up to which what does not fit is taken for dirt, not for a change."""
_SURE, _LIKELY, _SAME_NAME = 0.9, 0.55, 0.75
_MOVED = 0.3
_LISTED = 50
_FEW = 2

Kind = Literal["new", "missing", "renamed", "retyped", "format", "values", "range", "required", "pattern", "length", "moved", "separator", "encoding", "rule"]


@dataclass(frozen=True)
class Edit:
    """A change of the declaration: `path` starts at a column's contract, at the table's contract, or at its source."""

    action: Literal["put", "extend", "rename", "drop"]
    part: Literal["column", "contract", "source"]
    path: tuple[str | int, ...]
    value: Any = None


@dataclass(frozen=True)
class Change:
    """One thing that is otherwise than before.

    Parameters
    ----------
    says, effect
        What changed, and what it does to the next run as the declaration stands.
    rows
        How many rows it concerns.
    edits
        How the declaration would follow; none where a person has to decide.
    """

    kind: Kind
    column: str | None
    says: str
    effect: str
    rows: int = 0
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True)
class Evolution:
    """All changes, and how many rows the contract refuses as it stands."""

    changes: tuple[Change, ...]
    rows: int
    refused: int
    stops: bool


@dataclass(frozen=True)
class _Seen:
    """What is compared."""

    now: pl.DataFrame
    before: pl.DataFrame | None
    source: SourceSpec
    contract: ContractSpec
    verdicts: Mapping[tuple[str, str], Verdict]

    def spec(self, name: str) -> ColumnSpec:
        return self.contract.columns.get(name, ColumnSpec())

    def known(self, name: str) -> pl.Series:
        """The column's cells that are not missing, as they come."""
        return self.now.filter(~absent(name, self.now.schema[name], self.source.nulls))[name]

    def typed(self, name: str, want: ColumnType, form: str | None = None) -> pl.Series:
        kind, source = self.now.schema[name], self.source
        return self.now.select(parsed(name, kind, want, nulls=source.nulls, format=form or self.spec(name).format, decimal=source.decimal).alias(name))[name]


def evolution(now: pl.DataFrame, before: pl.DataFrame | None, source: SourceSpec, contract: ContractSpec, *, came: pl.DataFrame | None = None) -> Evolution:
    """The changes between what is declared and known, and a new delivery.

    Parameters
    ----------
    now
        The delivery's rows, cleaned as it is declared.
    before
        Rows of the table as the lake holds it; None where there is none yet.
    came
        The delivery's rows before they were cleaned.
    """
    names = [name for name in now.columns if not name.startswith(OWN)]
    declared = dict.fromkeys((*contract.columns, *source.key, *((source.time,) if source.time else ())))
    held = [name for name in before.columns if not name.startswith(OWN)] if before is not None else []
    expected = dict.fromkeys((*declared, *held))
    missing = [name for name in expected if name not in names]
    # Without a table and without declared columns, no column is new: nobody spoke of any yet.
    new = [name for name in names if name not in expected] if before is not None or contract.columns else []
    renamed = _renamed(_Seen(now, before, source, contract, {}), missing, new)
    # A renamed column is looked at under the name that the contract has for it.
    other_names = {name: old for old, name in renamed.items()}
    now, came = now.rename(other_names), (now if came is None else came).rename(other_names)
    trial = _trial(now, came, before, source, contract)
    found = {(verdict.columns[0], verdict.kind): verdict for verdict in trial.verdicts if len(verdict.columns) == 1 and verdict.broken}
    seen = _Seen(now, before, source, contract, found)
    changes = [
        *(_rename(seen, old, name, old in declared) for old, name in renamed.items()),
        *(_missing(seen, name, name in declared) for name in missing if name not in renamed),
        *(_new(seen, name) for name in new if name not in renamed.values()),
        *(change for name in now.columns if name in expected for change in _column(seen, name)),
        *_broken_rules(trial),
    ]
    stops = any(name in declared for name in missing)
    return Evolution(tuple(changes), now.height, trial.refused, stops)


def _trial(now: pl.DataFrame, came: pl.DataFrame, before: pl.DataFrame | None, source: SourceSpec, contract: ContractSpec) -> Trial:
    """The contract's verdicts; a column that it gives no type has the table's."""
    columns = dict(contract.columns)
    for name in before.columns if before is not None else ():
        spec = columns.get(name, ColumnSpec())
        if name in now.columns and not name.startswith(OWN) and spec.type is None and before is not None:
            columns[name] = spec.model_copy(update={"type": inferred(before[name])[0]})
    terms = Terms(columns, source.key, source.time, source.nulls, decimal=source.decimal, together=contract.unique, rules=contract.rules)
    return try_rows(now, terms, merged=source.duplicates != "refuse", came=came)


def _renamed(seen: _Seen, missing: Sequence[str], new: Sequence[str]) -> dict[str, str]:
    """From columns that are gone to new ones that hold the like: by their values and by their names, the best pairs first."""
    scores = sorted(((score, old, name) for old in missing for name in new if (score := _alike(seen, old, name)) is not None), reverse=True)
    found: dict[str, str] = {}
    for _, old, name in scores:
        if old not in found and name not in found.values():
            found[old] = name
    return found


def _alike(seen: _Seen, old: str, name: str) -> float | None:
    """How much speaks for one column being the other; None where it is too little."""
    named = _names_alike(old, name)
    content = _content_alike(seen, old, name)
    if content is None:
        return named if named >= _SAME_NAME and _fits(seen, old, name) else None
    both = (named + content) / 2
    return both if content >= _SURE or (both >= _LIKELY and content >= 0.5) else None


def _names_alike(one: str, other: str) -> float:
    first, second = (re.sub(r"[\W_]+", "", name.casefold()) for name in (one, other))
    if first and second and (first in second or second in first):
        return max(0.8, SequenceMatcher(None, first, second).ratio())
    return SequenceMatcher(None, first, second).ratio()


def _content_alike(seen: _Seen, old: str, name: str) -> float | None:
    if seen.before is None or old not in seen.before.columns:
        return None
    want = seen.spec(old).type or inferred(seen.before[old])[0]
    form = formats(seen.known(name), want)[0] if want in ("date", "datetime") and seen.now.schema[name] == pl.String else None
    values = seen.typed(name, want, form)
    known = len(seen.known(name))
    readable = len(values.drop_nulls()) / known if known else 0.0
    apart = _apart(seen.before[old], values)
    if apart is None:
        apart = _apart(seen.before[old].cast(pl.String).str.len_chars(), values.cast(pl.String).str.len_chars())
    return None if apart is None else readable * (1 - apart)


def _apart(one: pl.Series, other: pl.Series) -> float | None:
    """How far two columns' distributions lie apart; None where it cannot be told: no values, or texts that hardly ever come twice."""
    known = [values.drop_nulls() for values in (one, other)]
    if not all(len(values) for values in known):
        return None if len(known[0]) == len(known[1]) else 1.0
    if any(values.dtype == pl.String and len(values) > _LISTED and values.n_unique() > 0.5 * len(values) for values in known):
        return None
    first, second = (profile(values.alias("it").to_frame()).columns["it"] for values in (one, other))
    return distance(first, second) if first.kind == second.kind else 1.0


def _fits(seen: _Seen, old: str, name: str) -> bool:
    """Whether a column's cells keep the contract of another."""
    renamed = seen.now.select(pl.col(name).alias(old))
    return try_rows(renamed, Terms({old: seen.spec(old)}, nulls=seen.source.nulls, decimal=seen.source.decimal)).refused <= STRAY * renamed.height


def _rename(seen: _Seen, old: str, name: str, is_declared: bool) -> Change:
    edits = [Edit("rename", "column", (old,), name)] if old in seen.contract.columns else []
    edits += [Edit("put", "source", ("key",), [name if part == old else part for part in seen.source.key])] if old in seen.source.key else []
    edits += [Edit("put", "source", ("time",), name)] if seen.source.time == old else []
    edits += _named_besides(seen.contract, old, name)
    effect = _stop(old) if is_declared else f"{old} is empty in the new rows, and the table gets a column {name}"
    if edits and seen.before is not None:
        effect += f"; amended, the table gets a column {name}, and {old} stays for the older rows"
    return Change("renamed", old, f"{old} seems to be called {name} now", effect, seen.now.height, tuple(edits))


def _named_besides(contract: ContractSpec, old: str, name: str) -> Iterator[Edit]:
    """The changes of rules, references and keys that name a renamed column."""
    for place, group in enumerate(contract.unique):
        if old in group:
            yield Edit("put", "contract", ("unique", place), [name if part == old else part for part in group])
    for place, reference in enumerate(contract.references):
        if old in reference.columns:
            yield Edit("put", "contract", ("references", place, "columns"), [name if part == old else part for part in reference.columns])
            if not reference.to:
                yield Edit("put", "contract", ("references", place, "to"), list(reference.columns))
    for place, rule in enumerate(contract.rules):
        if old in parse(rule.check).names:
            yield Edit("put", "contract", ("rules", place, "check"), _rewritten_rule(rule.check, old, name))


def _rewritten_rule(check: str, old: str, name: str) -> str:
    """A condition with a column under its new name; what stands in quotes stays."""
    words = re.compile(rf"'[^']*'|\"[^\"]*\"|`{re.escape(old)}`" + (rf"|(?<![\w.`]){re.escape(old)}(?![\w`])" if old.isidentifier() else ""))
    return words.sub(lambda match: match[0] if match[0][0] in "'\"" else name_of(name), check)


def _missing(seen: _Seen, name: str, is_declared: bool) -> Change:
    edits = (Edit("drop", "column", (name,)),) if name in seen.contract.columns and name not in (*seen.source.key, seen.source.time) else ()
    return Change(
        "missing", name, f"{name} is not delivered any more", _stop(name) if is_declared else f"{name} is empty in the new rows", seen.now.height, edits
    )


def _stop(name: str) -> str:
    return f"the run stops: the declaration names {name}"


def _new(seen: _Seen, name: str) -> Change:
    want, form = inferred(seen.now[name], nulls=seen.source.nulls, decimal=seen.source.decimal)
    spec: dict[str, Any] = {"type": want} | ({"format": form} if form and form.startswith("%") and form != "%Y-%m-%d" else {})
    says = f"{name} is new: {want}, {len(seen.known(name)):,} of {seen.now.height:,} cells are filled"
    return Change("new", name, says, "it is accepted, and the table gets a column for it", seen.now.height, (Edit("put", "column", (name,), spec),))


def _column(seen: _Seen, name: str) -> Iterator[Change]:
    """What changed in a column that is there as before."""
    unreadable = seen.verdicts.get((name, "type"))
    if unreadable is not None:
        yield _unreadable(seen, name, unreadable)
        return
    spec = seen.spec(name)
    if (broken := seen.verdicts.get((name, "required"))) is not None:
        edits = (Edit("put", "column", (name, "required"), False),) if spec.required and broken.broken > STRAY * seen.now.height else ()
        yield Change("required", name, f"{name} is missing in {broken.broken:,} rows", _effect(broken), broken.broken, edits)
    if (broken := seen.verdicts.get((name, "values"))) is not None:
        yield _new_values(seen, name, broken)
    yield from _range(seen, name, spec)
    yield from _written(seen, name, spec)
    if not any((name, kind) in seen.verdicts for kind in ("values", "min", "max")):
        yield from _moved(seen, name)


def _unreadable(seen: _Seen, name: str, broken: Verdict) -> Change:
    """Cells that are not of the column's type: another format of dates, another type, or dirt."""
    want: ColumnType = (
        seen.spec(name).type or inferred(seen.before[name])[0] if seen.before is not None and name in seen.before.columns else seen.spec(name).type or "text"
    )
    known = seen.known(name)
    is_dirt = broken.broken <= STRAY * len(known)
    effect = _effect(broken)
    if want in ("date", "datetime") and known.dtype == pl.String and not is_dirt:
        form, either = formats(known, want)
        if form is not None and len(seen.typed(name, want, form).drop_nulls()) >= (1 - STRAY) * len(known):
            old = seen.spec(name).format or "%Y-%m-%d"
            says = f"{name} is written as {form} now, not as {old}" + ("; day and month could also be the other way round" if either else "")
            cleaning = Edit("put", "column", (name, "clean"), [{"dates": [old, form]}])
            edits = (cleaning, Edit("drop", "column", (name, "format"))) if seen.spec(name).format else (cleaning,)
            return Change("format", name, says, effect, broken.broken, edits)
    found, form = inferred(known, nulls=seen.source.nulls, decimal=seen.source.decimal)
    examples = ", ".join(repr(sample["values"][name]) for sample in broken.samples[:3])
    if is_dirt or found == want:
        return Change(
            "retyped", name, f"{broken.broken:,} cells of {name} are no {want}, such as {examples}", f"{effect}; a few are taken for dirt", broken.broken
        )
    return Change(
        "retyped", name, f"{name} was {want} and is {found} now, such as {examples}", effect, broken.broken, (Edit("put", "column", (name, "type"), found),)
    )


def _effect(broken: Verdict) -> str:
    done = {"refuse": "refused", "stop": "refused, and the batch is held back", "warn": "accepted with a warning"}[broken.severity]
    return f"{broken.broken:,} of {broken.rows:,} rows are {done}"


def _new_values(seen: _Seen, name: str, broken: Verdict) -> Change:
    """Values that are not listed; those that come once are not taken into the list."""
    want = seen.spec(name).type or inferred(seen.known(name), nulls=seen.source.nulls)[0]
    typed = seen.typed(name, want).drop_nulls()
    allowed = {str(value) for value in seen.spec(name).values or ()}
    counts = {
        value: count for value, count in typed.value_counts(sort=True, name="count").iter_rows() if str(value) not in allowed and _plain(value) not in allowed
    }
    often = [value for value, count in counts.items() if count >= _FEW][:_LISTED]
    listed = ", ".join(f"{value} ({count:,})" for value, count in list(counts.items())[:8])
    edits = (Edit("extend", "column", (name, "values"), [_whole(value) for value in often]),) if often else ()
    return Change("values", name, f"{name} has {len(counts):,} new values: {listed}", _effect(broken), broken.broken, edits)


def _plain(value: Any) -> str:
    return str(_whole(value)).lower() if isinstance(value, bool) else str(_whole(value))


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _range(seen: _Seen, name: str, spec: ColumnSpec) -> Iterator[Change]:
    for bound, word in (("min", "down"), ("max", "up")):
        broken = seen.verdicts.get((name, bound))
        if broken is None:
            continue
        values = seen.typed(name, spec.type or "number").drop_nulls()
        value = values.min() if bound == "min" else values.max()
        limit = getattr(spec, bound)
        edits = (Edit("put", "column", (name, bound), _whole(value)),) if broken.broken >= _FEW else ()
        yield Change("range", name, f"{name} goes {word} to {_whole(value)}, beyond {limit:.10g}", _effect(broken), broken.broken, edits)


def _written(seen: _Seen, name: str, spec: ColumnSpec) -> Iterator[Change]:
    """Texts that are written otherwise than the pattern or the length says."""
    for kind in ("pattern", "length"):
        broken = seen.verdicts.get((name, kind))
        if broken is None:
            continue
        examples = ", ".join(repr(sample["values"][name]) for sample in broken.samples[:3])
        edits: tuple[Edit, ...] = ()
        if broken.broken > STRAY * seen.now.height:
            edits = _rewritten(seen, name, kind)
        yield Change(
            "pattern" if kind == "pattern" else "length", name, f"{name} is written otherwise, such as {examples}", _effect(broken), broken.broken, edits
        )


def _rewritten(seen: _Seen, name: str, kind: str) -> tuple[Edit, ...]:
    texts = [seen.known(name).cast(pl.String)]
    if seen.before is not None and name in seen.before.columns:
        texts.append(seen.before[name].drop_nulls().cast(pl.String))
    both = pl.concat(texts).unique()
    if kind == "pattern":
        pattern = pattern_of(both.to_list())
        return (Edit("put", "column", (name, "pattern"), pattern),) if pattern is not None else ()
    lengths = both.str.len_chars()
    return (Edit("put", "column", (name, "length"), f"{_whole(lengths.min())}..{_whole(lengths.max())}"),)


def _moved(seen: _Seen, name: str) -> Iterator[Change]:
    """A distribution that is another one, although no rule says so."""
    if seen.before is None or name not in seen.before.columns or name in seen.source.key or name == seen.source.time:
        return
    want = seen.spec(name).type or inferred(seen.before[name])[0]
    if want in ("date", "datetime"):
        return
    values = seen.typed(name, want)
    apart = _apart(seen.before[name], values)
    if apart is not None and apart >= _MOVED and len(values) >= 50:
        yield Change(
            "moved", name, f"{name} is distributed otherwise than in the table ({apart:.2f} apart)", "none; a model may meet what it has not learned from"
        )


def _broken_rules(trial: Trial) -> Iterator[Change]:
    """Rules over several columns and keys: whether they or the rows are wrong, a person decides."""
    for verdict in trial.verdicts:
        if verdict.broken and (verdict.kind in ("rule", "unique") or len(verdict.columns) > 1):
            yield Change("rule", None, f"{verdict.name}: {verdict.broken:,} rows break it", _effect(verdict), verdict.broken)
