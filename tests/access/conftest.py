"""A safe of the test's own, and passwords whose hashes cost next to nothing."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from loopline.access import passwords
from loopline.access.safe import Safe


@pytest.fixture
def cheap(monkeypatch):
    """The real argon2, with the least that it takes."""
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def safe(tmp_path, cheap):
    with Safe.open({"LOOPLINE_ACCOUNTS": str(tmp_path / "accounts.db")}) as opened:
        yield opened
