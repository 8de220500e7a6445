"""What is handed to deploy targets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from loopline.release.deploy.needs import Needs
from loopline.release.deploy.target import Serving

NEEDS = Needs(memory_mb=160, memory_limit_mb=384, cores=0.25, servers=2, servers_most=4, is_measured=True)


def serving(folder: Path, **other: Any) -> Serving:
    """A project that is served, in a folder with a declaration."""
    (folder / "loopline.yaml").write_text("project: Shop_1\n")
    told = {"project": "Shop_1", "folder": folder, "package": "ab" * 32, "host": "127.0.0.1", "port": 8378, "needs": NEEDS, "output": folder / "out"}
    return Serving(**{**told, **other})
