"""``loopline serve``: its address and an example at once, or one line that says why not."""

from __future__ import annotations

import http.client
import json
import shlex
import socket

import pytest

from loopline.ledger.store import Ledger
from tests.cli.deciding import loopline, make_project, refused


@pytest.fixture
def project(tmp_path):
    return tmp_path, make_project(tmp_path)


def test_it_says_where_and_what_it_serves_and_ends_with_0(project):
    folder, package = project
    process = loopline(folder, "serve", "--port", 0, "--json")
    said = json.loads(process.stdout.readline())
    assert said["package"] == package
    connection = http.client.HTTPConnection(said["url"].removeprefix("http://"), timeout=10)
    connection.request("GET", "/readyz")
    assert connection.getresponse().status == 200
    connection.close()
    process.terminate()
    _, err = process.communicate(timeout=15)
    assert (process.returncode, err) == (0, "")
    with Ledger.open(f"sqlite:///{folder}/.loopline/ledger.db", "p") as ledger:
        began, usage = ledger.read(kinds=("usage",))
    assert (began.body["state"], usage.body["state"]) == ("began", "ended")
    assert usage.body["requests"] == 1 and usage.body["cost"] is None


def test_its_example_is_answered(project):
    folder, _ = project
    process = loopline(folder, "serve", "--port", 0)
    lines = [process.stdout.readline() for _ in range(3)]
    _, _, url, _, body = shlex.split(lines[2].removeprefix("try, as a decision of now that counts:"))
    connection = http.client.HTTPConnection(url.removeprefix("http://").split("/")[0], timeout=10)
    connection.request("POST", "/v1/predict", body)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    process.terminate()
    process.communicate(timeout=15)
    assert len(answer["predictions"]) == 1


def test_a_port_in_use_is_said_before_anything_starts(project):
    folder, _ = project
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"127.0.0.1:{port}: the port is in use; choose another with --port" in refused(folder, "serve", "--port", port)
    assert not (folder / ".loopline" / "lake" / "log").exists()


def test_at_every_address_the_example_names_one_that_can_be_called(project):
    process = loopline(project[0], "serve", "--host", "0.0.0.0", "--insecure", "--port", 0)
    lines = [process.stdout.readline() for _ in range(3)]
    process.terminate()
    process.communicate(timeout=15)
    assert lines[0].startswith("http://0.0.0.0:")
    assert lines[2].startswith("try, as a decision of now that counts: curl -s http://127.0.0.1:")


def test_an_open_address_needs_a_word(project):
    assert "--insecure" in refused(project[0], "serve", "--host", "0.0.0.0", "--port", 0)


def test_a_log_that_cannot_be_written_is_said_before_anything_starts(project):
    folder, _ = project
    (folder / ".loopline" / "lake" / "log").write_text("a file in the way")
    assert "the prediction log cannot be written" in refused(folder, "serve", "--port", 0)


def test_a_package_that_was_changed_is_not_served(project):
    folder, package = project
    (folder / ".loopline" / "lake" / "blobs" / package[:2] / package).write_bytes(b"{}")
    assert "changed" in refused(folder, "serve", "--port", 0)
