"""``loopline alerts``: what is open, who takes it on, and what is closed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from loopline.cli.alerts import command
from loopline.errors import Mistake
from tests.cli.watched import Call, caller, told, watched


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return watched(tmp_path_factory.mktemp("shop"))


@pytest.fixture
def call(template: Path, tmp_path: Path) -> Call:
    return caller(command, Path(shutil.copytree(template, tmp_path / "shop")))


def test_the_list_names_the_feature_the_role_and_the_next_command(call: Call) -> None:
    result = told(call("list", "--json"))
    drifted = next(alert for alert in result["alerts"] if alert["monitor"] == "drift")
    assert (drifted["state"], drifted["role"], drifted["monitor"], drifted["told"]) == ("open", "science", "drift", None)
    assert "2026-03-02" < drifted["since"] < "2026-03-06"
    assert result["next"].startswith("loopline alerts ack ")
    text = call("list").output
    assert "size has drifted" in text and drifted["id"] in text


def test_an_alert_is_taken_on_and_closed_by_name_and_with_a_reason(call: Call) -> None:
    id = next(alert["id"] for alert in told(call("list", "--json"))["alerts"] if alert["monitor"] == "drift")
    acked = told(call("ack", id[:6], "--by", "ann", "--why", "on it", "--json"))
    assert (acked["state"], acked["by"], acked["why"], acked["next"]) == ("acknowledged", "ann", "on it", "loopline alerts list")
    assert "resolved by bob" in call("resolve", id, "--by", "bob").output
    assert id not in call("list").output
    assert next(alert for alert in told(call("list", "--all", "--json"))["alerts"] if alert["id"] == id)["state"] == "resolved"
    with pytest.raises(Mistake, match="resolved already"):
        call("resolve", id)


def test_an_alert_that_is_not_there_is_a_mistake(call: Call) -> None:
    with pytest.raises(Mistake, match="there is no alert 'zzz'"):
        call("ack", "zzz")
