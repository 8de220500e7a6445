"""``loopline charter``: what is at stake, go or no-go."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from loopline.access.people import person, reason
from loopline.charter import override as overrides
from loopline.charter.binding import binds, bound_once, read
from loopline.charter.budget import OVERRIDE, Budget
from loopline.charter.override import Override
from loopline.charter.prices import of_charter
from loopline.charter.spec import CharterSpec
from loopline.cli.charter_compare import compare
from loopline.cli.charter_criteria import criteria
from loopline.cli.charter_people import people
from loopline.cli.charter_questions import questions
from loopline.cli.charter_revise import revise
from loopline.cli.charter_sign import sign
from loopline.cli.charter_spent import spent
from loopline.cli.charter_study import study
from loopline.cli.options import day, why_option
from loopline.cli.output import emit, folder_option, hint, json_option, minute
from loopline.declaration import figure
from loopline.errors import Mistake
from loopline.ledger.entry import Draft, now
from loopline.ledger.state import State
from loopline.loop import Loop, open_loop
from loopline.model.signing import speaker
from loopline.release.heeded import right
from loopline.release.overriding import go_on, refused
from loopline.release.signatures import Signatures, signatures
from loopline.release.words import NO


@click.group()
def command() -> None:
    """The study: what is at stake, go or no-go."""


command.add_command(criteria)
command.add_command(study)
command.add_command(spent)
command.add_command(people)
command.add_command(compare)
command.add_command(sign)
command.add_command(revise)
command.add_command(questions)


@command.command()
@folder_option
@json_option
def show(folder: Path | None, as_json: bool) -> None:
    """Show the charter and its study: what nothing, everything and the target come to."""
    with open_loop(folder) as loop:
        state, charter = loop.state(), loop.project.declaration.charter
        facts = _study(state)
        book, has_data = of_charter(charter, loop.project.folder), bool(loop.project.declaration.data.sources)
        is_stale = binds(read(charter), book) != facts["binds"]
    override, today = Override.of(state.overrides.get(overrides.SUBJECT), facts["binds"], bound_once(charter)), now().date()
    learned, asked = (state.facts("value", "review") or {}).get("learned"), signatures(charter, state, book)
    stops = overrides.no_go(facts, override, today=today, has_data=has_data)
    halted = overrides.GO_ON if stops else asked.next
    following = "loopline run" if is_stale else halted
    data = {
        **charter.fields("problem", "decision", "predict", "worth", "volume", "target", "budget", "acceptance", "stakeholders"),
        "study": {name: value for name, value in facts.items() if name not in ("binds", "study")},
        "override": None if override is None else override.as_json(facts, today),
        **asked.as_json(),
        "learned": learned,
        "is_stale": is_stale,
        "next": following,
    }
    said = "" if override is None else override.says(facts, today)
    emit(data, lambda: "\n".join([*_lines(charter, facts, said, is_stale), *_signatures(asked), *_learned(charter, learned)]) + hint(following), as_json)


@command.command()
@click.option("--by", metavar="NAME", help="Who decides so; else LOOPLINE_USER, git's user.email or your user name.")
@why_option
@click.option("--until", metavar="DATE", help="The last day on which it holds (UTC), at most a year away: 2026-01-31. By default 90 days.")
@click.option("--budget", "is_budget", is_flag=True, help="Go on in spite of a spent budget instead of a no-go.")
@folder_option
@json_option
def override(by: str | None, why: str, until: str | None, is_budget: bool, folder: Path | None, as_json: bool) -> None:
    """Go on in spite of a no-go or a spent budget, as business: by name, with a reason and an end; signed with your key where anybody is listed for business.

    It binds to this very charter with its prices and to the rules that say no now, and ends when the charter changes, or after its last day; with --budget it
    binds to this very amount, and ends with the month.
    """
    said, asked = reason(why), day(until, "--until")
    if is_budget and asked is not None:
        raise Mistake("an override of the budget ends with the month", where="--until", remedy="leave --until out")
    last = None if is_budget else overrides.end(asked, today=now().date())
    with open_loop(folder) as loop:
        about = _overdrawn(loop) if is_budget else _no_go(loop)
        who = person(by, folder=loop.project.folder)
        charter, ledger = loop.project.declaration.charter, loop.workspace.ledger
        note = right(charter, who)
        entry = go_on(ledger, charter, about, who=who, why=said, until=last, key=lambda: speaker(ledger, name=who.name))
    told = {"reasons": entry.body["reasons"], "entry": entry.id, "note": note, "next": "loopline run"}
    data = {"by": who.name, "why": entry.body["why"], "until": entry.body.get("until"), **told}
    what = "the budget" if is_budget else f"the no-go until {last}"
    emit(data, f"{who} overrides {what}: {entry.body['why']}" + (f"\n{note}" if note else "") + hint("loopline run"), as_json)


def _no_go(loop: Loop) -> Draft:
    """What an override of the study's no-go is about."""
    declared = loop.project.declaration
    book = of_charter(declared.charter, loop.project.folder)
    return refused(declared.charter, loop.state(), book=book, today=now().date(), has_data=bool(declared.data.sources))


