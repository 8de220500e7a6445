"""Opening."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from loopline.data import columnar
from loopline.data.delimited import Delimited
from loopline.data.packed import unpacked
from loopline.data.reading import Reading
from loopline.data.spec import SourceSpec


def open_reading(path: Path, source: SourceSpec, *, where: str) -> Reading:
    stack = ExitStack()
    file = stack.enter_context(unpacked(path, where=where))
    with file.open("rb") as f:
        head = f.read(8)
    if head.startswith(b"PAR1"):
        return columnar.parquet(file, where=where)
    reading = Delimited(file, source, where=where)
    if file == path:
        return reading
    closing = reading.close

    def close() -> None:
        closing()
        stack.close()

    reading.close = close  # type: ignore
    return reading
