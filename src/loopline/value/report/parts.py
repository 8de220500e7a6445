"""The detail of the report, part by part: what there is nothing to tell of is left out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from loopline.declaration import figure
from loopline.model.estimates import Estimate
from loopline.sheet.document import Part, Table
from loopline.value.case import Case
from loopline.value.lift import in_words
from loopline.value.realised import Body, decided
from loopline.value.report import pictures
from loopline.watch.spans import written
from loopline.watch.spec import URGENCY

ROWS_SHOWN = 60
_HOLDS = {True: "yes", False: "no", None: "cannot be told"}


def parts(case: Case) -> list[Part]:
    """The detail in the order in which it is read."""
    return [part for make in _PARTS if (part := make(case)) is not None]


def _worth(case: Case) -> Part | None:
    return None if case.whole is None else Part(name="Worth against target, promise and no model", picture=pictures.worth(case))


def _criteria(case: Case) -> Part | None:
    if not case.criteria:
        return None
    rows = tuple(
        (
            one.id,
            one.words or "-",
            one.check or "-",
            one.says.removesuffix(f"; asked for {one.check}"),
            _HOLDS[one.passed],
            f"{one.held} of {one.windows}" if one.windows else "-",
        )
        for one in case.criteria
    )
    head = ("", "in the customer's words", "asked", "what happened", "holds", "windows in which it held")
    return Part(name="Acceptance criteria", table=Table(head, rows, words=5, widest=1, unbroken=frozenset({0})))


def _segments(case: Case) -> Part | None:
    if not case.segments:
        return None
    head = ("segment", "decisions", "of all", "acted on", f"earned each ({case.currency})", "added above no model", "from", "to")
    rows = tuple(
        (
            one.name,
            f"{one.rows:,}",
            f"{one.share:.0%}",
            "-" if one.acted is None else f"{one.acted:.0%}",
            figure(one.each.value),
            *_numbers(one.added),
        )
        for one in case.segments
    )
    return Part(name="Worth by segment", picture=pictures.by_segment(case), table=Table(head, rows))


def _numbers(estimate: Estimate) -> tuple[str, str, str]:
    return figure(estimate.value), figure(estimate.low), figure(estimate.high)


def _feedback(case: Case) -> Part | None:
    told = case.heard
    if told is None:
        return None
    rated = (
        "nobody rated"
        if told.mean is None
        else f"{told.rated:,} rated, {figure(told.mean)} on average ({figure(told.low or 0.0)} to {figure(told.high or 0.0)})"
    )
    quotes = tuple((f"{one.time:%Y-%m-%d}" + ("" if one.rating is None else f", {figure(one.rating)}"), one.text) for one in told.newest)
    return Part(name="What customers said", says=(f"{told.count:,} spoke; {rated}.", *(["Their newest words:"] if quotes else [])), quotes=quotes)


def _alerts(case: Case) -> Part | None:
    if not case.alerts:
        return None
    urgent = sorted(case.alerts, key=lambda alert: URGENCY.index(alert["monitor"]) if alert["monitor"] in URGENCY else len(URGENCY))
    rows = tuple((alert["monitor"], alert["state"], written(alert["since"]), alert["says"]) for alert in urgent)
    lists = tuple((one.says, tuple(one.lines())) for one in case.explained)
    return Part(
        name="Open alerts, and what explains them",
        lists=lists,
        table=Table(("monitor", "state", "since", "what"), rows, words=4, widest=3, unbroken=frozenset({2})),
    )


def _drift(case: Case) -> Part | None:
    picture = pictures.drift(case)
    return None if picture is None else Part(name="Drift", picture=picture)


def _changes(case: Case) -> Part | None:
    if not case.changes:
        return None
    rows = tuple((written(one.time.isoformat()), one.says, one.by) for one in reversed(case.changes))
    return Part(name="What changed upstream", table=Table(("when", "what", "by"), rows, words=3, widest=1, unbroken=frozenset({0})))


def _reigns(case: Case) -> Part | None:
    if not case.reigns:
        return None
    earned = {package: _earned(case, package) for package in {str(reign["package"]) for reign in case.reigns}}
    rows = tuple(
        (
            str(reign["package"])[:8] or "none",
            written(reign["since"]),
            written(reign["until"]) if reign["until"] else "now",
            reign["why"],
            *earned[reign["package"]],
        )
        for reign in reversed(case.reigns)
    )
    head = ("package", "since", "until", "why", "decisions", f"earned each ({case.currency})")
    return Part(name="Packages that decided", table=Table(head, rows, words=4, widest=3, unbroken=frozenset({0, 1, 2})))


def _earned(case: Case, package: str) -> tuple[str, str]:
    own = [window for window in case.windows if window["package"] == package]
    count, total = (sum(window["sums"]["money"][place] for window in own) for place in (0, 1))
    return f"{sum(map(decided, own)):,}", figure(total / count) if count else "-"


def _lift(case: Case) -> Part | None:
    if case.lift is None:
        return None
    over_time = "; ".join(in_words(case.lift_over_time, case.currency, target=case.lift.get("target")))
    says = [str(case.lift.get("says", "")), f"over time: {over_time}" if over_time else "", *(str(one) for one in case.lift.get("cannot", ()))]
    return Part(name="What the model causes", says=tuple(f"{line[:1].upper()}{line[1:].rstrip('.')}." for line in says if line), picture=pictures.lift(case))


def _experiments(case: Case) -> Part | None:
    if not case.experiments:
        return None
    rows = tuple((str(one.get("name", "")), str(one.get("state", "")), str(one.get("says", ""))) for one in case.experiments)
    return Part(name="Experiments", table=Table(("name", "state", "what"), rows, words=3, widest=2))


def _cost(case: Case) -> Part | None:
    if case.cost is None:
        return None
    bills: Mapping[str, Any] = (case.cost.get("now") or {}).get("bills", {})
    rows = tuple((place, figure(bill["per_month"]), "-" if bill.get("per_thousand") is None else figure(bill["per_thousand"])) for place, bill in bills.items())
    says = [str(case.cost.get("says", "")), *(str(one) for one in (case.cost.get("profit") or {}).get("says", ())), str(case.cost.get("break_even_says") or "")]
    table = Table(("where", f"per month ({case.currency})", "per 1,000 decisions"), rows) if rows else None
    return Part(name="Cost", says=tuple(f"{line[:1].upper()}{line[1:].rstrip('.')}." for line in says if line), table=table)


def _windows(case: Case) -> Part | None:
    if not case.windows:
        return None
    newest = case.windows[-ROWS_SHOWN:]
    worth = (f"earned each ({case.currency})", "from", "to", "needed for the target", "no model", "perfect")
    name = "Windows" if len(newest) == len(case.windows) else f"Windows (the newest {ROWS_SHOWN} of {len(case.windows):,})"
    targets = {one.start.isoformat(): one.target for one in case.spans}
    rows = tuple(_window_row(window, targets.get(window["start"])) for window in newest)
    return Part(
        name=name, table=Table(("window", "package", "rows", "refused", "outcomes", *worth, "largest drift"), rows, words=2, unbroken=frozenset({0, 1}))
    )


def _window_row(window: Body, target: float | None) -> tuple[str, ...]:
    worth = window["worth"] or {}
    drift = [value for value in window["drift"].values() if value is not None]
    money = (worth.get("per_decision"), worth.get("low"), worth.get("high"), target, worth.get("baseline"), worth.get("perfect"))
    return (
        written(window["start"]),
        window["package"][:8],
        f"{window['rows']:,}",
        f"{window['refused']:,}",
        f"{window['outcomes']:,}",
        *("-" if value is None else figure(value) for value in money),
        f"{max(drift):.2f}" if drift else "-",
    )


_PARTS: tuple[Callable[[Case], Part | None], ...] = (
    _worth,
    _criteria,
    _segments,
    _feedback,
    _alerts,
    _drift,
    _changes,
    _reigns,
    _lift,
    _experiments,
    _cost,
    _windows,
)
