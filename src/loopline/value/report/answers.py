"""The answers that a manager asks a review for: promised, came, why, cost, changed, who decides. In words, pure."""

from __future__ import annotations

from collections.abc import Iterator

from loopline.declaration import figure
from loopline.sheet.document import Answer
from loopline.value.case import Case
from loopline.value.counted import counted, decided_in_words
from loopline.value.realised import Amount
from loopline.value.report.figures import between
from loopline.value.rules import Review, following, needs_something_new, training
from loopline.watch.decisions import NEWEST
from loopline.watch.spans import written

_CHANGES = 3
ROLE_WORDS = {"ml": "ML", "devops": "DevOps"}
"""How roles are written where a capital at the beginning is not it."""


def answers(case: Case, review: Review) -> list[Answer]:
    """What was promised, what came, why, what it cost, what changed, and who decides what."""
    return [
        Answer("What was promised", tuple(_promised(case))),
        Answer("What came", tuple(_came(case))),
        Answer("Why", tuple(_why(case, review))),
        Answer("What it cost", tuple(_cost(case))),
        Answer("What changed", tuple(_changed(case))),
        Answer("Who decides what", tuple(_deciding(case, review))),
    ]


def _with_interval(case: Case, amount: Amount) -> str:
    reach = between(amount)
    return case.money(amount.mean) + (f" ({reach})" if reach else "")


def _promised(case: Case) -> Iterator[str]:
    promise, target = case.promise, case.charter.target
    if promise is not None:
        yield f"{_with_interval(case, promise.earned)} per decision, as on the {promise.rows:,} rows of the test part."
    if target is not None:
        yield f"The charter's target: {case.money(target.per_year)} a year above no model."
    if promise is None and target is None:
        yield "Nothing: there is neither a package nor a target."


def _came(case: Case) -> Iterator[str]:
    whole = case.whole
    if whole is None:
        yield "Nothing yet: no outcome of a served decision is known."
        return
    yield f"{_with_interval(case, whole.earned)} per decision, {_with_interval(case, whole.added)} of it above no model."
    if whole.yearly is not None:
        yearly, target = whole.yearly, case.charter.target
        reached = "" if target is None or not target.per_year else f", {yearly.mean / target.per_year:.0%} of the target"
        yield f"At this rate {case.money(yearly.mean)} a year{reached}."
    judged = [one for one in case.criteria if one.passed is not None]
    if judged:
        held = sum(bool(one.passed) for one in judged)
        yield f"{held} of {len(judged)} acceptance criteria hold on what happened{_untold(case, len(judged))}."
    if case.lift is not None and case.lift.get("says"):
        says = str(case.lift["says"])
        yield f"{says[:1].upper()}{says[1:]}."


def _untold(case: Case, judged: int) -> str:
    rest = len(case.criteria) - judged
    return f"; of {rest} more it cannot be told" if rest else ""


def _why(case: Case, review: Review) -> Iterator[str]:
    yield review.reasons[0].says
    yield from (one.says for one in review.reasons[1:] if one.rule == "a_retraining_did_not_help")
    if case.explained:
        yield from case.explained[0].found()
    if case.better is not None and review.recommendation != "change_policy":
        gain = case.better.gain
        each = f"{case.money(gain.value)} ({figure(gain.low)} to {figure(gain.high)})"
        yield f"Acting from {figure(case.better.threshold)} on would have earned {each} more per decision, which is not the most of what is missing."
    losing = [one for one in case.segments if one.loses]
    if losing:
        yield f"It surely loses money where {', '.join(one.name for one in losing[:3])}."


def _cost(case: Case) -> Iterator[str]:
    if case.cost is None:
        yield "Not told yet: loopline value cost works it out from what is measured and the charter's prices."
        return
    says = str(case.cost.get("says", ""))
    if says:
        yield f"{says[:1].upper()}{says[1:]}."
    for line in (case.cost.get("profit") or {}).get("says", ())[:2]:
        yield f"{str(line)[:1].upper()}{str(line)[1:].rstrip('.')}."


def _changed(case: Case) -> Iterator[str]:
    """What happened since the package that decides took over: what came before is part of how it was made."""
    began = max((at for at, one in enumerate(case.changes) if one.kind == "champion"), default=-1)
    recent = case.changes[began + 1 :]
    if began >= 0:
        first = case.changes[began]
        yield f"{first.time:%Y-%m-%d}: {first.says}." + ("" if recent else " Nothing upstream since.")
    elif not recent:
        yield "Nothing upstream."
    for one in recent[-_CHANGES:]:
        yield f"{one.time:%Y-%m-%d}: {one.says}."
    if (more := len(recent) - _CHANGES) > 0:
        yield f"{more} more {'is' if more == 1 else 'are'} told below."


