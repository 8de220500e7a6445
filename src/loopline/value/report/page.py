"""The report as one HTML page that needs nothing from elsewhere: no script, no link, every text escaped."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from loopline import charts
from loopline.value.case import Case
from loopline.value.report import pictures
from loopline.value.report.answers import answers, method, notes, scope
from loopline.value.report.figures import figures
from loopline.value.report.parts import parts
from loopline.value.rules import Review, advice, following

_ENVIRONMENT = Environment(loader=PackageLoader("loopline.value.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def html(case: Case, review: Review) -> str:
    """The report as a page; its first sheet of A4 is what to decide from."""
    return _ENVIRONMENT.get_template("review.html.j2").render(
        case=case,
        review=review,
        advice=advice(case, review),
        next=following(case, review),
        notes=notes(case),
        figures=figures(case),
        scope=scope(case),
        answers=answers(case, review),
        first=pictures.first(case),
        parts=parts(case),
        method=method(case),
        dark=Markup(charts.dark_css("figure")),
    )
