"""``loopline value experiment`` and ``lift``, on a project that is served: planned, begun, followed, read and ended with a winner."""

from __future__ import annotations

import json
import re
import shutil
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from loopline.cli.value import command
from loopline.errors import CheckFailed, Mistake
from loopline.lake.blobs import Blobs
from loopline.ledger.entry import Draft
from loopline.loop import open_loop
from loopline.release.rollout.course import start
from loopline.serve.experiments import apart, folded
from loopline.serve.log import Log
from loopline.serve.segments import records
from tests.cli.watched import DECLARATION, Call, caller, released, told
from tests.kept import copied

BY = ("--by", "owner@example.com", "--why", "a test")
HELD = "value: {holdout: 10%}\n"


def serve(folder: Path, *, days: int, first: int, rows: int = 300) -> None:
    """Days on which the project decides, with the outcomes of all."""
    rng = np.random.default_rng(first)
    with open_loop(folder) as loop, Log(loop.workspace.lake.log) as log:
        for day in range(first, first + days):
            size, begins = rng.normal(0.0, 1.0, rows), datetime(2026, 3, 2) + timedelta(days=day)
            at = [begins + timedelta(minutes=index) for index in range(rows)]
            asked = {"size": size, "kind": rng.choice(["a", "b", "c"], rows), "at": at, "noise": rng.normal(size=rows)}
            ids = loop.score(pl.DataFrame(asked))["prediction_id"]
            happened = np.where(2 * size + rng.normal(scale=0.5, size=rows) > 0.5, "yes", "no")
            said = [{"id": id, "outcome": str(one), "time": f"{begins + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"} for id, one in zip(ids, happened, strict=True)]
            log.append("outcomes", b"".join(json.dumps(one).encode() + b"\n" for one in said)).result(timeout=10)
        assert loop.run().exit_code == 0


def held(folder: Path) -> None:
    """A project that has served for three days with a hold-out."""
    released(folder)
    (folder / "loopline.yaml").write_text(DECLARATION + HELD)
    serve(folder, days=3, first=0)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory, held, tmp_path_factory.mktemp("shop"))


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "shop"))


@pytest.fixture
def call(folder: Path) -> Call:
    return caller(command, folder)


def test_the_lift_of_the_hold_out_is_shown(template: Path) -> None:
    call = caller(command, template)
    said = told(call("lift", "--json"))
    found = said["lift"]
    assert found["decisions"] == 900 and 60 < found["held"] < 120
    assert len(said["windows"]) == 3 and said["currency"] == "EUR"
    assert "held out" in call("lift").output
    review = told(call("show", "--json"))
    assert review["realised"]["decisions"] == 900 - found["held"]


def test_the_lift_over_time_is_drawn_and_told(template: Path, tmp_path: Path) -> None:
    call = caller(command, template)
    said = told(call("lift", "-o", str(tmp_path / "lift.html"), "--json"))
    assert "nothing" in said["over_time"][0] and said["target"] is None
    assert said["over_time"][0] in (tmp_path / "lift.html").read_text()
    with pytest.raises(Mistake, match="no form of a picture"):
        call("lift", "-o", str(tmp_path / "lift.txt"))


def test_a_review_tells_from_what_it_was_made_and_whether_something_newer_has_come(folder: Path, call: Call) -> None:
    said = told(call("review", "--json"))
    assert (said["newer"], said["made_from"]["decisions"], said["made_from"]["outcomes"]) == ([], 900, 900)
    told_so = call("review").output
    assert re.search(r"from 900 decisions, \d+ of them held out by an experiment, up to 2026-03-05", told_so) and "nothing newer has come" in told_so
    with open_loop(folder) as loop:
        loop.score(pl.DataFrame({"size": [1.0], "kind": ["a"], "at": [datetime(2026, 3, 6)], "noise": [0.0]}))
    said = told(call("review", "--json"))
    assert said["newer"] == ["serve (changed: what the server has logged)"] and "take it in: loopline tick" in call("review").output
    with open_loop(folder) as loop:
        loop.run()
    said = told(call("review", "--json"))
    assert (said["newer"], said["made_from"]["decisions"]) == ([], 901)


