"""Latency and memory are those of a process that does nothing but score."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from loopline.errors import Fault
from loopline.lake.blobs import Blobs
from loopline.model.predictor import Predictor
from loopline.model.signing import Trust
from loopline.release.measure import PREDICTIONS, measure, peak_memory_mb, timed
from tests.release.conftest import Room

ROW = {"size": 1.5, "kind": "a", "at": "2026-01-01T00:00:00", "noise": None}


def test_a_package_is_measured_in_a_process_of_its_own(room: Callable[[str], Room]) -> None:
    here = room("binary")
    package = here.made("baseline")["package"]
    measured = measure(here.workspace.lake, package, Trust.of(here.workspace.ledger), [ROW])
    assert len(measured.latency_ms) == PREDICTIONS
    assert all(0 < spent < 1000 for spent in measured.latency_ms)
    # This process holds Polars and scikit-learn besides; the other one holds only what scoring needs.
    assert 20 < measured.memory_mb < peak_memory_mb()


def test_single_rows_are_timed_one_by_one(room: Callable[[str], Room]) -> None:
    here = room("binary")
    package = here.made("baseline")["package"]
    predictor = Predictor.load(Blobs(here.workspace.lake), package, Trust.of(here.workspace.ledger))
    assert len(timed(predictor, [ROW, {**ROW, "size": None}], predictions=7)) == 7


def test_a_process_that_dies_is_said_in_one_line(room: Callable[[str], Room]) -> None:
    here = room("binary")
    with pytest.raises(Fault, match="the process that measures the package died: .*there is no blob 000000000000") as fault:
        measure(here.workspace.lake, "0" * 64, Trust({}, {}), [ROW])
    assert "\n" not in str(fault.value)
    assert fault.value.retry


def test_the_peak_stays_when_the_memory_is_given_back() -> None:
    block = bytearray(100_000_000)
    high = peak_memory_mb()
    del block
    assert high > 100
    # The kernel counts pages in batches.
    assert peak_memory_mb() > 0.99 * high
