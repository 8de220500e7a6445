"""Runs every bench and prints one table: name, figure, what it is compared with, goal, and whether it is met.

    python -m bench.run             every bench
    python -m bench.run cli kill    those named

A bench is a module `bench_NAME.py` with `rows()`. It yields dicts: `name`, `value`, `unit`, `baseline` and `ratio` (or None), `goal` (such as
``>= 0.5`` or ``<= 1.5``, or None). A goal is held against the ratio where there is one, else against the value.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.machine import machine

HEAD = ("figure", "value", "beside", "ratio", "goal", "")
WIDTHS = (100, 14, 10, 7, 10, 3)
"""A row is printed as soon as it is measured, so that what fails later loses none; longer texts push the rest to the right."""


def names() -> list[str]:
    """The benches that there are."""
    return sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))


def is_met(row: Mapping[str, Any]) -> bool | None:
    """Whether a row meets its goal; None where it has none.

    Examples
    --------
    >>> is_met({"value": 0.2, "ratio": None, "goal": "<= 0.3"}), is_met({"value": 9, "ratio": 0.4, "goal": ">= 0.5"})
    (True, False)
    """
    if row["goal"] is None:
        return None
    sign, limit = row["goal"].split()
    judged = row["value"] if row["ratio"] is None else row["ratio"]
    return bool(judged <= float(limit) if sign == "<=" else judged >= float(limit))


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """A row as texts for the table."""
    met = is_met(row)
    return (
        str(row["name"]),
        f"{_number(row['value'])} {row['unit']}",
        _number(row["baseline"]),
        "" if row["ratio"] is None else f"{row['ratio']:.2f}x",
        row["goal"] or "",
        "" if met is None else "yes" if met else "NO",
    )


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 or float(value).is_integer() else f"{value:.3g}"


def _line(texts: Sequence[str]) -> str:
    return "  ".join(text.ljust(width) for text, width in zip(texts, WIDTHS, strict=True)).rstrip()


def measured(chosen: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """The rows of the chosen benches, one by one; what is going on is said on standard error."""
    for name in chosen:
        since = time.monotonic()
        print(f"{name} ...", file=sys.stderr, flush=True)
        yield from import_module(f"bench.bench_{name}").rows()
        print(f"{name}: {time.monotonic() - since:.0f} s", file=sys.stderr, flush=True)


def main(words: Sequence[str]) -> int:
    """Run the named benches, or all; 1 where a goal is missed."""
    unknown = sorted(set(words) - set(names()))
    if unknown:
        print(f"there is no bench {', '.join(unknown)}; there are: {', '.join(names())}", file=sys.stderr)
        return 2
    print(machine())
    print(_line(HEAD))
    missed = False
    for row in measured(words or names()):
        print(_line(cells(row)), flush=True)
        missed |= is_met(row) is False
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
