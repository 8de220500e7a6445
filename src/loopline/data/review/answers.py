"""Answers of the person who knows the subject: they become rules of the contract, corrections, relabels and discards."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any, Literal

import polars as pl

from loopline.data.contract.contract import Terms, check_rows, settled
from loopline.data.quarantine.discards import discard
from loopline.data.quarantine.mending import Key, find_all, mend, tried_anyhow
from loopline.data.quarantine.mends import Values
from loopline.data.quarantine.quarantine import Filter
from loopline.data.quarantine.reasons import ABOUT_CELLS, RuleName, broken
from loopline.data.review.amendments import Amendment, rule_in
from loopline.data.review.questions import Question
from loopline.data.spec import LINE, ColumnSpec, DataSpec
from loopline.errors import Mistake
from loopline.lake.blobs import Blobs
from loopline.ledger.entry import Draft, canonical, now
from loopline.workspace import Workspace

Word = Literal["accept", "refuse", "rule", "relabel"]
WORDS: tuple[Word, ...] = ("accept", "refuse", "rule", "relabel")
ONE_BY_ONE = 100
"""Rows with one word are relabelled one by one up to so many; of more the word is mapped for all that come."""
_LIMITS = {"min": min, "max": max}


@dataclass(frozen=True)
class Answer:
    """What a person said to a question.

    Parameters
    ----------
    more
        The rule, or the value that is right, in their words.
    """

    word: Word
    more: str = ""


@dataclass(frozen=True)
class Effect:
    """What an answer comes to.

    Parameters
    ----------
    amendments
        Changes of the contract; they wait to be written to the declaration.
    mends
        Other cells for rows, by table, batch and line.
    discards
        The ids of refused rows that are given up.
    """

    amendments: tuple[Amendment, ...] = ()
    mends: Mapping[Key, Values] = field(default_factory=dict)
    discards: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answered:
    """What answers came to: how many there were, and what they did."""

    answers: int = 0
    mended: int = 0
    relabelled: int = 0
    discarded: int = 0
    amendments: tuple[Amendment, ...] = ()


def parse_answer(text: str, *, where: str = "") -> Answer | None:
    """The answer in a person's words, as in ``accept``, ``rule: max: 12`` or ``relabel: yes``; None where nothing is said.

    Raises
    ------
    Mistake
        When it is none of the four, or says no rule or value.
    """
    said = text.strip()
    if not said or said.lower() in ("skip", "-", "?"):
        return None
    first, _, rest = said.replace(":", " ", 1).partition(" ") if ":" in said.split(" ")[0] else said.partition(" ")
    word, more = first.lower(), rest.strip()
    if word not in WORDS:
        raise Mistake(f"{said[:60]!r} is no answer", where=where, remedy="write accept, refuse, rule: RULE or relabel: VALUE; leave it empty to be asked again")
    if word == "rule" and not more:
        raise Mistake("a rule is to be said", where=where, remedy="write it as in rule: max: 12, or rule: end >= start")
    if word in ("accept", "refuse") and more:
        raise Mistake(f"{word} takes no more words, and here stands {more[:40]!r}", where=where, remedy=f"write just {word}, or rule: ... or relabel: ...")
    return Answer(WORDS[WORDS.index(word)], more)


def effect_of(workspace: Workspace, data: DataSpec, question: Question, answer: Answer, *, by: str, at: datetime | None = None) -> Effect:
    """What an answer to a question comes to; nothing is done yet.

    Raises
    ------
    Mistake
        When the answer does not fit the question.
    """
    moment = (at or now()).date()
    spec = data.contract_of(question.table).columns.get(question.column, ColumnSpec())
    why = f"{by}, {moment}: {_says(question, answer)}"
    match answer.word:
        case "rule":
            return Effect(tuple(rule_in(answer.more, question.table, question.column, spec, why=why, by=by)))
        case "relabel":
            return _relabelled(workspace, data, question, answer, spec, why)
        case "refuse":
            return _refused(question, spec, why, by)
        case _:
            return _accepted(question, spec, why)


def _says(question: Question, answer: Answer) -> str:
    """The answer in a few words, as the contract keeps it."""
    value = f" {question.value}" if question.value and question.kind != "inferred" else ""
    more = f" {answer.more}" if answer.more else ""
    return f"{answer.word}{more}{value if answer.word != 'rule' else ''} ({question.rule or question.kind})"


def _accepted(question: Question, spec: ColumnSpec, why: str) -> Effect:
    table, column = question.table, question.column
    if question.kind == "refused":
        if question.rule == "values":
            return Effect((Amendment(table, column, "add", "values", _like(question.value, spec), why),))
        if question.rule in _LIMITS and question.value:
            return Effect((Amendment(table, column, "set", question.rule, float(question.value), why),))
        if question.rule in ("pattern", "length"):
            return Effect((Amendment(table, column, "severity", "severity", {question.rule: "warn"}, why),))
        what = f"{question.rule or 'this reason'} cannot be waived: the table could not hold such rows"
        raise Mistake(what, where=question.id, remedy="answer refuse, relabel: VALUE, or rule: ... with another type or key")
    if question.kind in ("rare", "new", "alike") and spec.values is not None:
        return Effect((Amendment(table, column, "add", "values", _like(question.value, spec), why),))
    return Effect()


def _like(value: str, spec: ColumnSpec) -> Any:
    """A value as the contract's other values are written."""
    if spec.values and all(isinstance(other, (int, float)) and not isinstance(other, bool) for other in spec.values):
        try:
            number = float(value)
        except ValueError:
            return value
        return int(number) if number.is_integer() else number
    return value