def test_a_plan_is_told_before_anything_begins(template: Path) -> None:
    call = caller(command, template)
    said = told(call("experiment", "plan", "--policy", "threshold=0.2", "--effect", "0.5", "--json"))
    assert said["arms"] == {"control": 0.5, "threshold=0.2": 0.5}
    assert said["units"] > 200 and said["days"] > 0 and said["one_look"] < said["units"]
    # What the score lets expect explains a good part of what a decision earns.
    assert said["measured"]["explained"] > 0.1 and said["units"] < said["units_without_covariate"]
    plain = told(call("experiment", "plan", "--policy", "threshold=0.2", "--effect", "0.5", "--covariate", "none", "--json"))
    assert plain["units"] == said["units_without_covariate"]
    assert "units" in call("experiment", "plan", "--policy", "threshold=0.2", "--effect", "0.5").output
    assert told(call("experiment", "list", "--json"))["experiments"] == []
    feature = told(call("experiment", "plan", "--arms", "old,new", "--effect", "0.1", "--sd", "1", "--per-day", "100", "--json"))
    assert feature["days"] == pytest.approx(feature["units"] / 100)


def test_policies_are_compared_and_the_worse_one_loses(folder: Path, call: Call) -> None:
    begun = told(call("experiment", "start", "eager", "--policy", "eager: threshold=0.0", "--effect", "1", "--guard", "acted <= +0.1", *BY, "--json"))
    assert begun["plan"]["units"] > 0 and begun["by"] == "owner@example.com"
    serve(folder, days=4, first=3)
    # The turn that saw it has ended it.
    said = told(call("experiment", "status", "eager", "--json"))
    assert (said["state"], said["winner"], said["by"]) == ("ended", "control", "loopline")
    assert "surely loses" in said["why"] and said["next"] == "loopline value experiment list"
    (arm,) = said["found"]["arms"]
    assert arm["arm"] == "eager" and arm["high"] < 0 and arm["judgement"] == "worse"
    assert said["found"]["winner"] == "control" and said["found"]["mismatch"] is None
    assert arm["guards"][0]["is_harmed"] and arm["guards"][0]["means"][0] == 1.0
    assert arm["saved"] > 0.1
    assert sum(said["found"]["units"].values()) == pytest.approx(1200 * 0.9, abs=60)
    assert "surely harmed" in call("experiment", "status", "eager").output
    with open_loop(folder) as loop:
        assert apart(loop.workspace.ledger).policies is None
        (alert,) = (entry.body for entry in loop.state().open_alerts() if entry.body["monitor"] == "experiment")
        assert alert["role"] == "business" and "eager has ended: control stays" in alert["says"] and "as before" in alert["says"]
        reviewed = loop.state().facts("value", "review")
        assert reviewed is not None and "control stays" in Blobs(loop.workspace.lake).get(reviewed["markdown"]).decode()
    with pytest.raises(Mistake, match="has ended already"):
        call("experiment", "stop", "eager", *BY)
    assert "control" in call("experiment", "list").output


def test_a_capacity_has_the_threshold_that_keeps_it(folder: Path, call: Call) -> None:
    call("experiment", "start", "few", "--policy", "few: capacity=30 per day", "--effect", "1", *BY)
    serve(folder, days=2, first=3)
    with open_loop(folder) as loop:
        (experiment,) = folded(loop.state().experiments)
        predictions = [json.loads(line) for part in records(loop.workspace.lake.log, "predictions") for line in part.lines]
    own = [one for one in predictions if one.get("arm") == "few"]
    # A tenth of the 300 that come a day.
    assert sum(one["decision"] == "act" for one in own) / len(own) == pytest.approx(0.1, abs=0.06)
    assert experiment.arms[1].policy is not None and "chosen_on" not in experiment.arms[1].policy


