"""Two packages that are to be compared: which they are, and all that it takes to hold them against each other."""

from __future__ import annotations

from loopline.charter.metrics import slice_columns
from loopline.charter.spec import CharterSpec
from loopline.charter.worth import Worth
from loopline.errors import Mistake
from loopline.lake.blobs import Blobs
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.ledger.store import Ledger
from loopline.model.candidates import Judge
from loopline.model.evidence import Kept
from loopline.model.packages import facts_of, named
from loopline.model.policy import columns_of
from loopline.model.predictor import Predictor
from loopline.model.signing import Trust
from loopline.workspace import Workspace


def both(state: State, one: str | None, other: str | None) -> tuple[Entry, Entry]:
    """Two packages by the beginnings of their digests; by default the newest, and the one that decides or the one before it.

    Raises
    ------
    Mistake
        When there is no such package, or no other one.
    """
    first = named(state, one)
    if other is not None:
        return first, named(state, other)
    rest = sorted((entry for entry in state.packages.values() if entry.subject != first.subject), key=lambda entry: -entry.seq)
    if not rest:
        raise Mistake("there is one package only, and nothing to compare it with", remedy="make another: loopline run --fresh model, or loopline model import")
    return first, next((entry for entry in rest if entry.subject == state.champion), rest[0])


def evidence_of(state: State, ledger: Ledger, first: Entry, second: Entry) -> str:
    """The blob with the rows that two packages are compared on: the test part of the newer one.

    Raises
    ------
    Mistake
        When it is no longer kept.
    """
    newer = max((first, second), key=lambda entry: entry.seq)
    facts = facts_of(state, ledger, newer)
    if "evidence" not in facts:
        raise Mistake(f"the test part of package {newer.subject[:12]} is no longer kept", remedy="make it anew: loopline run --fresh model")
    return str(facts["evidence"])


def loaded(workspace: Workspace, charter: CharterSpec, one: str, other: str, evidence: str) -> tuple[Predictor, Predictor, Kept, Judge]:
    """Two predictors by their digests, the rows of the evidence with the columns that criteria slice them by, and who judges."""
    blobs, trust = Blobs(workspace.lake), Trust.of(workspace.ledger)
    first, second = (Predictor.load(blobs, package, trust) for package in (one, other))
    judge = Judge(first.task, first.classes, Worth.of(charter.worth, first.task))
    columns = judge.worth.columns | slice_columns(charter.acceptance) | {*columns_of(first.policy)} | {*columns_of(second.policy)}
    return first, second, Kept.of(blobs.get(evidence), first.task, columns), judge
