"""``loopline charter``: the study shown, and a no-go overridden by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from loopline.cli.charter import command
from loopline.errors import Mistake
from loopline.ledger.entry import Draft
from loopline.loop import open_loop
from tests.release.conftest import table

NO_GO = """
project: shop
charter:
  problem: Visitors leave.
  predict: y
  worth: {currency: EUR, act_right: -1, act_wrong: -6}
  stakeholders: {business: [ann]}
data: {sources: {t: {path: t.csv}}}
"""

Call = Callable[..., dict[str, Any]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    table("binary", rows=60).write_csv(tmp_path / "t.csv")
    (tmp_path / "loopline.yaml").write_text(NO_GO)
    return tmp_path


@pytest.fixture
def call(folder: Path) -> Call:
    def called(*words: str) -> dict[str, Any]:
        result = CliRunner().invoke(command, [*words, "--folder", str(folder), "--json"])
        if isinstance(result.exception, Exception) and not isinstance(result.exception, SystemExit):
            raise result.exception
        said: dict[str, Any] = json.loads(result.stdout)
        return said

    return called


def run(folder: Path) -> int:
    with open_loop(folder) as loop:
        return loop.run(until="charter").exit_code


def test_before_the_study_there_is_nothing_to_show(call: Call) -> None:
    with pytest.raises(Mistake, match="has not been studied yet; loopline run --until charter"):
        call("show")


def test_a_no_go_stops_the_loop_until_a_named_person_overrides_it(call: Call, folder: Path) -> None:
    assert run(folder) == 1
    shown = call("show")
    assert shown["study"]["verdict"] == "no-go"
    assert shown["next"] == "loopline charter override --by NAME --why REASON"
    said = call("override", "--by", "ann", "--why", "we learn from it")
    assert (said["by"], said["why"], said["next"]) == ("ann", "we learn from it", "loopline run")
    assert run(folder) == 0
    until = str(datetime.now(UTC).date() + timedelta(days=90))
    assert said["until"] == until
    assert call("show")["override"] == {"by": "ann", "why": "we learn from it", "until": until, "holds": True, "entry": said["entry"]}


def test_an_override_binds_to_the_charter_that_was_studied(call: Call, folder: Path) -> None:
    run(folder)
    call("override", "--by", "ann", "--why", "we learn from it")
    (folder / "loopline.yaml").write_text(NO_GO.replace("act_right: -1", "act_right: -2"))
    assert call("show")["is_stale"]
    with pytest.raises(Mistake, match="has changed since it was studied; study it first: loopline run --until charter"):
        call("override", "--by", "ann", "--why", "again")
    assert run(folder) == 1
    assert call("show")["override"] is None


def test_an_override_that_was_said_before_charters_were_kept_goes_on_to_hold(call: Call, folder: Path) -> None:
    # The key is what the Loopline of then made of this very charter.
    key, body = "601ba5b307c914d6a1eefca599a8bcc0e3a86a6e2609571eb78dd3c302c155ca", {"why": "we learn from it", "reasons": ["acting can never pay"]}
    with open_loop(folder) as loop:
        loop.workspace.ledger.append(Draft(kind="override", subject="charter", key=key, body=body, actor="ann"))
    assert run(folder) == 0
    shown = call("show")
    assert (shown["override"]["holds"], shown["next"]) == (True, "loopline run")


def test_only_the_business_overrides_and_with_its_key(call: Call, folder: Path) -> None:
    run(folder)
    with pytest.raises(Mistake, match="does not hold the role business; ann does"):
        call("override", "--by", "ben", "--why", "just so")
    call("override", "--by", "ann", "--why", "we learn from it")
    with open_loop(folder) as loop:
        said = loop.state().overrides["charter"]
        assert said.body["signature"]
        assert said.body["rules"] == {"acting_can_pay": "charter"}
        # The same words without the key are nobody's.
        body = {name: value for name, value in said.body.items() if name != "signature"}
        loop.workspace.ledger.append(Draft(kind="override", subject="charter", key=said.key, body=body, actor="ann"))
    assert run(folder) == 1


def test_a_no_go_that_is_only_stated_needs_no_override_where_there_are_data(call: Call, folder: Path) -> None:
    hopeless = (
        "act_right: 10, act_wrong: -6}\n  volume: 10 per day\n  target: 9000 per year\n  study: {happens: 5%..10%, expects: {precision: 50%, recall: 10%}}"
    )
    (folder / "loopline.yaml").write_text(NO_GO.replace("act_right: -1, act_wrong: -6}", hopeless))
    assert run(folder) == 0
    shown = call("show")
    assert (shown["study"]["verdict"], shown["study"]["rests_on"], shown["next"]) == ("no-go", "stated", "loopline run")
    with pytest.raises(Mistake, match="rests on what is stated alone, and the data have not been read, so there is nothing to override; loopline run"):
        call("override", "--by", "ann", "--why", "because")


def test_other_prices_end_an_override(call: Call, folder: Path) -> None:
    prices = folder / "prices.yaml"
    prices.write_text("people: 60 per hour\n")
    (folder / "loopline.yaml").write_text(NO_GO.replace("  predict", "  prices: prices.yaml\n  predict"))
    run(folder)
    call("override", "--by", "ann", "--why", "we learn from it")
    assert run(folder) == 0
    prices.write_text("people: 70 per hour\n")
    assert call("show")["is_stale"]
    assert run(folder) == 1


def test_without_a_no_go_there_is_nothing_to_override(call: Call, folder: Path) -> None:
    (folder / "loopline.yaml").write_text(NO_GO.replace("act_right: -1", "act_right: 5"))
    assert run(folder) == 0
    with pytest.raises(Mistake, match="so there is nothing to override"):
        call("override", "--by", "ann", "--why", "because")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--until", "soon"), "'soon' is not a day; write it as 2026-01-31"),
        (("--until", "2020-01-31"), "2020-01-31 has passed; name a day from"),
        (("--until", "9999-01-31"), "9999-01-31 is more than a year away; name a day until"),
        (("--until", "2026-01-31", "--budget"), "ends with the month; leave --until out"),
    ],
)
def test_the_end_of_an_override_is_a_day_within_a_year(call: Call, words: tuple[str, ...], why: str) -> None:
    with pytest.raises(Mistake, match=why):
        call("override", "--by", "ann", "--why", "because", *words)


@pytest.mark.parametrize("why", ["", "  "])
def test_an_override_needs_a_reason(call: Call, folder: Path, why: str) -> None:
    run(folder)
    with pytest.raises(Mistake, match="the reason is empty"):
        call("override", "--by", "ann", "--why", why)


def test_as_text_the_study_ends_with_the_next_command(folder: Path) -> None:
    run(folder)
    shown = CliRunner().invoke(command, ["show", "--folder", str(folder)]).stdout
    assert "problem     Visitors leave." in shown
    assert "study       no-go: acting can never pay" in shown
    assert shown.endswith("next: loopline charter override --by NAME --why REASON\n")
