"""Whose turn it is, told through a real channel by the turns of a project; then ``loopline charter people``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from loopline.cli.charter import command
from loopline.engine.step import Silence
from loopline.ledger.entry import Draft
from loopline.loop import LoopStatus, open_loop
from loopline.release.rollout.course import start
from loopline.release.rollout.evidence import Arm, Evidence, Moments
from loopline.release.rollout.plan import Plan
from tests.cli.deciding import DECLARATION, make_project
from tests.receivers import Heard, web_server
from tests.release.conftest import table

NO_GO = """
project: shop
charter:
  predict: y
  worth: {currency: EUR, act_right: -1, act_wrong: -6}
  stakeholders: {business: [ann], data: [ann], devops: [ben]}
data: {sources: {t: {path: t.csv}}}
"""


@pytest.fixture
def web() -> Iterator[Heard]:
    with web_server() as heard:
        yield heard


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    table("binary", rows=60).write_csv(tmp_path / "t.csv")
    (tmp_path / "loopline.yaml").write_text(NO_GO)
    return tmp_path


def run(folder: Path) -> LoopStatus:
    with open_loop(folder) as loop:
        return loop.run()


def declare(folder: Path, text: str) -> None:
    (folder / "loopline.yaml").write_text(text)


def charter(folder: Path, *words: str) -> str:
    result = CliRunner().invoke(command, [*words, "--folder", str(folder)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_no_go_is_handed_to_its_role_once_and_again_when_the_charter_has_changed(folder: Path, web: Heard) -> None:
    channel = f"watch: {{tell: {{business: 'json://127.0.0.1:{web.port}/ann', devops: 'json://127.0.0.1:{web.port}/ben'}}}}\n"
    declare(folder, NO_GO + channel)
    for _ in range(2):
        assert run(folder).exit_code == 1
    ((path, _, body),) = web.calls
    assert path == "/ann"
    assert body["title"].startswith("shop: charter: no-go: acting can never pay")
    assert f"UTC; your turn: loopline charter override --by NAME --why REASON --folder {folder}\n" in body["message"]
    with open_loop(folder) as loop:
        loop.run(until="charter")
    declare(folder, NO_GO.replace("act_right: -1", "act_right: -2") + channel)
    run(folder)
    assert [path for path, *_ in web.calls] == ["/ann", "/ann"]


def test_who_must_sign_the_charter_is_told_with_their_own_command_whatever_the_data_come_to(folder: Path, web: Heard) -> None:
    said = NO_GO.replace("act_right: -1", "act_right: 4").replace("predict: y\n", "predict: y\n  approvals: {business: 1, devops: 1}\n")
    declare(folder, said + f"watch: {{tell: {{business: 'json://127.0.0.1:{web.port}'}}}}\n")
    for _ in range(2):
        assert run(folder).waiting_for == "business"
    (body,) = web.bodies()
    for role in ("business", "devops"):
        assert f"- for {role}: charter: the charter waits for the approval of business and devops\n" in body["message"]
        assert f"your turn: loopline charter sign --as {role} --why '...' --folder {folder}\n" in body["message"]


def test_where_nobody_has_a_channel_nothing_is_handed_over_and_what_was_is_over(folder: Path, web: Heard) -> None:
    run(folder)
    with open_loop(folder) as loop:
        assert loop.state().alerts == {}
    declare(folder, NO_GO + f"watch: {{tell: {{ml: 'json://127.0.0.1:{web.port}'}}}}\n")
    run(folder)
    assert "you are told because business has no channel" in web.bodies()[0]["message"]
    declare(folder, NO_GO)
    run(folder)
    with open_loop(folder) as loop:
        assert loop.state().open_alerts() == []
    assert len(web.calls) == 1


def test_it_is_shown_whose_turn_it_is_since_when_and_with_which_command(folder: Path) -> None:
    run(folder)
    said: dict[str, Any] = json.loads(charter(folder, "people", "--json"))
    (waits,) = said["waiting"]
    assert (waits["role"], waits["stage"]) == ("business", "charter")
    assert waits["says"].startswith("charter: no-go: acting can never pay")
    assert said["next"] == waits["next"] == "loopline charter override --by NAME --why REASON"
    with open_loop(folder) as loop:
        assert waits["since"] == loop.state().latest["charter", "study"].time.isoformat()
    assert {person["name"]: (person["roles"], len(person["waiting"])) for person in said["people"]} == {
        "ann": (["business", "data"], 1),
        "ben": (["devops"], 0),
    }
    assert {one["role"]: one["waiting"] for one in said["roles"]}["business"] == ["charter"]
    assert [one["name"] for one in said["findings"]] == ["unheld", "untold"]
    text = charter(folder, "people")
    assert "ann: business, data\n  as business, since 2" in text and "ben: devops\n  nothing waits" in text
    assert "- nobody is told when it is their turn, nor of any alert: there is no channel; say one under watch.tell" in text


def test_a_yes_that_can_never_be_said_is_told_before_anything_is_trained(folder: Path) -> None:
    lines: list[str] = []

    class Told(Silence):
        def say(self, text: str) -> None:
            lines.append(text)

    declare(folder, NO_GO + "release: {approvals: {business: 2}}\n")
    with open_loop(folder) as loop:
        loop.run(until="charter", progress=Told())
    assert lines[0].startswith("a promotion can never be approved: 2 must say yes as business, and the charter lists only ann; change charter.stakeholders")


def test_who_may_pass_a_challenger_on_trial_is_asked_though_the_charter_waits_to_be_signed(tmp_path: Path) -> None:
    old = make_project(tmp_path)
    rollout = {"plan": "canary 50% 0.01s -> full", "without_outcomes": "approve"}
    asked = DECLARATION.replace("predict: y", "predict: y, task: binary, approvals: {business: 1}")
    declare(tmp_path, f"{asked}release: {json.dumps({'rollout': rollout})}\n")
    plan = Plan.model_validate(rollout).as_json()
    arm = Arm(requests=20_000, latency=Moments(n=20_000, mean=1.0, m2=200.0), worth=Moments())
    with open_loop(tmp_path) as loop:
        loop.run(until="charter")
        ledger = loop.workspace.ledger
        (begun,) = ledger.append(start("ab" * 32, old, plan, {"kind": "canary", "share": 0.5}, salt="s", why="a test", parents=()))
        judged = {"package": "ab" * 32, "passed": True, "gates": [], "against": old}
        ledger.append(Draft(kind="step", subject="release", key="g", body={"state": "succeeded", "name": "gates", "facts": judged}))
        facts = {"leg": begun.id, "package": "ab" * 32, "evidence": [Evidence(champion=arm, challenger=arm).as_json()]}
        ledger.append(Draft(kind="step", subject="watch", key="t", body={"state": "succeeded", "name": "trial", "facts": facts}))
    waiting = json.loads(charter(tmp_path, "people", "--json"))["waiting"]
    assert [(one["stage"], one["role"], one["next"]) for one in waiting] == [
        ("charter", "business", "loopline charter sign --as business --why '...'"),
        ("rollout", "business", "loopline release approve --as business --for rollout --why '...'"),
    ]
    assert waiting[1]["since"] == begun.time.isoformat()
