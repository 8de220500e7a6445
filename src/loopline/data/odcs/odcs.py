"""Our declaration as a contract of the Open Data Contract Standard (v3.1); what the standard cannot say stands in custom properties; pure.

References
----------
Bitol (LF AI & Data), "Open Data Contract Standard", v3.1.0, and its JSON schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loopline.data.odcs.columns import OWN, TYPES, column_fields
from loopline.data.odcs.dates import to_java
from loopline.data.odcs.servers import server_of
from loopline.data.proposals.written import said
from loopline.data.spec import ColumnSpec, ContractSpec, DataSpec, Severity, SourceSpec
from loopline.data.spec_contract import BatchSpec, QuerySpec, ReferenceSpec

VERSION = "v3.1.0"
_LOGICAL = {**{ours: theirs for theirs, ours in TYPES.items()}, "category": "string"}
_SEVERITIES: Mapping[Severity, str] = {"refuse": "error", "stop": "critical", "warn": "warning"}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SPAN = re.compile(r"([\d.]+)(w|d|h|min|s)")


def exported(
    data: DataSpec,
    *,
    project: str,
    version: str = "1.0.0",
    status: str = "active",
    description: Mapping[str, str] | None = None,
    team: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """The contract of all tables as one document of the standard; read back, it gives the same declaration of the data.

    Parameters
    ----------
    version, status
        Of the contract: the standard wants both.
    description
        ``purpose``, ``usage`` and ``limitations``, as far as they are known.
    team
        From roles to people.
    """
    schema = [_object(name, source, data.contract_of(name)) for name, source in data.sources.items()]
    schema += [
        {"name": name, "physicalType": "view", "logicalType": "object", "customProperties": _custom({"derived": said(spec)})}
        for name, spec in data.tables.items()
    ]
    members = [{"username": person, "role": role} for role, people in (team or {}).items() for person in people]
    agreed = [entry for name, source in data.sources.items() for entry in _agreements(name, source, data.contract_of(name).batch)]
    told = {name: text for name, text in (description or {}).items() if text}
    lookups = {name: said(spec) for name, spec in data.lookups.items()}
    return {
        "apiVersion": VERSION,
        "kind": "DataContract",
        "id": project,
        "name": project,
        "version": version,
        "status": status,
        **({"description": told} if told else {}),
        "servers": [server_of(name, source) for name, source in data.sources.items()],
        "schema": schema,
        **({"team": {"members": members}} if members else {}),
        **({"slaProperties": agreed} if agreed else {}),
        **({"customProperties": _custom({"lookups": lookups})} if lookups else {}),
    }


def _custom(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"property": OWN, "value": dict(value)}]


def _object(name: str, source: SourceSpec, contract: ContractSpec) -> dict[str, Any]:
    names = dict.fromkeys((*contract.columns, *source.key))
    references = list(_relationships(name, contract.references))
    quality = [*_quality(contract), *([] if references else [_own_rule("references", said(reference)) for reference in contract.references])]
    return {
        "name": name,
        "physicalName": name,
        "physicalType": "table",
        "logicalType": "object",
        "properties": [_property(column, contract.columns.get(column), source) for column in names],
        **({"relationships": references} if references else {}),
        **({"quality": quality} if quality else {}),
        "customProperties": _custom({"source": {field: value for field, value in said(source).items() if field not in ("contract", "key")}}),
    }


def _property(name: str, spec: ColumnSpec | None, source: SourceSpec) -> dict[str, Any]:
    """A column; what the standard's own fields do not bring back stands in its custom properties."""
    key = {"primaryKey": True, "primaryKeyPosition": source.key.index(name) + 1} if name in source.key else {}
    if spec is None:
        return {"name": name, **key, "customProperties": _custom({"declared": False})}
    native = dict(_native(spec))
    fields, _ = column_fields(_copied(native), name)
    back, wanted = said(ColumnSpec.model_validate(fields)), said(spec)
    # A field that the standard's would bring and ours has not, is null there.
    rest = {field: wanted.get(field) for field in (*wanted, *back) if wanted.get(field) != back.get(field)}
    return {"name": name, **key, **native, **({"customProperties": _custom(rest)} if rest else {})}


def _native(spec: ColumnSpec) -> Iterator[tuple[str, Any]]:
    if spec.type is not None:
        yield "logicalType", _LOGICAL[spec.type]
        options = dict(_options(spec))
        if options:
            yield "logicalTypeOptions", options
    if spec.required:
        yield "required", True
    if spec.unique:
        yield "unique", True
    if spec.values is not None:
        rule = {"type": "library", "metric": "invalidValues", "arguments": {"validValues": list(spec.values)}, "mustBe": 0}
        yield "quality", [{**rule, "severity": _SEVERITIES[spec.severity_of("values")]}]


