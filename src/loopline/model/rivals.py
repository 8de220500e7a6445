"""Two packages that are to be compared: which they are, and all that it takes to hold them against each other."""

from __future__ import annotations

from loopline.charter.metrics import slice_columns
from loopline.charter.spec import CharterSpec
from loopline.charter.worth import Worth
from loopline.errors import Mistake
from loopline.lake.blobs import Blobs
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
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


def loaded(workspace: Workspace, charter: CharterSpec, state: State, first: Entry, second: Entry) -> tuple[Predictor, Predictor, Kept, Judge]:
    """The two predictors, the kept rows of the newer package, with the columns that criteria slice them by, and who judges."""
    blobs, trust = Blobs(workspace.lake), Trust.of(workspace.ledger)
    one, other = (Predictor.load(blobs, entry.subject, trust) for entry in (first, second))
    newer = max((first, second), key=lambda entry: entry.seq)
    judge = Judge(one.task, one.classes, Worth.of(charter.worth, one.task))
    columns = judge.worth.columns | slice_columns(charter.acceptance) | {*columns_of(one.policy)} | {*columns_of(other.policy)}
    facts = facts_of(state, workspace.ledger, newer)
    if "evidence" not in facts:
        raise Mistake(f"the test part of package {newer.subject[:12]} is no longer kept", remedy="make it anew: loopline run --fresh model")
    return one, other, Kept.of(blobs.get(str(facts["evidence"])), one.task, columns), judge