def _refused(question: Question, spec: ColumnSpec, why: str, by: str) -> Effect:
    table, column = question.table, question.column
    if question.kind == "refused":
        return Effect(discards=question.ids)
    if question.kind == "inferred":
        return Effect((Amendment(table, column, "severity", "severity", dict.fromkeys(question.rule.split("+"), "refuse"), why),))
    if question.kind in ("low", "high"):
        rule = "min" if question.kind == "low" else "max"
        bound = Amendment(table, column, "set", rule, question.bound, why)
        return Effect((bound, Amendment(table, column, "severity", "severity", {rule: "refuse"}, why)))
    if spec.values is not None:
        gone = Amendment(table, column, "remove", "values", question.value, why)
        return Effect((gone, Amendment(table, column, "severity", "severity", {"values": "refuse"}, why)))
    name = column if column.isidentifier() else f"`{column}`"
    rule_of = {"check": f"{name} != {question.value!r}", "name": f"{column} is never {question.value}, says {by}"}
    return Effect((Amendment(table, column, "rule", "rules", rule_of, why),))


def _relabelled(workspace: Workspace, data: DataSpec, question: Question, answer: Answer, spec: ColumnSpec, why: str) -> Effect:
    """Other cells for the rows; a spelling, and a word of many rows, is mapped for all that still come."""
    value = answer.more or question.like
    if question.kind == "inferred" or not question.column:
        raise Mistake(
            "a relabel gives one column of some rows another value, and this question is not about one", where=question.id, remedy="answer accept or refuse"
        )
    if value is None:
        raise Mistake("the value that is right is to be said", where=question.id, remedy="write it as in relabel: VALUE")
    if question.kind == "alike" or (question.rows > ONE_BY_ONE and question.kind in ("rare", "new")):
        _require_allowed(data, question, spec, value)
        return Effect((Amendment(question.table, question.column, "map", "clean", {question.value: value}, why),))
    several = question.rows > 1 and (question.kind in ("low", "high") or question.rule in _LIMITS)
    if several or question.rows > len(question.ids):
        reason = f"{question.column} is {'above' if question.rule == 'max' else 'below'}"
        sheet = f"mend them in a sheet: loopline data quarantine export -o rows.csv --reason '{reason}'"
        remedy = sheet if question.kind == "refused" else "answer rule: ... or refuse"
        raise Mistake(f"{question.rows:,} rows with several values cannot all become {value!r}", where=question.id, remedy=remedy)
    keys = find_all(workspace, data, [(question.table, id) for id in question.ids], where=question.id)
    if question.kind == "refused" and keys:
        _require_right(workspace, data, question, keys[0], value)
    return Effect(mends={key: {question.column: value} for key in keys})


def _require_right(workspace: Workspace, data: DataSpec, question: Question, key: Key, value: str) -> None:
    """The contract takes the value in the column that is asked about: what it says of one of the rows there, it says of each."""
    said = tried_anyhow(workspace, data, key, {question.column: value}).reasons
    columns = (question.column, *data.contract_of(question.table).columns)
    for reason in said:
        found = broken(reason, data, question.table, columns)
        if found.column == question.column and found.rule in ABOUT_CELLS:
            raise _not_allowed(question, data.contract_of(question.table).columns.get(question.column, ColumnSpec()), found.rule, value)


