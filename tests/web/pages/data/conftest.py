"""A project whose data is hostile: scripts in names and cells, letters that cannot be seen, and a cell that is far too long."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from loopline.data.ingest import ingest_file
from loopline.loop import open_loop

SCRIPT = "<script>alert(1)</script>"
LONG = "x" * 30_000
DECLARED = f"""
project: odd
charter:
  predict: bought
  worth: {{currency: EUR, act_right: 1, act_wrong: -1}}
  stakeholders: {{business: [bea@example.com], data: [dan@example.com], expert: [eve@example.com], customer: [carl@example.com]}}
data:
  sources:
    visits: {{path: visits.csv, key: [id]}}
  contract:
    id: {{type: integer}}
    pages: {{type: integer, min: 1, max: 8}}
    "kind{SCRIPT}": {{type: category, values: [a, "b{SCRIPT}"]}}
"""
HEAD = f"id,pages,kind{SCRIPT},note,bought\n"


def line(number: int, *, pages: str = "3", kind: str = "a", note: str = "") -> str:
    """A line of a delivery."""
    return f'{number},{pages},{kind},"{note}",{"yes" if number % 2 else "no"}\n'


@pytest.fixture(scope="session")
def odd_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, made once for each worker."""
    folder = tmp_path_factory.mktemp("odd")
    (folder / "loopline.yaml").write_text(DECLARED)
    first = [line(number, note=SCRIPT if number == 1 else "a\tb\u202ec" if number == 2 else LONG if number == 3 else "") for number in range(60)]
    more = [line(60), line(61, pages="99"), line(62, pages=SCRIPT), line(63, kind=f"z{SCRIPT}", note="\x07"), line(64), line(65, pages="7")]
    (folder / f"first{SCRIPT.replace('/', '_')}.csv").write_text(HEAD + "".join(first))
    (folder / "more.csv").write_text(HEAD + "".join(more) + "66,1\n")
    with open_loop(folder) as loop:
        for name in (f"first{SCRIPT.replace('/', '_')}.csv", "more.csv"):
            ingest_file(loop.workspace, loop.project.declaration.data, folder / name)
    return folder


@pytest.fixture
def odd(odd_once: Path, tmp_path: Path) -> Path:
    """The project's folder, the test's own."""
    return Path(shutil.copytree(odd_once, tmp_path / "odd"))
