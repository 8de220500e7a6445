"""Leak checks: named rules that find what a model would learn, or be judged by, and not have when it decides. Pure.

How much a column tells of the outcome, and whether it names the row, is measured by `loopline.data.proposals.leaks`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.charter.spec import Task
from loopline.data.outcome import Target
from loopline.data.proposals.leaks import Evidence, adds_up, is_identifier
from loopline.data.spec import OWN
from loopline.declaration import Moment
from loopline.errors import CheckFailed
from loopline.model.material import Material
from loopline.model.split import Parts

_SAMPLE_ROWS = 20_000
_ENOUGH = 200
_SURE_POWER = 0.98
"""2 AUC - 1 (or R squared) from which a single column is the outcome itself: an AUC of 0.99."""
_LIKELY_POWER: Mapping[Task, float] = {"binary": 0.8, "multiclass": 0.9, "regression": 0.95}
_STANDS_OUT = 0.5
_LEAD = 1.5
_SAME_SHARE = 0.01
_LATER_SHARE = 0.05
_SURE_LATER = 0.5
_PLACES = 20
_PLACE_SIGMAS = 6.0
_PLACE_LEAST = 0.02


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a rule found.

    Parameters
    ----------
    sure
        Whether there is no innocent explanation: the search is stopped. What is not sure is a question to a person.
    says, remedy
        What was seen, and what to do about it.
    evidence
        The numbers behind it, by their names.
    """

    rule: str
    columns: tuple[str, ...]
    sure: bool
    says: str
    remedy: str
    evidence: Mapping[str, float]

    def as_json(self) -> dict[str, Any]:
        """The finding as plain values."""
        return {**vars(self), "columns": list(self.columns), "evidence": dict(self.evidence)}


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """What the rules look at.

    Parameters
    ----------
    frame
        The n rows whose outcome is known, in the order of delivery: the target, the features, and the columns that moments are told from.
    features
        The raw columns that a model would learn from.
    outcome
        Shape (n,): booleans, texts or floats.
    in_time
        Whether the parts follow one another in time; else they were drawn at random, or by a column.
    decided
        The moment of the decision, where the charter says it.
    time
        The source's time column.
    lookups
        How columns were looked up, as plain values (`loopline.data.moments.Lookup`).
    """

    frame: pl.DataFrame
    features: tuple[str, ...]
    target: Target
    outcome: NDArray[Any]
    parts: Parts
    in_time: bool
    decided: Moment | None = None
    time: str | None = None
    lookups: tuple[Mapping[str, Any], ...] = ()

    @cached_property
    def learned(self) -> Case:
        """The case of the rows before the test part, at most 20,000 of them in their order: the test part is not looked at to find what tells the outcome."""
        rows = np.sort(self.parts.learned)
        if len(rows) > _SAMPLE_ROWS:
            rows = np.sort(np.random.default_rng(0).choice(rows, _SAMPLE_ROWS, replace=False))
        every = np.arange(len(rows))
        return replace(self, frame=self.frame[rows], outcome=self.outcome[rows], parts=Parts(every, every[:0], every[:0]))

    @cached_property
    def power(self) -> Mapping[str, float]:
        """How much each feature tells of the outcome by itself, in rows that were not used to learn it: 2 AUC - 1, or R squared."""
        return Evidence(self.frame, self.target, self.features).power

    def moments(self, column: str) -> NDArray[np.datetime64]:
        """A column of dates in microseconds; all NaT where it holds none."""
        values = self.frame[column]
        if not values.dtype.is_temporal() or isinstance(values.dtype, (pl.Time, pl.Duration)):
            return np.full(len(values), "NaT", dtype="datetime64[us]")
        naive = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if getattr(values.dtype, "time_zone", None) else values
        return naive.cast(pl.Datetime("us")).to_numpy()


Rule = Callable[[Case], Sequence[Finding]]


