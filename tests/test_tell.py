"""A message reaches a real mail server and a real web server; a failure is a reason, never a crash."""

from __future__ import annotations

import base64
import logging.handlers
import socket
import threading
from collections.abc import Iterator
from functools import partial

import pytest

from loopline.access.secrets import reveal
from loopline.tell import hand_over, tell
from tests.receivers import Heard, Inbox, free_port, mail_channel, mail_server, text_of, web_server

SECRET = "hunter2/&"
revealed = partial(reveal, environment={"TOKEN": SECRET})


@pytest.fixture
def mail() -> Iterator[tuple[Inbox, int]]:
    with mail_server() as running:
        yield running


@pytest.fixture
def web() -> Iterator[Heard]:
    with web_server() as heard:
        yield heard


def test_a_mail_arrives(mail: tuple[Inbox, int]) -> None:
    inbox, port = mail
    said = "Down by 12 per decision.\n  where pages < 3 & more\n\nLook: ..."
    assert tell(mail_channel(port), title="Earnings fell", text=said, reveal=revealed) is None
    (message,) = inbox.mails
    assert message["Subject"] == "Earnings fell"
    assert "owner@example.com" in message["To"]
    assert text_of(message).splitlines() == said.splitlines()


def test_a_mail_holds_what_was_said_sign_by_sign_and_line_by_line(mail: tuple[Inbox, int]) -> None:
    inbox, port = mail
    assert tell(mail_channel(port), title="T", text="value <b>x</b> is new\n- pages < 3 & more", reveal=revealed) is None
    (message,) = inbox.mails
    assert [part.get_content_type() for part in message.walk()] == ["text/plain"]
    assert text_of(message).replace("\r", "").rstrip() == "value <b>x</b> is new\n- pages < 3 & more"


def test_a_web_hook_is_called_with_the_secret_that_the_channel_refers_to(web: Heard) -> None:
    assert tell(f"json://loop:${{TOKEN}}@127.0.0.1:{web.port}/hook", title="T", text="B", reveal=revealed) is None
    ((_, authorization, body),) = web.calls
    assert (body["title"], body["message"]) == ("T", "B")
    assert authorization is not None and base64.b64decode(authorization.split()[1]).decode() == f"loop:{SECRET}"


def test_a_refusal_is_a_reason(web: Heard) -> None:
    reason = tell(f"json://127.0.0.1:{web.port}/refuse", title="T", text="B", reveal=revealed)
    assert reason is not None
    assert "403" in reason


def test_a_value_is_handed_over_as_json_with_the_secret_that_the_url_refers_to(web: Heard) -> None:
    assert hand_over(f"http://loop:${{TOKEN}}@127.0.0.1:{web.port}/api", [{"a": 1}], reveal=revealed) is None
    ((path, authorization, body),) = web.calls
    assert (path, body) == ("/api", [{"a": 1}])
    assert authorization is not None and base64.b64decode(authorization.split()[1]).decode() == f"loop:{SECRET}"


def test_a_value_that_is_not_taken_leaves_a_reason_without_the_secret(web: Heard) -> None:
    refused = hand_over(f"http://loop:${{TOKEN}}@127.0.0.1:{web.port}/refuse", [], reveal=revealed)
    assert refused is not None and refused.startswith("it answered 403")
    for url in (f"http://u:${{TOKEN}}@127.0.0.1:{free_port()}/", "http://u:${UNSET}@h/", "nosuch://${TOKEN}", "http://[${TOKEN}/"):
        reason = hand_over(url, [], reveal=revealed)
        assert reason and "hunter2" not in reason and "\n" not in reason


def test_what_does_not_speak_http_is_a_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        spoken = threading.Thread(target=_speak, args=(server, b"SSH-2.0-OpenSSH_9.2\r\n"))
        spoken.start()
        reason = hand_over(f"http://u:${{TOKEN}}@127.0.0.1:{server.getsockname()[1]}/", [], reveal=revealed)
        spoken.join()
    assert reason is not None and reason.startswith("BadStatusLine") and "hunter2" not in reason


def _speak(server: socket.socket, said: bytes) -> None:
    caller, _ = server.accept()
    with caller:
        caller.recv(65536)
        caller.sendall(said)


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
