"""The answers that a question takes, in its own words: what each one does; pure."""

from __future__ import annotations

from collections.abc import Iterator

from loopline.data.quarantine.reasons import ABOUT_CELLS
from loopline.data.review.answers import ONE_BY_ONE, Word
from loopline.data.review.questions import Question
from loopline.data.spec import ColumnSpec

_WORDS = ("rare", "new", "alike")
"""The kinds of questions about one word of a column."""


def offered(question: Question, spec: ColumnSpec) -> dict[Word, str]:
    """What each answer that fits the question does.

    Parameters
    ----------
    spec
        What the contract says of the column.
    """
    return dict((*_plain(question, spec), *_relabel(question), ("rule", "Another rule: the one that you write below")))


def _plain(question: Question, spec: ColumnSpec) -> Iterator[tuple[Word, str]]:
    """Acceptance and refusal, the one with yes first."""
    column, value = question.column, repr(question.value)
    match question.kind:
        case "inferred":
            yield "refuse", "Yes: refuse rows with other values"
            yield "accept", "No: go on only counting them"
        case "refused":
            if (widened := _widened(question)) is not None:
                yield "accept", widened
            # Of a value it is asked whether it is right, of all else whether the refusal is.
            is_of_value = question.column and question.rule in ABOUT_CELLS - {"required"}
            yield "refuse", f"{'No' if is_of_value else 'Yes'}: {_rows(question.rows)} rightly refused; give {'it' if question.rows == 1 else 'them'} up"
        case "low" | "high":
            least = "below" if question.kind == "low" else "above"
            yield "accept", f"Yes, {column} can be so: nothing changes"
            yield "refuse", f"No: refuse rows with {column} {least} {question.bound or 0:.10g}"
        case _:
            right = f"{value} is another one than {question.like!r}" if question.kind == "alike" else f"{value} is right"
            yield "accept", f"Yes, {right}: {'nothing changes' if spec.values is None else f'{column} may be so'}"
            yield "refuse", f"No: refuse rows with {value} as {column}"


def _widened(question: Question) -> str | None:
    """What accepting refused rows does to the contract; None where it cannot."""
    column, value = question.column, question.value
    match question.rule:
        case "values":
            return f"Yes: allow {value!r} as {column}"
        case "min" | "max" if value:
            return f"Yes: let {column} go {'down' if question.rule == 'min' else 'up'} to {value}"
        case "pattern" | "length":
            return f"Yes: only count the rows whose {column} breaks this rule"
        case _:
            return None


def _relabel(question: Question) -> Iterator[tuple[Word, str]]:
    if question.kind == "inferred" or not question.column or (question.kind == "refused" and question.rule not in ABOUT_CELLS):
        return
    like = "" if question.like is None else f" ({question.like!r} where you write none)"
    if question.kind == "alike" or (question.kind in _WORDS and question.rows > ONE_BY_ONE):
        yield "relabel", f"Read {question.value!r} as the value that you write below, in all that comes{like}"
        return
    several = question.rows > 1 and (question.kind in ("low", "high") or question.rule in ("min", "max"))
    if question.ids and not several and question.rows <= len(question.ids):
        yield "relabel", f"{_rows(question.rows)} to be mended: write the right value below{like}"


def _rows(count: int) -> str:
    return "1 row is" if count == 1 else f"{count:,} rows are"
