"""Who acts, and which roles a person holds."""

from __future__ import annotations

import getpass
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from loopline.errors import Mistake

VARIABLE = "LOOPLINE_USER"
LONGEST = 2_000
"""Characters of a reason."""
Stakeholders = Mapping[str, Sequence[str]]
_LONGEST = 200


@dataclass(frozen=True)
class Person:
    """Somebody who acts.

    Parameters
    ----------
    name
        The name that the ledger keeps, most often an e-mail address.
    told_by
        Where the name comes from: ``--by``, ``LOOPLINE_USER``, ``git`` or ``the operating system``.
    """

    name: str
    told_by: str

    def __str__(self) -> str:
        return self.name


def person(by: str | None = None, *, environment: Mapping[str, str] | None = None, folder: Path | None = None) -> Person:
    """Who acts: the name given, else `LOOPLINE_USER`, else git's `user.email`, else the operating system's user.

    Parameters
    ----------
    folder
        Where git is asked: a repository may have a name of its own.

    Raises
    ------
    Mistake
        When there is no name, or it is no name: empty, too long or more than one line.
    """
    among = os.environ if environment is None else environment
    if by is not None:
        return Person(_checked(by, "--by"), "--by")
    if among.get(VARIABLE):
        return Person(_checked(among[VARIABLE], VARIABLE), VARIABLE)
    address = _git_address(folder)
    if address:
        return Person(_checked(address, "git config user.email"), "git")
    try:
        return Person(_checked(getpass.getuser(), "the user's name"), "the operating system")
    except (OSError, KeyError, ImportError):
        raise Mistake("nobody says who acts", remedy=f"add --by NAME, or set {VARIABLE}") from None


def _checked(name: str, where: str) -> str:
    stripped = name.strip()
    if not stripped or len(stripped) > _LONGEST or not stripped.isprintable():
        raise Mistake(f"{name[:40]!r} is no name of a person", where=where, remedy=f"give one line of 1 to {_LONGEST} characters, such as an e-mail address")
    return stripped


def _git_address(folder: Path | None) -> str:
    try:
        asked = subprocess.run(["git", "config", "user.email"], cwd=folder, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.strip()


def same(name: str) -> str:
    """The form in which two spellings of one person's name are equal: capitals and spaces around it do not count."""
    return name.strip().casefold()


def holders(role: str, stakeholders: Stakeholders) -> tuple[str, ...]:
    """The people listed for a role, each once; empty when nobody is."""
    return tuple({same(name): name for name in stakeholders.get(role, ())}.values())


def holds(name: str, role: str, stakeholders: Stakeholders) -> bool:
    """Whether a person may speak for a role: they are listed for it, or nobody is."""
    listed = holders(role, stakeholders)
    return not listed or same(name) in {same(other) for other in listed}


def roles_of(name: str, stakeholders: Stakeholders) -> tuple[str, ...]:
    """The roles for which a person is listed, in the order of the declaration."""
    return tuple(role for role in stakeholders if same(name) in {same(other) for other in stakeholders[role]})


def reason(why: str) -> str:
    """The reason that a person gives, without what surrounds it.

    Raises
    ------
    Mistake
        When it is empty, or too long.
    """
    if not why.strip():
        raise Mistake("the reason is empty", where="--why", remedy="say it in a few words: it is kept beside your name")
    require_short(why)
    return why.strip()


def require_short(why: str) -> None:
    """A reason fits on a page: it is kept for ever, and read by everybody.

    Raises
    ------
    Mistake
        When it is too long.
    """
    if len(why.strip()) > LONGEST:
        raise Mistake(f"the reason has {len(why.strip()):,} characters", where="--why", remedy=f"say it in {LONGEST:,}; what is longer belongs into a document")


def require_listed(who: Person, stakeholders: Stakeholders) -> None:
    """Check that a person holds a role, where anybody is listed at all.

    Raises
    ------
    Mistake
        When others are listed and they are not.
    """
    if any(stakeholders.values()) and not roles_of(who.name, stakeholders):
        raise Mistake(f"{who} holds no role here", where="charter.stakeholders", remedy="ask somebody who is listed there, or add the name to a role")


def nearest_role(role: str, known: Sequence[str]) -> str:
    """The role, once it is known.

    Raises
    ------
    Mistake
        Naming the nearest right word.
    """
    if role in known:
        return role
    near = get_close_matches(role.lower(), known, n=1, cutoff=0.5)
    raise Mistake(f"there is no role {role!r}", where="--as", remedy=f"did you mean {near[0]!r}?" if near else f"the roles are: {', '.join(known)}")


def speak_for(who: Person, role: str, stakeholders: Stakeholders) -> str:
    """What is to be said about a person's right to speak for a role; empty when they are listed for it.

    Raises
    ------
    Mistake
        When others hold the role; it says who.
    """
    listed = holders(role, stakeholders)
    if not listed:
        return f"nobody is listed for {role}, so anyone may speak for it; list people under charter.stakeholders.{role}"
    if holds(who.name, role, stakeholders):
        return ""
    raise Mistake(
        f"{who} (told by {who.told_by}) does not hold the role {role}; {' and '.join(listed)} {'does' if len(listed) == 1 else 'do'}",
        remedy=f"ask them, say who acts with --by NAME, or change charter.stakeholders.{role}",
    )
