"""``loopline charter sign``: the loop stands still at an unsigned charter, goes on at a signed one, and halts anew when it changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopline.cli.charter import command
from loopline.errors import Mistake
from loopline.loop import LoopStatus, open_loop
from tests.cli.watched import Call, caller, told
from tests.release.conftest import table

DECLARATION = """
project: shop
charter:
  predict: y
  worth: {currency: EUR, act_right: 10, act_wrong: -6}
  stakeholders: {business: [ann]}
  approvals: {business: 1}
data: {sources: {t: {path: t.csv}}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOOPLINE_KEY", str(tmp_path / "key.pem"))
    monkeypatch.setenv("LOOPLINE_USER", "ann")
    table("binary", rows=60).write_csv(tmp_path / "t.csv")
    (tmp_path / "loopline.yaml").write_text(DECLARATION)
    return tmp_path


@pytest.fixture
def call(folder: Path) -> Call:
    return caller(command, folder)


def run(folder: Path) -> LoopStatus:
    with open_loop(folder) as loop:
        return loop.run(until="data")


def test_the_loop_reads_the_data_and_waits_until_the_charter_is_signed(call: Call, folder: Path) -> None:
    status = run(folder)
    assert (status.exit_code, status.waiting_for, [stage.state for stage in status.stages]) == (0, "business", ["waiting", "done"])
    assert told(call("show", "--json"))["study"]["verdict"] == "go"
    said = told(call("sign", "--as", "business", "--why", "it is worth it", "--json"))
    assert (said["by"], said["verdict"], said["waiting_for"], said["next"]) == ("ann", "yes", None, "loopline run")
    shown = told(call("show", "--json"))
    with open_loop(folder) as loop:
        (in_force,) = loop.state().charters
    assert (shown["entered"]["entry"], said["charter"]) == (in_force.id, in_force.subject)
    assert [(one["role"], one["by"][0]["by"], one["by"][0]["why"]) for one in shown["signed"]] == [("business", "ann", "it is worth it")]
    assert run(folder).waiting_for is None
    (folder / "loopline.yaml").write_text(DECLARATION.replace("act_wrong: -6", "act_wrong: -8"))
    assert run(folder).waiting_for == "business"
    assert "waits       the charter waits for the approval of business" in call("show").output


def test_a_refused_charter_fails_until_somebody_of_the_role_says_yes(call: Call, folder: Path) -> None:
    assert "refuses the charter as business: too dear" in call("sign", "--as", "business", "--no", "--why", "too dear").output
    assert run(folder).exit_code == 1
    call("sign", "--as", "business", "--why", "on second thoughts")
    assert run(folder).exit_code == 0


def test_only_who_holds_the_role_signs(call: Call) -> None:
    with pytest.raises(Mistake, match="does not hold the role business; ann does"):
        call("sign", "--as", "business", "--by", "ben", "--why", "me too")
