"""The live pages: windows and drift as the commands tell them, alerts that are acted on once, and a prediction found again."""

from __future__ import annotations

import html
import json
import re
import shutil
import socket
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from click import Command
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline import charts
from loopline.cli.alerts import command as alerts_command
from loopline.cli.watch import command as watch_command
from loopline.errors import Fault
from loopline.lake.tables import Tables
from loopline.ledger.entry import Draft, now
from loopline.loop import open_loop
from loopline.serve.log import Log
from loopline.watch import pictures
from loopline.watch.drift import Bins
from loopline.web.pages.live import predictions
from tests.web.releasing import entries
from tests.web.world import PEOPLE, client, hidden, reader

HOSTILE = "<script>alert(1)</script>"


def told(command: Command, folder: Path, *words: str) -> dict[str, Any]:
    """What a command says as JSON."""
    said: dict[str, Any] = json.loads(CliRunner().invoke(command, [*words, "--folder", str(folder), "--json"]).stdout)
    return said


def drifting(folder: Path) -> str:
    """The id of the alert on the drift of a feature."""
    with open_loop(folder) as loop:
        return next(entry.subject for entry in loop.state().alerts.values() if entry.body["monitor"] == "drift")


def test_the_windows_are_those_that_the_command_tells(folder):
    shown = told(watch_command, folder, "show")
    with client(folder, reader("business")) as browser:
        seen, page = browser.get("/shop/live?as=json").json(), browser.get("/shop/live").text
        other = browser.get(f"/shop/live?metric={seen['metrics'][-1]}&as=json").json()
        assert other["metric"] == seen["metrics"][-1] != seen["metric"]
    assert seen["windows"] == shown["windows"] and (seen["detectable"], seen["currency"]) == (shown["detectable"], "EUR")
    assert 'name="metric"' in page and seen["metric"] == seen["metrics"][0]
    # Refused rows quote what was sent: a business owner sees how many, and no row.
    assert seen["refusals"] is None
    assert page.count("/drawn/") >= 8 and "What the monitors say" in page


def test_pictures_beside_each_other_are_drawn_for_half_of_a_desk(folder):
    with client(folder, reader("business")) as browser:
        address = html.unescape(re.findall(r'srcset="([^"]*width=half)"', browser.get("/shop/live").text)[0])
        assert f'width="{charts.HALF}"' in browser.get(address).text


def test_before_anything_is_served_the_page_says_what_to_do(folder):
    (folder / "t.csv").rename(folder / "later.csv")
    with open_loop(folder) as loop:
        loop.workspace.ledger.close()
    shutil.rmtree(folder / ".loopline")
    with client(folder, reader("ml")) as browser:
        pages = {path: browser.get(f"/shop{path}") for path in ("/live", "/live/drift", "/live/alerts", "/live/server", "/release", "/release/history")}
    assert {page.status_code for page in pages.values()} == {200}
    assert "loopline serve" in pages["/live"].text and "loopline run" in pages["/release"].text


def test_a_feature_is_shown_beside_training(folder):
    with client(folder, reader("business")) as browser:
        ranked = browser.get("/shop/live/drift?as=json").json()["features"]
        one, week = (browser.get(f"/shop/live/drift/feature?name=size&windows={many}&as=json").json() for many in (1, 7))
        scored = browser.get("/shop/live/drift/feature?name=(score)")
        lost = browser.get(f"/shop/live/drift/feature?name={HOSTILE}")
    assert ranked[0]["feature"] == "size" and ranked[0]["distance"] > ranked[0]["limit"]
    assert (one["windows"], week["windows"]) == (1, 7)
    assert sum(part["rows"] for part in week["bins"]) == 420 and abs(sum(part["share_in_training"] for part in week["bins"]) - 1) < 1e-9
    # Four days of the seven are shifted: together they are nearer to training than the newest one.
    assert week["distance"] < one["distance"] == ranked[0]["distance"]
    assert scored.status_code == 200 and lost.status_code == 404 and HOSTILE not in lost.text


