"""``loopline ci run``: a change is judged beside the champion, and the workspace that it is judged against stays as it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from click.testing import CliRunner, Result

from loopline.cli.ci import command
from loopline.errors import Mistake
from loopline.loop import open_loop
from tests.cli.test_release import DECLARATION, declare
from tests.kept import copied
from tests.release.conftest import table

Ran = Callable[..., Result]


def poor(folder: Path) -> None:
    """A project with a champion, which is kept poor: it may read the noise alone."""
    table("binary").write_csv(folder / "t.csv")
    text = DECLARATION.replace("release: {approvals: {business: 1, devops: 1}}\n", "").replace("act_wrong: -6}", "act_wrong: -6}\n  volume: 1000 per year")
    (folder / "loopline.yaml").write_text(text.replace("model: {", "model: {leave_out: [size], "))
    with open_loop(folder) as loop:
        assert loop.run(until="release").champion is not None


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory, poor, tmp_path_factory.mktemp("shop"))


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "shop"))


@pytest.fixture
def run(folder: Path, tmp_path: Path) -> Ran:
    def ran(*words: str, code: int = 0) -> Result:
        result = CliRunner().invoke(command, ["run", *words, "--folder", str(folder), "--output", str(tmp_path / "out")])
        if isinstance(result.exception, Exception) and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return ran


def said(result: Result) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def entries(folder: Path) -> list[str]:
    with open_loop(folder) as loop:
        return [entry.id for entry in loop.workspace.ledger.read()]


def files(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in (folder / ".loopline" / "lake").rglob("*") if file.is_file()}


def crown_a_better_one(folder: Path) -> None:
    declare(folder, "leave_out: [size], ", "")
    with open_loop(folder) as loop:
        loop.run(until="release")


def test_a_better_change_is_told_against_the_champion_and_leaves_no_trace(run: Ran, folder: Path, tmp_path: Path) -> None:
    declare(folder, "leave_out: [size], ", "")
    before = entries(folder), files(folder)
    data = said(run("--json"))
    assert (entries(folder), files(folder)) == before
    assert data["passed"]
    assert {step["name"]: step["state"] for step in data["steps"]} == dict.fromkeys(
        ("declaration", "data tests", "charter", "data", "model", "gates", "champion"), "passed"
    )
    with open_loop(folder) as loop:
        assert data["champion"] == loop.state().champion
    assert data["differences"]["worth"]["low"] > 0
    assert data["worth"]["per_year"] == pytest.approx(1000 * data["worth"]["per_decision"])
    (criterion,) = data["criteria"]
    assert criterion["value"] > criterion["champion_value"]
    assert data["changed"] == ["model"]
    assert set(data["files"]) == {"report.md", "data.xml", "gates.xml", "worth_curve.png", "reliability.png", "compared.png"}
    assert all((tmp_path / "out" / name).is_file() for name in data["files"])
    assert Xml.parse(tmp_path / "out" / "gates.xml").getroot().get("failures") == "0"
    assert (tmp_path / "out" / "compared.png").read_bytes().startswith(b"\x89PNG")
    text = (tmp_path / "out" / "report.md").read_text()
    assert text.startswith("# Loopline: shop, pull request\n\n**It passes.**")
    for part in (
        "| more than the champion |",
        "Changed: `model`.",
        "| Mostly taken (A1) |",
        "up by",
        "beyond chance",
        "(compared.png)",
        "| passed | beats_champion |",
    ):
        assert part in text


def test_a_change_that_earns_less_beyond_chance_fails(run: Ran, folder: Path, tmp_path: Path) -> None:
    crown_a_better_one(folder)
    assert said(run("--json"))["changed"] == []
    declare(folder, "families: [linear]", "families: [rules], rules: ['noise > 0']")
    declare(folder, "precision >= 0.2}", "precision >= 0.1}, {id: A2, says: Nobody waits}")
    data = said(run("--json", "--link", "https://ci.example.com/7", code=1))
    assert {step["name"]: step["state"] for step in data["steps"]}["champion"] == "failed"
    assert data["differences"]["worth"]["high"] < 0
    text = (tmp_path / "out" / "report.md").read_text()
    assert "It does not pass:" in text
    # A limit that is lowered beside it does not go unseen.
    assert [(one["id"], one["was"], one["change"]) for one in data["criteria"]] == [("A1", "precision >= 0.2", "changed"), ("A2", None, "new")]
    assert "asked for `precision >= 0.2` before" in text and "| Nobody waits (A2) | nothing yet | - |" in text
    assert "[among the artefacts](https://ci.example.com/7)" in text


def test_a_champion_that_lacks_a_column_of_its_own_is_no_fair_comparison(run: Ran, folder: Path, tmp_path: Path) -> None:
    crown_a_better_one(folder)
    declare(folder, "model: {", "model: {leave_out: [size], ")
    data = said(run("--json"))
    assert {step["name"]: step["state"] for step in data["steps"]}["champion"] == "skipped"
    assert "without columns that it reads, which favours the change. When it was made, it earned 3." in (tmp_path / "out" / "report.md").read_text()


def test_without_a_workspace_there_is_no_champion_and_none_is_made(run: Ran, folder: Path, tmp_path: Path) -> None:
    shutil.rmtree(folder / ".loopline")
    data = said(run("--json"))
    assert (data["champion"], data["differences"], data["changed"]) == (None, None, None)
    assert data["lack"].startswith("there is no ledger yet")
    assert "Pipelines share a workspace by LOOPLINE_LEDGER and LOOPLINE_LAKE." in (tmp_path / "out" / "report.md").read_text()
    assert not (folder / ".loopline").exists()


def test_a_failed_gate_is_exit_code_1_and_the_report_says_which(run: Ran, folder: Path, tmp_path: Path) -> None:
    declare(folder, "precision >= 0.2", "precision >= 0.9999")
    assert "gates" in run(code=1).stdout
    text = (tmp_path / "out" / "report.md").read_text()
    assert "| FAILED | acceptance A1 |" in text
    assert Xml.parse(tmp_path / "out" / "gates.xml").getroot().get("failures") != "0"


@pytest.mark.parametrize("on", ["pull-request", "main"])
def test_a_change_that_ends_in_a_no_go_says_what_it_does_to_the_criteria_and_what_lets_it_go_on(run: Ran, folder: Path, tmp_path: Path, on: str) -> None:
    declare(folder, "act_right: 10", "act_right: -10")
    declare(folder, "precision >= 0.2}", "precision >= 0.1}, {id: A2, says: Nobody waits}")
    data = said(run("--on", on, "--json", code=1))
    assert {step["name"]: step["state"] for step in data["steps"]}["champion"] == "skipped"
    assert [(one["id"], one["was"], one["change"], one["passed"]) for one in data["criteria"]] == [
        ("A1", "precision >= 0.2", "changed", None),
        ("A2", None, "new", None),
    ]
    assert (data["package"], data["next"]) == (None, "loopline charter override --by NAME --why REASON")
    assert "| Mostly taken (A1) | `precision >= 0.1` | - |" in (tmp_path / "out" / "report.md").read_text()


def test_failed_tests_of_the_data_are_exit_code_1(run: Ran, folder: Path) -> None:
    declare(folder, "data:\n", "data:\n  contract: {size: {type: number, max: 2.5}}\n")
    data = said(run("--json", code=1))
    assert {step["state"] for step in data["steps"] if step["name"] == "data tests"} == {"failed"}
    assert data["changed"] == ["data.contract"]


def test_rows_that_are_refused_below_what_is_declared_stop_nothing(run: Ran, folder: Path) -> None:
    declare(folder, "data:\n", "data:\n  contract: {size: {type: number, max: 2.5}, batch: {refused: 5%}}\n")
    told = next(step for step in said(run("--json"))["steps"] if step["name"] == "data tests")
    assert (told["state"], told["says"].split("; ")[1]) == ("passed", "1 refuse no more rows than contract.batch.refused lets pass")
    declare(folder, "refused: 5%", "refused: 0.1%")
    told = next(step for step in said(run("--json", code=1))["steps"] if step["name"] == "data tests")
    assert told["state"] == "failed"


def test_a_wrong_declaration_names_its_line_in_the_report_too(run: Ran, folder: Path, tmp_path: Path) -> None:
    declare(folder, "predict: y", "predct: y")
    with pytest.raises(Mistake, match="line 4.*did you mean 'predict'"):
        run()
    text = (tmp_path / "out" / "report.md").read_text()
    assert "**It does not pass: declaration.**" in text
    assert "line 4" in text


def test_a_stop_of_the_loop_by_a_mistake_is_exit_code_2(run: Ran, folder: Path) -> None:
    text = (folder / "loopline.yaml").read_text()
    (folder / "loopline.yaml").write_text(f"{text}\nrelease: {{gates: {{fairness: {{kind: {{precison: {{ratio: 0.5}}}}}}}}}}\n")
    result = run("--json", code=2)
    assert {step["name"]: step["state"] for step in said(result)["steps"]}["gates"] == "failed"
    assert "did you mean 'precision'" in result.stderr


def test_on_main_the_loop_goes_round_and_the_package_is_written(run: Ran, folder: Path, tmp_path: Path) -> None:
    declare(folder, "leave_out: [size], ", "")
    data = said(run("--on", "main", "--json"))
    with open_loop(folder) as loop:
        state = loop.state()
    assert state.champion == data["package"] != data["champion"]
    assert {"serve", "watch", "value"} <= {step["name"] for step in data["steps"]}
    assert (tmp_path / "out" / "package.zip").is_file()
    assert data["differences"]["worth"]["low"] > 0
    assert data["next"] == "loopline serve"
    # Nothing has changed since: the same again costs nothing, and says so.
    assert said(run("--on", "main", "--json"))["package"] == data["package"]
