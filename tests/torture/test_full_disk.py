"""A disk that fills up while a delivery comes in: one line says so, and once there is room the same command goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache

import pytest

from tests.torture.killing import WAYS, command, copied, end, project, words_of

ROWS = 30_000
LIMITED = """
import resource, sys
from loopline.cli.main import main
limit = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
main()
"""
# The small disk is gone with the shell that made it, so what is on it is saved first.
ON_A_SMALL_DISK = 'mount -t tmpfs -o size=$3k tmpfs "$2" && cp -a "$1/." "$2/" && shift 3 && "$@"; code=$?; cp -a "$DISK/." "$SAVED/"; exit $code'


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """For a way: a project before the delivery, how it ends, and how large it is then."""

    @cache
    def start(name):
        before = project(tmp_path_factory.mktemp("start") / name, WAYS[name], ROWS)
        whole = copied(before, before.parent / "whole")
        assert command(whole, WAYS[name].words).returncode == 0
        return before, end(whole), sum(path.stat().st_size for path in whole.rglob("*") if path.is_file()) // 1024

    return start


def goes_on(folder, name, expected, done):
    """Whether the command said in a line that it failed, and ends well now."""
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("loopline: ")]
        assert done.returncode == 2 and len(said) == 1, done.stderr
        assert "defect" not in said[0] and "Traceback" not in done.stderr, done.stderr
        assert any(word in said[0] for word in ("full", "space", "limit")), said[0]
    again = command(folder, WAYS[name].words)
    assert again.returncode == 0, again.stderr
    assert end(folder) == expected
    return done.returncode != 0


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("run", [100_000]),
        *(
            pytest.param(name, range(20_000, 1_500_000, 40_000), marks=[pytest.mark.torture, pytest.mark.timeout(3600)], id=f"{name}-many")
            for name in ("run", "pull", "ingest")
        ),
    ],
)
def test_files_that_cannot_grow_any_more(started, name, limits, tmp_path):
    before, expected, _ = started(name)
    failed = 0
    for limit in limits:
        folder = copied(before, tmp_path / str(limit))
        done = subprocess.run([sys.executable, "-c", LIMITED, str(limit), *words_of(folder, WAYS[name].words)], capture_output=True, text=True, timeout=300)
        failed += goes_on(folder, name, expected, done)
        shutil.rmtree(folder)
    assert failed


@pytest.mark.skipif(shutil.which("unshare") is None, reason="there is no unshare")
@pytest.mark.parametrize(
    ("name", "steps"),
    [("run", 1), *(pytest.param(name, 30, marks=[pytest.mark.torture, pytest.mark.timeout(3600)]) for name in ("run", "pull", "ingest"))],
)
def test_a_disk_without_room(started, name, steps, tmp_path):
    before, expected, size_kib = started(name)
    used = sum(-(-path.stat().st_size // 4096) * 4 + 4 for path in before.rglob("*"))
    (tmp_path / "disk").mkdir()
    failed = 0
    for step in range(steps):
        room = (size_kib - used) * (step + 1) // (steps + 1)
        saved = tmp_path / f"saved-{step}"
        saved.mkdir()
        words = [sys.executable, "-m", "loopline.cli.main", *words_of(tmp_path / "disk", WAYS[name].words)]
        shell = ["unshare", "-rm", "sh", "-c", ON_A_SMALL_DISK, "sh", str(before), str(tmp_path / "disk"), str(used + room), *words]
        done = subprocess.run(shell, capture_output=True, text=True, timeout=300, env={**os.environ, "DISK": str(tmp_path / "disk"), "SAVED": str(saved)})
        if not (saved / "loopline.yaml").exists():
            pytest.skip("this user cannot make a small disk")
        failed += goes_on(saved, name, expected, done)
        shutil.rmtree(saved)
    assert failed
