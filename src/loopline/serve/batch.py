"""Whole tables to predictions: the same checks, scores and log records as for single rows, column by column."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import partial
from typing import Any, TypeVar

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.data.casting import absent, formats, parsed
from loopline.data.spec import HIDDEN
from loopline.errors import Mistake
from loopline.model.predictor import Scores
from loopline.serve.apart import Decided
from loopline.serve.log import Log
from loopline.serve.scorer import Scorer, prediction_ids, stamp, unscored
from loopline.serve.signature import EXPECTED, LARGEST, RAW_CHARACTERS, Column, Problem, Signature, describe
from loopline.serve.split import unit_of

CHUNK = 50_000

_ANSWER = ("prediction_id", "score", "prediction", "decision", "package", "refused", "holdout", "arm")
_APART = ("holdout", "instead_of", "experiment", "arm")
"""What the records of rows that are decided apart say besides."""
_ISO = "%Y-%m-%dT%H:%M:%S%.6fZ"
_Rows = TypeVar("_Rows", pl.DataFrame, pl.Series)
UNSCORED = ("the model has no finite score for it", "values like those seen in training")
"""What is wrong with a row that was checked and has no score, and what was expected."""
_NO_SCORE = "; expected ".join(UNSCORED)


@dataclass(frozen=True, eq=False)
class Sheet:
    """A frame checked against a signature.

    Parameters
    ----------
    typed
        The signature's columns that the frame has, with the signature's types; n rows.
    reasons
        From the place of a refused row to why it is refused.
    ignored
        The frame's other columns: they are not read.
    looked_up
        What was looked up for each row, as the log says it: a struct with a field for each lookup; None where nothing was.
    problems
        The same as `reasons`, field by field, in the order of the columns.
    """

    typed: pl.DataFrame
    reasons: dict[int, list[str]]
    ignored: tuple[str, ...]
    looked_up: pl.Series | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def good(self) -> NDArray[np.int64]:
        """The places of the rows that are not refused."""
        places = np.ones(self.typed.height, dtype=bool)
        places[list(self.reasons)] = False
        return np.flatnonzero(places)


@dataclass(frozen=True, eq=False)
class Scored:
    """What became of a frame's rows.

    Parameters
    ----------
    places
        The place in the frame of each row of `out`.
    out
        Key columns, ``prediction_id``, scores, ``decision`` and ``package`` of the rows that were scored.
    reasons
        From the place of each other row to why it was refused.
    """

    places: NDArray[np.int64]
    out: pl.DataFrame
    reasons: Mapping[int, Sequence[str]]
    ignored: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Predicted:
    """Predictions, and the log's records of them.

    Parameters
    ----------
    scored
        The predictions; of its `reasons` only those of rows that the model has no score for.
    lines
        Makes the records, each a JSON line: the same as the server's.
    """

    scored: Scored
    lines: Callable[[], bytes]


def check(signature: Signature, frame: pl.DataFrame, *, nulls: Sequence[str] = (), written: Mapping[str, str] | None = None, where: str = "") -> Sheet:
    """The frame's rows with the signature's types, and why those that do not fit are refused.

    Parameters
    ----------
    nulls
        Texts that stand for null.
    written
        How the dates of a column are written in texts, where that is known; else it is found out from the values.

    Raises
    ------
    Mistake
        When a column that the package needs is missing.
    """
    there = [column for column in signature.columns if column.name in frame.columns]
    ignored = tuple(name for name in frame.columns if name not in signature.names and name not in HIDDEN)
    for column in signature.columns:
        if column.needed and column.name not in frame.columns:
            near = get_close_matches(column.name, ignored, n=1)
            hint = f"{near[0]!r} is perhaps it" if near else f"the columns are: {', '.join(name for name in frame.columns if name not in HIDDEN)}"
            raise Mistake(f"the column {column.name!r} is missing, and the package needs it", where=where, remedy=hint)
    problems: list[Problem] = []
    columns = []
    for column in there:
        values = typed(frame[column.name], column, nulls, (written or {}).get(column.name))
        columns.append(values)
        missing = frame.select(absent(column.name, frame[column.name].dtype, nulls)).to_series()
        wrong = values.is_null() & ((~missing) | pl.Series([column.required]))
        for place in wrong.arg_true().to_list():
            value = None if missing[place] else frame[column.name][place]
            said = value if isinstance(value, (bool, int, float, str)) or value is None else str(value)
            problems.append(Problem(place, column.name, f"it is {describe(said)}", EXPECTED[column.type]))
    reasons: dict[int, list[str]] = {}
    for problem in problems:
        reasons.setdefault(problem.row, []).append(problem.reason)
    return Sheet(pl.DataFrame(columns), dict(sorted(reasons.items())), ignored, problems=tuple(problems))


def typed(values: pl.Series, column: Column, nulls: Sequence[str], written: str | None) -> pl.Series:
    """The values as a signature's column has them; null where one is missing or does not fit."""
    if written is None and values.dtype == pl.String and column.type in ("date", "datetime"):
        known = values.to_frame().filter(~absent(column.name, pl.String(), nulls)).to_series()
        written = formats(known, column.type)[0]
    made = values.to_frame().select(parsed(column.name, values.dtype, column.type, nulls=nulls, format=written).alias(column.name)).to_series()
    if column.type != "number":
        return made
    return made.to_frame().select(pl.when(pl.col(column.name).abs() <= LARGEST).then(pl.col(column.name))).to_series()


