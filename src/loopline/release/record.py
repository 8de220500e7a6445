"""The record of a release: by what figures a package came to decide, who signed for it, and whether that still holds today."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from loopline.access.keys import fingerprint
from loopline.access.people import same
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.model.signing import trust
from loopline.release.champion import Reign, promotion
from loopline.release.rollout.course import Course, courses
from loopline.release.words import WITHDRAWN, examined


@dataclass(frozen=True)
class Signer:
    """Who said yes to what decides or decided.

    Parameters
    ----------
    at
        When it was said, by the clock of who said it; ISO 8601 in UTC.
    key
        The public key that it is signed with; empty where it is not.
    note
        Why it would not count today: empty when the signature is of these words, by a key that is trusted here as this person's.
    vouched_by
        Who signed for them, as they signed in there; empty where they signed themselves.
    withdrawn
        The entry by which they took it back since, or None.
    """

    role: str
    by: str
    why: str
    entry: str
    at: str = ""
    key: str = ""
    note: str = ""
    vouched_by: str = ""
    withdrawn: Entry | None = None

    @property
    def verifies(self) -> bool:
        """Whether the signature is of these words, by a key that is trusted here as this person's, today."""
        return not self.note

    def as_json(self) -> dict[str, Any]:
        """The signer as plain values."""
        back = self.withdrawn
        return {
            "role": self.role,
            "by": self.by,
            "why": self.why,
            "entry": self.entry,
            "at": self.at or None,
            "key": self.key or None,
            "fingerprint": fingerprint(self.key) if self.key else None,
            "verifies": self.verifies,
            "note": self.note,
            "vouched_by": self.vouched_by or None,
            "withdrawn": None if back is None else {"why": back.body["why"], "at": back.body["at"], "entry": back.id},
        }


def signers(state: State, package: str, approvals: Iterable[Mapping[str, Any]]) -> tuple[Signer, ...]:
    """Who said yes, from the approvals that the entry of a move names: ``role``, ``by``, ``why``, ``entry``."""
    return _signers(state, package, approvals, trust(state.vouched).keys)


def _signers(state: State, package: str, approvals: Iterable[Mapping[str, Any]], keys: Mapping[str, str]) -> tuple[Signer, ...]:
    words = list(examined(state.approvals.get(package, ()), keys))
    return tuple(_signer(approval, words) for approval in approvals)


def _signer(approval: Mapping[str, Any], words: Iterable[tuple[Entry, str]]) -> Signer:
    one = Signer(approval["role"], approval["by"], approval["why"], approval["entry"], note="the ledger has no such word on this package")
    for word, doubt in words:
        if word.id == one.entry:
            at, key, vouched_by = (str(word.body.get(name, "")) for name in ("at", "key", "vouched_by"))
            one = replace(one, at=at, key=key, vouched_by=vouched_by, note=doubt)
        elif one.at and not doubt and word.body["verdict"] == WITHDRAWN and _same_place(word, one):
            one = replace(one, withdrawn=word)
    return one


def _same_place(word: Entry, one: Signer) -> bool:
    return bool(word.body["role"] == one.role) and same(word.actor) == same(one.by)


def signed_moves(state: State) -> dict[str, dict[str, Any]]:
    """By the id of each move that a person made: ``key``, ``fingerprint``, and whether the signature ``verifies`` today, with a ``note`` where it does not.

    ``vouched_by`` says who signed for them, as they signed in there; None where they signed themselves.
    """
    moves = [entry for entry in (*state.champions, *state.rollouts) if entry.actor != "loopline" or "key" in entry.body]
    return {entry.id: _signed(entry, doubt) for entry, doubt in examined(moves, trust(state.vouched).keys)}


def _signed(move: Entry, doubt: str) -> dict[str, Any]:
    key = str(move.body.get("key", ""))
    return {
        "key": key or None,
        "fingerprint": fingerprint(key) if key else None,
        "verifies": not doubt,
        "note": doubt,
        "vouched_by": move.body.get("vouched_by"),
    }


def verdict_of(state: State, reign: Reign) -> Entry | None:
    """The gates' verdict by which a package came to decide: the newest one on it before its reign."""
    return _newest_before(reign, (entry for entry in state.verdicts.values() if entry.body["facts"]["package"] == reign.package))


def _newest_before(reign: Reign, verdicts: Iterable[Entry]) -> Entry | None:
    found = [entry for entry in verdicts if entry.time <= reign.since]
    return found[-1] if found else None


def taken_back(state: State) -> tuple[Signer, ...]:
    """Of those who said yes to the package that decides now: who took it back since."""
    if not state.champions:
        return ()
    newest = state.champions[-1]
    moves = {entry.id: entry for entry in (promotion(state.champions, newest.subject), newest) if entry is not None}
    return tuple(one for move in moves.values() for one in signers(state, move.subject, move.body.get("approvals", ())) if one.withdrawn is not None)


def told(state: State, reigns: Iterable[Reign]) -> list[dict[str, Any]]:
    """Each reign as plain values, with the gates' figures, the trials beside it and who signed."""
    # Once for all reigns: of years there are thousands of signatures and verdicts.
    signed, trials, keys = signed_moves(state), courses(state.rollouts), trust(state.vouched).keys
    verdicts: dict[str, list[Entry]] = {}
    for entry in state.verdicts.values():
        verdicts.setdefault(entry.body["facts"]["package"], []).append(entry)

    def yes(reign: Reign) -> list[dict[str, Any]]:
        return [one.as_json() for one in _signers(state, reign.package, reign.approvals, keys)]

    return [_told(reign, signed, trials, yes(reign), _newest_before(reign, verdicts.get(reign.package, ()))) for reign in reigns]


def _told(reign: Reign, signed: Mapping[str, Any], trials: Iterable[Course], yes: list[dict[str, Any]], verdict: Entry | None) -> dict[str, Any]:
    gates = {"entry": verdict.id, "gates": verdict.body["facts"]["gates"], "against": verdict.body["facts"]["against"]} if verdict is not None else None
    beside = [one.as_json() for one in trials if one.package != reign.package and one.overlaps(reign.since, reign.until)]
    return {
        **reign.as_json(),
        "signed": signed.get(reign.entry),
        "trials": [{**one, "moves": [{**made, "signed": signed.get(made["entry"])} for made in one["moves"]]} for one in beside],
        "judged": gates,
        "approvals": yes,
    }
