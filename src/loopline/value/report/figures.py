"""The numbers to decide from: what was realised, or before that what is expected."""

from __future__ import annotations

from loopline.declaration import figure
from loopline.sheet.document import Figure
from loopline.value.case import Case
from loopline.value.realised import Amount, Realised


def figures(case: Case) -> list[Figure]:
    """The numbers to decide from."""
    return _expected(case) if case.whole is None else _realised(case, case.whole)


def _realised(case: Case, whole: Realised) -> list[Figure]:
    target = whole.target(case.charter)
    untold = "the charter has no target" if case.charter.target is None else "how much of the target falls on them is unknown without a volume"
    against = f"target for the same decisions, above no model: {case.money(target)}" if target is not None else untold
    share = whole.share_of_perfect
    promised = ""
    if case.promised is not None:
        whose = "promised on the test part" if case.own is not None else "the package that decides now promises"
        promised = f"{whose}: {case.money(case.promised.mean)}"
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
    if whole.yearly is None or whole.per_year is None:
        return Figure(name, "unknown", "", "the charter has no volume, and decisions have come for too short a time")
    source = "the charter's volume" if whole.declared else "as many decisions as came so far"
    kept = " without what is held out" if whole.decisions < whole.served else ""
    earning = f", of which {whole.shown:.0%} are acted on" if whole.shown < 1 else ""
    return _figure(case, name, whole.yearly, f"{source}{kept}, {figure(whole.per_year)} a year{earning}")


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
    return Figure(name, case.money(amount.mean), between(amount), note)


def between(amount: Amount) -> str:
    """The interval of an amount of money; empty where it has none."""
    return "" if amount.low is None or amount.high is None else f"{figure(amount.low)} to {figure(amount.high)}"
