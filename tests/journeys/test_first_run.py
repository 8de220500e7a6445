"""From a file to a served model and its review, as a newcomer does it."""

from __future__ import annotations

import json

import polars as pl

import loopline
from tests.journeys.conftest import Shell, visits, write_csv

STAGES = ["charter", "data", "model", "release", "serve", "watch", "value"]


def states(status):
    return {stage["stage"]: stage["state"] for stage in status["stages"]}


def test_init_and_run_take_a_file_round_the_whole_loop(shop):
    status = shop.json("run")
    assert list(states(status)) == STAGES
    assert set(states(status).values()) == {"done"}
    assert status["champion"] == shop.json("model", "show")["package"]
    assert (status["project"], status["waiting_for"], status["next"]) == ("shop", None, "loopline serve")
    assert [stage["cached"] for stage in status["stages"]] == [False] * 7
    assert shop.json("ledger", "verify")["intact"]


def test_what_was_done_is_not_done_again(ran):
    before = ran.json("status")
    entries = ran.json("ledger", "verify")["entries"]
    again = ran.json("run")
    assert [stage["cached"] for stage in again["stages"]] == [True] * 7
    assert again["champion"] == before["champion"]
    assert ran.json("ledger", "verify")["entries"] == entries


def test_a_fresh_stage_is_computed_again_to_the_same_end(ran):
    first = ran.json("status")
    again = ran.json("run", "--fresh", "model")
    assert [stage["stage"] for stage in again["stages"] if not stage["cached"]] == ["model"]
    assert again["champion"] == first["champion"]


def test_until_stops_after_the_stage_and_status_says_what_is_left(shop):
    run = shop.json("run", "--until", "data")
    assert states(run) == {"charter": "done", "data": "done"}
    left = shop.json("status")
    assert states(left)["model"] == "stale"
    assert next(stage["why"] for stage in left["stages"] if stage["stage"] == "model") == "it has not run yet"
    assert "there is no stage" in str(shop.json("run", "--until", "dta", code=2))


def test_status_says_what_has_changed(ran):
    declaration = ran.folder / "loopline.yaml"
    declaration.write_text(declaration.read_text().replace("trials: 2", "trials: 3"))
    why = {stage["stage"]: stage["why"] for stage in ran.json("status")["stages"]}
    assert why["model"].startswith("changed: ")
    assert "loopline.yaml" in why["model"]


def test_more_data_makes_the_loop_turn_again(ran):
    first = ran.json("status")
    declaration = ran.folder / "loopline.yaml"
    declaration.write_text(declaration.read_text().replace("path: visits.csv", "path: visits*.csv"))
    write_csv(ran.folder / "visits-2.csv", visits(400, seed=1, start="2024-02-01"))
    second = ran.json("run")
    assert {stage["stage"] for stage in second["stages"] if not stage["cached"]} >= {"charter", "data", "model", "release"}
    assert ran.json("model", "show")["package"] != first["champion"] or second["champion"] == first["champion"]
    tables = ran.json("data", "show")
    assert "1000" in json.dumps(tables)


def test_a_package_waits_for_the_people_who_must_approve_it(shop):
    declaration = shop.folder / "loopline.yaml"
    declaration.write_text(declaration.read_text() + "\nrelease: {approvals: {business: 1}}\n")
    waiting = shop.json("run")
    assert (waiting["waiting_for"], waiting["champion"]) == ("business", None)
    assert states(waiting)["release"] == "waiting"
    assert waiting["next"].startswith("loopline release approve --as business")
    shop("release", "approve", "--as", "business", "--why", "it pays")
    done = shop.json("run")
    assert set(states(done).values()) == {"done"}
    assert done["champion"]


def test_a_hopeless_charter_stops_until_a_named_person_overrides_it(shop):
    declaration = shop.folder / "loopline.yaml"
    declaration.write_text(declaration.read_text().replace("act_right: 1", "act_right: -1"))
    stopped = shop.json("run", code=1)
    assert states(stopped)["charter"] == "failed"
    assert "loopline charter override" in stopped["next"]
    shop("charter", "override", "--by", "ann@example.com", "--why", "a pilot")
    # The data say no by a rule of their own, of which nobody has spoken yet.
    read = shop.json("run", "--until", "data", code=1)
    assert "the override by ann@example.com does not cover: a model can help" in read["stages"][0]["why"]
    shop("charter", "override", "--by", "ann@example.com", "--why", "a pilot all the same")
    assert states(shop.json("run", "--until", "data")) == {"charter": "done", "data": "done"}


