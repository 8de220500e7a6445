"""Small changes to a YAML text that leave every other character as it is: comments, order and layout stay the writer's; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from loopline.data.proposals.written import value as written
from loopline.data.proposals.written import word
from loopline.errors import Mistake

Path_ = Sequence[str | int]
_BLOCK_STYLES = ("|", ">")


def put(text: str, path: Path_, value: Any, *, after: str | None = None) -> str:
    """The text with a field set: its value replaced, or the field added after the last one beside it, or after the one that is named.

    Examples
    --------
    >>> put("a: {b: 1}  # why\\n", ["a", "c"], [2, "x"])
    'a: {b: 1, c: [2, x]}  # why\\n'

    Raises
    ------
    Mistake
        When the text is such that the change cannot be made without touching more.
    """
    depth = _depth(text, path)
    if depth < len(path):
        for name in reversed(path[depth + 1 :]):
            value = {name: value}
        path = path[: depth + 1]
    node, holder = _found(text, path), _found(text, path[:-1])
    if node is None:
        changed = _added(text, holder, str(path[-1]), written(value), after)
    elif isinstance(node, yaml.CollectionNode) and not node.flow_style:
        # A block begins on a line below its name, and what ends it stands after comments that are not its own.
        changed = f"{text[: _after_colon(text, holder, path[-1])]} {written(value)}{text[_end(node) :]}"
    else:
        changed = text[: node.start_mark.index] + written(value) + text[_end(node) :]
    return _confirmed(text, changed, path, lambda before: _set(before, path, value))


def extend(text: str, path: Path_, items: Sequence[Any]) -> str:
    """The text with items at the end of a list, which is made where there is none."""
    node = _found(text, path)
    if node is None or not isinstance(node, yaml.SequenceNode) or not node.value:
        return put(text, path, list(items))
    last = node.value[-1]
    if node.flow_style:
        at = _end(last)
        changed = text[:at] + "".join(f", {written(item)}" for item in items) + text[at:]
    else:
        at = _line_end(text, _end(last))
        dash = " " * node.start_mark.column
        changed = text[:at] + _break(text, at) + "".join(f"{dash}- {written(item)}\n" for item in items) + text[at:]
    return _confirmed(text, changed, path, lambda before: _set(before, path, [*_get(before, path), *items]))


def rename(text: str, path: Path_, name: str) -> str:
    """The text with a field under another name, in its place."""
    holder = _found(text, path[:-1])
    key = _key(holder, path[-1])
    if key is None:
        raise _refusal(path)
    changed = text[: key.start_mark.index] + word(name) + text[key.end_mark.index :]

    def done(before: Any) -> Any:
        return _set(before, path[:-1], {name if old == path[-1] else old: item for old, item in _get(before, path[:-1]).items()})

    return _confirmed(text, changed, path, done)


def drop(text: str, path: Path_) -> str:
    """The text without a field; comments above it stay."""
    holder = _found(text, path[:-1])
    key, node = _key(holder, path[-1]), _found(text, path)
    if key is None or node is None or not isinstance(holder, yaml.MappingNode):
        raise _refusal(path)
    names = [one for one, _ in holder.value]
    if len(names) == 1:
        return put(text, path[:-1], {})
    place = names.index(key)
    if holder.flow_style:
        start, end = (_end(holder.value[place - 1][1]), _end(node)) if place else (key.start_mark.index, names[1].start_mark.index)
    else:
        start, end = key.start_mark.index - key.start_mark.column, _line_end(text, _end(node))
    changed = text[:start] + text[end:]
    return _confirmed(text, changed, path, lambda before: _set(before, path[:-1], {k: v for k, v in _get(before, path[:-1]).items() if k != path[-1]}))


def fields(text: str, path: Path_) -> list[str]:
    """The names of a mapping's fields, in their order; none where there is no mapping."""
    node = _found(text, path)
    return [key.value for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []


def has(text: str, path: Path_) -> bool:
    """Whether the text has a field."""
    return _found(text, path) is not None


def _added(text: str, holder: yaml.Node | None, name: str, value: str, after: str | None) -> str:
    """The text with a field after the last one of a mapping, or after another one."""
    entry = f"{word(name)}: {value}"
    if isinstance(holder, yaml.ScalarNode) and holder.value in ("", "null", "~"):
        at = holder.start_mark.index
        space = "" if at and text[at - 1] == " " else " "
        return f"{text[:at]}{space}{{{entry}}}{text[holder.end_mark.index :]}"
    if not isinstance(holder, yaml.MappingNode):
        raise _refusal((name,))
    last = next((node for key, node in holder.value if key.value == after), holder.value[-1][1] if holder.value else None)
    if holder.flow_style:
        at = _end(last) if last is not None else holder.start_mark.index + 1
        return text[:at] + (", " if holder.value else "") + entry + text[at:]
    at = _line_end(text, _end(last)) if last is not None else len(text)
    indent: int = holder.value[0][0].start_mark.column
    return text[:at] + _break(text, at) + " " * indent + entry + "\n" + text[at:]


def _depth(text: str, path: Path_) -> int:
    """How many steps of a path are there."""
    return next((depth for depth in range(len(path)) if _found(text, path[: depth + 1]) is None), len(path))


def _found(text: str, path: Path_) -> yaml.Node | None:
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    for step in path:
        if isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == step), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        else:
            return None
    return node


def _key(holder: yaml.Node | None, name: str | int) -> yaml.Node | None:
    return next((key for key, _ in holder.value if key.value == name), None) if isinstance(holder, yaml.MappingNode) else None


def _after_colon(text: str, holder: yaml.Node | None, name: str | int) -> int:
    key = _key(holder, name)
    if key is None:
        raise _refusal((name,))
    return text.index(":", key.end_mark.index) + 1


def _end(node: yaml.Node) -> int:
    """Where a value's own text ends: a block ends with its last leaf, not where the next thing begins."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    end: int = node.end_mark.index
    return end


def _line_end(text: str, at: int) -> int:
    """The beginning of the line after the one in which a value ends."""
    if at and text[at - 1] == "\n":
        return at
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def _break(text: str, at: int) -> str:
    return "" if not at or text[at - 1] == "\n" else "\n"


def _get(data: Any, path: Path_) -> Any:
    for step in path:
        data = data[step]
    return data


def _set(data: Any, path: Path_, value: Any) -> Any:
    if not path:
        return value
    if isinstance(data, list):
        return [_set(item, path[1:], value) if place == path[0] else item for place, item in enumerate(data)]
    known = data if isinstance(data, Mapping) else {}
    return {**known, path[0]: _set(known.get(str(path[0])), path[1:], value)}


def _confirmed(before: str, after: str, path: Path_, change: Any) -> str:
    """The changed text, once it is sure that it says what was meant, and nothing else besides."""
    try:
        meant = change(yaml.load(before, Loader=yaml.BaseLoader))
        if yaml.load(after, Loader=yaml.BaseLoader) == _plain(meant):
            return after
    except (yaml.YAMLError, KeyError, IndexError, TypeError, AttributeError):
        pass
    raise _refusal(path)


def _plain(data: Any) -> Any:
    """Values as a loader gives them that takes all words for texts."""
    if isinstance(data, Mapping):
        return {str(name): _plain(item) for name, item in data.items()}
    if isinstance(data, (list, tuple)):
        return [_plain(item) for item in data]
    return data if isinstance(data, str) else yaml.load(written(data), Loader=yaml.BaseLoader)


def _refusal(path: Path_) -> Mistake:
    return Mistake(f"{'.'.join(map(str, path))} cannot be changed in this file without touching more", remedy="write the change there by hand")