def case_of(material: Material) -> Case:
    """What the rules look at, of the rows that a search is about to learn from."""
    order = material.order
    # What is no feature itself tells the outcome all the same through what is declared of it.
    learned = [column.name for column in order.columns if column.use or column.name in order.made_of]
    features = tuple(name for name in learned if name not in order.apart and not name.startswith(OWN))
    there = tuple(name for name in features if name in material.frame.columns and name != order.time)
    return Case(
        frame=material.frame,
        features=there,
        target=Target(order.target, order.task, order.classes, order.positive),
        outcome=material.outcome,
        parts=material.parts,
        in_time=order.time is not None or order.ordered,
        decided=order.decided,
        time=order.time,
        lookups=order.lookups,
    )


def find_leaks(case: Case) -> tuple[Finding, ...]:
    """What all rules find, the sure findings first, each kind in the order of the rules."""
    found = [finding for rule in RULES for finding in rule(case)]
    return tuple(sorted(found, key=lambda finding: not finding.sure))


def require_none(findings: Sequence[Finding], allowed: Sequence[str] = ()) -> tuple[Finding, ...]:
    """The findings that are left as questions: those that are not sure, and those whose columns are all allowed.

    Parameters
    ----------
    allowed
        The columns that ``model.leaks.allow`` names; a finding about no column is allowed by the name of its rule.

    Raises
    ------
    CheckFailed
        With every sure finding that is not allowed.
    """
    sure = unallowed(findings, allowed)
    if sure:
        names = list(dict.fromkeys(name for finding in sure for name in (finding.columns or (finding.rule,)) if name not in allowed))
        remedy = f"{'; '.join(dict.fromkeys(finding.remedy for finding in sure))}; if it is right all the same: model.leaks.allow: [{', '.join(names)}]"
        raise CheckFailed("; ".join(f"{finding.says} ({finding.rule})" for finding in sure), where="model.leaks", remedy=remedy)
    return tuple(findings)


def unallowed(findings: Sequence[Finding], allowed: Sequence[str] = ()) -> list[Finding]:
    """The sure findings that nobody has allowed."""
    return [finding for finding in findings if finding.sure and not _is_allowed(finding, allowed)]


def _is_allowed(finding: Finding, allowed: Sequence[str]) -> bool:
    return set(finding.columns or (finding.rule,)) <= set(allowed)


def alone_gives_target(case: Case) -> list[Finding]:
    """Columns that alone nearly give the outcome (sure where there is hardly an error left), or tell far more of it than any other."""
    case, found = case.learned, []
    ranked = sorted(case.power.items(), key=lambda item: -item[1])
    for place, (name, power) in enumerate(ranked):
        following = ranked[place + 1][1] if place + 1 < len(ranked) else 0.0
        nearly = power >= _LIKELY_POWER[case.target.task]
        stands_out = place == 0 and len(ranked) > 2 and power >= _STANDS_OUT and power >= _LEAD * following
        if not (nearly or stands_out):
            break
        sure = power >= _SURE_POWER and len(case.outcome) >= _ENOUGH
        said = _say(power, case.target.task)
        beside = f"; the next column has {_say(following, case.target.task)}" if stands_out else ""
        what = f"{name} alone {'nearly gives' if nearly else 'tells far more than any other column of'} {case.target.name} ({said}{beside})"
        remedy = f"is {name} known when you decide? If not: model.leave_out: [{name}]"
        found.append(_finding("alone_gives_target", name, sure, what, remedy, power=power, next=following, rows=float(len(case.outcome))))
    return found


def sum_gives_target(case: Case) -> list[Finding]:
    """Numbers whose weighted sum is exactly the outcome: its parts, or itself in another unit."""
    learned = case.learned
    # A column that gives the outcome alone gives it in any sum too.
    left = tuple(name for name in case.features if learned.power[name] < _SURE_POWER)
    numbers = adds_up(Evidence(learned.frame, case.target, left)) if len(learned.outcome) >= _ENOUGH else []
    if not numbers:
        return []
    names = tuple(finding.column for finding in numbers)
    remedy, rows = f"model.leave_out: [{', '.join(names)}]", float(len(learned.outcome))
    what = f"{', '.join(names)}: {numbers[0].why}"
    return [Finding(rule="sum_gives_target", columns=names, sure=True, says=what, remedy=remedy, evidence={"rows": rows})]