def _require_allowed(data: DataSpec, question: Question, spec: ColumnSpec, value: str) -> None:
    """The contract takes a value to which another one is mapped: the map is the last step of the cleaning, and what it gives is held against the contract."""
    source, name = data.sources[question.table], question.column
    needed = spec.required or name == source.time or name in source.key
    cell = pl.DataFrame({name: [value], LINE: [1]})
    fits = settled(cell[name], spec.model_copy(update={"required": needed, "unique": False}), source.nulls, decimal=source.decimal)
    checked = check_rows(cell, Terms({name: fits}, nulls=source.nulls, decimal=source.decimal))
    for reason in chain.from_iterable(checked.refused["reasons"].to_list()):
        raise _not_allowed(question, spec, broken(reason, data, question.table, (name,)).rule, value)


def _not_allowed(question: Question, spec: ColumnSpec, rule: RuleName, value: str) -> Mistake:
    """That the contract refuses a value, with what it allows."""
    bound = spec.min if rule == "min" else spec.max
    allows = {
        "values": ", ".join(map(str, spec.values or ())),
        "min": f"at least {bound or 0:g}",
        "max": f"at most {bound or 0:g}",
        "type": f"the type {spec.type}" if spec.type is not None else "the type that the table has",
        "required": "no empty cell",
    }.get(rule, f"{rule} {getattr(spec, rule, '')}")
    return Mistake(
        f"the contract of {question.table} allows {allows} in {question.column}, and not {value[:60]!r}",
        where=question.id,
        remedy="give a value that it accepts; or answer accept, or rule: ..., which change the contract",
    )


def take(workspace: Workspace, data: DataSpec, said: Sequence[tuple[Question, Answer]], *, by: str) -> Answered:
    """Carry answers out, and enter them into the ledger; call it under the project's lease, once the tables are settled.

    Raises
    ------
    Mistake
        When an answer does not fit its question; then none is carried out.
    """
    effects = [(question, answer, effect_of(workspace, data, question, answer, by=by)) for question, answer in said]
    total = Answered()
    for question, answer, effect in effects:
        mended = mend(workspace, data, effect.mends, by=by, why=f"review {question.id}") if effect.mends else None
        given_up = 0
        if effect.discards:
            chosen = Filter(table=question.table, ids=effect.discards)
            given_up = discard(workspace, data, chosen, by=by, why=f"review {question.id}: refused rightly").rows
        proposal = Blobs(workspace.lake).put(canonical([one.as_json() for one in effect.amendments]).encode()) if effect.amendments else None
        body = {
            "asked": question.kind,
            "column": question.column,
            "rule": question.rule,
            "answer": answer.word,
            "rows": question.rows,
            "proposal": proposal,
        }
        workspace.ledger.append(Draft(kind="answer", subject=question.table, key=question.digest, body=body, actor=by))
        total = Answered(
            answers=total.answers + 1,
            mended=total.mended + (mended.rows - mended.relabelled if mended else 0),
            relabelled=total.relabelled + (mended.relabelled if mended else 0),
            discarded=total.discarded + given_up,
            amendments=(*total.amendments, *effect.amendments),
        )
    return total


def waiting(workspace: Workspace) -> tuple[list[Amendment], tuple[str, ...]]:
    """The amendments that were answered and not yet written to the declaration, and the ids of their answers."""
    written: set[str] = set()
    answers = []
    for entry in workspace.ledger.read(kinds=("answer", "amended")):
        if entry.kind == "amended":
            written |= set(entry.parents)
        elif entry.body["proposal"]:
            answers.append(entry)
    left = [entry for entry in answers if entry.id not in written]
    blobs = Blobs(workspace.lake)
    amendments = [Amendment(**one) for entry in left for one in json.loads(blobs.get(entry.body["proposal"]))]
    return amendments, tuple(entry.id for entry in left)


def enter_written(workspace: Workspace, answers: Iterable[str], *, file: str, by: str) -> None:
    """Enter that the declaration has taken the amendments of some answers in."""
    parents = tuple(answers)
    if parents:
        workspace.ledger.append(Draft(kind="amended", subject=file, body={"answers": len(parents)}, parents=parents, actor=by))
