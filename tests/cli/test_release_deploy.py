"""``loopline release deploy``: a real server is started, kept, replaced and ended; what is written is entered; mistakes are one line."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import time

import pytest

from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.ledger.entry import Draft
from loopline.ledger.store import Ledger
from tests.calling import call
from tests.cli.deciding import DECLARATION, loopline, make_project, refused
from tests.serve.packages import ROW, make_package
from tests.signing import vouch


@pytest.fixture
def project(tmp_path):
    """A folder and its champion; what was started in it is ended."""
    package = make_project(tmp_path)
    yield tmp_path, package
    try:
        pid = json.loads((tmp_path / ".loopline" / "server" / "pid.json").read_text())["pid"]
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def release(folder, *words, code=0):
    process = loopline(folder, "release", *words, "--json")
    out, err = process.communicate(timeout=100)
    assert process.returncode == code, err
    return json.loads(out)


def refused_apart(folder, *words):
    """As `refused`, of a command that starts a server, whose parent must end."""
    process = loopline(folder, *words)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2, err
    return err


def start(folder, port, *words):
    return release(folder, "deploy", "--to", "process", "--port", port, "--by", "ann", *words)


def ask(port, path="/readyz", body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET" if body is None else "POST", path, body)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def promote(folder):
    """The digest of another package that decides from now on."""
    lake = Lake(str(folder / ".loopline" / "lake"))
    package = make_package(lake, shift=0.1)
    with Ledger.open(f"sqlite:///{folder}/.loopline/ledger.db", "p") as ledger:
        vouch(ledger, Blobs(lake), package)
        ledger.append(Draft(kind="champion", subject=package, body={"why": "a test", "previous": None}))
    return package


def test_a_process_serves_follows_is_replaced_and_ends(project, port):
    folder, package = project
    first = start(folder, port)
    assert ask(port)[1]["package"] == package
    assert ask(port, "/v1/predict", json.dumps({"rows": [ROW]}))[0] == 200
    successor = promote(folder)
    kept = start(folder, port)
    assert (kept["facts"]["pid"], kept["facts"]["gap_s"], kept["package"]) == (first["facts"]["pid"], 0, successor)
    assert ask(port)[1]["package"] == successor
    (folder / "loopline.yaml").write_text(DECLARATION + "serve: {limits: {rows: 5}}\n")
    replaced = start(folder, port)
    assert replaced["facts"]["pid"] != first["facts"]["pid"]
    assert replaced["facts"]["gap_s"] > 0
    assert "requests were refused for" in replaced["facts"]["says"]
    assert ask(port, "/v1/predict", json.dumps({"rows": [ROW] * 6}))[0] == 413
    ended = release(folder, "deploy", "--to", "process", "--stop", "--by", "ann")
    assert ended["facts"]["pid"] == replaced["facts"]["pid"]
    with pytest.raises(OSError, match="refused"):
        ask(port)
    assert "no server runs that was started here" in refused(folder, "release", "deploy", "--to", "process", "--stop")
    listed = release(folder, "deployments")["deployments"]
    assert [(one["target"], one["state"], one["package"], one["by"]) for one in listed] == [
        ("process", "deployed", package, "ann"),
        ("process", "deployed", successor, "ann"),
        ("process", "deployed", successor, "ann"),
        ("process", "stopped", successor, "ann"),
    ]


def test_at_another_address_the_one_before_answers_until_the_new_one_is_ready(project, port):
    folder, package = project
    first = start(folder, port)["facts"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        other = taken.getsockname()[1]
        assert "the port is in use" in refused_apart(folder, "release", "deploy", "--to", "process", "--port", other)
    assert ask(port)[1]["package"] == package
    second = start(folder, other)["facts"]
    assert (second["gap_s"], second["pid"] != first["pid"]) == (0, True)
    assert ask(other)[1]["package"] == package
    with pytest.raises(OSError, match="refused"):
        ask(port)


def test_a_server_that_was_killed_is_started_again(project, port):
    folder, _ = project
    pid = start(folder, port)["facts"]["pid"]
    os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 10
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < until:
        time.sleep(0.05)
    again = start(folder, port)["facts"]
    assert (again["pid"] != pid, again["says"]) == (True, "started")


def test_a_server_is_ended_although_its_package_was_withdrawn(project, port):
    folder, package = project
    start(folder, port)
    with Ledger.open(f"sqlite:///{folder}/.loopline/ledger.db", "p") as ledger:
        ledger.append(Draft(kind="champion", subject="", body={"why": "a test", "previous": package}))
    assert "only a champion is deployed" in refused(folder, "release", "deploy", "--to", "process", "--port", port)
    assert release(folder, "deploy", "--to", "process", "--stop")["package"] == package


def test_a_port_in_use_is_one_line_and_nothing_is_entered(project, port):
    folder, _ = project
    with socket.create_server(("127.0.0.1", port)):
        said = refused_apart(folder, "release", "deploy", "--to", "process", "--port", port)
    assert "the port is in use" in said
    assert release(folder, "deployments") == {"deployments": []}


def test_a_dry_run_does_nothing(project, port):
    folder, _ = project
    assert start(folder, port, "--dry-run")["entry"] is None
    planned = release(folder, "deploy", "--to", "kubernetes", "--image", "shop:1", "--dry-run")
    assert "deployment.yaml" in planned["files"]
    assert planned["next"] == "loopline release deploy --to kubernetes --image shop:1"
    assert "ledger or lake lie on this machine" in planned["blocker"]
    assert not any("lie on this machine" in note for note in planned["notes"])
    assert not (folder / "deploy").exists()
    with pytest.raises(OSError, match="refused"):
        ask(port)
    assert release(folder, "deployments") == {"deployments": []}


def test_files_are_written_and_entered_with_their_digests(project):
    folder, package = project
    for to in ("systemd", "container"):
        made = release(folder, "deploy", "--to", to, "--output", str(folder / "out" / to))
        assert made["package"] == package
        assert all((folder / "out" / to / name).is_file() for name in made["files"])
    listed = release(folder, "deployments")["deployments"]
    assert [one["target"] for one in listed] == ["systemd", "container"]
    assert listed[-1]["files"] == made["files"]


def test_what_was_changed_by_hand_is_not_written_over(project):
    folder, _ = project
    release(folder, "deploy", "--to", "systemd")
    release(folder, "deploy", "--to", "systemd")
    file = folder / "deploy" / "systemd" / "user" / "loopline-p.service"
    file.write_text(file.read_text() + "# mine\n")
    assert "changed by hand; move it away" in refused(folder, "release", "deploy", "--to", "systemd")


def test_what_pods_would_not_find_is_refused_and_nothing_is_written(project):
    folder, _ = project
    said = refused(folder, "release", "deploy", "--to", "kubernetes")
    assert "ledger or lake lie on this machine, where pods do not find them; move them to PostgreSQL and an object store" in said
    assert not (folder / "deploy").exists()
    ended = call(["release", "deploy", "--to", "kubernetes", "--dry-run", "--folder", str(folder)], folder=folder, environment=os.environ)
    assert ended.out.startswith("it cannot serve there yet: ")
    assert ended.out.endswith("next: loopline release deploy --to kubernetes\n")


def test_only_a_champion_is_deployed(tmp_path):
    (tmp_path / "loopline.yaml").write_text(DECLARATION)
    assert "only a champion is deployed; loopline run" in refused(tmp_path, "release", "deploy", "--to", "kubernetes")


def test_bad_words_are_one_line_with_the_remedy(project):
    folder, _ = project
    assert "did you mean 'systemd'" in refused(folder, "release", "deploy", "--to", "systmd")
    assert "is no name of an image" in refused(folder, "release", "deploy", "--to", "container", "--image", "a b")
    assert "nothing runs that the target 'systemd' started" in refused(folder, "release", "deploy", "--to", "systemd", "--stop")
    (folder / "loopline.yaml").write_text(DECLARATION + "release: {targets: {ours: no function}}\n")
    assert "release.targets.ours" in refused(folder, "release", "deploy", "--to", "ours")
