"""Who may call the server: a token in each request, held against the ledger's tokens, which are followed while the server runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from threading import Event, Thread
from types import TracebackType

from starlette.types import ASGIApp, Receive, Scope, Send

from loopline.access.tokens import Token, TokenRole, denied, known
from loopline.errors import LooplineError
from loopline.ledger.store import Ledger
from loopline.serve.answers import failure

TOKEN = "token"
"""The kind of the entries that say which tokens there are."""
OPEN = frozenset({"/healthz", "/readyz"})
"""Probes know no token, and learn nothing from these that needs one."""
NEEDS: Mapping[str, TokenRole] = {"/v1/outcomes": "feedback", "/v1/feedback": "feedback", "/metrics": "metrics"}
"""The role that a path needs; scoring, under whatever path, needs ``predict``."""
ANY = frozenset({"/", "/openapi.json"})
_said = logging.getLogger("loopline.serve")


def tokens_of(ledger: Ledger) -> dict[str, Token]:
    """The tokens that a ledger knows, by their ids."""
    return known((entry.subject, entry.body) for entry in ledger.read(kinds=(TOKEN,)))


class Holders:
    """The tokens as they are now: looked up anew every second, while it is open. Where that fails, those last known hold, and still expire."""

    def __init__(self, find: Callable[[], Mapping[str, Token]], *, every_s: float = 1.0) -> None:
        self.tokens = find()
        self._find = find
        self._every_s = every_s
        self._stop = Event()
        self._thread = Thread(target=self._follow, name="tokens", daemon=True)

    def __enter__(self) -> Holders:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                self.tokens = self._find()
            except Exception:  # the worker's door: the follower outlives whatever a look meets
                _said.exception("the tokens could not be looked up")


class Door:
    """The ASGI application around an app: lets in who has a token with the role that the path needs."""

    def __init__(self, app: ASGIApp, holders: Holders) -> None:
        self._app = app
        self._holders = holders

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (path := scope["path"]) not in OPEN:
            header = next((value for name, value in scope["headers"] if name == b"authorization"), b"").decode("latin-1")
            role = None if path in ANY else NEEDS.get(path, "predict")
            why = denied(header, role, self._holders.tokens, datetime.now(UTC))
            if why is not None:
                response = failure(path, why.status, LooplineError(why.what, where=path, remedy=why.remedy))
                if why.status == 401:
                    response.headers["WWW-Authenticate"] = "Bearer"
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)
