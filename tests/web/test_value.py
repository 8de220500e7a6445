"""The value's pages: what was earned as the review tells it, what is not known yet and why, and experiments that a person ends."""

from datetime import UTC, datetime

import pytest

from loopline.cli.value import command
from loopline.loop import open_loop
from loopline.serve.experiments import Arm
from loopline.value.experiment.conduct import begin
from loopline.value.experiment.spec import Plan
from loopline.web.pages.value.told import _first_month
from tests.cli.watched import caller, told
from tests.web.world import PEOPLE, client, hidden, reader

HOSTILE = "<script>alert(1)</script>"


def test_what_was_earned_is_what_the_command_shows(folder):
    with client(folder, reader("business")) as browser:
        page, plain = browser.get("/shop/value"), browser.get("/shop/value?as=json").json()
    said = told(caller(command, folder)("show", "--json"))
    assert plain["review"]["realised"] == said["realised"] and plain["windows"] == said["windows"][::-1]
    for words in ("We recommend", "Look at the source of size first", "Worth per decision over time", "Window by window", "Worth by segment"):
        assert words in page.text


def test_what_is_not_known_says_why(folder):
    with client(folder, reader("business")) as browser:
        unknown = browser.get("/shop/value?as=json").json()["unknown"]
    assert [one["what"] for one in unknown] == ["What it costs"] and "charter.prices" in unknown[0]["why"]


def test_a_project_that_never_ran_says_what_to_do(tmp_path):
    (tmp_path / "loopline.yaml").write_text("project: new\ncharter: {predict: y}\ndata: {sources: {t: {path: t.csv}}}\n")
    with client(tmp_path, None) as browser:
        for path in ("/charter", "/charter/study", "/charter/criteria", "/charter/history", "/charter/what-if", "/value", "/value/review", "/value/history"):
            assert browser.get(f"/new{path}").status_code == 200, path
        assert "there is no review yet: the loop stands at" in browser.get("/new/value?as=json").json()["unknown"][0]["why"]
        for path in ("/value/experiments", "/value/cost", "/customer"):
            assert browser.get(f"/new{path}").status_code == 200, path


def test_reviews_are_listed_and_each_can_be_read_again(folder):
    with client(folder, reader("business")) as browser:
        listed = browser.get("/shop/value/history?as=json").json()["reviews"]
        one = browser.get(f"/shop/value/review?entry={listed[0]['entry']}")
        lost, wrong = browser.get("/shop/value/review?entry=nothing"), browser.get("/shop/value/history?before=soon")
    assert one.status_code == 200 and "We recommend" in one.text and 'class="first"' in one.text
    assert lost.status_code == 404 and wrong.status_code == 400


def test_a_person_ends_an_experiment_on_its_page(folder):
    with open_loop(folder) as loop:
        plan = Plan.model_validate({"effect": 0.1, "metric": "outcome", "until": "2030-01-01"})
        arms = [Arm(name="old", share=0.5), Arm(name="new", share=0.5)]
        draft = begin((), "greeting", "feature", arms, plan, package="", is_tried=False, why=HOSTILE, who=PEOPLE["ml"])
        loop.workspace.ledger.append(draft)
    with client(folder, reader("business")) as browser:
        page = browser.get("/shop/value/experiments")
        assert HOSTILE not in page.text and "greeting" in page.text
        fields = hidden(page.text, "/value/experiments/greeting/end")
        answer = browser.post("/shop/value/experiments/greeting/end", data={**fields, "winner": "new", "why": "it is clear"})
        assert answer.status_code == 200 and "is ended" in answer.text
        (one,) = browser.get("/shop/value/experiments?as=json").json()["experiments"]
        assert (one["state"], one["winner"], one["by"], one["why"]) == ("ended", "new", PEOPLE["business"], "it is clear")
        assert browser.post("/shop/value/experiments/greeting/end", data={**fields, "why": "again"}).status_code == 409
    assert datetime.fromisoformat(one["ended"]) <= datetime.now(UTC)


def test_what_was_spent_is_told_by_month_and_stage(folder):
    with client(folder, reader("business")) as browser:
        plain = browser.get("/shop/value/cost?as=json").json()
    assert {one["stage"] for one in plain["spent"]["spent"]} >= {"data", "model", "value"} and plain["cost"] is None


@pytest.mark.parametrize(
    ("at", "first"), [("2026-11-26", "2026-06-01"), ("2026-06-01", "2026-01-01"), ("2026-05-31", "2025-12-01"), ("2026-01-01", "2025-08-01")]
)
def test_six_months_with_the_present_one_are_told(at, first):
    assert _first_month(datetime.fromisoformat(f"{at}T12:00:00+00:00")) == datetime.fromisoformat(f"{first}T00:00:00+00:00")
