"""A project that decides already, without having been run, and the command line over it."""

from __future__ import annotations

import os
import subprocess
import sys

from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.ledger.entry import Draft
from loopline.ledger.store import Ledger
from tests.calling import call
from tests.serve.packages import make_package
from tests.signing import vouch

DECLARATION = """
project: p
charter: {predict: y}
data: {sources: {rows: {path: rows.csv, key: [id]}}}
"""


def make_project(folder, **package):
    """The digest of the champion of a project that decides already; of the package what `make_package` takes."""
    (folder / "loopline.yaml").write_text(DECLARATION)
    lake = Lake(str(folder / ".loopline" / "lake"))
    package = make_package(lake, **package)
    with Ledger.open(f"sqlite:///{folder}/.loopline/ledger.db", "p") as ledger:
        vouch(ledger, Blobs(lake), package)
        ledger.append(Draft(kind="champion", subject=package, body={"why": "a test", "previous": None}))
    return package


def loopline(folder, *words):
    """A command at work, in a process of its own."""
    command = [sys.executable, "-m", "loopline.cli.main", *map(str, words), "--folder", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def refused(folder, *words):
    """The one line in which a command says why not; its exit code is 2."""
    ended = call([*map(str, words), "--folder", str(folder)], folder=folder, environment=os.environ)
    assert ended.code == 2, ended.err
    assert len(ended.err.splitlines()) == 1
    return ended.err
