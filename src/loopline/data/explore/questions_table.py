"""What to ask about rows, times and columns together: gaps, what is missing since when, repeats, leaks, columns that say the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

from loopline.data.explore.coverage import Gap
from loopline.data.explore.distribution import stamp
from loopline.data.explore.question import Look, Question

_SAME, _MUCH, _OLD = 0.999, 0.5, datetime(1900, 1, 1, tzinfo=UTC)
_EPOCHS = ("1970-01-01", "1900-01-01", "1899-12-30", "0001-01-01", "9999-12-31", "2099-12-31", "9999-01-01")
_ASKED_GAPS = 3
_TODAY = timedelta(days=1)


def known_before(look: Look) -> Iterator[Question]:
    """Columns that may tell the outcome because they are known only after it; those that are suspected together are asked of together."""
    suspected: dict[str, list[str]] = defaultdict(list)
    for finding in look.leaks:
        if finding.kind == "leak":
            suspected[finding.why].append(finding.column)
    for why, names in suspected.items():
        why = why.removesuffix(": is it known before the outcome?")
        why = f"I{why[1:]}." if why.startswith(("it ", "its ")) else f"{why}."
        yield Question("leak", tuple(names), f"{'Are' if len(names) > 1 else 'Is'} {_listed(names)} known before the outcome?", why, 3)


def _listed(names: Sequence[str], *, most: int = 6) -> str:
    if len(names) > most:
        return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more columns"
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def onsets(look: Look) -> Iterator[Question]:
    """Columns that are missing from one day on, or begin on one."""
    for found in look.missing.onsets:
        went = found.after > found.before
        ask = f"What happened to {found.column} on {found.day:%Y-%m-%d}?"
        because = f"From that day on it is missing in {found.after:.0%} of rows, before in {found.before:.0%}."
        yield Question("onset", (found.column,), ask, because, 3 if went else 2, (found.day.isoformat(),))


def missing_together(look: Look) -> Iterator[Question]:
    """Columns that are missing in the same rows: these rows have something in common."""
    for group in look.missing.together:
        rows = int(look.sample[group[0]].null_count())
        said = _listed(group)
        ask = f"What kind of row has no {group[0]}?"
        yield Question("missing_together", group, ask, f"{said} are missing together, in {look.of_rows(rows)}.", 2)


def mostly_missing(look: Look) -> Iterator[Question]:
    """Columns that are empty in more than half of the rows, and not together with others."""
    grouped = {name for group in look.missing.together for name in group}
    for name, one in look.distributions.items():
        if one.missing_share > _MUCH and name not in grouped:
            gone = one.missing == one.profile.rows
            ask = f"Will {name} ever be filled?" if gone else f"When is {name} known, and what does it mean that it is empty?"
            yield Question(
                "mostly_missing", (name,), ask, "It is empty in every row." if gone else f"It is empty in {one.missing_share:.0%} of rows.", 1 if gone else 2
            )


def impossible_dates(look: Look) -> Iterator[Question]:
    """Dates in the future, before 1900, or those by which machines say that they know none."""
    limit = (look.now.replace(tzinfo=UTC) + _TODAY).timestamp()
    for name, one in look.distributions.items():
        if not one.is_time or one.profile.max is None or one.profile.min is None:
            continue
        counts = look.survey.moments.get(name)
        if one.profile.max > limit:
            rows = _rows(counts, pl.col("at").cast(pl.Datetime("us")) > look.now + _TODAY)
            because = f"{rows:,} rows lie after {look.now:%Y-%m-%d}; the latest is {stamp(one.profile.max)}."
            yield Question(
                "future", (name,), f"Can {name} lie in the future?", because, 2 if rows > 0.5 * one.profile.known else 3, (stamp(one.profile.max) or "",)
            )
        if one.profile.min < _OLD.timestamp():
            rows = _rows(counts, pl.col("at").cast(pl.Datetime("us")) < _OLD.replace(tzinfo=None))
            yield Question("very_old", (name,), f"Can {name} lie before 1900?", f"{rows:,} rows do; the earliest is {stamp(one.profile.min)}.", 2)
        yield from _spikes(name, counts)


def _spikes(name: str, counts: pl.DataFrame | None) -> Iterator[Question]:
    if counts is None:
        return
    days = counts.group_by(pl.col("at").cast(pl.Date).cast(pl.String).alias("day")).agg(pl.col("rows").sum())
    usual = float(days["rows"].median() or 0)  # type: ignore[arg-type]
    for day, rows in days.filter(pl.col("day").is_in(_EPOCHS)).sort("day").iter_rows():
        if days.height > 1 and rows > max(3.0, 3 * usual):
            yield Question(
                "no_date", (name,), f"Does {day} in {name} mean “not known”?", f"{rows:,} rows hold it; it is what machines write for no date.", 3, (day,)
            )


def _rows(counts: pl.DataFrame | None, condition: pl.Expr) -> int:
    return 0 if counts is None else int(counts.filter(condition)["rows"].sum())


def gaps(look: Look) -> Iterator[Question]:
    """Times without rows."""
    if look.coverage is None:
        return
    for gap in look.coverage.gaps[:_ASKED_GAPS]:
        if gap.steps == 1 and look.coverage.unit == "hour":
            continue
        ask = f"Did nothing happen {_span(gap, look.coverage.unit)}, or was it not delivered?"
        word = look.coverage.unit if gap.steps == 1 else f"{look.coverage.unit}s"
        yield Question("gap", (look.coverage.column,), ask, f"{gap.steps:,} {word} without a row, by {look.coverage.column}.", 2)
    if thin := look.coverage.thin:
        days = ", ".join(f"{bar.at:%Y-%m-%d}" for bar in thin[:3])
        days += f" and {len(thin) - 3} more days" if len(thin) > 3 else ""
        because = f"Less than a fifth of the rows that are usual on the weekday came on {days}."
        yield Question("thin_days", (look.coverage.column,), f"Why are there so few rows on {thin[0].at:%Y-%m-%d}?", because, 2)


def _span(gap: Gap, unit: str) -> str:
    form = "%Y-%m-%d %H:00" if unit == "hour" else "%Y-%m-%d"
    return f"on {gap.since:{form}}" if gap.since == gap.until else f"from {gap.since:{form}} to {gap.until:{form}}"


def repeats(look: Look) -> Iterator[Question]:
    """Rows and keys that come twice."""
    survey = look.survey
    if survey.key_repeats is not None and survey.key_repeats.rows:
        key = " and ".join(survey.key)
        yield Question("key_repeats", survey.key, f"Which row holds where {key} comes twice?", f"{survey.key_repeats.rows:,} rows repeat an earlier {key}.", 3)
    if survey.repeats.rows:
        because = f"{survey.repeats.rows:,} of {survey.rows:,} rows are equal to an earlier one in every column."
        yield Question("repeats", (), "Are equal rows one event that was delivered twice, or several?", because, 3)


def same_columns(look: Look) -> Iterator[Question]:
    """Columns of which one tells the other."""
    groups: list[list[str]] = []
    for pair in look.associations.pairs:
        if abs(pair.value) < _SAME:
            break
        joined = [group for group in groups if pair.one in group or pair.other in group]
        groups = [group for group in groups if group not in joined]
        groups.append(list(dict.fromkeys([*(name for group in joined for name in group), pair.one, pair.other])))
    for group in groups:
        because = f"Each goes with the others nearly without exception (at least {_SAME}, up or down); one of them tells the rest."
        yield Question("same_columns", tuple(group), f"Do {_listed(group)} say the same, and which one holds?", because, 1)


def one_value(look: Look) -> Iterator[Question]:
    """Columns that never change."""
    for name, one in look.distributions.items():
        if one.exact and one.distinct == 1:
            blank = f" or is empty ({one.missing:,} rows)" if one.missing else ""
            yield Question("one_value", (name,), f"Is {name} ever anything else?", f"It holds one value{blank} in {one.profile.rows:,} rows.", 1)


RULES = (known_before, repeats, onsets, impossible_dates, gaps, missing_together, mostly_missing, same_columns, one_value)
