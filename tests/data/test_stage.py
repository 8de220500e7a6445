import os
import subprocess
import sys

import pytest

from loopline.errors import Mistake
from tests.data.conftest import visits


def test_the_step_is_stale_only_when_a_file_or_the_declaration_is_new(room):
    path = room.write("visits.csv", visits(1, 60))
    first = room.step().key
    assert room.step().key == first
    room.contract = {"pages": {"type": "integer", "max": 8, "why": "the shop has eight pages"}}
    assert room.step().key == first
    room.contract = {"pages": {"type": "integer", "max": 9}}
    second = room.step().key
    assert second != first
    os.utime(path, ns=(1, 1))
    third = room.step().key
    assert third != second
    room.write("visits-2.csv", visits(61, 62))
    assert room.step().key != third


def test_a_source_without_files_is_a_mistake_that_names_the_field(room):
    with pytest.raises(Mistake) as caught:
        room.step()
    assert caught.value.where == "data.sources.visits.path"


def test_asking_for_the_step_loads_nothing_heavy():
    code = (
        "import sys; import loopline.data.stage, loopline.data.spec\n"
        "print(','.join(sorted({'polars', 'duckdb', 'deltalake', 'sklearn', 'pandas'} & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
