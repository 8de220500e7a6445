"""A server over a small package, and a client of it."""

from __future__ import annotations

import httpx
import pytest

from tests.serve.packages import make_package
from tests.serve.running import Served


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    made = Served(tmp_path_factory.mktemp("served"), rows=200, body_mb=0.5)
    made.package = make_package(made.lake)
    made.promote(made.package)
    made.start().wait_for(made.package)
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(served):
    with httpx.Client(base_url=f"http://127.0.0.1:{served.port}", timeout=20) as made:
        yield made
