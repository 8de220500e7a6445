"""The rules over the orders as somebody would write them in Polars, for this one file: how many rows break each; nothing is kept.

python -m bench.handwritten FILE
"""

from __future__ import annotations

import sys

import polars as pl

from bench.orders import COUNTRIES, STATES


def counts(file: str) -> dict[str, int]:
    """How many rows of a CSV of orders break each rule; in one streaming query."""
    column = pl.col
    broken = {
        "number is missing": column("number").is_null(),
        "code": ~column("code").str.contains(r"^[A-Z]{2}\d{6}$"),
        "country": ~column("country").is_in(COUNTRIES),
        "state": ~column("state").is_in(STATES),
        "age": ~column("age").is_between(0, 120),
        "amount": ~column("amount").is_between(0, 100_000),
        "price is missing": column("price").is_null(),
        "closed": column("closed") < column("opened"),
    }
    sums = [expression.fill_null(False).sum().alias(name) for name, expression in broken.items()]
    repeats = (column("number").count() - column("number").drop_nulls().n_unique()).alias("number repeats")
    return pl.scan_csv(file).select(*sums, repeats, pl.len().alias("rows")).collect(engine="streaming").row(0, named=True)


if __name__ == "__main__":
    print(counts(sys.argv[1]))
