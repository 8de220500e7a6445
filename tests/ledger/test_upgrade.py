"""Ledgers of earlier versions, and files that are no ledgers."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from loopline.errors import Fault, LooplineError, Mistake
from loopline.ledger import chain, upgrade
from loopline.ledger.entry import Draft
from loopline.ledger.schema import SCHEMA
from loopline.ledger.store import Ledger


def scripts() -> Config:
    config = Config()
    config.set_main_option("script_location", str(upgrade.MIGRATIONS))
    return config


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A ledger as the first version left it, with three entries."""
    file = tmp_path / "ledger.db"
    engine = sa.create_engine(f"sqlite:///{file}")
    config = scripts()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for row in chain.seal(map(chain.write, [Draft(kind="step")] * 3), head=chain.Head(), project="p", time=datetime.now(UTC))[0]:
            connection.exec_driver_sql(f"INSERT INTO ledger_entries VALUES ({', '.join('?' * len(row))})", row)
    engine.dispose()
    return file


def backups(file: Path) -> list[Path]:
    return list(file.parent.glob("*.backup"))


def test_the_newest_version_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(scripts()).get_heads() == [SCHEMA]


def test_an_older_ledger_is_migrated_after_a_backup(old: Path) -> None:
    with Ledger.open(f"sqlite:///{old}", "p") as ledger:
        assert ledger.verify().entries == 3
        assert ledger.append(Draft(kind="step"))[0].seq == 4
        assert ledger.verify().intact
    (backup,) = backups(old)
    assert backup.name.startswith("ledger.db.v0001-2")
    with sqlite3.connect(backup) as copy:
        assert copy.execute("SELECT count(*), max(version_num) FROM ledger_entries, ledger_version").fetchone() == (3, "0001")
    copy.close()
    Ledger.open(f"sqlite:///{old}", "p").close()
    assert len(backups(old)) == 1
    assert not list(old.parent.glob("*.partial"))


def test_processes_that_open_an_older_ledger_at_once_migrate_it_once(old: Path) -> None:
    code = "import sys; from loopline.ledger.store import Ledger; print(Ledger.open(sys.argv[1], 'p').verify().intact)"
    command = [sys.executable, "-c", code, f"sqlite:///{old}"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate() for process in processes] == [("True\n", "")] * 4
    assert len(backups(old)) == 1


def test_a_migration_that_fails_leaves_the_ledger_as_it_was(old: Path) -> None:
    with sqlite3.connect(old) as connection:
        connection.execute("CREATE TABLE ledger_head (in_the_way INTEGER)")
    connection.close()
    with pytest.raises(Fault, match="already exists"):
        Ledger.open(f"sqlite:///{old}", "p")
    with sqlite3.connect(old) as connection:
        assert connection.execute("SELECT version_num FROM ledger_version").fetchone() == ("0001",)
        assert connection.execute("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'").fetchone() == (0,)
    connection.close()


def test_a_new_ledger_has_no_backup(tmp_path: Path) -> None:
    file = tmp_path / "not" / "there" / "ledger.db"
    Ledger.open(f"sqlite:///{file}", "p").close()
    assert file.exists() and not backups(file)


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    file.write_text("once upon a time " * 100)
    with pytest.raises(Mistake, match="not a SQLite database"):
        Ledger.open(f"sqlite:///{file}", "p")
    with pytest.raises(Mistake, match="cannot be opened"):
        Ledger.open(f"sqlite:///{tmp_path}", "p")
    with pytest.raises(Fault, match="folder cannot be used"):
        Ledger.open(f"sqlite:///{file}/below/ledger.db", "p")
    assert file.read_text().startswith("once upon a time")


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that another user can reach."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def as_somebody(code: str, *arguments: str) -> str:
    """What the code prints when it is run by somebody who is not the administrator, for whom no folder is read-only."""
    user = 65534 if os.geteuid() == 0 else None
    begin = "import sys\nfrom loopline.errors import LooplineError\nfrom loopline.ledger.entry import Draft\nfrom loopline.ledger.store import Ledger\n"
    if user is not None:
        begin += f"import os; os.setgid({user}); os.setuid({user})\n"
    done = subprocess.run([sys.executable, "-c", begin + code, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_read_only_folder_is_told(shared: Path) -> None:
    attempt = """
try:
    Ledger.open(sys.argv[1], "p").append(Draft(kind="x"))
except LooplineError as error:
    print(type(error).__name__, error.exit_code, error)
"""
    Ledger.open(f"sqlite:///{shared}/ledger.db", "p").close()
    shared.chmod(0o555)
    (shared / "ledger.db").chmod(0o444)
    assert "give write permission to the file and its folder" in as_somebody(attempt, f"sqlite:///{shared}/ledger.db")
    said = as_somebody(attempt, f"sqlite:///{shared}/new/ledger.db")
    assert said.startswith("Fault 2") and "permissions" in said and said.count("\n") == 1
    assert "you may read and write it and its folder" in as_somebody(attempt, f"sqlite:///{shared}/another.db")


def test_a_full_disk_is_told_and_loses_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with Ledger.open(url, "p") as ledger:
        ledger.append(Draft(kind="x"))
    code = """
import resource, sys
from loopline.errors import Fault
from loopline.ledger.entry import Draft
from loopline.ledger.store import Ledger
with Ledger.open(sys.argv[1], "p") as ledger:
    resource.setrlimit(resource.RLIMIT_FSIZE, (120_000, 120_000))
    try:
        ledger.append(*[Draft(kind="x", body={"text": "y" * 5_000})] * 100)
    except Fault as error:
        print(error)
    print(ledger.append(Draft(kind="small"))[0].seq)
"""
    done = subprocess.run([sys.executable, "-c", code, url], capture_output=True, text=True)
    assert "the disk failed under the ledger; check the disk's space" in done.stdout
    assert done.stdout.splitlines()[1:] == ["2"] and done.stderr == ""
    with Ledger.open(url, "p") as ledger:
        assert ledger.verify().intact and ledger.verify().entries == 2


def test_every_refusal_is_an_error_of_ours(tmp_path: Path) -> None:
    for url in ("", "ledger.db", "mysql://u:secret@h/d", "sqlite://", "sqlite:///:memory:", f"sqlite:///{tmp_path}/l.db?mode=ro", "http://[::1"):
        with pytest.raises(LooplineError) as told:
            Ledger.open(url, "p")
        assert told.value.exit_code == 2 and told.value.remedy and "secret" not in str(told.value)
