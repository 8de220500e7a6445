"""``loopline watch``: the windows, as a table and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from loopline.cli.watch import command, most_drifted
from loopline.declaration import figure
from loopline.errors import LooplineError, Mistake
from tests.cli.watched import DECLARATION, caller, released, told, watched


def test_the_windows_are_shown_with_their_breaches_and_what_was_expected_as_table_json_and_picture(tmp_path: Path) -> None:
    call = caller(command, watched(tmp_path))
    result = told(call("show", "--json"))
    assert (result["rows"], result["outcomes"], result["currency"], len(result["windows"])) == (840, 840, "EUR", 7)
    assert result["next"] == "loopline alerts list"
    assert result["alerts"]["open"] > 0
    text = call("show", "--last", "2").output
    assert "drift:size" in text and "2026-03-08 00:00" in text and "2026-03-04 00:00" not in text
    assert "the newest 2 of 7 windows" in text
    assert result["detectable"]["per_decision"] > 0
    assert "is paged within 3 windows in 95 of 100 cases; a smaller one by longer windows (watch.window)" in text
    worth = result["windows"][-1]["estimated"]["worth"]
    assert f"{figure(worth['per_decision'])} ({figure(worth['low'])} to {figure(worth['high'])})" in text
    assert "expected, in the newest window, by the scores' own probabilities" in text
    for name in ("worth.svg", "worth.html"):
        call("show", "--output", str(tmp_path / name))
        assert "expected" in (tmp_path / name).read_text()
    with pytest.raises(Mistake, match="no form of a picture"):
        call("show", "--output", str(tmp_path / "worth.pdf"))


def test_the_most_drifted_feature_is_the_one_that_is_farthest_for_its_limit() -> None:
    drift = {"weekday": 0.81, "delay": 0.68, "unused": 0.9}
    assert most_drifted(drift, {"weekday": 0.86, "delay": 0.51}) == "delay 0.68 (0.51)"
    assert most_drifted(drift, {}) == "unused 0.90"
    assert most_drifted({}, {}) is None


def test_before_anything_is_served_it_says_so(tmp_path: Path) -> None:
    call = caller(command, released(tmp_path))
    assert "nothing served yet" in call("show").output
    assert told(call("show", "--json"))["next"] == "loopline serve"
    with pytest.raises(Mistake, match="nothing was expected of any window"):
        call("show", "--output", str(tmp_path / "worth.svg"))


def test_before_the_first_run_it_says_what_to_run(tmp_path: Path) -> None:
    (tmp_path / "loopline.yaml").write_text(DECLARATION)
    with pytest.raises(Mistake, match="nothing has been watched yet"):
        caller(command, tmp_path)("show")


def test_rules_and_a_dashboard_are_written_with_the_limits_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "loopline.yaml").write_text(f"{DECLARATION}release: {{latency_ms: 35}}\nwatch: {{refused_share: 0.2}}\n")
    call = caller(command, tmp_path)
    rules, board = tmp_path / "rules.yml", tmp_path / "board.json"
    made = told(call("export", "--prometheus-rules", str(rules), "--grafana", str(board), "--job", "shop", "--json"))
    (group,) = yaml.safe_load(rules.read_text())["groups"]
    assert made["prometheus_rules"] == {"file": str(rules), "rules": len(group["rules"])}
    assert made["grafana"] == {"file": str(board), "panels": len(json.loads(board.read_text())["panels"])}
    by_name = {rule["alert"]: rule["expr"] for rule in group["rules"]}
    assert by_name["LooplineSlow"].endswith("> 0.035") and by_name["LooplineRefusesRows"].endswith("> 0.2")
    assert all('job="shop"' in expression for expression in by_name.values())
    assert "import it in Grafana" in call("export", "--grafana", str(board)).output


def test_an_export_of_nothing_or_into_nowhere_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "loopline.yaml").write_text(DECLARATION)
    call = caller(command, tmp_path)
    with pytest.raises(Mistake, match="nothing is to be written"):
        call("export")
    with pytest.raises(Mistake, match="no name of a job"):
        call("export", "--grafana", str(tmp_path / "b.json"), "--job", 'a"b')
    with pytest.raises(LooplineError, match="file that can be written"):
        call("export", "--grafana", str(tmp_path / "loopline.yaml" / "b.json"))