def score(scorer: Scorer, sheet: Sheet, log: Log) -> Scored:
    """The predictions for the rows that are not refused, durable in the log when this returns.

    Raises
    ------
    Fault
        When the log cannot be written; nothing is answered then.
    """
    places = sheet.good
    parts = []
    for at in range(0, max(1, len(places)), CHUNK):
        moment = datetime.now(UTC)
        parts.append(predicted(scorer, sheet, places[at : at + CHUNK], moment=moment, named=partial(_named, scorer, moment)))
        if lines := parts[-1].lines():
            log.append("predictions", lines).result()
    refused = {**sheet.reasons, **{place: why for part in parts for place, why in part.scored.reasons.items()}}
    out = pl.concat([part.scored.out for part in parts])
    return Scored(np.concatenate([part.scored.places for part in parts]), out, dict(sorted(refused.items())), sheet.ignored)


def predicted(
    scorer: Scorer,
    sheet: Sheet,
    places: NDArray[np.int64],
    *,
    moment: datetime,
    named: Callable[[NDArray[np.int64]], Sequence[str] | pl.Series],
    reasons: int = 0,
    whole_periods: bool = False,
) -> Predicted:
    """The predictions for some good rows of a sheet; nothing is written.

    Parameters
    ----------
    places
        The rows' places in the sheet, ascending; shape (n,).
    moment
        When they are made.
    named
        The ids of the predictions for rows at some places.
    reasons
        So many columns ``reason_1``, ``reason_2``, ... tell why each row gets its score, the strongest first.
    whole_periods
        Whether the policy's limit is held exactly in each period, for these are all its rows.
    """
    rows = _at(sheet.typed, places)
    without: list[int] = []
    scores, columns = None, columns_of(rows)
    if rows.height:
        scores = scorer.predict(columns, whole_periods=whole_periods)
        without = unscored(scores)
    if without:
        kept = np.delete(places, without)
        done = predicted(scorer, sheet, kept, moment=moment, named=named, reasons=reasons, whole_periods=whole_periods)
        return replace(done, scored=replace(done.scored, reasons={int(places[at]): (_NO_SCORE,) for at in without}))
    made = pl.DataFrame(_no_scores(scorer) if scores is None else _said(scorer, scores, decided(scorer, rows, scores, columns)))
    ids = pl.Series("prediction_id", named(places), dtype=pl.String)
    out = _answers(scorer, rows, ids, made)
    if reasons:
        out = out.with_columns(_reasons(scorer, rows, reasons))
    looked_up = None if sheet.looked_up is None else _at(sheet.looked_up, places)
    return Predicted(Scored(places, out, {}, sheet.ignored), partial(_lines, scorer, rows, looked_up, ids, made, moment))


