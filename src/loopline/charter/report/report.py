"""The study as a document: go or no-go, the alternatives, what would flip the decision, and what to find out first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loopline.charter.report import pictures
from loopline.charter.report.words import adds, amount, between, named, payback, quantity, share, turn
from loopline.charter.spec import CharterSpec
from loopline.declaration import figure
from loopline.sheet.document import Answer, Document, Figure, Part, Table, Tone

_VERDICTS: dict[str, tuple[str, Tone]] = {
    "go": ("Do it", "yes"),
    "no-go": ("Do not do it", "no"),
    "stated no-go": ("As far as is stated, do not do it", "no"),
    "provisional": ("Go on to the data", "wait"),
}
_FAR = 4
"""Turning points outside of their ranges that are told at most, where there is none within."""
_WORTHLESS = 1e-6
"""The share of the worth at stake below which nothing is worth finding out."""


def report(project: str, charter: CharterSpec, facts: Mapping[str, Any], *, made: str, next: str, notes: Sequence[str] = ()) -> Document:
    """The document of a study.

    Parameters
    ----------
    facts
        Of the study's step.
    made
        The day on which it was made.
    next
        The command that comes next.
    notes
        What must be seen besides: who goes on in spite of a no-go, and what nobody has answered yet.
    """
    verdict, tone = _VERDICTS["stated no-go" if _is_stated_no(facts) else facts["verdict"]]
    study = facts["study"]
    return Document(
        title=f"{project}: {verdict.lower()} ({made})",
        project=project,
        kind="study",
        made=made,
        question=" ".join(part for part in (charter.problem, charter.decision) if part),
        label="Is it worth doing?",
        verdict=verdict,
        says=_reason(facts),
        tone=tone,
        next=next,
        notes=(*notes, *_notes(facts)),
        figures=tuple(_figures(facts, charter)) if study is not None else (),
        answers=tuple(_answers(facts, charter)),
        first=None if study is None else pictures.alternatives(facts),
        parts=tuple(_parts(facts)),
    )


def _is_stated_no(facts: Mapping[str, Any]) -> bool:
    return bool(facts["verdict"] == "no-go" and facts["rests_on"] == "stated")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def _reason(facts: Mapping[str, Any]) -> str:
    if facts["verdict"] == "no-go":
        return " ".join(map(_sentence, facts["reasons"]))
    chance = next(one["value"] for one in facts["rules"] if one["name"] == "it_is_likely_to_pay")
    if chance is None:
        return _sentence(facts["reasons"][0]) if facts["reasons"] else "No rule speaks against it."
    return f"The model that is expected pays for itself with a chance of {share(chance)}; no rule speaks against it."


def _alternative(facts: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    found = facts["study"]["alternatives"] if facts["study"] is not None else []
    return next((one for one in found if one["name"] == name), None)


def _notes(facts: Mapping[str, Any]) -> Iterator[str]:
    study = facts["study"]
    yield from map(_sentence, facts["remarks"])
    if study is None:
        yield "The alternatives cannot be reckoned yet: " + "; ".join(facts["missing"]) + "."
    elif study["evidence"] == "stated":
        yield "No data have been looked at: all of this rests on what people expect. Once there are data, the study is made anew from them."


def _figures(facts: Mapping[str, Any], charter: CharterSpec) -> Iterator[Figure]:
    study, currency = facts["study"], facts["currency"]
    model = _alternative(facts, "model")
    if model is None:
        return
    today = named(study["today"], facts["task"]).lower()
    if model["npv"] is None:
        yield Figure("A model earns per decision", amount(model["per_decision"], currency), between(model["per_decision"]), "say charter.volume for a year")
        return
    yield Figure(f"The model's worth over {study['years']:g} years", amount(model["npv"], currency), between(model["npv"]), f"after all costs, above: {today}")
    yield Figure("It pays for itself", share(model["pays"]), "", f"at least {charter.study.chance:.0%} is asked for")
    yield Figure("It adds in a year", amount(adds(model), currency), between(adds(model)), _held_against(facts, model, charter))
    untold = any(missing.startswith("people's work to build") for missing in facts["missing"])
    comes_back, costs = payback(model["payback_months"]), f"building costs {amount(model['build'], currency)}"
    yield Figure("What is put in comes back", "not known" if untold else comes_back, "", "what people's work costs is not said: see below" if untold else costs)


def _held_against(facts: Mapping[str, Any], model: Mapping[str, Any], charter: CharterSpec) -> str:
    """What that counts above, what it is above today's way where that is another, and what the target asks for."""
    study, currency = facts["study"], facts["currency"]
    rival, today = (named(study[name], facts["task"]).lower() for name in ("constant", "today"))
    said = f"above “{rival}”, before costs" if model["above_constant"] else f"above “{today}”, before costs"
    if model["above_constant"] and study["constant"] != study["today"]:
        said += f"; above “{today}” it is {amount(model['added'], currency)}"
    return said if charter.target is None else f"{said}; target: {figure(charter.target.per_year)} {currency} a year"


def _answers(facts: Mapping[str, Any], charter: CharterSpec) -> Iterator[Answer]:
    study, currency = facts["study"], facts["currency"]
    if study is None:
        return
    best = study["best"]
    if best is not None:
        chosen = _alternative(facts, best)
        assert chosen is not None
        worth = "" if best == study["today"] else f" It is worth {amount(chosen['npv'], currency)} above going on as today."
        yield Answer("The best choice", (f"{named(best, facts['task'])} ({chosen['says']}).{worth}",))
    just = _alternative(facts, "break_even")
    if just is not None:
        yield Answer("Good enough is", (_sentence(just["says"].removeprefix("a model that just pays for itself: ")),))
    turns = [said for bar in study["tornado"] if bar["is_within"] and (said := turn(bar, facts["task"], currency))]
    far = [said for bar in study["tornado"] if not bar["is_within"] and (said := turn(bar, facts["task"], currency))]
    if study["tornado"]:
        yield Answer("What would flip it", tuple(map(_sentence, turns)) or ("Nothing within its range does.", *map(_sentence, far[:_FAR])))
    yield Answer("Find out first", tuple(_worth_finding_out(study, currency)))


