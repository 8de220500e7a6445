"""A real mail server and a real web server, which keep what they are sent."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Inbox(Message):
    """Keeps the mails that come."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[Any] = []

    def handle_message(self, message: Any) -> None:
        self.mails.append(message)

    def texts(self) -> list[str]:
        """The mails' subjects and texts."""
        return [f"{mail['Subject']}\n{text_of(mail)}" for mail in self.mails]


def text_of(mail: Any) -> str:
    """The text of a mail."""
    return "".join(part.get_payload(decode=True).decode() for part in mail.walk() if part.get_content_type() == "text/plain" or not part.is_multipart())


@contextmanager
def mail_server(port: int | None = None) -> Iterator[tuple[Inbox, int]]:
    """A mail server on a port, any free one by default."""
    inbox, port = Inbox(), port or free_port()
    server = Controller(inbox, hostname="127.0.0.1", port=port)
    server.start()
    try:
        yield inbox, port
    finally:
        server.stop()


def mail_channel(port: int, to: str = "owner@example.com") -> str:
    """The channel that mails through a server here."""
    return f"mailto://127.0.0.1:{port}?from=loop@example.com&to={to}&mode=insecure"


@dataclass
class Heard:
    """What a web server was sent: paths, authorizations and bodies, in their order; below /refuse it takes nothing.

    Parameters
    ----------
    status
        What it answers now; what it does not take (500) is not kept.
    before_answer
        Done once a call has been heard and before it is answered.
    beats
        How many signs of life have come.
    """

    port: int = 0
    status: int = 200
    before_answer: Callable[[], None] = field(default=lambda: None)
    calls: list[tuple[str, str | None, Any]] = field(default_factory=list)
    beats: int = 0

    def bodies(self) -> list[Any]:
        """The bodies alone."""
        return [body for _, _, body in self.calls]


@contextmanager
def web_server() -> Iterator[Heard]:
    """A web server on a free port."""
    heard = Heard()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path.startswith("/refuse") or heard.status != 200:
                self.send_error(403 if heard.status == 200 else heard.status)
                return
            heard.calls.append((self.path, self.headers["Authorization"], json.loads(body)))
            heard.before_answer()
            self.send_response(200)
            self.end_headers()

        def do_GET(self) -> None:
            heard.beats += 1
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    heard.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
