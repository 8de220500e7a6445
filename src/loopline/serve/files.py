"""A file of rows to a file of predictions; what is refused stands in a file beside it, with the reasons."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from loopline.data.formats.opening import open_reading
from loopline.data.formats.reading import Chunk, whole
from loopline.data.spec import LINE, SourceSpec
from loopline.engine.step import Progress
from loopline.errors import Mistake
from loopline.lake.place import Lake
from loopline.serve.batch import Scored, check, log_refused, score
from loopline.serve.filled import filled
from loopline.serve.log import Log
from loopline.serve.scorer import Scorer

_WRITERS: Mapping[str, Callable[[pl.DataFrame, Path], None]] = {
    ".csv": lambda frame, file: frame.write_csv(file),
    ".parquet": lambda frame, file: frame.write_parquet(file),
    ".jsonl": lambda frame, file: frame.write_ndjson(file),
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a file's rows.

    Parameters
    ----------
    rows, refused
        How many the file has, and how many of them were not scored.
    beside
        The file with the refused rows; None where there are none.
    ignored
        Columns that the package does not know: they were not read.
    """

    rows: int
    refused: int
    out: Path
    beside: Path | None
    ignored: tuple[str, ...]


def score_file(
    scorer: Scorer,
    log: Log,
    lake: Lake,
    source: Path,
    out: Path,
    *,
    like: SourceSpec,
    written: Mapping[str, str],
    progress: Progress,
    reasons: int = 0,
    whole_periods: bool = False,
) -> Delivery:
    """Score a file of any format that is read here into a CSV, Parquet or JSON Lines file.

    The predictions are durable in the log before the file appears under its name, whole.

    Parameters
    ----------
    lake
        Where the columns that the file lacks are looked up.
    like
        The source that the package learned from: the words that stand for null are the same.
    written
        How the dates of a column are written, where that is declared.
    reasons
        How many columns tell each row's strongest reasons.
    whole_periods
        Whether the file holds all rows of its days, weeks or whatever the policy's limit counts by: the limit is then held exactly in each.

    Raises
    ------
    Mistake
        When the file cannot be read as a table, lacks a column that the package needs, or OUT cannot be written; when reasons are asked for that
        the package does not tell, or a limit that its policy has not.
    """
    write = _writer(source, out)
    if whole_periods and scorer.limited_per is None:
        what = f"the policy of package {scorer.package[:12]} has no limit per day or the like: each row is decided alone"
        raise Mistake(what, where="--whole-periods", remedy="leave the option out, or declare model.policy.capacity or budget")
    if reasons and not scorer.tells_reasons:
        what = f"package {scorer.package[:12]} tells no reasons: it has no background rows"
        raise Mistake(what, where="--reasons", remedy="score without reasons, or make the package anew: loopline run --fresh model")
    # What is said of how the source is written holds for a file like it, where the file does not tell by itself.
    reading = open_reading(source, SourceSpec(path=str(source), nulls=like.nulls, decimal=like.decimal, records=like.records), where=str(source))
    progress.say(f"reading {source}")
    try:
        batch = whole(reading)
    finally:
        reading.close()
    sheet = filled(check(scorer.signature, batch.frame, nulls=like.nulls, written=written, where=str(source)), scorer, lake, where=str(source))
    progress.say(f"scoring {len(sheet.good):,} rows")
    part = out.with_name(f".{out.name}.{secrets.token_hex(4)}.part")
    try:
        part.touch(exist_ok=False)
        done = score(scorer, sheet, log, progress, reasons=reasons, whole_periods=whole_periods)
        refused = _refused(batch, done)
        log_refused(scorer, log, dict(enumerate(refused["raw"])), {place: [why] for place, why in enumerate(refused["reasons"])})
        write(_keyed(scorer, batch, done), part)
        _sync(part)
        beside = _put_beside(out, refused)
        os.replace(part, out)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return Delivery(batch.read, refused.height, out, beside, done.ignored)


def _writer(source: Path, out: Path) -> Callable[[pl.DataFrame, Path], None]:
    if out.suffix not in _WRITERS:
        raise Mistake(f"the ending {out.suffix!r} is no format of ours", where=str(out), remedy=f"let the file end with one of: {', '.join(_WRITERS)}")
    if out.is_dir():
        raise Mistake("this is a folder, not a file", where=str(out), remedy="name a file in it")
    if not out.absolute().parent.is_dir():
        raise Mistake("there is no such folder", where=str(out.parent), remedy=f"mkdir -p {out.parent}")
    if out.exists() and source.exists() and out.samefile(source):
        raise Mistake("this would overwrite the rows that are to be scored", where=str(out), remedy="name another file with -o")
    return _WRITERS[out.suffix]


def _keyed(scorer: Scorer, batch: Chunk, done: Scored) -> pl.DataFrame:
    """The answers; where no key says which row is which, the line in the file does."""
    if any(name in done.out.columns for name in scorer.key):
        return done.out
    return done.out.insert_column(0, batch.frame[LINE][done.places].alias("line"))


def _refused(batch: Chunk, done: Scored) -> pl.DataFrame:
    """Line, reasons and raw text of every refused record, in the order of the file."""
    places = list(done.reasons)
    lines = batch.frame[LINE][places].to_list() if places else []
    rows = [(line, "; ".join(done.reasons[place]), raw) for line, place, raw in zip(lines, places, batch.raw(places), strict=True)]
    rows += [(one.line, "; ".join(one.reasons), one.raw) for one in batch.refused]
    return pl.DataFrame(sorted(rows), schema={"line": pl.Int64, "reasons": pl.String, "raw": pl.String}, orient="row")


def _put_beside(out: Path, refused: pl.DataFrame) -> Path | None:
    """The file of refused rows; one of an earlier run goes, lest it be taken for this one's."""
    beside = out.with_name(f"{out.stem}.refused.csv")
    if not refused.height:
        beside.unlink(missing_ok=True)
        return None
    part = beside.with_name(f".{beside.name}.{secrets.token_hex(4)}.part")
    try:
        refused.write_csv(part)
        _sync(part)
        os.replace(part, beside)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return beside


def _sync(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
