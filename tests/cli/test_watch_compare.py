"""``loopline watch compare``: two files, and an exit code that a script can ask."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner, Result

from loopline.cli.watch import command
from loopline.errors import Mistake


def compared(*words: str, code: int) -> Result:
    result = CliRunner().invoke(command, ["compare", *words])
    if isinstance(result.exception, Exception) and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    rng = np.random.default_rng(0)
    made = {name: pl.DataFrame({"x": rng.normal(by, 1, 2000), "c": rng.choice(["a", "b"], 2000)}) for name, by in (("old", 0.0), ("same", 0.0), ("new", 1.0))}
    for name, frame in made.items():
        frame.write_parquet(tmp_path / f"{name}.parquet")
    made["new"].write_csv(tmp_path / "new.csv")
    return {path.name: str(path) for path in tmp_path.iterdir()}


def test_files_of_any_format_are_compared_and_the_exit_code_says_whether_anything_drifted(files: dict[str, str]) -> None:
    text = compared(files["old.parquet"], files["new.csv"], code=1).output
    assert "1 of 2 columns have drifted: x" in text
    assert "0 of 2 columns have drifted" in compared(files["old.parquet"], files["same.parquet"], code=0).output
    told = json.loads(compared(files["old.parquet"], files["new.parquet"], "--column", "c", "--json", code=0).stdout)
    assert ([one["column"] for one in told["columns"]], told["drifted"]) == (["c"], [])


def test_a_column_that_is_not_there_is_a_mistake(files: dict[str, str]) -> None:
    with pytest.raises(Mistake, match="'y' is not in both tables"):
        compared(files["old.parquet"], files["new.parquet"], "--column", "y", code=2)
