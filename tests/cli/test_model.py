"""``loopline model``: packages and candidates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from loopline.cli.model import command
from loopline.errors import Mistake
from loopline.loop import open_loop
from tests.model.studies import table

DECLARED = """
project: shop
charter:
  predict: y
  positive: "yes"
  worth: {currency: EUR, act_right: 10, act_wrong: -6}
data: {sources: {t: {path: t.csv, time: at}}}
model: {search: {trials: 3}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("shop")
    table("binary", rows=300).write_csv(place / "t.csv")
    (place / "loopline.yaml").write_text(DECLARED)
    with open_loop(place) as loop:
        status = loop.run(until="model")
        assert status.error is None, status.error
    return place


def call(folder: Path, *words: str) -> Result:
    result = CliRunner().invoke(command, [*words, "--folder", str(folder)])
    if isinstance(result.exception, Mistake):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def said(folder: Path, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call(folder, *words, "--json").stdout)
    return found


def test_show_says_what_the_newest_package_earns(folder: Path) -> None:
    shown = said(folder, "show")
    assert set(shown) == {"package", "family", "task", "metrics", "worth", "policy", "made", "is_champion"}
    assert set(shown["metrics"]) == {"validation", "test"}
    assert {"per_decision", "low", "high"} <= set(shown["worth"])
    assert shown["policy"]["kind"] == "threshold"
    assert not shown["is_champion"]


def test_show_finds_a_package_by_the_beginning_of_its_digest(folder: Path) -> None:
    digest = said(folder, "show")["package"]
    assert said(folder, "show", digest[:8])["package"] == digest


def test_show_prints_the_card_and_the_next_command(folder: Path) -> None:
    shown = call(folder, "show").stdout
    assert "# shop: predicts y is yes" in shown
    assert shown.rstrip().endswith("next: loopline run")


def test_list_has_packages_and_candidates_the_best_first(folder: Path) -> None:
    listed = said(folder, "list")
    assert len(listed["packages"]) == 1
    assert len(listed["candidates"]) == 3
    assert sum(one["is_chosen"] for one in listed["candidates"]) == 1
    worths = [one["worth"] for one in listed["candidates"]]
    assert worths == sorted(worths, reverse=True)
    assert "candidates of the newest search" in call(folder, "list").stdout


def test_another_digest_is_a_mistake(folder: Path) -> None:
    with pytest.raises(Mistake, match="there is no package 'ffff'; `loopline model list`"):
        call(folder, "show", "ffff")


def test_before_the_first_package_the_remedy_is_said(tmp_path: Path) -> None:
    (tmp_path / "loopline.yaml").write_text(DECLARED)
    with pytest.raises(Mistake, match="no package has been made yet; loopline run --until model"):
        call(tmp_path, "show")
    assert said(tmp_path, "list") == {"packages": [], "candidates": []}
