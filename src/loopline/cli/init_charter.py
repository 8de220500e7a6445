"""A template's fields as the text of a ``loopline.yaml`` and of a price book: each with its question above it, and a mark where a person must answer."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import yaml

from loopline.charter.filling import Field
from loopline.charter.questions import MARK
from loopline.charter.template import BOOK, Question, Template
from loopline.data.proposals.written import comment, value, word
from loopline.project import Loader

_WIDTH = 118
_Tree = dict[str, "Field | _Tree"]


def document(title: str, template: Template, fields: Sequence[Field], answers: Mapping[str, str], data: Sequence[str]) -> str:
    """The text of a ``loopline.yaml``.

    Parameters
    ----------
    answers
        What a person has said already, by its field, as it is written.
    data
        The lines of the section ``data:``.
    """
    tree = _tree(field for field in fields if not field.entry.field.startswith(f"{BOOK}."))
    charter = _lines(tree.pop("charter"), answers, indent=2)
    roles = sorted({entry.question.role for entry in template.asked if entry.question is not None})
    lines = [
        f"# {template.title}. Written by loopline init --template {template.name}.",
        f"# For when {template.fits}.",
        f"# Not when {template.fits_not}.",
        f"# A line that ends in {MARK} waits for a person: put another value in place of a guess; look at what was counted or found, and take the mark away.",
        f"# Those asked are {', '.join(roles)}. What is still open: loopline charter questions",
        f"project: {word(title)}",
        "",
        "charter:",
        f"  template: {template.name}",
        f"  task: {template.task}",
        *charter,
        "  # target: 100000 per year                      # what the model must earn, once the study has said what it can",
        "  # budget: {build: 30000, run: 500 per month}   # what may be spent",
        "",
        *data,
        "",
        *_section("model", tree, answers, ["  search: {trials: 20}    # more trials find a little more; the search ends by their number"]),
        *_section("value", tree, answers, []),
        "# release: {approvals: {business: 1}}    # who must say yes before a package decides",
        "",
    ]
    return "\n".join(line.rstrip() for line in lines)


def book(fields: Sequence[Field], today: date) -> str:
    """The text of a price book to be filled in."""
    prices = [field for field in fields if field.entry.field.startswith(f"{BOOK}.")]
    lines = [
        "# What the loop uses costs so much, in the currency of the charter. What is not said counts as nothing.",
        f"dated: {today.isoformat()}    # the day on which these prices were asked for",
        *_lines(_tree(prices)[BOOK], {}, indent=0),
        "# cloud: 0.10 per hour",
        "# other: {licences: 40 per month, look-ups: 0.02 per decision}",
        "",
    ]
    return "\n".join(lines)


def _section(name: str, tree: _Tree, answers: Mapping[str, str], more: list[str]) -> list[str]:
    """A section behind the data; one in which nothing is said yet is a comment as a whole."""
    below = tree.get(name)
    lines = [*([] if below is None else _lines(below, answers, indent=2)), *more]
    if not lines:
        return []
    is_said = any(not line.lstrip().startswith("#") for line in lines)
    return [f"{name}:" if is_said else f"# {name}:", *lines, ""]


def _tree(fields: Iterable[Field]) -> _Tree:
    tree: _Tree = {}
    for field in fields:
        *above, last = field.entry.field.split(".")
        place = tree
        for part in above:
            below = place.setdefault(part, {})
            assert isinstance(below, dict), field.entry.field
            place = below
        place[last] = field
    return tree


def _lines(tree: Field | _Tree, answers: Mapping[str, str], *, indent: int) -> list[str]:
    """The lines of all that is below a field; criteria are the items of a list."""
    assert isinstance(tree, dict)
    lines: list[str] = []
    for name, below in tree.items():
        space = " " * indent
        if isinstance(below, Field):
            lines += [f"{space}{line}" for line in _entry(name, below, answers)]
            continue
        inner = _lines(below, answers, indent=indent + 2)
        is_said = any(not line.lstrip().startswith("#") for line in inner)
        lines += [f"{space}{name}:" if is_said else f"{space}# {name}:", *inner]
    return lines


def _entry(name: str, field: Field, answers: Mapping[str, str]) -> list[str]:
    """A field's line, under its question."""
    entry, question = field.entry, field.entry.question
    head = "- " if entry.field.startswith("charter.acceptance.") else f"{name}: "
    above = [] if question is None else [*_remark(f"{question.role}: {question.asks}"), *_remark(reasons(question), indent="  ")]
    if entry.says and question is not None:
        above += _remark(entry.says, indent="  ")
    if (answer := answers.get(entry.field)) is not None:
        return [*above, f"{head}{answer}"]
    if field.value is None:
        if question is None and not entry.example:
            return []
        return [*above, f"# {head}{entry.example}".rstrip() + (f"    ({comment(field.why)})" if field.why else "")]
    remark = f"{MARK} {field.origin}" if question is not None else comment(_said_of(field))
    return [*above, f"{head}{inline(field.value)}" + (f"    {remark}" if remark else "")]


def _said_of(field: Field) -> str:
    """A remark on a field that nobody is asked about; a supposition is called a guess there, too."""
    is_supposed = field.origin == "guess" and (field.entry.using is not None or ".." in str(field.value))
    said = ": ".join(part for part in ("a guess" if is_supposed else "", field.entry.says) if part)
    return f"# {said}" if said else ""


def reasons(question: Question) -> str:
    """Why an answer matters, and what comes of a wrong one."""
    return f"Why: {question.why} If wrong: {question.wrong}"


def _remark(text: str, *, indent: str = "") -> list[str]:
    return [f"# {indent}{line}" for line in textwrap.wrap(comment(text), _WIDTH, break_long_words=False, break_on_hyphens=False)]


def inline(item: Any) -> str:
    """A plain value as YAML on one line, with texts as plain as they can be read back."""
    if isinstance(item, Mapping):
        return "{" + ", ".join(f"{word(str(name))}: {inline(part)}" for name, part in item.items()) + "}"
    if isinstance(item, str):
        return item if _reads_back(item) else word(item)
    return value(item)


def _reads_back(text: str) -> bool:
    """Whether a text is read as itself without quotes, inside of brackets as well."""
    if not text.isprintable():
        return False
    try:
        return bool(yaml.load(f"[{text}]", Loader) == [text] and yaml.load(f"a: {text}", Loader) == {"a": text})  # noqa: S506
    except yaml.YAMLError:
        return False
