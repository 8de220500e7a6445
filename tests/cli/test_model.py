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
from tests.kept import copied
from tests.model.studies import WORTH, table
from tests.web.world import client

DECLARED = """
project: shop
charter:
  predict: y
  positive: "yes"
  worth: {currency: EUR, act_right: 10, act_wrong: -6}
  stakeholders: {expert: [ops@example.com]}
data: {sources: {t: {path: t.csv, time: at}}, contract: {size: {unit: cm}}}
model: {search: {trials: 3}}
"""


def searched(place: Path) -> None:
    table("binary", rows=300).write_csv(place / "t.csv")
    (place / "loopline.yaml").write_text(DECLARED)
    with open_loop(place) as loop:
        status = loop.run(until="model")
        assert status.error is None, status.error


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory, searched, tmp_path_factory.mktemp("shop"))


def call(folder: Path, *words: str) -> Result:
    result = CliRunner().invoke(command, [*words, "--folder", str(folder)])
    if isinstance(result.exception, Mistake):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def said(folder: Path, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call(folder, *words, "--json").stdout)
    return found


def test_show_says_what_the_newest_package_is_and_earns(folder: Path) -> None:
    shown = said(folder, "show")
    assert set(shown["metrics"]) == {"validation", "test"}
    assert {"per_decision", "low", "high"} <= set(shown["worth"])
    assert shown["policy"]["kind"] == "threshold"
    assert shown["evaluation"]["worth"]["per_decision"]["value"] == pytest.approx(shown["worth"]["per_decision"], abs=1e-4)
    assert shown["size_bytes"] > 10_000 and shown["signed_by"] and shown["rows"]["test"] == 60
    assert sum(one["weight"] for one in shown["members"]) == pytest.approx(1)
    assert not shown["is_champion"] and shown["imported"] is None


def test_show_finds_a_package_by_the_beginning_of_its_digest(folder: Path) -> None:
    digest = said(folder, "show")["package"]
    assert said(folder, "show", digest[:8])["package"] == digest


def test_show_prints_each_part_of_the_evaluation_and_the_next_command(folder: Path) -> None:
    data, shown = said(folder, "show"), call(folder, "show").stdout
    assert shown.startswith(f"package    {data['package']}\n")
    assert "worth on the test part, EUR per decision" in shown and "perfect foresight" in shown
    for title in ("Worst slices", "Calibration", "Stability", "Robustness", "Learning curve", "Fairness", "Cost"):
        assert f"\n\n{title}\n" in shown
    for part in ("worst_slices", "calibration", "over_time", "over_seeds", "robustness", "learning_curve", "fairness"):
        assert data["evaluation"][part]["says"] in shown
    assert shown.rstrip().endswith("next: loopline run")


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_show_tells_of_every_task(tmp_path: Path, task: str) -> None:
    table(task, rows=300).write_csv(tmp_path / "t.csv")
    worth = WORTH[task]
    charter = json.dumps({"predict": "y", "worth": {"currency": "EUR", **worth}})
    declared = f"project: shop\ncharter: {charter}\ndata: {{sources: {{t: {{path: t.csv, time: at}}}}}}\nmodel: {{families: [linear], search: {{trials: 1}}}}\n"
    (tmp_path / "loopline.yaml").write_text(declared)
    with open_loop(tmp_path) as loop:
        assert loop.run(until="model").error is None
    shown = call(tmp_path, "show", "--output", str(tmp_path / "drawn.svg")).stdout
    assert "\nCalibration\n" in shown and f"\ndrawn: {tmp_path / 'drawn.svg'}\n" in shown
    with client(tmp_path) as browser:
        package = browser.get("/shop/model?as=json").json()["packages"]["rows"][0]["package"]
        pages = {tail: browser.get(f"/shop/model/packages/{package}{tail}") for tail in ("", "/effects", "/explain?c0=2026-01-05T14:00:00", "/card")}
    assert {page.status_code for page in pages.values()} == {200}
    told = {"regression": "The predicted y is", "multiclass": "Probability of each class"}
    assert told[task] in pages["/explain?c0=2026-01-05T14:00:00"].text


