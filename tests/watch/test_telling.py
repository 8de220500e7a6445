"""Telling, with a real mail server and a real web server: once to each channel; one that fails is a fact, and is told later."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from loopline.engine.step import Halt, Step
from loopline.ledger.entry import Draft, now
from loopline.watch import alerts, telling
from loopline.watch.silences import silence
from loopline.watch.spec import WatchSpec
from tests.receivers import Heard, free_port, mail_channel, mail_server, web_server
from tests.watch.shop import Crowd, Shop
from tests.watch.world import DAY, HOUR, World

_TELLS = """
import json, sys
from pathlib import Path
from loopline.engine.local import LocalEngine
from loopline.engine.step import Silence, Step
from loopline.lake.place import Lake
from loopline.ledger.store import Ledger
from loopline.watch.telling import run
from loopline.workspace import Job, Workspace

workspace = Workspace(Ledger.open(sys.argv[1], "shop"), Lake(sys.argv[2]), LocalEngine(1))
run(Job(project="shop", folder=Path.cwd(), step=Step(**json.loads(sys.argv[3])), attempt="", workspace=workspace, progress=Silence()))
"""
MINUTE = timedelta(minutes=1)
HERE = telling.Source("shop", "/srv/a shop", "box")
BODY = {"state": "open", "package": "p", "last": "2024-01-01T00:00:00+00:00", "since": "2024-01-01T00:00:00+00:00", "value": 1.0, "limit": 0.0, "cost": None}


@pytest.fixture
def web() -> Iterator[Heard]:
    with web_server() as heard:
        yield heard


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    made.at = now()
    yield made
    made.ledger.close()


def declare(shop: Shop, **watch: Any) -> None:
    shop.spec = WatchSpec.model_validate(watch)


def open_alert(shop: Shop, monitor: str, *, feature: str = "", role: str = "business", says: str = "", since: str = BODY["since"], **said: Any) -> str:
    """Enter an open alert of the package; its id."""
    assert shop.at is not None
    more = {
        "monitor": monitor,
        "feature": feature,
        "role": role,
        "what": says or f"{monitor} is wrong",
        "says": says or f"{monitor} is wrong",
        "opened": shop.at.isoformat(),
        "since": since,
    }
    id = alerts.digest([monitor, feature])[:12]
    shop.ledger.append(Draft(kind="alert", subject=id, key=since, body={**BODY, **more, **said}))
    return id


def thought_of(shop: Shop, *, began: datetime | None = None) -> Step | None:
    """The step that tells what is due, as the loop would run it; the machinery is not looked at."""
    told = shop.alarms(began=began)
    try:
        asked = next(told)
        while not (isinstance(asked, Step) and asked.name == "tell"):
            asked = told.send({})
    except StopIteration:
        return None
    return asked


def tell(shop: Shop) -> None:
    """Tell until nothing is due."""
    while (step := thought_of(shop)) is not None:
        shop.perform(step)


def test_a_drift_that_the_windows_show_is_mailed_in_the_digest_and_only_once(shop: Shop) -> None:
    with mail_server() as (inbox, port):
        declare(shop, tell={"science": mail_channel(port)})
        shop.serve(Crowd.of(300, seed=0, shift=1.0))
        for _ in range(3):
            shop.watch()
        assert inbox.mails == []
        assert shop.open() >= {"drift"}
        for later in (DAY, DAY + MINUTE, 2 * DAY):
            shop.at = now() + later
            shop.watch()
        (text,) = inbox.texts()
    assert text.startswith("shop: ")
    assert "For the digest:" in text and "x has drifted" in text and "loopline alerts ack" in text


def test_a_loss_that_the_windows_show_is_one_message_with_what_explains_it_however_many_windows_follow(shop: Shop, web: Heard) -> None:
    declare(
        shop,
        tell={"business": f"json://127.0.0.1:{web.port}/owner", "ml": f"json://127.0.0.1:{web.port}/ml", "science": f"json://127.0.0.1:{web.port}/science"},
    )
    for day in range(5):
        shop.serve(Crowd.of(300, seed=day, shift=2.0, contrary=True))
        shop.at = now() + timedelta(minutes=day)
        for _ in range(3):
            shop.watch()
    assert shop.open() >= {"worth_promised", "performance", "drift"}
    ((path, _, body),) = web.calls
    assert path == "/owner"
    assert "each decision earns" in body["message"]
    assert "explained by: the Brier score" in body["message"] and "explained by: x has drifted" in body["message"]
    assert "Features that moved, those that matter most first: x (" in body["message"] and "  Since 2024-0" in body["message"]
    assert body["message"].count(" EUR lost") == 1
    assert "(a page: worth_promised, package " in body["message"] or "(a page: worth_baseline, package " in body["message"]


def test_what_alerts_of_other_windows_have_cost_is_told_as_one_sum(shop: Shop, web: Heard) -> None:
    declare(shop, tell={"business": f"json://127.0.0.1:{web.port}"})
    for monitor, since, lost in (("worth_promised", "2024-01-10T00:00:00+00:00", 1300.0), ("performance", BODY["since"], 100.0)):
        cost = {"lost": lost, "low": 0.0, "high": 2000.0, "sure": True, "outcomes": 500, "per_decision": 1.0, "promised": 4.0}
        open_alert(shop, monitor, since=since, last=since, cost=cost, says=f"{monitor} is bad; {lost:,.0f} EUR lost so far against the promise")
    tell(shop)
    assert "since 2024-01-01, 1,400 EUR lost so far against the promise" in web.bodies()[0]["message"]


def test_what_cannot_be_explained_is_told_all_the_same(shop: Shop, web: Heard) -> None:
    declare(shop, tell={"business": f"json://127.0.0.1:{web.port}"})
    # Of this package nothing is left but its entry.
    shop.ledger.append(Draft(kind="package", subject=BODY["package"], key="s", body={}))
    open_alert(shop, "worth_promised")
    tell(shop)
    assert "worth_promised is wrong" in web.bodies()[0]["message"]


def test_each_role_gets_its_mail_and_a_shared_channel_one_message(shop: Shop) -> None:
    with mail_server() as (inbox, port):
        team = mail_channel(port, "team@example.com")
        declare(shop, tell={"business": mail_channel(port), "ml": team, "devops": team})
        open_alert(shop, "worth_promised", says="each decision earns 1 EUR, 2 were promised")
        open_alert(shop, "performance", role="ml", says="the Brier score is 0.4")
        open_alert(shop, "volume", role="devops", says="only 3 rows came")
        open_alert(shop, "disk", role="ml", says="the disk is full in 2 days")
        tell(shop)
        tell(shop)
        got = {mail["To"]: text for mail, text in zip(inbox.mails, inbox.texts(), strict=True)}
    assert len(inbox.mails) == 2
    (owner,) = (text for to, text in got.items() if "owner" in to)
    assert "- each decision earns 1 EUR, 2 were promised\n  explained by: the Brier score is 0.4 (since 2024-01-01)" in owner.replace("\r", "")
    (both,) = (text for to, text in got.items() if "team" in to)
    assert "only 3 rows came" in both and "the disk is full" in both and "Brier" not in both
    assert "(and 1 more)" in both and "for devops: only" in both and "for ml: the disk" in both


def test_whose_turn_it_is_comes_in_one_message_with_the_digest_that_is_due_and_with_the_command(shop: Shop) -> None:
    waits = Halt(state="waiting", why="abc waits for a yes", role="business", next="loopline release approve --as business", besides=("devops",))
    with mail_server() as (inbox, port):
        declare(shop, tell={"science": mail_channel(port)}, digest="08:00")
        open_alert(shop, "drift", feature="x", role="science", says="x has drifted")
        assert shop.at is not None
        shop.at += DAY
        for _ in range(2):
            for step in shop.alarms(waits={"release": waits}):
                assert isinstance(step, Step)
                shop.perform(step)
        (text,) = inbox.texts()
        assert len({entry.id for entry in shop.state().messages}) == 1
    said = text.replace("\r", "")
    assert "shop: release: abc waits for a yes (and 2 more)" in said and "- for science: x has drifted" in said
    for role in ("business", "devops"):
        assert f"- for {role}: release: abc waits for a yes\n  you are told because {role} has no channel\n  since 2" in said
    assert f"UTC; your turn: loopline release approve --as business --folder {shop.folder}\n" in said
    drifted = next(id for id, entry in shop.state().alerts.items() if entry.body["monitor"] == "drift")
    assert f"Take it on: loopline alerts ack {drifted}" in said


def test_whose_turn_it_is_is_no_alert_of_what_was_served(shop: Shop, web: Heard) -> None:
    declare(shop, tell={"business": f"json://127.0.0.1:{web.port}"})
    for step in shop.alarms(waits={"release": Halt(state="waiting", why="abc waits for a yes", role="business")}):
        assert isinstance(step, Step)
        shop.perform(step)
    assert len(web.calls) == 1
    facts = shop.watch()
    assert (facts["says"], facts["alerts"]["open"]) == ("nothing served yet", 0)


def test_a_mail_server_that_is_down_is_a_fact_the_next_channel_is_told_and_the_mail_comes_later(shop: Shop, web: Heard) -> None:
    port = free_port()
    declare(shop, tell={"business": mail_channel(port), "ml": f"json://127.0.0.1:{web.port}"})
    id = open_alert(shop, "worth_promised")
    tell(shop)
    (failed, elsewhere) = shop.state().messages
    assert (failed.body["done"], failed.body["through"], failed.body["roles"]) == (False, "mailto", ["business"])
    assert failed.body["why"] and "owner@example.com" not in str(failed.body)
    assert (elsewhere.body["done"], elsewhere.body["items"][0]["purpose"]) == (True, "elsewhere")
    assert "no channel of business takes messages now" in web.bodies()[0]["message"]
    assert shop.at is not None
    with mail_server(port) as (inbox, _):
        for later in (4 * MINUTE, 6 * MINUTE, DAY):
            shop.at += later
            tell(shop)
        assert [mail["To"] for mail in inbox.mails] == ["owner@example.com"]
    assert len(web.calls) == 1
    assert {item["alert"] for message in shop.state().messages for item in message.body["items"]} == {id}


def test_a_turn_that_began_hours_ago_tells_whoever_is_on_duty_now(shop: Shop) -> None:
    assert shop.at is not None
    began = shop.at
    declare(shop, tell={"data": "json://127.0.0.1:9/data"}, hours={"data": f"{began - HOUR:%H:%M}-{began + HOUR:%H:%M}"})
    open_alert(shop, "refused_share", role="data")
    assert thought_of(shop) is not None
    shop.at = began + 2 * HOUR
    assert thought_of(shop, began=began) is None


def test_nobody_took_it_on_so_that_another_is_told_in_words_that_say_so(shop: Shop, web: Heard) -> None:
    with mail_server() as (inbox, port):
        declare(shop, tell={"devops": f"json://127.0.0.1:{web.port}", "business": mail_channel(port)}, escalate={"after": "2h", "to": ["business"]})
        open_alert(shop, "volume", role="devops")
        tell(shop)
        assert shop.at is not None and inbox.mails == []
        shop.at += 2 * HOUR
        tell(shop)
        (text,) = inbox.texts()
    assert "nobody has taken it on; devops was told first" in text


def test_what_is_silenced_goes_to_nobody(shop: Shop, web: Heard) -> None:
    declare(shop, tell={"business": f"json://127.0.0.1:{web.port}"})
    id = open_alert(shop, "worth_promised")
    assert shop.at is not None
    shop.ledger.append(silence(id, until=shop.at + DAY, now=shop.at, by="ann", why="a test"))
    tell(shop)
    assert web.calls == []
    shop.at += DAY
    tell(shop)
    assert len(web.calls) == 1


def test_a_channel_s_secret_is_nowhere_in_the_ledger(shop: Shop, web: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", "s3cr3t")
    declare(shop, tell={"business": f"json://u:${{HOOK}}@127.0.0.1:{web.port}/refuse/s0me-t0ken"})
    open_alert(shop, "worth_promised")
    tell(shop)
    (failed,) = shop.state().messages
    assert "403" in failed.body["why"]
    # What the chat's own path holds cannot be told from any other path, and so is not repeated either.
    assert not re.search("s3cr3t|s0me-t0ken", str([entry.body for entry in shop.ledger.read()]))


def test_killed_between_the_message_and_its_entry_it_is_told_once_more_and_then_never_again(shop: Shop, web: Heard) -> None:
    declare(shop, tell={"business": f"json://127.0.0.1:{web.port}"})
    open_alert(shop, "worth_promised")
    step = thought_of(shop)
    assert step is not None
    told = {name: getattr(step, name) for name in ("stage", "name", "function", "reads", "inputs", "rooms")}
    words = [sys.executable, "-c", _TELLS, shop.ledger.url, shop.lake.url, json.dumps(told)]
    with subprocess.Popen(words) as process:
        web.before_answer = process.kill
        assert process.wait(60) == -signal.SIGKILL
    web.before_answer = lambda: None
    assert (len(web.calls), shop.state().messages) == (1, ())
    tell(shop)
    tell(shop)
    assert len(web.calls) == 2 and len(shop.state().messages) == 1


def test_who_takes_an_alert_on_after_the_letter_was_thought_of_is_not_told_of_it(shop: Shop, web: Heard) -> None:
    declare(shop, tell={"business": f"json://127.0.0.1:{web.port}"})
    id = open_alert(shop, "worth_promised")
    asked = thought_of(shop)
    assert asked is not None
    shop.ledger.append(alerts.acknowledge(shop.state().alerts[id], by="ann", why="on it"))
    assert shop.run(asked)["sent"] == 0
    assert web.calls == []
    assert shop.state().alerts[id].body["state"] == "acknowledged"


def test_alertmanager_is_told_what_burns_and_what_is_over(shop: Shop, web: Heard) -> None:
    # No digest is due meanwhile, at whatever hour this runs.
    declare(shop, tell={"business": f"alertmanager+http://127.0.0.1:{web.port}/am/"}, digest="0 0 29 2 *")
    id = open_alert(shop, "worth_promised", says="each decision earns 1 EUR")
    open_alert(shop, "drift", feature="x", role="science", says="x has drifted")
    tell(shop)
    assert shop.at is not None
    newest = shop.state().alerts[id]
    shop.ledger.append(alerts.resolve(newest, by="ann", why="mended", until=None))
    shop.at += HOUR
    tell(shop)
    tell(shop)
    (path, _, [burning]), (_, _, [over]) = web.calls
    assert path == "/am/api/v2/alerts"
    assert burning["labels"] == over["labels"]
    assert (burning["labels"]["severity"], burning["labels"]["project"], burning["labels"]["role"]) == ("critical", "shop", "business")
    assert "feature" not in burning["labels"]
    assert burning["annotations"]["summary"] == "each decision earns 1 EUR"
    assert burning["annotations"]["explained_by"] == "x has drifted (since 2024-01-01)"
    assert burning["startsAt"] < shop.at.isoformat() == over["endsAt"] < burning["endsAt"]


def test_a_message_begins_with_money_and_ends_with_the_digest() -> None:
    world = World.of()
    made = [("told", world.alerts[world.open(monitor, feature)], []) for monitor, feature in (("drift", "x"), ("refused_share", ""), ("worth_promised", ""))]
    lines = telling.message(made, ["science", "data", "business"], HERE, {}).splitlines()
    assert lines[:7] == [
        "- for business: worth_promised is wrong, and that costs 5 EUR",
        "  (a page: worth_promised, package p)",
        "- for data: refused_share is wrong, and that costs 5 EUR",
        "  (a notice: refused_share, package p)",
        "For the digest:",
        "- for science: drift:x is wrong, and that costs 5 EUR",
        "  (no hurry: drift of x, package p)",
    ]
    assert lines[-3:] == [
        "Look: loopline alerts show worth_promised --folder '/srv/a shop'",
        "Take it on: loopline alerts ack worth_promised --folder '/srv/a shop'",
        "There: on box, project shop",
    ]


def test_a_message_names_the_columns_that_its_alert_is_about() -> None:
    world = World.of()
    entry = world.alerts[world.open("nulls")]
    for names, said in ((["age"], "of age,"), ([*"abcdef"], "of a, b, c, d, e and more,")):
        about = structs.replace(entry, body={**entry.body, "features": names})
        assert f"(a notice: nulls {said} package p)" in telling.message([("told", about, [])], ["data"], HERE, {})


def test_many_explanations_are_told_in_few_lines_and_a_title_is_never_long() -> None:
    world = World.of()
    head = world.alerts[world.open("worth_promised")]
    others = [world.alerts[world.open("drift", str(at))] for at in range(9)]
    text = telling.message([("told", head, others)], ["business"], HERE, {})
    assert text.count("explained by") == 5 and "and by 4 more" in text
    assert text.count("5 EUR") == 1
    assert "no channel" not in text
    assert "you are told because business has no channel" in telling.message([("told", head, others)], ["devops"], HERE, {})
    long = [structs.replace(entry, body={**entry.body, "says": "x\n" * 300}) for entry in (head, others[0])]
    title = telling.title("a shop", long)
    assert len(title) <= 140 and "\n" not in title and title.endswith("x ... (and 1 more)")