def test_a_person_may_name_the_winner(call: Call) -> None:
    call("experiment", "start", "banner", "--arms", "old,new", "--effect", "0.1", *BY)
    assert told(call("experiment", "stop", "banner", "--winner", "new", *BY, "--json"))["winner"] == "new"
    assert told(call("experiment", "assign", "banner", "a", "b", "--json"))["assigned"][0] == {
        "experiment": "banner",
        "unit": "a",
        "arm": "new",
        "id": None,
        "running": False,
    }


def test_a_feature_is_tried_by_assignments_and_measures(folder: Path, call: Call) -> None:
    call("experiment", "start", "banner", "--arms", "old,new", "--effect", "0.3", "--sd", "1", "--metric", "revenue", "--guard", "returns <= +0.1", *BY)
    assigned = told(call("experiment", "assign", "banner", *(f"u{number}" for number in range(1200)), "--json"))["assigned"]
    rng = np.random.default_rng(1)
    with open_loop(folder) as loop, Log(loop.workspace.lake.log) as log:
        said = []
        for one in assigned:
            same = {"id": one["id"], "time": "2026-03-04T00:00:00Z"}
            said.append({**same, "metric": "revenue", "value": float(rng.normal(1.0 if one["arm"] == "new" else 0.0))})
            said.append({**same, "metric": "returns", "value": float(rng.random() < 0.05)})
        log.append("measures", b"".join(json.dumps(one).encode() + b"\n" for one in said)).result(timeout=10)
        assert loop.run().exit_code == 0
    said = told(call("experiment", "status", "banner", "--json"))
    assert (said["found"]["state"], said["found"]["winner"]) == ("winner", "new")
    assert said["found"]["arms"][0]["guards"][0]["is_harmed"] is False
    assert sum(said["found"]["units"].values()) == 1200
    assert (said["state"], said["winner"]) == ("ended", "new") and said["next"].startswith("build new in")
    with open_loop(folder) as loop:
        (alert,) = (entry.body for entry in loop.state().open_alerts() if entry.body["monitor"] == "experiment")
        assert "it would bring" in alert["says"] and "revenue" in alert["says"] and "make it so: build new in" in alert["says"]


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (("--policy", "cut=3"), "no variant"),
        (("--policy", "threshold=2"), "no threshold"),
        (("--policy", "capacity=many"), "rate"),
        (("--policy", "capacity=9000 per day"), "no limit"),
        (("--policy", "a: threshold=0.1", "--policy", "a: threshold=0.2"), "two arms"),
        (("--policy", "threshold=0.1", "--arms", "a,b"), "compares one thing"),
        ((), "nothing to compare"),
        (("--arms", "a"), "two arms"),
        (("--arms", "a,,b"), "an arm has no name"),
        (("--policy", ""), "no variant"),
        (("--arms", "a,b c"), "no name"),
        (("--arms", "a,b"), "scatters"),
        (("--package", "ffff"), "begins with"),
        (("--policy", "threshold=0.1", "--guard", "tears <= +1"), "nothing measures"),
        (("--policy", "threshold=0.1", "--guard", "ms"), "no guard"),
        (("--policy", "threshold=0.1", "--metric", "clicks"), "by their worth"),
        (("--policy", "threshold=0.1", "--share", "0%"), "no share"),
        (("--policy", "threshold=0.1", "--confidence", "95"), r"--confidence: 95 is no confidence; say a share .* such as 0.95"),
        (("--policy", "threshold=0.1", "--guard", "acted < 0.1"), r"^--guard: 'acted < 0.1' is no guard"),
        (("--arms", "a,b", "--covariate", "expected", "--sd", "1"), "no covariate"),
        (("--arms", "a,b", "--sd", "nan"), "--sd: nan is no number"),
        (("--arms", "a,b", "--sd", "inf"), "--sd: inf is no number"),
        (("--arms", "a,b", "--sd", "1", "--per-day", "inf"), "--per-day: inf is no number"),
        (("--policy", "threshold=0.1", "--guard", "ms <= 5"), "^--guard: 'ms <= 5' is no guard"),
    ],
)
def test_what_cannot_be_compared_is_told_in_one_line(template: Path, words: tuple[str, ...], match: str) -> None:
    with pytest.raises(Mistake, match=match):
        caller(command, template)("experiment", "plan", "--effect", "1", *words)


