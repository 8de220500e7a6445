"""The image: only what serving needs, by hashes, as nobody; its packages really serve with nothing beside them."""

import http.client
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tarfile
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.ledger.entry import Draft
from loopline.ledger.store import Ledger
from loopline.release.deploy.container import INSTALL, LOCK, containerfile, files, source, target
from loopline.serve.lookups import pack
from loopline.serve.published import KIND, sheet_of
from tests.cli.deciding import DECLARATION, make_project
from tests.release.deploying import serving
from tests.serve.packages import LOOKUP, ROW, scorer_of

REPOSITORY = Path(__file__).parents[3]
MOST_BYTES = 250_000_000
BARE = [os.path.realpath(sys.executable), "-S"]
NEVER = ("polars", "sklearn", "scipy", "lightgbm", "deltalake", "duckdb", "optuna", "onnx", "pandas")
_AWAY = re.compile("Failed to fetch|Could not connect|error sending request|dns error|network", re.IGNORECASE)


def stages(text):
    """From each stage of a Containerfile to its instructions, as (word, rest)."""
    found = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            if word == "FROM":
                found.append([])
            if found:
                found[-1].append((word, rest))
    return found


def pins(lock):
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock.read_text(), flags=re.MULTILINE))


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """What the Containerfile's first stage makes: the packages of the lock, and Loopline itself."""
    if sys.version_info[:2] != (3, 11):
        pytest.skip("the lock is for Python 3.11")
    folder = tmp_path_factory.mktemp("image") / "packages"
    words = INSTALL.removeprefix("python -m pip ").replace("--no-cache-dir ", "").replace("/packages", shlex.quote(str(folder)))
    ended = subprocess.run([sys.executable, "-m", "uv", "pip", *shlex.split(words)], cwd=LOCK.parent, capture_output=True, text=True, timeout=170)
    if ended.returncode and _AWAY.search(ended.stderr):
        pytest.skip("no network: the packages of the image cannot be fetched")
    assert ended.returncode == 0, ended.stderr
    with tarfile.open(fileobj=io.BytesIO(source())) as archive:
        archive.extractall(folder, filter="data")
    return folder


