"""``loopline release``: what each command says, in text and in JSON, and how it ends."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from loopline.cli.release import command
from loopline.errors import CheckFailed, Mistake
from loopline.ledger.entry import Draft
from loopline.loop import open_loop
from loopline.model.signing import give_trust, withdraw_trust
from tests.kept import copied
from tests.release.conftest import table
from tests.signing import key_of

DECLARATION = """
project: shop
charter:
  predict: y
  positive: "yes"
  worth: {currency: EUR, act_right: 10, act_wrong: -6}
  acceptance: [{id: A1, says: Mostly taken, check: precision >= 0.2}]
  stakeholders: {business: [ann], devops: [ann, ben]}
data:
  sources:
    t: {path: t.csv, time: at}
model: {families: [linear], search: {trials: 1}, assess: {refits: false}}
release: {approvals: {business: 1, devops: 1}}
"""


def asking(folder: Path) -> None:
    """A project that waits for approvals, and whose two people are trusted."""
    table("binary").write_csv(folder / "t.csv")
    (folder / "loopline.yaml").write_text(DECLARATION)
    with open_loop(folder) as loop:
        assert loop.run(until="release").waiting_for == "business"
        for name in ("ann", "ben"):
            give_trust(loop.workspace.ledger, key_of(name, folder).public, name, by="ann")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory, asking, tmp_path_factory.mktemp("shop"))


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "shop"))


Call = Callable[..., Result]


@pytest.fixture
def call(folder: Path, template: Path) -> Call:
    def called(*words: str, code: int = 0, key: str | None = None) -> Result:
        by = key or (words[words.index("--by") + 1] if "--by" in words else "ann")
        environment = {"LOOPLINE_KEY": str(template / f"{by}.pem")}
        result = CliRunner().invoke(command, [*words, "--folder", str(folder)], env=environment)
        if isinstance(result.exception, Exception) and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return called


def told(result: Result) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(result.stdout)
    return said


def release(call: Call, folder: Path) -> str | None:
    call("approve", "--as", "business", "--by", "ann", "--why", "it earns")
    call("approve", "--as", "devops", "--by", "ben", "--why", "it runs")
    with open_loop(folder) as loop:
        return loop.run(until="release").champion


def declare(folder: Path, old: str, new: str) -> None:
    file = folder / "loopline.yaml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def test_check_shows_every_gate_and_the_next_command(call: Call) -> None:
    shown = call("check").stdout
    for name in ("contract", "beats_baseline", "acceptance A1", "latency", "memory", "parity"):
        assert name in shown
    assert "Mostly taken: precision is" in shown
    assert shown.endswith("next: loopline release approve --as business --why '...'\n")
    data = told(call("check", "--json"))
    assert data["passed"]
    assert set(data) == {"says", "package", "passed", "gates", "against", "answer_ms", "criteria", "junit", "markdown", "next"}


def test_a_gate_that_failed_is_exit_code_1(call: Call, folder: Path) -> None:
    declare(folder, "approvals: {", "latency_ms: 0.000001, approvals: {")
    with open_loop(folder) as loop:
        status = loop.run(until="release")
    assert status.exit_code == 1
    assert status.next == "loopline release check"
    shown = call("check", code=1).stdout
    assert "FAILED     latency" in shown
    assert shown.endswith("next: loopline run --fresh release\n")


def test_what_fails_whenever_it_is_computed_says_what_to_change(call: Call, folder: Path) -> None:
    declare(folder, "precision >= 0.2", "precision >= 0.9999")
    with open_loop(folder) as loop:
        assert loop.run(until="release").next == "loopline release check"
    following = told(call("check", "--json", code=1))["next"]
    assert following == "change the data, the model or the criterion A1 in charter.acceptance; then: loopline run"
    assert told(call("status", "--json"))["next"] == following


def test_the_way_of_a_package_from_waiting_to_champion(call: Call, folder: Path) -> None:
    waiting = told(call("status", "--json"))
    assert (waiting["champion"], waiting["passed"], waiting["waiting_for"]) == (None, True, "business")
    first = told(call("approve", "--as", "business", "--by", "ann", "--why", "it earns", "--json"))
    assert (first["package"], first["by"], first["waiting_for"]) == (waiting["package"], "ann", "devops")
    second = told(call("approve", "--as", "devops", "--by", "ann", "--why", "it runs", "--json"))
    assert (second["waiting_for"], second["next"]) == (None, "loopline run")
    with open_loop(folder) as loop:
        assert loop.run(until="release").champion == first["package"]
    (reign,) = told(call("history", "--json"))["champions"]
    assert [(one["role"], one["by"]) for one in reign["approvals"]] == [("business", "ann"), ("devops", "ann")]
    assert f"{first['package'][:12]} decides since" in call("status").stdout


def test_every_role_that_is_waited_for_is_said_and_json_names_the_first(call: Call, folder: Path) -> None:
    with open_loop(folder) as loop:
        status = loop.status()
    assert (status.waiting_for, status.besides, status.waiting) == ("business", ("devops",), "waiting for business and devops")
    assert status.as_json()["waiting_for"] == "business" and "besides" not in status.as_json()
    call("approve", "--as", "business", "--by", "ann", "--why", "it earns")
    with open_loop(folder) as loop:
        assert loop.status().waiting == "waiting for devops"


def test_a_refusal_says_who_and_why_and_fails_the_run(call: Call, folder: Path) -> None:
    shown = call("refuse", "--as", "devops", "--by", "ben", "--why", "not on Friday").stdout
    assert "is refused by ben as devops: not on Friday" in shown
    assert told(call("status", "--json"))["approvals"][1] == {"role": "devops", "needed": 1, "yes": [], "refused_by": "ben"}
    with open_loop(folder) as loop:
        status = loop.run(until="release")
    assert status.exit_code == 1
    assert status.champion is None


def test_who_may_not_speak_is_told_who_may_and_nothing_is_entered(call: Call, folder: Path) -> None:
    with pytest.raises(Mistake, match="eve .told by --by. does not hold the role business; ann does"):
        call("approve", "--as", "business", "--by", "eve", "--why", "me")
    with pytest.raises(Mistake, match="did you mean 'business'"):
        call("approve", "--as", "busines", "--by", "ann", "--why", "me")
    with open_loop(folder) as loop:
        assert loop.workspace.ledger.read(kinds=("approval",)) == []


def test_without_by_the_environment_says_who_acts(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOPLINE_USER", "ann")
    assert told(call("approve", "--as", "business", "--why", "w", "--json"))["by"] == "ann"


def test_a_yes_is_signed_with_the_key_of_who_says_it_or_not_said(call: Call, folder: Path) -> None:
    said = told(call("approve", "--as", "business", "--by", "ann", "--why", "it earns", "--json"))
    assert said["key"].startswith("ed25519:") and len(said["fingerprint"]) == 16
    with open_loop(folder) as loop:
        withdraw_trust(loop.workspace.ledger, said["key"], by="ben")
        give_trust(loop.workspace.ledger, said["key"], "anne", by="ben")
    with pytest.raises(Mistake, match="the key that would sign here is anne's, and not ann's; speak as anne, or set LOOPLINE_KEY to the file of ann's key$"):
        call("approve", "--as", "devops", "--by", "ann", "--why", "it runs")
    status = told(call("status", "--json"))
    assert status["waiting_for"] == "business"
    assert status["unheard"][0]["why"] == f"its key {said['fingerprint']} is anne's"


def test_a_yes_that_is_taken_back_holds_the_release_up(call: Call, folder: Path) -> None:
    call("approve", "--as", "business", "--by", "ann", "--why", "it earns")
    back = told(call("withdraw", "--as", "business", "--by", "ann", "--why", "I misread it", "--json"))
    assert (back["verdict"], back["waiting_for"], back["next"]) == ("withdrawn", "business", "loopline release approve --as business --why '...'")
    with pytest.raises(Mistake, match="there is no yes of ann as business"):
        call("withdraw", "--as", "business", "--by", "ann", "--why", "again")


def test_history_of_a_day_tells_by_which_figures_and_who_signed_and_whether_that_holds_today(call: Call, folder: Path) -> None:
    package = release(call, folder)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    (reign,) = told(call("history", "--at", today, "--json"))["champions"]
    assert reign["package"] == package
    assert {gate["name"] for gate in reign["judged"]["gates"]} >= {"contract", "beats_baseline", "latency"}
    assert [(one["by"], one["role"], one["why"], one["verifies"], one["withdrawn"]) for one in reign["approvals"]] == [
        ("ann", "business", "it earns", True, None),
        ("ben", "devops", "it runs", True, None),
    ]
    with open_loop(folder) as loop:
        withdraw_trust(loop.workspace.ledger, reign["approvals"][1]["key"], by="ann")
    text = call("history", "--at", today).stdout
    assert "signed by  as" in text and "beats_baseline" in text
    assert f"its key {reign['approvals'][1]['fingerprint']} is not trusted here" in text
    (reign,) = told(call("history", "--json"))["champions"]
    assert [one["verifies"] for one in reign["approvals"]] == [True, False]


def test_an_approval_that_nobody_signed_is_told_in_history(call: Call, folder: Path) -> None:
    with open_loop(folder) as loop:
        approvals = [{"role": "business", "by": "eve", "why": "trust me", "entry": "9-beef"}]
        loop.workspace.ledger.append(Draft(kind="champion", subject="f" * 64, body={"how": "promoted", "why": "w", "approvals": approvals}))
    (reign,) = told(call("history", "--json"))["champions"]
    assert reign["judged"] is None
    assert (reign["approvals"][0]["verifies"], reign["approvals"][0]["note"]) == (False, "the ledger has no such word on this package")


def test_a_yes_taken_back_after_the_promotion_is_shown_with_the_way_back(call: Call, folder: Path) -> None:
    declare(folder, "families: [linear]", "families: [linear], leave_out: [kind]")
    with open_loop(folder) as loop:
        loop.run(until="release")
    weak = release(call, folder)
    shown = told(call("withdraw", "--as", "devops", "--by", "ben", "--why", "it is slow", "--json"))
    assert (shown["next"], shown["waiting_for"]) == ("loopline release history", None)
    status = told(call("status", "--json"))
    assert (status["champion"], status["next"]) == (weak, "loopline release history")
    assert [(one["by"], one["withdrawn"]["why"]) for one in status["withdrawn"]] == [("ben", "it is slow")]
    declare(folder, ", leave_out: [kind]", "")
    with open_loop(folder) as loop:
        loop.run(until="release")
    strong = release(call, folder)
    way = "loopline release rollback --why '...'"
    assert told(call("withdraw", "--as", "business", "--by", "ann", "--why", "it loses", "--json"))["next"] == way
    assert "took the yes as business back" in call("history").stdout
    assert told(call("status", "--json"))["next"] == way
    assert call("status").stdout.count(way) == 2
    with open_loop(folder) as loop:
        assert loop.run(until="release").champion == strong


def test_a_rollback_that_asks_for_approval_waits_for_it(call: Call, folder: Path) -> None:
    first = release(call, folder)
    assert first is not None
    with open_loop(folder) as loop:
        loop.workspace.ledger.append(Draft(kind="champion", subject="f" * 64, body={"how": "promoted", "why": "w", "previous": first, "approvals": []}))
    declare(folder, "approvals: {business: 1, devops: 1}", "approvals: {promotion: {business: 1}, rollback: {devops: 1}}")
    with pytest.raises(CheckFailed, match="the rollback to .* waits for the approval of devops; loopline release approve --as devops --for rollback --package"):
        call("rollback", "--by", "ann", "--why", "it errs")
    said = told(call("approve", "--as", "devops", "--for", "rollback", "--by", "ben", "--why", "quick", "--json"))
    assert (said["package"], said["for"], said["waiting_for"]) == (first, "rollback", None)
    assert said["next"] == f"loopline release rollback --to {first[:12]} --why '...'"
    assert told(call("rollback", "--by", "ann", "--why", "it errs", "--json"))["champion"] == first
    newest = told(call("history", "--json"))["champions"][-1]
    assert [(one["by"], one["role"], one["verifies"]) for one in newest["approvals"]] == [("ben", "devops", True)]


def test_a_better_challenger_takes_over_and_a_rollback_brings_the_old_champion_back_for_good(call: Call, folder: Path) -> None:
    declare(folder, "families: [linear]", "families: [linear], leave_out: [kind]")
    with open_loop(folder) as loop:
        loop.run(until="release")
    weak = release(call, folder)
    declare(folder, ", leave_out: [kind]", "")
    with open_loop(folder) as loop:
        loop.run(until="release")
    assert "beats_champion" in call("check").stdout
    strong = release(call, folder)
    assert strong not in (weak, None)
    back = told(call("rollback", "--by", "ann", "--why", "it errs", "--json"))
    assert (back["champion"], back["previous"], back["by"]) == (weak, strong, "ann")
    with open_loop(folder) as loop:
        status = loop.run(until="release")
    assert status.champion == weak
    assert status.exit_code == 0
    assert strong is not None
    assert told(call("rollback", "--to", strong[:10], "--by", "ann", "--why", "mended", "--json"))["champion"] == strong
    reigns = told(call("history", "--json"))["champions"]
    assert [one["how"] for one in reigns] == ["promoted", "promoted", "rolled back", "rolled back"]
    # Nobody's name is entered under another's key.
    with pytest.raises(Mistake, match="the key that would sign here is ann's, and not ben's"):
        call("rollback", "--by", "ben", "--why", "it errs", key="ann")
    assert len(told(call("history", "--json"))["champions"]) == 4
    assert [one["signed"] is None for one in reigns] == [True, True, False, False]
    mark = reigns[-1]["signed"]
    assert (mark["verifies"], mark["note"]) == (True, "")
    assert f"{mark['fingerprint']}, verifies" in call("history").stdout
    assert f"rolled back by ann, signed: {mark['fingerprint']}, verifies: mended" in call("history", "--at", f"{datetime.now(UTC):%Y-%m-%d}").stdout
    with open_loop(folder) as loop:
        withdraw_trust(loop.workspace.ledger, mark["key"], by="ben")
    assert f"no: its key {mark['fingerprint']} is not trusted here" in call("history").stdout


def test_a_worse_challenger_is_kept_out_without_a_halt(call: Call, folder: Path) -> None:
    strong = release(call, folder)
    declare(folder, "families: [linear]", "families: [linear], leave_out: [kind]")
    with open_loop(folder) as loop:
        status = loop.run(until="release")
    stage = status.stages[-1]
    assert (status.champion, stage.state, status.exit_code) == (strong, "done", 0)
    assert "less per decision than champion" in stage.why
    assert stage.why.endswith("the champion stays")


def test_history_of_a_day_on_which_nothing_decided(call: Call) -> None:
    assert call("history").stdout == "no package has decided yet\n"
    assert call("history", "--at", "2020-01-01").stdout == "no package decided at 2020-01-01\n"
    with pytest.raises(Mistake, match="'yesterday' is not a date"):
        call("history", "--at", "yesterday")


def test_without_a_champion_there_is_nothing_to_roll_back(call: Call) -> None:
    with pytest.raises(Mistake, match="no package decides"):
        call("rollback", "--by", "ann", "--why", "x")


def test_a_day_to_come_has_no_history(call: Call) -> None:
    with pytest.raises(Mistake, match="2999-01-01 has not come yet"):
        call("history", "--at", "2999-01-01")


def test_who_holds_no_role_moves_nothing(call: Call, folder: Path) -> None:
    release(call, folder)
    with pytest.raises(Mistake, match="mallory holds no role here"):
        call("rollback", "--by", "mallory", "--why", "because")