def _overdrawn(loop: Loop) -> Draft:
    """What an override of the budget that is spent is about."""
    bound = Budget(loop.project.declaration.charter, loop.project.folder).binding(loop.state(), now())
    if bound is None or not bound.is_spent:
        told = "no budget binds now" if bound is None else bound.says
        raise Mistake(f"the budget is not spent ({told}), so there is nothing to override", remedy="loopline charter spent")
    return Draft(kind="override", subject=OVERRIDE, key=bound.key, body={"reasons": [bound.says], "binds": bound.key})


def _study(state: State) -> Mapping[str, Any]:
    facts = state.facts("charter", "study")
    if facts is None:
        raise Mistake("the charter has not been studied yet", remedy="loopline run --until charter")
    return facts


def _lines(charter: CharterSpec, facts: Mapping[str, Any], overridden: str, is_stale: bool) -> list[str]:
    worth = ", ".join(f"{name} {value}" for name, value in charter.worth.model_dump(exclude_none=True).items() if name != "currency")
    said = {
        "problem": charter.problem,
        "decision": charter.decision,
        "predicts": charter.predict,
        "worth": f"{worth} {charter.worth.currency}" if worth else "",
        "volume": charter.volume,
        "target": charter.target,
        "people": "; ".join(f"{role}: {', '.join(people)}" for role, people in charter.stakeholders.items() if people),
        "accepted if": "; ".join(f"{one.id} {one.check or '(nothing checks it yet)'}" for one in charter.acceptance),
    }
    lines = [f"{name:<12}{value}" for name, value in said.items() if value]
    lines.append(f"{'study':<12}{facts['says']}")
    per_year = {name: value for name, value in facts["per_year"].items() if value is not None}
    if per_year:
        lines.append(f"{'per year':<12}" + ", ".join(f"{name.replace('_', ' ')} {value:,.0f}" for name, value in per_year.items()))
    if overridden:
        lines.append(f"{'override':<12}{overridden}")
    if is_stale:
        lines.append("the charter has changed since it was studied")
    return lines


def _signatures(asked: Signatures) -> list[str]:
    """The signatures as text, a line for each; nothing where nobody is asked."""
    words = [(one.role, entry) for one in asked.said.roles for entry in (*one.approvals, *([] if one.refusal is None else [one.refusal]))]
    said = [
        f"{'refused' if entry.body['verdict'] == NO else 'signed':<12}by {entry.actor} as {role}, {minute(entry.body['at'])}: {entry.body['why']}"
        for role, entry in words
    ]
    return [*said, *([f"{'waits':<12}{asked.halt.why}"] if asked.halt is not None and asked.halt.state == "waiting" else [])]


def _learned(charter: CharterSpec, learned: Mapping[str, Any] | None) -> list[str]:
    """What the last review learned of what the charter supposes; nothing before outcomes have come."""
    if learned is None or learned["worth_per_decision"] is None:
        return []
    rate, volume = learned["base_rate"], learned["decisions_per_year"]
    each, above = (f"{figure(learned[name])} {charter.worth.currency}" for name in ("worth_per_decision", "added_per_decision"))
    said = [f"{charter.predict} in {rate:.1%} of cases"] if rate is not None else []
    said += [f"{each} earned per decision, {above} above no model"]
    said += [f"{figure(volume)} decisions a year"] if volume is not None else []
    broken = [name for name, held in learned["criteria_held"].items() if held is False]
    said += [f"{', '.join(broken)} not kept"] if broken else []
    return [f"{'learned':<12}{'; '.join(said)} (loopline value review)"]
