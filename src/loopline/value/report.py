"""The review as one page to decide from, and the detail under it: Markdown, and HTML that needs nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from loopline import charts
from loopline.charts import Bar, Reading
from loopline.declaration import figure
from loopline.value.realised import Amount, Body, Realised
from loopline.value.rules import Case, Review, following
from loopline.watch.earned import CONFIDENCE, Earned, Sums, interval, summed
from loopline.watch.monitors.listed import OF_MONEY
from loopline.watch.spec import URGENCY

ADVICE = {"keep": "Keep it", "retrain": "Retrain it", "retire": "Retire it"}
ROWS_SHOWN, FEATURES_SHOWN, CELLS_WIDE = 60, 15, 120
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|#~&!])")
_ENVIRONMENT = Environment(loader=PackageLoader("loopline.value"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


@dataclass(frozen=True)
class Figure:
    """A number that matters, what it is, the interval it lies in, and what it is held against."""

    name: str
    value: str
    between: str
    note: str


@dataclass(frozen=True)
class Picture:
    """A chart, drawn once for a desk and once for a telephone."""

    name: str
    wide: Markup
    narrow: Markup


@dataclass(frozen=True)
class Table:
    """A table of the detail; the columns named in `words` are texts, all others numbers."""

    name: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1


def markdown(case: Case, review: Review) -> str:
    """The report as Markdown; what comes from names and values is escaped."""
    lines = [f"# {_md(case.project)}: {ADVICE[review.recommendation].lower()}", "", _md(review.reasons[0].says), ""]
    lines += [f"> {_md(note)}\n" for note in notes(case)]
    lines += ["| | | | |", "| --- | ---: | --- | --- |"]
    lines += [*_piped([(one.name, one.value, one.between, one.note) for one in figures(case)]), ""]
    lines += ["## Why", "", *(f"- {_md(reason.says)} (`{reason.rule}`: {reason.recommendation})" for reason in review.reasons), ""]
    lines += [f"Next: `{following(case, review)}`", ""]
    lines += [_md(scope(case)), ""] if scope(case) else []
    for table in tables(case):
        rule = ["---" if index < table.words else "---:" for index in range(len(table.head))]
        rows = [table.head, *table.rows]
        lines += [f"## {table.name}", "", *_piped([rows[0]]), "| " + " | ".join(rule) + " |", *_piped(rows[1:]), ""]
    lines += ["## How it was computed", "", *(f"- {_md(line)}" for line in method(case)), ""]
    return "\n".join(lines)


def _piped(rows: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(_md(cell) for cell in row) + " |" for row in rows]


def _md(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", " ".join(str(text).split()))


def html(case: Case, review: Review) -> str:
    """The report as one HTML page without a script or a link to anything; every text in it is escaped."""
    return _ENVIRONMENT.get_template("review.html.j2").render(
        case=case,
        review=review,
        advice=ADVICE[review.recommendation],
        next=following(case, review),
        notes=notes(case),
        figures=figures(case),
        scope=scope(case),
        pictures=pictures(case),
        details=details(case),
        tables=tables(case),
        method=method(case),
        dark=Markup(charts.dark_css("figure")),
    )


def notes(case: Case) -> list[str]:
    """What a reader must know before the figures."""
    said = []
    if not case.charter.worth.is_priced:
        said.append("The charter has no prices yet: worth is counted in points, which say what is better but not what it is worth in money. Set charter.worth.")
    if case.whole is None:
        said.append("Nothing is realised yet: these figures are what the test part lets expect.")
    elif case.own is None:
        said.append("The package that decides now has no outcomes yet: the figures are those of the packages before it.")
    if case.charter.outcome_seen == "when_acted":
        said.append("Outcomes are seen only where somebody acted, so the figures leave out the decisions to rest.")
    return said


def figures(case: Case) -> list[Figure]:
    """The numbers to decide from."""
    return _expected(case) if case.whole is None else _realised(case, case.whole)


def _realised(case: Case, whole: Realised) -> list[Figure]:
    target = whole.target(case.charter)
    untold = "the charter has no target" if case.charter.target is None else "how much of the target falls on them is unknown without a volume"
    against = f"target for the same decisions: {case.money(target)}" if target is not None else untold
    share = whole.share_of_perfect
    promised = ""
    if case.promise is not None:
        whose = "promised on the test part" if case.own is not None else "the package that decides now promises"
        promised = f"{whose}: {case.money(case.promise.earned.mean)}"
    return [
        _figure(case, "Added, above no model", whole.added.times(whole.outcomes), against),
        _figure(case, "Earned per decision", whole.earned, promised),
        _yearly(case, whole),
        Figure(
            "Of what a perfect model would add", "nothing to add" if share is None else f"{share:.0%}", "", f"perfect: {case.money(whole.perfect)} per decision"
        ),
    ]


def _yearly(case: Case, whole: Realised) -> Figure:
    name = "Added per year at this rate"
    if whole.per_year is None:
        return Figure(name, "unknown", "", "the charter has no volume, and decisions have come for too short a time")
    source = "the charter's volume" if whole.declared else "as many decisions as came so far"
    return _figure(case, name, whole.added.times(whole.per_year), f"{source}, {figure(whole.per_year)} a year")


def _expected(case: Case) -> list[Figure]:
    promise, volume, target = case.promise, case.charter.volume, case.charter.target
    if promise is None:
        return []
    against = f"target: {case.money(target.per_year)} a year" if target is not None else "the charter has no target"
    yearly = Figure("Expected per year, above no model", "unknown", "", "the charter has no volume")
    return [
        _figure(case, "Expected per decision", promise.earned, f"on {promise.rows:,} rows of the test part"),
        _figure(case, "Expected above no model", promise.added, f"without a model ({promise.rule}): {case.money(promise.baseline)} per decision"),
        yearly if volume is None else _figure(case, yearly.name, promise.added.times(volume.per_year), against),
        Figure("A perfect model", case.money(promise.perfect), "", "per decision"),
    ]


def _figure(case: Case, name: str, amount: Amount, note: str) -> Figure:
    known = amount.low is not None and amount.high is not None
    return Figure(name, case.money(amount.mean), f"{figure(amount.low or 0.0)} to {figure(amount.high or 0.0)}" if known else "", note)


def scope(case: Case) -> str:
    """What the figures rest on, in one line."""
    whole = case.whole
    if whole is None:
        return ""
    days = f"{_day(whole.since)} to {_day(whole.until)}"
    known = whole.outcomes / whole.decisions
    return f"{whole.decisions:,} decisions from {days}; the outcome of {known:.0%} is known. Ranges hold with {case.spec.confidence:.0%}."


def pictures(case: Case) -> list[Picture]:
    """The charts to decide from: what was earned, and how that went over time."""
    drawn = [_drawn("What the decisions were worth", lambda width: _worth_bars(case, width))] if case.whole or case.promise else []
    if case.whole is not None:
        drawn.append(_drawn("Worth per decision over time", lambda width: _worth_over_time(case, width)))
    return drawn


def details(case: Case) -> list[Picture]:
    """The charts of the detail."""
    return [_drawn("Drift of the most drifted features", lambda width: _drift_heat(case, width))] if _drifted(case) else []


def _drawn(name: str, draw: Any) -> Picture:
    # The SVG is made by our own renderer from values that it escapes: it is markup, not text.
    return Picture(name, *(Markup(charts.svg(draw(width))) for width in (charts.WIDE, charts.NARROW)))


def _worth_bars(case: Case, width: int) -> charts.Spec:
    whole, promise = case.whole, case.promise
    if whole is None:
        assert promise is not None
        values = [
            Bar(name="expected", value=promise.earned.mean, low=promise.earned.low, high=promise.earned.high),
            Bar(name="without a model", value=promise.baseline),
            Bar(name="a perfect model", value=promise.perfect),
        ]
        return charts.bars(
            values, title="Expected worth per decision", unit=f"{case.currency} per decision", note="From the test part; nothing is realised yet.", width=width
        )
    earned, count, target = whole.earned.times(whole.outcomes), whole.outcomes, whole.target(case.charter)
    due = None if target is None else whole.baseline * count + target
    values = [Bar(name="realised", value=earned.mean, low=earned.low, high=earned.high, marked=due is not None and (earned.high or earned.mean) < due)]
    values += [Bar(name="charter's target", value=due)] if due is not None else []
    values += [Bar(name="as on the test part", value=promise.earned.mean * count)] if promise is not None else []
    values += [Bar(name="without a model", value=whole.baseline * count), Bar(name="a perfect model", value=whole.perfect * count)]
    note = f"{count:,} decisions whose outcome is known."
    return charts.bars(values, title="What the decisions were worth", unit=case.currency, note=note, width=width)


def _worth_over_time(case: Case, width: int) -> charts.Spec:
    whole, promise, target = case.whole, case.promise, case.charter.target
    merged = _by_start(case.windows)
    readings, baseline = [], []
    for start, bodies in merged.items():
        earned = summed([Earned.of_json(body["sums"]) for body in bodies])
        if not earned.outcomes:
            continue
        seen = interval([earned.money], CONFIDENCE)
        breached = any(name in OF_MONEY for body in bodies for name in body["breaches"])
        readings.append(Reading(at=start, value=_mean(earned.money), low=seen and seen[0], high=seen and seen[1], marked=breached))
        baseline.append(Reading(at=start, value=earned.baseline / earned.outcomes))
    lines = {
        "target": None if target is None or whole is None or whole.per_year is None else whole.baseline + target.per_year / whole.per_year,
        "on the test part": None if promise is None else promise.earned.mean,
    }
    note = f"Band: {CONFIDENCE:.0%} interval of each window." + (" Diamond: a monitor found the window too low." if any(one.marked for one in readings) else "")
    return charts.over_time(
        readings,
        title="Worth per decision over time",
        unit=f"{case.currency} per decision",
        name="realised",
        others={"without a model": baseline},
        lines=lines,
        note=note,
        width=width,
    )


def _mean(sums: Sums) -> float:
    return sums.total / sums.count


def _by_start(windows: Sequence[Body]) -> dict[datetime, list[Body]]:
    merged: dict[datetime, list[Body]] = {}
    for window in sorted(windows, key=lambda window: str(window["start"])):
        merged.setdefault(datetime.fromisoformat(window["start"]), []).append(window)
    return merged


def _drifted(case: Case) -> list[str]:
    """The champion's features, the most drifted first."""
    most: dict[str, float] = {}
    for window in case.windows:
        if window["package"] == case.champion:
            for name, value in window["drift"].items():
                most[name] = max(most.get(name, 0.0), value or 0.0)
    return sorted(most, key=lambda name: -most[name])[:FEATURES_SHOWN]


