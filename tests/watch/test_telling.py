"""Telling: once to each channel; a channel that fails is a fact, and is tried again later."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from loopline.ledger.entry import Entry, now
from loopline.watch import alerts, telling
from loopline.watch.spec import WatchSpec
from tests.watch.shop import Crowd, Shop
from tests.watch.test_alerts import bring, entry

NOW = datetime(2024, 1, 1, tzinfo=UTC)


class Ear(http.server.BaseHTTPRequestHandler):
    """A channel that hears."""

    heard: list[dict[str, str]] = []

    def do_POST(self) -> None:
        self.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def ear() -> Iterator[int]:
    Ear.heard = []
    with http.server.HTTPServer(("127.0.0.1", 0), Ear) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def told(tries: int, *, done: bool = False) -> Entry:
    made = bring("!")[0]
    return entry(made.__class__(kind=made.kind, subject=made.subject, key=made.key, body={**made.body, "told": {"done": done, "why": "", "tries": tries}}))


def test_a_role_without_a_channel_is_told_through_the_first_one() -> None:
    channels = {"devops": "json://a", "business": "json://b"}
    assert telling.channel_of("business", channels) == "json://b"
    assert telling.channel_of("science", channels) == "json://a"
    assert telling.channel_of("science", {}) is None


def test_an_alert_is_due_at_first_never_again_once_told_and_later_and_later_after_failures() -> None:
    channels = {"science": "json://a"}
    assert telling.due([entry(bring("!")[0])], channels, NOW)
    assert not telling.due([entry(bring("!")[0])], {}, NOW)
    assert not telling.due([told(1, done=True)], channels, NOW + timedelta(days=9))
    for tries, minutes in ((1, 5), (2, 10), (5, 80), (30, 24 * 60)):
        assert not telling.due([told(tries)], channels, NOW + timedelta(minutes=minutes - 1))
        assert telling.due([told(tries)], channels, NOW + timedelta(minutes=minutes))
    resolved = bring("!...")[1]
    assert not telling.due([entry(resolved)], channels, NOW)


def test_a_channel_hears_of_all_its_alerts_in_one_message_and_only_once(tmp_path: Path, ear: int) -> None:
    shop = Shop(tmp_path, WatchSpec.model_validate({"tell": {"business": f"json://127.0.0.1:{ear}"}}))
    shop.serve(Crowd.of(300, seed=0, shift=3.0))
    for _ in range(4):
        shop.watch()
    (message,) = Ear.heard
    assert message["title"].startswith("shop: ")
    assert "x has drifted" in message["message"]
    assert "loopline alerts ack" in message["message"]
    assert all(one.body["told"] == {"done": True, "why": "", "tries": 1} for one in shop.state().open_alerts())
    shop.ledger.close()


def test_a_channel_that_fails_is_a_fact_and_stops_nothing(tmp_path: Path) -> None:
    shop = Shop(tmp_path, WatchSpec.model_validate({"tell": {"business": "json://127.0.0.1:9"}}))
    shop.serve(Crowd.of(300, seed=0, shift=3.0))
    for _ in range(4):
        facts = shop.watch()
    assert facts["alerts"]["open"] > 0
    for one in shop.state().open_alerts():
        assert (one.body["told"]["done"], one.body["told"]["tries"]) == (False, 1)
        assert one.body["told"]["why"]
    assert telling.due(shop.state().open_alerts(), shop.spec.tell, now() + timedelta(minutes=6))
    shop.ledger.close()


def test_who_takes_an_alert_on_while_the_message_goes_out_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(tmp_path, WatchSpec.model_validate({"tell": {"business": "json://127.0.0.1:9"}}))
    shop.serve(Crowd.of(300, seed=0, shift=3.0))

    def slowly(channel: str, **words: object) -> None:
        shop.ledger.append(*(alerts.acknowledge(one, by="ann", why="on it") for one in shop.state().open_alerts()))

    monkeypatch.setattr(telling, "tell", slowly)
    for _ in range(3):
        shop.watch()
    taken = shop.state().open_alerts()
    assert taken
    for one in taken:
        assert (one.body["state"], one.body["by"], one.body["told"]["done"]) == ("acknowledged", "ann", True)
    shop.ledger.close()