def _named(scorer: Scorer, moment: datetime, places: NDArray[np.int64]) -> list[str]:
    return prediction_ids(scorer.package, moment, len(places))


def refused_lines(scorer: Scorer, raw: Sequence[str], reasons: Sequence[Sequence[str]], moment: datetime) -> bytes:
    """The log's lines of refused rows: their texts, and why each was refused."""
    same = {"time": stamp(moment), "kind": "row", "package": scorer.package}
    kept = [{**same, "reasons": why, "raw": said[:RAW_CHARACTERS]} for said, why in zip(raw, reasons, strict=True)]
    return msgspec.json.Encoder().encode_lines(kept)


def log_refused(scorer: Scorer, log: Log, raw: Mapping[int, str], reasons: Mapping[int, Sequence[str]]) -> None:
    """Keep refused rows with their reasons, durably."""
    if reasons:
        log.append("refused", refused_lines(scorer, [raw[place] for place in reasons], list(reasons.values()), datetime.now(UTC))).result()


def _at(rows: _Rows, places: NDArray[np.int64]) -> _Rows:
    """The rows at ascending places; they are not copied where that is all of them."""
    return rows if len(places) == len(rows) else rows[places]


def _reasons(scorer: Scorer, rows: pl.DataFrame, count: int) -> list[pl.Series]:
    """The strongest reasons of each row in words; null where it has fewer."""
    columns = columns_of(rows)
    said = [[reason.says for reason in scorer.reasons(columns, row).reasons[:count]] for row in range(rows.height)]
    return [pl.Series(f"reason_{at + 1}", [one[at] if at < len(one) else None for one in said], dtype=pl.String) for at in range(count)]


def _no_scores(scorer: Scorer) -> dict[str, pl.Series]:
    decision = pl.Float64 if scorer.truth.task == "regression" else pl.String
    classes = scorer.truth.classes if scorer.truth.task == "multiclass" else ()
    floats = {name: pl.Series([], dtype=pl.Float64) for name in ("score", *(f"score_{name}" for name in classes))}
    apart = {"holdout": pl.Series([], dtype=pl.Boolean)} if scorer.decider.has_holdout else {}
    apart |= {"arm": pl.Series([], dtype=pl.String)} if scorer.decider.has_arms else {}
    return floats | {"decision": pl.Series([], dtype=decision)} | apart


def decided(scorer: Scorer, rows: pl.DataFrame, scores: Scores, columns: Mapping[str, Any]) -> Decided:
    """The decisions of typed rows that were scored; `columns` is what `columns_of` gives of them."""
    return scorer.decider.decide(scores, columns, lambda: [unit_of(row, scorer.key) for row in rows.iter_rows(named=True)])


def _said(scorer: Scorer, scores: Scores, made: Decided) -> dict[str, pl.Series]:
    """Score, decision, what was decided apart and, for several classes, the score of each."""
    said = {"score": pl.Series(scores.score, dtype=pl.Float64), "decision": pl.Series(made.decision.tolist())}
    if made.holdout is not None and made.instead_of is not None:
        said |= {"holdout": pl.Series(made.holdout), "instead_of": pl.Series(made.instead_of.tolist(), dtype=said["decision"].dtype)}
    if made.arm is not None:
        arm = pl.Series(made.arm.tolist(), dtype=pl.String)
        said |= {"experiment": pl.Series([None if one is None else made.experiment for one in arm], dtype=pl.String), "arm": arm}
    if scores.scores is None:
        return said
    return said | {f"score_{name}": pl.Series(scores.scores[:, index], dtype=pl.Float64) for index, name in enumerate(scorer.truth.classes)}