def test_two_experiments_on_the_same_rows_are_refused_and_so_is_one_beside_a_rollout(folder: Path, call: Call) -> None:
    asked = ("--policy", "threshold=0.1", "--effect", "1", *BY)
    call("experiment", "start", "one", *asked)
    with pytest.raises(Mistake, match="'one' runs"):
        call("experiment", "start", "two", *asked)
    call("experiment", "start", "banner", "--arms", "old,new", "--effect", "1", *BY)
    call("experiment", "stop", "one", *BY)
    with pytest.raises(Mistake, match="already"):
        call("experiment", "start", "one", *asked)
    with open_loop(folder) as loop:
        traffic = {"kind": "canary", "share": 0.1}
        loop.workspace.ledger.append(start("f" * 64, loop.state().champion or "", {}, traffic, salt="s", why="a test", parents=()))
    with pytest.raises(CheckFailed, match="on trial"):
        call("experiment", "start", "two", *asked)
    with pytest.raises(Mistake, match="there are: one, banner"):
        call("experiment", "status", "three")


def test_an_experiment_cannot_end_before_it_begins(template: Path) -> None:
    with pytest.raises(Mistake, match="before it begins"):
        caller(command, template)("experiment", "start", "late", "--arms", "old,new", "--effect", "1", "--until", "2020-01-01", *BY)


def test_an_experiment_ends_with_the_package_that_it_began_with_and_its_alert_with_the_next_one(folder: Path, call: Call) -> None:
    call("experiment", "start", "one", "--policy", "threshold=0.1", "--effect", "1", *BY)
    with open_loop(folder) as loop:
        before = loop.state().champion or ""
        moves = [Draft(kind="champion", subject=subject, body={"why": "a test", "previous": before}) for subject in ("", before)]
        loop.workspace.ledger.append(moves[0])
        loop.run()
        (experiment,) = folded(loop.state().experiments)
        assert experiment.winner == "" and "no package decides now" in experiment.entries[-1].body["why"]
        assert [entry.body["monitor"] for entry in loop.state().open_alerts()] == ["experiment"]
        loop.workspace.ledger.append(moves[1])
        loop.run()
        assert not loop.state().open_alerts()


def test_an_experiment_ends_when_its_last_day_is_over(folder: Path, call: Call) -> None:
    asked = told(call("experiment", "start", "banner", "--arms", "old,new", "--effect", "1", *BY, "--json"))["plan"]
    assert date.fromisoformat(asked["until"]) == date.today() + timedelta(days=90)
    with open_loop(folder) as loop:
        (entry,) = loop.state().experiments
        body = {**entry.body, "plan": {**entry.body["plan"], "until": "2026-01-01"}}
        loop.workspace.ledger.append(Draft(kind="experiment", subject="brief", body=body))
        loop.run()
    assert told(call("experiment", "status", "banner", "--json"))["state"] == "running"
    over = told(call("experiment", "status", "brief", "--json"))
    assert (over["state"], over["winner"]) == ("ended", None) and "last day, 2026-01-01" in over["why"]


def test_the_champion_is_no_package_to_compare_itself_with(folder: Path, call: Call) -> None:
    with open_loop(folder) as loop:
        champion = loop.state().champion or ""
    with pytest.raises(Mistake, match="is the champion"):
        call("experiment", "plan", "--package", champion[:8], "--effect", "1")


def test_before_the_first_run_it_says_what_to_run(tmp_path: Path) -> None:
    (tmp_path / "loopline.yaml").write_text(DECLARATION)
    call = caller(command, tmp_path)
    with pytest.raises(Mistake, match="no package decides yet"):
        call("experiment", "plan", "--policy", "threshold=0.1", "--effect", "1")
    with pytest.raises(Mistake, match="has not been looked at"):
        call("lift")
