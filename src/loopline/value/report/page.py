"""The report as one HTML page."""

from __future__ import annotations

from loopline.sheet.page import rendered
from loopline.value.case import Case
from loopline.value.report import pictures
from loopline.value.report.answers import answers, method, notes, scope
from loopline.value.report.figures import figures
from loopline.value.report.parts import parts
from loopline.value.rules import Review, advice, following

_TONES = {"retrain": "wait", "change_policy": "wait", "retire": "no"}


def html(case: Case, review: Review) -> str:
    """The report as a page; its first sheet of A4 is what to decide from."""
    return rendered(
        "loopline.value.report",
        "review.html.j2",
        case=case,
        review=review,
        tone=_TONES.get(review.recommendation, "yes"),
        advice=advice(case, review),
        next=following(case, review),
        notes=notes(case),
        figures=figures(case),
        scope=scope(case),
        answers=answers(case, review),
        first=pictures.first(case),
        parts=parts(case),
        method=method(case),
    )
