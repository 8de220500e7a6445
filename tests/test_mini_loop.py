"""The example that explains the whole: short enough to be read, and true."""

import dataclasses
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[1] / "examples" / "mini_loop.py"


@pytest.fixture(scope="module")
def mini():
    spec = importlib.util.spec_from_file_location("mini_loop", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["mini_loop"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["mini_loop"]


@pytest.fixture
def ledger(mini):
    return mini.Ledger()


@pytest.fixture
def lake(mini):
    return mini.Lake()


def approve(ledger):
    package = [entry.body["package"] for entry in ledger if "package" in entry.body][-1]
    ledger.add("approval", package, role="business")


def test_it_has_at_most_300_lines_and_imports_only_the_standard_library():
    lines = EXAMPLE.read_text().splitlines()
    assert len(lines) <= 300
    imported = {line.split()[1].split(".")[0] for line in lines if line.startswith(("import ", "from "))}
    assert imported <= set(sys.stdlib_module_names)


def test_it_runs_and_tells_the_story():
    told = subprocess.run([sys.executable, EXAMPLE], capture_output=True, text=True, timeout=60, check=True).stdout
    marks = ["waiting for business", "keep", "Nothing has changed", "ALERT", "retrain", "the chain is intact"]
    places = [told.index(mark) for mark in marks]
    assert places == sorted(places)


def test_it_waits_for_a_person_and_goes_on_from_there(mini, ledger, lake):
    assert mini.turn(mini.SAID, ledger, lake)["release"].startswith("waiting for business")
    assert mini.fold(ledger).champion is None
    approve(ledger)
    ended = mini.turn(mini.SAID, ledger, lake)
    assert list(ended) == [stage.__name__ for stage in mini.STAGES]
    assert ended["model"].startswith("(cached)")
    assert mini.fold(ledger).champion in lake


def test_a_second_turn_computes_nothing(mini, ledger, lake):
    mini.turn(mini.SAID, ledger, lake)
    approve(ledger)
    mini.turn(mini.SAID, ledger, lake)
    before = len(ledger)
    assert all(says.startswith("(cached)") for says in mini.turn(mini.SAID, ledger, lake).values())
    assert len(ledger) == before


def test_a_changed_field_makes_only_what_reads_it_stale(mini, ledger, lake):
    mini.turn(mini.SAID, ledger, lake)
    approve(ledger)
    mini.turn(mini.SAID, ledger, lake)
    ended = mini.turn({**mini.SAID, "target": 50.0}, ledger, lake)
    assert [name for name, says in ended.items() if not says.startswith("(cached)")] == ["value"]
    assert "retrain" in ended["value"]


@pytest.mark.parametrize("killed", ["work_study", "work_ingest", "work_search", "work_gates"])
def test_killed_in_a_step_it_ends_in_the_same_state(mini, ledger, lake, killed, monkeypatch):
    class Killed(BaseException):
        pass

    def die(*_, **__):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(mini, killed, die)
        with pytest.raises(Killed):
            mini.turn(mini.SAID, ledger, lake)
    resumed = mini.turn(mini.SAID, ledger, lake)
    whole = mini.turn(mini.SAID, mini.Ledger(), mini.Lake())
    assert [says.removeprefix("(cached) ") for says in resumed.values()] == list(whole.values())


def test_a_challenger_that_earns_less_does_not_take_over(mini, ledger, lake):
    mini.turn(mini.SAID, ledger, lake)
    approve(ledger)
    mini.turn(mini.SAID, ledger, lake)
    champion = mini.fold(ledger).champion
    table = lake.put(mini.deliver(3))
    worse = lake.put({"weights": [0.0, -9.0, 0.0], "threshold": 0.5})
    gates = mini.work_gates(lake, worth=mini.SAID["worth"], package=worse, champion=champion, test=table)
    assert not gates["passed"]


@pytest.mark.parametrize("place", [0, 3, -1])
def test_a_changed_entry_is_found(mini, ledger, lake, place):
    mini.turn(mini.SAID, ledger, lake)
    assert ledger.first_bad() is None
    ledger[place] = dataclasses.replace(ledger[place], body={"says": "it never happened"})
    assert ledger.first_bad() == place % len(ledger)


def test_an_entry_that_was_taken_out_is_found(mini, ledger, lake):
    mini.turn(mini.SAID, ledger, lake)
    del ledger[2]
    assert ledger.first_bad() == 2