def known_after(case: Case) -> list[Finding]:
    """Columns that come to be only after the decision: dates later than it, and columns that are there just where the outcome is of one kind."""
    return [*_later_dates(case), *_filled_by_outcome(case.learned)]


def _later_dates(case: Case) -> list[Finding]:
    decided = case.decided or (None if case.time is None else Moment(offset_s=0.0, column=case.time))
    if decided is None or decided.column not in case.frame.columns:
        return []
    moment, found = case.moments(decided.column) + np.timedelta64(round(decided.offset_s * 1e6), "us"), []
    for name in case.features:
        if name == decided.column:
            continue
        values = case.moments(name)
        both = ~np.isnat(values) & ~np.isnat(moment)
        share = float(np.mean(values[both] > moment[both])) if both.any() else 0.0
        if share < _LATER_SHARE:
            continue
        # Without a decision that the charter names, a later date may be a plan, such as a day of delivery that was agreed on.
        sure = case.decided is not None and case.decided.column != name and share >= _SURE_LATER and not _is_planned(values[both])
        what = f"{name} lies after the decision ({decided if decided.offset_s else decided.column}) in {share:.0%} of the rows"
        remedy = f"is {name} a plan that is known before? If not: model.leave_out: [{name}]"
        found.append(_finding("known_after", name, sure, what, remedy, share=share, rows=float(both.sum())))
    return found


def _is_planned(values: NDArray[np.datetime64]) -> bool:
    """Whether dates look agreed on rather than observed: whole five minutes, as whole days are."""
    return bool(np.mean(values.astype(np.int64) % 300_000_000 == 0) > 0.9)


def _filled_by_outcome(case: Case) -> list[Finding]:
    """Columns whose nulls alone nearly say the outcome."""
    found: list[Finding] = []
    if case.target.task == "regression":
        return found
    holes = {name: case.frame[name].is_null() for name in case.features}
    some = [name for name, hole in holes.items() if 0.01 < hole.sum() / max(1, len(hole)) < 0.99]
    if not some:
        return found
    nulls = case.frame.select(pl.col(case.target.name), *(holes[name].alias(name) for name in some if name != case.target.name))
    for name, power in Evidence(nulls, case.target, tuple(some)).power.items():
        if power < _LIKELY_POWER[case.target.task]:
            continue
        what = f"whether {name} is filled in nearly gives {case.target.name} ({_say(power, case.target.task)}): it seems to be written afterwards"
        sure = power >= _SURE_POWER and len(case.outcome) >= _ENOUGH
        found.append(_finding("known_after", name, sure, what, f"model.leave_out: [{name}]", power=power, rows=float(len(case.outcome))))
    return found


def identifiers(case: Case) -> list[Finding]:
    """Columns that tell rows apart instead of describing them."""
    case = case.learned
    found = []
    for name in case.features:
        values = case.frame[name]
        if is_identifier(values):
            share = values.drop_nulls().n_unique() / max(1, values.len() - values.null_count())
            what = f"{name} names the row: {share:.0%} of its values come but once"
            found.append(_finding("identifiers", name, False, what, f"model.leave_out: [{name}], or say it as the source's key", distinct=share))
    return found


def row_order(case: Case) -> list[Finding]:
    """An outcome that hangs on the row's place, where the parts were drawn at random: neighbours are in several parts, and tell each other's outcome."""
    if case.in_time or case.time is not None or len(case.outcome) < _ENOUGH:
        return []
    drift = max(_drift(numbers) for numbers in _as_numbers(case))
    limit = max(_PLACE_LEAST, _PLACE_SIGMAS * 2 * np.sqrt(2 * _PLACES) / len(case.outcome))
    if drift < limit:
        return []
    what = f"{case.target.name} hangs on the row's place in the delivery (it explains {drift:.0%} of it), and the parts were drawn at random"
    remedy = "give the source its time so that the split is by time, or say model.split.group"
    return [Finding(rule="row_order", columns=(), sure=False, says=what, remedy=remedy, evidence={"explained": drift, "rows": float(len(case.outcome))})]