def test_show_prints_the_card_when_it_is_asked_for(folder: Path) -> None:
    assert call(folder, "show", "--card").stdout.startswith("# shop: predicts y is yes")


def test_list_has_packages_and_candidates_the_best_first(folder: Path) -> None:
    listed = said(folder, "list")
    assert len(listed["packages"]) == 1
    assert len([one for one in listed["candidates"] if one["family"] != "ensemble"]) == 3
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
    assert said(tmp_path, "list") == {"packages": [], "candidates": [], "waiting": None}


ROW = {"at": "2026-01-05T14:00:00", "size": 1.4, "kind": "a", "count": 2, "flag": True}
OPS = ("--by", "ops@example.com", "--why", "it cannot be")


def test_explain_tells_what_the_package_leans_on(folder: Path) -> None:
    told = said(folder, "explain")
    assert told["importance"][0]["column"] == "size"
    assert told["currency"] == "EUR"
    shown = call(folder, "explain").stdout
    assert "what shuffling each column costs" in shown
    assert shown.rstrip().endswith("next: loopline model effects")


def test_explain_tells_a_row_in_reasons_that_add_up(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "row.json"
    file.write_text(json.dumps(ROW))
    told = said(folder, "explain", "--row", str(file), "--reasons", "2")
    assert len(told["reasons"]) == 2
    assert told["base"] + sum(one["effect"] for one in told["reasons"]) + told["rest"] == pytest.approx(told["score"], abs=1e-9)
    assert "size is 1.4 cm (typically " in call(folder, "explain", "--row", str(file)).stdout


@pytest.mark.parametrize("ending", ["html", "png", "svg"])
def test_pictures_are_written(folder: Path, tmp_path: Path, ending: str) -> None:
    for words in (("explain",), ("effects", "size"), ("show",)):
        file = tmp_path / f"{words[0]}.{ending}"
        assert said(folder, *words, "--output", str(file))["output"] == str(file)
        assert file.read_bytes().startswith({"html": b"<!doctype html>", "png": b"\x89PNG", "svg": b"<svg"}[ending])


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("explain", "--row", "no.json"), "no.json: there is no such file"),
        (("explain", "--id", "20260101-x"), "there is no prediction '20260101-x'"),
        (("explain", "--id", "x", "--row", "y"), "asked for at once"),
        (("explain", "ffff", "--id", "x"), "by the package that made it"),
        (("explain", "--output", "x.pdf"), "'.pdf' is no form of a picture"),
        (("show", "--output", "x.pdf"), "'.pdf' is no form of a picture"),
        (("show", "--card", "--output", "x.html"), "the card is not drawn.*; loopline model card --output FILE"),
        (("effects", "--output", "x.png"), "holds one picture; name a column"),
        (("effects", "sise"), "no effect of a column 'sise'; it shows: "),
        (("refuse", "sise", *OPS), "no effect of a column 'sise'"),
        (("refuse", "id", *OPS, "--may-only", "rise"), "no direction"),
        (("refuse", "kind", *OPS, "--may-only", "rise"), "kind holds categories"),
        (("refuse", "size", *OPS, "--may-only", "rise", "--exclude"), "has no direction"),
        (("refuse", "size", "--by", "me@example.com", "--why", "x"), "does not hold the role expert; ops@example.com does"),
        (("refuse", "size", *OPS, "--as", "business"), "not judged as business.*--as expert"),
        (("refuse", "size", *OPS, "--as", "exprt"), "did you mean 'expert'"),
        (("accept", "size", *OPS), "no refusal of 'size' stands"),
    ],
)
def test_what_cannot_be_told_or_refused_is_a_mistake(folder: Path, words: tuple[str, ...], what: str) -> None:
    with pytest.raises(Mistake, match=what):
        call(folder, *words)


