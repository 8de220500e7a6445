"""What a command shows: text for people, JSON for programs, progress for those who wait."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import click

from loopline.declaration import figure
from loopline.errors import Fault

folder_option = click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), default=None, help="The project's folder; found from here upwards by default."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")


def emit(data: Mapping[str, Any], text: str | Callable[[], str], as_json: bool) -> None:
    """Print a result, as JSON or as text."""
    if as_json:
        click.echo(json.dumps(data, ensure_ascii=False, default=str))
    else:
        click.echo(text() if callable(text) else text)


def hint(command: str) -> str:
    """The line that ends a command's text: what to do next."""
    return f"\nnext: {click.style(command, bold=True)}" if command else ""


def minute(moment: str) -> str:
    """A moment in UTC, as ISO 8601 has it, to the minute.

    Examples
    --------
    >>> minute("2026-11-23T14:40:04.902279+00:00")
    '2026-11-23 14:40'
    """
    return moment[:16].replace("T", " ")


def table(head: Sequence[str], rows: Iterable[Sequence[object]], *, right: Iterable[int] = ()) -> str:
    """Rows as aligned text; the columns in `right` are numbers."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max([len(name), *(len(row[index]) for row in cells)]) for index, name in enumerate(head)]
    aligned = set(right)

    def line(values: Sequence[str]) -> str:
        parts = (value.rjust(width) if index in aligned else value.ljust(width) for index, (value, width) in enumerate(zip(values, widths, strict=True)))
        return "  ".join(parts).rstrip()

    return "\n".join([click.style(line(list(head)), bold=True), *(line(row) for row in cells)])


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return figure(value) if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def write_whole(file: Path, text: str, *, remedy: str = "name a file that can be written") -> None:
    """Write a file, all of it or none.

    Raises
    ------
    Fault
        When it cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=file.parent, prefix=".loopline-", delete=False) as part:
            try:
                part.write(text)
                part.flush()
                os.fsync(part.fileno())
                os.chmod(part.name, 0o644)
                os.replace(part.name, file)
            except OSError:
                with contextlib.suppress(OSError):
                    os.unlink(part.name)
                raise
    except OSError as error:
        raise Fault(f"{file.name} cannot be written ({error.strerror})", where=str(file.parent), remedy=remedy) from None


class LiveProgress:
    """Progress on standard error: a moving line on a terminal, a line now and then elsewhere, nothing where it is unwanted."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty() and not quiet
        self._since = time.monotonic()
        self._told = 0.0
        self._width = 0

    def __enter__(self) -> LiveProgress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._clear()

    def say(self, text: str) -> None:
        """One line about what happens now; the clock of the seconds left starts again."""
        self._since = time.monotonic()
        if not self._quiet:
            self._clear()
            click.echo(text, err=True)

    def at(self, done: float, total: float | None = None, *, unit: str = "", note: str = "") -> None:
        """So much of the total is done: shown with the seconds left."""
        now = time.monotonic()
        if self._quiet or now - self._told < (0.1 if self._live else 5.0):
            return
        self._told = now
        text = f"  {done:,.0f}" + (f" of {total:,.0f}" if total else "") + (f" {unit}" if unit else "")
        if total and 0 < done < total:
            text += f", {(now - self._since) / done * (total - done):,.0f} s left"
        text += f"; {note}" if note else ""
        if self._live:
            self._clear()
            click.echo(text, nl=False, err=True)
            self._width = len(text)
        else:
            click.echo(text, err=True)

    def _clear(self) -> None:
        if self._live and self._width:
            click.echo("\r" + " " * self._width + "\r", nl=False, err=True)
            self._width = 0
