"""Known vulnerabilities in OSV's format, matched by package and range of versions. Pure.

References
----------
Open Source Vulnerability format, version 1.6 (`affected[].package`, `versions`, and `ranges` with their events). PEP 440 (the order of versions).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.version import InvalidVersion, Version

from loopline.errors import Mistake

Events = tuple[tuple[str, str], ...]
"""What happens at which version: ``introduced``, ``fixed``, ``last_affected`` or ``limit``."""

_NOUGHT = "0"
"""Before all versions."""

_AT_ONE_VERSION = ("fixed", "introduced", "last_affected")
"""What counts first where two events name one version: a fault that comes back with its own fix is there."""


@dataclass(frozen=True)
class Affected:
    """The versions of one library that an advisory speaks of.

    Parameters
    ----------
    purl
        The library without a version, such as ``pkg:pypi/numpy``.
    versions
        Versions that are named one by one.
    ranges
        The events of each range of versions.
    """

    purl: str
    versions: frozenset[str]
    ranges: tuple[Events, ...]


@dataclass(frozen=True)
class Advisory:
    """A known vulnerability, under its identifier and those that others gave it."""

    id: str
    aliases: tuple[str, ...]
    summary: str
    affected: tuple[Affected, ...]


@dataclass(frozen=True)
class Hit:
    """A library of a package that an advisory speaks of; `fixed` is the next version without the fault, empty where none is known."""

    library: str
    version: str
    id: str
    summary: str
    fixed: str

    def __str__(self) -> str:
        what = f": {self.summary}" if self.summary else ""
        return f"{self.library} {self.version} has {self.id}{what}" + (f" (mended in {self.fixed})" if self.fixed else "")


def parse(text: str, *, where: str) -> tuple[Advisory, ...]:
    """The advisories of a file: one record, a list of them, or one under ``vulns``; those that were withdrawn are left out.

    Raises
    ------
    Mistake
        When the text is not that.
    """
    try:
        said = json.loads(text)
        records = said if isinstance(said, list) else said.get("vulns", [said])
        return tuple(_advisory(record) for record in records if not record.get("withdrawn"))
    except (ValueError, KeyError, TypeError, AttributeError):
        remedy = 'each record needs an "id" and "affected"; give one, a list of them, or {"vulns": [...]}'
        raise Mistake("this is not JSON in OSV's format", where=where, remedy=remedy) from None


def _advisory(record: Mapping[str, Any]) -> Advisory:
    affected = tuple(one for part in record["affected"] if (one := _affected(part)) is not None)
    return Advisory(str(record["id"]), tuple(record.get("aliases", ())), str(record.get("summary", "")), affected)


def _affected(part: Mapping[str, Any]) -> Affected | None:
    named = part.get("package", {})
    purl = named.get("purl") or (f"pkg:pypi/{named['name']}" if named.get("ecosystem") == "PyPI" else None)
    if purl is None:
        return None
    # A range of commits says nothing of versions; those that it means are listed beside it.
    ranges = tuple(tuple(next(iter(event.items())) for event in one["events"]) for one in part.get("ranges", ()) if one["type"] != "GIT")
    return Affected(normal(purl), frozenset(part.get("versions", ())), ranges)


def normal(purl: str) -> str:
    """A package URL without version and qualifiers, its name as PyPI normalises it.

    Examples
    --------
    >>> normal("pkg:pypi/Typing_Extensions@4.12.0?arch=any")
    'pkg:pypi/typing-extensions'
    """
    bare = re.split(r"[@?#]", purl, maxsplit=1)[0]
    kind, _, name = bare.rpartition("/")
    return f"{kind}/{re.sub(r'[-_.]+', '-', name)}".lower() if kind.startswith("pkg:pypi") else bare


def is_affected(version: str, affected: Affected) -> bool:
    """Whether a version is among those that an advisory speaks of; one whose order cannot be told counts as among them."""
    if version in affected.versions:
        return True
    try:
        return any(_is_within(Version(version), events) for events in affected.ranges)
    except InvalidVersion:
        return True


def _is_within(version: Version, events: Events) -> bool:
    """Whether a version lies in a range: its events, in the order of their versions, switch the fault on and off."""
    limits = [said for kind, said in events if kind == "limit" and said != "*"]
    if limits and not any(version < Version(said) for said in limits):
        return False
    is_in = False
    for kind, said in sorted((event for event in events if event[0] in _AT_ONE_VERSION), key=_place):
        at_or_after = said == _NOUGHT or version >= Version(said)
        if kind == "introduced":
            is_in = is_in or at_or_after
        elif kind == "fixed":
            is_in = is_in and not at_or_after
        else:
            is_in = is_in and version <= Version(said)
    return is_in


def _place(event: tuple[str, str]) -> tuple[bool, Version, int]:
    kind, said = event
    return said != _NOUGHT, Version(said), _AT_ONE_VERSION.index(kind)


def hits(components: Iterable[Mapping[str, Any]], advisories: Sequence[Advisory]) -> list[Hit]:
    """What advisories say of the libraries of a bill of materials, by library.

    Parameters
    ----------
    components
        The components of a CycloneDX bill; those without a ``purl`` are no libraries.
    """
    about: dict[str, list[tuple[Advisory, Affected]]] = {}
    for advisory in advisories:
        for affected in advisory.affected:
            about.setdefault(affected.purl, []).append((advisory, affected))
    return list(_hits(components, about))


def _hits(components: Iterable[Mapping[str, Any]], about: Mapping[str, Sequence[tuple[Advisory, Affected]]]) -> Iterator[Hit]:
    for component in components:
        if "purl" not in component:
            continue
        told: set[str] = set()
        for advisory, affected in about.get(normal(component["purl"]), ()):
            if advisory.id not in told and is_affected(component["version"], affected):
                told.add(advisory.id)
                yield Hit(component["name"], component["version"], advisory.id, advisory.summary, _next_fixed(component["version"], affected))


def _next_fixed(version: str, affected: Affected) -> str:
    try:
        later = [said for events in affected.ranges for kind, said in events if kind == "fixed" and Version(said) > Version(version)]
        return min(later, key=Version, default="")
    except InvalidVersion:
        return ""