@settings(max_examples=10)
@given(st.lists(st.text(min_size=1), min_size=1, max_size=40), st.data())
def test_every_bin_has_a_name_and_a_picture_can_be_made_of_any_values(values, data):
    bins = Bins.of_values("x", pl.Series(values))
    counts = data.draw(st.lists(st.integers(0, 50), min_size=len(bins.counts), max_size=len(bins.counts)))
    assert len(pictures.labels(bins)) == len(bins.counts)
    rows = pictures.side_by_side(bins, counts, title="x")["data"]["values"]
    assert abs(sum(row["limit"] for row in rows) - 100) < 1e-6 and (not sum(counts) or abs(sum(row["value"] for row in rows) - 100) < 1e-6)


def test_a_hostile_category_is_a_text_in_the_picture():
    drawn = charts.svg(pictures.side_by_side(Bins.of_values(HOSTILE, pl.Series([HOSTILE, "b"] * 40)), [3, 1, 0, 0], title=HOSTILE))
    assert "<script" not in drawn and "alert(1)" in drawn


def test_numbers_are_named_by_the_edges_of_their_bins():
    bins = Bins.of_values("x", pl.Series(np.arange(100.0)))
    assert pictures.labels(bins)[0] == "below 9.9" and pictures.labels(bins)[-2:] == ["from 89.1 on", "(missing)"]


def test_an_alert_is_taken_on_once_and_the_second_is_told_what_changed(folder):
    id = drifting(folder)
    with client(folder, reader("ml")) as browser, client(folder, reader("science")) as other:
        assert browser.get("/shop/live/alerts?as=json").json()["alerts"] == told(alerts_command, folder, "list")["alerts"]
        mine, theirs = (hidden(who.get(f"/shop/live/alerts/{id}").text, f"/live/alerts/{id}/word") for who in (browser, other))
        done = browser.post(f"/shop/live/alerts/{id}/word", data={**mine, "verb": "acknowledged", "why": HOSTILE})
        assert done.status_code == 200 and f"{id} is acknowledged by max@example.com" in done.text and HOSTILE not in done.text
        late = other.post(f"/shop/live/alerts/{id}/word", data={**theirs, "verb": "acknowledged", "why": "me too"})
        assert late.status_code == 409 and "alert acknowledged by max@example.com" in late.text
    newest = entries(folder, "alert")[-1]
    assert (newest.subject, newest.actor, newest.body["state"], newest.body["why"]) == (id, "max@example.com", "acknowledged", HOSTILE)


def test_a_window_more_does_not_make_a_form_stale_and_a_resolved_one_does_not_come_back(folder):
    id = drifting(folder)
    with client(folder, reader("ml")) as browser:
        fields = hidden(browser.get(f"/shop/live/alerts/{id}").text, f"/live/alerts/{id}/word")
        with open_loop(folder) as loop:
            was = loop.state().alerts[id]
            body = {**was.body, "says": HOSTILE, "what": HOSTILE, "value": 0.9}
            loop.workspace.ledger.append(Draft(kind="alert", subject=id, key=was.key, body=body))
        assert HOSTILE not in browser.get(f"/shop/live/alerts/{id}").text and HOSTILE not in browser.get("/shop/live").text
        assert browser.post(f"/shop/live/alerts/{id}/word", data={**fields, "verb": "resolved", "why": "a campaign"}).status_code == 200
        page = browser.get(f"/shop/live/alerts/{id}").text
        assert "a campaign" in page and "/word" not in page
        assert id not in browser.get("/shop/live/alerts").text and id in browser.get("/shop/live/alerts?all=1").text


def test_an_alert_is_explained_beside_the_page(folder):
    id = drifting(folder)
    with client(folder, reader("ml")) as browser:
        until = time.monotonic() + 20
        while not (seen := browser.get(f"/shop/live/alerts/{id}?as=json").json())["is_explained"] and time.monotonic() < until:
            time.sleep(0.05)
        page = browser.get(f"/shop/live/alerts/{id}").text
    shown = told(alerts_command, folder, "show", id)
    assert {name: seen[name] for name in shown} == shown
    assert "Features that moved" in page and "worked out" not in page


