"""A ledger that is only looked at: nothing is made, and nothing is migrated."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from loopline.errors import Mistake
from loopline.ledger.entry import Draft
from loopline.ledger.store import Ledger


def test_where_there_is_none_none_is_made(tmp_path: Path) -> None:
    assert Ledger.find(f"sqlite:///{tmp_path}/away/one.db", "p") is None
    assert not (tmp_path / "away").exists()


def test_an_empty_database_has_none_and_stays_empty(tmp_path: Path) -> None:
    (tmp_path / "one.db").touch()
    assert Ledger.find(f"sqlite:///{tmp_path}/one.db", "p") is None
    assert (tmp_path / "one.db").read_bytes() == b""


def test_one_that_is_there_is_read(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/one.db"
    with Ledger.open(url, "p") as ledger:
        entries = ledger.append(Draft(kind="step"))
    found = Ledger.find(url, "p")
    assert found is not None
    with found:
        assert found.read() == entries


@pytest.mark.parametrize(("version", "says"), [("0000", "an older Loopline wrote"), ("9999", "a newer Loopline wrote")])
def test_one_of_another_version_is_left_as_it_is(tmp_path: Path, version: str, says: str) -> None:
    file = tmp_path / "one.db"
    Ledger.open(f"sqlite:///{file}", "p").close()
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE ledger_version SET version_num = ?", (version,))
    connection.close()
    with pytest.raises(Mistake, match=says):
        Ledger.find(f"sqlite:///{file}", "p")
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT version_num FROM ledger_version").fetchall() == [(version,)]
    connection.close()
