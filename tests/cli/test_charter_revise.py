"""``loopline charter revise``: what another charter would mean, told before anybody signs it; a project with data, and no package yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopline.cli.charter import command
from loopline.errors import Mistake
from loopline.loop import open_loop
from tests.cli.watched import Call, caller, told
from tests.release.conftest import table

DECLARATION = """
project: shop
charter:
  predict: y   # what happens
  worth: {currency: EUR, act_right: 10, act_wrong: -6}   # asked in January
  volume: 40 per day
  acceptance:
    - {id: A1, check: precision >= 0.5}   # the customer's
data: {sources: {t: {path: t.csv}}}
"""
DEARER = ("--set", "worth.act_wrong=-12")


def entries(folder: Path) -> int:
    with open_loop(folder) as loop:
        return len(loop.workspace.ledger.read())


def run(folder: Path) -> None:
    with open_loop(folder) as loop:
        assert loop.run(until="data").exit_code == 0


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    table("binary", rows=60).write_csv(folder / "t.csv")
    (folder / "loopline.yaml").write_text(DECLARATION)
    run(folder)
    return folder


@pytest.fixture
def call(begun: Path) -> Call:
    (begun / "loopline.yaml").write_text(DECLARATION)
    return caller(command, begun)


def test_what_is_set_is_told_beside_what_is_in_force_and_nothing_is_entered(call: Call, begun: Path) -> None:
    before = entries(begun)
    said = told(call("revise", *DEARER, "--set", "volume=40..90 per day", "--set", "acceptance.A1=recall >= 0.4", "--json"))
    assert said["changed"] == [
        {"field": "acceptance.A1", "before": "precision >= 0.5", "after": "recall >= 0.4"},
        {"field": "volume", "before": "40 per day", "after": "40..90 per day"},
        {"field": "worth.act_wrong", "before": -6.0, "after": -12.0},
    ]
    assert said["after"] == {"from": "--set", "written": False}
    assert said["lacks"]["policy"] == "no package decides yet, so that nothing has been decided"
    assert {one["step"]: one["reads"] for one in said["again"]}["ingest"] == ["worth.act_wrong"]
    assert (entries(begun), (begun / "loopline.yaml").read_text()) == (before, DECLARATION)
    text = call("revise", *DEARER).output
    assert "worth.act_wrong  -6      -12" in text
    assert "Nothing was changed." in text
    assert text.endswith("next: loopline charter revise --set worth.act_wrong=-12 --write\n")


def test_what_is_foretold_is_what_the_run_finds_once_it_is_written(call: Call, begun: Path) -> None:
    foretold = told(call("revise", *DEARER, "--write", "--json"))
    assert foretold["next"] == "loopline run"
    assert (begun / "loopline.yaml").read_text() == DECLARATION.replace("-6", "-12")
    run(begun)
    found = told(call_again(begun)("show", "--json"))["study"]
    assert {name: found[name] for name in ("verdict", "do_nothing", "perfect", "break_even", "per_year")} == {
        name: foretold["study"]["after"][name] for name in ("verdict", "do_nothing", "perfect", "break_even", "per_year")
    }
    nothing = told(call_again(begun)("revise", "--json"))
    assert (nothing["changed"], nothing["study"], nothing["next"]) == ([], None, "loopline charter show")
    assert "nothing changes: loopline.yaml says what is in force" in call_again(begun)("revise").output
    # The way back is known already, and is computed no second time.
    (begun / "loopline.yaml").write_text(DECLARATION)
    back = told(call_again(begun)("revise", "--json"))
    assert back["after"]["from"] == "loopline.yaml"
    assert all(one["known"] for one in back["again"] if one["stage"] == "charter")
    run(begun)


def call_again(folder: Path) -> Call:
    return caller(command, folder)


def test_of_a_criterion_the_words_are_told_where_only_they_change(call: Call, begun: Path) -> None:
    (begun / "loopline.yaml").write_text(DECLARATION.replace("{id: A1,", "{id: A1, says: Most offers are wanted,"))
    assert told(call("revise", "--json"))["changed"] == [{"field": "acceptance.A1", "before": None, "after": "Most offers are wanted"}]


def test_fields_that_only_fit_together_are_set_together(call: Call) -> None:
    words = ["--set=worth.right=1", "--set=worth.act_right=null", "--set=worth.act_wrong=null", "--set=acceptance.A1=accuracy >= 0.5"]
    with pytest.raises(Mistake, match="the worth is said for multiclass, and predicting 'y' is binary"):
        call("revise", *words)
    with pytest.raises(Mistake, match="--set worth.act_wrong=null: .*precision"):
        call("revise", *words[:3])
    with pytest.raises(Mistake, match="--set worth.right=1: .*belong to different tasks"):
        call("revise", words[0])


def test_another_file_is_held_against_it_by_its_charter_alone(call: Call, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("charter:\n  predict: y\n  worth: {currency: EUR, act_right: 10, act_wrong: -8}\n  volume: 40 per day\n")
    said = told(call("revise", "--charter", str(other), "--json"))
    assert [one["field"] for one in said["changed"]] == ["acceptance.A1", "worth.act_wrong"]
    assert said["next"] == "put the charter into loopline.yaml; then: loopline charter revise"


def test_other_prices_are_told_by_what_they_are_in_the_past_and_now(call: Call, begun: Path) -> None:
    declared, prices = (
        DECLARATION.replace(
            "  volume", "  prices: prices.yaml\n  study: {happens: 40%, expects: {precision: 60%, recall: 50%}, effort: {build: 100 hours}}\n  volume"
        ),
        begun / "prices.yaml",
    )
    (begun / "loopline.yaml").write_text(declared)
    prices.write_text("people: 60 per hour\n")
    with open_loop(begun) as loop:
        loop.run(until="charter")
    prices.rename(begun / "2027.yaml").write_text("people: 90 per hour\n")
    (begun / "loopline.yaml").write_text(declared.replace("prices.yaml", "2027.yaml"))
    said = told(call("revise", "--json"))
    assert said["changed"] == [{"field": "prices.people", "before": "60 per hour", "after": "90 per hour"}]
    assert said["again"] == [{"stage": "charter", "step": "study", "reads": ["prices.people"], "known": False}]
    assert said["study"]["before"]["npv"] - said["study"]["after"]["npv"] == pytest.approx(100 * 30)
    (begun / "loopline.yaml").write_text(DECLARATION)
    run(begun)


def test_where_the_old_charter_does_not_fit_what_is_declared_now_the_fields_are_told_all_the_same(call: Call, begun: Path) -> None:
    repriced = DECLARATION.replace("  volume", "  prices: prices.yaml\n  volume") + "watch: {retrain: {money: 5 per month}}\n"
    (begun / "prices.yaml").write_text("people: 60 per hour\n")
    (begun / "loopline.yaml").write_text(repriced)
    said = told(call("revise", "--json"))
    assert [one["field"] for one in said["changed"]] == ["prices.people"]
    assert said["study"] is None
    assert "does not fit what stands beside it in loopline.yaml now (watch.retrain.money: what a retraining costs is not known" in said["lacks"]["study"]
    assert "prices.people  -       60 per hour" in (text := call("revise").output)
    assert text.count("Nothing can be replayed") == 1


def test_a_charter_that_asks_for_signatures_ends_with_who_signs(call: Call, begun: Path) -> None:
    (begun / "loopline.yaml").write_text(DECLARATION.replace("  volume", "  approvals: {business: 1}\n  volume").replace("-6", "-7"))
    said = told(call("revise", "--json"))
    assert said["next"] == "loopline charter sign --as business --why '...'"
    assert "the charter waits for the approval of business" in call("revise").output


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--set", "worth.act_wrnog=5"), r"--set worth.act_wrnog=5: charter.worth.act_wrnog: there is no such field; did you mean 'act_wrong'\?"),
        (("--set", "volume=many"), r"--set volume=many: charter.volume: 'many' is not a rate; write it as"),
        (("--set", "volume=1100..700 per day"), "is upside down; write the lower end first"),
        (("--set", "volume"), "'volume' names no field and value; write it as worth.act_wrong=-80"),
        (("--set", "predict=z"), "there is no column 'z' to predict"),
        (("--charter", "nowhere.yaml"), "nowhere.yaml: there is no such file"),
        (("--charter", "nowhere.yaml", "--set", "volume=5 per day"), "leave --set or --charter out"),
        (("--write",), "nothing is set that could be written; say --set"),
    ],
)
def test_a_change_that_cannot_be_meant_is_told_with_its_remedy(call: Call, words: tuple[str, ...], why: str) -> None:
    with pytest.raises(Mistake, match=why):
        call("revise", *words)


def test_before_any_charter_was_in_force_there_is_nothing_to_hold_it_against(tmp_path: Path) -> None:
    (tmp_path / "loopline.yaml").write_text(DECLARATION)
    with pytest.raises(Mistake, match="no charter has been in force yet; loopline run"):
        caller(command, tmp_path)("revise", *DEARER)
