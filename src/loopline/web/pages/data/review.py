"""The questions for the person who knows the subject, and their answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loopline.access.people import Person, speak_for
from loopline.data.quarantine.mends import MENDS
from loopline.data.quarantine.quarantine import QUARANTINE
from loopline.data.quarantine.waiting import waiting
from loopline.data.review.answers import WORDS, Word, parse_answer, take
from loopline.data.review.offered import offered
from loopline.data.review.proposed import Proposed, proposed
from loopline.data.review.questions import Question, about_inferred, about_odd, about_refused, answered, questions
from loopline.data.spec import ColumnSpec
from loopline.declaration import counted
from loopline.errors import Mistake
from loopline.lake.tables import Tables
from loopline.project import FILE
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.kept import Kept
from loopline.web.page import Action, Done, Form, Page, Stale
from loopline.web.pages.data.cells import Cell, cell, cells, plain
from loopline.web.pages.data.shown import ROWS, Part, is_there, moved, page_of, table_of, version_of, writing

_PER_PAGE = 20
_FEW_CELLS = 400_000
"""In a table of so many cells odd values are looked for while a reader waits; in a larger one where they are asked for."""
_KNOWN: Kept[list[Question]] = Kept(8)
_MENDED: Kept[int] = Kept(8)
_PROPOSED: Kept[Proposed] = Kept(8)


@dataclass(frozen=True)
class Asks:
    """A question as the page shows it.

    Parameters
    ----------
    words
        The answers that it takes, and what each does.
    """

    question: Question
    asks: Cell
    samples: tuple[Cell, ...]
    words: Mapping[Word, str]


@dataclass(frozen=True)
class Review:
    """What the page shows of one table's open questions.

    Parameters
    ----------
    is_whole
        Whether odd values were looked for as well.
    proposed
        What the answers so far change in the declaration; None where its text cannot be read.
    may_answer
        Whether the reader may speak for the expert, and where not, why.
    mended
        How many refused rows of any table were mended, and wait for a replay.
    """

    title: str
    table: str
    tables: tuple[str, ...]
    asked: tuple[Asks, ...]
    kinds: Mapping[str, int]
    part: Part
    is_whole: bool
    proposed: Proposed | None
    may_answer: str
    mended: int = 0
    sees_rows: bool = True

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        asked = [
            {**one.question.as_json(), "value": plain(one.question.value), "asks": one.asks.text, "samples": [c.text for c in one.samples]}
            for one in self.asked
        ]
        change = {"amendments": 0, "patch": "", "by_hand": []} if self.proposed is None else self.proposed.as_json()
        return {"table": self.table, "open": self.part.total, "kinds": dict(self.kinds), "odd_too": self.is_whole, "questions": asked, **change}


def view(current: Current, asked: Asked) -> Review:
    """The open questions about a table."""
    table = table_of(current, asked, sources=True)
    is_whole = asked.query.get("odd") == "yes" or _is_small(current, table)
    found = _open(current, table, is_whole)
    part = Part(page_of(asked), len(found), _PER_PAGE)
    shown = tuple(_asks(current, one) for one in found[part.skip : part.skip + _PER_PAGE])
    kinds: Counter[str] = Counter(one.kind for one in found)
    sources = tuple(current.project.declaration.data.sources)
    return Review("Review", table, sources, shown, kinds, part, is_whole, _proposed(current), _may_answer(current, asked), _mended(current))


def _mended(current: Current) -> int:
    versions = [version_of(current, name) for name in (QUARANTINE, MENDS)]
    return _MENDED.of((current.workspace.lake.url, *versions), lambda: waiting(Tables(current.workspace.lake)).mended)


def _asks(current: Current, question: Question) -> Asks:
    spec = current.project.declaration.data.contract_of(question.table).columns.get(question.column, ColumnSpec())
    words = {word: cell(says, 200).text for word, says in offered(question, spec).items()}
    return Asks(question, cell(question.asks, 400), cells(question.samples, 300), words)


def _is_small(current: Current, table: str) -> bool:
    tables = Tables(current.workspace.lake)
    return not is_there(current, table) or tables.version(table).rows * len(tables.read(table).collect_schema()) <= _FEW_CELLS


def _open(current: Current, table: str, is_whole: bool) -> list[Question]:
    """The questions that have no answer; what they rest on is the table, the quarantine, what was said of it, and the answers so far."""
    versions = [version_of(current, name) for name in (table, QUARANTINE, MENDS)]
    return _KNOWN.of((current.project, moved(current), table, is_whole, *versions), lambda: _found(current, table, is_whole))


def _found(current: Current, table: str, is_whole: bool) -> list[Question]:
    workspace, data = current.workspace, current.project.declaration.data
    if is_whole:
        return questions(workspace, data, table=table)
    tables, known = Tables(workspace.lake), answered(workspace.ledger)
    asked = [*about_refused(workspace, data, tables, table), *about_inferred(data, tables, table)]
    return sorted((one for one in asked if one.digest not in known), key=lambda one: (one.kind != "refused", -one.rows, one.column, one.value))


def count_open(current: Current, table: str) -> int:
    """How many questions about a table's accepted rows and its inferred rules are open; odd values are looked for where the table is small."""
    workspace, data, tables = current.workspace, current.project.declaration.data, Tables(current.workspace.lake)
    asked = [*about_inferred(data, tables, table), *(about_odd(workspace, data, tables, table) if _is_small(current, table) else ())]
    return len({one.digest for one in asked} - answered(workspace.ledger))


