"""Where a package came from, and what it took: the step that made it, with its data, code and charter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from loopline.ledger.entry import Entry
from loopline.model.package import Package
from loopline.web.current import Current

BILL = "bom.json"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a package came from; what is not known any more is None.

    Parameters
    ----------
    made, step, charter
        Ids of the entries of the package, of the step that made it, and of the charter that held then.
    table
        The table that it learned from: ``name``, ``version``, and the ``id`` of its first version.
    content
        What the table held: ``name``, ``rows`` and the beginning of the ``sha256`` of its values.
    code
        From a room of the code to the beginning of its digest.
    seconds, peak_bytes, cost, currency
        What the step took.
    """

    made: str
    by: str
    step: str | None
    charter: str | None
    table: Mapping[str, Any] | None
    content: Mapping[str, Any] | None
    code: Mapping[str, str]
    seconds: float | None
    peak_bytes: int | None
    cost: float | None
    currency: str | None

    def as_json(self) -> dict[str, Any]:
        """The origin as plain values."""
        return asdict(self)


def origin_of(current: Current, entry: Entry, package: Package, facts: Mapping[str, Any]) -> Origin:
    """Where a package came from, by its entry, its files and what the step found."""
    state, ledger = current.state, current.workspace.ledger
    step = state.succeeded.get(entry.key)
    if step is not None and step.body["facts"].get("package") != entry.subject:
        step = None
    looks = ledger.read(kinds=("look",), subject=str(facts["study"])) if "study" in facts else []
    look = next((one for one in reversed(looks) if one.seq < entry.seq), None)
    charter = state.charter_at(entry.seq)
    took: Mapping[str, Any] = {} if step is None else step.body
    return Origin(
        made=entry.id,
        by=entry.actor,
        step=None if step is None else step.id,
        charter=None if charter is None else charter.id,
        table=None if look is None else look.body["table"],
        content=_content(package),
        code=dict(took.get("made_from", {}).get("code", {})),
        seconds=took.get("seconds"),
        peak_bytes=took.get("peak_bytes"),
        cost=took.get("cost"),
        currency=took.get("currency"),
    )


def _content(package: Package) -> dict[str, Any] | None:
    parts = package.parsed(BILL)["components"] if BILL in package.contents else ()
    data = next((part for part in parts if part["type"] == "data"), None)
    if data is None:
        return None
    rows = next((one["value"] for one in data.get("properties", ()) if one["name"] == "loopline:rows"), None)
    return {"name": data["name"], "rows": None if rows is None else int(rows), "sha256": data["version"]}
