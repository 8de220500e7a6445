"""A server as a process of its own on this machine, with a file that says which it is, and a log."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from loopline.errors import Fault, Mistake
from loopline.lake.files import write_whole
from loopline.release.deploy.target import Plan, Serving

READY_S = 60.0
DRAIN_S = 30.0
_LOOK_S = 0.05


@dataclass(frozen=True)
class Running:
    """A server that was started.

    Parameters
    ----------
    born
        When the process began, in ticks of this machine's clock: another process may get its number later.
    made_of
        Digest of what a running server does not follow by itself: the declaration, the version and the address.
    """

    pid: int
    born: str
    url: str
    made_of: str

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return bool(self.born) and _born(self.pid) == self.born


def target(serving: Serving) -> Plan:
    """Start the server as a detached process, and wait until it is ready."""
    home = serving.folder / ".loopline" / "server"
    return Plan(
        notes=(f"serves at {_url(serving)}; its log is {home / 'server.log'}",),
        following="loopline release deploy --to process --stop",
        launch=lambda: launch(serving, home),
        stop=lambda: stop(home),
    )


def launch(serving: Serving, home: Path) -> Mapping[str, Any]:
    """A ready server; one that runs already is kept where it can follow by itself, and replaced where it cannot.

    Returns
    -------
    Mapping
        ``says``, ``pid``, ``url``, ``log``, and ``gap_s``: for so many seconds requests were refused; 0 where it was kept, none ran, or the address is new.

    Raises
    ------
    Fault
        When it does not get ready; then it is ended. One at another address goes on.
    """
    with _alone(home):
        before, wanted = running(home), _made_of(serving)
        since = time.monotonic()
        if before is not None and before.made_of == wanted:
            _wait(before, serving, home)
            return _facts(before, home, "the server that runs has taken it over itself, without a refused request")
        if before is not None and before.url == _url(serving):
            _end(before)
            now = _ready(serving, home, wanted)
            gap_s = round(time.monotonic() - since, 2)
            return _facts(now, home, f"in place of the server before; requests were refused for {gap_s:g} s, since it was started with something else", gap_s)
        now = _ready(serving, home, wanted, before=before)
        if before is None:
            return _facts(now, home, "started")
        _end(before)
    return _facts(now, home, f"in place of the server at {before.url}, which answered until this one was ready")


def _facts(now: Running, home: Path, says: str, gap_s: float = 0.0) -> dict[str, Any]:
    return {"says": says, "pid": now.pid, "url": now.url, "log": str(home / "server.log"), "gap_s": gap_s}


def _ready(serving: Serving, home: Path, made_of: str, *, before: Running | None = None) -> Running:
    """A new server that is ready; where it does not get so, it is ended, and the one before stands."""
    now = _start(serving, home, made_of)
    _keep(now, home)
    try:
        _wait(now, serving, home)
    except Fault:
        if now.is_alive:
            _end(now)
        if before is not None:
            _keep(before, home)
        raise
    return now


def _keep(now: Running, home: Path) -> None:
    write_whole(home / "pid.json", json.dumps(asdict(now)).encode())


def stop(home: Path) -> Mapping[str, Any]:
    """End the server that runs; all that it has taken is answered first.

    Raises
    ------
    Mistake
        When none runs.
    """
    with _alone(home):
        now = running(home)
        if now is None:
            raise Mistake("no server runs that was started here", where=str(home), remedy="start one with: loopline release deploy --to process")
        _end(now)
        (home / "pid.json").unlink(missing_ok=True)
    return {"says": "ended; all that it had taken is answered", "pid": now.pid, "url": now.url}


def running(home: Path) -> Running | None:
    """The server that was started last and still runs, or None."""
    try:
        found = Running(**json.loads((home / "pid.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return found if found.is_alive else None


def _start(serving: Serving, home: Path, made_of: str) -> Running:
    words = ["serve", "--folder", str(serving.folder), "--host", serving.host, "--port", str(serving.port), "--json"]
    source = str(Path(__file__).parents[3])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH"))))}
    with (home / "server.log").open("ab") as log:
        # A session of its own: it outlives the terminal that started it.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "loopline.cli.main", *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=serving.folder,
            env=environment,
            start_new_session=True,
        )
    return Running(process.pid, _born(process.pid), _url(serving), made_of)


def _wait(now: Running, serving: Serving, home: Path) -> None:
    until = time.monotonic() + READY_S
    while _package(serving) != serving.package:
        if not now.is_alive:
            said = (home / "server.log").read_text(errors="replace").strip().splitlines() or ["it said nothing"]
            raise Fault(f"the server ended at once: {said[-1][:300]}", where=now.url, remedy="mend that and deploy again")
        if time.monotonic() > until:
            raise Fault(f"the server was not ready within {READY_S:g} s", where=now.url, remedy=f"read {home / 'server.log'}", retry=True)
        time.sleep(_LOOK_S)
    if not now.is_alive:
        raise Fault("another program answers at this address", where=now.url, remedy="choose another with --port, or stop that program")


def _package(serving: Serving) -> str | None:
    """The package of the server that is ready at an address, or None."""
    connection = http.client.HTTPConnection(serving.host, serving.port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        said = json.loads(answer.read())
        return str(said["package"]) if answer.status == 200 else None
    except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _end(now: Running) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(now.pid, signal.SIGTERM)
    until = time.monotonic() + DRAIN_S
    while now.is_alive:
        if time.monotonic() > until:
            what = f"the server does not end, {DRAIN_S:g} s after it was asked to"
            raise Fault(what, where=f"process {now.pid}", remedy=f"wait, or end it with: kill -9 {now.pid}", retry=True)
        time.sleep(_LOOK_S)


def _born(pid: int) -> str:
    """When a process began, in ticks; empty where there is none, or it has ended and nobody has asked how."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if told[0] in "ZX" else told[19]


def _made_of(serving: Serving) -> str:
    told = (serving.folder / "loopline.yaml").read_bytes()
    return hashlib.sha256(told + f"{version('loopline')} {_url(serving)}".encode()).hexdigest()


def _url(serving: Serving) -> str:
    host = f"[{serving.host}]" if ":" in serving.host else serving.host
    return f"http://{host}:{serving.port}"


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Nobody else starts or stops a server of the project meanwhile."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = (home / "lock").open("ab")
    except OSError as error:
        raise Fault(f"the folder cannot be written to ({error.strerror})", where=str(home), remedy="check its permissions") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Mistake("another deployment is at work", where=str(home), remedy="wait until it has ended, and deploy again") from None
        yield
