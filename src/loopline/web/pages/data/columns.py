"""The columns of a source's table: how the newest batch is distributed, beside the batches before it, and what is missing over time.

Everything is read off the profiles that each batch left behind: no row is looked at.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
from markupsafe import Markup

from loopline.data.batches import KINDS, holding
from loopline.data.contract.batch_rules import distance
from loopline.data.intake.verdict import moving_columns
from loopline.data.profiles.profile import FORMAT, ColumnProfile, Profile, merge_all
from loopline.declaration import figure
from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.ledger.entry import Entry
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.kept import Kept
from loopline.web.page import Page
from loopline.web.pages.data.cells import Cell, cell, plain
from loopline.web.pages.data.pictures import beside, line
from loopline.web.pages.data.shown import ROWS, Part, page_of, table_of

_PER_PAGE = 24
_BARS, _VALUES = 24, 8
_CELLS = 400
"""Of so many columns and batches together the profiles are read: of a broad table fewer batches are looked at."""
_FAR = 0.2
_PROFILES: Kept[dict[str, Any]] = Kept(24)


@dataclass(frozen=True)
class Value:
    """A frequent text: its share in the newest batch, and before."""

    text: str
    now: float
    before: float | None


@dataclass(frozen=True)
class Column:
    """A column as the page shows it.

    Parameters
    ----------
    now, before
        The shares of the bars; `edges` are their limits. Empty of texts.
    values
        The frequent texts; empty of numbers.
    missing
        The share that is missing, by batch, oldest first.
    apart
        How far the newest batch is from those before: 0 the same, 1 nothing in common; None where there are none, and of keys, times and the
        like, which move by nature.
    """

    name: str
    kind: str
    facts: tuple[tuple[str, str], ...]
    edges: tuple[str, ...]
    now: tuple[float, ...]
    before: tuple[float, ...]
    values: tuple[Value, ...]
    missing: tuple[float, ...]
    apart: float | None
    is_far: bool

    @property
    def picture(self) -> Markup | None:
        """The distribution; None of texts, whose shares stand as bars beside their names."""
        if not self.now:
            return None
        titles = [f"{low} to {high}: {share:.1%}" for (low, high), share in zip(pairwise(self.edges), self.now, strict=True)]
        return beside(self.now, self.before, titles)

    @property
    def shown(self) -> tuple[tuple[Cell, Value], ...]:
        """The frequent texts as a page shows them."""
        return tuple((cell(one.text, 80), one) for one in self.values)

    @property
    def before_is_known(self) -> bool:
        """Whether there are batches before to hold the texts against."""
        return any(one.before is not None for one in self.values)

    @property
    def over_time(self) -> Markup | None:
        """What is missing over the batches; None where nothing ever was, or there is but one."""
        if len(self.missing) < 2 or not any(self.missing):
            return None
        return line(self.missing, f"missing over the last {len(self.missing)} batches, up to {max(self.missing):.1%}")

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        texts = [{"text": plain(one.text), "now": one.now, "before": one.before} for one in self.values]
        lists = {"edges": list(self.edges), "now": list(self.now), "before": list(self.before), "values": texts, "missing": list(self.missing)}
        return {"name": self.name, "kind": self.kind, "facts": dict(self.facts), **lists, "apart": self.apart, "is_far": self.is_far}


@dataclass(frozen=True)
class Columns:
    """What the page shows."""

    title: str
    table: str
    tables: tuple[str, ...]
    columns: tuple[Column, ...]
    part: Part
    file: str
    rows: int
    batches: int
    limit: float
    sees_rows: bool = True

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        about = {"table": self.table, "newest": self.file, "rows": self.rows, "batches": self.batches, "page": self.part.page, "total": self.part.total}
        return {**about, "columns": [one.as_json() for one in self.columns]}


def view(current: Current, asked: Asked) -> Columns:
    """A page of the columns of a table."""
    table, data = table_of(current, asked, sources=True), current.project.declaration.data
    held = holding(current.workspace.ledger.read(kinds=KINDS, subject=table)).held
    batch = data.contract_of(table).batch
    limit, page = _FAR if batch.shift is None else batch.shift, page_of(asked)
    profiles = _profiles(current.workspace.lake, [entry for entry in held.values() if entry.body.get("profile")])
    file = list(held.values())[-1].body["file"] if held else ""
    if not profiles:
        return Columns(f"Columns of {table}", table, tuple(data.sources), (), Part(1, 0), file, 0, len(held), limit)
    names = list(profiles[-1]["columns"])
    part = Part(page, len(names), _PER_PAGE)
    moving = moving_columns(data.sources[table], data.contract_of(table))
    shown = tuple(_column(name, profiles, None if name in moving else limit, batch.against) for name in names[part.skip : part.skip + _PER_PAGE])
    return Columns(f"Columns of {table}", table, tuple(data.sources), shown, part, file, profiles[-1]["rows"], len(held), limit)


def _profiles(lake: Lake, entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """The profiles of the newest batches, oldest first; the broader the table, the fewer."""
    found: list[dict[str, Any]] = []
    for entry in reversed(entries):
        if found and (len(found) + 1) * len(found[0]["columns"]) > _CELLS and len(found) > 1:
            break
        if len(found) == 30:
            break
        told = _profile(lake, entry.body["profile"])
        if told:
            found.append(told)
    return found[::-1]


def _profile(lake: Lake, digest: str) -> dict[str, Any]:
    return _PROFILES.of((lake.url, digest), lambda: _read(lake, digest))


def _read(lake: Lake, digest: str) -> dict[str, Any]:
    """A profile as plain values, its columns by name; nothing where an earlier version wrote it."""
    said = json.loads(Blobs(lake).get(digest))
    return {"rows": said["rows"], "columns": {one["name"]: one for one in said["columns"]}} if said.get("format") == FORMAT else {}


def _column(name: str, profiles: Sequence[dict[str, Any]], limit: float | None, against: int) -> Column:
    """A column as the page shows it; without a limit it moves by nature, and is not judged."""
    newest = ColumnProfile.from_json(profiles[-1]["columns"][name])
    told = [one for one in profiles[:-1] if name in one["columns"]][-against:]
    others = [Profile(one["rows"], {name: ColumnProfile.from_json(one["columns"][name])}) for one in told]
    alike = [one for one in others if one.columns[name].kind == newest.kind and one.columns[name].known]
    usual = merge_all(alike).columns[name] if alike else None
    apart = None if usual is None or not newest.known or limit is None else round(distance(newest, usual), 4)
    edges = _edges([one for one in (newest, usual) if one is not None])
    missing = [one["columns"][name]["nulls"] / max(1, one["columns"][name]["rows"]) for one in profiles if name in one["columns"]]
    return Column(
        name=name,
        kind=newest.kind,
        facts=tuple(_facts(newest)),
        edges=tuple(_said(newest, edge) for edge in edges),
        now=_shares(newest, edges),
        before=() if usual is None else _shares(usual, edges),
        values=tuple(_values(newest, usual)),
        missing=tuple(round(share, 6) for share in missing),
        apart=apart,
        is_far=apart is not None and limit is not None and apart > limit,
    )


def _edges(profiles: Sequence[ColumnProfile]) -> list[float]:
    """The limits of the bars: all but the farthest numbers lie within."""
    told = [one for one in profiles if one.kind != "text" and one.known]
    if not told:
        return []
    ends = np.concatenate([one.at([0.005, 0.995]) for one in told])
    low, high = float(ends.min()), float(ends.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        return []
    return np.linspace(low, high, _BARS + 1).tolist() if high > low else [low, np.nextafter(low, np.inf)]


def _shares(one: ColumnProfile, edges: Sequence[float]) -> tuple[float, ...]:
    """Which share of the known values lies in each bar; what lies beyond is in the outer ones."""
    if not edges or not one.known:
        return ()
    upto = np.concatenate([[0.0], one.quantiles.ranks(np.array(edges[1:-1])), [1.0]])
    return tuple(round(float(share), 6) for share in np.diff(upto))


def _values(newest: ColumnProfile, usual: ColumnProfile | None) -> list[Value]:
    before = {} if usual is None else usual.values(500)
    return [
        Value(text, count / max(1, newest.known), None if usual is None else before.get(text, 0) / max(1, usual.known))
        for text, count in newest.values(_VALUES).items()
    ]


def _facts(one: ColumnProfile) -> list[tuple[str, str]]:
    told = [("missing", f"{one.nulls:,} of {one.rows:,}"), ("distinct", f"about {one.distinct_count():,.0f}")]
    if one.kind != "text" and one.known:
        low, middle, high = (_said(one, value) for value in (one.min or 0.0, float(one.at(0.5)), one.max or 0.0))
        told += [("least", low), ("middle", middle), ("greatest", high)]
    elif one.known and one.mean is not None:
        told.append(("letters", f"{one.mean:.3g} on average"))
    return told


def _said(one: ColumnProfile, value: float) -> str:
    if one.kind != "time":
        return figure(value)
    try:
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):
        return "beyond any calendar"


PAGES = (Page("data columns", "/data/columns", view, "data/columns.html.j2", ROWS),)
