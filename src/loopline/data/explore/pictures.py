"""The exploration's small pictures, as SVG that takes its colours from the page: bars, a map of associations, rows over time.

A page has some dozen of them, so that they are drawn directly: the renderer of `charts` would take seconds and megabytes for what is a few rectangles.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from markupsafe import Markup, escape

from loopline.data.explore.associations import Associations

_WIDTH, _HEIGHT = 300, 72
_CELL, _LETTER, _LABEL_LETTERS = 30, 7.4, 22
_LABELLED = 18
_DARK_FROM = 0.55


def bars(counts: Sequence[int], titles: Sequence[str], *, marks: Sequence[int] = (), height: int = _HEIGHT, gap: float = 0.12) -> Markup:
    """Standing bars over the whole width, each with a title that a pointer shows; marked ones in the warm colour."""
    most = max(counts, default=0) or 1
    step = _WIDTH / max(1, len(counts))
    drawn = []
    for place, (count, title) in enumerate(zip(counts, titles, strict=True)):
        # A bar that is there must be seen, however small.
        tall = max(1.5, (height - 2) * count / most) if count else 0.0
        kind = "mark" if place in marks else "bar"
        drawn.append(
            f'<rect class="{kind}" x="{step * (place + gap / 2):.2f}" y="{height - tall:.2f}" width="{step * (1 - gap):.2f}" height="{tall:.2f}">'
            f"<title>{escape(title)}</title></rect>"
        )
    return Markup(
        f'<svg class="bars" viewBox="0 0 {_WIDTH} {height}" preserveAspectRatio="none" aria-hidden="true">{"".join(drawn)}'
        f'<line class="axis" x1="0" x2="{_WIDTH}" y1="{height - 0.5}" y2="{height - 0.5}"/></svg>'
    )


def association_map(found: Associations) -> Markup:
    """A square of cells: how much each two columns have to do with each other; what goes together stands together."""
    names = found.ordered()
    values = {frozenset((pair.one, pair.other)): pair.value for pair in found.pairs}
    labels = [_short(name) for name in names]
    gutter = max(len(label) for label in labels) * _LETTER + 12
    top = gutter * 0.72 + 10
    drawn = []
    for row, one in enumerate(names):
        y = top + row * _CELL
        drawn.append(f'<text class="label" x="{gutter - 8:.0f}" y="{y + _CELL / 2 + 4:.0f}" text-anchor="end">{escape(labels[row])}</text>')
        x = gutter + row * _CELL + _CELL / 2
        drawn.append(f'<text class="label" transform="translate({x + 3:.0f} {top - 8:.0f}) rotate(-46)">{escape(labels[row])}</text>')
        for column, other in enumerate(names):
            drawn.append(_cell(one, other, 1.0 if one == other else values.get(frozenset((one, other))), gutter + column * _CELL, y, len(names) <= _LABELLED))
    width = gutter + len(names) * _CELL + gutter * 0.6
    height = top + len(names) * _CELL + 6
    return Markup(f'<svg class="map" width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" role="img">{"".join(drawn)}</svg>')


def _cell(one: str, other: str, value: float | None, x: float, y: float, labelled: bool) -> str:
    side = _CELL - 2
    place = f'x="{x + 1:.1f}" y="{y + 1:.1f}" width="{side}" height="{side}" rx="3"'
    if one == other:
        return f'<rect class="self" {place}/>'
    if value is None:
        return f'<rect class="none" {place}><title>{escape(one)} and {escape(other)}: not known together</title></rect>'
    kind = "neg" if value < 0 else "pos"
    title = f"<title>{escape(one)} and {escape(other)}: {value:+.2f}</title>"
    drawn = f'<rect class="{kind}" {place} fill-opacity="{min(1.0, 0.04 + 0.96 * abs(value)):.2f}">{title}</rect>'
    if labelled and abs(value) >= 0.095:
        tone = "on" if abs(value) > _DARK_FROM else "off"
        drawn += f'<text class="{tone}" x="{x + _CELL / 2:.1f}" y="{y + _CELL / 2 + 4:.1f}" text-anchor="middle">{_tenths(value)}</text>'
    return drawn


def _tenths(value: float) -> str:
    return f"{'−' if value < 0 else ''}{min(99, round(abs(value) * 100)) / 100:.2f}".replace("0.", ".", 1)


def _short(name: str) -> str:
    return name if len(name) <= _LABEL_LETTERS else name[: _LABEL_LETTERS - 1] + "…"


def moment(at: datetime, *, hours: bool) -> str:
    """A moment as people read it."""
    return f"{at:%Y-%m-%d %H:00}" if hours else f"{at:%Y-%m-%d}"
