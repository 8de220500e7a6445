"""``loopline alerts``: what is open, who takes it on, and what is closed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from loopline.cli.alerts import command
from loopline.errors import Mistake
from loopline.loop import open_loop
from tests.cli.watched import DECLARATION, Call, caller, told, watched
from tests.kept import copied
from tests.receivers import free_port, mail_channel, mail_server, web_server


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory, watched, tmp_path_factory.mktemp("shop"))


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
    assert (acked["state"], acked["by"], acked["why"], acked["next"]) == (
        "acknowledged",
        "ann",
        "on it",
        f"loopline alerts ack {acked['cause']}" if acked["cause"] != id else "loopline alerts list",
    )
    assert "resolved by bob" in call("resolve", id, "--by", "bob").output
    assert id not in call("list").output
    assert next(alert for alert in told(call("list", "--all", "--json"))["alerts"] if alert["id"] == id)["state"] == "resolved"
    with pytest.raises(Mistake, match="resolved already"):
        call("resolve", id)


def drifted(call: Call) -> str:
    return str(next(alert["id"] for alert in told(call("list", "--json"))["alerts"] if alert["monitor"] == "drift"))


def test_alerts_with_one_cause_are_listed_together_under_the_one_that_is_told(call: Call) -> None:
    alerts = told(call("list", "--json"))["alerts"]
    heads = [alert for alert in alerts if alert["cause"] == alert["id"]]
    assert {alert["cause"] for alert in alerts} == {head["id"] for head in heads}
    for head in heads:
        assert [alert["id"] for alert in alerts if alert["cause"] == head["id"] != alert["id"]] == head["explained_by"]


def test_who_takes_on_what_only_explains_an_alert_is_led_to_that_one(call: Call) -> None:
    alerts = told(call("list", "--json"))["alerts"]
    explaining = next(alert for alert in alerts if alert["cause"] != alert["id"])
    assert told(call("ack", explaining["id"], "--by", "ann", "--json"))["next"] == f"loopline alerts ack {explaining['cause']}"
    assert told(call("ack", explaining["cause"], "--by", "ann", "--json"))["next"] == "loopline alerts list"


def test_one_alert_is_shown_with_its_history(call: Call) -> None:
    id = drifted(call)
    call("ack", id, "--by", "ann", "--why", "on it")
    shown = told(call("show", id[:6], "--json"))
    assert [(was["state"], was["by"], was["why"]) for was in shown["history"]][-1] == ("acknowledged", "ann", "on it")
    assert shown["history"][0]["state"] == "open"
    assert (shown["messages"], shown["next"]) == ([], "loopline alerts list")
    assert [one["name"] for one in shown["explanation"]["features"]][0] == "size"
    text = call("show", id).output
    assert "size has drifted" in text and "ann" in text and "nobody was told yet" in text and "Since 2026-03-0" in text


@pytest.mark.parametrize("about", ["alert", "monitor", "feature"])
def test_a_silence_is_kept_by_name_is_shown_and_is_ended(call: Call, about: str) -> None:
    id = drifted(call)
    what = {"alert": (id[:6],), "monitor": ("--monitor", "drift"), "feature": ("--monitor", "drift", "--feature", "size")}[about]
    subject = {"alert": id, "monitor": "drift", "feature": "drift:size"}[about]
    made = told(call("silence", *what, "--for", "3d", "--by", "ann", "--why", "a season", "--json"))
    assert (made["of"], made["by"], made["why"], made["ended"]) == (subject, "ann", "a season", False)
    listed = told(call("list", "--json"))
    assert [one["of"] for one in listed["silences"]] == [subject]
    alert = next(alert for alert in listed["alerts"] if alert["id"] == id)
    assert (alert["state"], alert["silence"]["why"]) == ("silenced", "a season")
    assert "a season" in call("list").output and "silent until" in call("show", id).output
    assert "has ended" in call("silence", *what, "--end", "--by", "bob").output
    after = told(call("list", "--json"))
    assert after["silences"] == []
    assert next(alert for alert in after["alerts"] if alert["id"] == id)["state"] == "open"


def test_a_silence_lasts_until_a_day(call: Call) -> None:
    made = told(call("silence", "--monitor", "volume", "--until", "2999-12-01", "--by", "ann", "--why", "closed", "--json"))
    assert made["until"] == "2999-12-01T00:00:00+00:00"
    made = told(call("silence", "--monitor", "volume", "--until", "2999-12-01T08:00+01:00", "--by", "ann", "--why", "closed", "--json"))
    assert made["until"] == "2999-12-01T07:00:00+00:00"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--monitor", "drift"), "for how long"),
        (("--monitor", "drift", "--for", "1d", "--until", "2999-01-01"), "for how long"),
        (("--for", "1d"), "what is to be silent"),
        (("zzz", "--for", "1d"), "there is no alert"),
        (("zzz", "--monitor", "drift", "--for", "1d"), "what is to be silent"),
        (("zzz", "--feature", "x", "--for", "1d"), "one feature already"),
        (("--monitor", "rain", "--for", "1d"), "no monitor 'rain'"),
        (("--monitor", "drift", "--feature", "sise", "--for", "1d"), "drift looks at no 'sise'.*did you mean 'size'"),
        (("--monitor", "freshness", "--feature", "weather", "--for", "1d"), "freshness looks at no 'weather'.*it looks at: t"),
        (("--monitor", "volume", "--feature", "size", "--for", "1d"), "volume looks at nothing by a name"),
        (("--monitor", "drift", "--for", "soon"), "cannot be read as a time"),
        (("--monitor", "drift", "--for", "0d"), "no time at all"),
        (("--monitor", "drift", "--for", "99999999999w"), "cannot be read as a time"),
        (("--monitor", "drift", "--until", "tomorrow"), "cannot be read as a time"),
        (("--monitor", "drift", "--until", "2001-01-01"), "has passed"),
        (("--monitor", "drift", "--end"), "no silence"),
    ],
)
def test_a_silence_that_cannot_be_meant_is_a_mistake(call: Call, words: tuple[str, ...], says: str) -> None:
    with pytest.raises(Mistake, match=says):
        call("silence", *words, "--by", "ann", "--why", "a test")


@pytest.mark.parametrize("words", [("ack",), ("resolve",), ("silence", "--for", "1d")])
def test_where_people_are_listed_one_of_them_must_speak(template: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    folder = Path(shutil.copytree(template, tmp_path / "shop"))
    declared = (folder / "loopline.yaml").read_text()
    (folder / "loopline.yaml").write_text(declared.replace("  predict: y", "  predict: y\n  stakeholders: {devops: [ann@example.com]}"))
    call = caller(command, folder)
    verb, *more = words
    with pytest.raises(Mistake, match="eve holds no role here"):
        call(verb, drifted(call), *more, "--by", "eve", "--why", "a test")
    call(verb, drifted(call), *more, "--by", "ann@example.com", "--why", "a test")


def test_a_silence_needs_a_reason(call: Call) -> None:
    with pytest.raises(Mistake, match="reason is empty"):
        call("silence", "--monitor", "drift", "--for", "1d", "--by", "ann")


def test_each_channel_is_tried_and_one_that_fails_is_said(tmp_path: Path) -> None:
    with mail_server() as (inbox, port), web_server() as heard:
        mail, hook = mail_channel(port), f"json://127.0.0.1:{heard.port}"
        tell = f"{{business: '{mail}', ml: ['{mail}', '{hook}'], devops: 'json://127.0.0.1:{free_port()}', data: 'alertmanager+http://127.0.0.1:{heard.port}'}}"
        (tmp_path / "loopline.yaml").write_text(f"{DECLARATION}watch: {{tell: {tell}}}\n")
        call = caller(command, tmp_path)
        result = call("try", "--json", code=1)
        channels = {tuple(one["roles"]): (one["through"], one["done"]) for one in json.loads(result.stdout)["channels"]}
        assert channels == {("business", "ml"): ("mailto", True), ("ml",): ("json", True), ("devops",): ("json", False), ("data",): ("alertmanager+http", True)}
        assert json.loads(result.stdout)["next"] == "loopline alerts try"
        assert "watch.tell: 1 of 4 channels took no message; start what should answer there" in result.stderr
        assert [mail["Subject"] for mail in inbox.mails] == ["shop: a test"]
        assert [path for path, _, _ in heard.calls] == ["/", "/api/v2/alerts"]
        assert "yes" in call("try", "--as", "business").output
    with pytest.raises(Mistake, match="no channel is declared for expert"):
        call("try", "--as", "expert")


def test_an_alert_that_is_not_there_is_a_mistake(call: Call) -> None:
    with pytest.raises(Mistake, match="there is no alert 'zzz'"):
        call("ack", "zzz")


def test_a_watch_that_stands_still_is_told_all_the_same(template: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(template, tmp_path / "shop"))
    (folder / ".loopline" / "lake" / "blobs").rename(tmp_path / "away")
    with web_server() as heard:
        with (folder / "loopline.yaml").open("a") as file:
            file.write(f"watch: {{window: 2d, tell: {{devops: 'json://127.0.0.1:{heard.port}'}}}}\n")
        with open_loop(folder) as loop:
            status = loop.run(until="watch")
            (alert,) = (entry for entry in loop.state().alerts.values() if entry.body["monitor"] == "pipeline_failed")
            told = {item["alert"] for message in loop.state().messages for item in message.body["items"] if message.body["done"]}
    assert (status.stages[-1].stage, status.stages[-1].state) == ("watch", "failed")
    assert alert.body["feature"].startswith("watch ") and alert.subject in told


def test_a_defect_in_one_stage_silences_no_other(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(shutil.copytree(template, tmp_path / "shop"))
    with (folder / "loopline.yaml").open("a") as file:
        file.write("watch: {window: 2d}\n")
    with (folder / "t.csv").open("a") as file:
        file.write((folder / "t.csv").read_text().splitlines()[-1] + "\n")
    monkeypatch.setattr("loopline.data.ingest.run", lambda job: 1 / 0)
    with open_loop(folder) as loop:
        states = {stage.stage: stage.state for stage in loop.run().stages}
        (alert,) = (entry.body for entry in loop.state().open_alerts() if entry.body["feature"] == "data ingest")
    assert states == {"charter": "done", "data": "failed", "model": "stale", "release": "stale", "serve": "done", "watch": "done", "value": "done"}
    assert alert["monitor"] == "pipeline_failed" and "ZeroDivisionError" in alert["says"]


def test_a_batch_that_the_contract_holds_back_is_told_to_the_data_role(template: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(template, tmp_path / "shop"))
    declared = (folder / "loopline.yaml").read_text()
    (folder / "loopline.yaml").write_text(declared.replace("time: at}\n", "time: at}\n  contract: {batch: {rows: 5000..}}\n"))
    with (folder / "t.csv").open("a") as file:
        file.write((folder / "t.csv").read_text().splitlines()[-1] + "\n")
    with open_loop(folder) as loop:
        loop.run(until="watch")
        (alert,) = (entry.body for entry in loop.state().open_alerts() if entry.body["feature"] == "data ingest")
    assert (alert["monitor"], alert["role"]) == ("contract", "data")
    assert "is held back: it has 901 rows, and 5000.. are expected" in alert["says"]