def _drift_heat(case: Case, width: int) -> charts.Spec:
    own = [window for window in case.windows if window["package"] == case.champion and window["rows"]][-CELLS_WIDE:]
    cells = [
        (name, datetime.fromisoformat(window["start"]), window["drift"].get(name), f"drift:{name}" in window["breaches"])
        for name in _drifted(case)
        for window in own
    ]
    note = "Distance of each window's values from those of training. Dot: above the limit of the feature."
    return charts.heat(cells, title="Drift of the most drifted features", unit="distance", note=note, width=width)


def tables(case: Case) -> list[Table]:
    """The tables of the detail: open alerts and the newest windows."""
    made = []
    if case.alerts:
        urgent = sorted(case.alerts, key=lambda alert: URGENCY.index(alert["monitor"]))
        rows = tuple((alert["monitor"], alert["state"], alert["since"][:10], alert["says"]) for alert in urgent)
        made.append(Table("Open alerts", ("monitor", "state", "since", "what"), rows, words=4))
    if case.windows:
        newest = case.windows[-ROWS_SHOWN:]
        head = ("window", "package", "rows", "refused", "outcomes", f"worth per decision ({case.currency})", "without a model", "largest drift")
        name = "Windows" if len(newest) == len(case.windows) else f"Windows (the newest {ROWS_SHOWN} of {len(case.windows):,})"
        made.append(Table(name, head, tuple(map(_window_row, newest)), words=2))
    return made


