"""A look at an experiment says why nothing can be told, where a package of it can no longer be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from loopline.serve.experiments import Arm
from loopline.value.experiment.look import look
from tests.value.experiment.test_results import POLICIES, experiment
from tests.watch.shop import CHARTER, Shop


def of(shop: Shop, sort: Any, *arms: Arm) -> Any:
    made = experiment(shop, sort, *arms)
    made.plan.update(effect=1.0)
    return look(shop.workspace, made, {}, CHARTER.worth, always=True)


def test_what_cannot_be_read_is_said_and_what_is_empty_goes_on(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    seen = of(shop, "package", Arm(name="control", share=0.5, package=shop.package), Arm(name="gone", share=0.5, package="f" * 64))
    assert seen.found is None and "package ffffffff can no longer be read" in seen.says()
    empty = of(shop, "policy", *POLICIES)
    assert empty.trouble == "" and empty.found["state"] == "running" and sum(empty.found["units"].values()) == 0
    shop.ledger.close()
