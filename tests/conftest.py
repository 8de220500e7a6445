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

# A busy machine makes single examples slow; that is no failure. Two hundred properties, each with the usual hundred examples, would take minutes:
# more are asked for with --hypothesis-profile long.
settings.register_profile("loopline", deadline=None, print_blob=True, max_examples=25)
settings.register_profile("long", deadline=None, print_blob=True, max_examples=400)
settings.load_profile("loopline")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of data sets beside the repository; skips where there is none."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip(f"there is no folder {folder}; name one with LOOPLINE_SHARED")
    return folder


_LONG = ("test_json.py", "test_docs.py", "test_shared_data.py")


def pytest_collection_finish() -> None:
    """What thousands of tests are is not to be looked through for garbage again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the pages and the shapes, some of which take a minute: at the end one worker would wait for the other."""
    items.sort(key=lambda item: item.path.name not in _LONG)
