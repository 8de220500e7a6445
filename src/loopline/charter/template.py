"""Templates: the charter that a kind of problem needs, its questions, and the columns that it looks for. Each is a file of data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml

from loopline.charter.spec import CharterSpec, Role, Task
from loopline.declaration import Spec
from loopline.errors import Mistake

NAMES = ("churn", "credit", "demand", "lead-scoring", "maintenance", "fraud", "delay")
BOOK = "prices"
"""How the fields begin that stand in the price book, and not in the declaration."""
_SHARED = "shared"
_SECTIONS = ("charter", "model", "value", BOOK)
_HOLE = re.compile(r"\{(\w+)\}")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Question(Spec):
    """What a person must answer: who, what, why it matters, and what happens if the answer is wrong."""

    role: Role
    asks: str
    why: str
    wrong: str


class Entry(Spec):
    """One field of the declaration, or of the price book.

    Parameters
    ----------
    field
        Its path, such as ``charter.worth.act_right``.
    guess
        What stands there until somebody knows better.
    using
        The same with ``{names}`` of columns, or of what is counted in the data; taken where all of them were found.
    example
        What could stand there, where there is no guess: it is written as a comment.
    needs
        Columns without which the field makes no sense.
    says
        A remark for whoever reads it.
    """

    field: str
    guess: Any = None
    using: Any = None
    example: str = ""
    needs: tuple[str, ...] = ()
    needs_data: bool = False
    tasks: tuple[Task, ...] = ("binary", "multiclass", "regression")
    says: str = ""
    question: Question | None = None

    @property
    def holes(self) -> frozenset[str]:
        """The names that `using` leaves open."""
        return frozenset(holes(self.using))

    @property
    def is_read_off(self) -> bool:
        """Whether all of it is read off the data, as a column's name and a count are."""
        return isinstance(self.using, str) and _HOLE.fullmatch(self.using) is not None


class Template(Spec):
    """A kind of problem.

    Parameters
    ----------
    says
        What it answers, in one line.
    fits, fits_not
        When to use it, and when not.
    columns
        From what a column is for to the names that it usually has; the first is what it is called before there are data.
    turned
        Names of targets that say the contrary of what acting is right for, such as ``default`` where one grants.
    positive
        Where values are no plain yes and no: the class to act on is the rarer one, or the ``usual`` one.
    entries
        The fields, in the order of the declaration.
    """

    name: str
    title: str
    says: str
    fits: str
    fits_not: str
    case: str
    cases: str
    task: Task
    columns: dict[Literal["target", "time", "key", "amount", "group"], tuple[str, ...]]
    turned: tuple[str, ...] = ()
    positive: Literal["rare", "usual"] = "rare"
    entries: tuple[Entry, ...]

    @property
    def asked(self) -> tuple[Entry, ...]:
        """The fields that a person must answer for."""
        return tuple(entry for entry in self.entries if entry.question is not None)

    def find(self, purpose: Literal["target", "time", "key", "amount", "group"], columns: Sequence[str]) -> list[str]:
        """The columns that are called as those for a purpose usually are, the likeliest first: by their whole name, then by words in it."""
        known = {name: _words(name) for name in columns}
        wanted = [_words(name) for name in self.columns.get(purpose, ())]
        whole = [name for words in wanted for name in columns if known[name] == words]
        within = [name for words in wanted if len("".join(words)) > 1 for name in columns if _contains(known[name], words)]
        return list(dict.fromkeys([*whole, *within]))

    def says_contrary(self, target: str) -> bool:
        """Whether yes in this column is what acting is wrong for."""
        return any(_contains(_words(target), _words(name)) for name in self.turned)


def templates() -> tuple[Template, ...]:
    """Every template."""
    return tuple(template(name) for name in NAMES)


@cache
def template(name: str) -> Template:
    """The template of a name.

    Raises
    ------
    Mistake
        When there is none, with the nearest.
    """
    require_known(name, where="--template")
    said = _read(name)
    task, cases = said["task"], {"{case}": said["case"], "{cases}": said["cases"]}
    shared = {entry["field"]: entry for entry in _read(_SHARED)["entries"] if task in entry.get("tasks", (task,))}
    own = {entry["field"]: entry for entry in said.pop("entries")}
    entries = [_worded(_merged(shared.get(field, {}), own.get(field, {})), cases) for field in dict.fromkeys([*shared, *own])]
    entries += _others(entries)
    return Template.model_validate({**said, "name": name, "entries": sorted(entries, key=lambda entry: _place(entry["field"]))})


def require_known(name: str, *, where: str) -> None:
    """Check that there is a template of a name.

    Raises
    ------
    Mistake
        When there is none, with the nearest.
    """
    if name not in NAMES:
        near = get_close_matches(name, NAMES, n=1)
        remedy = f"did you mean {near[0]!r}? All of them: loopline init --templates" if near else f"there are: {', '.join(NAMES)}"
        raise Mistake(f"there is no template {name!r}", where=where, remedy=remedy)


def _read(name: str) -> dict[str, Any]:
    text = files("loopline.charter").joinpath("templates", f"{name}.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def _merged(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    question = {**shared.get("question", {}), **own.get("question", {})}
    return {**shared, **own, **({"question": question} if question else {})}


def _worded(entry: dict[str, Any], cases: Mapping[str, str]) -> dict[str, Any]:
    """The same in the template's own words for a case."""

    def worded(text: Any) -> Any:
        for hole, word in cases.items():
            text = text.replace(hole, word) if isinstance(text, str) else text
        return text

    said = {part: worded(text) for part, text in entry.items()}
    return {**said, "question": {part: worded(text) for part, text in said["question"].items()}} if "question" in said else said


def _others(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A place for the people of each role that is asked, with the fields that it answers."""
    answers: dict[str, list[str]] = {}
    for entry in entries:
        if "question" in entry:
            answers.setdefault(entry["question"]["role"], []).append(entry["field"].removeprefix("charter."))
    held = {entry["field"] for entry in entries}
    wanted = [(f"charter.stakeholders.{role}", fields) for role, fields in answers.items()]
    return [{"field": field, "guess": [], "says": f"answers {', '.join(fields)}"} for field, fields in wanted if field not in held]


def _place(field: str) -> tuple[int, int]:
    """Where a field stands: its section, and within the charter as its declaration has them."""
    section, part = field.split(".")[:2]
    order = list(CharterSpec.model_fields)
    return _SECTIONS.index(section), order.index(part) if section == "charter" else 0


def _words(name: str) -> tuple[str, ...]:
    """A column's name as words: ``MonthlyCharges`` is monthly and charges."""
    return tuple(re.findall(r"[^\W_]+", _HUMP.sub("_", name).lower()))


def _contains(words: Sequence[str], wanted: Sequence[str]) -> bool:
    return any(tuple(words[at : at + len(wanted)]) == tuple(wanted) for at in range(len(words) - len(wanted) + 1))


def holes(item: Any) -> Iterator[str]:
    """The names that a value leaves open, as in ``30d after {time}``."""
    if isinstance(item, Mapping):
        for part in item.values():
            yield from holes(part)
    elif isinstance(item, str):
        yield from _HOLE.findall(item)


def filled(item: Any, known: Mapping[str, str]) -> Any:
    """A value with its open names filled in."""
    if isinstance(item, Mapping):
        return {name: filled(part, known) for name, part in item.items()}
    return _HOLE.sub(lambda match: known[match[1]], item) if isinstance(item, str) else item