def _answers(scorer: Scorer, rows: pl.DataFrame, ids: pl.Series, made: pl.DataFrame) -> pl.DataFrame:
    """The columns that a person gets, for each task those that mean something."""
    key = [rows[name] for name in scorer.key if name in rows.columns]
    for column in key:
        if column.name in _ANSWER or column.name.startswith(("score_", "reason_")):
            raise Mistake(f"the key column {column.name!r} has the name of a column of the answer", where=column.name, remedy="rename it in the data")
    task = scorer.truth.task
    if task == "binary":
        numbers = [made["score"]]
    elif task == "regression":
        numbers = [made["score"].alias("prediction")]
    else:
        numbers = [*(made[f"score_{name}"] for name in scorer.truth.classes), made["decision"].alias("prediction")]
    package = pl.repeat(scorer.package, rows.height, dtype=pl.String, eager=True).alias("package")
    return pl.DataFrame([*key, ids, *numbers, made["decision"], package, *(made[name] for name in ("holdout", "arm") if name in made.columns)])


def as_sent(rows: pl.DataFrame) -> pl.DataFrame:
    """Typed rows as JSON has them: dates and times as texts."""
    return rows.with_columns(_iso(name, kind) for name, kind in rows.schema.items() if kind.is_temporal())


def columns_of(rows: pl.DataFrame) -> dict[str, Any]:
    """Typed rows as the predictor takes them."""
    return {name: _plain(rows[name]) for name in rows.columns}


def lines_of(scorer: Scorer, rows: pl.DataFrame, looked_up: pl.Series | None, ids: Sequence[str], scores: Scores, made: Decided, moment: datetime) -> bytes:
    """The log's records of typed rows, each a JSON line: the same as for single rows."""
    return _lines(scorer, rows, looked_up, pl.Series(ids, dtype=pl.String), pl.DataFrame(_said(scorer, scores, made)), moment)


def _lines(scorer: Scorer, rows: pl.DataFrame, looked_up: pl.Series | None, ids: pl.Series, made: pl.DataFrame, moment: datetime) -> bytes:
    if not rows.height:
        return b""
    now = stamp(moment)
    event = pl.Series([now] * rows.height)
    if scorer.time is not None and scorer.time in rows.columns:
        event = rows[scorer.time].cast(pl.Datetime("us")).dt.strftime(_ISO).fill_null(now)
    key = [name for name in scorer.key if name in rows.columns]
    parts = (
        as_sent(rows)
        .select(
            key=pl.struct(key).struct.json_encode() if key else pl.lit("{}"),
            row=pl.struct(pl.all()).struct.json_encode(),
        )
        .with_columns(
            event.alias("event"),
            ids.alias("id"),
            said=_decided(scorer, made),
            looked_up=pl.lit("") if looked_up is None else pl.lit(',"looked_up":') + looked_up.struct.json_encode(),
        )
    )
    line = pl.concat_str(
        pl.lit('{"id":"'),
        "id",
        pl.lit(f'","time":"{now}","event_time":"'),
        "event",
        pl.lit(f'","package":"{scorer.package}","key":'),
        "key",
        pl.lit(',"row":'),
        "row",
        pl.lit(","),
        pl.col("said").str.slice(1).str.head(-1),
        "looked_up",
        pl.lit("}\n"),
    )
    return "".join(parts.select(line).to_series()).encode()


def _decided(scorer: Scorer, made: pl.DataFrame) -> pl.Series:
    """Score, scores, decision and what was decided apart, as a JSON object."""
    classes = scorer.truth.classes if scorer.truth.task == "multiclass" else ()
    scores = pl.struct(pl.col(f"score_{name}").alias(name) for name in classes) if classes else pl.lit(None)
    apart = [name for name in _APART if name in made.columns]
    return made.select(pl.struct(*apart, score="score", scores=scores, decision="decision").struct.json_encode()).to_series()


def _iso(name: str, kind: pl.DataType) -> pl.Expr:
    return pl.col(name).dt.strftime("%Y-%m-%d" if kind == pl.Date else _ISO)


def _plain(values: pl.Series) -> Any:
    """A column as the predictor takes it: numbers with NaN for null, naive UTC moments, lists of texts."""
    if values.dtype == pl.String:
        return values.to_list()
    if isinstance(values.dtype, pl.Datetime):
        return values.dt.replace_time_zone(None).to_numpy()
    if values.dtype == pl.Date:
        return values.cast(pl.Datetime("us")).to_numpy()
    return values.cast(pl.Float64).to_numpy()
