"""The declarations in docs/data/cleaning.md, held against real dirty tables and their clean twins, cell by cell."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from loopline.data.cleaning.cleaning import clean, declared
from loopline.data.spec import ContractSpec

PAGE = (Path(__file__).parents[3] / "docs" / "data" / "cleaning.md").read_text()
CLAIMED = re.compile(r"\| (beers|articles) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| ([\d.]+) % \| (\d+) \|")


def table(path: Path, names: list[str] | None = None) -> pl.DataFrame:
    with path.open(newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    return pl.DataFrame(rows, schema=dict.fromkeys(names or head, pl.String), orient="row")


def declaration(name: str) -> dict[str, Any]:
    block = re.search(rf"<!-- {name} -->\n```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    assert block is not None
    found: dict[str, Any] = yaml.safe_load(block[1])
    return found


@pytest.mark.parametrize(("name", "called"), [("beers", "beers"), ("rayyan", "articles")])
def test_a_declared_cleaning_reaches_the_wrong_cells_and_breaks_no_right_one(name: str, called: str, shared_data: Path) -> None:
    dirty = table(shared_data / "dirty" / f"{name}_dirty.csv")
    # The twin's header is spelt with hyphens.
    twin = table(shared_data / "dirty" / f"{name}_clean.csv", dirty.columns)
    contract = ContractSpec.model_validate(declaration(name))
    done = clean(dirty, declared(dirty.schema, (), contract.columns), nulls=("",)).frame.with_columns(pl.all().fill_null(""))
    wrong, right = (dirty.select(same(pl.col(column), twin[column]) for column in dirty.columns) for same in (pl.Expr.ne, pl.Expr.eq))
    good = done.select(pl.col(column) == twin[column] for column in dirty.columns)
    reached = sum((wrong[column] & good[column]).sum() for column in dirty.columns)
    broken = sum((right[column] & ~good[column]).sum() for column in dirty.columns)
    total = sum(wrong[column].sum() for column in dirty.columns)
    assert broken == 0
    assert reached >= 0.95 * total
    claimed = next(found for found in CLAIMED.findall(PAGE) if found[0] == called)
    assert claimed[1:] == (f"{dirty.height * dirty.width:,}", f"{total:,}", f"{reached:,}", f"{100 * reached / total:.1f}".removesuffix(".0"), str(broken))