def test_what_is_silent_is_told_nobody_until_that_is_ended(folder):
    id = drifting(folder)
    with client(folder, reader("devops")) as browser:
        fields = hidden(browser.get(f"/shop/live/alerts/{id}").text, "/live/silences")
        assert browser.post("/shop/live/silences", data={**fields, "id": id, "for": "1d", "why": ""}).status_code == 400
        done = browser.post("/shop/live/silences", data={**fields, "id": id, "for": "1d", "why": "a migration"})
        assert f"Nobody is told of {id} until" in done.text and "Silenced" in done.text
        listing = browser.get("/shop/live/alerts").text
        assert browser.post("/shop/live/silences", data={**hidden(listing, "/live/silences"), "of": id}).status_code == 200
        anew = [one for one in re.findall(r'name="seen" value="([^"]*)"', browser.get("/shop/live/alerts").text)][-1]
        wrong = browser.post("/shop/live/silences", data={**fields, "id": "", "seen": anew, "monitor": "drift", "feature": "sise", "for": "1d", "why": "x"})
        assert wrong.status_code == 400 and "Did you mean 'size'?<" in html.unescape(wrong.text)
    assert [entry.actor for entry in entries(folder, "silence")] == ["olga@example.com"] * 2


def test_a_prediction_is_found_by_its_id_with_reasons_and_outcome(folder):
    with open_loop(folder) as loop:
        id, size = Tables(loop.workspace.lake).read("predictions").select("prediction_id", pl.col("row").str.json_path_match("$.size")).collect().row(3)
    with client(folder, reader("expert")) as browser:
        until = time.monotonic() + 20
        while (seen := browser.get(f"/shop/live/predictions?id={id}&as=json").json())["reasons"] is None and time.monotonic() < until:
            time.sleep(0.05)
        page = browser.get(f"/shop/live/predictions?id={id}").text
        lost = browser.get(f"/shop/live/predictions?id=20260302-{HOSTILE}")
    assert seen["id"] == id and seen["row"]["size"] == float(size) and seen["decision"] in ("act", "rest")
    assert (
        seen["outcomes"][-1]["outcome"] in ("yes", "no")
        and abs(seen["reasons"]["base"] + sum(one["effect"] for one in seen["reasons"]["reasons"]) - seen["score"]) < 1e-9
    )
    assert "has not come" not in page and "size is" in page
    assert lost.status_code == 404 and HOSTILE not in lost.text
    with client(folder, reader("business")) as browser:
        refused = browser.get(f"/shop/live/predictions?id={id}")
        assert refused.status_code == 403 and size not in refused.text
        assert "/live/predictions" not in browser.get("/shop/live").text


def test_what_was_in_the_way_of_reasons_is_not_remembered(folder, monkeypatch):
    with open_loop(folder) as loop:
        (id,) = Tables(loop.workspace.lake).read("predictions").select("prediction_id").collect().row(5)
    tries, real = [], predictions.scorer_of

    def passing(*given):
        tries.append(1)
        if len(tries) == 1:
            raise Fault("the lake does not answer", remedy="try again")
        return real(*given)

    monkeypatch.setattr(predictions, "scorer_of", passing)
    with client(folder, reader("expert")) as browser:
        seen = []
        until = time.monotonic() + 20
        while not (seen and seen[-1]["reasons"]) and time.monotonic() < until:
            seen.append(browser.get(f"/shop/live/predictions?id={id}&as=json").json())
    assert "the lake does not answer; try again" in {one["reasons_lack"] for one in seen} and seen[-1]["reasons"]["reasons"]


def test_the_server_page_tells_who_has_reported_and_that_nobody_answers(folder):
    declaration = folder / "loopline.yaml"
    # Port 1 is never served here.
    declaration.write_text(declaration.read_text() + "serve: {port: 1}\n")
    with open_loop(folder) as loop:
        loop.workspace.ledger.append(Draft(kind="usage", subject="serve", body={"server": "ab12", "state": "began"}))
    with client(folder, reader("devops")) as browser:
        seen, page = browser.get("/shop/live/server?as=json").json(), browser.get("/shop/live/server").text
    assert seen["counters"] is None and [one["server"] for one in seen["processes"]] == ["ab12"]
    assert "Nobody answers at http://127.0.0.1:1" in page and "another machine" in page


