"""The champion: which package decides, since when, why, and the way back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import zip_longest
from typing import Any

from loopline.access.keys import Key
from loopline.access.people import reason
from loopline.engine.step import Facts
from loopline.errors import Mistake
from loopline.ledger.entry import Draft, Entry
from loopline.ledger.store import Ledger
from loopline.release.words import say
from loopline.workspace import Job

PROMOTED, ROLLED_BACK = "promoted", "rolled back"


@dataclass(frozen=True)
class Reign:
    """The time in which a package decided.

    Parameters
    ----------
    until
        When another package took over; None while it decides.
    how
        ``promoted`` or ``rolled back``.
    actor
        Who moved the pointer; ``loopline`` where the gates and the approvals did.
    approvals
        Who had said yes: ``role``, ``by``, ``why``, ``entry``.
    waived
        The gates that it had not passed and who let it through: ``gate``, ``role``, ``by``, ``why``, ``until``, ``entry``.
    """

    package: str
    since: datetime
    until: datetime | None
    how: str
    why: str
    actor: str
    approvals: tuple[dict[str, Any], ...]
    waived: tuple[dict[str, Any], ...]
    entry: str

    def as_json(self) -> dict[str, Any]:
        """The reign as plain values, times as ISO 8601 in UTC."""
        return {
            "package": self.package,
            "since": self.since.isoformat(),
            "until": None if self.until is None else self.until.isoformat(),
            "how": self.how,
            "why": self.why,
            "actor": self.actor,
            "approvals": list(self.approvals),
            "waived": list(self.waived),
            "entry": self.entry,
        }


def history(champions: Sequence[Entry]) -> tuple[Reign, ...]:
    """What decided when, oldest first, from the entries that moved the pointer."""
    ends = (entry.time for entry in champions[1:])
    return tuple(
        Reign(
            package=entry.subject,
            since=entry.time,
            until=end,
            how=str(entry.body.get("how", PROMOTED)),
            why=str(entry.body["why"]),
            actor=entry.actor,
            approvals=tuple(entry.body.get("approvals", ())),
            waived=tuple(entry.body.get("waived", ())),
            entry=entry.id,
        )
        for entry, end in zip_longest(champions, ends)
    )


def on(reigns: Iterable[Reign], when: date | datetime) -> tuple[Reign, ...]:
    """The reigns of a day, or the one of a moment; days are UTC's, and a moment without a zone is UTC."""
    if isinstance(when, datetime):
        start = when if when.tzinfo else when.replace(tzinfo=UTC)
        end = start
    else:
        start = datetime.combine(when, time(), tzinfo=UTC)
        end = start + timedelta(days=1) - timedelta(microseconds=1)
    return tuple(reign for reign in reigns if reign.since <= end and (reign.until is None or reign.until > start))


def promotion(champions: Iterable[Entry], package: str) -> Entry | None:
    """The entry that promoted a package, or None; a package is promoted once, and comes back only by `rollback`."""
    return next((entry for entry in champions if entry.subject == package and entry.body.get("how", PROMOTED) == PROMOTED), None)


def standing(champions: Iterable[Entry]) -> list[str]:
    """The packages that a way back leads over, the deciding one last: a package that was taken back is no longer among them."""
    stack: list[str] = []
    for entry in champions:
        if entry.subject in stack:
            del stack[stack.index(entry.subject) + 1 :]
        else:
            stack.append(entry.subject)
    return stack


def promote(job: Job) -> Facts:
    """The facts of a promotion; the package is made champion unless it has been already."""
    package, approvals, waived = job.step.inputs["package"], job.step.inputs["approvals"], job.step.inputs.get("waived", [])
    enter(job.workspace.ledger, package, approvals, waived, key=job.step.key, parents=(job.attempt,))
    return {"says": f"{package[:8]} decides", "champion": package}


