"""Rows to answers, whatever protocol they came by: checked, scored, durable in the log, and explained where that is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar

from msgspec.structs import replace

from loopline.serve.admission import Admission
from loopline.serve.answers import ENCODER, Answer, Refusal, raw
from loopline.serve.champion import REMEDY, Champion
from loopline.serve.log import Log
from loopline.serve.media import tabular
from loopline.serve.metrics import Metrics
from loopline.serve.scorer import Prediction, Scorer, stamp
from loopline.serve.segments import Kind
from loopline.serve.shadows import Shadows
from loopline.serve.signature import Problem
from loopline.serve.timeline import asks, part
from loopline.serve.trial import Challenger, Made, Shadow

# Up to so many rows are scored between two other requests; more would hold those up, and go to a thread.
INLINE_ROWS = 64
MOST_REASONS = 100
_WORKERS = 4
"""Threads for what takes long: a graph uses the machine's cores by itself."""

_T = TypeVar("_T")


class Answerer:
    """Makes the predictions of one server and keeps them."""

    def __init__(self, admission: Admission, log: Log, champion: Champion, metrics: Metrics) -> None:
        self._admission = admission
        self._log = log
        self._champion = champion
        self._metrics = metrics
        self._shadows = Shadows(log, metrics.unshown.inc)
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="rows")

    def close(self) -> None:
        """What was begun is done, and all that was answered is on the disk."""
        self._pool.shutdown(cancel_futures=True)
        self._shadows.close()
        self._log.close()

    def scorer(self) -> Scorer:
        """The scorer of the package that decides now.

        Raises
        ------
        Refusal
            When there is none.
        """
        scorer = self._champion.scorer
        if scorer is None:
            raise Refusal(503, self.why_not, remedy=REMEDY)
        return scorer

    @property
    def why_not(self) -> str:
        """Why no package decides now."""
        return self._champion.trouble or "no package has been released yet"

    async def rows(self, scorer: Scorer, rows: Sequence[object], reasons: int = 0, *, alone: bool = False) -> list[Answer]:
        """An answer for each row of JSON values, in their order.

        Parameters
        ----------
        alone
            Whether no challenger takes part, even while one is on trial.

        Raises
        ------
        Refusal
            When they are too many, or one of them is not as the package wants it; then none is scored.
        Fault
            When the predictions could not be written to the log.
        """
        asks(scorer.package, len(rows))
        self._admission.require_rows(len(rows), reasons=reasons > 0)
        moment = datetime.now(UTC)
        challenger = None if alone else self._champion.challenger
        # A thread costs more than a few rows do.
        with part("score"):
            made = _made(scorer, challenger, rows, moment) if len(rows) <= INLINE_ROWS else await self.thread(_made, scorer, challenger, rows, moment)
        predictions = made.predictions
        if made.problems:
            await self._refuse(scorer, len(rows), lambda row: raw(rows[row]), made.problems, moment)
        await self.keep("predictions", predictions)
        self._metrics.rows.inc(len(predictions))
        if challenger is not None:
            await self.keep("shadows", made.failed)
            self._shadows.show(challenger, scorer, rows, predictions, moment)
        answers = [Answer.of(one, beside=scorer.package) for one in predictions]
        if not reasons or not answers:
            return answers
        scorers = {scorer.package: scorer} if challenger is None or challenger.scorer is None else {one.package: one for one in (scorer, challenger.scorer)}
        return await self.thread(_explained, scorers, predictions, answers, reasons)

    async def table(self, scorer: Scorer, media: str, body: bytes, reasons: int = 0) -> list[Answer]:
        """The same for the rows of a table, column by column.

        Raises
        ------
        Refusal
            When it is no such table; when its rows are too many, or one of them is not as the package wants it.
        Fault
            When the predictions could not be written to the log.
        """
        tables = await self.thread(tabular)
        frame = await self.thread(tables.read, media, body, self._admission.most_rows)
        asks(scorer.package, frame.height)
        self._admission.require_rows(frame.height, reasons=reasons > 0)
        moment = datetime.now(UTC)
        sheet = await self.thread(tables.checked, scorer.signature, frame)
        if sheet.problems:
            await self._refuse(scorer, frame.height, lambda row: tables.raw(frame, row), sheet.problems, moment)
        if scorer.lookups.all or self._champion.challenger is not None:
            # What is published for requests is looked up row by row, and a challenger takes its rows one by one.
            return await self.rows(scorer, await self.thread(tables.rows, sheet), reasons)
        with part("score"):
            made = await self.thread(tables.score, scorer, sheet, moment)
        if made.problems:
            await self._refuse(scorer, frame.height, lambda row: tables.raw(frame, row), made.problems, moment)
        if made.answers:
            await self._write("predictions", made.lines)
        self._metrics.rows.inc(len(made.answers))
        return await self.thread(tables.explained, scorer, sheet, made.answers, reasons) if reasons and made.answers else made.answers

    async def thread(self, function: Callable[..., _T], *given: object) -> _T:
        """What a function returns, without holding up other requests; it waits for its turn."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *given)

    async def keep(self, kind: Kind, records: Sequence[Prediction | Shadow | dict[str, Any]]) -> None:
        """The records are durable when this returns.

        Raises
        ------
        Fault
            When they could not be written; then nothing may be answered.
        """
        if records:
            await self._write(kind, ENCODER.encode_lines(records))

    async def _write(self, kind: Kind, lines: bytes) -> None:
        with part("log"):
            written: Future[None] = self._log.append(kind, lines)
            await asyncio.wrap_future(written)

    async def _refuse(self, scorer: Scorer, rows: int, raw_of: Callable[[int], str], problems: Sequence[Problem], moment: datetime) -> None:
        reasons: dict[int, list[str]] = {}
        for problem in problems:
            reasons.setdefault(problem.row, []).append(problem.reason)
        now = stamp(moment)
        kept = [{"time": now, "kind": "row", "package": scorer.package, "reasons": said, "raw": raw_of(row)} for row, said in reasons.items()]
        await self.keep("refused", kept)
        self._metrics.refused.inc(len(reasons))
        what = f"{len(reasons):,} of {rows:,} rows refused, none scored; first {problems[0].where}: {problems[0].what}, expected {problems[0].expected}"
        raise Refusal(422, what, where=problems[0].where, remedy="mend the fields in problems and send the rows again", problems=problems)


def reasons_of(scorer: Scorer, said: object) -> int:
    """How many reasons are asked for, from a number or its digits.

    Raises
    ------
    Refusal
        When it is no number from 0 to 100, or the package tells no reasons.
    """
    text = str(said) if type(said) in (int, str) else ""
    if not (text.isascii() and text.isdecimal() and len(text) <= 3 and int(text) <= MOST_REASONS):
        shown = text if text else type(said).__name__
        raise Refusal(400, f"{shown[:40]!r} is no number of reasons", where="reasons", remedy=f"ask for 0 to {MOST_REASONS}, as in /v1/predict?reasons=3")
    if int(text) and not scorer.tells_reasons:
        what = f"package {scorer.package[:12]} tells no reasons: it has no background rows"
        raise Refusal(400, what, where="reasons", remedy="ask without reasons, or make the package anew: loopline run --fresh model")
    return int(text)


def _made(scorer: Scorer, challenger: Challenger | None, rows: Sequence[object], moment: datetime) -> Made:
    """The predictions of rows, or their problems; the challenger answers what is its own."""
    return Made(*scorer.score(rows, moment), []) if challenger is None else challenger.answer(scorer, rows, moment)


def _explained(scorers: Mapping[str, Scorer], predictions: Sequence[Prediction], answers: Sequence[Answer], count: int) -> list[Answer]:
    """The answers with the strongest reasons of each; told of the row as it stands in the log, by the package that answered it."""
    # A challenger may tell no reasons, or know other columns: its answer leaves without them.
    found = (_reasons(scorers[made.package], made.row, count) for made in predictions)
    return [answer if said is None else replace(answer, base=said[0], reasons=said[1]) for answer, said in zip(answers, found, strict=True)]


def _reasons(scorer: Scorer, row: object, count: int) -> tuple[float, list[dict[str, Any]]] | None:
    if not scorer.tells_reasons:
        return None
    found = scorer.explain(row)
    return found.base, found.strongest(count)
