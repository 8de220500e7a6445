"""The safe: apart from the ledger, for nobody else to read, and told in one line where it cannot be."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from loopline.access.safe import KEPT, Safe, place
from loopline.errors import Fault, Mistake


def at(file):
    return {"LOOPLINE_ACCOUNTS": str(file)}


def test_it_lies_beside_the_private_key_or_where_it_is_said(tmp_path):
    assert place({"XDG_CONFIG_HOME": str(tmp_path)}).database == str(tmp_path / "loopline" / "accounts.db")
    assert place({"LOOPLINE_ACCOUNTS": "postgres://ann@db/loop"}).drivername == "postgresql+psycopg"
    with pytest.raises(Mistake, match="in a file or in Postgres, not in mysql"):
        place({"LOOPLINE_ACCOUNTS": "mysql://ann@db/loop"})
    with pytest.raises(Mistake, match=r"there is no folder .*mkdir -p"):
        Safe.open(at(tmp_path / "nowhere" / "accounts.db"))


def test_nobody_else_may_read_it(tmp_path):
    file = tmp_path / "accounts.db"
    with Safe.open(at(file)):
        assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    with pytest.raises(Mistake, match=f"chmod 600 {file}"):
        Safe.open(at(file))


def test_its_key_outlives_it_and_is_made_once(tmp_path):
    def key(_):
        with Safe.open(at(tmp_path / "accounts.db")) as safe:
            return safe.key

    with ThreadPoolExecutor(4) as pool:
        keys = set(pool.map(key, range(8)))
    assert len(keys) == 1
    assert len(keys.pop()) == 32


def test_what_is_no_safe_is_told_in_one_line(tmp_path):
    file = tmp_path / "accounts.db"
    file.write_text("this is no database, and it is long enough to be told from one" * 20)
    file.chmod(0o600)
    with pytest.raises(Fault, match=r"the accounts' database failed \(SQLITE_NOTADB\)"):
        Safe.open(at(file))


def test_one_of_another_version_is_refused(tmp_path):
    with Safe.open(at(tmp_path / "accounts.db")) as safe, safe.writing() as connection:
        connection.execute(sa.update(KEPT).where(KEPT.c.name == "version").values(value="99"))
    with pytest.raises(Mistake, match=r"version 99; this one knows 1.*pip install --upgrade"):
        Safe.open(at(tmp_path / "accounts.db"))
