"""What the ledger names and still needs: a fold over its entries that tells which blobs and versions must stay. Pure.

What holds needs what it names: the newest success of each step, every package that decided, served or that a person spoke of, with all that it was
made from, the newest review of each package, what was published last of each lookup, the batches that tables hold. A kind of entry that is not known
here needs all that it names. The rest was needed once: its time is told, and it may go when that is long enough ago.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loopline.data.batches import KINDS, holding
from loopline.ledger.entry import Entry

_DIGEST = re.compile(r"[0-9a-f]{64}")
_IGNORED = ("gc", "probe", "key", "signature", "waiver", "charter")
Versions = frozenset[tuple[str, int]]
"""Tables' names with versions of theirs."""


@dataclass(frozen=True)
class Citations:
    """What is named, and by what.

    Parameters
    ----------
    needed
        Digests that something names which holds.
    past
        Of the other digests that were ever named: when they were named last.
    versions
        The versions of tables that something names which holds.
    steps
        From the key of a step to the digests that its result names and nothing needs.
    packages
        The packages that stay.
    projects
        The projects of the ledger.
    """

    needed: frozenset[str]
    past: Mapping[str, datetime]
    versions: Versions
    steps: Mapping[str, frozenset[str]]
    packages: frozenset[str]
    projects: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Named:
    """An entry, cut to what it names."""

    time: datetime
    digests: frozenset[str]
    versions: Versions
    parents: tuple[str, ...]
    package: str | None
    study: str | None

    @classmethod
    def of(cls, entry: Entry) -> _Named:
        said = entry.body.get("facts") if entry.kind == "step" else None
        facts: Mapping[str, Any] = said if isinstance(said, Mapping) else {}
        package = entry.subject if entry.kind == "package" else facts.get("package")
        named = frozenset(digests([entry.body, entry.subject]))
        # The study of a search; what the charter's study compares goes by the same name.
        study = facts.get("study") if entry.subject == "model" else None
        return cls(entry.time, named, frozenset(versions(entry.body)), entry.parents, package, study)


