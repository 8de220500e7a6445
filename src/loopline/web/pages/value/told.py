"""The review, its history, and what was spent and is spent in a month."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from loopline.charts import Spec
from loopline.errors import Mistake
from loopline.sheet.document import Document
from loopline.value.cost.picture import by_item, by_load
from loopline.value.cost.spent import spent
from loopline.value.newest import document_of, newest
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.page import Missing, Page

SHOWN, MONTHS = 50, 6


@dataclass(frozen=True, kw_only=True)
class Review:
    """A review, whole."""

    title: str
    facts: Mapping[str, Any] | None
    document: Document | None
    lack: str = ""
    command: str = ""

    def as_json(self) -> dict[str, Any]:
        """The review as plain values."""
        return {"title": self.title, "review": None if self.facts is None else dict(self.facts)}


def review(current: Current, asked: Asked) -> Review:
    """The newest review; or the one that an entry in the ledger keeps.

    Raises
    ------
    Missing
        When there is no such entry.
    """
    lake = current.workspace.lake
    if (id := asked.query.get("entry")) is not None:
        kept = [entry for entry in current.workspace.ledger.read(ids=[id]) if entry.kind == "review"]
        if not kept:
            raise Missing("there is no such review", remedy=f"the reviews are listed at {current.base}/value/history")
        facts = kept[0].body
        lack = "" if "document" in facts else "This review was made before reviews were kept as documents: its forms are in the lake, by their digests."
        return Review(title=f"Review of {kept[0].time:%Y-%m-%d}", facts=facts, document=document_of(lake, facts), lack=lack)
    try:
        facts = newest(current.state)
    except Mistake as mistake:
        return Review(title="Review", facts=None, document=None, lack=f"{mistake.what[:1].upper()}{mistake.what[1:]}.", command=mistake.remedy)
    lack = "" if "document" in facts else "The newest review was made by an earlier Loopline."
    return Review(title="Review", facts=facts, document=document_of(lake, facts), lack=lack, command="loopline run")


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A review in the list."""

    entry: str
    at: datetime
    package: str
    recommendation: str
    says: str
    added_per_year: float | None
    held: str


@dataclass(frozen=True, kw_only=True)
class Reviews:
    """The reviews that were made, the newest first."""

    title: str
    currency: str
    reviews: tuple[Kept, ...]
    older: str | None

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        listed = [{name: getattr(one, name) for name in Kept.__dataclass_fields__} for one in self.reviews]
        return {"title": self.title, "currency": self.currency, "reviews": [{**one, "at": one["at"].isoformat()} for one in listed], "older": self.older}


def reviews(current: Current, asked: Asked) -> Reviews:
    """The reviews that were made, a page of them."""
    before = asked.query.get("before")
    try:
        until = None if before is None else datetime.fromisoformat(before)
    except ValueError:
        raise Mistake(f"{before!r} is no moment".replace("\n", " ")[:80], where="before", remedy="write it as 2026-01-31") from None
    found = current.workspace.ledger.read(kinds=("review",), until=until, newest_first=True, limit=SHOWN + 1)
    older = found[SHOWN - 1].time.isoformat() if len(found) > SHOWN else None
    return Reviews(title="Reviews", currency=current.project.declaration.charter.worth.currency, reviews=tuple(map(_kept, found[:SHOWN])), older=older)


def _kept(entry: Any) -> Kept:
    body = entry.body
    judged = [one for one in body.get("criteria", ()) if one["passed"] is not None]
    return Kept(
        entry=entry.id,
        at=entry.time,
        package=entry.subject[:8],
        recommendation=str(body["recommendation"]).replace("_", " "),
        says=str(body["says"]).partition(": ")[2] or str(body["says"]),
        added_per_year=None if body.get("realised") is None else body["realised"]["added"]["per_year"],
        held=f"{sum(bool(one['passed']) for one in judged)} of {len(judged)}" if judged else "–",
    )


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What was spent, and what a month costs.

    Parameters
    ----------
    view
        What ``loopline value cost`` tells; None where the charter names no prices, or nothing was reckoned yet.
    spent
        What ``loopline charter spent`` tells.
    """

    title: str
    view: Mapping[str, Any] | None
    spent: Mapping[str, Any]
    load: Callable[[int], Spec] | None
    items: Callable[[int], Spec] | None

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {"title": self.title, "cost": self.view, "spent": dict(self.spent)}


def cost(current: Current, asked: Asked) -> Cost:
    """What was spent by month and stage, and what a month costs here and there."""
    charter, view = current.project.declaration.charter, current.state.facts("value", "cost")
    was = spent(charter, current.project.folder, current.state, current.workspace.ledger, at=current.at, since=_first_month(current.at))
    has_bills = view is not None and bool(view["now"]["bills"])
    return Cost(
        title="Cost",
        view=view,
        spent=was,
        load=(lambda width: by_load(view, width=width)) if has_bills and view is not None else None,
        items=(lambda width: by_item(view, width=width)) if has_bills and view is not None else None,
    )


def _first_month(at: datetime) -> datetime:
    """The beginning of the first month that is told: a page does not list years of them."""
    month = at.year * 12 + at.month - MONTHS
    return datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)


PAGES = (
    Page("review", "/value/review", review, "value_review.html.j2"),
    Page("reviews", "/value/history", reviews, "value_history.html.j2"),
    Page("cost", "/value/cost", cost, "value_cost.html.j2"),
)
