"""``loopline serve``: the champion over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.cli.output import emit, folder_option, hint, json_option
from loopline.declaration import say_duration
from loopline.errors import Fault, LooplineError, Mistake

if TYPE_CHECKING:
    import socket
    from multiprocessing.connection import Connection

    from loopline.ledger.store import Ledger
    from loopline.loop import Loop
    from loopline.serve.apart import Apart
    from loopline.serve.experiments import Experiment
    from loopline.serve.spec import Limits

Said = dict[str, Any]
_RULES = {"tokens": "callers need a token", "anybody": "whoever reaches this address may call"}


@click.command()
@click.option("--host", metavar="ADDRESS", help="The address to listen at; serve.host by default.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port to listen at; 0 takes any free one; serve.port by default.")
@click.option("--workers", type=click.IntRange(1, 64), help="So many processes share the port; serve.workers by default.")
@click.option("--insecure", is_flag=True, help="Listen at an address that other machines can reach, although callers are not asked who they are.")
@folder_option
@json_option
def command(host: str | None, port: int | None, workers: int | None, insecure: bool, folder: Path | None, as_json: bool) -> None:
    """Serve the champion over HTTP, until it is stopped.

    At an address that other machines can reach, callers need a token: loopline access token create. A new champion takes over
    while the server runs, without failing a request. Each answer is in the prediction log before it leaves, unless serve.log is
    async. A worker that dies is started anew.
    """
    from loopline.loop import open_loop
    from loopline.serve.server import bind

    with open_loop(folder) as loop:
        limits = loop.project.declaration.serve.limits
        place = place_of(loop, host, port, workers, insecure)

        def tell(said: Said) -> None:
            emit({name: value for name, value in said.items() if name != "example"}, lambda: f"{say(said)}\n\n{_say_limits(limits)}", as_json)

        if place.workers == 1:
            with bind(place.host, place.port) as listener:
                _serve(loop, listener, tell, asks=place.asks)
            return
    _share(folder, place, tell)


@dataclass(frozen=True)
class Place:
    """Where a server listens, with how many workers, and whether it asks callers who they are."""

    host: str
    port: int
    workers: int
    asks: bool


def place_of(loop: Loop, host: str | None, port: int | None, workers: int | None, insecure: bool) -> Place:
    """Where a server listens: as the options say, else as `serve` declares.

    Raises
    ------
    Mistake
        When other machines could reach it, and nobody has a token.
    """
    from loopline.access.reach import is_loopback
    from loopline.serve.door import tokens_of

    spec = loop.project.declaration.serve
    at = spec.host if host is None else host
    asks = not insecure and not is_loopback(at)
    if asks and not tokens_of(loop.workspace.ledger):
        remedy = "make one: loopline access token create --for NAME --role predict; or serve at 127.0.0.1, or say --insecure"
        raise Mistake("other machines could reach this address, and nobody has a token yet", where=at, remedy=remedy)
    return Place(at, spec.port if port is None else port, workers or spec.workers, asks)


def _serve(loop: Loop, listener: socket.socket, tell: Callable[[Said], None], *, asks: bool, processes: int = 1) -> None:
    """Serve at a socket until the process is told to stop; tells once what is served.

    Parameters
    ----------
    asks
        Whether callers must have a token.
    processes
        How many processes answer at this address.
    """
    from loopline.engine.spans import tracing
    from loopline.serve.app import Service, build
    from loopline.serve.champion import Champion
    from loopline.serve.door import Door, Holders, tokens_of
    from loopline.serve.log import Log, promise
    from loopline.serve.server import run, url_of
    from loopline.serve.traces import Traced
    from loopline.serve.usage import Usage, price

    spec, workspace = loop.project.declaration.serve, loop.workspace
    with tracing(loop.project.name) as spans, Log(workspace.lake.log, mode=spec.log) as log:
        champion = Champion.of(workspace.ledger, workspace.lake, apart=_Apart(loop))
        features = partial(_features, workspace.ledger)
        service = Service(loop.project.name, spec, log, champion, features=features)
        champion.look()
        if champion.trouble:
            raise Fault(champion.trouble, where="the champion")
        scorer = champion.scorer
        package, example = (scorer.package, scorer.example()) if scorer else (None, None)
        said: Said = {
            "url": url_of(listener),
            "package": package,
            "log": spec.log,
            "promise": promise(spec.log),
            "workers": 1,
            "access": "tokens" if asks else "anybody",
            "limits": spec.limits.model_dump(mode="json"),
        }
        tell({**said, "example": example})
        prices = price(loop.project.declaration.charter, loop.project.folder)
        with Usage(workspace.ledger, service.metrics, prices, processes=processes, url=said["url"]):
            if not asks:
                run(Traced.around(build(service), spans), listener, spec.limits)
                return
            with Holders(partial(tokens_of, workspace.ledger)) as holders:
                run(Traced.around(Door(build(service), holders), spans), listener, spec.limits)


class _Apart:
    """What is decided apart from the packages' policies: the hold-out as the declaration has it now, and the experiment that runs."""

    def __init__(self, loop: Loop) -> None:
        self._project = loop.project
        self._ledger = loop.workspace.ledger
        self._changed_ns = self._stamp()

    def __call__(self) -> Apart:
        from loopline.project import load
        from loopline.value.holdout import apart_of

        if (changed_ns := self._stamp()) != self._changed_ns:
            # A declaration that is being mended is told of once; until it is right again, what it said before holds.
            self._changed_ns = changed_ns
            self._project = load(self._project.folder)
        return apart_of(self._project.declaration.value.holdout, self._project.name, self._ledger)

    def _stamp(self) -> int:
        from loopline.project import FILE

        return (self._project.folder / FILE).stat().st_mtime_ns