def _deciding(case: Case, review: Review) -> Iterator[str]:
    told = deciders(case, review)
    for role, what in told:
        yield f"{ROLE_WORDS.get(role, role.capitalize())} decides {what}"
    unnamed = sorted({role for role, _ in told} - case.roles)
    if unnamed:
        yield f"Nobody is named for {', '.join(ROLE_WORDS.get(role, role) for role in unnamed)} yet: charter.stakeholders."


def deciders(case: Case, review: Review) -> list[tuple[str, str]]:
    """Each role that has something to decide, and what."""
    return list(_asked(case, review))


def _asked(case: Case, review: Review) -> Iterator[tuple[str, str]]:
    following_words = following(case, review)
    match review.recommendation:
        case "keep":
            yield "business", "whether it goes on as it is until the next review."
        case "mend_source":
            names = ", ".join(one.name for one in case.departed)
            yield "data", f"whether {names} {'comes' if len(case.departed) == 1 else 'come'} as in training (the same unit?), and what mends it."
            yield "ml", "whether anything is left to be trained once that is mended."
        case "retrain" if needs_something_new(case):
            left = f"newer rows (loopline data ingest PATH && {training(case)}), or other features or families (model in loopline.yaml)"
            yield "ml", f"what a retraining is to learn from that this one had not: {left}; what refused it: {following_words}."
            yield "business", "whether the package that decides goes on deciding until then."
        case "retrain":
            yield "ml", f"when it is started: {following_words}."
            yield "business", "whether the new package may decide, once its gates have judged it."
        case "change_policy":
            yield "business", f"whether to act by the other policy; see first what it earns: {following_words}."
            if case.better is not None and case.better.acted > case.better.acted_now:
                yield "expert", f"whether there are hands enough to act on {case.better.acted:.0%}."
        case "retire":
            yield "business", f"whether it stops deciding: {following_words}."
    broken = [one for one in case.criteria if one.passed is False]
    if broken:
        yield "customer", f"whether {' and '.join(one.id for one in broken)} may stay as {'it is' if len(broken) == 1 else 'they are'}: not kept now."
    moved = list(dict.fromkeys(shift.name for one in case.explained for shift in one.features))
    if moved:
        yield "expert", f"whether what changed in {', '.join(moved[:3])} is real and here to stay."
    if not case.charter.worth.is_priced:
        yield "business", "what a right and a wrong decision are worth."


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
        said.append("Outcomes are seen only where somebody acted, so the figures leave out the decisions to rest, and a year's count nothing for them.")
    return said


def scope(case: Case) -> str:
    """What the figures rest on, in one line."""
    whole = case.whole
    if whole is None:
        return ""
    many = counted(case.windows)
    days = f"{written(whole.since)} to {written(whole.until)}"
    said = f"{decided_in_words(many.decisions, many.held_out)}, from {days}"
    rest = f"the other {many.own:,}" if many.held_out else "them"
    return f"{said}; the outcome of {many.known:,} of {rest} ({many.known / many.own:.0%}) is known. Ranges hold with {case.spec.confidence:.0%}."


def method(case: Case) -> list[str]:
    """How the figures were computed, in words."""
    said = [
        f"Package {case.champion[:12]} decides now." if case.champion else "No package decides yet.",
        "Money per decision comes from the charter's worth, row by row, over the decisions whose outcome has come; of several outcomes the last one holds.",
        f"Without a model means the one decision for all that earned most before the release{f': {case.promise.rule}' if case.promise else ''}.",
        _intervals(case),
    ]
    if case.tables:
        said.append(f"The tables were as of {', '.join(f'{name} (version {version})' for name, version in case.tables.items())}.")
    if case.charter.target is not None:
        source = "the charter's volume" if case.charter.volume is not None else "the pace at which decisions came"
        said.append(f"The target of {case.money(case.charter.target.per_year)} a year counts what is added above no model; its part is taken by {source}.")
    if case.segments or case.criteria:
        said.append(f"Segments, criteria and another policy are worked out on the newest decisions of the package that decides now, {NEWEST:,} at most.")
    if case.segments:
        said.append("Ranges of what is added by segment hold together: each is as much wider as there are segments (Bonferroni).")
    if case.better is not None:
        said.append("The other threshold was chosen on one half of the days or weeks and judged on the other half, and the other way round.")
    return said


def _intervals(case: Case) -> str:
    if case.whole is None:
        return "Intervals hold with 95%: rows of the test part that belong together, such as those of one day, were drawn again together."
    return (
        f"Intervals hold with {case.spec.confidence:.0%}: the wider of two standard errors, that of single rows and that of whole windows, because rows of one "
        "window are often alike."
    )
