"""Targets are found by name, one's own like the built-in ones, and what they plan stays in its folder."""

import subprocess
from importlib.metadata import EntryPoint

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.errors import Mistake
from loopline.release.deploy import target as module
from loopline.release.deploy.target import TARGETS, Plan, carried_out, find, known, planned
from tests.release.deploying import serving


@pytest.mark.parametrize("name", TARGETS)
def test_built_in_targets_plan_without_doing_anything(name, tmp_path):
    asked = serving(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    plan = planned(name, find(name, {}, tmp_path), asked)
    assert sorted(tmp_path.rglob("*")) == before
    assert plan.files or plan.launch


@pytest.mark.parametrize("name", [name for name in TARGETS if name != "process"])
def test_what_is_written_names_the_package(name, tmp_path):
    asked = serving(tmp_path)
    texts = [held for held in planned(name, find(name, {}, tmp_path), asked).files.values() if isinstance(held, str)]
    assert any(asked.package in text for text in texts)


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]*", fullmatch=True))
def test_the_name_is_one_that_hosts_may_have(tmp_path_factory, project):
    asked = serving(tmp_path_factory.mktemp("named"), project=project)
    assert len(asked.name) <= 40
    assert asked.name[-1].isalnum()
    assert set(asked.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_one_s_own_stands_beside_the_declaration(tmp_path):
    (tmp_path / "own_target_beside.py").write_text(
        "from loopline.release.deploy.target import Plan\n\n\ndef target(serving):\n    return Plan(files={'note': serving.package})\n"
    )
    target = find("ours", {"ours": "own_target_beside:target"}, tmp_path)
    assert planned("ours", target, serving(tmp_path)).files == {"note": "ab" * 32}


def test_packages_offer_targets_by_an_entry_point_but_none_that_is_built_in(monkeypatch):
    offered = [EntryPoint("edge", "theirs:target", module.GROUP), EntryPoint("process", "theirs:process", module.GROUP)]
    monkeypatch.setattr(module, "entry_points", lambda group: offered)
    assert known({})["edge"] == "theirs:target"
    assert known({"process": "ours:process"})["process"] == TARGETS["process"]


def test_a_name_that_is_none_is_answered_with_the_nearest(tmp_path):
    with pytest.raises(Mistake, match="did you mean 'kubernetes'"):
        find("kubernets", {}, tmp_path)
    with pytest.raises(Mistake, match="there are: container, kubernetes, mine, process, systemd"):
        find("x", {"mine": "a:b"}, tmp_path)


def test_a_module_that_is_not_there_is_a_mistake(tmp_path):
    with pytest.raises(Mistake, match="'mine' cannot be loaded"):
        find("mine", {"mine": "no_such_module_here:target"}, tmp_path)


@pytest.mark.parametrize("made", [None, "files", Plan(files={"../out": ""}), Plan(files={"/out": ""})])
def test_what_is_no_plan_is_refused(made, tmp_path):
    with pytest.raises(Mistake, match="no Plan|outside the output folder"):
        planned("mine", lambda asked: made, serving(tmp_path))


def test_a_target_that_fails_is_a_mistake_with_its_reason(tmp_path):
    def broken(*_):
        return subprocess.run(["no-such-command-here"], check=True)

    with pytest.raises(Mistake, match="'mine' failed: FileNotFoundError"):
        planned("mine", broken, serving(tmp_path))
    with pytest.raises(Mistake, match="'mine' failed: FileNotFoundError"):
        carried_out("mine", broken)
    with pytest.raises(Mistake, match="no facts as plain values"):
        carried_out("mine", lambda: {"at": object()})
