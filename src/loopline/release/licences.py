"""Whether a licence is acceptable: SPDX expressions against lists of what is allowed and denied. Pure.

References
----------
SPDX Specification 2.3, annex D: ``AND`` asks for both, ``OR`` leaves the choice, ``WITH`` adds an exception that permits more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any


def objections(expression: str, *, allow: Sequence[str], deny: Sequence[str]) -> list[str]:
    """The licences of an expression that stand in the way; none where it is acceptable, and of a choice those of the first.

    Parameters
    ----------
    allow, deny
        Names as SPDX has them, in which ``*`` stands for anything. What is denied is not acceptable though it be allowed; an empty `allow` allows all.

    Examples
    --------
    >>> objections("MIT OR GPL-3.0-only", allow=(), deny=("GPL-*",))
    []
    >>> objections("MIT AND GPL-3.0-only", allow=(), deny=("GPL-*",))
    ['GPL-3.0-only']
    """
    choices = [[name for name in choice.split(" AND ") if not is_acceptable(name, allow=allow, deny=deny)] for choice in expression.split(" OR ")]
    return [] if [] in choices else choices[0]


def is_acceptable(name: str, *, allow: Sequence[str], deny: Sequence[str]) -> bool:
    """Whether a single licence is allowed and not denied; one with an exception is denied only by a pattern that names the exception."""
    bare, _, exception = name.partition(" WITH ")
    if any(_matches(name, pattern) for pattern in deny if not exception or " WITH " in pattern):
        return False
    return not allow or any(_matches(name, pattern) or _matches(bare, pattern) for pattern in allow)


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name.casefold(), pattern.casefold())


def named_in(components: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str | None, bool]]:
    """Each library of a CycloneDX bill: its name, its licence (None where it says none), and whether that is an SPDX expression."""
    for component in components:
        if component.get("type") != "library":
            continue
        said: Mapping[str, Any] = next(iter(component.get("licenses", ())), {})
        one = said.get("license", {})
        yield component["name"], said.get("expression") or one.get("id") or one.get("name"), "name" not in one
