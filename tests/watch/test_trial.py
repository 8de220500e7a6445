"""The evidence of a rollout's leg: who decided what, and whose rows count for neither."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from loopline.engine.step import Step
from tests.signing import vouch
from tests.watch.shop import CHARTER, Crowd, Shop, make_package

LEG = "9-leg"


def test_what_was_held_out_or_tried_by_an_experiment_counts_for_neither_package(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    challenger, _ = make_package(shop.lake, project="challenger")
    vouch(shop.ledger, shop.blobs, challenger)
    crowd = Crowd.of(400, seed=1)
    shop.serve(crowd)
    shop.serve(Crowd.of(100, seed=2), package=challenger)
    place = np.arange(500) % 4
    split = shop.tables.read("predictions").sort("time").collect()
    held, arm = place == 0, np.select([place == 1, place == 2], ["eager", "control"], None)
    columns = {"leg": pl.Series([LEG] * 500), "holdout": pl.Series(held), "arm": pl.Series(arm.tolist(), dtype=pl.String), "ms": pl.Series([1.0] * 500)}
    shop.tables.replace("predictions", split.with_columns(**columns))
    facts = shop.run(
        Step(
            stage="watch",
            name="trial",
            function="loopline.watch.trial:run",
            reads={"watch": shop.spec.fields("window"), **CHARTER.fields("worth", "outcome_seen")},
            inputs={
                "champion": shop.package,
                "challenger": challenger,
                "versions": shop.ask().facts["serve"]["versions"],
                "leg": LEG,
                "legs": [{"leg": LEG, "kind": "canary"}],
            },
            rooms=(),
        )
    )
    (found,) = facts["evidence"]
    assert (found["champion"]["requests"], found["challenger"]["requests"]) == (200, 50)
    own = crowd.money()[place[:400] >= 2]
    assert found["champion"]["worth"]["n"] == 200 and abs(found["champion"]["worth"]["mean"] - own.mean()) < 1e-9