def _options(spec: ColumnSpec) -> Iterator[tuple[str, Any]]:
    if spec.type in ("integer", "number"):
        for name, limit in (("minimum", spec.min), ("maximum", spec.max)):
            if limit is not None:
                yield name, int(limit) if limit.is_integer() and abs(limit) < 2**53 else limit
    elif spec.type in ("date", "datetime"):
        java = to_java(spec.format) if spec.format is not None and spec.format.startswith("%") else None
        if java is not None:
            yield "format", java
    elif spec.type in ("text", "category"):
        if spec.length is not None:
            for name, count in (("minLength", spec.length.low), ("maxLength", spec.length.high)):
                if count is not None:
                    yield name, count
        if spec.pattern is not None:
            yield "pattern", f"^(?:{spec.pattern})$" if "|" in spec.pattern else f"^{spec.pattern}$"


def _copied(native: Mapping[str, Any]) -> dict[str, Any]:
    """A copy deep enough to be taken apart."""
    copied = dict(native)
    for name in ("logicalTypeOptions",):
        if name in copied:
            copied[name] = dict(copied[name])
    if "quality" in copied:
        copied["quality"] = [dict(entry) for entry in copied["quality"]]
    return copied


def _relationships(table: str, references: Sequence[ReferenceSpec]) -> Iterator[dict[str, Any]]:
    """References as foreign keys; none where a name is no plain word, as the standard wants it."""
    names = [part for reference in references for part in (*reference.columns, reference.table, *reference.target)]
    if not all(_NAME.fullmatch(name) for name in (table, *names)):
        return
    for reference in references:
        ours = [f"{table}.{name}" for name in reference.columns]
        theirs = [f"{reference.table}.{name}" for name in reference.target]
        sides = {"from": ours[0], "to": theirs[0]} if len(ours) == 1 else {"from": ours, "to": theirs}
        own: dict[str, Any] = {"severity": reference.severity} if reference.severity != "refuse" else {}
        own |= {"to": list(reference.to)} if reference.to and reference.to == reference.columns else {}
        yield {"type": "foreignKey", **sides, **({"customProperties": _custom(own)} if own else {})}


def _quality(contract: ContractSpec) -> Iterator[dict[str, Any]]:
    for group in contract.unique:
        yield {"type": "library", "metric": "duplicateValues", "arguments": {"properties": list(group)}, "mustBe": 0, "severity": "error"}
    for rule in contract.rules:
        yield {"name": rule.says, **_own_rule("rules", said(rule)), "severity": _SEVERITIES[rule.severity]}
    for test in contract.tests:
        yield _query(test)
    yield from _batch(contract.batch)


def _own_rule(part: str, value: Any) -> dict[str, Any]:
    return {"type": "custom", "engine": OWN, "implementation": {part: value}}


def _query(test: QuerySpec) -> dict[str, Any]:
    """A query that must find no row, as one that counts what it finds."""
    plain = test.sql.strip().rstrip(";").rstrip()
    own = {"customProperties": _custom({"sql": test.sql})} if plain != test.sql else {}
    counted = f"SELECT COUNT(*) FROM (\n{plain}\n) AS broken"
    return {"name": test.name, "type": "sql", "query": counted, "mustBe": 0, "severity": "warning" if test.severity == "warn" else "error", **own}


def _batch(batch: BatchSpec) -> Iterator[dict[str, Any]]:
    wanted = said(batch)
    back: dict[str, Any] = {}
    if batch.rows is not None:
        low, high = batch.rows.low, batch.rows.high
        severity = "warning" if batch.severity == "warn" else "error"
        bound: dict[str, Any] = {"mustBe": low} if low == high else {"mustBeGreaterOrEqualTo": low} if high is None else {"mustBeLessOrEqualTo": high}
        if low is not None and high is not None and low < high:
            bound = {"mustBeBetween": [low, high]}
        yield {"type": "library", "metric": "rowCount", **bound, "severity": severity}
        back = {"rows": wanted["rows"], **({"severity": "warn"} if batch.severity == "warn" else {})}
    if batch.fresh is not None:
        back["fresh"] = wanted["fresh"]
    rest = {name: wanted.get(name) for name in wanted if wanted.get(name) != back.get(name)}
    if rest:
        yield {"name": "batch", **_own_rule("batch", rest)}


def _agreements(name: str, source: SourceSpec, batch: BatchSpec) -> Iterator[dict[str, Any]]:
    """What the standard calls an agreement on service: how fresh, and how often."""
    span = _SPAN.fullmatch(str(said(batch).get("fresh", "")))
    if span is not None:
        number = float(span[1])
        element = f"{name}.{source.time}" if source.time else name
        yield {"property": "latency", "value": int(number) if number.is_integer() else number, "unit": span[2], "element": element}
    if source.schedule is not None:
        cron = source.schedule.cron
        yield {"property": "frequency", "value": cron, "element": name, "scheduler": "cron", "schedule": cron}
