"""Where a package came from: the search made it, or it was imported."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import PurePath

from loopline.ledger.entry import Entry
from loopline.ledger.state import State

FORMS = {"package": "a package", "onnx": "ONNX", "mlflow": "MLflow, ONNX"}
"""What may be imported, by the form in which it comes."""


@dataclass(frozen=True)
class Import:
    """A model that was brought in.

    Parameters
    ----------
    form
        One of `FORMS`.
    maker
        The library that wrote its graph; empty where that is not known.
    path
        The file or folder that it was read from.
    at
        When it was brought in, ISO 8601.
    """

    form: str
    maker: str
    path: str
    by: str
    at: str

    @classmethod
    def of(cls, entry: Entry) -> Import:
        """The import that an entry tells of; one from before the source was kept has its name for a path."""
        said = {"form": "package" if "package" in entry.body else "onnx", "maker": "", "path": entry.body["name"], **entry.body.get("source", {})}
        return cls(**said, by=entry.actor, at=entry.time.isoformat())

    @property
    def name(self) -> str:
        """The name of the file or folder, and what it holds where that is no package."""
        what = f"{FORMS[self.form]} by {self.maker}" if self.maker else FORMS[self.form]
        return PurePath(self.path).name + ("" if self.form == "package" else f" ({what})")

    def as_json(self) -> dict[str, str]:
        """The import as plain values, with its name."""
        return {"name": self.name, **asdict(self)}


def import_of(package: Entry, imports: Iterable[Entry]) -> Import | None:
    """What a package was imported as; None where the search made it.

    Parameters
    ----------
    package
        The entry that made it: what was imported only afterwards, as a package that was exported here may be, is the search's.
    imports
        The entries of imports, in the order of the ledger.
    """
    files = package.body["manifest"]["files"]
    brought = [
        entry
        for entry in imports
        if entry.seq < package.seq and (entry.body.get("package") == package.subject or entry.body.get("graph", "") == files.get("model.onnx"))
    ]
    return Import.of(brought[-1]) if brought else None


def waiting(state: State) -> Import | None:
    """What was imported and has not been judged yet; None where nothing was, or a search has come since."""
    judged = [state.latest[step].seq for step in (("model", "search"), ("model", "import")) if step in state.latest]
    return Import.of(state.proposal) if state.proposal is not None and state.proposal.seq > max(judged, default=0) else None
