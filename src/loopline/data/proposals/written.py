"""A contract as a person would write it in `loopline.yaml`: words, columns and parts as YAML on one line each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from loopline.data.spec import ColumnSpec
from loopline.declaration import Spec

_PLAIN = re.compile(r"\d+\.\.\d*|\.\.\d+|[A-Za-z_][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*")
_TAKEN = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null", "none", "nan", "inf"})


def word(text: str) -> str:
    """A text as YAML keeps it a text: in quotes where a reader could take it for a number, a truth or a sign."""
    if _PLAIN.fullmatch(text) and text.casefold() not in _TAKEN:
        return text
    if "\\" in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else f"\\U{ord(letter):08x}" for letter in quoted)


def value(item: Any) -> str:
    """A plain value as YAML on one line.

    Examples
    --------
    >>> value({"type": "integer", "max": 8.0, "values": ["a", "no"], "required": True})
    '{type: integer, max: 8, values: [a, "no"], required: true}'
    """
    if item is None:
        return "null"
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, str):
        return word(item)
    if isinstance(item, float):
        return _number(item)
    if isinstance(item, int):
        return str(item)
    if isinstance(item, Mapping):
        return "{" + ", ".join(f"{word(str(name))}: {value(part)}" for name, part in item.items()) + "}"
    return "[" + ", ".join(value(part) for part in item) + "]"


def said(spec: Spec) -> dict[str, Any]:
    """What a declaration says beyond its defaults, as plain values."""
    return spec.model_dump(mode="json", exclude_defaults=True, by_alias=True)


def column(name: str, spec: ColumnSpec) -> str:
    """One column of a contract on one line, as in ``pages: {type: integer, max: 8}``."""
    return f"{word(name)}: {value(said(spec))}"


def comment(text: str) -> str:
    """A text as the end of a line may hold it."""
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


def block(lines: Iterable[tuple[str, str]], *, indent: int) -> list[str]:
    """Lines of YAML with comments after them; comments of short lines stand in one column."""
    space = " " * indent
    given = list(lines)
    short = [len(line) for line, _ in given if len(line) <= 90]
    width = max(short, default=0)
    return [f"{space}{line.ljust(width)}  # {comment}" if comment else f"{space}{line}" for line, comment in given]


class _Dumper(yaml.SafeDumper):
    """Each value where it stands, also one that stands in two places."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def document(data: Mapping[str, Any]) -> str:
    """Plain values as a YAML text: parts in lines of their own, the innermost ones on one line."""
    return yaml.dump(dict(data), Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=160)


def _number(item: float) -> str:
    """A number as YAML reads one: with a point before an exponent."""
    return str(int(item)) if item.is_integer() and abs(item) < 2**53 else re.sub(r"^(-?\d+)e", r"\1.0e", repr(item))
