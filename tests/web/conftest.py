"""What tests of pages share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kept import copied
from tests.web.world import make


@pytest.fixture
def folder(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small finished world, the test's own."""
    return copied(tmp_path_factory, make, tmp_path / "shop")
