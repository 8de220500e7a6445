"""``loopline serve``: the champion over HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loopline.cli.output import emit, folder_option, hint, json_option
from loopline.errors import Fault, Mistake

if TYPE_CHECKING:
    from loopline.serve.scorer import Scorer


@click.command()
@click.option("--host", metavar="ADDRESS", help="The address to listen at; serve.host by default.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port to listen at; 0 takes any free one; serve.port by default.")
@click.option("--insecure", is_flag=True, help="Listen at an address that other machines can reach, although callers are not asked who they are.")
@folder_option
@json_option
def command(host: str | None, port: int | None, insecure: bool, folder: Path | None, as_json: bool) -> None:
    """Serve the champion over HTTP, until it is stopped.

    A new champion takes over while the server runs, without failing a request. Each answer is in the prediction log before it leaves,
    unless serve.log is async.
    """
    from loopline.loop import open_loop
    from loopline.serve.app import Service, build
    from loopline.serve.champion import Champion
    from loopline.serve.log import Log, promise
    from loopline.serve.server import bind, is_loopback, run, url_of

    with open_loop(folder) as loop:
        spec, workspace = loop.project.declaration.serve, loop.workspace
        at = spec.host if host is None else host
        if not insecure and not is_loopback(at):
            remedy = "serve at 127.0.0.1 behind a proxy that knows the callers, or say --insecure"
            raise Mistake("other machines could reach this address, and callers are not asked who they are", where=at, remedy=remedy)
        with bind(at, spec.port if port is None else port) as listener, Log(workspace.lake.log, mode=spec.log) as log:
            champion = Champion.of(workspace.ledger, workspace.lake)
            service = Service(loop.project.name, spec, log, champion)
            champion.look()
            if champion.trouble:
                raise Fault(champion.trouble, where="the champion")
            url, scorer = url_of(listener), champion.scorer
            said = promise(spec.log)
            emit({"url": url, "package": scorer.package if scorer else None, "log": spec.log, "promise": said}, lambda: _say(url, scorer, said), as_json)
            run(build(service), listener)


def _say(url: str, scorer: Scorer | None, promise: str) -> str:
    if scorer is None:
        return f"{url}\nno package has been released yet: requests are answered with 503 until then\n{hint('loopline run')}"
    body = json.dumps({"rows": [scorer.signature.example()]}, ensure_ascii=False).replace("'", "'\\''")
    return f"{url}  serves package {scorer.package[:12]}; stop it with Ctrl-C; {promise}\n\ntry: curl -s {url}/v1/predict -d '{body}'"
