"""The public car loans as what a package served: 50,000 rows with outcomes as the test part, 50,000 more in ten windows of 5,000.

Scores and decisions are those of the data; from row 25,000 of the second half on its features are not as they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from loopline.charter.spec import WorthSpec
from loopline.charter.worth import Worth
from loopline.model.reference import category_profile, number_profile
from loopline.watch.drift import Bins
from loopline.watch.windows import SCORE, Yardstick

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "car_loan"
CHUNK = 5_000
SPAN = timedelta(days=1)
FEATURES = ("car_value", "salary_range", "debt_to_income_ratio", "loan_length", "repaid_loan_on_prev_car", "size_of_downpayment", "driver_tenure")
PRICED = WorthSpec(currency="EUR", act_right=1200, act_wrong=-9000)
"""A loan that is repaid earns interest, one that is not loses most of a car."""


@dataclass(frozen=True)
class CarLoan:
    """Frames as `loopline.watch.windows.windows` takes them, each window of `SPAN` holding `CHUNK` rows."""

    yardstick: Yardstick
    reference: pl.DataFrame
    analysis: pl.DataFrame

    @classmethod
    def of(cls, folder: Path, prices: WorthSpec = PRICED) -> CarLoan:
        """The data of the three files in a folder."""
        reference, analysis, target = (pl.read_csv(folder / f"{name}.csv.gz") for name in ("reference", "analysis", "analysis_target"))
        known = analysis.join(target, on="id", how="left", maintain_order="left")
        return cls(_yardstick(reference, prices), _served(reference), _served(known))


def is_there(folder: Path) -> bool:
    """Whether all three files are at hand."""
    return all((folder / f"{name}.csv.gz").is_file() for name in ("reference", "analysis", "analysis_target"))


def _texts(column: pl.Series) -> list[str]:
    return column.cast(pl.String).to_list()


def _yardstick(reference: pl.DataFrame, prices: WorthSpec) -> Yardstick:
    columns = {name: reference[name] for name in FEATURES}
    profiles = {name: number_profile(column.to_numpy()) if column.dtype.is_float() else category_profile(_texts(column)) for name, column in columns.items()}
    profiles[SCORE] = number_profile(reference["y_pred_proba"].to_numpy())
    return Yardstick(
        package="car_loan",
        task="binary",
        classes=("0", "1"),
        positive="1",
        features=tuple(Bins.of_profile(name, profile) for name, profile in profiles.items()),
        worth=Worth.of(prices, "binary"),
        without_model=False,
    )


def _served(frame: pl.DataFrame) -> pl.DataFrame:
    days: Sequence[int] = [at // CHUNK for at in range(frame.height)]
    return frame.select(
        when=pl.Series([datetime(2018, 1, 1, tzinfo=UTC) + day * SPAN for day in days]),
        decision=pl.when(pl.col("y_pred") == 1).then(pl.lit("act")).otherwise(pl.lit("rest")),
        score="y_pred_proba",
        outcome=pl.col("repaid").cast(pl.Int64).cast(pl.String),
        row=pl.struct(pl.col(name).cast(pl.String) if frame[name].dtype == pl.Boolean else pl.col(name) for name in FEATURES),
    )
