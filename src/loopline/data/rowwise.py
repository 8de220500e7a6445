"""Which queries work row by row, so that new rows can be computed apart from those that are there; pure, and light.

A query is row by row in one of its tables where its rows over old and new rows together are those over the old ones and those over the new ones. So
are selections, filters, expressions over one row, and joins with tables that stay as they are. A function that is not known to look at one row
only makes a query one that is not.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

_TOKEN = re.compile(r"""\s+|--[^\n]*|/\*.*?\*/|('(?:[^']|'')*')|"((?:[^"]|"")*)"|([^\W\d]\w*)|(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(.)""", re.DOTALL)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SCALARS = _words(
    """abs acos asin atan atan2 cbrt ceil ceiling cos degrees exp floor ln log log10 log1p log2 mod pi pow power radians round sign sin sqrt tan
    coalesce greatest ifnull least nullif if cast try_cast
    bit_length concat concat_ws char_length character_length ends_with initcap left length lower lpad ltrim normalize octet_length position regexp_like
    replace reverse right rpad rtrim split_part starts_with strpos strptime substr substring trim upper
    date date_part extract strftime timestamp datetime"""
)
"""Functions that see one row; all others are taken for those that see several."""
_BEFORE_PARENTHESIS = _words("select from join where and or not on using in as between when then else case is like ilike values")
"""Words that a parenthesis may follow without being called."""
_TYPES = _words("varchar char decimal numeric exclude rename float interval")
"""Words with a parenthesis that is no call: types with a length, and wildcards without some columns."""
_WITH_FROM = _words("extract trim substring overlay position")
"""Functions whose arguments may have a FROM of their own."""
_STOPS = _words(
    """group having distinct order limit offset fetch top union intersect except with over window qualify lateral unnest values full right all any some
    exists into for pivot unpivot tablesample recursive cube rollup asof current_date current_time current_timestamp localtime localtimestamp"""
)
"""Words that look at several rows, bring tables in otherwise, or mean another thing each time."""
_AFTER_TABLES = _words("where on using join inner left right full cross semi anti natural group order limit")


class NotRowwise(ValueError):
    """Why a query is not row by row."""


@dataclass(frozen=True)
class Token:
    """A word or sign of a query: `word` is a bare one in small letters, `name` what it means as an identifier."""

    text: str
    word: str = ""
    name: str = ""


def tokens(sql: str) -> list[Token]:
    """The words and signs of a query, without its comments; texts and numbers are signs."""
    found = []
    for match in _TOKEN.finditer(sql):
        _, quoted, word, _, _ = match.groups()
        if quoted is not None:
            found.append(Token(match[0], name=quoted.replace('""', '"')))
        elif word is not None:
            found.append(Token(word, word.lower(), word))
        elif match.lastindex is not None:
            found.append(Token(match[0]))
    return found


def tables_in(sql: str, known: Collection[str]) -> tuple[str, ...]:
    """Which of the known tables a query reads: those that stand where a table may stand."""
    spelled = {name.casefold(): name for name in known}
    found = (spelled.get(token.name.casefold()) for token in _table_places(tokens(sql)))
    return tuple(dict.fromkeys(name for name in found if name is not None))


def _table_places(words: Sequence[Token]) -> Iterator[Token]:
    """The names after FROM and JOIN, and after each comma in the list of tables."""
    listed = False
    within = [False]
    for before, token in zip([Token(""), *words], words, strict=False):
        if token.text == "(":
            within.append(before.word in _WITH_FROM)
        elif token.text == ")" and len(within) > 1:
            within.pop()
        if (before.word in ("from", "join") and not within[-1]) or (listed and before.text == ","):
            if token.name:
                yield token
            listed = True
        elif token.word in _AFTER_TABLES or token.text in "()":
            listed = False


def growing(sql: str, known: Collection[str]) -> tuple[str, tuple[str, ...]]:
    """The table by whose rows a query goes, and the other tables that it reads.

    Raises
    ------
    NotRowwise
        When it is not row by row in the first table that it names.
    """
    words = tokens(sql)
    while words and words[-1].text == ";":
        words.pop()
    if not words or words[0].word != "select":
        raise NotRowwise("it does not begin with select")
    if sum(token.word == "select" for token in words) > 1:
        raise NotRowwise("it has a query within")
    places = [token.name.casefold() for token in _table_places(words)]
    for index, token in enumerate(words):
        after = words[index + 1].text if index + 1 < len(words) else ""
        _require_harmless(token, after, words[index - 1] if index else None)
    spelled = {name.casefold(): name for name in known}
    if not places or (unknown := [name for name in places if name not in spelled]):
        raise NotRowwise(f"it reads {unknown[0]!r}, which is not declared" if places else "it reads no table")
    if places.count(places[0]) > 1:
        raise NotRowwise(f"it reads {spelled[places[0]]} twice")
    return spelled[places[0]], tuple(dict.fromkeys(spelled[name] for name in places[1:]))


def _require_harmless(token: Token, after: str, before: Token | None) -> None:
    if token.word and (before is None or before.text != "."):
        called = after == "(" and token.word not in _BEFORE_PARENTHESIS
        if called and token.word not in _SCALARS and token.word not in _TYPES:
            raise NotRowwise(f"{token.text}(...) may look at several rows")
        if not called and token.word in _STOPS:
            raise NotRowwise(f"it has {token.word.upper()}")
    elif token.name and after == "(":
        raise NotRowwise(f"{token.text}(...) may look at several rows")


def in_order(reads: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The tables so that each comes after those that it reads.

    Parameters
    ----------
    reads
        From a table to those that it reads; those that are no key are there already.

    Raises
    ------
    ValueError
        Naming the ring, where tables read one another in one.
    """
    done: list[str] = []
    path: list[str] = []

    def visit(name: str) -> None:
        if name in done or name not in reads:
            return
        if name in path:
            ring = [*path[path.index(name) :], name]
            raise ValueError(f"tables need one another in a ring: {' -> '.join(ring)}; take one of these out of what the other reads or refers to")
        path.append(name)
        for other in reads[name]:
            visit(other)
        done.append(path.pop())

    for name in reads:
        visit(name)
    return tuple(done)
