"""Somebody's traces beside the tables of the data: refused rows, corrections, predictions, the log, and blobs; each is rid of them in place."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from loopline.data.edits.amending import WAS
from loopline.data.forget.erasing import emptied
from loopline.data.forget.reach import Reach
from loopline.data.forget.sought import ERASED
from loopline.data.spec import BATCH, LINE

_PARQUET, _GZIP = b"PAR1", b"\x1f\x8b"


@dataclass(frozen=True)
class Traces:
    """By what somebody's traces are told.

    Parameters
    ----------
    reaches
        The tables that hold their rows, with the keys.
    origins
        The batch and line of every row and record of theirs, by table.
    predictions
        The ids of the predictions that were made for them.
    main
        The table of whose rows predictions are made; None where it is not reached.
    """

    reaches: Sequence[Reach]
    origins: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    predictions: frozenset[str] = frozenset()
    main: str | None = None

    @property
    def telling(self) -> tuple[str, ...]:
        """The texts that tell them wherever they stand."""
        return tuple(sorted({text for one in self.reaches for text in one.keys.telling}))

    def scrubbed(self, text: str) -> str:
        """A text without what tells them."""
        for one in self.reaches:
            text = one.keys.scrubbed(text)
        return text

    def is_main(self, record: Mapping[str, Any]) -> bool:
        """Whether a row of which a prediction was made is theirs."""
        return any(one.keys.has(record) for one in self.reaches if one.table == self.main)


@dataclass(frozen=True)
class Records:
    """Objects of JSON texts that seem to be somebody's rows: they have the key, and most of the table's columns, or a key that tells."""

    reaches: Sequence[Reach]

    def rows(self, frame: pl.DataFrame) -> pl.Series:
        """Whether each row is theirs."""
        found = pl.repeat(False, frame.height, eager=True)
        for one in self.reaches:
            found = found | one.keys.rows(frame)
        return found

    def has(self, record: Mapping[str, Any]) -> bool:
        """Whether an object is theirs."""
        return any(one.keys.has(record) and (bool(one.keys.telling) or 2 * len(set(record) & set(one.visible)) > len(one.visible)) for one in self.reaches)

    def in_text(self, raw: str) -> bool:
        """Whether a text has a record of theirs."""
        return any(text in raw for one in self.reaches for text in one.keys.telling)


def without_rows(one: Reach, frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """The rows of a reached table that stay."""
    theirs = one.keys.rows(frame)
    return frame.filter(~theirs), int(theirs.sum())


def without_raw(traces: Traces, frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """The quarantine's rows, of which somebody's keep their place and reasons only."""
    theirs = refused_of(traces, frame)
    count = int(theirs.sum())
    if not count:
        return frame, 0
    raw = pl.when(theirs).then(pl.lit("")).otherwise(pl.col("raw")).alias("raw")
    state = [pl.when(theirs).then(pl.lit("discarded")).otherwise(pl.col("state")).alias("state")] if "state" in frame.columns else []
    cells = [pl.when(~theirs).then(pl.col("cells")).alias("cells")] if "cells" in frame.columns else []
    return frame.with_columns(raw, *state, *cells), count


def refused_of(traces: Traces, frame: pl.DataFrame) -> pl.Series:
    """Whether each row of the quarantine is somebody's, by its raw text."""
    found = pl.repeat(False, frame.height, eager=True)
    for one in traces.reaches:
        mine = (frame["table"] == one.table) & (frame["raw"].fill_null("") != "")
        if mine.any():
            places = mine.arg_true()
            theirs = _raws(one, frame["raw"].gather(places).to_list())
            found = found.scatter(places.filter(theirs), True) if theirs.any() else found
    return found


def _raws(one: Reach, raws: Sequence[str]) -> pl.Series:
    """Whether raw records of a table are somebody's: by the field of the key where the record has the table's fields, else by any field."""
    told: list[bool] = []
    whole: list[tuple[int, list[str]]] = []
    for place, raw in enumerate(raws):
        record = _json_object(raw)
        if record is not None:
            told.append(one.keys.has(record))
            continue
        fields = _fields(raw, len(one.visible))
        told.append(any(text in raw for text in one.keys.telling) or (fields is None and one.keys.in_text(raw)))
        if fields is not None:
            whole.append((place, fields))
    if whole:
        frame = pl.DataFrame([fields for _, fields in whole], schema=dict.fromkeys(one.visible, pl.String), orient="row")
        for (place, _), theirs in zip(whole, one.keys.rows(frame).to_list(), strict=True):
            told[place] = told[place] or theirs
    return pl.Series("theirs", told, dtype=pl.Boolean)


def _fields(raw: str, width: int) -> list[str] | None:
    """The fields of a record with as many as the table has columns, whatever separates them."""
    for separator in (",", ";", "\t", "|"):
        cells = next(_csv(raw, separator), [])
        if len(cells) == width and width > 1:
            return cells
    return [raw] if width == 1 else None