def test_a_batch_is_scored_with_its_refused_rows_kept(ran):
    rows = [{name: value for name, value in row.items() if name != "bought"} for row in visits(50, seed=2)]
    rows[7]["pages"] = "many"
    write_csv(ran.folder / "new.csv", rows)
    scored = ran.json("score", "new.csv", "-o", "out.csv")
    assert (scored["rows"], scored["refused"]) == (50, 1)
    lines = (ran.folder / "out.csv").read_text().splitlines()
    assert len(lines) == 50
    assert {"prediction_id", "score", "decision", "package"} <= set(lines[0].split(","))
    status = ran.json("run")
    assert "49" in next(stage["why"] for stage in status["stages"] if stage["stage"] == "serve")


def test_the_same_from_python(shop):
    with loopline.open(shop.folder) as loop:
        status = loop.run()
        assert status.champion
        assert "charter done" in status._repr_html_() and status.next in loop._repr_html_()
        for shown in (loop.study(), loop.evaluation(), loop.review()):
            assert "<script" not in shown._repr_html_() and shown.markdown.startswith("# shop")
        # Without a volume there is nothing to draw of the study.
        assert "<svg" in loop.evaluation()._repr_html_()
        frame = pl.DataFrame([{name: value for name, value in row.items() if name != "bought"} for row in visits(20, seed=3)])
        assert loop.score(frame).height == 20
        assert type(loop.score(frame.to_pandas())).__module__.startswith("pandas")


def test_the_readme_of_a_stranger_elsewhere_works_with_folder(shop, tmp_path_factory):
    elsewhere = Shell(tmp_path_factory.mktemp("elsewhere"))
    assert states(elsewhere.json("run", "--folder", shop.folder, "--until", "data"))["data"] == "done"


def test_a_no_go_is_judged_anew_when_the_prices_change(ran):
    declaration = ran.folder / "loopline.yaml"
    text = declaration.read_text().replace("charter:\n", "charter:\n  volume: 10 per year\n  target: 1000 per year\n", 1)
    declaration.write_text(text)
    stopped = ran.json("run", code=1)
    assert "would add only" in stopped["stages"][0]["why"]
    declaration.write_text(text.replace("act_right: 1, act_wrong: -1", "act_right: 1000, act_wrong: -1000"))
    assert states(ran.json("run", "--until", "data")) == {"charter": "done", "data": "done"}


def told(folder):
    """The steps that were done, in their order."""
    with loopline.open(folder) as loop:
        steps = loop.workspace.ledger.read(kinds=("step",))
    return [(step.subject, step.body["name"]) for step in steps if step.body["state"] == "succeeded"]


def test_what_each_way_to_decide_earns_is_told_before_the_search_where_a_year_can_be_told(shop):
    with loopline.open(shop.folder) as loop:
        loop.run(until="data")
        assert ("model", "sounding") not in loop.state().latest
        loop.run(until="data", sounding=True)
        assert loop.state().facts("model", "sounding")["alternatives"]
    sounded = [("charter", "study"), ("data", "ingest"), ("charter", "study"), ("model", "sounding"), ("charter", "study")]
    assert told(shop.folder) == sounded
    declaration = shop.folder / "loopline.yaml"
    text = declaration.read_text().replace("charter:\n", "charter:\n  volume: 100 per day\n", 1).replace("currency: points", "currency: EUR")
    declaration.write_text(text)
    assert set(states(shop.json("run", "--until", "model")).values()) == {"done"}
    assert told(shop.folder)[-4:] == [("charter", "study"), ("model", "sounding"), ("charter", "study"), ("model", "search")]
    assert set(states(shop.json("run", "--until", "model")).values()) == {"done"}
    assert told(shop.folder)[-1] == ("model", "search"), "what was told is not told again"


def test_what_decides_is_watched_while_its_successor_is_held_up(ran):
    declaration = ran.folder / "loopline.yaml"
    declaration.write_text(declaration.read_text().replace("charter:\n", "charter:\n  acceptance: [{id: A1, check: recall >= 0.999}]\n", 1))
    write_csv(ran.folder / "new.csv", [{name: value for name, value in row.items() if name != "bought"} for row in visits(30, seed=4)])
    ran("score", "new.csv", "-o", "out.csv")
    status = ran.json("run", code=1)
    assert states(status) == {**dict.fromkeys(STAGES, "done"), "release": "failed"}
    assert status["next"] == "loopline release check"
    assert next(stage["why"] for stage in status["stages"] if stage["stage"] == "serve").startswith("30 predictions")


def test_what_a_killed_run_left_half_written_is_swept(ran):
    with loopline.open(ran.folder) as loop:
        mark = loop.workspace.lake.folder / "writers" / "1-killed"
        mark.parent.mkdir(exist_ok=True)
        mark.write_text(f"project {loop.project.name}")
        left = loop.workspace.lake.folder / "blobs" / "ab" / ".abc.1.staged"
        left.parent.mkdir(exist_ok=True)
        left.write_bytes(b"half")
        loop.run()
        assert not left.exists()
