"""Where the rows lie that a package was tested on."""

from __future__ import annotations

from loopline.ledger.state import State


def evidence_of(state: State, package: str | None) -> str | None:
    """The blob of the rows of a package's test part, from the facts of the search that made it; None where it came from elsewhere."""
    made = state.packages.get(package or "")
    search = None if made is None else state.succeeded.get(made.key)
    return None if search is None else search.body["facts"].get("evidence")
