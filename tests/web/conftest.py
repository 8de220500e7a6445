"""What tests of pages share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.world import copied


@pytest.fixture
def folder(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small finished world, the test's own."""
    base = tmp_path_factory.getbasetemp()
    # Workers of one run have a folder each below a common one.
    return copied((base.parent if base.name.startswith("popen") else base) / "web-world", tmp_path / "shop")
