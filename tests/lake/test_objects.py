"""What the errors of disks, object stores and delta-rs mean."""

from __future__ import annotations

import sys

import pytest
from deltalake.exceptions import CommitFailedError, DeltaError, SchemaMismatchError, TableNotFoundError

from loopline.errors import Fault, Mistake
from loopline.lake import objects
from loopline.lake.faults import explain, lost_race
from loopline.lake.place import Lake

ROW = "Jane Roe, 12 Elm Street"


@pytest.mark.parametrize(
    ("error", "kind", "what"),
    [
        (CommitFailedError(ROW), Fault, "other writers were quicker"),
        (SchemaMismatchError(ROW), Mistake, "do not fit the table's"),
        (TableNotFoundError(ROW), Mistake, "no such table"),
        (DeltaError(f"{ROW}: Permission denied (os error 13)"), Fault, "cannot be used"),
        (OSError(f"{ROW}: No space left on device"), Fault, "the disk is full"),
        (DeltaError(f"Schema error: No field named nope. Valid fields are id. {ROW}"), Mistake, "names nope, which is no column"),
        (DeltaError(f'Schema error: No field named "Nope". {ROW}'), Mistake, "names Nope, which is no column"),
        (DeltaError(f"Cast error: Cannot cast string '{ROW}' to value of Int32 type"), Mistake, "does not fit its column"),
        (Exception(f"External error: {ROW}\n   0: <unknown>"), Fault, "the table's library failed"),
    ],
)
def test_an_error_is_told_in_a_line_without_rows(error: Exception, kind: type[Exception], what: str) -> None:
    told = explain(error, "table 't'")
    assert isinstance(told, kind) and what in told.what and told.remedy
    assert ROW not in str(told) and "\n" not in str(told) and told.where == "table 't'"


def test_only_a_lost_race_is_tried_again() -> None:
    assert lost_race(CommitFailedError("x")) and lost_race(DeltaError("Generic error: A Delta Lake table already exists at that location."))
    assert not lost_race(DeltaError("x")) and not lost_race(OSError("x"))


def test_a_store_without_its_extra_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(Mistake, match=r"pip install 'loopline\[s3\]'"):
        objects.store(Lake("s3://bucket"))