def enter(
    ledger: Ledger,
    package: str,
    approvals: Sequence[Mapping[str, Any]],
    waived: Sequence[Mapping[str, Any]],
    *,
    also: str = "",
    key: str = "",
    parents: Sequence[str] = (),
    actor: str = "loopline",
    signed_with: Key | None = None,
) -> None:
    """Make a package champion, unless it has been promoted already.

    Parameters
    ----------
    approvals, waived
        Who said yes, and who let it through a gate that it had not passed; each names its entry.
    also
        What else it was promoted for, such as its rollout.
    signed_with
        The key of the person who does it; None where the gates and the approvals do.
    """
    if promotion(ledger.read(kinds=["champion"], subject=package), package) is None:
        newest = ledger.read(kinds=["champion"], newest_first=True, limit=1)
        by = " and ".join(f"{approval['by']} ({approval['role']})" for approval in approvals)
        but = " and ".join(f"{one['gate']}, which {one['by']} ({one['role']}) waived" for one in waived)
        gates = f"it passed its gates but {but}" if but else "it passed its gates"
        why = (f"{gates}, and {by} approved" if by else f"{gates}, and no approval is asked for") + (f"; {also}" if also else "")
        body: dict[str, Any] = {"how": PROMOTED, "why": why, "previous": newest[0].subject if newest else None, "approvals": approvals}
        body |= {"waived": waived} if waived else {}
        said = tuple(one["entry"] for one in (*approvals, *waived))
        draft = Draft(kind="champion", subject=package, key=key, body=body, parents=(*parents, *said), actor=actor)
        if signed_with is None:
            ledger.append(draft)
        else:
            say(ledger, draft, signed_with)


def rollback(
    ledger: Ledger, champions: Sequence[Entry], *, actor: str, why: str, signed_with: Key, to: str | None = None, approvals: Sequence[Mapping[str, Any]] = ()
) -> Entry:
    """The entry by which an earlier champion decides again.

    Parameters
    ----------
    champions
        The entries that moved the pointer, oldest first.
    signed_with
        The key of who does it.
    to
        The digest, or its beginning, of a package that has decided before; the one before the champion by default.
    approvals
        Who had said yes to it, where that is asked for: ``role``, ``by``, ``why``, ``entry``.

    Raises
    ------
    Mistake
        When there is no way back, `to` names no other earlier champion or more than one, or the reason is empty.
    """
    said = reason(why)
    target = way_back(champions, to)
    body = {"how": ROLLED_BACK, "why": said, "previous": champions[-1].subject, "approvals": list(approvals)}
    parents = (champions[-1].id, *(approval["entry"] for approval in approvals))
    return say(ledger, Draft(kind="champion", subject=target, body=body, parents=parents, actor=actor), signed_with)


def way_back(champions: Sequence[Entry], to: str | None = None, *, where: str = "--to") -> str:
    """The digest of the package that a rollback lets decide again.

    Raises
    ------
    Mistake
        When there is no way back, or `to` names no other earlier champion or more than one.
    """
    stack = standing(champions)
    if not stack:
        raise Mistake("no package decides, so there is none to take back", remedy="loopline run")
    current = stack[-1]
    others = list(dict.fromkeys(entry.subject for entry in champions if entry.subject != current))
    if to is None:
        if len(stack) > 1:
            return stack[-2]
        if not others:
            raise Mistake("there is no earlier package to go back to", remedy="make another one, which decides once it is promoted: loopline run --fresh model")
        back = champions[-1].body.get("previous") or others[-1]
        raise Mistake(f"{current[:8]} was the first to decide; {back[:8]} was taken back", remedy=f"bring it back with --to {back[:8]}")
    found = [package for package in others if package.startswith(to.lower())]
    if len(found) == 1:
        return found[0]
    if to and current.startswith(to.lower()) and not found:
        raise Mistake(f"{current[:8]} decides already", where=where, remedy="see the others with: loopline release history")
    there = ", ".join(package[:12] for package in found or others) or "none"
    what = f"{to!r} begins more than one of the earlier champions" if found else f"no earlier champion begins with {to!r}"
    raise Mistake(what, where=where, remedy=f"there are: {there}")