class Reader:
    """Takes the entries of a ledger, of all its projects, in their order; then tells the citations.

    Parameters
    ----------
    project
        Whose house is kept: all that another project ever named is needed, for how long it stays is that project's business.
    """

    def __init__(self, project: str) -> None:
        self._project = project
        self._projects: set[str] = set()
        self._needed: set[str] = set()
        self._past: dict[str, datetime] = {}
        self._results: dict[str, _Named] = {}
        self._latest: dict[tuple[str, str], str] = {}
        self._of_key: dict[str, str] = {}
        self._parents: dict[str, tuple[str, ...]] = {}
        self._champions: set[str] = set()
        self._newest: dict[tuple[str, str], _Named] = {}
        self._looks: dict[str, set[tuple[str, int]]] = {}
        self._batches: dict[str, list[Entry]] = {}
        self._open: dict[tuple[str, str], _Named | None] = {}

    def add(self, entry: Entry) -> None:
        """Take the next entry."""
        self._projects.add(entry.project)
        if entry.project != self._project:
            self._needed |= {*digests([entry.body, entry.subject])}
            return
        match entry.kind:
            case "step":
                self._step(entry)
            case "package":
                self._results[entry.id] = self._note(entry)
            case "champion":
                self._champions |= {entry.subject} - {""}
                self._parents[entry.id] = entry.parents
            case "review" | "lookup" as kind:
                self._newest[kind, entry.subject] = self._note(entry)
            case "look":
                self._looks.setdefault(entry.subject, set()).update(versions(entry.body))
            case kind if kind in KINDS:
                self._batches.setdefault(entry.subject, []).append(entry)
                self._note(entry)
            case kind if kind not in _IGNORED:
                self._other(entry)

    def _step(self, entry: Entry) -> None:
        self._parents[entry.id] = entry.parents
        if entry.body.get("state") == "succeeded":
            self._results[entry.id] = self._note(entry)
            self._latest[entry.subject, entry.body["name"]] = self._of_key[entry.key] = entry.id

    def _other(self, entry: Entry) -> None:
        """An entry of a kind that is not known here needs what it names; the tables' versions only while it is open."""
        named = _Named.of(entry)
        self._needed |= named.digests
        self._open[entry.kind, entry.subject] = named if entry.body.get("state") == "open" else None

    def _note(self, entry: Entry) -> _Named:
        named = _Named.of(entry)
        for digest in named.digests:
            self._past[digest] = max(named.time, self._past.get(digest, named.time))
        return named

    def citations(self, *, served: Iterable[str] = (), batches: Iterable[str] = ()) -> Citations:
        """What is named, after all entries.

        Parameters
        ----------
        served
            Packages that made predictions which are in a table.
        batches
            Batches of which rows are in quarantine, mended or cleaned: their raw bytes may be asked for.
        """
        open_ones = [named for named in self._open.values() if named is not None]
        holds = [*(self._results[id] for id in self._latest.values()), *self._newest.values(), *open_ones]
        needed = self._needed | self._champions | {*served, *batches} | _digests_of(holds) | self._raw()
        packages = frozenset(named.package for named in self._results.values() if named.package and named.package in needed)
        made = [named for named in self._results.values() if named.package in packages]
        holds += [*made, *self._ancestors(made)]
        needed |= _digests_of(holds)
        looked_at = [self._looks.get(named.study, set()) for named in holds if named.study]
        return Citations(
            needed=frozenset(needed),
            past={digest: moment for digest, moment in self._past.items() if digest not in needed},
            versions=frozenset().union(*(named.versions for named in holds), *looked_at),
            steps={key: rest for key, id in self._of_key.items() if (rest := self._results[id].digests - needed)},
            packages=packages | self._champions | frozenset(served),
            projects=frozenset(self._projects),
        )

    def _raw(self) -> set[str]:
        """What the batches name that tables hold, that a changed contract wants checked again, and that were begun: their raw bytes above all."""
        found = set()
        for entries in self._batches.values():
            now = holding(entries)
            for entry in (*now.held.values(), *now.owed.values(), *([now.begun] if now.begun else [])):
                found |= {*digests({name: value for name, value in entry.body.items() if name != "supersedes"})}
        return found

    def _ancestors(self, made: Iterable[_Named]) -> Iterator[_Named]:
        """The results that others followed from."""
        seen: set[str] = set()
        waiting = [id for named in made for id in named.parents]
        while waiting:
            id = waiting.pop()
            if id in seen:
                continue
            seen.add(id)
            if id in self._results:
                yield self._results[id]
            waiting += self._parents.get(id, ())


def _digests_of(named: Iterable[_Named]) -> set[str]:
    return {digest for one in named for digest in one.digests}


def digests(value: Any) -> Iterator[str]:
    """Every digest in a plain value."""
    if isinstance(value, str):
        if _DIGEST.fullmatch(value):
            yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from digests(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from digests(item)


def versions(value: Any) -> Iterator[tuple[str, int]]:
    """Every version of a table that a plain value names, in the ways in which entries name them.

    Examples
    --------
    >>> sorted(versions({"tables": {"visits": {"id": "x", "version": 3}}, "versions": {"predictions": 2, "outcomes": None}}))
    [('predictions', 2), ('visits', 3)]
    >>> [*versions({"table": {"name": "visits", "version": 4}}), *versions({"table": "visits", "version": 5})]
    [('visits', 4), ('visits', 5)]
    """
    if isinstance(value, list | tuple):
        for item in value:
            yield from versions(item)
    if not isinstance(value, Mapping):
        return
    name, version = value.get("name", value.get("table")), value.get("version")
    if isinstance(name, str) and isinstance(version, int):
        yield name, version
    for key, item in value.items():
        if key == "versions" and isinstance(item, Mapping):
            yield from ((name, number) for name, number in item.items() if isinstance(number, int))
        elif key == "tables" and isinstance(item, Mapping):
            yield from ((name, one["version"]) for name, one in item.items() if isinstance(one, Mapping) and isinstance(one.get("version"), int))
        yield from versions(item)
