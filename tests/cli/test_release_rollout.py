"""A person's hand on a rollout: what each command says, does and refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from loopline.cli.release import command
from loopline.errors import CheckFailed, Mistake
from loopline.ledger.entry import Draft
from loopline.loop import open_loop
from loopline.release.rollout.course import start
from loopline.release.rollout.plan import Plan
from tests.kept import copied
from tests.release.conftest import table

DECLARATION = """
project: shop
charter: {predict: y, positive: "yes", worth: {currency: EUR, act_right: 10, act_wrong: -6}}
data: {sources: {t: {path: t.csv, time: at}}}
model: {families: [linear], search: {trials: 1}, assess: {refits: false}}
release: {rollout: {plan: canary 5% 1h -> full, without_outcomes: approve}}
"""
OLD = "ab" * 32


def trying(folder: Path) -> None:
    """A project whose package is on trial beside another one."""
    table("binary").write_csv(folder / "t.csv")
    (folder / "loopline.yaml").write_text(DECLARATION)
    with pytest.MonkeyPatch.context() as patch, open_loop(folder) as loop:
        patch.setenv("LOOPLINE_USER", "ops@example.com")
        loop.run(until="model")
        package = (loop.state().facts("model", "search") or {})["package"]
        # The gates compare with no champion that is not there: they have judged before it came.
        judged = {"state": "succeeded", "name": "gates", "facts": {"says": "", "package": package, "passed": True, "gates": [], "against": None}}
        loop.workspace.ledger.append(Draft(kind="step", subject="release", key="gates", body=judged))
        loop.workspace.ledger.append(Draft(kind="champion", subject=OLD, body={"how": "promoted", "why": "a test", "previous": None, "approvals": []}))
        plan = Plan.model_validate({"plan": "canary 5% 1h -> full", "without_outcomes": "approve"})
        loop.workspace.ledger.append(start(package, OLD, plan.as_json(), {"kind": "canary", "share": 0.05}, salt="s", why="a test", parents=()))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory, trying, tmp_path_factory.mktemp("shop"))


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "shop"))


Call = Callable[..., dict[str, Any]]


@pytest.fixture
def call(folder: Path) -> Call:
    def called(*words: str) -> dict[str, Any]:
        result = CliRunner().invoke(command, [*words, "--folder", str(folder), "--json"], env={"LOOPLINE_USER": "ops@example.com"})
        if isinstance(result.exception, Exception) and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        said: dict[str, Any] = json.loads(result.stdout)
        return said

    return called


def test_status_tells_where_the_rollout_stands_and_what_follows(call: Call, folder: Path) -> None:
    told = call("status")["rollout"]
    assert (told["state"], told["kind"], told["share"], told["plan"]) == ("live", "canary", 0.05, "canary 5% 1h -> full")
    assert told["ruling"]["action"] == "hold"
    text = CliRunner().invoke(command, ["status", "--folder", str(folder)]).output
    assert "it answers 5 % of the traffic" in text
    assert "hold: canary 5% 1h goes on for" in text


def test_it_is_paused_once_and_resumed_once(call: Call) -> None:
    with pytest.raises(Mistake, match="is not paused"):
        call("resume", "--why", "w")
    assert call("pause", "--why", "the holidays")["action"] == "paused"
    told = call("status")["rollout"]
    assert (told["state"], told["ruling"]["why"], told["why"]) == ("paused", "it is paused", "the holidays")
    with pytest.raises(Mistake, match="is paused already"):
        call("pause", "--why", "w")
    call("resume", "--why", "they are over")
    assert call("status")["rollout"]["state"] == "live"


@pytest.mark.parametrize("word", ["promote", "pause", "rollback"])
def test_a_move_under_a_name_whose_key_it_is_not_is_refused(call: Call, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    file = folder / "loopline.yaml"
    file.write_text(file.read_text().replace("charter: {", "charter: {stakeholders: {devops: [ops@example.com]}, "))
    monkeypatch.setenv("LOOPLINE_KEY", str(tmp_path / "mallory.pem"))
    with pytest.raises(Mistake, match="this workspace trusts ops@example.com, and not the key"):
        call(word, "--why", "w")
    assert call("status")["rollout"]["state"] == "live"


def test_where_the_charter_lists_nobody_anybody_may_and_the_history_says_with_which_key(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call("pause", "--why", "the holidays")
    monkeypatch.setenv("LOOPLINE_KEY", str(tmp_path / "passer-by.pem"))
    # Not even under the loop's own name.
    call("rollback", "--by", "loopline", "--why", "complaints came")
    (reign,) = call("history")["champions"]
    started, paused, withdrawn = reign["trials"][0]["moves"]
    assert (started["signed"], paused["signed"]["verifies"]) == (None, True)
    assert withdrawn["signed"]["note"] == f"its key {withdrawn['signed']['fingerprint']} is not trusted here"


def test_a_rollback_ends_the_trial_and_the_champion_stays(call: Call) -> None:
    told = call("rollback", "--why", "complaints came")
    assert told["champion"] == OLD
    after = call("status")
    assert (after["champion"], after["rollout"]["state"], after["rollout"]["why"]) == (OLD, "withdrawn", "complaints came")
    for words in (("pause",), ("resume",), ("promote",)):
        with pytest.raises(Mistake, match="no package is on trial"):
            call(*words, "--why", "w")


def test_a_person_may_promote_it_and_the_history_says_who(call: Call) -> None:
    package = call("status")["rollout"]["package"]
    # The plan asks its approver where outcomes are unknown: nobody passes them by.
    with pytest.raises(CheckFailed, match="waits for the approval of business"):
        call("promote", "--why", "we know enough")
    call("approve", "--for", "rollout", "--as", "business", "--why", "the outcomes come in a year")
    call("promote", "--why", "we know enough")
    (old, new) = call("history")["champions"]
    assert (old["package"], new["package"], new["actor"]) == (OLD, package, "ops@example.com")
    assert "ops@example.com ended its rollout: we know enough" in new["why"]
    assert [(one["package"], one["end"]) for one in old["trials"]] == [(package, "promoted")]
    assert new["trials"] == []


@pytest.mark.parametrize("word", ["promote", "pause", "rollback"])
def test_a_reason_is_asked_for(call: Call, word: str) -> None:
    with pytest.raises(Mistake, match="the reason is empty"):
        call(word, "--why", " ")
    assert call("status")["rollout"]["state"] == "live"


def test_the_plan_s_approver_lets_it_pass_without_outcomes(call: Call) -> None:
    said = call("approve", "--for", "rollout", "--as", "business", "--why", "the outcomes come in a year")
    assert (said["for"], said["verdict"]) == ("rollout", "yes")
    with pytest.raises(Mistake, match="no word of devops is asked for"):
        call("approve", "--for", "rollout", "--as", "devops", "--why", "w")
