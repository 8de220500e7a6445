r"""How texts are written, where all are written alike: from values to a pattern such as ``[A-Z]{2}\d{6}``; pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

ENOUGH = 50
"""From how many different values a pattern is told."""
_MOST_RUNS = 12
_SEEN_OFTEN = 5
# From the finest classes to the coarsest: the first in which all values are cut alike wins.
_LEVELS: tuple[tuple[str, ...], ...] = (
    (r"\d", "[A-Z]", "[a-z]"),
    (r"\d", "[A-Za-z]"),
    ("[0-9a-f]",),
    ("[0-9A-F]",),
    ("[0-9A-Z]",),
    ("[0-9a-z]",),
    ("[0-9A-Za-z]",),
)


def pattern_of(values: Collection[str], *, enough: int = ENOUGH) -> str | None:
    r"""The pattern that every one of the values matches, made of classes of characters and of signs that stand in all of them.

    None where there are too few different values to tell, where they are not written alike, or where the pattern would say next to nothing.

    Examples
    --------
    >>> pattern_of([f"AB-{number:04}" for number in range(60)])
    'AB-\\d{4}'
    >>> pattern_of(["one", "two", "three"]) is None
    True
    """
    distinct = set(values)
    if len(distinct) < enough or "" in distinct:
        return None
    for classes in _LEVELS:
        runs = _aligned(distinct, classes)
        if runs is not None:
            return _written(runs) if _says_something(runs) else None
    return None


def _aligned(values: Collection[str], classes: Sequence[str]) -> list[tuple[str | None, list[str]]] | None:
    """For each run of characters its class (None for a sign) and its texts in all values; None where values are cut differently."""
    cut = re.compile("|".join(f"(?:{kind.replace(chr(92) + 'd', '[0-9]')})+" for kind in classes) + "|(?s:.)")
    shape: list[str | None] | None = None
    texts: list[list[str]] = []
    for text in values:
        parts = cut.findall(text)
        kinds = [_kind(part, classes) for part in parts]
        if shape is None:
            shape, texts = kinds, [[] for _ in kinds]
        if kinds != shape or len(kinds) > _MOST_RUNS:
            return None
        for place, part in enumerate(parts):
            if kinds[place] is None and texts[place] and texts[place][0] != part:
                return None
            texts[place].append(part)
    return None if shape is None else list(zip(shape, texts, strict=True))


def _kind(part: str, classes: Sequence[str]) -> str | None:
    return next((kind for kind in classes if re.fullmatch(kind, part[0], re.ASCII)), None)


def _says_something(runs: Sequence[tuple[str | None, list[str]]]) -> bool:
    """Whether the pattern tells more than that there are letters: a sign, or a run that is always as long."""
    told = [kind is None or len({len(text) for text in texts}) == 1 for kind, texts in runs]
    return any(told) and any(kind is not None for kind, _ in runs)


def _written(runs: Sequence[tuple[str | None, list[str]]]) -> str:
    return "".join(_parts(runs))


def _parts(runs: Sequence[tuple[str | None, list[str]]]) -> Iterator[str]:
    for kind, texts in runs:
        if kind is None or len(set(texts)) == 1:
            yield _escaped(texts[0])
            continue
        lengths = Counter(map(len, texts))
        low, high = min(lengths), max(lengths)
        if low == high:
            yield kind if low == 1 else f"{kind}{{{low}}}"
        elif lengths[low] >= _SEEN_OFTEN and lengths[high] >= _SEEN_OFTEN:
            yield f"{kind}{{{low},{high}}}"
        else:
            yield f"{kind}+"


def _escaped(text: str) -> str:
    """The text as a pattern; only signs that mean something in one are escaped."""
    return re.sub(r"([\\.^$*+?{}\[\]|()])", r"\\\1", text)