def _proposed(current: Current) -> Proposed | None:
    if current.mistake is not None:
        return None
    text = current.project.text
    return _PROPOSED.of((current.project, moved(current), text), lambda: proposed(current.workspace, current.project.declaration.data, text, file=FILE))


def _may_answer(current: Current, asked: Asked) -> str:
    """Why the reader may not answer; empty where they may."""
    try:
        _require_expert(current, asked)
    except Mistake as mistake:
        return mistake.what
    return ""


def _require_expert(current: Current, asked: Asked) -> None:
    people = {str(role): names for role, names in current.project.declaration.charter.stakeholders.items()}
    speak_for(Person(asked.reader.name, "the page"), "expert", people)


def answer(current: Current, asked: Asked, form: Form) -> Done:
    """Carry an answer out: it becomes a rule, a correction, a relabel or a discard."""
    _require_expert(current, asked)
    word, more, data = form.get("word", ""), form.get("more", "").strip(), current.project.declaration.data
    # A word that takes no more may be sent with a field that was filled in for another.
    said = parse_answer(f"{word}: {more}" if word in ("rule", "relabel") and more else word)
    if said is None:
        raise Mistake("no answer is chosen", remedy=f"choose one of: {', '.join(WORDS)}")
    table = table_of(current, Asked(asked.reader, {"table": form.get("table", "")}), sources=True)
    with writing(current):
        question = _named(current, table, asked.path["question"])
        if question is None:
            raise Stale(("the question was answered, or the rows that raised it are gone",))
        done = take(current.workspace, data, [(question, said)], by=asked.reader.name)
    mended = "mended: a replay takes what the contract accepts into the table"
    effects = ((done.relabelled, "changed in the table"), (done.discarded, "discarded"), (done.mended, mended))
    parts = [f"{count:,} {'row' if count == 1 else 'rows'} {became}" for count, became in effects if count]
    parts = [*([f"{counted(len(done.amendments), 'change')} of the contract proposed"] if done.amendments else []), *parts]
    return Done(f"Answered: {', '.join(parts) or 'it stays as it is'}.", f"/data/review?table={table}")


def _named(current: Current, table: str, id: str) -> Question | None:
    """The open question with an id; rows are searched for odd values only where it is none of the others."""
    for is_whole in (False, True):
        if (found := next((one for one in _found(current, table, is_whole) if one.id == id), None)) is not None:
            return found
    return None


PAGES = (Page("data review", "/data/review", view, "data/review.html.j2", ROWS),)
ACTIONS = (Action("/data/review/{question}", answer, ROWS),)
