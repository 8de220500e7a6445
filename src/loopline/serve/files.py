"""A file or table of rows to a file of predictions, block by block; what is refused stands in a file beside it, with the reasons."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.data.formats.ahead import Behind, ahead
from loopline.data.formats.reading import Chunk, whole
from loopline.data.spec import LINE, SourceSpec
from loopline.engine.step import Progress
from loopline.errors import Mistake
from loopline.lake.place import Lake
from loopline.serve.batch import Predicted, Sheet, check, predicted, refused_lines
from loopline.serve.checkpoint import SINKS, Checkpoint, checkpoint
from loopline.serve.filled import Filler, newest
from loopline.serve.given import TABLE, Given, blocks, expected, last_line, opened, written_as
from loopline.serve.log import Log
from loopline.serve.naming import ids_at
from loopline.serve.scorer import Scorer, id_head
from loopline.serve.segments import Kind, count_lines

BLOCK_ROWS = 50_000
"""So many rows are scored, logged and kept at once."""
EXPLAINED_ROWS = 1_000
"""The same with reasons, of which each takes milliseconds."""
_MANY = 2_000_000


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of the rows.

    Parameters
    ----------
    rows, refused
        How many there are, and how many of them were not scored.
    beside
        The file with the refused rows; None where there are none.
    ignored
        Columns that the package does not know: they were not read.
    resumed
        How many of the rows an earlier run had done that was killed.
    seconds
        How long it took.
    """

    rows: int
    refused: int
    out: Path
    beside: Path | None
    ignored: tuple[str, ...]
    resumed: int
    seconds: float


@dataclass(frozen=True, eq=False)
class _Block:
    """Some records, and what the package says of them."""

    chunk: Chunk
    sheet: Sheet
    said: Predicted


def score_file(
    scorer: Scorer,
    log: Log,
    lake: Lake,
    source: str | Path,
    out: Path,
    *,
    like: SourceSpec,
    written: Mapping[str, str],
    progress: Progress,
    reasons: int = 0,
    whole_periods: bool = False,
    block_rows: int | None = None,
) -> Delivery:
    """Score a file of any format that is read here, or a table of the lake, into a CSV, Parquet or JSON Lines file.

    Memory does not grow with the file. The predictions are durable in the log before the file appears under its name, whole. Killed and called
    again with the same file, package and options, it goes on behind the last block that was durable: no prediction is logged twice.

    Parameters
    ----------
    lake
        Where the columns that the rows lack are looked up.
    source
        A path, or ``table:NAME[@VERSION]``.
    like
        The source that the package learned from: the words that stand for null are the same.
    written
        How the dates of a column are written, where that is declared.
    reasons
        How many columns tell each row's strongest reasons.
    whole_periods
        Whether the file holds all rows of its days, weeks or whatever the policy's limit counts by: the limit is then held exactly in each. They are
        decided at once, and held in memory.
    block_rows
        So many rows are scored, logged and kept at once; what comes out is the same.

    Raises
    ------
    Mistake
        When the file cannot be read as a table, lacks a column that the package needs, or OUT cannot be written; when reasons are asked for that
        the package does not tell, or a limit that its policy has not.
    """
    since = time.monotonic()
    _require_place(str(source), out)
    _require_offered(scorer, reasons, whole_periods)
    given = opened(str(source), lake, like)
    progress.say(f"reading {source}")
    asked = {"nulls": like.nulls, "decimal": like.decimal, "records": like.records, "written": dict(written)}
    options = repr((reasons, whole_periods, sorted(asked.items()), scorer.decider.apart))
    belongs = {"rows": given.is_same_as, "package": scorer.package, "options": options, "version of Loopline": version("loopline")}
    with closing(given.reading) as reading, checkpoint(out, belongs, newest(scorer, lake, reading.columns)) as kept:
        before = sum(kept.counts())
        _tell(kept, before, progress)
        forms = {**written_as(reading, scorer.signature, like.nulls), **written}
        run = kept.run
        work = _Work(
            scorer,
            log,
            kept,
            Filler(scorer, lake, now=run.moment, versions=run.versions),
            partial(check, scorer.signature, nulls=like.nulls, written=forms, where=given.name),
            partial(predicted, scorer, moment=run.moment, reasons=reasons, whole_periods=whole_periods),
            given,
        )
        rows = block_rows or (EXPLAINED_ROWS if reasons else BLOCK_ROWS)
        work.run(_all_at_once(given, kept, progress) if whole_periods else blocks(reading, scorer.signature, rows, after=kept.line), progress)
        progress.say(f"writing {out}")
        beside = out.with_name(f"{out.stem}.refused.csv")
        has_refused = kept.publish(out, beside)
        scored, refused = kept.counts()
    ignored = tuple(name for name in reading.columns if name not in scorer.signature.names)
    return Delivery(scored + refused, refused, out, beside if has_refused else None, ignored, before, time.monotonic() - since)