def _csv(raw: str, separator: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(io.StringIO(raw), delimiter=separator)
    except csv.Error:
        return


def _json_object(text: str) -> dict[str, Any] | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def without_origins(traces: Traces, frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """The rows of a table of corrections (``mends``, ``cleaned``) that stay: not those about somebody's rows."""
    kept = frame
    for table, origins in traces.origins.items():
        marked = origins.select(pl.lit(table).alias("table"), pl.col(BATCH).alias("batch"), pl.col(LINE).cast(frame.schema["line"]).alias("line"))
        kept = kept.join(marked, on=["table", "batch", "line"], how="anti", maintain_order="left")
    if "values" in kept.columns:
        theirs = [
            any(one.table == table and one.keys.has(_json_object(text or "") or {}) for one in traces.reaches)
            for table, text in kept.select("table", "values").iter_rows()
        ]
        kept = kept.filter(~pl.Series(theirs, dtype=pl.Boolean))
    return kept, frame.height - kept.height


def predicted_for(traces: Traces, frame: pl.DataFrame) -> pl.Series:
    """Whether each prediction was made for somebody."""
    return pl.Series([_is_theirs(traces, key, row) for key, row in frame.select("key", "row").iter_rows()], dtype=pl.Boolean)


def _is_theirs(traces: Traces, *texts: str | None) -> bool:
    return any(traces.is_main(_json_object(text or "") or {}) for text in texts)


def without_predictions(traces: Traces, frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """The predictions that stay."""
    theirs = predicted_for(traces, frame)
    return frame.filter(~theirs), int(theirs.sum())


def without_outcomes(traces: Traces, frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """The outcomes that stay."""
    theirs = frame["prediction_id"].is_in(sorted(traces.predictions)).fill_null(False)
    return frame.filter(~theirs), int(theirs.sum())


def without_requests(traces: Traces, frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """The refused requests, of which somebody's keep their reasons only."""
    theirs = pl.Series([_asks_for(traces, raw or "") for raw in frame["raw"].to_list()], dtype=pl.Boolean)
    return frame.with_columns(pl.when(theirs).then(pl.lit("")).otherwise(pl.col("raw")).alias("raw")), int(theirs.sum())


def _asks_for(traces: Traces, raw: str) -> bool:
    """Whether a request that was refused is about somebody."""
    mine = [one for one in traces.reaches if one.table == traces.main]
    try:
        return any(emptied(json.loads(raw), one.keys)[1] for one in mine)
    except ValueError:
        return any(text in raw for one in mine for text in one.keys.telling)


def blank_segments(traces: Traces, folder: Path, *, rehearses: bool) -> tuple[int, int, frozenset[str]]:
    """Overwrites somebody's lines of the prediction log with spaces; how many, in how many files, and the ids of the predictions.

    A line keeps its length: a server that writes to the file goes on, and what was read up to a byte stays so.
    """
    lines = files = 0
    ids: set[str] = set()
    # The predictions last: by them the outcomes are found.
    for kind, theirs in (("outcomes", _outcome_of), ("feedback", _outcome_of), ("refused", _refused_line), ("predictions", _logged_for)):
        place = folder / kind
        for path in sorted(place.glob("*.jsonl")) if place.is_dir() else ():
            files += 1
            lines += _blank(path, partial(theirs, traces), ids, rehearses=rehearses)
    return lines, files, frozenset(ids)


def _logged_for(traces: Traces, record: Mapping[str, Any]) -> bool:
    return any(isinstance(record.get(part), dict) and traces.is_main(record[part]) for part in ("key", "row"))


def _outcome_of(traces: Traces, record: Mapping[str, Any]) -> bool:
    return record.get("id") in traces.predictions


def _refused_line(traces: Traces, record: Mapping[str, Any]) -> bool:
    return _asks_for(traces, str(record.get("raw") or ""))


def _blank(path: Path, theirs: Callable[[Mapping[str, Any]], bool], ids: set[str], *, rehearses: bool) -> int:
    count = 0
    with path.open("rb" if rehearses else "r+b") as file:
        while line := file.readline():
            record = _json_object(line.decode("utf-8", errors="replace"))
            if record is None or not theirs(record):
                continue
            count += 1
            ids.add(str(record.get("id")))
            if not rehearses:
                at = file.tell()
                file.seek(at - len(line))
                file.write(b" " * (len(line) - line.endswith(b"\n")))
                file.seek(at)
    return count


def scrubbed_blob(traces: Traces, data: bytes) -> tuple[bytes | None, int]:
    """A blob without somebody's rows and what tells them, and how many places were changed; the bytes are None where none had to be."""
    if data.startswith(_PARQUET):
        return _scrubbed_frame(traces, data)
    if data.startswith(_GZIP):
        try:
            kept, count = scrubbed_blob(traces, gzip.decompress(data))
        except (OSError, EOFError):
            return None, 0
        return (None if kept is None else gzip.compress(kept, mtime=0)), count
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None, 0
    try:
        value, count = emptied(json.loads(text), Records(traces.reaches)) if text.lstrip()[:1] in ("{", "[") else (None, 0)
    except ValueError:
        value, count = None, 0
    if count:
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    cleaned = traces.scrubbed(text)
    if cleaned == text and not count:
        return None, 0
    return cleaned.encode(), count + cleaned.count(ERASED) - text.count(ERASED)


def _scrubbed_frame(traces: Traces, data: bytes) -> tuple[bytes | None, int]:
    try:
        frame = pl.read_parquet(io.BytesIO(data))
    except (pl.exceptions.PolarsError, OSError):
        return None, 0
    theirs = pl.repeat(False, frame.height, eager=True)
    before = frame.drop([name.removeprefix(WAS) for name in frame.columns if name.startswith(WAS)]).rename(lambda name: name.removeprefix(WAS))
    for one in traces.reaches:
        theirs = theirs | one.keys.rows(frame) | one.keys.rows(before)
    if not theirs.any():
        return None, 0
    target = io.BytesIO()
    frame.filter(~theirs).write_parquet(target)
    return target.getvalue(), int(theirs.sum())