def test_what_the_expert_refuses_is_held_by_the_next_run_until_it_is_accepted(folder: Path) -> None:
    before = said(folder, "show")["package"]
    assert said(folder, "refuse", "size", *OPS, "--may-only", "rise")["hold"] == "rise"
    assert said(folder, "refuse", "at", *OPS)["hold"] == "exclude"
    with open_loop(folder) as loop:
        assert loop.run(until="model").error is None
    shown = said(folder, "effects")
    assert shown["package"] != before
    assert {one["column"]: one["hold"] for one in shown["constraints"]} == {"at": "exclude", "size": "rise"}
    assert "at" not in {one["column"] for one in shown["effects"]}
    assert next(one["held"]["by"] for one in shown["effects"] if one["column"] == "size") == "ops@example.com"
    assert "at: refused by ops@example.com: it cannot be" in call(folder, "effects").stdout
    for column in ("at", "size"):
        assert said(folder, "accept", column, *OPS)["hold"] is None
    with open_loop(folder) as loop:
        assert loop.run(until="model").error is None
        assert loop.state().facts("model", "search") is not None
    assert said(folder, "effects")["constraints"] == []


def test_the_list_is_ranked_by_a_metric_that_is_named(folder: Path) -> None:
    listed = said(folder, "list", "--by", "log_loss")["candidates"]
    losses = [one["metrics"]["log_loss"] for one in listed if one["effort"] >= 1]
    assert losses == sorted(losses)
    with pytest.raises(Mistake, match="no metric 'mae'"):
        call(folder, "list", "--by", "mae")


@pytest.mark.parametrize("name", ["trials.html", "trials.png", "trials.svg"])
def test_the_candidates_are_drawn_and_one_package_alone_is_compared_with_nothing(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    place = tmp_path_factory.mktemp("drawn")
    table("binary", rows=300).write_csv(place / "t.csv")
    (place / "loopline.yaml").write_text(DECLARED.replace("search: {trials: 3}", "families: [linear], search: {trials: 6}"))
    with open_loop(place) as loop:
        assert loop.run(until="model").error is None
    call(place, "list", "--output", str(place / name))
    data = (place / name).read_bytes()
    with pytest.raises(Mistake, match="one package only"):
        call(place, "compare")
    assert len(data) > 2000 and (b"linear: the best of" in data or data.startswith(b"\x89PNG"))


def searched_twice(place: Path) -> None:
    """A project with two packages, the first of which looks at one column alone."""
    table("binary", rows=600).write_csv(place / "t.csv")
    for left_out in ("[size, kind, at]", "[]"):
        (place / "loopline.yaml").write_text(DECLARED.replace("model: {", f"model: {{families: [linear], leave_out: {left_out}, "))
        with open_loop(place) as loop:
            status = loop.run(until="model")
            assert status.error is None, status.error


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory, searched_twice, tmp_path_factory.mktemp("two"))


def test_two_packages_are_compared_on_the_same_rows(two: Path) -> None:
    found = said(two, "compare")
    one, other = found["packages"]["one"], found["packages"]["other"]
    assert one["package"] == said(two, "show")["package"] != other["package"]
    for name, gap in found["differences"].items():
        if gap is not None:
            assert gap["value"] == pytest.approx(one["metrics"][name] - other["metrics"][name], abs=1e-6)
            assert gap["low"] <= gap["value"] <= gap["high"]
    assert found["differences"]["worth"]["low"] > 0 and "beyond chance" in found["says"]
    assert set(found["columns"]["only_one"]) == {"size", "kind", "at"} and not found["columns"]["only_other"]


def test_the_other_way_round_the_difference_turns_its_sign(two: Path) -> None:
    packages = [one["package"] for one in said(two, "list")["packages"]]
    there, back = said(two, "compare", *packages), said(two, "compare", *packages[::-1])
    assert there["differences"]["worth"]["value"] == pytest.approx(-back["differences"]["worth"]["value"])
    assert there["rows"] == back["rows"], "both are judged on the newer one's rows"


def test_both_worth_curves_stand_in_one_picture(two: Path, tmp_path: Path) -> None:
    call(two, "compare", "--output", str(tmp_path / "two.svg"))
    drawn = (tmp_path / "two.svg").read_text()
    assert "share acted on" in drawn and "EUR per decision" in drawn


def test_a_package_against_itself_decides_alike(two: Path) -> None:
    package = said(two, "show")["package"]
    assert "decide alike" in said(two, "compare", package, package)["says"]
