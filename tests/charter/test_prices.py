"""Prices from the file that the charter names."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopline.charter.prices import load
from loopline.errors import Mistake


def test_the_price_of_the_machine_is_told_by_the_hour(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text("machine: 2.4 per day\n")
    assert load("prices.yaml", tmp_path).machine_per_hour == pytest.approx(0.1, rel=1e-3)


def test_an_empty_file_says_no_prices(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text("")
    assert load("prices.yaml", tmp_path).machine_per_hour is None


@pytest.mark.parametrize(("text", "said"), [("machine: cheap", "is not a rate"), ("disk: 3", "disk"), ("a: [", "no YAML")])
def test_what_is_not_understood_is_one_line_with_the_remedy(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "prices.yaml").write_text(text)
    with pytest.raises(Mistake, match=said) as caught:
        load("prices.yaml", tmp_path)
    assert caught.value.where == "charter.prices: prices.yaml" and "machine: 0.10 per hour" in caught.value.remedy


def test_an_absent_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="there is no file prices.yaml"):
        load("prices.yaml", tmp_path)


def test_the_price_of_the_cloud_is_told_by_the_hour(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text("cloud: 0.25 per hour\n")
    prices = load("prices.yaml", tmp_path)
    assert (prices.cloud_per_hour, prices.machine_per_hour) == (pytest.approx(0.25), None)