def alone(packages):
    """The environment of the image: its packages, and nothing of the tests'."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(packages), "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(packages.parent)}


def asked_of(packages, folder, row=ROW):
    """What a server of the image answers to a prediction with reasons: the status and the body; it ends in order."""
    words = [*BARE, "-X", "importtime", "-m", "loopline.cli.main", "serve", "--folder", str(folder), "--port", "0", "--json"]
    with (folder / "imports").open("w") as said, subprocess.Popen(words, cwd=folder, env=alone(packages), stdout=subprocess.PIPE, stderr=said) as server:
        try:
            url = json.loads(server.stdout.readline())["url"]
            connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
            connection.request("POST", "/v1/predict?reasons=2", json.dumps({"rows": [row]}))
            answer = connection.getresponse()
            told = json.loads(answer.read())
            connection.close()
        finally:
            server.terminate()
            server.wait(30)
    assert server.returncode == 0
    return answer.status, told


def loaded(folder):
    """What that server imported, by the names of packages."""
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in (folder / "imports").read_text().splitlines() if "|" in line}


def test_the_packages_take_at_most_250_mb(packages):
    assert sum(path.stat().st_size for path in packages.rglob("*") if path.is_file()) <= MOST_BYTES


def test_they_serve_with_nothing_else_on_the_path(packages, tmp_path):
    """A bare interpreter without its own packages, as the image has it: ready, a prediction with its reasons, and an orderly end."""
    make_project(tmp_path)
    status, told = asked_of(packages, tmp_path)
    assert status == 200
    assert len(told["predictions"][0]["reasons"]) == 2
    assert "onnxruntime" in loaded(tmp_path)
    assert not loaded(tmp_path) & {*NEVER, "alembic"}


def test_they_look_up_what_is_published(packages, tmp_path):
    package = make_project(tmp_path, lookup=LOOKUP)
    lake = Lake(str(tmp_path / ".loopline" / "lake"))
    with Ledger.open(f"sqlite:///{tmp_path}/.loopline/ledger.db", "p") as ledger:
        scorer = scorer_of(lake, package)
        (lookup,) = scorer.lookups.all
        table = pl.LazyFrame({"city": ["Bern"], "since": [datetime(2024, 1, 1)], "amount": [1000.0]})
        sheet, _ = sheet_of(table, lookup, {column.name: column for column in scorer.signature.columns}, version=1)
        ledger.append(Draft(kind=KIND, subject=lookup.digest, body={"blob": Blobs(lake).put(pack(sheet))}))
    status, told = asked_of(packages, tmp_path, {"age": 30, "city": "Bern", "at": "2024-02-01T00:00:00"})
    assert (status, told["predictions"][0]["looked_up"]["incomes"]["values"]) == (200, {"income": 1000.0})
    assert not loaded(tmp_path) & {*NEVER}


def test_they_make_a_ledger_where_none_is_mounted(packages, tmp_path):
    (tmp_path / "loopline.yaml").write_text(DECLARATION)
    status, told = asked_of(packages, tmp_path)
    assert status == 503
    assert "no package has been released yet" in told["error"]["what"]


def test_they_reach_postgresql_and_an_object_store(packages):
    told = "import sqlalchemy, obstore.store; sqlalchemy.create_engine('postgresql+psycopg://h/d'); obstore.store.from_url('s3://bucket/x', region='r')"
    subprocess.run([*BARE, "-c", told], env=alone(packages), check=True, timeout=60)


def test_the_lock_holds_what_the_project_s_lock_holds():
    ours, whole = pins(LOCK), pins(REPOSITORY / "requirements.lock")
    assert {name: whole.get(name) for name in ours} == ours
    assert not set(NEVER) & set(ours)


def test_every_package_is_pinned_by_hash():
    blocks = re.split(r"^(?=[a-z0-9-]+==)", LOCK.read_text(), flags=re.MULTILINE)[1:]
    assert len(blocks) > 20
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in LOCK.read_text()


def test_the_image_is_made_in_stages_and_runs_as_nobody(tmp_path):
    text = containerfile(serving(tmp_path))
    made, run = stages(text)
    assert ("RUN", INSTALL) in made
    words = [word for word, _ in run]
    assert dict(run)["USER"].split(":")[0] not in ("0", "root")
    assert {"HEALTHCHECK", "ENTRYPOINT", "CMD", "LABEL", "EXPOSE"} <= set(words)
    assert words.index("USER") > max(index for index, word in enumerate(words) if word == "RUN")
    assert "ab" * 32 in dict(run)["LABEL"]


def test_what_it_starts_is_a_command_that_is_there(tmp_path):
    run = dict(stages(containerfile(serving(tmp_path)))[1])
    entry, words = json.loads(run["ENTRYPOINT"]), json.loads(run["CMD"])
    assert entry[:4] == ["python", "-P", "-m", "loopline.cli.main"]
    ended = subprocess.run([sys.executable, *entry[1:4], "serve", "--help"], capture_output=True, text=True, timeout=60, check=True)
    assert all(word in ended.stdout for word in [*entry, *words] if word.startswith("--"))
    probe = json.loads(run["HEALTHCHECK"].partition("CMD ")[2])
    compile(probe[2], "probe", "exec")


def test_all_that_is_copied_is_written_and_nothing_else_is_sent(tmp_path):
    held = files(serving(tmp_path))
    copied = {rest.split()[0] for stage in stages(held["Containerfile"]) for word, rest in stage if word in ("COPY", "ADD") and "--from" not in rest}
    assert copied == held.keys() - {"Containerfile", ".containerignore"}
    ignore = held[".containerignore"].split()
    assert ignore[0] == "*"
    assert {line.removeprefix("!") for line in ignore[1:]} == copied


def test_loopline_s_own_files_are_packed_alike_each_time():
    first = source()
    assert first == source()
    with tarfile.open(fileobj=io.BytesIO(first)) as archive:
        names = set(archive.getnames())
    assert {"loopline/cli/serve.py", "loopline/py.typed", "loopline/release/deploy/serving.lock"} <= names
    assert not [name for name in names if "__pycache__" in name]


def test_how_to_run_it_mounts_what_the_server_writes_to(tmp_path):
    asked = serving(tmp_path, rooms=(tmp_path / ".loopline", tmp_path / "lake", Path("/var/lib/else")))
    words = shlex.split(target(asked).notes[1])
    mounts = [words[index + 1] for index, word in enumerate(words) if word == "--volume"]
    assert mounts == [f"{tmp_path}/.loopline:/project/.loopline", f"{tmp_path}/lake:/project/lake", "/var/lib/else:/var/lib/else"]
    assert {"--read-only", "no-new-privileges", "384m"} <= set(words)


def test_a_project_s_name_stays_one_label(tmp_path):
    asked = serving(tmp_path, project="a.b-C")
    assert 'title="a.b-C"' in containerfile(asked)
    assert asked.image_name == "loopline-a-b-c:" + "ab" * 6


def test_callers_are_asked_for_tokens_where_there_are_any(tmp_path):
    open_to_all, asking = target(serving(tmp_path)), target(serving(tmp_path, has_tokens=True))
    assert "--insecure" in open_to_all.files["Containerfile"] and any("nobody has a token" in note for note in open_to_all.notes)
    assert "--insecure" not in asking.files["Containerfile"] and "callers need a token" in asking.notes
