"""``loopline charter spent``: a project with prices is run, its budget stops it, and a named person lets it go on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from loopline.cli.charter import command
from loopline.engine.local import LocalEngine
from loopline.errors import CheckFailed, Mistake
from loopline.ledger.entry import Draft
from loopline.loop import LoopStatus, open_loop
from tests.cli.deciding import make_project
from tests.release.conftest import table

PROJECT = """
project: shop
charter:
  predict: y
  worth: {currency: EUR, act_right: 4, act_wrong: -4}
  prices: prices.yaml
  budget: BUDGET
data: {sources: {t: {path: t.csv}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    table("binary", rows=60).write_csv(tmp_path / "t.csv")
    (tmp_path / "prices.yaml").write_text("machine: 3600 per hour\n")
    declare(tmp_path, "{build: 1000000, run: 12000 per year}")
    return tmp_path


def declare(folder: Path, budget: str) -> None:
    (folder / "loopline.yaml").write_text(PROJECT.replace("BUDGET", budget))


def run(folder: Path, **more: Any) -> LoopStatus:
    with open_loop(folder) as loop:
        return loop.run(until="data", **more)


def called(folder: Path, *words: str) -> str:
    result = CliRunner().invoke(command, [*words, "--folder", str(folder)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def shown(folder: Path, *words: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(called(folder, "spent", "--json", *words))
    return data


def test_before_anything_ran_nothing_was_spent(folder: Path) -> None:
    assert called(folder, "spent").startswith("nothing was spent\n")
    assert shown(folder)["total"]["works"] == 0


def test_each_step_says_what_it_took_and_the_command_adds_it_up(folder: Path) -> None:
    assert run(folder).exit_code == 0
    with open_loop(folder) as loop:
        ends = [entry.body for entry in loop.workspace.ledger.read(kinds=("step",)) if entry.body["state"] == "succeeded"]
    assert all(body["currency"] == "EUR" and body["cost"] == pytest.approx(body["seconds"]) for body in ends)
    assert all(body["peak_bytes"] is None or body["peak_bytes"] > 1 << 20 for body in ends)
    data = shown(folder)
    assert {one["stage"] for one in data["spent"]} == {"charter", "data"}
    assert data["total"]["works"] == len(ends)
    assert data["total"]["money"]["EUR"] == pytest.approx(sum(body["cost"] for body in ends))
    assert [(one["name"], one["binds"]) for one in data["budgets"]] == [("charter.budget.build", True), ("charter.budget.run", False)]
    assert data["dearest"][0]["money"]["EUR"] == max(body["cost"] for body in ends)
    text = called(folder, "spent")
    assert "the dearest steps" in text and "charter.budget.build: " in text and "; it binds now" in text


class Elsewhere(LocalEngine):
    """Works, as it says, on machines that this one does not see."""

    is_remote = True


def test_the_memory_of_machines_elsewhere_is_not_told(folder: Path) -> None:
    with open_loop(folder) as loop:
        loop.workspace = replace(loop.workspace, engine=Elsewhere(1))
        loop.run(until="charter")
        (end,) = [entry.body for entry in loop.workspace.ledger.read(kinds=("step",)) if entry.body["state"] == "succeeded"]
    assert end["peak_bytes"] is None and end["cost"] > 0
    assert shown(folder)["total"]["peak_bytes"] is None and " - " in called(folder, "spent")


def test_what_has_been_done_costs_nothing_again(folder: Path) -> None:
    run(folder)
    before = shown(folder)["total"]
    run(folder)
    assert shown(folder)["total"] == before


def test_a_failed_step_costs_too(folder: Path) -> None:
    (folder / "loopline.yaml").write_text((folder / "loopline.yaml").read_text().replace("predict: y", "predict: nothing"))
    assert run(folder).exit_code != 0
    (failed,) = [one for one in shown(folder)["dearest"] if one["state"] == "failed"]
    assert failed["stage"] == "data" and failed["money"]["EUR"] > 0


def test_a_spent_budget_stops_the_run_before_the_next_step_until_somebody_lets_it_go_on(folder: Path) -> None:
    declare(folder, "{build: 0}")
    status = run(folder)
    assert status.exit_code == 1 and isinstance(status.error, CheckFailed) and status.error.where == "charter.budget.build"
    assert [(stage.stage, stage.state) for stage in status.stages] == [("charter", "done"), ("data", "failed")]
    assert "loopline charter override --budget" in str(status.error)
    (bound,) = shown(folder)["budgets"]
    assert bound["is_spent"] and bound["binds"]
    said = json.loads(called(folder, "override", "--budget", "--by", "ann", "--why", "the first week is free", "--json"))
    assert said["by"] == "ann" and "of 0 EUR" in said["reasons"][0]
    assert run(folder).exit_code == 0


def test_the_charters_study_goes_on_without_money(folder: Path) -> None:
    declare(folder, "{build: 0}")
    run(folder)
    declare(folder, "{build: 0.0001}")
    with open_loop(folder) as loop:
        assert loop.run(until="charter").exit_code == 0


def test_a_package_that_decides_is_watched_without_money(tmp_path: Path) -> None:
    make_project(tmp_path)
    table("binary", rows=60).write_csv(tmp_path / "t.csv")
    (tmp_path / "prices.yaml").write_text("machine: 1 per hour\n")
    (tmp_path / "loopline.yaml").write_text(PROJECT.replace("shop", "p").replace("BUDGET", "{run: 0 per month}"))
    with open_loop(tmp_path) as loop:
        status = loop.run(until="watch")
    assert (status.exit_code, status.error and status.error.where) == (1, "charter.budget.run")
    assert [stage.state for stage in status.stages] == ["done", "failed", "stale", "stale", "done", "done"]


def test_a_budget_that_is_not_spent_is_not_overridden(folder: Path) -> None:
    with pytest.raises(Mistake, match="the budget is not spent .0 of 1,000,000 EUR"):
        called(folder, "override", "--budget", "--by", "ann", "--why", "just so")


def test_one_month_is_shown_alone(folder: Path) -> None:
    run(folder)
    assert shown(folder, "--month", "1999-01")["spent"] == []
    (month,) = {one["month"] for one in shown(folder)["spent"]}
    assert shown(folder, "--month", month)["total"] == shown(folder)["total"]
    for wrong in ("1999-13", "november"):
        with pytest.raises(Mistake, match="is no month; write the year and the month"):
            called(folder, "spent", "--month", wrong)


def test_without_prices_time_is_told_and_nothing_binds(folder: Path) -> None:
    (folder / "prices.yaml").write_text("{}\n")
    declare(folder, "{build: 0}")
    assert run(folder).exit_code == 0
    data = shown(folder)
    assert data["total"]["money"] == {} and data["total"]["wall_s"] > 0 and not data["budgets"][0]["binds"]
    assert "no price of a machine" in called(folder, "spent")


def test_what_a_server_reported_is_counted(folder: Path) -> None:
    run(folder)
    body = {"wall_s": 3600.0, "cpu_s": 2.0, "peak_bytes": 5, "read_bytes": 1, "written_bytes": 2, "requests": 40, "cost": 3600.0, "currency": "EUR"}
    with open_loop(folder) as loop:
        loop.workspace.ledger.append(Draft(kind="usage", subject="serve", body=body))
    (serving,) = [one for one in shown(folder)["spent"] if one["stage"] == "serve"]
    assert (serving["requests"], serving["money"]) == (40, {"EUR": 3600.0})
    assert shown(folder)["serving"] == []


def test_what_was_served_before_there_was_a_price_is_said(folder: Path) -> None:
    run(folder)
    assert "had no price" not in called(folder, "spent")
    with open_loop(folder) as loop:
        loop.workspace.ledger.append(Draft(kind="usage", subject="serve", body={"wall_s": 605.0, "cpu_s": 2.0, "cost": None, "currency": None}))
    data = shown(folder)
    assert data["total"]["unpriced_s"] == 605.0
    assert [one["unpriced_s"] for one in data["spent"] if one["stage"] != "serve"] == [0.0, 0.0]
    assert "605 s had no price" in called(folder, "spent")


def test_a_server_that_runs_is_said_to_be_missing_until_it_ends(folder: Path) -> None:
    with open_loop(folder) as loop:
        (began,) = loop.workspace.ledger.append(Draft(kind="usage", subject="serve", body={"server": "ab", "state": "began"}))
    text = called(folder, "spent")
    assert text.startswith("nothing was spent\n1 process of a server is at work: what came after the report of ")
    run(folder)
    assert shown(folder)["serving"] == [{"server": "ab", "reported": began.time.isoformat()}]
    assert "1 process of a server is at work" in called(folder, "spent")
    with open_loop(folder) as loop:
        body = {"server": "ab", "state": "ended", "wall_s": 60.0, "cost": 60.0, "currency": "EUR"}
        loop.workspace.ledger.append(Draft(kind="usage", subject="serve", body=body))
    assert shown(folder)["serving"] == []
    assert "at work" not in called(folder, "spent")


def test_once_a_package_decides_the_budget_to_build_is_told_as_what_was(folder: Path) -> None:
    run(folder)
    assert "are spent until the first package decides" in called(folder, "spent")
    with open_loop(folder) as loop:
        loop.workspace.ledger.append(Draft(kind="champion", subject="abc", body={"why": "a test", "previous": None}))
    build, running = shown(folder)["budgets"]
    assert "were spent until the first package decided" in build["says"] and build["is_over"]
    assert "are spent in" in running["says"] and not running["is_over"]
    assert "were spent in 1999-01" in shown(folder, "--month", "1999-01")["budgets"][1]["says"]