def test_what_no_turn_has_collected_yet_is_told_with_when_the_next_one_comes(folder):
    with open_loop(folder) as loop, Log(loop.workspace.lake.log) as log:
        log.append("predictions", b"{}\n" * 12).result(timeout=10)
        log.append("outcomes", b"{}\n").result(timeout=10)
        body = {"state": "done", "says": "", "seconds": 1.0, "every_s": 3600.0, "late_s": None, "host": "here", "heartbeat": None}
        loop.workspace.ledger.append(Draft(kind="turn", body=body))
    with client(folder, reader("business")) as browser:
        for path in ("/shop/", "/shop/live"):
            says = browser.get(f"{path}?as=json").json()["coming"]
            assert says.startswith("12 rows answered and 1 outcome are not collected yet; the next turn comes at ") and says[:20] in browser.get(path).text


def test_a_server_that_stands_still_is_told(folder):
    with socket.create_server(("127.0.0.1", 0)) as still:
        declaration = folder / "loopline.yaml"
        declaration.write_text(declaration.read_text() + f"serve: {{port: {still.getsockname()[1]}}}\n")
        with client(folder, reader("business")) as browser:
            assert browser.get("/shop/live?as=json").json()["unheard"] == ""
            with open_loop(folder) as loop:
                loop.workspace.ledger.append(Draft(kind="usage", subject="serve", body={"server": "ab12", "state": "began"}))
            assert "The server is not heard" in browser.get("/shop/live").text
            serve = next(stage for stage in browser.get("/shop/?as=json").json()["stages"] if stage["stage"] == "serve")
            assert "nobody answers at" in serve["note"]


def test_a_server_is_asked_where_it_says_that_it_listens_and_on_this_machine_alone(folder):
    def report(loop, **said):
        loop.workspace.ledger.append(Draft(kind="usage", subject="serve", body={"server": "ab12", "state": "began", **said}))

    with socket.create_server(("127.0.0.1", 0)) as still, client(folder, reader("business")) as browser, open_loop(folder) as loop:
        url = f"http://127.0.0.1:{still.getsockname()[1]}"
        report(loop, url=url, machine=socket.gethostname())
        assert f"nobody answers at {url}:" in browser.get("/shop/live?as=json").json()["unheard"]
        report(loop, url=url, machine="another")
        assert browser.get("/shop/live?as=json").json()["unheard"] == ""


def test_a_stranger_may_not_act_on_an_alert(folder):
    id = drifting(folder)
    with client(folder, reader("customer")) as browser:
        assert browser.get(f"/shop/live/alerts/{id}").status_code == 403
    assert all(entry.time < now() - timedelta(0) and entry.actor == "loopline" for entry in entries(folder, "alert"))


def test_a_stale_form_is_refused_with_what_changed_however_much_else_has_come(folder):
    with client(folder, reader("ml")) as browser, open_loop(folder) as loop:
        id = loop.state().open_alerts()[0].subject
        page = browser.get(f"/shop/live/alerts/{id}").text
        fields = hidden(page, f"/live/alerts/{id}/word")
        browser.post(f"/shop/live/alerts/{id}/word", data={**fields, "verb": "acknowledged", "why": "seen"})
        loop.workspace.ledger.append(*(Draft(kind="note", subject=f"note {number}") for number in range(30)))
        stale = browser.post(f"/shop/live/alerts/{id}/word", data={**fields, "verb": "acknowledged", "why": "seen"}, headers={"accept": "application/json"})
    (changed,) = stale.json()["error"]["changed"]
    assert stale.status_code == 409 and changed.endswith(f"alert acknowledged by {PEOPLE['ml']}")


def test_of_many_that_explain_an_alert_pages_show_the_first(folder):
    with open_loop(folder) as loop:
        entry = next(one for one in loop.state().open_alerts() if one.body["monitor"] != "waiting")
        # Told by the same windows about the same package: one cause.
        loop.workspace.ledger.append(*(Draft(kind="alert", subject=f"{number:012x}", key=entry.key, body=entry.body) for number in range(70)))
    with client(folder, reader("business")) as browser:
        raised = browser.get("/shop/?as=json").json()["alerts"][0]
        page = browser.get(f"/shop/live/alerts/{raised['id']}").text
        first = browser.get("/shop/").text
    assert (len(raised["explained_by"]), page.count("Explained by")) == (12, 50)
    assert f"And by {raised['more'] - 38} others" in page and f"and {raised['more']} others" in first
