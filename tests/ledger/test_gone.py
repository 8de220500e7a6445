"""A SQLite ledger whose file goes away while it is used: nothing is read, entered or made anew until it is back."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopline.errors import Fault
from loopline.ledger.entry import Draft
from loopline.ledger.store import Ledger


def test_while_its_file_is_away_nothing_is_confirmed_and_it_goes_on_once_that_is_back(tmp_path: Path) -> None:
    file, kept = tmp_path / "one.db", tmp_path / "kept.db"
    with Ledger.open(f"sqlite:///{file}", "p") as ledger:
        ledger.append(Draft(kind="step"))
        file.rename(kept)
        for use in (ledger.read, ledger.seq, ledger.head, lambda: ledger.append(Draft(kind="step"))):
            with pytest.raises(Fault, match="the ledger is gone from where it was"):
                use()
        with pytest.raises(Fault, match="the ledger is gone from where it was"):
            Ledger.open(f"sqlite:///{file}", "p")
        assert not file.exists()
        kept.rename(file)
        ledger.append(Draft(kind="step"))
        assert len(ledger.read()) == 2 and ledger.verify().intact


def test_another_file_in_its_place_is_not_taken_for_it(tmp_path: Path) -> None:
    file = tmp_path / "one.db"
    with Ledger.open(f"sqlite:///{file}", "p") as ledger, Ledger.open(f"sqlite:///{tmp_path}/other.db", "p") as other:
        ledger.append(Draft(kind="step"))
        (tmp_path / "other.db").replace(file)
        for use in (ledger.head, lambda: ledger.append(Draft(kind="step")), other.read):
            with pytest.raises(Fault, match=r"another file is where the ledger was|is gone"):
                use()
