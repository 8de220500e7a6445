"""The on-ramp on real data: `init` and `run`, unedited but for fewer trials, end with a champion and without the known leaks."""

from __future__ import annotations

import shutil

import pytest

from loopline.project import load
from tests.journeys.conftest import Shell


@pytest.mark.parametrize(
    ("file", "target", "task", "leaks"),
    [
        ("german_credit.csv", "default", "binary", set()),
        pytest.param("dry_bean.csv", "Class", "multiclass", {"Bean ID"}, marks=pytest.mark.torture),
        pytest.param("bike_sharing_hour.csv", "cnt", "regression", {"casual", "registered", "instant"}, marks=pytest.mark.torture),
        pytest.param("bank_additional_full.csv.gz", "y", "binary", {"duration"}, marks=pytest.mark.torture),
    ],
)
def test_real_data_goes_round_the_loop_without_its_leaks(file, target, task, leaks, shared_data, tmp_path):
    shutil.copy(shared_data / file, tmp_path)
    shell = Shell(tmp_path)
    shell("init", file, "--target", target)
    declaration = tmp_path / "loopline.yaml"
    declaration.write_text(declaration.read_text().replace("trials: 20", "trials: 2"))
    left_out = {name for name, column in load(tmp_path).declaration.data.contract.columns.items() if not column.use}
    assert left_out == leaks
    status = shell.json("run")
    assert {stage["state"] for stage in status["stages"]} == {"done"}
    shown = shell.json("model", "show")
    assert (shown["package"], shown["task"]) == (status["champion"], task)
    rows = shell.json("data", "show")["tables"][0]
    assert rows["read"] == rows["accepted"] + rows["quarantined"]
    assert "no prices yet" in shell("charter", "show")