class _Work:
    """Scores blocks: the next one is read and checked while one is scored, and what was scored before is logged and kept meanwhile."""

    def __init__(
        self,
        scorer: Scorer,
        log: Log,
        kept: Checkpoint,
        filler: Filler,
        check: Callable[[pl.DataFrame], Sheet],
        predict: Callable[..., Predicted],
        given: Given,
    ) -> None:
        self._scorer = scorer
        self._log = log
        self._kept = kept
        self._filler = filler
        self._check = check
        self._predict = predict
        self._given = given
        self._head, self._seed = id_head(scorer.package, kept.run.moment), bytes.fromhex(kept.run.seed)
        # An attempt that was killed may have logged more than it kept: so many lines are not logged again.
        done: dict[Kind, int] = dict(zip(("predictions", "refused"), kept.counts(), strict=True))
        self._logged = {kind: max(0, count_lines(log.folder, kind, kept.run.servers) - count) for kind, count in done.items()}

    def run(self, chunks: Iterable[Chunk], progress: Progress) -> None:
        """Score, log and keep all blocks."""
        before = sum(self._kept.counts())
        total = None if self._given.rows is None else self._given.rows - before
        since, done = time.monotonic(), 0
        progress.say("scoring" if total is None else f"scoring {total:,} rows")
        with Behind(depth=1) as behind:
            for block in map(self._scored, ahead(self._checked(chunks))):
                if not done:
                    self._kept.begin(self._log.server)
                    total = expected(self._given, block.chunk, before) if total is None else total
                behind.do(partial(self._keep, block))
                done += max(1, block.chunk.read)
                progress.at(done, total, unit="rows", note=f"{done / (time.monotonic() - since):,.0f} a second")
            behind.finish()

    def _checked(self, chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, Sheet]]:
        for chunk in chunks:
            yield chunk, self._filler.fill(self._check(chunk.frame), where=self._given.name)

    def _scored(self, checked: tuple[Chunk, Sheet]) -> _Block:
        chunk, sheet = checked
        return _Block(chunk, sheet, self._predict(sheet, sheet.good, named=partial(self._named, chunk.frame[LINE].to_numpy())))

    def _named(self, lines: NDArray[np.int64], places: NDArray[np.int64]) -> pl.Series:
        return ids_at(self._head, self._seed, lines[places])

    def _keep(self, block: _Block) -> None:
        """Log a block's predictions and refused rows, then keep them."""
        scored, refused = _keyed(self._scorer, block), _refused(block)
        self._append("predictions", block.said.lines())
        self._append("refused", refused_lines(self._scorer, refused["raw"].to_list(), [[why] for why in refused["reasons"]], self._kept.run.moment))
        self._kept.add(last_line(block.chunk), scored, refused)

    def _append(self, kind: Kind, lines: bytes) -> None:
        if known := self._logged[kind]:
            *records, _ = lines.split(b"\n")
            self._logged[kind] = max(0, known - len(records))
            lines = b"".join(record + b"\n" for record in records[known:])
        if lines:
            self._log.append(kind, lines).result()


def _require_place(source: str, out: Path) -> None:
    """Check that OUT can be written."""
    if out.suffix not in SINKS:
        raise Mistake(f"the ending {out.suffix!r} is no format of ours", where=str(out), remedy=f"let the file end with one of: {', '.join(SINKS)}")
    if out.is_dir():
        raise Mistake("this is a folder, not a file", where=str(out), remedy="name a file in it")
    if not out.absolute().parent.is_dir():
        raise Mistake("there is no such folder", where=str(out.parent), remedy=f"mkdir -p {out.parent}")
    if not source.startswith(TABLE) and out.exists() and Path(source).exists() and out.samefile(source):
        raise Mistake("this would overwrite the rows that are to be scored", where=str(out), remedy="name another file with -o")


def _require_offered(scorer: Scorer, reasons: int, whole_periods: bool) -> None:
    """Check that the package can do what is asked for."""
    if whole_periods and scorer.limited_per is None:
        what = f"the policy of package {scorer.package[:12]} has no limit per day or the like: each row is decided alone"
        raise Mistake(what, where="--whole-periods", remedy="leave the option out, or declare model.policy.capacity or budget")
    if reasons and not scorer.tells_reasons:
        what = f"package {scorer.package[:12]} tells no reasons: it has no background rows"
        raise Mistake(what, where="--reasons", remedy="score without reasons, or make the package anew: loopline run --fresh model")


def _tell(kept: Checkpoint, before: int, progress: Progress) -> None:
    if kept.differs:
        progress.say(f"changed since a run that was stopped: {', '.join(kept.differs)}; all rows are scored anew")
    elif before:
        progress.say(f"{before:,} rows were done by a run that was stopped: it goes on behind them")


def _all_at_once(given: Given, kept: Checkpoint, progress: Progress) -> Iterator[Chunk]:
    """All records as one block; none where they are done."""
    if not kept.line:
        chunk = whole(given.reading)
        if chunk.read > _MANY:
            progress.say(f"--whole-periods decides all {chunk.read:,} rows at once, and holds them in memory; where that is too much, score fewer periods")
        yield chunk


def _keyed(scorer: Scorer, block: _Block) -> pl.DataFrame:
    """The answers; where no key says which row is which, the line in the file does."""
    done = block.said.scored
    if any(name in done.out.columns for name in scorer.key):
        return done.out
    return done.out.insert_column(0, block.chunk.frame[LINE][done.places].alias("line"))


def _refused(block: _Block) -> pl.DataFrame:
    """Line, reasons and raw text of every refused record, in the order of the file."""
    chunk = block.chunk
    reasons = {**block.sheet.reasons, **block.said.scored.reasons}
    places = sorted(reasons)
    lines = chunk.frame[LINE][places].to_list() if places else []
    rows = [(line, "; ".join(reasons[place]), raw) for line, place, raw in zip(lines, places, chunk.raw(places), strict=True)]
    rows += [(one.line, "; ".join(one.reasons), one.raw) for one in chunk.refused]
    return pl.DataFrame(sorted(rows), schema={"line": pl.Int64, "reasons": pl.String, "raw": pl.String}, orient="row")
