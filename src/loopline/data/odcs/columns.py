"""A property of the Open Data Contract Standard as a column's contract: its type, its options and the rules of its quality; pure.

What is understood is taken out of the property, so that what stays behind is what there is no place for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from loopline.data.odcs.dates import from_java
from loopline.data.proposals.relations import name_of

Fields = dict[str, Any]
OWN = "loopline"
"""The name of our custom properties, and of our rules' engine."""
RULE = (
    "type",
    "metric",
    "rule",
    "name",
    "unit",
    "severity",
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
)
"""The fields of a rule that are understood together."""
TYPES: Mapping[str, str] = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "datetime",
}
_MISSING = ("nullValues", "missingValues", "nullCheck", "nullCount")
_TWICE = ("duplicateValues", "duplicateCount", "unique", "uniqueCheck")
_INVALID = ("invalidValues", "validValues")
_GENTLE = ("warning", "warn", "info", "low", "medium", "minor")
_STOPPING = ("critical", "blocker", "fatal")


def take(item: dict[str, Any], *names: str, only: object = None) -> None:
    """Take fields out of an item; with `only`, just where they have this value."""
    for name in names:
        if only is None or item.get(name) == only:
            item.pop(name, None)


def own_of(item: dict[str, Any]) -> dict[str, Any]:
    """What we wrote into an item's custom properties; it is taken out."""
    entries = item.get("customProperties")
    if not isinstance(entries, list):
        return {}
    found = next((entry for entry in entries if isinstance(entry, dict) and entry.get("property") == OWN), None)
    if found is None or not isinstance(found.get("value"), dict):
        return {}
    entries.remove(found)
    return dict(found["value"])


def is_zero(entry: Mapping[str, Any]) -> bool:
    """Whether a rule says that there must be none."""
    return any(
        (
            entry.get("mustBe") == 0 and not isinstance(entry.get("mustBe"), bool),
            entry.get("mustBeLessOrEqualTo") == 0,
            entry.get("mustBeLessThan") == 1 and entry.get("unit", "rows") != "percent",
        )
    )


def severity_in(entry: Mapping[str, Any]) -> Literal["warn", "stop", "refuse"]:
    """What a rule's severity leads to."""
    said = str(entry.get("severity", "")).lower()
    return "warn" if said in _GENTLE else "stop" if said in _STOPPING else "refuse"


def column_fields(item: dict[str, Any], name: str) -> tuple[Fields, list[Fields]]:
    """The fields of a column's contract that a property stands for, and the rules that a column's contract cannot hold."""
    fields: Fields = {}
    rules: list[Fields] = []
    logical: Any = item.get("logicalType")
    if logical in TYPES:
        fields["type"] = TYPES[logical]
        item.pop("logicalType")
    elif logical == "time":
        fields["type"] = "text"
    for said in ("required", "unique"):
        if item.get(said) is True:
            fields[said] = True
        if isinstance(item.get(said), bool):
            item.pop(said)
    if isinstance(item.get("logicalTypeOptions"), dict):
        _options(item["logicalTypeOptions"], fields, rules, name)
    for entry in item.get("quality") or ():
        _quality(entry, fields)
    return fields, rules


def _options(options: dict[str, Any], fields: Fields, rules: list[Fields], name: str) -> None:
    kind = fields.get("type")
    if kind in ("integer", "number"):
        _bounds(options, fields, rules, name)
        if (step := options.get("multipleOf")) is not None:
            rules.append({"check": f"{name_of(name)} % {step} == 0"})
            options.pop("multipleOf")
    elif kind in ("date", "datetime"):
        form = from_java(str(options.get("format", "")))
        if form:
            fields["format"] = form
            options.pop("format")
    elif kind == "text":
        low, high = options.pop("minLength", None), options.pop("maxLength", None)
        if low is not None or high is not None:
            fields["length"] = f"{'' if low is None else low}..{'' if high is None else high}"
        if "pattern" in options:
            fields["pattern"] = _whole(options.pop("pattern"))


def _bounds(options: dict[str, Any], fields: Fields, rules: list[Fields], name: str) -> None:
    """Limits; an exclusive one is a number since v3.1, and was a truth about the inclusive one before."""
    for bound, ours, sign, step in (("minimum", "min", ">", 1), ("maximum", "max", "<", -1)):
        exclusive = f"exclusive{bound.capitalize()}"
        limit, outside = options.pop(bound, None), options.pop(exclusive, None)
        if outside is True:
            limit, outside = None, limit
        if limit is not None:
            fields[ours] = limit
        if outside is None or isinstance(outside, bool):
            continue
        if fields.get("type") == "integer" and float(outside).is_integer() and limit is None:
            fields[ours] = int(outside) + step
        else:
            rules.append({"check": f"{name_of(name)} {sign} {outside}"})


def _whole(pattern: Any) -> str:
    """A pattern of the standard may match anywhere in a text; ours match the whole of it."""
    text = str(pattern)
    if text.startswith("^") and text.endswith("$") and not text.endswith("\\$"):
        inner = text[1:-1]
        if "|" not in inner:
            return inner
        if inner.startswith("(?:") and inner.endswith(")") and _is_closed(inner[3:-1]):
            return inner[3:-1]
    return f"(?s:.*)(?:{text})(?s:.*)"


def _is_closed(pattern: str) -> bool:
    """Whether every bracket that a pattern closes is one that it opened."""
    depth = 0
    for sign in re.sub(r"\\.|\[[^\]]*\]", "", pattern):
        depth += (sign == "(") - (sign == ")")
        if depth < 0:
            return False
    return depth == 0


def _quality(entry: dict[str, Any], fields: Fields) -> None:
    """A rule of the standard's library, as far as a column's contract can say it."""
    metric, arguments = entry.get("metric") or entry.get("rule"), entry.get("arguments") or {}
    if entry.get("type", "library") != "library" or not is_zero(entry):
        return
    said: Fields = {}
    if metric in _MISSING and not arguments:
        said["required"] = True
    elif metric in _TWICE and not arguments:
        said["unique"] = True
    elif metric in _INVALID and set(arguments) <= {"validValues", "pattern"} and arguments:
        said |= {"values": list(arguments["validValues"])} if "validValues" in arguments else {}
        said |= {"pattern": _whole(arguments["pattern"])} if "pattern" in arguments else {}
        if severity_in(entry) != "refuse":
            fields["severity"] = {**fields.get("severity", {}), **dict.fromkeys(said, severity_in(entry))}
    if said:
        fields |= said
        take(entry, "arguments", *RULE)
