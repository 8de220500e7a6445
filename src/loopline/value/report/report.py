"""The report of a review as a document: the recommendation, the numbers and answers to decide from, and the detail."""

from __future__ import annotations

from loopline.sheet.document import Document, Part, Tone
from loopline.value.case import Case
from loopline.value.report import pictures
from loopline.value.report.answers import answers, method, notes, scope
from loopline.value.report.figures import figures
from loopline.value.report.parts import parts
from loopline.value.rules import Review, advice, following

_TONES: dict[str, Tone] = {"mend_source": "wait", "retrain": "wait", "change_policy": "wait", "retire": "no"}


def report(case: Case, review: Review) -> Document:
    """The report of a review."""
    said = advice(case, review)
    reasons = tuple(f"{reason.says} ({_spaced(reason.rule)}: {_spaced(reason.recommendation)})" for reason in review.reasons)
    return Document(
        title=f"{case.project}: {said.lower()} ({case.made})",
        project=case.project,
        kind="value review",
        made=str(case.made),
        question=case.charter.decision,
        label="We recommend",
        verdict=said,
        says=review.reasons[0].says,
        tone=_TONES.get(review.recommendation, "yes"),
        next=following(case, review),
        notes=tuple(notes(case)),
        figures=tuple(figures(case)),
        scope=scope(case),
        answers=tuple(answers(case, review)),
        first=pictures.first(case),
        parts=(
            Part(name="Every reason that a rule gave", lists=(("", reasons),)),
            *parts(case),
            Part(name="How it was computed", lists=(("", tuple(method(case))),)),
        ),
    )


def _spaced(name: str) -> str:
    return name.replace("_", " ")
