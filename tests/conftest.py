"""What every test relies on: an environment of its own, and data that lies beside the repository."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from atexit import register
from pathlib import Path

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).parents[1]
SHARED = Path(os.environ.get("LOOPLINE_SHARED", REPOSITORY.parent / "shared"))

# Commands that tests start would import without bytecode, three to five times slower; and nobody's own workspace may be touched.
for _name in (
    "PYTHONDONTWRITEBYTECODE",
    "LOOPLINE_LEDGER",
    "LOOPLINE_LAKE",
    "LOOPLINE_ENGINE",
    "LOOPLINE_USER",
    "LOOPLINE_DEBUG",
    "LOOPLINE_TRUST",
    "LOOPLINE_PAGES_KEY",
    "MLFLOW_TRACKING_URI",
    "OTEL_TRACES_EXPORTER",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
):
    os.environ.pop(_name, None)
# A key and accounts of their own, made on first need: nobody's real ones may be touched.
_OURS = "loopline-keys-"
if _OURS not in os.environ.get("LOOPLINE_KEY", ""):  # a test's own process keeps the key of the test
    _KEYS = tempfile.mkdtemp(prefix=_OURS)
    os.environ["LOOPLINE_KEY"] = f"{_KEYS}/key.pem"
    os.environ["LOOPLINE_ACCOUNTS"] = f"{_KEYS}/accounts.db"
    register(shutil.rmtree, _KEYS, ignore_errors=True)
# Two test workers share the cores; threads that spin while they wait would take the time of those that work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Thousands of tests are collected, and nothing of them is garbage: looking for it takes a fifth of that time.
gc.disable()

# A busy machine makes single examples slow; that is no failure. Hundreds of properties, each with the usual hundred examples, would take minutes:
# more are asked for with --hypothesis-profile long, as `make torture` does.
settings.register_profile("loopline", deadline=None, print_blob=True, max_examples=10)
settings.register_profile("long", deadline=None, print_blob=True, max_examples=400)
settings.load_profile("loopline")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of data sets beside the repository; skips where there is none."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip(f"there is no folder {folder}; name one with LOOPLINE_SHARED")
    return folder


_LONG = ("test_json.py", "test_docs.py", "tests/web/browser/", "tests/journeys/", "test_kill.py", "test_gc.py", "test_choosing.py", "test_learn.py")
"""Where tests take many seconds."""


def pytest_collection_finish() -> None:
    """What thousands of tests are is not to be looked through for garbage again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have each worker begin with its share of what takes long: at the end one would wait for another."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    # The pages of docs take long one by one; all other files have worlds that their tests share.
    units: dict[str, list[pytest.Item]] = {}
    for item in items:
        if any(name in item.nodeid for name in _LONG):
            units.setdefault(item.nodeid if item.path.name == "test_docs.py" else item.path.as_posix(), []).append(item)
    long = {item for unit in units.values() for item in unit}
    rest, size = [item for item in items if item not in long], -(-len(items) // workers)
    # They are given equal parts of the list, in its order.
    dealt: list[pytest.Item] = []
    for worker in range(workers):
        dealt += [item for unit in list(units.values())[worker::workers] for item in unit]
        more = max(0, size * (worker + 1) - len(dealt))
        dealt, rest = dealt + rest[:more], rest[more:]
    items[:] = dealt + rest
