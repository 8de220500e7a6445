"""A message reaches a real mail server and a real web server; a failure is a reason, never a crash."""

from __future__ import annotations

import base64
import json
import logging.handlers
import socket
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message

from loopline.access.secrets import reveal
from loopline.tell import tell

SECRET = "hunter2/&"
revealed = partial(reveal, environment={"TOKEN": SECRET})


class Inbox(Message):
    """Keeps the mails that come."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[Any] = []

    def handle_message(self, message: Any) -> None:
        self.mails.append(message)


@pytest.fixture
def mail() -> Iterator[tuple[Inbox, int]]:
    inbox = Inbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Controller(inbox, hostname="127.0.0.1", port=port)
    server.start()
    try:
        yield inbox, port
    finally:
        server.stop()


@pytest.fixture
def web() -> Iterator[tuple[list[tuple[str | None, dict[str, Any]]], int]]:
    received: list[tuple[str | None, dict[str, Any]]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path.startswith("/refuse"):
                self.send_error(403)
                return
            received.append((self.headers["Authorization"], json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield received, server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_mail_arrives(mail: tuple[Inbox, int]) -> None:
    inbox, port = mail
    channel = f"mailto://127.0.0.1:{port}?from=loop@example.com&to=owner@example.com&mode=insecure"
    assert tell(channel, title="Earnings fell", text="Down by 12 per decision.", reveal=revealed) is None
    (message,) = inbox.mails
    assert message["Subject"] == "Earnings fell"
    assert "owner@example.com" in message["To"]
    assert "Down by 12" in "".join(part.get_payload(decode=True).decode() for part in message.walk() if not part.is_multipart())


def test_a_web_hook_is_called_with_the_secret_that_the_channel_refers_to(web: tuple[list[Any], int]) -> None:
    received, port = web
    assert tell(f"json://loop:${{TOKEN}}@127.0.0.1:{port}/hook", title="T", text="B", reveal=revealed) is None
    ((authorization, body),) = received
    assert (body["title"], body["message"]) == ("T", "B")
    assert base64.b64decode(authorization.split()[1]).decode() == f"loop:{SECRET}"


def test_a_refusal_is_a_reason(web: tuple[list[Any], int]) -> None:
    reason = tell(f"json://127.0.0.1:{web[1]}/refuse", title="T", text="B", reveal=revealed)
    assert reason is not None
    assert "403" in reason


@pytest.mark.parametrize(
    ("channel", "says"),
    [
        ("json://u:${TOKEN}@127.0.0.1:9/", "A Connection error occurred"),
        ("nosuch://u:${TOKEN}@h", "Unparseable URL nosuch://***@h"),
        ("${TOKEN}", "Unsupported URL: ${TOKEN}"),
        ("not a channel", "Unsupported URL: not"),
        ("", "the channel did not take the message"),
        ("json://u:${UNSET}@h/", "the environment variable UNSET is not set"),
    ],
)
def test_a_failure_is_one_line_that_repeats_no_secret(channel: str, says: str) -> None:
    reason = tell(channel, title="T", text="B", reveal=revealed)
    assert reason is not None
    assert reason.startswith(says)
    assert "hunter2" not in reason
    assert "\n" not in reason


def test_what_apprise_logs_does_not_reach_the_programs_own_log() -> None:
    # pytest's caplog also listens to loggers that do not propagate, and so cannot tell.
    seen = logging.handlers.BufferingHandler(100)
    logging.getLogger().addHandler(seen)
    try:
        assert tell("${TOKEN}", title="T", text="B", reveal=revealed) is not None
    finally:
        logging.getLogger().removeHandler(seen)
    assert seen.buffer == []
