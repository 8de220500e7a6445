"""Features by key and time as plain tables and lookups: what `model.features` asks of the data stage; pure, and light.

The model stage has no way of its own to make them: a derived table is made in `run` and `tick`, and looked up as of each row's moment, alike when the
model is trained, when a file is scored and when a request is answered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from loopline.charter.spec import CharterSpec
from loopline.data.moments import DECIDED
from loopline.data.spec import DataSpec, LookupSpec, TableSpec
from loopline.data.spec_past import KNOWN_AT, moment_of
from loopline.declaration import Moment, say_duration
from loopline.errors import Mistake
from loopline.model.spec import ModelSpec
from loopline.model.spec_tables import LagSpec, OwnSpec, RollingSpec

OUTCOME = "outcome"
"""How a feature names the moment at which the outcome is known."""


@dataclass(frozen=True)
class _Asked:
    """A table and the lookup into it, with the part of the declaration that asks for them."""

    name: str
    table: TableSpec
    lookup: LookupSpec
    part: str


@dataclass
class _Past:
    """Columns that are told by one entity and are known from one moment on: one table."""

    by: tuple[str, ...]
    known: str
    part: str
    columns: dict[str, dict[str, Any]] = field(default_factory=dict)


def with_features(data: DataSpec, model: ModelSpec, charter: CharterSpec) -> DataSpec:
    """The data with the tables and lookups that the declared features need; what is there already in the same words is left.

    Raises
    ------
    Mistake
        When features cannot be told in honesty, or have the name of something else; `where` is the part of the declaration.
    """
    features = model.features
    own = [_own(name, spec, data) for name, spec in features.own.items()]
    asked = [*own, *_past_tables(data, model, charter)]
    tables, lookups = dict(data.tables), dict(data.lookups)
    for one in asked:
        there, looked = tables.get(one.name), lookups.get(one.name)
        if one.name in data.sources or (there or one.table).model_dump() != one.table.model_dump() or (looked or one.lookup) != one.lookup:
            what = f"its table is called {one.name!r}, and another table or lookup is too"
            raise Mistake(what, where=one.part, remedy="give the other one another name")
        tables[one.name], lookups[one.name] = one.table.from_part(one.part), one.lookup
    if not asked:
        return data
    try:
        return DataSpec(sources=data.sources, contract=data.contract, tables=tables, lookups=lookups)
    except ValidationError as error:
        said = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise Mistake(said, where="model.features") from None


def _own(name: str, spec: OwnSpec, data: DataSpec) -> _Asked:
    part = f"model.features.own.{name}"
    reads = spec.reads or tuple(data.sources)
    on = spec.on or data.sources[data.main].key
    if not on:
        raise Mistake("by which key it is looked up is not said", where=part, remedy=f"say on: [COLUMN], or give source {data.main} its key")
    if spec.as_of is None and data.main in _reached(reads, data):
        what = f"it is made of {data.main}, which holds the outcomes, and from when on its rows are known is not said: each row could be told its own"
        raise Mistake(what, where=part, remedy="say as_of: with the function's column of the moment at which a row is known, or take it out of reads:")
    key = tuple(on) if isinstance(on, dict) else on
    said = {"function": spec.function, "reads": reads, "key": (*key, *([spec.as_of] if spec.as_of is not None else [])), "time": spec.as_of}
    looked = spec.model_dump(include={"as_of", "no_later_than", "delay", "tolerance", "columns", "prefix", "required"})
    try:
        return _Asked(name, TableSpec.model_validate(said), LookupSpec.model_validate({**looked, "on": on}), part)
    except ValidationError as error:
        raise Mistake(error.errors(include_url=False)[0]["msg"].removeprefix("Value error, "), where=part) from None


def _reached(reads: tuple[str, ...], data: DataSpec) -> set[str]:
    """The tables that are read, and those that these are made of."""
    known, found, waiting = (*data.sources, *data.tables), set[str](), [*reads]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += data.tables[name].read_of(known) if name in data.tables else ()
    return found


def _past_tables(data: DataSpec, model: ModelSpec, charter: CharterSpec) -> Iterator[_Asked]:
    """A table for each entity and moment from which on values are known."""
    grouped: dict[tuple[str, tuple[str, ...], str], _Past] = {}
    named: dict[str, str] = {}
    for kind, index, spec in _declared(model):
        part = f"model.features.{kind}.{index}"
        decided = _decided(data, charter, part)
        if charter.predict in spec.by:
            raise Mistake(f"{charter.predict!r} is the outcome; no entity is named by it", where=f"{part}.by", remedy="name a column that is known beforehand")
        for of in spec.of:
            known = _known(of, spec.known, data, model, charter, decided, part)
            group = grouped.setdefault((kind, spec.by, known), _Past(spec.by, known, part))
            for name, column in _columns(of, spec, charter):
                if name in named:
                    raise Mistake(f"{name} is asked for twice, in {named[name]} too", where=part, remedy="take it out of one of them")
                named[name] = part
                group.columns[name] = column
    names: dict[str, int] = {}
    for (kind, by, _), group in grouped.items():
        stem = f"{kind}_by_{_word(by)}"[:90]
        names[stem] = names.get(stem, 0) + 1
        name = stem if names[stem] == 1 else f"{stem}_{names[stem]}"
        decided = _decided(data, charter, group.part)
        past = {"table": data.main, "by": by, "known": group.known, "after": decided, "columns": group.columns}
        moment = DECIDED if charter.decided is not None else decided
        lookup = LookupSpec(on=by, as_of=KNOWN_AT, no_later_than=moment, columns=tuple(group.columns))
        try:
            yield _Asked(name, TableSpec.model_validate({"past": past}), lookup, group.part)
        except ValidationError as error:
            raise Mistake(error.errors(include_url=False)[0]["msg"].removeprefix("Value error, "), where=group.part) from None


def _declared(model: ModelSpec) -> Iterator[tuple[str, int, LagSpec | RollingSpec]]:
    for index, lag in enumerate(model.features.lags):
        yield "lags", index, lag
    for index, rolling in enumerate(model.features.rolling):
        yield "rolling", index, rolling


def _word(names: tuple[str, ...]) -> str:
    """Columns' names as a part of a table's."""
    return "_".join(re.sub(r"[^A-Za-z0-9_-]", "_", name) for name in names)


def _span(window: timedelta) -> str:
    """A window as a part of a column's name: in days where it is whole ones."""
    return f"{window.days}d" if window == timedelta(days=window.days) else say_duration(window)


