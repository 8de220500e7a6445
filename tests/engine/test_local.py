import os
import signal
import subprocess
import sys
import time

import pytest

from loopline.engine.local import LocalEngine, resolve
from loopline.engine.step import Step, source_digest


def double(number):
    return 2 * number


def step(**changed):
    said = {"stage": "data", "name": "ingest", "function": "m:f", "reads": {"a": 1}, "inputs": {"b": [1]}, "rooms": ("data",), **changed}
    return Step(**said)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_map_keeps_the_order(workers):
    assert list(LocalEngine(workers).map(abs, [-3, 1, -2])) == [3, 1, 2]


def test_a_function_is_found_by_name():
    assert resolve("loopline.engine.local:resolve") is resolve


@pytest.mark.parametrize("changed", [{"reads": {"a": 2}}, {"inputs": {"b": [2]}}, {"name": "other"}, {"stage": "model"}, {"rooms": ("model",)}])
def test_whatever_a_step_is_made_from_is_in_its_key(changed):
    assert step().key == step().key
    assert step(**changed).key != step().key


def test_the_order_of_fields_is_not_in_the_key():
    assert step(reads={"a": 1, "c": 2}).key == step(reads={"c": 2, "a": 1}).key


def test_a_room_is_a_folder_or_a_module():
    assert source_digest("declaration.py") != source_digest("expression")


def slowly(seconds):
    time.sleep(seconds)
    return os.getpid()


def fails(_):
    raise ValueError("it cannot be done")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_pool_gives_results_and_failures_to_whoever_asks(workers):
    with LocalEngine(workers).pool(workers) as pool:
        done, failed = pool.submit(double, 21), pool.submit(fails, 0)
        assert done.result() == 42
        with pytest.raises(ValueError, match="cannot be done"):
            failed.result()


def test_one_worker_does_its_work_when_it_is_asked_for_and_not_once_the_time_is_over():
    with LocalEngine(1).pool(1) as pool:
        work = pool.submit(slowly, 0)
        with pytest.raises(TimeoutError):
            work.result(timeout=0)
        assert not work.done()
        assert work.result() == os.getpid()


def test_work_that_has_not_ended_is_given_up_when_the_pool_is_left():
    since = time.monotonic()
    with LocalEngine(2).pool(2) as pool:
        pool.submit(double, 1).result()
        pool.submit(slowly, 60)
    assert time.monotonic() - since < 30


def test_workers_end_with_a_parent_that_is_killed():
    code = (
        "import os, signal\nfrom loopline.engine.local import LocalEngine\n"
        "if __name__ == '__main__':\n"
        "    with LocalEngine(2).pool(2) as pool:\n"
        "        print(*{pool.submit(os.getpid).result() for _ in range(4)}, flush=True)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    # The workers hold its output: it is at an end only when they are.
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL and ended.stdout.split()
