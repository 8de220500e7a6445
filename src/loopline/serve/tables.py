"""Requests that are tables: read, checked and scored column by column, with the same records as single rows."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl
from msgspec.structs import replace as renewed

from loopline.data.casting import DATES, ISO
from loopline.errors import Mistake
from loopline.serve.answers import Answer, Refusal
from loopline.serve.arrow import require_plain
from loopline.serve.batch import UNSCORED, Sheet, as_sent, check, columns_of, decided, lines_of
from loopline.serve.media import ARROW
from loopline.serve.scorer import Scorer, prediction_ids, unscored
from loopline.serve.signature import RAW_CHARACTERS, Problem, Signature, missing

# Polars' Rust side panics on some broken input, which is no Exception.
_UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError, OSError, OverflowError)
# As JSON has them; what a request holds must not decide which way round its dates are.
_WRITTEN = {"date": DATES[0], "datetime": ISO}


@dataclass(frozen=True, slots=True)
class Made:
    """Answers with the lines that must be durable before they leave; or else what is wrong with the rows."""

    answers: list[Answer]
    lines: bytes
    problems: list[Problem]


def read(media: str, body: bytes, most_rows: int) -> pl.DataFrame:
    """The table of a body.

    Raises
    ------
    Refusal
        When it is none, or an Arrow stream is packed or says that it has more rows than are taken.
    """
    try:
        if media == ARROW:
            require_plain(body, most_rows)
            return pl.read_ipc_stream(io.BytesIO(body))
        return pl.read_csv(io.BytesIO(body), infer_schema=False) if body.strip() else pl.DataFrame()
    except _UNREADABLE as error:
        why = " ".join(str(error).split())[:120]
        remedy = "send a stream of record batches" if media == ARROW else "send a header, commas, and as many values in each line as the header has"
        raise Refusal(400, f"the body cannot be read as a table ({why})", where="body", remedy=remedy) from None


def checked(signature: Signature, frame: pl.DataFrame) -> Sheet:
    """The rows with the signature's types, and what is wrong with them; the same is asked of them as of rows of JSON.

    Raises
    ------
    Refusal
        When a column holds what is no single value.
    """
    problems = _of_columns(signature, frame.columns)
    if problems and frame.width and not frame.height:
        what = f"the table has no rows, and of its columns {problems[0].reason}"
        raise Refusal(422, what, where="body", remedy="mend the header and send the rows with it")
    if problems:
        # A column is wrong in every row.
        return Sheet(frame, {}, (), problems=tuple(replace(one, row=row) for row in range(frame.height) for one in problems))
    written = {column.name: _WRITTEN[column.type] for column in signature.columns if column.type in _WRITTEN}
    try:
        return check(signature, frame, written=written, where="body")
    except Mistake as error:
        raise Refusal(422, error.what, where="body", remedy=error.remedy) from None
    except _UNREADABLE as error:
        raise Refusal(400, f"the columns cannot be read ({type(error).__name__})", where="body", remedy="send plain numbers, texts and dates") from None


def rows(sheet: Sheet) -> list[dict[str, Any]]:
    """The rows as JSON has them."""
    return as_sent(sheet.typed).to_dicts()


def raw(frame: pl.DataFrame, row: int) -> str:
    """A row as it came, as JSON text."""
    return json.dumps(frame.row(row, named=True), default=str)[:RAW_CHARACTERS]


def score(scorer: Scorer, sheet: Sheet, moment: datetime) -> Made:
    """An answer for every row of a sheet without problems."""
    if not sheet.typed.height:
        return Made([], b"", [])
    columns = columns_of(sheet.typed)
    scores = scorer.predict(columns)
    without = unscored(scores)
    if without:
        return Made([], b"", [Problem(row, "", *UNSCORED) for row in without])
    ids = prediction_ids(scorer.package, moment, sheet.typed.height)
    by_class = [None] * len(ids) if scores.scores is None else [dict(zip(scorer.truth.classes, one, strict=True)) for one in scores.scores.tolist()]
    said = decided(scorer, sheet.typed, scores, columns)
    made = zip(ids, scores.score.tolist(), said.decision.tolist(), by_class, strict=True)
    answers = [Answer(*one, **said.answered(at)) for at, one in enumerate(made)]
    return Made(answers, lines_of(scorer, sheet.typed, None, ids, scores, said, moment), [])


def explained(scorer: Scorer, sheet: Sheet, answers: Sequence[Answer], count: int) -> list[Answer]:
    """The answers with the strongest reasons of each."""
    columns = columns_of(sheet.typed)
    found = (scorer.reasons(columns, row) for row in range(len(answers)))
    return [renewed(answer, base=one.base, reasons=one.strongest(count)) for answer, one in zip(answers, found, strict=True)]


def stream(columns: Mapping[str, Sequence[Any]]) -> bytes:
    """Columns as an Arrow stream."""
    types = {name: pl.Float64 for name in columns if name.startswith("score")} | {name: pl.String for name in columns if name.startswith("reason_")}
    out = io.BytesIO()
    # Readers in other languages know large texts, and few of them views of texts.
    pl.DataFrame({name: pl.Series(values, dtype=types.get(name)) for name, values in columns.items()}).write_ipc_stream(
        out, compat_level=pl.CompatLevel.oldest()
    )
    return out.getvalue()


def _of_columns(signature: Signature, names: Sequence[str]) -> list[Problem]:
    lacking = [missing(column, 0) for column in signature.columns if column.needed and column.name not in names]
    return lacking + signature.unknown([name for name in names if name not in signature.names], 0)
