"""The questions of a template that nobody has answered yet, as the text of the declaration and of its price book tells; pure.

A question is open as long as its field is not said, or the mark ``# ?`` stands at the end of its line and the field has what `loopline init` wrote there:
a guess is answered by another value, and what was counted or found is answered by taking the mark away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from loopline.charter.filling import Origin, is_guess
from loopline.charter.template import BOOK, Entry, Template

MARK = "# ?"
"""What stands at the end of a line that waits for an answer, before the word for where its value comes from."""
_MARKED = re.compile(r"[ \t,}\]]*# \? *(guess|counted|found)\b")


@dataclass(frozen=True)
class Standing:
    """How a field stands.

    Parameters
    ----------
    said
        What stands there, as it is written; None where it is not said.
    origin
        Where that comes from, as the mark says.
    is_open
        Whether its question waits for an answer.
    """

    entry: Entry
    said: str | None
    origin: Origin | None
    is_open: bool


def standings(template: Template, text: str, book: str = "") -> tuple[Standing, ...]:
    """How each field of a template stands.

    Parameters
    ----------
    text
        The declaration, which is known to be valid.
    book
        The price book.
    """
    texts = {BOOK: book}
    nodes = {name: yaml.compose(said, Loader=yaml.SafeLoader) for name, said in (("", text), (BOOK, book))}
    found = []
    for entry in template.entries:
        section, _, rest = entry.field.partition(".")
        name, path = (BOOK, rest) if section == BOOK else ("", entry.field)
        found.append(_standing(template, entry, nodes[name], path.split("."), texts.get(name, text)))
    return tuple(found)


def answers(template: Template, text: str, book: str = "") -> dict[str, str]:
    """What a person has said, by its field, as it is written: the answered questions, and what else is no longer the template's."""
    kept = {}
    for one in standings(template, text, book):
        if one.said is None or one.is_open:
            continue
        if one.entry.question is not None or not (one.entry.is_read_off or is_guess(template, one.entry, yaml.safe_load(one.said))):
            kept[one.entry.field] = one.said
    return kept


def _standing(template: Template, entry: Entry, root: yaml.Node | None, path: list[str], text: str) -> Standing:
    node = _at(root, path)
    asked = entry.question is not None
    if node is None:
        return Standing(entry, None, None, asked)
    said = text[node.start_mark.index : node.end_mark.index].strip()
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        # Its lines belong together by where each begins, the first one, too.
        said = " " * node.start_mark.column + said
    match = _MARKED.match(text, node.end_mark.index)
    if match is None or not asked:
        return Standing(entry, said, None, False)
    origin: Origin = match[1]  # type: ignore[assignment]
    return Standing(entry, said, origin, origin != "guess" or is_guess(template, entry, yaml.safe_load(said)))


def _at(node: yaml.Node | None, path: list[str]) -> yaml.Node | None:
    """The node of a path; an item of a list is found by its id."""
    for part in path:
        node = next((below for name, below in _below(node) if name == part), None)
    return None if node is None or node.tag == "tag:yaml.org,2002:null" else node


def _below(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield str(key.value), value
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            for key, value in _below(item):
                if key == "id":
                    yield str(value.value), item
