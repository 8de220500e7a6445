"""Small pictures of data as SVG that takes its colours from the page: a page has dozens of them, which the renderer of charts would take seconds for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from loopline.web.pages.data.cells import visible

_WIDTH, _HEIGHT = 300, 72
_BOX, _TALL, _APART, _BETWEEN, _LETTERS = 210, 46, 14, 56, 26


@dataclass(frozen=True)
class Node:
    """A box: its name among the others, what stands in it, and the names of those from which it comes."""

    name: str
    title: str
    note: str
    made_from: tuple[str, ...]


def beside(now: Sequence[float], before: Sequence[float], titles: Sequence[str]) -> Markup:
    """Standing bars of shares, and over them the outline of what they were before; each bar has a title that a pointer shows."""
    most = max((*now, *before), default=0.0) or 1.0
    step = _WIDTH / max(1, len(now))
    drawn = []
    for place, (share, title) in enumerate(zip(now, titles, strict=True)):
        tall = max(1.5, (_HEIGHT - 2) * share / most) if share else 0.0
        drawn.append(
            f'<rect class="now" x="{step * (place + 0.06):.2f}" y="{_HEIGHT - tall:.2f}" width="{step * 0.88:.2f}" height="{tall:.2f}">'
            f"<title>{escape(visible(title))}</title></rect>"
        )
    tops = [_HEIGHT - (_HEIGHT - 2) * share / most for share in before]
    outline = "".join(f"{'M' if place == 0 else 'L'}{step * place:.2f} {top:.2f}H{step * (place + 1):.2f}" for place, top in enumerate(tops))
    drawn.append(f'<path class="before" d="{outline}"/>' if before else "")
    return Markup(f'<svg class="bars" viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" aria-hidden="true">{"".join(drawn)}</svg>')


def line(values: Sequence[float], says: str) -> Markup:
    """A share over time, from nought to the whole or to what is needed."""
    most = max((*values, 0.01))
    step = _WIDTH / max(1, len(values) - 1)
    path = "".join(f"{'M' if place == 0 else 'L'}{step * place:.2f} {29 - 26 * value / most:.2f}" for place, value in enumerate(values))
    return Markup(f'<svg class="spark" viewBox="0 0 {_WIDTH} 30" preserveAspectRatio="none" role="img" aria-label="{escape(says)}"><path d="{path}"/></svg>')


def flow(nodes: Sequence[Node], says: str) -> Markup:
    """Boxes in columns, each to the right of all that it comes from, joined by lines."""
    known = {node.name: node for node in nodes}
    depths: dict[str, int] = {}

    def depth(name: str) -> int:
        if name not in depths:
            depths[name] = 0
            depths[name] = 1 + max((depth(one) for one in known[name].made_from if one in known), default=-1)
        return depths[name]

    columns: dict[int, list[str]] = {}
    for node in nodes:
        columns.setdefault(depth(node.name), []).append(node.name)
    places = {name: (8 + at * (_BOX + _BETWEEN), 8 + row * (_TALL + _APART)) for at, names in columns.items() for row, name in enumerate(names)}
    width = 16 + len(columns) * (_BOX + _BETWEEN) - _BETWEEN
    height = 16 + max(map(len, columns.values()), default=1) * (_TALL + _APART) - _APART
    drawn = [_edge(places[one], places[node.name]) for node in nodes for one in node.made_from if one in places]
    drawn += [_box(node, *places[node.name]) for node in nodes]
    return Markup(
        f'<svg class="flow" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(says)}">{"".join(drawn)}</svg>'
    )


def _edge(one: tuple[int, int], other: tuple[int, int]) -> str:
    x, y, to_x, to_y = one[0] + _BOX, one[1] + _TALL / 2, other[0], other[1] + _TALL / 2
    middle = (x + to_x) / 2
    return f'<path class="edge" d="M{x} {y}C{middle} {y} {middle} {to_y} {to_x} {to_y}"/>'


def _box(node: Node, x: int, y: int) -> str:
    title, note = (escape(_short(visible(text))) for text in (node.title, node.note))
    return (
        f'<g><title>{escape(visible(node.title)[:300])}</title><rect x="{x}" y="{y}" width="{_BOX}" height="{_TALL}" rx="7"/>'
        f'<text class="name" x="{x + 12}" y="{y + 20}">{title}</text><text class="note" x="{x + 12}" y="{y + 36}">{note}</text></g>'
    )


def _short(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"
