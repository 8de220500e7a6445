"""Killed at any moment, a run goes on from there and ends as if nothing had happened; `make bench` does this fifty times."""

import pytest

from bench.bench_kill import end, entries, half_written, kill_when, moments, undisturbed
from bench.shop import make, run


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return undisturbed(tmp_path_factory.mktemp("whole") / "shop")


def test_a_run_that_nobody_kills_ends_whole(expected):
    ended, _ = expected
    assert ended.whole
    assert ended.champion
    assert dict(ended.rows)["visits"] == 392
    assert all(stage.endswith(": done") for stage in ended.stages)


@pytest.mark.parametrize("share", [0.6])
def test_killed_at_some_moment_it_ends_the_same(expected, share, tmp_path):
    """The moment is told by the ledger, for the clock of a busy machine tells nothing: after the first entry, and so on."""
    whole, _ = expected
    project = make(tmp_path / "shop")
    assert kill_when(project, lambda: entries(project) > share * whole.entries)
    assert entries(project) < whole.entries
    run(project)
    assert end(project) == whole


def test_moments_are_the_same_each_time_and_within_the_run():
    assert moments(50, 8.0) == moments(50, 8.0)
    assert all(0 <= moment <= 8.0 for moment in moments(50, 8.0))


def test_what_is_half_written_is_found(tmp_path):
    (tmp_path / "blobs" / "ab").mkdir(parents=True)
    cut = tmp_path / "blobs" / "ab" / ("ab" * 32)
    cut.write_bytes(b"half")
    staged = tmp_path / "blobs" / "ab" / ".name.1.staged"
    staged.write_bytes(b"")
    assert sorted(half_written(tmp_path)) == sorted([cut, staged])
