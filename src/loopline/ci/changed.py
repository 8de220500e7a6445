"""What of the declaration has changed since the champion was made, by the digests that the ledger keeps; pure."""

from __future__ import annotations

from loopline.engine.step import brief_digest
from loopline.ledger.state import State
from loopline.project import Declaration

_STAGES = ("charter", "data", "model", "release")


def changed(before: State, now: State, champion: str, declared: Declaration) -> list[str] | None:
    """The parts of the declaration that are no more what they were, such as ``data.contract``; None where the ledger no longer tells.

    Parameters
    ----------
    before
        What the champion's ledger says.
    now
        What the ledger of the change says.
    declared
        The whole declaration, of which a trial reads a shortened one.
    """
    old, new = _reads(before, champion), _reads(now, None)
    if not any(stage == "model" for stage, _ in old):
        return None
    if ("model", "search") in new:
        new["model", "search"] |= {"model": brief_digest(declared.model.model_dump(mode="json"))}
    names = {
        _named(stage, part, declared)
        for stage, step in old.keys() & new.keys()
        for part in {*old[stage, step], *new[stage, step]}
        if old[stage, step].get(part) != new[stage, step].get(part)
    }
    return sorted(names - {""})


def _reads(state: State, package: str | None) -> dict[tuple[str, str], dict[str, str]]:
    """From a stage and its step to the digest of each part that it reads; of the steps about packages, those about the one that is named."""
    found = {place: entry for place, entry in state.latest.items() if place[0] in _STAGES}
    if package is not None:
        about = {place: entry for place, entry in found.items() if place[0] in ("charter", "data")}
        made = sorted((state.succeeded[key] for key in state.made.get(package, ()) if key in state.succeeded), key=lambda entry: entry.seq)
        found = about | {(entry.subject, entry.body["name"]): entry for entry in made}
    return {place: dict(entry.body["made_from"]["reads"]) for place, entry in found.items()}


def _named(stage: str, part: str, declared: Declaration) -> str:
    """The part's place in the declaration; empty where it follows from others."""
    if part in type(declared).model_fields:
        return part
    holders = [stage, *(name for name in _STAGES if name != stage)]
    return next((f"{holder}.{part}" for holder in holders if part in type(getattr(declared, holder)).model_fields), "")
