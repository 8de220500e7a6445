"""A server that is killed under load, again and again, and one whose disk fills up: nothing that was answered is lost, and it serves again."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from loopline.serve.segments import records
from tests.serve.packages import ROW, make_package
from tests.serve.running import Served

ON_A_SMALL_DISK = 'mount -t tmpfs -o size=256k tmpfs "$1" && shift && exec "$@"'
FILLED = """
import json, os, sys, time
sys.path.insert(0, os.getcwd())
from pathlib import Path
from tests.serve.packages import ROW, make_package
from tests.serve.running import Served
from loopline.serve.segments import records

folder, mode = Path(sys.argv[1]), sys.argv[2]
served = Served(folder, log=mode)
(folder / "lake").mkdir()
os.symlink(sys.argv[3], folder / "lake" / "log")
package = make_package(served.lake)
served.promote(package)
served.start().wait_for(package)
body = json.dumps({"rows": [ROW | {"city": "x" * 500}]})

def ask():
    connection = served.connection()
    connection.request("POST", "/v1/predict", body)
    response = connection.getresponse()
    return response.status, response.getheader("retry-after"), json.loads(response.read())

answered, shed = [], []
while len(shed) < 5:
    status, after, said = ask()
    assert status in (200, 503), said
    if status == 200:
        answered.append(said["predictions"][0]["id"])
    else:
        assert int(after) >= 1 and "prediction log cannot be written" in said["error"]["what"], said
        shed.append(said)
assert served.ask("GET", "/healthz")[0] == 200
# Room is made: what was collected is no longer needed in the log.
kept = {json.loads(line)["id"] for part in records(served.lake.log, "predictions") for line in part.lines}
for segment in (served.lake.log / "predictions").glob("*.jsonl"):
    segment.unlink()
for _ in range(100):
    status, _, said = ask()
    if status == 200:
        answered.append(said["predictions"][0]["id"])
        break
    time.sleep(0.02)
code, _, err = served.stop()
kept |= {json.loads(line)["id"] for part in records(served.lake.log, "predictions") for line in part.lines}
served.close()
print(json.dumps({"answered": len(answered), "lost": len(set(answered) - kept), "status": status, "code": code}))
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="there is no unshare")
@pytest.mark.parametrize("mode", ["durable", "async"])
def test_a_full_disk_sheds_and_serves_again_once_there_is_room(tmp_path, mode):
    (tmp_path / "disk").mkdir()
    (tmp_path / "work").mkdir()
    shell = ["unshare", "-rm", "sh", "-c", ON_A_SMALL_DISK, "sh", str(tmp_path / "disk"), sys.executable, "-c", FILLED]
    done = subprocess.run([*shell, str(tmp_path / "work"), mode, str(tmp_path / "disk")], capture_output=True, text=True, timeout=120, env=os.environ)
    if "mount" in done.stderr or "unshare" in done.stderr:
        pytest.skip("this user cannot make a small disk")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["answered"] > 50
    assert (said["lost"], said["status"], said["code"]) == (0, 200, 0)


@pytest.mark.parametrize("kills", [2, pytest.param(50, marks=[pytest.mark.torture, pytest.mark.timeout(1800)])])
def test_a_killed_server_has_logged_every_answer_and_is_soon_back(tmp_path, kills):
    chance = random.Random(7)
    served = Served(tmp_path)
    package = make_package(served.lake)
    served.promote(package)
    answered, starts = [], []
    load = [sys.executable, "-m", "bench.load", "--count", "1000000", "--seconds", "30", "--connections", "8"]
    (tmp_path / "body.json").write_text(json.dumps({"rows": [ROW]}))
    for number in range(kills):
        since = time.monotonic()
        served.start().wait_for(package)
        starts.append(time.monotonic() - since)
        ids = tmp_path / f"ids-{number}"
        words = [*load, f"http://127.0.0.1:{served.port}/v1/predict", str(tmp_path / "body.json"), "--ids", str(ids)]
        client = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        while not ids.exists() or not ids.stat().st_size:
            time.sleep(0.01)
        time.sleep(chance.random() * 0.5)
        os.kill(served.process.pid, signal.SIGKILL)
        served.process.communicate()
        client.wait(60)
        answered += ids.read_text().splitlines()
    logged = {json.loads(line)["id"] for part in records(served.lake.log, "predictions") for line in part.lines}
    served.close()
    print(f"{kills} kills, {len(answered):,} answers, slowest start {max(starts):.2f} s")
    assert len(answered) > 10 * kills
    assert not set(answered) - logged
    if kills > 10:
        assert sorted(starts)[len(starts) // 2] <= 2
