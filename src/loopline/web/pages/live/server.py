"""How the server runs: which package it serves, what it counts, and the processes that report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from loopline.serve.running import Running, running
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.page import Page, never


@dataclass(frozen=True)
class Server:
    """The server's page."""

    title: str
    running: Running
    champion: str | None

    @property
    def is_behind(self) -> bool:
        """Whether the server serves another package than decides by the ledger."""
        told = self.running.counters
        return told is not None and told.package != self.champion

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {**self.running.as_json(), "champion": self.champion, "is_behind": self.is_behind}


def view(current: Current, asked: Asked) -> Server:
    """How the server runs."""
    spec, state = current.project.declaration.serve, current.state
    return Server("Server", running(current.workspace.ledger, spec.host, spec.port, current.at, packages=state.packages), state.champion)


PAGES = (Page("server", "/live/server", view, "live_server.html.j2", reported=never),)
