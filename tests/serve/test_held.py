"""A hold-out and experiments seen from outside: the same rows are held out in every protocol and format, and a change is followed while the server runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import anyio
import httpx
import pytest

from loopline.lake.place import Lake
from loopline.ledger.entry import Entry
from loopline.serve.apart import Apart, Holdout
from loopline.serve.app import Service, build
from loopline.serve.champion import Champion
from loopline.serve.experiments import STARTED, folded
from loopline.serve.log import Log
from loopline.serve.media import ARROW, CSV, JSON, LINES
from loopline.serve.segments import records
from loopline.serve.spec import ServeSpec
from tests.serve.packages import ROW, make_package, scorer_of
from tests.serve.speaking import columns, tensors, understood, written

ROWS = [{**ROW, "id": number, "age": 20 + number % 60} for number in range(60)]


def entry(seq, subject, **body):
    return Entry(
        kind="experiment", subject=subject, body=body, seq=seq, id=f"{seq}-abc", project="p", time=datetime(2026, 5, seq, tzinfo=UTC), prev_hash="", hash=""
    )


def started(seq, name, *arms):
    made = [{"name": arm, "share": share, "policy": None, "package": ""} for arm, share in arms]
    return entry(seq, name, action=STARTED, sort="feature", package="", arms=made, plan={})


BANNER = folded([started(1, "banner", ("old", 0.5), ("new", 0.5))])
OVER = folded([started(2, "over", ("old", 0.5), ("new", 0.5)), entry(3, "over", action="ended", winner="new", why="it earned more")])
PART = folded([started(4, "part", ("old", 0.1), ("new", 0.1))])


class Served:
    def __init__(self, folder):
        lake = Lake(str(folder / "lake"))
        self.package, self.folder = make_package(lake), folder / "log"
        self.apart = Apart(Holdout(0.3, "s", "rest"))
        self.champion = Champion(lambda: self.package, lambda package: scorer_of(lake, package), apart=lambda: self.apart)
        self.champion.look()
        service = Service("p", ServeSpec(), Log(self.folder), self.champion, features=lambda: [*BANNER, *OVER, *PART])
        self.app = build(service)

    def ask(self, path, body, **headers):
        async def asked():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://p") as client:
                return await client.post(path, content=body if isinstance(body, bytes) else json.dumps(body), headers=headers)

        return anyio.run(asked)

    def logged(self, kind="predictions"):
        return [json.loads(line) for part in records(self.folder, kind) for line in part.lines]


@pytest.fixture
def served(tmp_path):
    return Served(tmp_path)


def test_the_same_rows_are_held_out_in_every_protocol_and_format(served):
    said = [one["holdout"] for part in range(0, 60, 10) for one in served.ask("/v1/predict", {"rows": ROWS[part : part + 10]}).json()["predictions"]]
    assert 6 <= sum(said) <= 30
    whole = served.ask("/v1/predict", {"rows": ROWS}).json()["predictions"]
    assert [one["holdout"] for one in whole] == said
    assert {one["decision"] for one in whole if one["holdout"]} == {"rest"}
    assert [one["holdout"] for one in served.ask("/invocations", {"dataframe_records": ROWS}).json()["predictions"]] == said
    assert columns(served.ask("/v2/models/p/infer", tensors(ROWS)).json())["holdout"] == said
    for media in (JSON, LINES, CSV, ARROW):
        answer = served.ask("/v1/predict", written(ROWS, media), **{"content-type": media})
        assert [one["holdout"] in (True, "True", "true") for one in understood(answer)] == said, media
    assert len(served.logged()) == 8 * 60
    by_id = {}
    for record in served.logged():
        by_id.setdefault(record["row"]["id"], set()).add((record["holdout"], record["score"] is not None))
    assert all(len(found) == 1 for found in by_id.values())


def test_a_change_of_the_hold_out_is_followed_and_without_one_nothing_is_said(served):
    served.apart = Apart()
    served.champion.look()
    assert "holdout" not in served.ask("/v1/predict", {"rows": ROWS[:3]}).json()["predictions"][0]
    assert "holdout" not in columns(served.ask("/v2/models/p/infer", tensors(ROWS[:3])).json())
    served.apart = Apart(Holdout(1.0, "s", "act"))
    served.champion.look()
    assert {(one["holdout"], one["decision"]) for one in served.ask("/v1/predict", {"rows": ROWS}).json()["predictions"]} == {(True, "act")}
    assert "holdout" not in served.logged()[0]


def test_a_hold_out_that_cannot_be_told_leaves_what_holds(served):
    def broken():
        raise OSError("the declaration is being mended")

    served.champion._find_apart = broken
    served.champion.look()
    assert not served.champion.trouble
    assert "holdout" in served.ask("/v1/predict", {"rows": ROWS[:1]}).json()["predictions"][0]


def assign(served, *items):
    return served.ask("/v1/assign", {"assign": list(items)})


def test_a_unit_is_told_its_arm_and_its_outcomes_are_kept_by_id(served):
    said = assign(served, *({"experiment": "banner", "unit": f"u{number}", "prior": number} for number in range(40))).json()["assigned"]
    assert {one["arm"] for one in said} == {"old", "new"}
    assert assign(served, {"experiment": "banner", "unit": "u7"}).json()["assigned"][0] == said[7]
    told = [{"id": said[0]["id"], "outcome": 12.5}, {"id": said[1]["id"], "outcome": True, "metric": "clicked"}, {"id": said[2]["id"], "outcome": "much"}]
    answer = served.ask("/v1/outcomes", {"outcomes": told}).json()
    assert (answer["received"], answer["malformed"]) == (2, 1)
    assert [(one["metric"], one["value"]) for one in served.logged("measures")] == [("outcome", 12.5), ("clicked", 1.0)]
    kept = served.logged("assignments")
    assert len(kept) == 41 and kept[3] == {**kept[3], "id": said[3]["id"], "arm": said[3]["arm"], "prior": 3.0, "experiment": "1-abc"}
    assert not any("unit" in one or "u3" in json.dumps(one) for one in kept)


def test_after_its_end_every_unit_has_the_winner_and_nothing_is_kept(served):
    said = assign(served, *({"experiment": "over", "unit": f"u{number}"} for number in range(9))).json()["assigned"]
    assert {(one["arm"], one["id"], one["running"]) for one in said} == {("new", None, False)}
    assert not served.logged("assignments")


def test_a_unit_that_takes_no_part_is_told_so(served):
    said = assign(served, *({"experiment": "part", "unit": f"u{number}"} for number in range(50))).json()["assigned"]
    assert 30 <= sum(one["arm"] is None and one["id"] is None for one in said) < 50
    assert len(served.logged("assignments")) == sum(one["arm"] is not None for one in said)


@pytest.mark.parametrize(
    ("item", "status", "words"),
    [
        ({"experiment": "baner", "unit": "a"}, 404, "banner"),
        ({"experiment": "banner", "unit": 7}, 400, "unit"),
        ({"experiment": "banner", "unit": ""}, 400, "unit"),
        ({"experiment": "banner", "unit": "a", "prior": "x"}, 400, "prior"),
        ({"experiment": "banner", "unit": "a", "arm": "new"}, 400, "experiment"),
        ({"experiment": ["banner"], "unit": "a"}, 404, "experiment"),
        ("banner", 400, "experiment"),
    ],
)
def test_what_asks_for_no_arm_is_refused_with_a_reason(served, item, status, words):
    answer = assign(served, {"experiment": "banner", "unit": "ok"}, item)
    assert answer.status_code == status
    assert words in json.dumps(answer.json()["error"])
    assert not served.logged("assignments")


def test_an_experiment_is_folded_from_its_entries():
    assert [one.is_running for one in (*BANNER, *OVER)] == [True, False]
    ends = [entry(at, "over", action="ended", winner=who, why="") for at, who in ((3, "new"), (4, "old"))]
    twice = folded([started(2, "over", ("old", 0.5), ("new", 0.5)), *ends])
    assert twice[0].winner == "new" and len(twice[0].entries) == 2
