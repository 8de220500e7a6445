"""What other numbers would mean: the study, the package that decides and its criteria, before anybody changes anything."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from loopline.charter.outlay import RATE
from loopline.charter.prices import Prices, of_charter
from loopline.charter.report.words import adds, amount, between, named, share
from loopline.charter.sensitivity import Turn, turning
from loopline.charter.spec import CharterSpec
from loopline.charter.statement import stated
from loopline.charter.supposing import PRICE, VOLUME, Basis, Supposed, numbers, suppose
from loopline.charts import WIDE, Bar, Spec
from loopline.declaration import figure
from loopline.engine.step import brief_digest
from loopline.errors import LooplineError
from loopline.plots import dots
from loopline.value.criteria import Kept
from loopline.value.replayed import Change
from loopline.value.trying import SERVED, TEST, kept_after, rate_of, told, tried
from loopline.value.whatif import Effect
from loopline.value.whatif_picture import picture
from loopline.web import kept
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.page import Page, never
from loopline.web.pages.charter.package import evidence, source_of
from loopline.web.pages.charter.sliders import STEPS, THRESHOLD, Slider, moved, sliders

_studies = kept.Kept[dict[str, Any]](64)
_OUTCOMES = {True: "holds", False: "does not hold", None: "cannot be told"}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One thing, as it is and as it would be."""

    what: str
    now: str
    then: str

    @property
    def differs(self) -> bool:
        """Whether it would be otherwise."""
        return self.now != self.then


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What the package that decides would earn.

    Parameters
    ----------
    plain
        What ``loopline value whatif --json`` says of the same numbers; None where nothing can be told, and then `lack` says why.
    """

    plain: Mapping[str, Any] | None = None
    rows: tuple[Row, ...] = ()
    criteria: tuple[Row, ...] = ()
    says: tuple[str, ...] = ()
    draw: Callable[[int], Spec] | None = None
    lack: str = ""


@dataclass(frozen=True, kw_only=True)
class WhatIf:
    """The what-if page.

    Parameters
    ----------
    before, after
        The study's facts.
    turns
        From a slider's name to where the answer turns when it alone is moved.
    draw
        The picture of the study before and after; None without a volume.
    capacity
        How many can be acted on, as ``50 per day``; empty where nothing is said.
    command
        What proposes this charter; empty where no field of it differs.
    besides
        What is to be written elsewhere for it to come true.
    """

    title: str
    sliders: tuple[Slider, ...]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    rows: tuple[Row, ...]
    turns: Mapping[str, Turn]
    draw: Callable[[int], Spec] | None
    tried: Tried
    source: str
    capacity: str
    command: str
    besides: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def sources(self) -> tuple[tuple[str, str], ...]:
        """Whose decisions can be looked at."""
        return SOURCES

    @property
    def is_moved(self) -> bool:
        """Whether anything stands elsewhere than where it is declared."""
        return bool(self.capacity) or any(one.is_moved for one in self.sliders)

    @property
    def turned(self) -> tuple[tuple[Slider, str], ...]:
        """Where the answer turns, in words."""
        return tuple((one, _turned(one, turn, self.before["task"])) for one in self.sliders if (turn := self.turns.get(one.name)) is not None)

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "title": self.title,
            "sliders": [one.as_json() for one in self.sliders],
            "study": {"before": _studied(self.before), "after": _studied(self.after)},
            "turns": {name: asdict(turn) for name, turn in self.turns.items()},
            "package": self.tried.plain,
            "package_lacks": self.tried.lack,
            "criteria": [asdict(row) for row in self.tried.criteria],
            "on": self.source,
            "capacity": self.capacity or None,
            "command": self.command,
            "besides": list(self.besides),
            "notes": list(self.notes),
        }


def _studied(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name != "binds"}


def whatif(current: Current, asked: Asked) -> WhatIf:
    """What the numbers that the address says would mean.

    Raises
    ------
    Mistake
        When one of them is no number, or cannot be.
    """
    charter, state = current.project.declaration.charter, current.state
    book = of_charter(charter, current.project.folder)
    declared = Basis.of(charter, charter, state)
    source = source_of(current, asked.query.get("on"))
    threshold, lack = _threshold(current, source)
    shown = moved(sliders(charter, numbers(charter, book, declared.task), threshold), asked.query)
    said = {one.name: one.value for one in shown if one.is_moved and one.name != THRESHOLD}
    supposed, capacity = suppose(charter, book, said), asked.query.get("capacity", "").strip()
    basis = Basis.of(supposed.charter, charter, state)
    before, after = _study(declared, Supposed(charter, book)), _study(basis, supposed)
    return WhatIf(
        title="What if",
        sliders=shown,
        before=before,
        after=after,
        rows=_rows(before, after),
        turns=_turns(basis, supposed, shown),
        draw=_before_and_after(before, after),
        tried=Tried(lack=lack) if lack else _tried(current, source, shown, supposed.charter, capacity),
        source=source,
        capacity=capacity,
        command=_command(charter, supposed.charter),
        besides=tuple(_besides(charter, shown, capacity)),
        notes=tuple(_notes(basis, book)),
    )


def _study(basis: Basis, supposed: Supposed) -> dict[str, Any]:
    """What the study would say; of the charter as it stands it is asked at each move of a slider."""
    book = None if supposed.book is None else stated(supposed.book)
    parts = [stated(supposed.charter), book, basis.task, basis.outcome, basis.sounding, basis.is_built]
    return _studies.of(brief_digest(parts), lambda: basis.study(supposed))


def _threshold(current: Current, source: str) -> tuple[float | None, str]:
    """From which probability on the package acts that decides, where that is what it goes by; and why nothing is told of a package."""
    if current.state.champion is None:
        return None, "No package decides yet: what one would earn is told once one does."
    try:
        policy = evidence(current, current.state.champion, source).policy
    except LooplineError as error:
        return None, f"The package that decides cannot be looked into: {error.what}."
    if policy["kind"] != "threshold" or "ask" in policy:
        return None, ""
    return min(1.0, max(0.0, float(policy["threshold"]))), ""


def _turns(basis: Basis, supposed: Supposed, shown: tuple[Slider, ...]) -> dict[str, Turn]:
    prospect = basis.prospect(supposed)
    if prospect is None:
        return {}
    tracks = {one.name: np.linspace(one.low, one.high, 4 * STEPS + 1) for one in shown if one.name != THRESHOLD}
    found = {one.name: turning(prospect, one.name, tracks[one.name], one.value) for one in shown if one.name in tracks}
    return {name: turn for name, turn in found.items() if turn is not None}


def _turned(one: Slider, turn: Turn, task: str | None) -> str:
    side = "less" if turn.at < one.value else "more"
    return f"at {figure(turn.at)} {one.unit} or {side}, the better choice would be: {named(turn.to, task).lower()}"


def _rows(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Row, ...]:
    """The study, as it is and as it would be."""
    currency = after["currency"]
    rows = [Row(what="Go or no-go", now=before["verdict"], then=after["verdict"])]
    rows += [Row(what="The better choice", now=named(_best(before), before["task"]) or "–", then=named(_best(after), after["task"]) or "–")]
    for what, read in _STUDY:
        now, then = (read(facts, currency) for facts in (before, after))
        if (now, then) != ("-", "-"):
            rows.append(Row(what=what, now=now, then=then))
    return tuple(rows)


def _best(facts: Mapping[str, Any]) -> str | None:
    return None if facts["study"] is None else facts["study"]["best"]


def _model(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    study = facts["study"] or {"alternatives": ()}
    return next((one for one in study["alternatives"] if one["name"] == "model"), {"npv": None, "added": None, "pays": None})


def _npv(facts: Mapping[str, Any], currency: str) -> str:
    npv = _model(facts)["npv"]
    return amount(npv, currency) + (f" ({between(npv)})" if between(npv) else "")


_STUDY: tuple[tuple[str, Callable[[Mapping[str, Any], str], str]], ...] = (
    ("What a model is worth in today's money", _npv),
    ("It pays for itself with a chance of", lambda facts, currency: share(_model(facts)["pays"])),
    ("What it adds in a year, before its costs", lambda facts, currency: amount(adds(_model(facts)), currency)),
    ("Doing nothing, each decision", lambda facts, currency: _plain(facts["do_nothing"], currency)),
    ("Never being wrong, each decision", lambda facts, currency: _plain(facts["perfect"], currency)),
    ("So often must acting be right to pay", lambda facts, currency: share(facts["break_even"]) if facts["task"] == "binary" else "-"),
)


def _plain(value: float | None, currency: str) -> str:
    return "-" if value is None else f"{figure(value)} {currency}"


def _before_and_after(before: Mapping[str, Any], after: Mapping[str, Any]) -> Callable[[int], Spec] | None:
    """What each choice is worth, as it is and as it would be."""
    values = []
    for when, facts in (("now", before), ("then", after)):
        for one in (facts["study"] or {"alternatives": ()})["alternatives"]:
            if one["npv"] is not None and one["name"] not in ("break_even", "perfect"):
                npv, name = one["npv"], f"{named(one['name'], facts['task'])}, {when}"
                values.append(
                    (
                        one["name"],
                        Bar(name=name, value=npv["value"], low=npv["low"], high=npv["high"], marked=when == "then"),
                    )
                )
    if not values:
        return None
    order = list(dict.fromkeys(name for name, _ in values))
    bars = [bar for _, bar in sorted(values, key=lambda pair: order.index(pair[0]))]
    unit, title = after["currency"], "What each choice is worth, as it is and as it would be"
    note = "Today's money, after all costs; nine times in ten it lies between the ends."

    def draw(width: int = WIDE) -> Spec:
        return dots(bars, title=title, unit=unit, note=note, reference=("no change", 0.0), width=width)

    return draw


def _tried(current: Current, source: str, shown: tuple[Slider, ...], after: CharterSpec, capacity: str) -> Tried:
    """What the package that decides would earn with these numbers."""
    before, value, package = current.project.declaration.charter, current.project.declaration.value, current.state.champion
    assert package is not None
    by_name = {one.name: one for one in shown if one.is_moved}
    prices = {name.removeprefix(PRICE): one.value for name, one in by_name.items() if name.startswith(PRICE)}
    threshold = by_name[THRESHOLD].value if THRESHOLD in by_name else None
    volume = after.volume.per_year if VOLUME in by_name and after.volume is not None else None
    try:
        change = Change(prices=prices, threshold=threshold, capacity=rate_of(capacity or None, "Act on no more than"), per_year=volume)
        known = evidence(current, package, source)
        source, effect = tried(known, change, before, value, on=source)
        per_year = effect.after.decisions_per_year
        now, then = kept_after(known, source, change, before, after, volume=per_year, sees_all=before.outcome_seen == "always")
    except LooplineError as error:
        return Tried(lack=f"{error.what[:1].upper()}{error.what[1:]}.")
    asked = {"prices": prices, "threshold": threshold, "capacity": capacity or None, "volume": None if volume is None else str(after.volume)}
    currency = before.worth.currency
    return Tried(
        plain=told(known, source, effect, asked, confidence=value.confidence),
        rows=tuple(_earned(effect, currency)),
        criteria=tuple(_criterion(one, other) for one, other in zip(now, then, strict=True)),
        says=(_rests(effect, source), *effect.assumptions),
        draw=lambda width: picture(effect, change.says or "nothing is changed", currency, width=width),
    )


def _earned(effect: Effect, currency: str) -> list[Row]:
    before, after = effect.before, effect.after
    yearly = [None if side.per_year is None else side.per_year.value for side in (before, after)]
    rows = [
        ("Earned with each decision", f"{figure(before.each.value)} {currency}", f"{figure(after.each.value)} {currency}"),
        ("Of that above no model", f"{figure(before.added.value)} {currency}", f"{figure(after.added.value)} {currency}"),
        ("No model would", before.without_model, after.without_model),
        ("Added in a year", _plain(yearly[0], currency), _plain(yearly[1], currency)),
        ("Acted on", _percent(before.acted), _percent(after.acted)),
        ("Of these right", _percent(before.right), _percent(after.right)),
        ("Policy", before.policy, after.policy),
    ]
    return [Row(what=what, now=now, then=then) for what, now, then in rows if (now, then) != ("-", "-")]


def _percent(part: float | None) -> str:
    return "-" if part is None else f"{part:.1%}"


def _criterion(now: Kept, then: Kept) -> Row:
    return Row(what=f"{now.id}: {now.words or now.check}", now=_OUTCOMES[now.passed], then=_OUTCOMES[then.passed])


def _rests(effect: Effect, source: str) -> str:
    rows = "served decisions whose outcome is known" if source == SERVED else "rows of the package's test part"
    return f"Worked out on {effect.rows:,} {rows}; {effect.changed:,} of them would be decided otherwise."


def _command(before: CharterSpec, after: CharterSpec) -> str:
    """The command that shows what this charter would have meant for the past, and can write it."""
    old, new = stated(before), stated(after)
    worth = {name: value for name, value in new.get("worth", {}).items() if old.get("worth", {}).get(name) != value}
    sets = [f"{PRICE}{name}={value:.12g}" if isinstance(value, float) else f"{PRICE}{name}={value}" for name, value in worth.items()]
    sets += [f"{VOLUME}={new[VOLUME]}"] if new.get(VOLUME) != old.get(VOLUME) else []
    return " ".join(["loopline charter revise", *(f"--set {shlex.quote(one)}" for one in sets)]) if sets else ""


def _besides(charter: CharterSpec, shown: tuple[Slider, ...], capacity: str) -> list[str]:
    """What no field of the charter says."""
    by_name = {one.name: one for one in shown if one.is_moved}
    found = []
    if RATE in by_name:
        found.append(f"In {charter.prices}, write people: {by_name[RATE].written} per hour.")
    if capacity:
        found.append(f"In loopline.yaml, write model.policy: {{capacity: {capacity}}}; what it earns: loopline value whatif --capacity {shlex.quote(capacity)}")
    if THRESHOLD in by_name:
        written = by_name[THRESHOLD].written
        found.append(f"In loopline.yaml, write model.policy: {{threshold: {written}}}; what it earns: loopline value whatif --threshold {written}")
    return found


def _notes(basis: Basis, book: Prices | None) -> list[str]:
    said = []
    if basis.is_repriced:
        said.append("How good a model is was measured for the declared prices; one that is chosen for these earns as much, or more.")
    if basis.sounding is None:
        lacks = "The data have not been tried" if basis.outcome is not None else "No data tell yet"
        said.append(f"{lacks} for how good a model would be: what the charter states of it is all that the study reckons with.")
        if basis.is_built:
            said.append("What the package that decides would earn is worked out from its own decisions, and stands beside the study.")
    if book is None:
        said.append("The charter names no prices of machines and people: charter.prices.")
    return said


SOURCES = ((SERVED, "served decisions"), (TEST, "the package's test part"))
PAGES = (Page("what-if", "/charter/what-if", whatif, "charter_whatif.html.j2", reported=never),)
