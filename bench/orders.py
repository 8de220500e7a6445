"""Orders as a shop would deliver them, a few in a thousand of them broken, for the benches that read, check and profile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

COUNTRIES = ("AT", "BE", "CH", "CZ", "DE", "DK", "ES", "FI", "FR", "GB", "GR", "HU", "IE", "IT", "NL", "NO", "PL", "PT", "SE", "US")
STATES = ("done", "new", "paid", "sent")
DECLARATION = """\
project: orders
charter: {predict: state}
data:
  sources:
    orders: {path: in/*.csv, KEY}
  contract:
    number: {type: integer, required: true}
    code: {type: text, pattern: "[A-Z]{2}\\\\d{6}"}
    country: {type: category, values: [COUNTRIES]}
    state: {type: category, values: [done, new, paid, sent]}
    age: {type: integer, min: 0, max: 120}
    amount: {type: number, min: 0, max: 100000}
    pieces: {type: integer}
    price: {type: number, required: true}
    opened: {type: integer}
    closed: {type: integer}
    rules: [{name: it closes after it opens, check: closed >= opened}]
"""
_CHUNK = 1_000_000
_BROKEN = 0.001


def declaration(*, keyed: bool = True) -> str:
    """A `loopline.yaml` with ten rules over the orders; without a key there are nine."""
    named = ", ".join(f'"{country}"' for country in COUNTRIES)
    return DECLARATION.replace("KEY", "key: number" if keyed else "mode: append").replace("COUNTRIES", named)


def write(file: Path, rows: int) -> Path:
    """A CSV of so many orders with ten columns; one in a thousand breaks each rule. The same each time."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as out:
        for first in range(0, rows, _CHUNK):
            _orders(first, min(_CHUNK, rows - first)).write_csv(out, include_header=not first)
    return file


def _orders(first: int, rows: int) -> pl.DataFrame:
    chance = np.random.default_rng(first)

    def some() -> pl.Series:
        return pl.Series(chance.random(rows) < _BROKEN)

    numbers = np.arange(first, first + rows)
    opened = chance.integers(0, 1_000_000, rows)
    countries = np.array(COUNTRIES)
    codes = pl.Series(countries[chance.integers(0, 20, rows)]) + pl.Series(chance.integers(0, 1_000_000, rows)).cast(pl.String).str.zfill(6)
    frame = pl.DataFrame(
        {
            "number": numbers,
            "code": codes,
            "country": countries[chance.integers(0, 20, rows)],
            "state": np.array(STATES)[chance.integers(0, 4, rows)],
            "age": chance.integers(0, 121, rows),
            "amount": chance.gamma(2, 50, rows).round(2),
            "pieces": chance.integers(1, 100, rows),
            "price": (chance.random(rows) * 100).round(2),
            "opened": opened,
            "closed": opened + chance.integers(0, 1000, rows),
        }
    )
    broken = {
        "number": pl.when(some()).then(None).when(some()).then(pl.col("number") - 1).otherwise("number"),
        "code": pl.when(some()).then(pl.lit("bad")).otherwise("code"),
        "country": pl.when(some()).then(pl.lit("XX")).otherwise("country"),
        "state": pl.when(some()).then(pl.lit("?")).otherwise("state"),
        "age": pl.when(some()).then(999).otherwise("age"),
        "amount": pl.when(some()).then(-pl.col("amount") - 1).otherwise("amount"),
        "price": pl.when(some()).then(None).otherwise("price"),
        "closed": pl.when(some()).then(pl.col("opened") - 1).otherwise("closed"),
    }
    return frame.with_columns(**broken)
