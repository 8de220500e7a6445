"""Finished pages made ready for narrow screens and for walls: tables that stack, and parts that fold or stand beside each other."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TABLE = re.compile(r"<table[^>]*>\s*<thead>(.*?)</thead>.*?</table>", re.DOTALL)
_HEAD = re.compile(r"<t[hd][^>]*>(.*?)</t[hd]>", re.DOTALL)
_ROW = re.compile(r"(?<=<tr>).*?(?=</tr>)|(?<=<tr )[^>]*>.*?(?=</tr>)", re.DOTALL)
_CELL = re.compile(r"<t[hd](?=[ >])")
_NONE = re.compile(r"(?<=<td)(?=[^>]*>–?</td>)")
_TAG = re.compile(r"<[^>]*>")
_FIELD = re.compile(r"<(?:input|select|textarea)\b")
_STACKED = 3
"""Tables of so many columns or more stand as lists on narrow screens: fewer fit."""
_CELLS, _BROAD = 8, 12
"""Of a row of more cells than the second, a narrow screen shows the first at once."""
_ROWS = 5
"""Of a table of many more rows, a narrow screen shows so many at once."""
_SPARED = 3
"""So many rows more are not worth a fold."""
_SHOWN, _SHORT, _TABLED, _DRAWN = 1500, 200, 1200, 900
"""Letters of parts that a narrow screen shows, of one that is not worth a fold, that a long table shows at most, and that are as high as a picture."""
_AROUND = re.compile(r"<(/?)(main|div|section|form|details|h2)\b([^>]*)>")


def stacked(text: str) -> str:
    """A page whose cells bear the names of their columns, by which the look stacks rows on narrow screens, without those that say nothing.

    Many rows, and many cells of a row, have a fold behind them that narrow screens show.

    >>> stacked("<table><thead><tr><th>a</th><th>b</th><th>c</th></tr></thead><tr><td>1</td><td>2</td><td>3</td></tr></table>").partition("</thead>")[2]
    '<tr><td data-head="a">1</td><td data-head="b">2</td><td data-head="c">3</td></tr></table>'
    """
    return _TABLE.sub(_named, text)


def _named(table: re.Match[str]) -> str:
    names = [_TAG.sub("", name).replace('"', "&#34;") for name in _HEAD.findall(table[1])]
    if len(names) < _STACKED:
        return table[0]
    head, between, rows = table[0].partition("</thead>")
    is_broad = len(names) > _BROAD
    said = [f'{" data-late" if is_broad and at >= _CELLS else ""} data-head="{name}"' for at, name in enumerate(names)]

    def row(found: re.Match[str]) -> str:
        left = iter(said)
        return _NONE.sub(" data-none", _CELL.sub(lambda cell: cell[0] + next(left, ' data-head=""'), found[0]))

    made, count = _ROW.subn(row, rows)
    # What somebody types into is never hidden from them.
    if _FIELD.search(rows) or not (is_broad or count > _ROWS + _SPARED):
        return head + between + made
    says = f"All {count:,} rows" if count > _ROWS else "All cells"
    if is_broad and count > _ROWS:
        says += f", {len(names)} columns"
    return f'{head}{between}{made}<details class="more"><summary>{says}</summary></details>'


@dataclass
class _Part:
    """A heading with what stands under it: where it begins, where its heading ends, and where it ends in the page."""

    begins: int
    headed: int
    ends: int


@dataclass
class _Around:
    """An element that is open: where it began, whether headings in it divide the page, and the part that is open in it."""

    begins: int
    divides: bool
    part: _Part | None = None


def parted(text: str) -> str:
    """A page in which every heading of the second order is one part with what stands under it, up to the next.

    Narrow screens fold what comes after the first ones and has nothing to do in it, but for what its page wants shown (``<h2 data-shown>``); walls
    put parts beside each other.

    >>> page = parted(f"<main><h2>a</h2>{'one ' * 400}<h2>b</h2>{'two ' * 400}</main>")
    >>> page.replace("<section", "\\n<section").splitlines()[2][:122]
    '<section class="part"><h2>b</h2><details class="more"><summary>More<span class="unseen">: b</span></summary></details>two '
    """
    made, at, shown = [], 0, 0
    for number, part in enumerate(_parts(text)):
        name = " ".join(_TAG.sub("", text[part.begins : part.headed]).split())
        under = text[part.headed : part.ends]
        high = min(len(_TAG.sub("", under)), _TABLED) + _DRAWN * under.count("<figure")
        is_kept = "data-shown" in text[part.begins : part.headed]
        folds = number > 0 and not is_kept and "<form" not in under and high > _SHORT and shown + high > _SHOWN
        shown += 0 if folds else high
        more = f'<details class="more"><summary>More<span class="unseen">: {name}</span></summary></details>' if folds else ""
        made += [text[at : part.begins], '<section class="part">', text[part.begins : part.headed], more, text[part.headed : part.ends], "</section>"]
        at = part.ends
    return "".join([*made, text[at:]])


def _parts(text: str) -> list[_Part]:
    parts: list[_Part] = []
    around = [_Around(0, "<main" not in text)]
    for tag in _AROUND.finditer(text):
        ends, kind, words = tag.groups()
        inmost = around[-1]
        if kind == "h2":
            if not ends:
                _end_before_cards(text, around)
            if not ends and inmost.divides and not any(outer.part for outer in around[:-1]):
                if inmost.part is not None:
                    inmost.part.ends = tag.start()
                inmost.part = _Part(tag.start(), text.index("</h2>", tag.end()) + len("</h2>"), len(text))
                parts.append(inmost.part)
        elif not ends:
            is_plain = "class=" not in words or 'class="document"' in words
            # A plain section has its own heading wherever it stands; a plain division only gathers some of the page's.
            divides = kind == "main" or (is_plain and (kind == "section" or (kind == "div" and inmost.divides and inmost.part is None)))
            around.append(_Around(tag.start(), divides))
        elif len(around) > 1:
            if inmost.part is not None:
                inmost.part.ends = tag.start()
            around.pop()
    return parts


def _end_before_cards(text: str, around: list[_Around]) -> None:
    """What has a heading of its own is of the part before it only where it is all of that part."""
    for outer, inner in zip(around, around[1:], strict=False):
        if outer.part is not None and text[outer.part.headed : inner.begins].strip():
            outer.part.ends, outer.part = inner.begins, None
