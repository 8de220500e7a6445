"""From a contract of the Open Data Contract Standard (v3) to ours; what there is no place for is named, never lost; pure."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from loopline.data.odcs.columns import OWN, RULE, Fields, column_fields, is_zero, own_of, severity_in, take
from loopline.data.odcs.servers import forget, source_of
from loopline.data.spec import RESERVED, DataSpec
from loopline.errors import Mistake

VERSIONS = ("v3.0.0", "v3.0.1", "v3.0.2", "v3.1.0")
_COUNTED = re.compile(r"SELECT COUNT\(\*\) FROM \(\n(.*)\n\) AS broken", re.DOTALL)
_PLACEHOLDER = re.compile(r"\$?\{(table|object|schema|model|column|property|field)\}")
_REFERENCE = re.compile(r"([^./]+)\.([^/]+)")
_UNITS = {"d": "d", "day": "d", "days": "d", "h": "h", "hour": "h", "hours": "h", "m": "min", "min": "min", "minute": "min", "minutes": "min"}
_UNITS |= {"s": "s", "second": "s", "seconds": "s", "w": "w", "week": "w", "weeks": "w"}
_LISTS = ("schema", "properties", "quality", "relationships", "customProperties", "servers", "slaProperties")
_FRESH = ("latency", "freshness", "dataLatency")
_OPERATORS: Mapping[str, str] = {
    "mustBe": "value <> {0}",
    "mustNotBe": "value = {0}",
    "mustBeGreaterThan": "value <= {0}",
    "mustBeGreaterOrEqualTo": "value < {0}",
    "mustBeLessThan": "value >= {0}",
    "mustBeLessOrEqualTo": "value > {0}",
    "mustBeBetween": "value < {0} or value > {1}",
    "mustNotBeBetween": "value >= {0} and value <= {1}",
}
"""When a query's value breaks a rule, by the rule's operator."""


@dataclass(frozen=True)
class Imported:
    """What a contract of the standard says in our words.

    Parameters
    ----------
    data
        The section ``data`` of a declaration, as plain values.
    about
        The contract's ``id``, ``version``, ``status``, ``name`` and ``apiVersion``.
    not_taken
        What there is no place for: where it stands, and what it says.
    """

    data: Mapping[str, Any]
    about: Mapping[str, str]
    not_taken: tuple[tuple[str, Any], ...]


@dataclass
class _Table:
    """A table while it is put together."""

    name: str
    columns: dict[str, Fields] = field(default_factory=dict)
    key: list[tuple[int, str]] = field(default_factory=list)
    parts: dict[str, list[Any]] = field(default_factory=dict)
    batch: dict[str, Any] = field(default_factory=dict)
    source: dict[str, Any] = field(default_factory=dict)
    derived: dict[str, Any] | None = None
    related: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    rest: dict[str, Any] = field(default_factory=dict)

    def contract(self) -> dict[str, Any]:
        parts = {name: items for name, items in self.parts.items() if items}
        return {**({"columns": self.columns} if self.columns else {}), **parts, **({"batch": self.batch} if self.batch else {})}


def imported(document: object, *, where: str) -> Imported:
    """The declaration that a contract of the standard stands for.

    Raises
    ------
    Mistake
        When it is no such contract, or of a version that is not read here.
    """
    left = _opened(document, where)
    about: dict[str, str] = {name: str(left.pop(name)) for name in ("apiVersion", "id", "name", "version", "status") if name in left}
    left.pop("kind", None)
    own = own_of(left)
    tables: list[_Table] = []
    for item in left.get("schema") or ():
        if not isinstance(item, dict) or not item.get("name"):
            raise Mistake("an object of the schema has no name", where=where, remedy="give each object under schema a name")
        tables.append(_table(item, {table.name for table in tables}))
    if not tables:
        raise Mistake("the contract has no schema, so that there is no table", where=where, remedy="add its objects under schema")
    for item, table in zip(left["schema"], tables, strict=True):
        for begin, entry in (*((entry.get("from"), entry) for entry in item.get("relationships") or ()), *table.related):
            _reference(entry, begin, table, {other.name for other in tables})
    _places(left, tables)
    _agreements(left, tables)
    for table in tables:
        table.batch = {name: value for name, value in {**table.batch, **table.rest}.items() if value is not None}
    data = _data(tables, own)
    try:
        DataSpec.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Mistake(f"{place}: {first['msg'].removeprefix('Value error, ')}", where=where, remedy="mend it in the file") from None
    return Imported(data, about, tuple(_leaves(left, "")))


def _opened(document: object, where: str) -> dict[str, Any]:
    if not isinstance(document, dict) or document.get("kind") != "DataContract":
        raise Mistake("this is no contract of the Open Data Contract Standard", where=where, remedy="its file says kind: DataContract")
    version = str(document.get("apiVersion", ""))
    if version not in VERSIONS and not re.fullmatch(r"v3\.\d+\.\d+", version):
        raise Mistake(f"version {version or '(none)'} of the standard is not read here", where=where, remedy=f"bring it to one of {', '.join(VERSIONS)}")
    try:
        _require_lists(document, where)
    except RecursionError:
        raise Mistake("the file refers to itself", where=where, remedy="write it without *aliases of themselves") from None
    return copy.deepcopy(document)


def _require_lists(item: Any, where: str, path: str = "") -> None:
    """Check that what is a list of things in the standard is one, wherever it stands."""
    if isinstance(item, Mapping):
        for name, part in item.items():
            place = f"{path}.{name}" if path else str(name)
            if (
                name in _LISTS
                and (name != "schema" or not path)
                and part is not None
                and not (isinstance(part, list) and all(isinstance(one, dict) for one in part))
            ):
                raise Mistake(f"{place} is no list of things", where=where, remedy="write each of them with a dash")
            if name not in ("implementation", "value", "arguments"):
                _require_lists(part, where, place)
    elif isinstance(item, list):
        for part in item:
            _require_lists(part, where, path)


def _table(item: dict[str, Any], known: set[str]) -> _Table:
    said = str(item.pop("name"))
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", said).strip("_")[:100] or "rows"
    if name in RESERVED or name in known:
        name = f"{name}_rows"
    table = _Table(name)
    if name != said:
        item["name"] = said
    for plain, value in (("logicalType", "object"), ("physicalType", "table"), ("physicalType", "view"), ("physicalName", said)):
        take(item, plain, only=value)
    own = own_of(item)
    table.source = own.get("source", {})
    table.derived = own.get("derived")
    _properties(item.get("properties") or [], table, "")
    _table_quality(item, table)
    return table


def _properties(items: Sequence[dict[str, Any]], table: _Table, prefix: str) -> None:
    """The columns; the fields of an object are columns with a point in their name."""
    for item in items:
        name = f"{prefix}{item.pop('name', '')}"
        if item.get("properties"):
            take(item, "logicalType", only="object")
            _properties(item["properties"], table, f"{name}.")
            continue
        if item.pop("primaryKey", False):
            table.key.append((int(item.pop("primaryKeyPosition", len(table.key) + 1)), name))
        for entry in item.get("quality") or ():
            if entry.get("type") == "sql":
                _query(entry, table, name)
        fields, rules = column_fields(item, name)
        own = own_of(item)
        if own.pop("declared", True):
            table.columns[name] = {part: value for part, value in {**fields, **own}.items() if value is not None}
        table.parts.setdefault("rules", []).extend(rules)
        for entry in item.get("relationships") or ():
            table.related.append((f"{table.name}.{name}", entry))


def _table_quality(item: dict[str, Any], table: _Table) -> None:
    for entry in item.get("quality") or ():
        metric = entry.get("metric") or entry.get("rule")
        if entry.get("engine") == OWN:
            _own_rule(entry.pop("implementation"), table)
            take(entry, "type", "engine", "name", "severity")
        elif entry.get("type") == "sql":
            _query(entry, table, None)
        elif metric in ("duplicateValues", "duplicateCount") and is_zero(entry) and (entry.get("arguments") or {}).get("properties"):
            table.parts.setdefault("unique", []).append(list(entry.pop("arguments")["properties"]))
            take(entry, *RULE)
        elif metric == "rowCount" and (rows := _counts(entry)) is not None:
            table.batch["rows"] = rows
            if severity_in(entry) == "warn":
                table.batch["severity"] = "warn"
            take(entry, *RULE)


def _own_rule(said: Any, table: _Table) -> None:
    for part, value in said.items() if isinstance(said, dict) else ():
        if part == "batch":
            table.rest = value
        else:
            table.parts.setdefault(part, []).append(value)


def _counts(entry: Mapping[str, Any]) -> str | int | None:
    """A rule over the number of rows as a range of counts."""
    said = {name: entry[name] for name in _OPERATORS if name in entry}
    if len(said) != 1 or entry.get("unit", "rows") != "rows":
        return None
    ((name, value),) = said.items()
    if name == "mustBeBetween" and len(value) == 2:
        return f"{int(value[0])}..{int(value[1])}"
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    found = {"mustBe": f"{int(value)}..{int(value)}", "mustBeGreaterThan": f"{int(value) + 1}..", "mustBeGreaterOrEqualTo": f"{int(value)}.."}
    return (found | {"mustBeLessThan": f"..{int(value) - 1}", "mustBeLessOrEqualTo": f"..{int(value)}"}).get(name)


def _query(entry: dict[str, Any], table: _Table, column: str | None) -> None:
    """A query whose value must be so and so, as one that must find no row."""
    operators = [name for name in _OPERATORS if name in entry]
    sql = entry.get("query")
    if len(operators) != 1 or not isinstance(sql, str) or not sql.strip():
        return
    own, value = own_of(entry), entry[operators[0]]
    counted = _COUNTED.fullmatch(sql)
    if counted and operators == ["mustBe"] and value == 0:
        found = str(own.get("sql", counted[1]))
    else:
        words = {"column": column, "property": column, "field": column}
        filled = _PLACEHOLDER.sub(lambda match: words.get(match[1]) or table.name, sql.strip().rstrip(";"))
        bounds = [_literal(one) for one in (value if isinstance(value, list) else [value])]
        found = f"select * from (\n{filled}\n) as found(value) where {_OPERATORS[operators[0]].format(*bounds)}"
    test = {"name": str(entry.get("name", f"query of {column or table.name}")), "sql": found}
    table.parts.setdefault("tests", []).append({**test, **({"severity": "warn"} if severity_in(entry) == "warn" else {})})
    take(entry, "query", *RULE)


def _literal(value: Any) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)


def _reference(entry: dict[str, Any], begin: Any, table: _Table, names: set[str]) -> None:
    """A foreign key as a reference, where the other table stands in the contract too."""
    pairs = [[_REFERENCE.fullmatch(str(one)) for one in (side if isinstance(side, list) else [side])] for side in (begin, entry.get("to"))]
    ours, theirs = ([(match[1], match[2]) for match in side if match is not None] for side in pairs)
    others = {name for name, _ in theirs}
    if entry.get("type", "foreignKey") != "foreignKey" or not ours or len(ours) != len(theirs) or len(others) != 1 or not others <= names:
        return
    columns, to = [name for _, name in ours], [name for _, name in theirs]
    spec = {"columns": columns, "table": others.pop(), **({"to": to} if to != columns else {}), **own_of(entry)}
    table.parts.setdefault("references", []).append(spec)
    take(entry, "type", "from", "to")


def _places(left: dict[str, Any], tables: Sequence[_Table]) -> None:
    """Where the tables come from; a server that several tables are on is taken out once all have looked."""
    used: list[tuple[dict[str, Any], bool]] = []
    for table in tables:
        if table.derived is None:
            is_ours = bool(table.source)
            table.source, server = source_of(left.get("servers"), table.name, table.source)
            used += [(server, is_ours)] if server is not None else []
    for server, is_ours in used:
        forget(server, whole=is_ours)


def _agreements(left: dict[str, Any], tables: Sequence[_Table]) -> None:
    """How fresh a batch must be, and when it comes."""
    default = left.get("slaDefaultElement")
    for entry in left.get("slaProperties") or ():
        element = str(entry.get("element") or default or "")
        table = next((one for one in tables if element.split(".")[0] == one.name), tables[0] if len(tables) == 1 else None)
        unit, value = _UNITS.get(str(entry.get("unit", "d")).lower()), entry.get("value")
        if table is None:
            continue
        if entry.get("property") in _FRESH and unit and isinstance(value, (int, float)) and not isinstance(value, bool):
            table.batch["fresh"] = f"{value:.10g}{unit}"
            if "." in element:
                table.source.setdefault("time", element.partition(".")[2])
            take(entry, "property", "value", "unit", "element")
        elif entry.get("scheduler") == "cron" and entry.get("schedule"):
            table.source.setdefault("schedule", entry["schedule"])
            take(entry, "property", "value", "unit", "element", "scheduler", "schedule")
        if default and str(default).split(".")[0] == table.name:
            left.pop("slaDefaultElement", None)


def _data(tables: Sequence[_Table], own: Mapping[str, Any]) -> dict[str, Any]:
    sources: dict[str, Any] = {}
    derived: dict[str, Any] = {}
    contract: dict[str, Any] = {}
    for table in tables:
        if table.derived is not None:
            derived[table.name] = table.derived
            continue
        key = [name for _, name in sorted(table.key)]
        sources[table.name] = {**table.source, **({"key": key} if key else {})}
        said = table.contract()
        if len(sources) == 1:
            contract = said
        elif said:
            sources[table.name]["contract"] = said
    data = {"sources": sources, "contract": contract, "lookups": own.get("lookups", {}), "tables": derived}
    return {name: part for name, part in data.items() if part}


def _leaves(item: Any, path: str) -> Iterator[tuple[str, Any]]:
    """What is left, leaf by leaf."""
    if isinstance(item, Mapping):
        for name, part in item.items():
            yield from _leaves(part, f"{path}.{name}" if path else str(name))
    elif isinstance(item, list) and any(isinstance(part, (Mapping, list)) for part in item):
        for place, part in enumerate(item):
            named = part.get("name") or part.get("property") or part.get("server") or part.get("username") if isinstance(part, Mapping) else None
            yield from _leaves(part, f"{path}[{named if named is not None else place}]")
    elif item not in (None, [], ""):
        yield path, item
