"""Formats of dates in the two languages: ``%d.%m.%Y`` of strftime, and ``dd.MM.yyyy`` of Java, which ODCS speaks; pure."""

from __future__ import annotations

import re

_PAIRS = (
    ("%Y", "yyyy"),
    ("%y", "yy"),
    ("%m", "MM"),
    ("%d", "dd"),
    ("%B", "MMMM"),
    ("%b", "MMM"),
    ("%H", "HH"),
    ("%I", "hh"),
    ("%M", "mm"),
    ("%S", "ss"),
    ("%.f", ".SSS"),
    ("%p", "a"),
    ("%#z", "XXX"),
)
_TO_JAVA = dict(_PAIRS)
_FROM_JAVA = {java: ours for ours, java in _PAIRS}
_OURS = re.compile("|".join([*(re.escape(ours) for ours in _TO_JAVA), "%.", r"[A-Za-z']+", "."]), re.DOTALL)
_JAVA = re.compile(r"\.S+|([A-Za-z])\1*|'(?:[^']|'')*'|.", re.DOTALL)


def to_java(format: str) -> str | None:
    """A format of strftime as Java writes it; None where Java has no such thing.

    Examples
    --------
    >>> to_java("%Y-%m-%dT%H:%M")
    "yyyy-MM-dd'T'HH:mm"
    """
    parts = []
    for part in _OURS.findall(format):
        if part in _TO_JAVA:
            parts.append(_TO_JAVA[part])
        elif part.startswith("%") and len(part) > 1:
            return None
        else:
            parts.append("'" + part.replace("'", "''") + "'" if part[0].isalpha() or part[0] == "'" else part)
    return "".join(parts)


def from_java(format: str) -> str | None:
    """A format of Java as strftime writes it; None where it has letters that stand for something else.

    Examples
    --------
    >>> from_java("dd.MM.yyyy HH:mm"), from_java("EEE")
    ('%d.%m.%Y %H:%M', None)
    """
    parts = []
    for match in _JAVA.finditer(format):
        part = match[0]
        if part.startswith(".S"):
            parts.append("%.f")
        elif part in _FROM_JAVA:
            parts.append(_FROM_JAVA[part])
        elif part.startswith("'") and len(part) > 1:
            parts.append(part[1:-1].replace("''", "'"))
        elif part[0].isalpha():
            return None
        else:
            parts.append(part)
    return "".join(parts)