def _features(ledger: Ledger) -> list[Experiment]:
    from loopline.serve.experiments import KIND, folded

    return [one for one in folded(ledger.read(kinds=(KIND,))) if one.sort == "feature"]


def _share(folder: Path | None, place: Place, tell: Callable[[Said], None]) -> None:
    from loopline.serve.workers import Workers, listeners, shared_counters

    with listeners(place.host, place.port, place.workers) as sockets, shared_counters():
        workers = Workers(partial(work, folder, place.asks, place.workers), sockets)
        tell({**workers.wait_ready(), "workers": place.workers})
        workers.keep()


def work(folder: Path | None, asks: bool, count: int, listener: socket.socket, parent: Connection) -> None:
    """One of several workers: a process of its own, which tells its parent when it is ready."""
    from loopline.engine.kept import failed, ready
    from loopline.loop import open_loop

    try:
        with open_loop(folder) as loop:
            _serve(loop, listener, partial(ready, parent), asks=asks, processes=count)
    except LooplineError as error:
        failed(parent, str(error))


def say(said: Said) -> str:
    """What is served where, and how to try it."""
    from loopline.serve.server import callable_at

    url, package = said["url"], said["package"]
    if package is None:
        return f"{url}\nno package has been released yet: requests are answered with 503 until then\n{hint('loopline run')}"
    body = json.dumps({"rows": [said["example"]]}, ensure_ascii=False).replace("'", "'\\''")
    key = " -H 'Authorization: Bearer TOKEN'" if said["access"] == "tokens" else ""
    by = f" with {said['workers']} workers" if said["workers"] > 1 else ""
    rules = f"{said['promise']}; {_RULES[said['access']]}"
    calls = f"curl -s{key} {callable_at(url)}/v1/predict -d '{body}'"
    return f"{url}  serves package {package[:12]}{by}; stop it with Ctrl-C; {rules}\n\ntry, as a decision of now that counts: {calls}"


def _say_limits(limits: Limits) -> str:
    """What is refused, in one line."""
    one = f"{limits.rows:,} rows, {limits.reason_rows:,} with reasons, {limits.body_mb:g} MB"
    times = ", ".join(f"{what} within {say_duration(span)}" for what, span in (("body", limits.body_within), ("answer", limits.answer_within)))
    all = f"{limits.queue:,} requests and {limits.memory_mb:g} MB at once, {limits.connections:,} connections"
    return f"limits: a request has {one}, its {times}; {all} (serve.limits)"