def _window_row(window: Body) -> tuple[str, ...]:
    worth = window["worth"]
    drift = [value for value in window["drift"].values() if value is not None]
    return (
        window["start"][:16].replace("T", " "),
        window["package"][:8],
        f"{window['rows']:,}",
        f"{window['refused']:,}",
        f"{window['outcomes']:,}",
        "-" if worth is None else f"{figure(worth['per_decision'])}",
        "-" if worth is None else f"{figure(worth['baseline'])}",
        f"{max(drift):.2f}" if drift else "-",
    )


def _intervals(case: Case) -> str:
    if case.whole is None:
        return "Intervals hold with 95%: rows of the test part that belong together, such as those of one day, were drawn again together."
    return (
        f"Intervals hold with {case.spec.confidence:.0%}: the wider of two standard errors, that of single rows and that of whole windows, because rows of one "
        "window are often alike."
    )


def method(case: Case) -> list[str]:
    """How the figures were computed, in words."""
    said = [
        f"Package {case.champion[:12]} decides now." if case.champion else "No package decides yet.",
        "Money per decision comes from the charter's worth, row by row, over the decisions whose outcome has come; of several outcomes the last one holds.",
        f"Without a model means the one decision for all that earned most before the release{f': {case.promise.rule}' if case.promise else ''}.",
        _intervals(case),
    ]
    if case.charter.target is not None:
        source = "the charter's volume" if case.charter.volume is not None else "the pace at which decisions came"
        said.append(f"The target of {case.money(case.charter.target.per_year)} a year counts what is added above no model; its part is taken by {source}.")
    return said


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
