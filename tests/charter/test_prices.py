"""Prices from the file that the charter names."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.charter.machines import HOURS_PER_MONTH
from loopline.charter.prices import Prices, load, of_charter
from loopline.charter.spec import CharterSpec
from loopline.errors import Mistake

TODAY = date(2026, 11, 26)
LONG = """
dated: 2026-09-01
currency: EUR
sources: [an offer of our dealer, the bill of the power company]
machine:
  purchase: 2400
  years: 4
  residual: 480
  cores: 8
  memory: 32 GB
  power: {idle: 30 W, busy: 0.11 kW}
  electricity: 300 per MWh
  rack: 25 per month
  upkeep: 120 per year
  people: {hours: 4 per month, rate: 60 per hour}
cloud:
  instances:
    small: {price: 0.03 per hour, cores: 2, memory: 4 GB}
    large: {price: 0.20 per hour, cores: 8, memory: 32 GB}
  storage: 20 per TB-month
  requests: 0.0004 per 1000
  egress: 0.09 per GB
other: {licences: 40 per month, look-ups: 2 per 1000 decisions}
"""


def written(folder: Path, text: str) -> str:
    (folder / "prices.yaml").write_text(text)
    return "prices.yaml"


def test_the_price_of_the_machine_is_told_by_the_hour(tmp_path: Path) -> None:
    assert load(written(tmp_path, "machine: 2.4 per day\n"), tmp_path).machine_per_hour == pytest.approx(0.1, rel=1e-3)


def test_an_empty_file_says_no_prices(tmp_path: Path) -> None:
    assert load(written(tmp_path, ""), tmp_path).machine_per_hour is None


def test_the_price_of_the_cloud_is_told_by_the_hour(tmp_path: Path) -> None:
    prices = load(written(tmp_path, "cloud: 0.25 per hour\n"), tmp_path)
    assert (prices.cloud_per_hour, prices.machine_per_hour) == (pytest.approx(0.25), None)
    assert prices.working_per_hour == prices.cloud_per_hour


def test_the_long_form_is_read_in_one_unit_each(tmp_path: Path) -> None:
    book = load(written(tmp_path, LONG), tmp_path, today=TODAY)
    assert book.machine is not None and book.machine.power is not None and book.cloud is not None
    assert (book.machine.power.busy, book.machine.electricity, book.machine.depreciation) == (110.0, 0.3, 40.0)
    assert (book.cloud.storage, book.cloud.requests) == (0.02, 0.4)
    assert book.other["look-ups"].each == 0.002 and book.other["licences"].per_month == 40
    monthly = 40 + 0.11 * HOURS_PER_MONTH * 0.3 + 25 + 10 + 4 * 60
    assert book.machine_per_hour == pytest.approx(monthly / HOURS_PER_MONTH)
    # Which instance works is not known beforehand: a budget is held against the dearest.
    assert book.cloud_per_hour == pytest.approx(0.2)


def test_a_book_survives_being_an_input_of_a_step(tmp_path: Path) -> None:
    for text in (LONG, "machine: 0.00001 per hour\ncloud: 0.25 per hour\n"):
        book = load(written(tmp_path, text), tmp_path, today=TODAY)
        assert Prices.model_validate(book.model_dump(mode="json", exclude_none=True)) == book
        assert Prices.model_validate(book.model_dump(mode="json")) == book


@given(st.floats(0.001, 1000), st.floats(1, 20))
def test_the_short_form_means_a_machine_written_off_by_the_hour(per_hour: float, years: float) -> None:
    short = Prices.model_validate({"machine": f"{per_hour!r} per hour"})
    long = Prices.model_validate({"machine": {"purchase": per_hour * HOURS_PER_MONTH * 12 * years, "years": years}})
    assert short.machine_per_hour == pytest.approx(long.machine_per_hour) == pytest.approx(per_hour)
    assert Prices.model_validate({"machine": {"price": f"{per_hour!r} per hour"}}) == short
    rented = [{"instances": {"machine": {"price": f"{per_hour!r} per hour"}}}, {"instances": {"machine": f"{per_hour!r} per hour"}}, f"{per_hour!r} per hour"]
    assert len({Prices.model_validate({"cloud": cloud}).model_dump_json() for cloud in rented}) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("machine: cheap", "is not a rate"),
        ("machine: 0.10", "is not a rate"),
        ("machine: -1 per hour", "below nought"),
        ("machine:", "machine has no value"),
        ("disk: 3", "disk"),
        ("a: [", "no YAML"),
        ("machine: {cores: 8}", "nothing says what the machine costs"),
        ("machine: {purchase: 2400}", "over how many years"),
        ("machine: {purchase: .nan, years: 4}", "finite"),
        ("machine: {purchase: 2400, years: 0}", "greater than 0"),
        ("machine: {purchase: 2400, years: 4, residual: 3000}", "residual (3000) is above purchase (2400)"),
        ("machine: {rack: 5 per month, power: 90 W}", "no price of a kWh"),
        ("machine: {rack: 5 per month, power: 90, electricity: 0.3 per kWh}", "write an amount in W, kW"),
        ("machine: {rack: 5 per month, power: {idle: 120 W, busy: 40 W}, electricity: 0.3 per kWh}", "idle (120 W) is above busy (40 W)"),
        ("machine: {rack: 5 per month, people: {hours: 3 per month}}", "rate"),
        ("machine: {rack: 5 per month, memory: 32 GiB}", "write an amount in GB, MB, TB"),
        ("machine: {rack: 5 per hour, electricity: 0.28 per hour}", "per kWh"),
        ("cloud: {instances: {}}", "at least 1"),
        ("cloud: {storage: 0.02 per GB-month}", "instances"),
        ("cloud: {instances: {a: [0.1]}}", "instances.a"),
        ("cloud: {instances: {a: {price: 0.1 per hour}}, storage: 0.02 per GB}", "per GB-month"),
        ("cloud: {instances: {a: {price: 0.1 per hour}}, egress: 0.02 per month}", "per GB, per TB"),
        ("machine: {rack: 5 per month, memory: '1,5 GB'}", "write 1.5 GB"),
        ("machine: {rack: 5 per month, memory: 1e400 GB}", "finite number"),
        ("other: {licences: 40}", "is not a rate"),
        ("other: {licences: {}}", "nothing says how much"),
        ("dated: last week", "dated"),
        ("dated: 2026-02-30", "no YAML"),
        ("- 1", "the file: "),
        ("machine: 1 per hour\nruns: cloud", "it runs on cloud, which has no price"),
    ],
)
def test_what_is_not_understood_is_one_line_with_the_remedy(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(Mistake) as caught:
        load(written(tmp_path, text), tmp_path)
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert caught.value.where == "charter.prices: prices.yaml" and "machine: 0.10 per hour" in caught.value.remedy


def test_an_absent_file_and_one_that_is_no_text_are_told(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="there is no file prices.yaml"):
        load("prices.yaml", tmp_path)
    (tmp_path / "prices.yaml").write_bytes(b"machine: \xff")
    with pytest.raises(Mistake, match="not UTF-8"):
        load("prices.yaml", tmp_path)


def test_where_it_runs_is_the_own_machine_unless_it_is_said(tmp_path: Path) -> None:
    both = "machine: 1 per hour\ncloud: 2 per hour\n"
    assert load(written(tmp_path, both), tmp_path).working_per_hour == pytest.approx(1)
    assert load(written(tmp_path, both + "runs: cloud\n"), tmp_path).working_per_hour == pytest.approx(2)


def test_a_book_of_tomorrow_is_refused_and_one_of_long_ago_is_known_as_old(tmp_path: Path) -> None:
    text = "dated: 2026-11-27\nmachine: 1 per hour\n"
    with pytest.raises(Mistake, match="dated 2026-11-27, which is yet to come"):
        load(written(tmp_path, text), tmp_path, today=TODAY)
    book = load("prices.yaml", tmp_path, today=TODAY + timedelta(days=1))
    assert not book.is_old(date(2027, 11, 28)) and book.is_old(date(2027, 11, 29))
    assert not Prices().is_old(TODAY)


@pytest.mark.parametrize(("worth", "fits"), [({"currency": "EUR"}, True), ({"currency": "USD"}, False), ({}, True)])
def test_prices_in_another_currency_than_the_charters_are_refused(tmp_path: Path, worth: dict[str, Any], fits: bool) -> None:
    written(tmp_path, LONG)
    charter = CharterSpec.model_validate({"predict": "y", "worth": worth, "prices": "prices.yaml"})
    if fits:
        assert of_charter(charter, tmp_path, today=TODAY) is not None
    else:
        with pytest.raises(Mistake, match="the prices are in EUR, and the charter counts in USD"):
            of_charter(charter, tmp_path, today=TODAY)
    assert of_charter(CharterSpec(predict="y"), tmp_path) is None