def _decided(data: DataSpec, charter: CharterSpec, part: str) -> str:
    """The moment at which a row of the main table is decided on."""
    if charter.decided is not None:
        return str(charter.decided)
    time = data.sources[data.main].time
    if time is None:
        raise Mistake(
            "earlier rows are asked for, and when a row is decided on is not said", where=part, remedy="say charter.decided, as in decided: 2h before COLUMN"
        )
    return time


def _known(of: str, said: str | None, data: DataSpec, model: ModelSpec, charter: CharterSpec, decided: str, part: str) -> str:
    """From when on a column's value is known to later rows."""
    is_target = of == charter.predict
    if is_target and said not in (None, OUTCOME):
        what = f"{of!r} is the outcome, and is known when the charter says, not {said!r}"
        raise Mistake(what, where=f"{part}.known", remedy="leave known out, or mend charter.outcome_known")
    column = data.contract.columns.get(of)
    late = is_target or of in model.leave_out or (column is not None and not column.use)
    if said == DECIDED or (said is None and not late):
        return decided
    if said not in (None, OUTCOME):
        return str(said)
    if charter.outcome_known is None:
        remedy = "say charter.outcome_known, as in outcome_known: 1d after COLUMN" + ("" if is_target else f", or known: where {of} is there earlier")
        raise Mistake(f"{of!r} is known only after the decision, and from when on is not said", where=part, remedy=remedy)
    _require_later(charter.outcome_known, moment_of(decided), of, part)
    return str(charter.outcome_known)


def _require_later(known: Moment, decided: Moment, of: str, part: str) -> None:
    if known.column == decided.column and known.offset_s <= decided.offset_s:
        what = f"{of!r} is known {known}, which is not later than its own row's decision"
        raise Mistake(what, where=part, remedy="say in charter.outcome_known how late the outcome comes, as in 1d after COLUMN")


def _columns(of: str, spec: LagSpec | RollingSpec, charter: CharterSpec) -> Iterator[tuple[str, dict[str, Any]]]:
    """The columns of one column's past, by name."""
    by = _word(spec.by)
    if isinstance(spec, LagSpec):
        for step in spec.steps:
            yield f"{of}_lag{step}_by_{by}", {"of": of, "step": step}
        return
    true = charter.positive if of == charter.predict and isinstance(charter.positive, str) else None
    for window in spec.windows:
        for take in spec.take:
            yield f"{of}_{take}_{_span(window)}_by_{by}", {"of": of, "take": take, "window": window, "true": true}