def _worth_finding_out(study: Mapping[str, Any], currency: str) -> Iterator[str]:
    """What is worth to know before deciding, the most valuable first."""
    known = {one["name"]: one for one in study["assumptions"]}
    everything = study["information"]["everything"]
    if everything is None:
        yield "It cannot be told without a volume."
        return
    at_stake = max((abs(bar["at_high"] - bar["at_low"]) for bar in study["tornado"]), default=0.0)
    gains = sorted(study["information"]["each"].items(), key=lambda pair: -pair[1])
    told = [(name, gain) for name, gain in gains if gain > _WORTHLESS * at_stake and gain >= 1]
    if not told:
        yield "Nothing: no answer alone would change the choice."
    for name, gain in told[:3]:
        yield f"{_sentence(known[name]['says'])[:-1]}: to know it exactly is worth up to {figure(gain)} {currency}; spend no more on it."
    if told:
        yield f"To know everything is worth {figure(everything)} {currency}."


def _parts(facts: Mapping[str, Any]) -> Iterator[Part]:
    study = facts["study"]
    if study is not None:
        yield _side_by_side(facts)
        picture = pictures.tornado(facts)
        if picture is not None:
            turns = tuple(_sentence(said) for bar in study["tornado"] if (said := turn(bar, facts["task"], facts["currency"])))
            yield Part(name="What would flip the decision", lists=(("", turns),) if turns else (), picture=picture)
        if study["assumptions"]:
            yield _assumed(facts)
    yield _rules(facts)
    if facts["missing"]:
        yield Part(name="What is not counted, and what to do about it", lists=(("", tuple(map(_sentence, facts["missing"]))),))
    yield Part(name="How it was computed", lists=(("", tuple(_method(facts))),))


def _side_by_side(facts: Mapping[str, Any]) -> Part:
    study, currency = facts["study"], facts["currency"]
    rows = tuple(
        (
            named(one["name"], facts["task"]),
            amount(one["per_decision"]),
            amount(one["per_year"]),
            amount(one["build"]),
            amount(one["run"]),
            payback(one["payback_months"]) if one["payback_months"] else "-",
            amount(one["npv"]),
            between(one["npv"]) or "-",
            share(one["pays"]),
        )
        for one in study["alternatives"]
    )
    head = ("choice", "a decision", "a year", "to build", "to run", "is back in", f"worth in {study['years']:g} years", "nine in ten", "better")
    says = (
        f"Amounts in {currency}: what it earns with each decision and in a year, what it takes to build and in each year to run, when that has come back, and "
        "what changing from today to it is worth in today's money after all costs. Nine in ten: between these ends that lies nine times in ten. Better: how "
        "likely it is worth more than going on as today.",
    )
    told = tuple(f"{named(one['name'], facts['task'])}: {one['says'].removeprefix('a model that just pays for itself: ')}." for one in study["alternatives"])
    return Part(name="The choices side by side", says=says, lists=(("", told),), table=Table(head=head, rows=rows, widest=0))


def _assumed(facts: Mapping[str, Any]) -> Part:
    study, currency = facts["study"], facts["currency"]
    gains = study["information"]["each"]
    rows = tuple(
        (
            one["says"] + (f" ({one['name']})" if one["name"] != "measured" else ""),
            *(("-", "-", "-") if one["name"] == "measured" else (quantity(one[end], one, currency) for end in ("low", "middle", "high"))),
            figure(gains[one["name"]]) if gains.get(one["name"], 0.0) >= 1 else "nothing",
        )
        for one in study["assumptions"]
    )
    head = ("what is supposed", "low", "middle", "high", f"worth to know, {currency}")
    says = ("Nine times in ten the truth lies between low and high. To know one exactly before deciding is worth what the last column says, and no more.",)
    return Part(name="What is supposed", says=says, table=Table(head=head, rows=rows, widest=0))


def _rules(facts: Mapping[str, Any]) -> Part:
    verdicts = {True: "yes", False: "NO", None: "not judged"}
    rows = tuple((one["name"].replace("_", " "), verdicts[one["passed"]], one["says"]) for one in facts["rules"])
    says = ("One rule that does not hold is a no-go. Who goes on all the same says so by name, with a reason and an end date.",)
    return Part(name="The rules of go and no-go", says=says, table=Table(head=("rule", "holds", "evidence"), rows=rows, words=3, widest=2))


def _method(facts: Mapping[str, Any]) -> Iterator[str]:
    study = facts["study"]
    if study is None:
        yield "Nothing was simulated."
        return
    yield f"{study['draws']:,} draws of all that is not known exactly, independent of one another; the middle of money is its mean, that of a time its median."
    yield "A range holds the truth nine times in ten: it is passed at each end once in twenty times, and its middle is as likely too high as too low."
    if study["evidence"] == "data":
        yield "How good each choice is was measured on newer rows than it was made from; how far other rows may be off is told by how blocks of rows scatter."
        yield "The model is a quick one: a search finds one that is as good or better."
    ready = f" after {study['ready_months']:.3g} months of building" if study["ready_months"] else ""
    yield f"Worth over {study['years']:g} years{ready}; money a year later counts {study['discount']:.0%} less. All stays as it is supposed."
    yield "What an answer is worth: what deciding with it in hand earns above deciding without, on average (Strong, Oakley 2013)."
    yield from (f"Counted {one}." for one in study["counted"])