def _as_numbers(case: Case) -> list[NDArray[np.float64]]:
    if case.target.task != "multiclass":
        return [case.outcome.astype(np.float64)]
    return [(case.outcome == name).astype(np.float64) for name in case.target.classes]


def _drift(numbers: NDArray[np.float64]) -> float:
    """The share of the variance that lies between equal stretches of rows, less what chance puts there."""
    rows, total = len(numbers), float(numbers.var())
    if not total:
        return 0.0
    between = sum(len(stretch) * float(stretch.mean() - numbers.mean()) ** 2 for stretch in np.array_split(numbers, _PLACES)) / rows
    return max(0.0, between / total - (_PLACES - 1) / rows)


def duplicates_across_parts(case: Case) -> list[Finding]:
    """Rows whose features stand in the training part too: what is measured on them is memory."""
    names = [name for name in case.features if name != case.time]
    if not names:
        return []
    hashes = case.frame.select(names).hash_rows(seed=0).to_numpy()
    learned = np.unique(hashes[case.parts.train])
    found = []
    for part, rows in (("validation", case.parts.validation), ("test", case.parts.test)):
        if not len(rows):
            continue
        again = int(np.isin(hashes[rows], learned).sum())
        # Few columns with few values are alike by nature: then most training rows have a twin in training too.
        twins = 1 - len(learned) / max(1, len(case.parts.train))
        if again / len(rows) < _SAME_SHARE or again / len(rows) <= 1.5 * twins and twins > 0.5:
            continue
        what = f"{again:,} of {len(rows):,} {part} rows ({again / len(rows):.1%}) have the same features as a training row"
        more = "" if case.in_time else ", so that what is measured is too good"
        remedy = "say model.split.group with a column that twins share, or take the duplicates out of the delivery"
        evidence = {"rows": float(again), "share": again / len(rows), "twins_in_training": twins}
        found.append(Finding(rule="duplicates_across_parts", columns=(), sure=False, says=what + more, remedy=remedy, evidence=evidence))
    return found


def fitted_outside(case: Case) -> list[Finding]:
    """Looked-up columns that tell a good deal of the outcome and come from a table without a time: statistics that may hold later rows' outcomes."""
    learned, found = case.learned, []
    for lookup in case.lookups:
        if lookup.get("as_of") is not None:
            continue
        for name in sorted(set((lookup["columns"] or {}).values()) & set(case.features)):
            values, power = learned.frame[name], learned.power[name]
            if not values.dtype.is_float() or power < _STANDS_OUT / 2:
                continue
            sure = power >= _SURE_POWER and len(learned.outcome) >= _ENOUGH
            tells = f"tells {case.target.name} ({_say(power, case.target.task)})"
            what = f"{name} comes from {lookup['table']}, which has no time, and {tells}: was it made of outcomes?"
            remedy = f"say data.lookups with as_of so that only what was known counts, or model.leave_out: [{name}]"
            found.append(_finding("fitted_outside", name, sure, what, remedy, power=power))
    return found


RULES: tuple[Rule, ...] = (alone_gives_target, sum_gives_target, known_after, identifiers, row_order, duplicates_across_parts, fitted_outside)


def _finding(rule: str, column: str, sure: bool, says: str, remedy: str, **evidence: float) -> Finding:
    return Finding(rule=rule, columns=(column,), sure=sure, says=says, remedy=remedy, evidence=evidence)


def _say(power: float, task: Task) -> str:
    return f"R2 {power:.2f}" if task == "regression" else f"AUC {(power + 1) / 2:.2f}"
